//! Actions: a set is data, not code. An action is written as a word: `x0.5`, `bb1`, `ritz-short`, `span-bb2-x1.5`, `accept`,
//! `retry-x0.5`, `roll-back-x0.25`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::acceptance::Acceptance;
use crate::backtrack::Backtrack;
use crate::controller::Decision;
use crate::learning_rate::bounded;
use crate::observation::Observation;
use crate::plane::PlaneStep;
use crate::proposal::Proposal;

/// One change of the learning rate, or of the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Action {
    /// `x2`: the last rate times a factor.
    Scale(f64),
    /// `bb1`, `bb2`, `ritz-short`, `ritz-mid`, `ritz-long`: a rate that the curvature suggests.
    Propose(Proposal),
    /// `span-bb2-x1.5`: the minimiser of the quadratic model over span{g, s}, s the last step, with gᵀHg taken for a factor times |g|²
    /// over the proposal ([`Plane::minimiser`](crate::plane::Plane::minimiser)); `span-bb2` has the factor 1. Without positive
    /// curvature, before the first step, and where rounding leaves no direction of descent it is `bb2`.
    Span(Proposal, f64),
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
        "unknown action `{word}`; actions are xF, bb1, bb2, ritz-short, ritz-mid, ritz-long, span-PROPOSAL and span-PROPOSAL-xF with one \
         of these five, accept, retry-xF, residual-xF and roll-back-xF with a factor F > 0"
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
        let proposal = |text: &str| text.parse::<Proposal>().map_err(|_| unknown());
        Ok(match word {
            "accept" => Self::Accept,
            _ => {
                if let Ok(proposal) = word.parse() {
                    Self::Propose(proposal)
                } else if let Some(rest) = word.strip_prefix("span-") {
                    match rest.split_once("-x") {
                        Some((name, times)) => Self::Span(proposal(name)?, factor(times)?),
                        None => Self::Span(proposal(rest)?, 1.0),
                    }
                } else if let Some(rest) = word.strip_prefix("retry-x") {
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
            Self::Propose(proposal) => f.write_str(proposal.word()),
            Self::Span(proposal, 1.0) => write!(f, "span-{}", proposal.word()),
            Self::Span(proposal, factor) => write!(f, "span-{}-x{factor}", proposal.word()),
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
    /// After a rejection no step is longer than this share of the rejected one; none leaves that to the policy.
    #[serde(default)]
    pub backtrack: Option<Backtrack>,
    /// For sets with `accept`.
    #[serde(default)]
    pub after_accept: AfterAccept,
}

impl ActionSet {
    /// The names that [`preset`](Self::preset) knows.
    pub const PRESETS: [&str; 10] = [
        "v1",
        "v2",
        "v1-warm",
        "v2-warm",
        "multiplicative",
        "wide",
        "barzilai-borwein",
        "proposals",
        "span",
        "residual",
    ];

    /// A set by name.
    ///
    /// - `v1` {accept, retry-x0.5} and `v2` {accept, retry-x0.5, retry-x2}: the paper's, the rate returns to α₀ after `accept`;
    /// - `v1-warm` and `v2-warm`: the same actions, but after `accept` the next trial is made at twice the accepted rate (v1) or at it (v2);
    /// - `multiplicative` {x0.5, x1, x2} and `wide` {x0.1, x0.5, x1, x2, x10} under the GLL rule;
    /// - `barzilai-borwein` {bb1, bb2} and `proposals` {bb1, bb2, ritz-short, ritz-mid, ritz-long} under the GLL rule;
    /// - `span` {span-bb2, span-bb2-x1.5, span-bb2-x5, span-ritz-short, span-ritz-mid}: steps in span{g, last step}, under Armijo's rule with
    ///   momentum and the GLL rule without; after a rejection the whole step shrinks by interpolation;
    /// - `residual` {residual-x0.5, residual-x1, residual-x2}: the stochastic regime's, on a rule that finds the rate.
    ///
    /// # Errors
    /// [`ActionError::UnknownSet`].
    pub fn preset(name: &str) -> Result<Self, ActionError> {
        use Action::{Accept, Propose, Residual, Retry, Scale, Span};
        use Proposal::{LongBarzilaiBorwein, MidRitz, ShortBarzilaiBorwein, ShortRitz};
        let half = Some(Backtrack::Share(0.5));
        let after_accept = match name {
            "v1-warm" => AfterAccept::TwiceTheRate,
            "v2-warm" => AfterAccept::SameRate,
            _ => AfterAccept::default(),
        };
        let (actions, acceptance, backtrack) = match name {
            "v1" | "v1-warm" => (vec![Accept, Retry(0.5)], Acceptance::Chosen, None),
            "v2" | "v2-warm" => (
                vec![Accept, Retry(0.5), Retry(2.0)],
                Acceptance::Chosen,
                None,
            ),
            "multiplicative" => (
                vec![Scale(0.5), Scale(1.0), Scale(2.0)],
                Acceptance::GLL,
                half,
            ),
            "wide" => (
                vec![Scale(0.1), Scale(0.5), Scale(1.0), Scale(2.0), Scale(10.0)],
                Acceptance::GLL,
                half,
            ),
            "barzilai-borwein" => (
                vec![Propose(LongBarzilaiBorwein), Propose(ShortBarzilaiBorwein)],
                Acceptance::GLL,
                half,
            ),
            "proposals" => (Proposal::ALL.map(Propose).to_vec(), Acceptance::GLL, half),
            "span" => (
                vec![
                    Span(ShortBarzilaiBorwein, 1.0),
                    Span(ShortBarzilaiBorwein, 1.5),
                    Span(ShortBarzilaiBorwein, 5.0),
                    Span(ShortRitz, 1.0),
                    Span(MidRitz, 1.0),
                ],
                Acceptance::SPAN,
                Some(Backtrack::Interpolation(0.1, 0.5)),
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
            after_accept,
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
        } else if self.backtrack.is_some_and(|b| !b.is_valid()) {
            "backtrack must lie between 0 and 1, its two bounds in order"
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
            .any(|a| matches!(a, Action::Propose(p) | Action::Span(p, _) if p.wants_ritz()))
    }

    /// Whether any action is a step in span{g, last step}.
    pub fn spans(&self) -> bool {
        self.actions.iter().any(|a| matches!(a, Action::Span(..)))
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
        let retry = |rate| Decision::rate(rate, Some(index));
        let propose = |p: Proposal| retry(p.rate(&o.curvature).unwrap_or(o.start_rate));
        let mut decision = match self.actions[index] {
            Action::Scale(factor) | Action::Retry(factor) => retry(factor * o.rate),
            Action::Residual(factor) => retry(factor * o.window.residual * o.window.anchor_rate),
            Action::Propose(proposal) => propose(proposal),
            Action::Span(proposal, factor) => match proposal.span_step(factor, &o.curvature) {
                Some(PlaneStep { rate, momentum }) => Decision {
                    momentum,
                    ..retry(rate)
                },
                None => propose(Proposal::ShortBarzilaiBorwein),
            },
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
        if let (Some(backtrack), true) = (self.backtrack, o.rejections > 0) {
            shorten(&mut decision, backtrack.longest(o), o);
        }
        if decision.momentum == 0.0 {
            decision.rate = bounded(decision.rate);
        }
        decision
    }
}

/// Makes the whole step no longer than one of this rate along -g.
fn shorten(decision: &mut Decision, longest: f64, o: &Observation) {
    let step = PlaneStep {
        rate: decision.rate,
        momentum: decision.momentum,
    };
    match o.curvature.plane().filter(|_| step.momentum != 0.0) {
        None => decision.rate = decision.rate.min(longest),
        Some(plane) => {
            let share = (longest / plane.length(&step)).min(1.0);
            decision.rate *= share;
            decision.momentum *= share;
        }
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
        for wrong in [
            "x",
            "x-1",
            "xinf",
            "bb3",
            "retry-x0",
            "",
            "span",
            "span-x2",
            "span-bb2-x0",
            "span-bb3",
        ] {
            assert!(wrong.parse::<Action>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_that_cannot_work_are_refused() {
        let mut set = ActionSet::preset("v1").unwrap();
        set.acceptance = Acceptance::GLL;
        assert!(set.validate().is_err());
        let mut set = ActionSet::preset("wide").unwrap();
        for wrong in [
            Backtrack::Share(1.0),
            Backtrack::Interpolation(0.0, 0.5),
            Backtrack::Interpolation(0.5, 0.1),
        ] {
            set.backtrack = Some(wrong);
            assert!(set.validate().is_err());
        }
        assert!(
            matches!(ActionSet::preset("propsals"), Err(ActionError::UnknownSet { near, .. }) if near == ["proposals"])
        );
    }

    /// On ½ (x₁² + 4 x₂²): the exact step from (4, 1) was accepted.
    fn after_a_cauchy_step() -> Observation {
        let mut o = Observation::at_start(10.0, 32.0, 0.4, true);
        o.record_trial(0.4, 3.6);
        o.record_acceptance(&step(&[-1.6, -1.6], &[4.0, 4.0], &[2.4, -2.4]));
        o
    }

    #[test]
    fn steps_in_the_span_by_hand() {
        let span = ActionSet::preset("span").unwrap();
        let first = Observation::at_start(10.0, 4.0, 0.5, true);
        for index in 0..5 {
            let decision = span.decide(index, &first);
            assert_eq!((decision.rate, decision.momentum), (0.5, 0.0));
        }
        // gᵀg = 11.52, gᵀs = 0, gᵀy = 11.52, sᵀy = 12.8, yᵀy = 43.52: ρ = 1.5 · 11.52 · 43.52 / 12.8 = 58.752,
        // D = 58.752 · 12.8 - 11.52², α = 11.52 · 12.8 / D, β = 11.52² / D.
        let mut o = after_a_cauchy_step();
        let decision = span.decide(1, &o);
        let d = 58.752 * 12.8 - 11.52 * 11.52;
        assert!((decision.rate - 11.52 * 12.8 / d).abs() < 1e-12);
        assert!((decision.momentum - 11.52 * 11.52 / d).abs() < 1e-12);
        // After a rejection the whole step shrinks: here to a tenth, the value being infinite.
        let full = PlaneStep {
            rate: decision.rate,
            momentum: decision.momentum,
        };
        o.record_momentum_trial(&full, f64::INFINITY);
        o.record_rejection();
        let shorter = span.decide(1, &o);
        assert!((shorter.rate - 0.1 * full.rate).abs() < 1e-15);
        assert!((shorter.momentum - 0.1 * full.momentum).abs() < 1e-15);
    }

    #[test]
    fn against_the_curvature_a_step_in_the_span_is_a_rate() {
        let span = ActionSet::preset("span").unwrap();
        let mut o = Observation::at_start(10.0, 1.0, 0.1, true);
        o.record_trial(0.1, 9.0);
        // f is concave along the step: y = g and s = -g / 10.
        o.record_acceptance(&step(&[-0.1], &[1.0], &[2.0]));
        for index in 0..5 {
            let decision = span.decide(index, &o);
            assert_eq!(Some(decision.rate), o.curvature.bb2());
            assert_eq!(decision.momentum, 0.0);
        }
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
