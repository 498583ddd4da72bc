//! Beale's function.

use crate::Instance;
use crate::residuals::Residuals;

const Y: [f64; 3] = [1.5, 2.25, 2.625];

struct Beale;

impl Residuals for Beale {
    fn count(&self) -> usize {
        Y.len()
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        let power = [x[1], x[1] * x[1], x[1] * x[1] * x[1]][i];
        Y[i] - x[0] * (1.0 - power)
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let (power, slope) = [
            (x[1], 1.0),
            (x[1] * x[1], 2.0 * x[1]),
            (x[1] * x[1] * x[1], 3.0 * x[1] * x[1]),
        ][i];
        gradient[0] -= weight * (1.0 - power);
        gradient[1] += weight * x[0] * slope;
    }
}

/// Beale's function, n = 2: rᵢ = yᵢ − x₁ (1 − x₂ⁱ) with y = (1.5, 2.25, 2.625).
///
/// Minimum 0 at (3, ½). Start (1, 1).
///
/// Problem 16 (5 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Beale, 1958.
pub fn beale() -> Instance {
    Instance::new("beale", Beale, vec![1.0, 1.0]).with_minimum(0.0)
}
