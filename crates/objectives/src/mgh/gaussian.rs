//! The Gaussian function.

use crate::Instance;
use crate::residuals::Residuals;

/// The ordinates; they are symmetric.
const Y: [f64; 15] = [
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989, 0.3521, 0.2420, 0.1295, 0.0540,
    0.0175, 0.0044, 0.0009,
];

struct Gaussian;

/// tᵢ − x₃.
fn offset(i: usize, x: &[f64]) -> f64 {
    0.5 * (7.0 - i as f64) - x[2]
}

/// exp(−x₂ (tᵢ − x₃)²/2).
fn bell(i: usize, x: &[f64]) -> f64 {
    (-0.5 * x[1] * offset(i, x).powi(2)).exp()
}

impl Residuals for Gaussian {
    fn count(&self) -> usize {
        Y.len()
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        x[0] * bell(i, x) - Y[i]
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let (u, e) = (offset(i, x), weight * bell(i, x));
        gradient[0] += e;
        gradient[1] -= 0.5 * x[0] * u * u * e;
        gradient[2] += x[0] * x[1] * u * e;
    }
}

/// The Gaussian function, n = 3: rᵢ = x₁ exp(−x₂ (tᵢ − x₃)²/2) − yᵢ with tᵢ = (8 − i)/2, i = 1 … 15.
///
/// Minimum 1.12793·10⁻⁸ at (0.398956, 1.000019, 0). Start (0.4, 1, 0).
///
/// Problem 3 (9 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981.
pub fn gaussian() -> Instance {
    Instance::new("gaussian", Gaussian, vec![0.4, 1.0, 0.0]).with_minimum(1.127_932_769_618_648e-8)
}
