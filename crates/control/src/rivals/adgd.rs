//! AdGD: adaptive gradient descent without descent.

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// λₖ = min(√(1 + θₖ₋₁) λₖ₋₁, |s| / (2 |y|)), θₖ = λₖ / λₖ₋₁, θ₀ = ∞, λ₀ = 1e-6; every step is taken (Malitsky and Mishchenko,
/// arXiv 1910.09529, algorithm 1).
#[derive(Clone, Copy, Debug)]
pub struct AdGd {
    first_rate: f64,
    growth: f64,
}

impl Default for AdGd {
    fn default() -> Self {
        Self {
            first_rate: 1e-6,
            growth: f64::INFINITY,
        }
    }
}

impl Controller for AdGd {
    fn acceptance(&self) -> Acceptance {
        Acceptance::Always
    }

    fn begin(&mut self, _observation: &Observation) {
        self.growth = f64::INFINITY;
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        if o.accepted == 0 {
            return Decision::rate(self.first_rate, None);
        }
        // Where y = 0 nothing bounds the step but its growth; the very first one stays then.
        let smooth = o
            .curvature
            .inverse_lipschitz()
            .map_or(f64::INFINITY, |l| 0.5 * l);
        let rate = ((1.0 + self.growth).sqrt() * o.rate).min(smooth);
        let rate = if rate.is_finite() { rate } else { o.rate };
        self.growth = rate / o.rate;
        Decision::rate(rate, None)
    }
}
