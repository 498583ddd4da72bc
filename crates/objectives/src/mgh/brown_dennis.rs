//! The function of Brown and Dennis.

use crate::Instance;
use crate::residuals::Residuals;

struct BrownDennis;

fn time(i: usize) -> f64 {
    0.2 * (i + 1) as f64
}

/// x₁ + t x₂ − eᵗ and x₃ + x₄ sin t − cos t.
fn parts(x: &[f64], t: f64) -> (f64, f64) {
    let (sine, cosine) = t.sin_cos();
    (x[0] + t * x[1] - t.exp(), x[2] + x[3] * sine - cosine)
}

impl Residuals for BrownDennis {
    fn count(&self) -> usize {
        20
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        let (u, v) = parts(x, time(i));
        u * u + v * v
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let t = time(i);
        let (u, v) = parts(x, t);
        gradient[0] += 2.0 * weight * u;
        gradient[1] += 2.0 * weight * u * t;
        gradient[2] += 2.0 * weight * v;
        gradient[3] += 2.0 * weight * v * t.sin();
    }
}

/// The function of Brown and Dennis, n = 4: rᵢ = (x₁ + tᵢx₂ − e^tᵢ)² + (x₃ + x₄ sin tᵢ − cos tᵢ)² with tᵢ = i/5, i = 1 … 20.
///
/// Minimum 85822.2 at (−11.59444, 13.20363, −0.403439, 0.236779). Start (25, 5, −5, −1).
///
/// Problem 11 (16 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Brown and Dennis, 1971.
pub fn brown_dennis() -> Instance {
    let start = vec![25.0, 5.0, -5.0, -1.0];
    Instance::new("brown-dennis", BrownDennis, start).with_minimum(85_822.201_626_356_34)
}
