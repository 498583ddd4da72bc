//! Armijo's line search.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// Where a backtracking search starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum First {
    /// At this rate, each time.
    At(f64),
    /// At twice the last accepted rate; at the start rate the first time.
    TwiceTheLast,
}

impl First {
    /// The next rate of a search that halves after each rejection.
    pub(crate) fn halving(self, o: &Observation) -> Decision {
        let rate = match self {
            _ if o.rejections > 0 => 0.5 * o.rate,
            Self::At(rate) => rate,
            Self::TwiceTheLast if o.accepted == 0 => o.start_rate,
            Self::TwiceTheLast => 2.0 * o.rate,
        };
        Decision::rate(rate, None)
    }
}

/// Halve α until f(x - αg) <= f(x) - c α g·g, c = 1e-4 (Armijo, Pacific J. Math. 16, 1966).
#[derive(Clone, Copy, Debug)]
pub struct Armijo {
    first: First,
}

impl Armijo {
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

impl Controller for Armijo {
    fn acceptance(&self) -> Acceptance {
        Acceptance::ARMIJO
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.first.halving(observation)
    }
}
