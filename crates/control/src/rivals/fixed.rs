//! A constant rate.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// Gradient descent at the start rate: every finite step is taken.
#[derive(Clone, Copy, Debug)]
pub struct FixedRate;

impl Controller for FixedRate {
    fn acceptance(&self) -> Acceptance {
        Acceptance::Always
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        Decision::rate(o.start_rate, None)
    }
}
