//! Booth's function.

use crate::Instance;
use crate::residuals::Residuals;

struct Booth;

impl Residuals for Booth {
    fn count(&self) -> usize {
        2
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            0 => x[0] + 2.0 * x[1] - 7.0,
            _ => 2.0 * x[0] + x[1] - 5.0,
        }
    }

    fn add_row(&self, i: usize, _x: &[f64], weight: f64, gradient: &mut [f64]) {
        let row = if i == 0 { [1.0, 2.0] } else { [2.0, 1.0] };
        gradient[0] += weight * row[0];
        gradient[1] += weight * row[1];
    }
}

/// Booth's function f(x) = (x₁ + 2x₂ − 7)² + (2x₁ + x₂ − 5)², a convex quadratic of condition 9.
///
/// Domain [−10, 10]², minimum 0 at (1, 3). Start (0, 0), f = 74.
///
/// Jamil and Yang, "A literature survey of benchmark functions", 2013, function 17.
pub fn booth() -> Instance {
    Instance::new("booth", Booth, vec![0.0, 0.0]).with_minimum(0.0)
}
