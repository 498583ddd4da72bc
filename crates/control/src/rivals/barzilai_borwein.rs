//! Barzilai-Borwein steps under a line search.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// Every search begins at s·s/s·y, within [1e-10, 1e10]; where s·y <= 0 at max(1, min(1e5, 1/|g|)); then halves.
///
/// Barzilai and Borwein, IMA J. Numer. Anal. 8 (1988); under the nonmonotone rule: Raydan, SIAM J. Optim. 7 (1997).
#[derive(Clone, Copy, Debug)]
pub struct BarzilaiBorwein {
    acceptance: Acceptance,
}

impl BarzilaiBorwein {
    /// Under Armijo's rule.
    pub fn monotone() -> Self {
        Self {
            acceptance: Acceptance::ARMIJO,
        }
    }

    /// Under the nonmonotone rule.
    pub fn nonmonotone() -> Self {
        Self {
            acceptance: Acceptance::GLL,
        }
    }
}

impl Controller for BarzilaiBorwein {
    fn acceptance(&self) -> Acceptance {
        self.acceptance
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        let rate = if o.rejections > 0 {
            0.5 * o.rate
        } else if o.accepted == 0 {
            o.start_rate
        } else {
            match o.curvature.exact_bb1() {
                Some(step) => step.clamp(1e-10, 1e10),
                None => (1.0 / o.squared_gradient.sqrt()).clamp(1.0, 1e5),
            }
        };
        Decision::rate(rate, None)
    }
}
