//! Brown's badly scaled function.

use crate::Instance;
use crate::residuals::Residuals;

struct BrownBadlyScaled;

impl Residuals for BrownBadlyScaled {
    fn count(&self) -> usize {
        3
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            0 => x[0] - 1e6,
            1 => x[1] - 2e-6,
            _ => x[0] * x[1] - 2.0,
        }
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        match i {
            0 => gradient[0] += weight,
            1 => gradient[1] += weight,
            _ => {
                gradient[0] += weight * x[1];
                gradient[1] += weight * x[0];
            }
        }
    }
}

/// Brown's badly scaled function, n = 2: residuals x₁ − 10⁶, x₂ − 2·10⁻⁶ and x₁x₂ − 2.
///
/// Minimum 0 at (10⁶, 2·10⁻⁶). Start (1, 1).
///
/// Problem 10 (4 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981.
pub fn brown_badly_scaled() -> Instance {
    Instance::new("brown-badly-scaled", BrownBadlyScaled, vec![1.0, 1.0]).with_minimum(0.0)
}
