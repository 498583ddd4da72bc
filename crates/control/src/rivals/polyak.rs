//! Polyak's step, for an objective whose least value is known.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// α = (f - f*) / |g|²; every finite step is taken (Polyak, USSR Comput. Math. Math. Phys. 9, 1969). It has no other parameter.
#[derive(Clone, Copy, Debug)]
pub struct Polyak {
    minimum: f64,
}

impl Polyak {
    /// For an objective with the least value `minimum`, f*.
    pub fn knowing(minimum: f64) -> Self {
        Self { minimum }
    }
}

impl Controller for Polyak {
    fn acceptance(&self) -> Acceptance {
        Acceptance::Always
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        // A trial that was not finite was rejected; the same step again would be too.
        let rate = if o.rejections > 0 {
            0.5 * o.rate
        } else {
            (o.value - self.minimum) / o.squared_gradient
        };
        Decision::rate(rate, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeterministicEpisode, DeterministicSettings, End, run};
    use proptest::prelude::*;
    use qstride_objectives::{Instance, quadratic::Quadratic};
    use std::sync::Arc;

    proptest! {
        /// On ½ c |x|² the step is |x|²c/2 / (c²|x|²) = 1/(2c): x halves each time, so that the gap of 1e-12 takes 20 steps of 1/4.
        #[test]
        fn each_step_halves_the_distance_to_the_centre_of_a_bowl(
            start in prop::collection::vec(-10.0f64..10.0, 1..6),
            curvature in 1e-3f64..1e3,
        ) {
            prop_assume!(start.iter().any(|v| v.abs() > 1e-3));
            let bowl = Quadratic::Diagonal(vec![curvature; start.len()]);
            let objective = Arc::new(Instance::new("bowl", bowl, start).with_minimum(0.0));
            let settings = DeterministicSettings { trace: true, ..Default::default() };
            let mut polyak = Polyak::knowing(0.0);
            let mut episode = DeterministicEpisode::start(objective, settings, &polyak);
            let record = run(&mut episode, &mut polyak);
            prop_assert_eq!(record.end, End::Solved);
            prop_assert_eq!(record.trace.len(), 20);
            for step in &record.trace {
                prop_assert!((step.rate * curvature - 0.5).abs() < 1e-12);
            }
        }
    }
}
