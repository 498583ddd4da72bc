//! The built-in statistics and the registry that finds a statistic by its name.

use std::sync::Arc;

use crate::observation::Observation;
use crate::proposal::Proposal;
use crate::statistic::Statistic;
use crate::window_features;

/// A built-in statistic: a name, a sentence, a function of the observation.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) observe: fn(&Observation) -> f64,
}

impl Statistic for Builtin {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn wants_ritz(&self) -> bool {
        self.name.starts_with("ritz_")
    }

    fn wants_gradients(&self) -> bool {
        window_features::GRADIENT
            .iter()
            .any(|builtin| builtin.name == self.name)
    }

    fn observe(&self, observation: &Observation) -> f64 {
        (self.observe)(observation)
    }
}

/// A feature that no statistic provides, or one that is there twice.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FeatureError {
    /// No such statistic.
    #[error("unknown feature `{name}`{}; `qstride list features` names all", crate::near::hint(.near))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// A second statistic with the name of another.
    #[error("a feature called `{name}` exists already: give yours another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// A history outside 1 to 16.
    #[error(
        "feature `{name}`: a history of {history} steps; it must be from 1 (only the present) to {MOST_HISTORY}"
    )]
    History {
        /// The feature.
        name: String,
        /// What was asked for.
        history: usize,
    },
    /// A state without features.
    #[error("the list of features is empty: name at least one")]
    Empty,
}

/// The longest history of one feature.
pub const MOST_HISTORY: usize = 16;

/// Statistics by name: the built-in ones and the user's own.
#[derive(Clone)]
pub struct Features {
    all: Vec<Arc<dyn Statistic>>,
}

impl Default for Features {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Features {
    /// The statistics that come with qstride.
    pub fn builtin() -> Self {
        let all = DETERMINISTIC
            .iter()
            .chain(window_features::LOSS)
            .chain(window_features::GRADIENT);
        Self {
            all: all
                .map(|builtin| Arc::new(Builtin { ..*builtin }) as Arc<dyn Statistic>)
                .collect(),
        }
    }

    /// Adds a statistic of one's own.
    ///
    /// # Errors
    /// [`FeatureError::Taken`] where the name exists.
    pub fn add(&mut self, statistic: impl Statistic + 'static) -> Result<(), FeatureError> {
        if self.all.iter().any(|s| s.name() == statistic.name()) {
            return Err(FeatureError::Taken {
                name: statistic.name().to_owned(),
            });
        }
        self.all.push(Arc::new(statistic));
        Ok(())
    }

    /// The statistic called `name`.
    ///
    /// # Errors
    /// [`FeatureError::Unknown`] with the near matches.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Statistic>, FeatureError> {
        self.all
            .iter()
            .find(|s| s.name() == name)
            .cloned()
            .ok_or_else(|| FeatureError::Unknown {
                name: name.to_owned(),
                near: crate::near::matches(name, self.all.iter().map(|s| s.name())),
            })
    }

    /// All statistics, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Statistic>> {
        self.all.iter()
    }
}

/// log10(v / reference); -300 where the ratio is not positive, so that a clip gives its lower end.
pub(crate) fn log_ratio(v: f64, reference: f64) -> f64 {
    let ratio = v / reference;
    if ratio > 0.0 { ratio.log10() } else { -300.0 }
}

/// v within [low, high]; `low` where v is not a number.
pub(crate) fn clip(v: f64, low: f64, high: f64) -> f64 {
    if v.is_nan() {
        low
    } else {
        v.max(low).min(high)
    }
}

/// log10 of a step relative to BB1, halved, within ±2; 0 before the first accepted step.
fn step_over_bb1(o: &Observation, step: impl Fn(&Observation) -> Option<f64>) -> f64 {
    match (o.curvature.bb1(), step(o)) {
        (Some(bb1), Some(step)) => clip(log_ratio(step, bb1) / 2.0, -2.0, 2.0),
        _ => 0.0,
    }
}

/// -gᵀd/|g|² of the step in span{g, s} over BB1.
fn span_decrease(o: &Observation, proposal: Proposal) -> f64 {
    step_over_bb1(o, |o| {
        let step = proposal.span_step(1.0, &o.curvature)?;
        let plane = o.curvature.plane()?;
        Some(-plane.slope(&step) / plane.gg)
    })
}

/// A decrease in units of BB1 |g|², log10, quartered.
fn decrease_over_model(o: &Observation, decrease: f64) -> f64 {
    match o.curvature.bb1() {
        Some(bb1) => clip(
            (decrease / (bb1 * o.squared_gradient) + 1e-4).log10() / 4.0,
            -1.0,
            1.5,
        ),
        None => 0.0,
    }
}

/// Where the value stands between the least (0) and the largest (1) of the last `memory` base values.
/// A waiting trial is ranked itself: above 1 it is worse than all of them.
fn rank(o: &Observation, memory: usize) -> f64 {
    let (Some(low), Some(high)) = (o.values.min_of(memory), o.values.max_of(memory)) else {
        return 0.0;
    };
    let value = if o.trial_waits {
        o.trial_value
    } else {
        o.value
    };
    if high > low {
        clip((value - low) / (high - low), -1.0, 2.0)
    } else if value <= low {
        0.0
    } else {
        2.0
    }
}

/// Maps R to (-1, 1): v / (1 + |v|). Used for the paper's features, which are raw numbers there.
fn squash(v: f64) -> f64 {
    if v.is_finite() {
        v / (1.0 + v.abs())
    } else {
        1.0
    }
}

fn after_first_step(o: &Observation, value: f64) -> f64 {
    if o.accepted == 0 { 0.0 } else { value }
}

/// The deterministic regime's statistics. Those marked 'raw' depend on the units of f or x.
pub(crate) const DETERMINISTIC: &[Builtin] = &[
    Builtin {
        name: "no_curvature_yet",
        about: "1 before the first accepted step, else 0",
        observe: |o| {
            if o.curvature.bb1().is_none() {
                1.0
            } else {
                0.0
            }
        },
    },
    Builtin {
        name: "negative_curvature",
        about: "1 where the last accepted step met s'y <= 0",
        observe: |o| if o.curvature.negative() { 1.0 } else { 0.0 },
    },
    Builtin {
        name: "rejected",
        about: "1 after a rejected trial",
        observe: |o| if o.rejections > 0 { 1.0 } else { 0.0 },
    },
    Builtin {
        name: "rejections",
        about: "trials rejected in a row, / 3, at most 2",
        observe: |o| clip(f64::from(o.rejections) / 3.0, 0.0, 2.0),
    },
    Builtin {
        name: "budget_left",
        about: "share of the budget that is left",
        observe: |o| o.budget_left,
    },
    Builtin {
        name: "rate_over_bb1",
        about: "log10 of the last rate over BB1, within ±3",
        observe: |o| {
            o.curvature
                .bb1()
                .map_or(0.0, |bb1| clip(log_ratio(o.rate, bb1), -3.0, 3.0))
        },
    },
    Builtin {
        name: "bb2_over_bb1",
        about: "log10(BB2 / BB1) / 1.5, from -2 to 0: how far curvature varies along the path",
        observe: |o| match (o.curvature.bb2(), o.curvature.bb1()) {
            (Some(bb2), Some(bb1)) => clip(log_ratio(bb2, bb1) / 1.5, -2.0, 0.0),
            _ => 0.0,
        },
    },
    Builtin {
        name: "gradient_cosine",
        about: "cosine of the last two gradients",
        observe: |o| o.cosine,
    },
    Builtin {
        name: "sign_alignment",
        about: "(1/n) sum of sign(d_i d_prev,i) over the last two directions (the paper's alignment)",
        observe: |o| o.sign_alignment,
    },
    Builtin {
        name: "gradient_ratio",
        about: "log10(|g| / |g_prev|), within ±2",
        observe: |o| {
            clip(
                0.5 * log_ratio(o.squared_gradient, o.previous_squared_gradient),
                -2.0,
                2.0,
            )
        },
    },
    Builtin {
        name: "decrease_ratio",
        about: "actual decrease of the last trial over rate x |g|^2, within ±2",
        observe: |o| o.decrease_ratio,
    },
    Builtin {
        name: "rank_3",
        about: "rank of f among the last 3 base values",
        observe: |o| rank(o, 3),
    },
    Builtin {
        name: "rank_5",
        about: "rank of f among the last 5 base values",
        observe: |o| rank(o, 5),
    },
    Builtin {
        name: "rank_10",
        about: "rank of f among the last 10 base values",
        observe: |o| rank(o, 10),
    },
    Builtin {
        name: "gradient_progress",
        about: "log10(|g| / |g_0|) / 3",
        observe: |o| {
            clip(
                0.5 * log_ratio(o.squared_gradient, o.start_squared_gradient) / 3.0,
                -4.0,
                2.0,
            )
        },
    },
    Builtin {
        name: "gradient_over_least",
        about: "log10(|g| / least |g| of the last 12), at most 3",
        observe: |o| {
            let least = o.squared_gradients.min_of(12).unwrap_or(o.squared_gradient);
            after_first_step(
                o,
                clip(0.5 * log_ratio(o.squared_gradient, least), 0.0, 3.0),
            )
        },
    },
    Builtin {
        name: "guard_slack",
        about: "largest of the last 10 values minus f, in units of BB1 |g|^2, log10 / 4",
        observe: |o| decrease_over_model(o, o.largest_recent(10) - o.value),
    },
    Builtin {
        name: "regret",
        about: "f minus the best value so far, in units of BB1 |g|^2, log10 / 4",
        observe: |o| decrease_over_model(o, o.value - o.best_value),
    },
    Builtin {
        name: "least_bb2_5",
        about: "least BB2 of the last 5 over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.short_steps().min_of(5)),
    },
    Builtin {
        name: "largest_bb1_5",
        about: "largest BB1 of the last 5 over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.long_steps().max_of(5)),
    },
    Builtin {
        name: "bb1_back_1",
        about: "BB1 one step ago over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.long_steps().get(1)),
    },
    Builtin {
        name: "bb1_back_2",
        about: "BB1 two steps ago over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.long_steps().get(2)),
    },
    Builtin {
        name: "bb1_back_3",
        about: "BB1 three steps ago over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.long_steps().get(3)),
    },
    Builtin {
        name: "bb2_back_1",
        about: "BB2 one step ago over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.short_steps().get(1)),
    },
    Builtin {
        name: "ritz_short",
        about: "shortest Ritz step over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.ritz().map(|r| r.short)),
    },
    Builtin {
        name: "ritz_mid",
        about: "middle Ritz step over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.ritz().map(|r| r.mid)),
    },
    Builtin {
        name: "ritz_long",
        about: "longest Ritz step over BB1",
        observe: |o| step_over_bb1(o, |o| o.curvature.ritz().map(|r| r.long)),
    },
    Builtin {
        name: "bb2_span_decrease",
        about: "decrease that span-bb2 promises at first order over that of BB1",
        observe: |o| span_decrease(o, Proposal::ShortBarzilaiBorwein),
    },
    Builtin {
        name: "ritz_mid_span_decrease",
        about: "decrease that span-ritz-mid promises at first order over that of BB1",
        observe: |o| span_decrease(o, Proposal::MidRitz),
    },
    Builtin {
        name: "value_ratio",
        about: "log10 of the last two base values' ratio, within ±2 (not indifferent to a shift of f)",
        observe: |o| match (o.values.get(0), o.values.get(1)) {
            (Some(now), Some(before)) if now > 0.0 && before > 0.0 => {
                clip(log_ratio(now, before), -2.0, 2.0)
            }
            _ => 0.0,
        },
    },
    Builtin {
        name: "gradient_projection",
        about: "g.g_prev / g_prev.g_prev, within ±2",
        observe: |o| {
            clip(
                o.cosine * (o.squared_gradient / o.previous_squared_gradient).sqrt(),
                -2.0,
                2.0,
            )
        },
    },
    Builtin {
        name: "last_action",
        about: "index of the last action, / 2, from -0.5",
        observe: |o| o.last_action.map_or(-0.5, |a| a as f64 / 2.0),
    },
    Builtin {
        name: "log_rate",
        about: "raw: log10 of the last rate, / 4",
        observe: |o| clip(log_ratio(o.rate, 1.0) / 4.0, -2.0, 2.0),
    },
    Builtin {
        name: "log_step",
        about: "raw: log10(rate x |g|) / 4",
        observe: |o| {
            clip(
                log_ratio(o.rate * o.squared_gradient.sqrt(), 1.0) / 4.0,
                -2.0,
                2.0,
            )
        },
    },
    Builtin {
        name: "paper_rate",
        about: "raw, the paper's: the rate, at most 1",
        observe: |o| clip(o.rate, 0.0, 1.0),
    },
    Builtin {
        name: "paper_value",
        about: "raw, the paper's: the candidate value v as v / (1 + |v|)",
        observe: |o| squash(o.trial_value),
    },
    Builtin {
        name: "paper_largest_value",
        about: "raw, the paper's: the largest of the last 10 values v as v / (1 + |v|)",
        observe: |o| squash(o.largest_recent(10)),
    },
    Builtin {
        name: "paper_slope",
        about: "raw, the paper's: direction . gradient = -|g|^2 = v as v / (1 + |v|)",
        observe: |o| squash(-o.squared_gradient),
    },
    Builtin {
        name: "paper_encoding",
        about: "the paper's: 1 at or below the least of the 10 lowest values, 0 between these, -1 above",
        observe: |o| {
            let (low, high) = (o.lowest.least(), o.lowest.largest());
            if o.trial_value <= low {
                1.0
            } else if o.trial_value <= high {
                0.0
            } else {
                -1.0
            }
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curvature::AcceptedStep;
    use crate::observation::tests::step;
    use proptest::prelude::*;

    fn observed(name: &str, o: &Observation) -> f64 {
        Features::builtin().get(name).unwrap().observe(o)
    }

    /// Three steps on a quadratic with curvatures 1 and 7, f scaled by `f`, shifted by `shift`, x by `x`.
    fn observation(f: f64, shift: f64, x: f64, rates: [f64; 3]) -> Observation {
        let value = |p: [f64; 2]| f * (0.5 * (p[0] * p[0] + 7.0 * p[1] * p[1]) / (x * x)) + shift;
        let gradient = |p: [f64; 2]| [f * p[0] / (x * x), f * 7.0 * p[1] / (x * x)];
        let unit = x * x / f;
        let mut point = [3.0 * x, x];
        let start = gradient(point);
        let mut o = Observation::at_start(
            value(point),
            start.iter().map(|g| g * g).sum(),
            rates[0] * unit,
            true,
        );
        for rate in rates {
            let before = gradient(point);
            let next = [
                point[0] - rate * unit * before[0],
                point[1] - rate * unit * before[1],
            ];
            o.record_trial(rate * unit, value(next));
            let after = gradient(next);
            o.record_acceptance(&AcceptedStep {
                rate: rate * unit,
                momentum: 0.0,
                from: &point,
                to: &next,
                before: &before,
                after: &after,
            });
            o.best_value = o.best_value.min(o.value);
            point = next;
        }
        o
    }

    #[test]
    fn numbers_by_hand() {
        let mut o = Observation::at_start(4.0, 4.0, 0.5, false);
        assert_eq!(observed("no_curvature_yet", &o), 1.0);
        assert_eq!(observed("paper_value", &o), 0.8);
        o.record_trial(0.5, 3.0);
        assert_eq!(observed("paper_encoding", &o), 1.0);
        o.record_acceptance(&step(&[-1.0, 0.0], &[2.0, 0.0], &[1.0, 1.0]));
        // s = (-1, 0), y = (-1, 1): BB1 = 1, BB2 = 1/2
        assert_eq!(observed("rate_over_bb1", &o), 0.5f64.log10());
        assert_eq!(observed("bb2_over_bb1", &o), 0.5f64.log10() / 1.5);
        assert!((observed("gradient_ratio", &o) - 0.5 * 0.5f64.log10()).abs() < 1e-15);
        assert!((observed("gradient_projection", &o) - 0.5).abs() < 1e-15);
        o.record_trial(8.0, 5.0);
        o.record_rejection();
        assert_eq!(observed("rejections", &o), 1.0 / 3.0);
        assert_eq!(observed("paper_encoding", &o), -1.0);
    }

    proptest! {
        #[test]
        fn the_state_is_indifferent_to_units(
            f in 1e-6f64..1e6, x in 1e-4f64..1e4, shift in -1.0f64..1.0,
            rates in prop::array::uniform3(0.01f64..0.2),
        ) {
            let plain = observation(1.0, 0.0, 1.0, rates);
            let scaled = observation(f, shift * f, x, rates);
            for spec in crate::state::StateSpec::span_features() {
                let (a, b) = (observed(&spec.name, &plain), observed(&spec.name, &scaled));
                prop_assert!((a - b).abs() < 1e-9, "{}: {} against {}", spec.name, a, b);
            }
        }

        #[test]
        fn every_feature_is_finite_whatever_was_measured(
            values in prop::collection::vec(prop::num::f64::ANY, 4),
            gradients in prop::collection::vec(prop::array::uniform2(-1e200f64..1e200), 4),
        ) {
            let mut o = Observation::at_start(values[0], gradients[0].iter().map(|g| g * g).sum(), 1.0, true);
            for (value, pair) in values.iter().zip(gradients.windows(2)) {
                o.record_trial(1.0, *value);
                let to = [-pair[0][0], -pair[0][1]];
                o.record_acceptance(&step(&to, &pair[0], &pair[1]));
            }
            let mut state = crate::state::StateSpec::new(crate::state::StateSpec::span_features(), &Features::builtin())
                .unwrap().start();
            let mut out = vec![0.0; state.width()];
            state.observe(&o, &mut out);
            prop_assert!(out.iter().all(|v| v.is_finite()), "{out:?}");
        }
    }

    #[test]
    fn an_unknown_feature_is_refused_with_near_matches() {
        let error = Features::builtin().get("gradient_cosin").err().unwrap();
        assert!(
            matches!(&error, FeatureError::Unknown { near, .. } if near[0] == "gradient_cosine"),
            "{error}"
        );
    }
}
