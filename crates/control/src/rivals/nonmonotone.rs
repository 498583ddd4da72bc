//! The nonmonotone line search of Grippo, Lampariello and Lucidi.

use super::armijo::First;
use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// Halve α until f(x - αg) <= max(last 10 values) - c α g·g, c = 1e-4 (SIAM J. Numer. Anal. 23, 1986).
#[derive(Clone, Copy, Debug)]
pub struct Nonmonotone {
    first: First,
}

impl Nonmonotone {
    /// Every search begins at `rate`.
    pub fn restarting_at(rate: f64) -> Self {
        Self {
            first: First::At(rate),
        }
    }

    /// Every search begins at twice the last accepted rate.
    pub fn from_twice_the_last() -> Self {
        Self {
            first: First::TwiceTheLast,
        }
    }
}

impl Controller for Nonmonotone {
    fn acceptance(&self) -> Acceptance {
        Acceptance::GLL
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.first.halving(observation)
    }
}
