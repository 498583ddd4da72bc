//! A rule by hand over the actions {x0.5, x1, x2}: the sign of the cosine of successive gradients.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// What the rules by hand accept: every finite trial that is not above the largest of the last five accepted values.
pub(super) const NOT_ABOVE_THE_LAST_FIVE: Acceptance =
    Acceptance::Nonmonotone { memory: 5, c: 0.0 };

/// Double while successive gradients agree in direction, halve when they oppose: x2 where cos(g, g_prev) > 0, x0.5 where it is
/// negative and after a rejection, else x1, as at the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct CosineSign;

impl Controller for CosineSign {
    fn acceptance(&self) -> Acceptance {
        NOT_ABOVE_THE_LAST_FIVE
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        let factor = if o.rejections > 0 || o.cosine < 0.0 {
            0.5
        } else if o.cosine > 0.0 {
            2.0
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
    fn rates_by_hand() {
        let mut o = Observation::at_start(10.0, 5.0, 0.1, false);
        assert_eq!(CosineSign.decide(&o).rate, 0.1, "nothing to compare yet");
        for (after, rate) in [([2.0, 1.0], 0.2), ([-1.0, 0.0], 0.05), ([0.0, 1.0], 0.1)] {
            let before = [1.0, 0.0];
            let mut o = o.clone();
            o.record_trial(0.1, 9.0);
            // From (1, 0): ahead, back, at a right angle; the last keeps the rate.
            o.record_acceptance(&step(&[-0.1, 0.0], &before, &after));
            assert_eq!(CosineSign.decide(&o).rate, rate);
        }
        o.record_trial(0.1, 11.0);
        o.record_rejection();
        assert_eq!(CosineSign.decide(&o).rate, 0.05);
    }
}
