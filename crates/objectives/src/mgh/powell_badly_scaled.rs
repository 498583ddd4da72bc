//! Powell's badly scaled function.

use crate::Instance;
use crate::residuals::Residuals;

struct PowellBadlyScaled;

impl Residuals for PowellBadlyScaled {
    fn count(&self) -> usize {
        2
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            0 => 1e4 * x[0] * x[1] - 1.0,
            _ => (-x[0]).exp() + (-x[1]).exp() - 1.0001,
        }
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let row = match i {
            0 => [1e4 * x[1], 1e4 * x[0]],
            _ => [-(-x[0]).exp(), -(-x[1]).exp()],
        };
        gradient[0] += weight * row[0];
        gradient[1] += weight * row[1];
    }
}

/// Powell's badly scaled function, n = 2: residuals 10⁴ x₁x₂ − 1 and e^(−x₁) + e^(−x₂) − 1.0001.
///
/// Minimum 0 at (1.09816·10⁻⁵, 9.106147) and its mirror image. Start (0, 1).
///
/// Problem 4 (3 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Powell, 1970.
pub fn powell_badly_scaled() -> Instance {
    Instance::new("powell-badly-scaled", PowellBadlyScaled, vec![0.0, 1.0]).with_minimum(0.0)
}
