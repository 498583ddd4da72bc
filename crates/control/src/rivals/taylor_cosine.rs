//! A rule by hand over the actions {x0.5, x1, x2}: Taylor agreement and the cosine of successive gradients.

use super::cosine_sign::NOT_ABOVE_THE_LAST_FIVE;
use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// The ratio at which the exact line search on a quadratic lies: f(x) - f(x - αg) = ½ α g·g.
const AGREEMENT: f64 = 0.5;

/// The actual decrease over the one that the first-order Taylor expansion promises, r = (f - f⁺)/(α g·g), decides with the cosine of
/// successive gradients: x2 where r > 1/2 and cos(g, g_prev) > 0, x0.5 where r < 1/2 and cos(g, g_prev) < 0 and after a rejection,
/// x1 where the two disagree and at the start.
///
/// On a quadratic the two say the same, since g⁺·g = (2r - 1) g·g there.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaylorCosine;

impl Controller for TaylorCosine {
    fn acceptance(&self) -> Acceptance {
        NOT_ABOVE_THE_LAST_FIVE
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        let factor = if o.rejections > 0 {
            0.5
        } else if o.accepted == 0 {
            1.0
        } else if o.decrease_ratio > AGREEMENT && o.cosine > 0.0 {
            2.0
        } else if o.decrease_ratio < AGREEMENT && o.cosine < 0.0 {
            0.5
        } else {
            1.0
        };
        Decision::rate(factor * o.rate, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::tests::step;

    #[test]
    fn both_must_agree_on_a_change() {
        let mut o = Observation::at_start(10.0, 5.0, 0.1, false);
        assert_eq!(TaylorCosine.decide(&o).rate, 0.1);
        // Promised 0.5, had 0.4; cos > 0.
        o.record_trial(0.1, 9.6);
        o.record_acceptance(&step(&[-0.1, -0.2], &[1.0, 2.0], &[1.0, 1.0]));
        assert_eq!(TaylorCosine.decide(&o).rate, 0.2);
        // Had a fifth of what was promised, but cos > 0: they disagree.
        o.record_trial(0.2, 9.6 - 0.2 * 0.2 * 2.0);
        o.record_acceptance(&step(&[-0.2, -0.2], &[1.0, 1.0], &[1.0, 0.0]));
        assert_eq!(TaylorCosine.decide(&o).rate, 0.2);
        // A fifth again, and cos < 0.
        o.record_trial(0.2, o.value - 0.2 * 0.2);
        o.record_acceptance(&step(&[-0.2, 0.0], &[1.0, 0.0], &[-1.0, 0.5]));
        assert_eq!(TaylorCosine.decide(&o).rate, 0.1);
        o.record_trial(0.1, 20.0);
        o.record_rejection();
        assert_eq!(TaylorCosine.decide(&o).rate, 0.05);
    }

    /// g⁺·g = (2r - 1) g·g on ½ Σ cᵢ xᵢ².
    #[test]
    fn on_a_quadratic_the_ratio_and_the_cosine_say_the_same() {
        let (curvatures, x) = ([1.0, 7.0], [2.0, -1.0]);
        let value = |x: [f64; 2]| 0.5 * (curvatures[0] * x[0] * x[0] + curvatures[1] * x[1] * x[1]);
        let gradient = |x: [f64; 2]| [curvatures[0] * x[0], curvatures[1] * x[1]];
        let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
        let g = gradient(x);
        for rate in [0.01, 0.1, 0.14, 0.15, 0.3] {
            let next = [x[0] - rate * g[0], x[1] - rate * g[1]];
            let ratio = (value(x) - value(next)) / (rate * dot(g, g));
            let product = dot(gradient(next), g) / dot(g, g);
            assert!((product - (2.0 * ratio - 1.0)).abs() < 1e-12);
        }
    }
}
