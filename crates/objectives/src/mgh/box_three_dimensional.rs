//! Box's three-dimensional function.

use crate::Instance;
use crate::residuals::Residuals;

struct BoxThreeDimensional;

fn time(i: usize) -> f64 {
    0.1 * (i + 1) as f64
}

/// e^(−t) − e^(−10t).
fn decay(t: f64) -> f64 {
    (-t).exp() - (-10.0 * t).exp()
}

impl Residuals for BoxThreeDimensional {
    fn count(&self) -> usize {
        10
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        let t = time(i);
        (-t * x[0]).exp() - (-t * x[1]).exp() - x[2] * decay(t)
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let t = time(i);
        gradient[0] -= weight * t * (-t * x[0]).exp();
        gradient[1] += weight * t * (-t * x[1]).exp();
        gradient[2] -= weight * decay(t);
    }
}

/// Box's three-dimensional function: rᵢ = e^(−tᵢx₁) − e^(−tᵢx₂) − x₃ (e^(−tᵢ) − e^(−10tᵢ)) with tᵢ = i/10, i = 1 … 10.
///
/// Minimum 0 at (1, 10, 1), at (10, 1, −1) and wherever x₁ = x₂ and x₃ = 0. Start (0, 10, 20).
///
/// Problem 5 (12 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Box, 1966.
pub fn box_three_dimensional() -> Instance {
    let start = vec![0.0, 10.0, 20.0];
    Instance::new("box-three-dimensional", BoxThreeDimensional, start).with_minimum(0.0)
}
