//! Actions: a set is data, not code. An action is written as a word: `x0.5`, `bb1`, `ritz-short`, `accept`, `retry-x0.5`, `roll-back-x0.25`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::acceptance::Acceptance;
use crate::controller::Decision;
use crate::learning_rate::bounded;
use crate::observation::Observation;

/// One change of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Action {
    /// `x2`: the last rate times a factor.
    Scale(f64),
    /// `bb1`: the long Barzilai-Borwein step sᵀs/sᵀy.
    LongBarzilaiBorwein,
    /// `bb2`: the short one sᵀy/yᵀy.
    ShortBarzilaiBorwein,
    /// `ritz-short`: 1/θ_max of the last three gradients' Ritz values.
    ShortRitz,
    /// `ritz-mid`: the middle one.
    MidRitz,
    /// `ritz-long`: 1/θ_min.
    LongRitz,
    /// `accept`: the waiting trial becomes the base point.
    Accept,
    /// `retry-x0.5`: from the same base point again, with the last rate times a factor.
    Retry(f64),
    /// `residual-x2`: the policy's factor on the anchor's rate times a factor (stochastic regime).
    Residual(f64),
    /// `roll-back-x0.25`: to the last snapshot, with the rate times a factor (stochastic regime).
    RollBack(f64),
}

/// A word that is no action, or a set that cannot work.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ActionError {
    /// Not an action.
    #[error(
        "unknown action `{word}`; actions are xF, bb1, bb2, ritz-short, ritz-mid, ritz-long, accept, retry-xF, \
         residual-xF and roll-back-xF with a factor F > 0"
    )]
    Unknown {
        /// The word.
        word: String,
    },
    /// Not a preset.
    #[error("unknown action set `{name}`{}; sets are {}", crate::near::hint(.near), ActionSet::PRESETS.join(", "))]
    UnknownSet {
        /// The name.
        name: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// Something is wrong with a set.
    #[error("action set `{set}`: {fault}")]
    Set {
        /// The set.
        set: String,
        /// What and how to mend it.
        fault: &'static str,
    },
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(word: &str) -> Result<Self, ActionError> {
        let unknown = || ActionError::Unknown {
            word: word.to_owned(),
        };
        let factor = |text: &str| match text.parse::<f64>() {
            Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(factor),
            _ => Err(unknown()),
        };
        Ok(match word {
            "bb1" => Self::LongBarzilaiBorwein,
            "bb2" => Self::ShortBarzilaiBorwein,
            "ritz-short" => Self::ShortRitz,
            "ritz-mid" => Self::MidRitz,
            "ritz-long" => Self::LongRitz,
            "accept" => Self::Accept,
            _ => {
                if let Some(rest) = word.strip_prefix("retry-x") {
                    Self::Retry(factor(rest)?)
                } else if let Some(rest) = word.strip_prefix("residual-x") {
                    Self::Residual(factor(rest)?)
                } else if let Some(rest) = word.strip_prefix("roll-back-x") {
                    Self::RollBack(factor(rest)?)
                } else if let Some(rest) = word.strip_prefix('x') {
                    Self::Scale(factor(rest)?)
                } else {
                    return Err(unknown());
                }
            }
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale(factor) => write!(f, "x{factor}"),
            Self::LongBarzilaiBorwein => f.write_str("bb1"),
            Self::ShortBarzilaiBorwein => f.write_str("bb2"),
            Self::ShortRitz => f.write_str("ritz-short"),
            Self::MidRitz => f.write_str("ritz-mid"),
            Self::LongRitz => f.write_str("ritz-long"),
            Self::Accept => f.write_str("accept"),
            Self::Retry(factor) => write!(f, "retry-x{factor}"),
            Self::Residual(factor) => write!(f, "residual-x{factor}"),
            Self::RollBack(factor) => write!(f, "roll-back-x{factor}"),
        }
    }
}

impl TryFrom<String> for Action {
    type Error = ActionError;

    fn try_from(word: String) -> Result<Self, ActionError> {
        word.parse()
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        action.to_string()
    }
}

/// What the rate becomes after a trial was accepted by an `accept` action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterAccept {
    /// α₀ again, as the paper has it.
    #[default]
    StartRate,
    /// The rate that was just accepted.
    SameRate,
    /// Twice the rate that was just accepted.
    TwiceTheRate,
    /// BB1 of the accepted step.
    BarzilaiBorwein,
}

/// The actions of a policy, and the rules around them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSet {
    /// A name for tables.
    pub name: String,
    /// In the order of the network's outputs.
    pub actions: Vec<Action>,
    /// Who accepts a trial.
    pub acceptance: Acceptance,
    /// After a rejection every rate is at most this share of the rejected one; none leaves that to the policy.
    #[serde(default)]
    pub backtrack: Option<f64>,
    /// For sets with `accept`.
    #[serde(default)]
    pub after_accept: AfterAccept,
}

impl ActionSet {
    /// The names that [`preset`](Self::preset) knows.
    pub const PRESETS: [&str; 7] = [
        "v1",
        "v2",
        "multiplicative",
        "wide",
        "barzilai-borwein",
        "proposals",
        "residual",
    ];

    /// A set by name.
    ///
    /// - `v1` {accept, retry-x0.5} and `v2` {accept, retry-x0.5, retry-x2}: the paper's, the rate returns to α₀ after `accept`;
    /// - `multiplicative` {x0.5, x1, x2} and `wide` {x0.1, x0.5, x1, x2, x10} under the GLL rule;
    /// - `barzilai-borwein` {bb1, bb2} and `proposals` {bb1, bb2, ritz-short, ritz-mid, ritz-long} under the GLL rule;
    /// - `residual` {residual-x0.5, residual-x1, residual-x2}: the stochastic regime's, on a rule that finds the rate.
    ///
    /// # Errors
    /// [`ActionError::UnknownSet`].
    pub fn preset(name: &str) -> Result<Self, ActionError> {
        use Action::{
            Accept, LongBarzilaiBorwein, LongRitz, MidRitz, Residual, Retry, Scale,
            ShortBarzilaiBorwein, ShortRitz,
        };
        let (actions, acceptance, backtrack) = match name {
            "v1" => (vec![Accept, Retry(0.5)], Acceptance::Chosen, None),
            "v2" => (
                vec![Accept, Retry(0.5), Retry(2.0)],
                Acceptance::Chosen,
                None,
            ),
            "multiplicative" => (
                vec![Scale(0.5), Scale(1.0), Scale(2.0)],
                Acceptance::GLL,
                Some(0.5),
            ),
            "wide" => (
                vec![Scale(0.1), Scale(0.5), Scale(1.0), Scale(2.0), Scale(10.0)],
                Acceptance::GLL,
                Some(0.5),
            ),
            "barzilai-borwein" => (
                vec![LongBarzilaiBorwein, ShortBarzilaiBorwein],
                Acceptance::GLL,
                Some(0.5),
            ),
            "proposals" => (
                vec![
                    LongBarzilaiBorwein,
                    ShortBarzilaiBorwein,
                    ShortRitz,
                    MidRitz,
                    LongRitz,
                ],
                Acceptance::GLL,
                Some(0.5),
            ),
            "residual" => (
                vec![Residual(0.5), Residual(1.0), Residual(2.0)],
                Acceptance::Always,
                None,
            ),
            _ => {
                return Err(ActionError::UnknownSet {
                    name: name.to_owned(),
                    near: crate::near::matches(name, Self::PRESETS.into_iter()),
                });
            }
        };
        Ok(Self {
            name: name.to_owned(),
            actions,
            acceptance,
            backtrack,
            after_accept: AfterAccept::default(),
        })
    }

    /// Whether the set can work.
    ///
    /// # Errors
    /// [`ActionError::Set`] for an empty set, `accept` or `retry` under a rule that accepts by itself, the reverse, or a backtrack outside (0, 1).
    pub fn validate(&self) -> Result<(), ActionError> {
        let chooses = |a: &Action| matches!(a, Action::Accept | Action::Retry(_));
        let fault = if self.actions.len() < 2 {
            "it needs at least two actions"
        } else if self.acceptance == Acceptance::Chosen && !self.actions.iter().all(chooses) {
            "under the acceptance `chosen` every action is accept or retry-xF"
        } else if self.acceptance == Acceptance::Chosen && !self.actions.contains(&Action::Accept) {
            "under the acceptance `chosen` one action must be accept"
        } else if self.acceptance != Acceptance::Chosen && self.actions.iter().any(chooses) {
            "accept and retry-xF need the acceptance `chosen`"
        } else if self.backtrack.is_some_and(|b| !(b > 0.0 && b < 1.0)) {
            "backtrack must lie between 0 and 1"
        } else {
            return Ok(());
        };
        Err(ActionError::Set {
            set: self.name.clone(),
            fault,
        })
    }

    /// Whether any action reads Ritz steps.
    pub fn wants_ritz(&self) -> bool {
        self.actions
            .iter()
            .any(|a| matches!(a, Action::ShortRitz | Action::MidRitz | Action::LongRitz))
    }

    /// The index of the action that changes least: `x1`, else `residual-x1`, else `accept`, else the first.
    pub fn keep(&self) -> usize {
        let find = |wanted| self.actions.iter().position(|a| *a == wanted);
        find(Action::Scale(1.0))
            .or_else(|| find(Action::Residual(1.0)))
            .or_else(|| find(Action::Accept))
            .unwrap_or(0)
    }

    /// The index of the largest q-value among the actions that can be carried out: a roll-back needs something to return to.
    pub fn greedy(&self, q: &[f32], o: &Observation) -> usize {
        let possible = |index: usize| {
            o.window.can_roll_back || !matches!(self.actions.get(index), Some(Action::RollBack(_)))
        };
        let mut best: Option<usize> = None;
        for (index, value) in q.iter().enumerate() {
            if possible(index) && !value.is_nan() && best.is_none_or(|best| *value > q[best]) {
                best = Some(index);
            }
        }
        best.unwrap_or_else(|| self.keep())
    }

    /// What the action at `index` means now. An index outside the set counts as [`keep`](Self::keep).
    pub fn decide(&self, index: usize, o: &Observation) -> Decision {
        let index = if index < self.actions.len() {
            index
        } else {
            self.keep()
        };
        let c = &o.curvature;
        let retry = |rate| Decision::rate(rate, Some(index));
        let proposal = |step: Option<f64>| retry(step.unwrap_or(o.start_rate));
        let mut decision = match self.actions[index] {
            Action::Scale(factor) | Action::Retry(factor) => retry(factor * o.rate),
            Action::Residual(factor) => retry(factor * o.window.residual * o.window.anchor_rate),
            Action::LongBarzilaiBorwein => proposal(c.bb1()),
            Action::ShortBarzilaiBorwein => proposal(c.bb2()),
            Action::ShortRitz => proposal(c.ritz().map(|r| r.short)),
            Action::MidRitz => proposal(c.ritz().map(|r| r.mid)),
            Action::LongRitz => proposal(c.ritz().map(|r| r.long)),
            Action::RollBack(factor) => Decision {
                roll_back: true,
                ..retry(factor * o.rate)
            },
            // A trial that is not finite cannot be accepted: it counts as a halving.
            Action::Accept if !o.trial_value.is_finite() => retry(0.5 * o.rate),
            Action::Accept => Decision {
                accept: Some(self.after_accept),
                ..retry(o.rate)
            },
        };
        if let (Some(share), true) = (self.backtrack, o.rejections > 0) {
            decision.rate = decision.rate.min(share * o.rate);
        }
        decision.rate = bounded(decision.rate);
        decision
    }
}

impl AfterAccept {
    /// The next trial's rate, once the accepted step is recorded.
    pub(crate) fn rate(self, o: &Observation) -> f64 {
        bounded(match self {
            Self::StartRate => o.start_rate,
            Self::SameRate => o.rate,
            Self::TwiceTheRate => 2.0 * o.rate,
            Self::BarzilaiBorwein => o.curvature.bb1().unwrap_or(o.start_rate),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::tests::step;

    #[test]
    fn words_and_actions_are_the_same_thing() {
        for preset in ActionSet::PRESETS {
            let set = ActionSet::preset(preset).unwrap();
            set.validate().unwrap();
            for action in &set.actions {
                assert_eq!(action.to_string().parse(), Ok(*action));
            }
            let json = serde_json::to_string(&set).unwrap();
            assert_eq!(serde_json::from_str::<ActionSet>(&json).unwrap(), set);
        }
        for wrong in ["x", "x-1", "xinf", "bb3", "retry-x0", ""] {
            assert!(wrong.parse::<Action>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_that_cannot_work_are_refused() {
        let mut set = ActionSet::preset("v1").unwrap();
        set.acceptance = Acceptance::GLL;
        assert!(set.validate().is_err());
        let mut set = ActionSet::preset("wide").unwrap();
        set.backtrack = Some(1.0);
        assert!(set.validate().is_err());
        assert!(
            matches!(ActionSet::preset("propsals"), Err(ActionError::UnknownSet { near, .. }) if near == ["proposals"])
        );
    }

    #[test]
    fn rates_by_hand() {
        let proposals = ActionSet::preset("proposals").unwrap();
        let mut o = Observation::at_start(10.0, 4.0, 0.5, true);
        assert_eq!(
            proposals.decide(1, &o).rate,
            0.5,
            "before the first step every proposal is the start rate"
        );
        o.record_trial(0.5, 20.0);
        o.record_rejection();
        assert_eq!(
            proposals.decide(0, &o).rate,
            0.25,
            "half of the rejected rate"
        );
        o.record_trial(0.25, 5.0);
        o.record_acceptance(&step(&[-0.5, 0.0], &[2.0, 0.0], &[1.0, 1.0]));
        // s = (-.5, 0), y = (-1, 1): BB1 = .25/.5, BB2 = .5/2
        assert_eq!(
            (proposals.decide(0, &o).rate, proposals.decide(1, &o).rate),
            (0.5, 0.25)
        );
        assert_eq!(
            ActionSet::preset("multiplicative")
                .unwrap()
                .decide(2, &o)
                .rate,
            0.5
        );
        let v1 = ActionSet::preset("v1").unwrap();
        assert_eq!(v1.decide(0, &o).accept, Some(AfterAccept::StartRate));
        o.record_trial(0.25, f64::NAN);
        assert_eq!(v1.decide(0, &o).accept, None);
    }
}
