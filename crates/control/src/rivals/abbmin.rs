//! ABBmin: short or long Barzilai-Borwein steps by their ratio.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// α = least BB2 of the last m + 1 steps where BB2/BB1 < τ, else BB1; τ = 0.8, m = 9 (ABBmin1 of Frassoldati, Zanni and Zanghirati,
/// J. Ind. Manag. Optim. 4, 2008). Where s·y <= 0: as [`Curvature`](crate::curvature::Curvature) replaces the two.
#[derive(Clone, Copy, Debug)]
pub struct AbbMin {
    /// τ.
    pub threshold: f64,
    acceptance: Acceptance,
}

impl AbbMin {
    /// As published: no line search. Made for convex quadratics.
    pub fn unguarded() -> Self {
        Self {
            threshold: 0.8,
            acceptance: Acceptance::Always,
        }
    }

    /// Under the nonmonotone rule, halving after a rejection.
    pub fn guarded() -> Self {
        Self {
            threshold: 0.8,
            acceptance: Acceptance::GLL,
        }
    }
}

impl Controller for AbbMin {
    fn acceptance(&self) -> Acceptance {
        self.acceptance
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        let c = &o.curvature;
        let rate = match (c.bb1(), c.bb2(), c.short_steps().min_of(10)) {
            _ if o.rejections > 0 => 0.5 * o.rate,
            (Some(long), Some(short), Some(least)) => {
                if short < self.threshold * long {
                    least
                } else {
                    long
                }
            }
            _ => o.start_rate,
        };
        Decision::rate(rate, None)
    }
}
