//! When a trial point becomes the base point.

use serde::{Deserialize, Serialize};

use crate::observation::Observation;

/// The rule that accepts or rejects the trial x - αg with value f⁺, or x + d with a step d that is not along -g; a trial that is not finite is never accepted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Acceptance {
    /// f⁺ <= max(last `memory` base values) - c α g·g. Memory 1 is Armijo's rule (Pacific J. Math. 16, 1966); a longer one is that of
    /// Grippo, Lampariello and Lucidi (SIAM J. Numer. Anal. 23, 1986).
    Nonmonotone {
        /// How many base values the reference looks back on.
        memory: usize,
        /// The share of the predicted decrease that must be had.
        c: f64,
    },
    /// f⁺ <= C - c α g·g with Q⁺ = ηQ + 1 and C⁺ = (ηQC + f⁺)/Q⁺ (Zhang and Hager, SIAM J. Optim. 14, 2004).
    Average {
        /// η in [0, 1]: 0 is Armijo's rule, 1 the mean of all values.
        eta: f64,
        /// As above.
        c: f64,
    },
    /// By where the step leads: as `Nonmonotone` along -g, and over `momentum_memory` values with momentum, where f + c gᵀd with the
    /// step d stands for f - c α g·g.
    ByDirection {
        /// How many base values the reference looks back on for a step along -g.
        memory: usize,
        /// The same for a step with momentum.
        momentum_memory: usize,
        /// As above.
        c: f64,
    },
    /// Everything finite.
    Always,
    /// The controller says so itself, by an action.
    Chosen,
}

/// Armijo's constant, in every method here.
pub const SUFFICIENT_DECREASE: f64 = 1e-4;

impl Acceptance {
    /// Armijo's rule with c = 1e-4.
    pub const ARMIJO: Self = Self::Nonmonotone {
        memory: 1,
        c: SUFFICIENT_DECREASE,
    };
    /// The nonmonotone rule over ten values with c = 1e-4.
    pub const GLL: Self = Self::Nonmonotone {
        memory: 10,
        c: SUFFICIENT_DECREASE,
    };

    /// The nonmonotone rule over ten values along -g, Armijo's with momentum, c = 1e-4 in both.
    pub const SPAN: Self = Self::ByDirection {
        memory: 10,
        momentum_memory: 1,
        c: SUFFICIENT_DECREASE,
    };

    /// A rule that holds a memory of its own starts here.
    pub(crate) fn start(self, value: f64) -> Judge {
        Judge {
            rule: self,
            average: value,
            weight: 1.0,
        }
    }
}

/// An acceptance rule at work in one episode.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    rule: Acceptance,
    /// C and Q of Zhang and Hager.
    average: f64,
    weight: f64,
}

impl Judge {
    /// The verdict on the trial that the observation holds; none where the controller has to give it.
    pub(crate) fn verdict(&self, o: &Observation) -> Option<bool> {
        let enough = |reference: f64, c: f64| {
            o.trial_value.is_finite() && o.trial_value <= reference - o.promised_decrease(c)
        };
        match self.rule {
            Acceptance::Nonmonotone { memory, c } => Some(enough(o.largest_recent(memory), c)),
            Acceptance::ByDirection {
                memory,
                momentum_memory,
                c,
            } => {
                let memory = if o.momentum == 0.0 {
                    memory
                } else {
                    momentum_memory
                };
                Some(enough(o.largest_recent(memory), c))
            }
            Acceptance::Average { c, .. } => Some(enough(self.average, c)),
            Acceptance::Always => Some(o.trial_value.is_finite()),
            Acceptance::Chosen => None,
        }
    }

    /// A trial with this value became the base point.
    pub(crate) fn accepted(&mut self, value: f64) {
        if let Acceptance::Average { eta, .. } = self.rule {
            let weight = eta * self.weight + 1.0;
            self.average = (eta * self.weight * self.average + value) / weight;
            self.weight = weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::tests::step;
    use crate::plane::PlaneStep;
    use proptest::prelude::*;

    fn verdicts(rule: Acceptance, trials: &[f64]) -> Vec<bool> {
        let mut o = Observation::at_start(10.0, 1.0, 1.0, false);
        let mut judge = rule.start(10.0);
        trials
            .iter()
            .map(|&trial| {
                o.record_trial(1.0, trial);
                let accepted = judge.verdict(&o).unwrap();
                if accepted {
                    o.record_acceptance(&step(&[-1.0], &[1.0], &[1.0]));
                    judge.accepted(trial);
                } else {
                    o.record_rejection();
                }
                accepted
            })
            .collect()
    }

    #[test]
    fn the_reference_looks_back() {
        let trials = [5.0, 9.0, 9.5, 4.0, 9.2, f64::NAN, f64::INFINITY];
        assert_eq!(
            verdicts(Acceptance::ARMIJO, &trials),
            [true, false, false, true, false, false, false]
        );
        let two = Acceptance::Nonmonotone { memory: 2, c: 1e-4 };
        // 9 against max(10, 5); 9.5 against max(5, 9); 4; 9.2 against max(9, 4)
        assert_eq!(
            verdicts(two, &trials),
            [true, true, false, true, false, false, false]
        );
        assert_eq!(
            verdicts(Acceptance::Always, &trials)[4..],
            [true, false, false]
        );
    }

    #[test]
    fn a_step_with_momentum_has_a_memory_of_its_own() {
        let mut o = Observation::at_start(10.0, 1.0, 1.0, false);
        let judge = Acceptance::SPAN.start(10.0);
        o.record_trial(1.0, 5.0);
        o.record_acceptance(&step(&[-1.0], &[1.0], &[1.0]));
        // 9 lies below the first value and above the last one.
        o.record_trial(1.0, 9.0);
        assert_eq!(judge.verdict(&o), Some(true));
        // s = (-1), g = (1): d = -.5 - .5 has the slope -1, of which 1e-4 must be had.
        let momentum = PlaneStep {
            rate: 0.5,
            momentum: 0.5,
        };
        for (value, accepted) in [(9.0, false), (5.0 - 0.9e-4, false), (5.0 - 1.1e-4, true)] {
            o.record_momentum_trial(&momentum, value);
            assert_eq!((o.rate, o.momentum), (1.0, 0.5));
            assert_eq!(judge.verdict(&o), Some(accepted), "{value}");
        }
    }

    proptest! {
        #[test]
        fn zhang_hager_without_memory_is_armijo(trials in prop::collection::vec(0.0f64..12.0, 1..30)) {
            let average = Acceptance::Average { eta: 0.0, c: 1e-4 };
            prop_assert_eq!(verdicts(average, &trials), verdicts(Acceptance::ARMIJO, &trials));
        }
    }

    #[test]
    fn zhang_hager_by_hand() {
        // C = 10; after 5: Q = 1.5, C = (0.5 · 10 + 5) / 1.5 = 6.667; 6.6 passes, then Q = 1.75, C = (.75 · 6.667 + 6.6) / 1.75 = 6.629
        let half = Acceptance::Average { eta: 0.5, c: 0.0 };
        assert_eq!(
            verdicts(half, &[5.0, 6.7, 6.6, 6.64, 6.62]),
            [true, false, true, false, true]
        );
    }
}
