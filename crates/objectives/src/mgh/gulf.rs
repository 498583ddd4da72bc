//! The Gulf research and development function.

use crate::Instance;
use crate::residuals::Residuals;

struct Gulf;

/// tᵢ = i/100, for i counted from 1.
fn time(i: usize) -> f64 {
    0.01 * (i + 1) as f64
}

/// yᵢ − x₂ with yᵢ = 25 + (−50 log tᵢ)^(2/3).
fn offset(i: usize, x: &[f64]) -> f64 {
    25.0 + (-50.0 * time(i).ln()).powf(2.0 / 3.0) - x[1]
}

impl Residuals for Gulf {
    fn count(&self) -> usize {
        99
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        (-offset(i, x).abs().powf(x[2]) / x[0]).exp() - time(i)
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let u = offset(i, x);
        if u == 0.0 {
            // The residual is 1 − tᵢ there, whatever x₁ and x₃ > 0 are; its slope in x₂ is 0 for x₃ > 1.
            return;
        }
        let power = u.abs().powf(x[2]);
        let e = weight * (-power / x[0]).exp() / x[0];
        gradient[0] += e * power / x[0];
        gradient[1] += e * x[2] * power / u;
        gradient[2] -= e * power * u.abs().ln();
    }
}

/// The Gulf research and development function, n = 3, with m = 99: rᵢ = exp(−|yᵢ − x₂|^x₃ / x₁) − tᵢ, tᵢ = i/100,
/// yᵢ = 25 + (−50 log tᵢ)^(2/3).
///
/// Minimum 0 at (50, 25, 1.5). Start (5, 2.5, 0.15). This is the form of Algorithm 566; the formula printed in the paper has
/// y mi x₂ in the place of yᵢ − x₂.
///
/// Problem 12 (11 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Cox, 1969.
pub fn gulf() -> Instance {
    Instance::new("gulf", Gulf, vec![5.0, 2.5, 0.15]).with_minimum(0.0)
}
