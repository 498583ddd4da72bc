//! Himmelblau's function.

use crate::Instance;
use crate::residuals::Residuals;

struct Himmelblau;

impl Residuals for Himmelblau {
    fn count(&self) -> usize {
        2
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            0 => x[0] * x[0] + x[1] - 11.0,
            _ => x[0] + x[1] * x[1] - 7.0,
        }
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let row = if i == 0 {
            [2.0 * x[0], 1.0]
        } else {
            [1.0, 2.0 * x[1]]
        };
        gradient[0] += weight * row[0];
        gradient[1] += weight * row[1];
    }
}

/// Himmelblau's function f(x) = (x₁² + x₂ − 11)² + (x₁ + x₂² − 7)².
///
/// Domain [−5, 5]². Minimum 0 at (3, 2) and near (−2.805118, 3.131313), (−3.779310, −3.283186) and (3.584428, −1.848127).
/// Start (0, 0), f = 170.
///
/// Himmelblau, *Applied Nonlinear Programming*, 1972.
pub fn himmelblau() -> Instance {
    Instance::new("himmelblau", Himmelblau, vec![0.0, 0.0]).with_minimum(0.0)
}
