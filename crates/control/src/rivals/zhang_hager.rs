//! The nonmonotone line search of Zhang and Hager.

use super::armijo::First;
use crate::acceptance::{Acceptance, SUFFICIENT_DECREASE};
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// Halve α, from twice the last accepted one, until f(x - αg) <= C - c α g·g with the moving average Q⁺ = ηQ + 1,
/// C⁺ = (ηQC + f)/Q⁺ (SIAM J. Optim. 14, 2004; η = 0.85 as there).
#[derive(Clone, Copy, Debug)]
pub struct ZhangHager {
    /// η.
    pub eta: f64,
}

impl Default for ZhangHager {
    fn default() -> Self {
        Self { eta: 0.85 }
    }
}

impl Controller for ZhangHager {
    fn acceptance(&self) -> Acceptance {
        Acceptance::Average {
            eta: self.eta,
            c: SUFFICIENT_DECREASE,
        }
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        First::TwiceTheLast.halving(observation)
    }
}
