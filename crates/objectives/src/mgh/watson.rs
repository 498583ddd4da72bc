//! Watson's function.

use crate::Instance;
use crate::residuals::Residuals;

struct Watson;

/// tᵢ = i/29, for i counted from 1.
fn time(i: usize) -> f64 {
    (i + 1) as f64 / 29.0
}

/// The polynomial p(t) = Σ xⱼ t^(j−1) and its derivative, by Horner's rule.
fn polynomial(x: &[f64], t: f64) -> (f64, f64) {
    x.iter()
        .rev()
        .fold((0.0, 0.0), |(p, slope), c| (p * t + c, slope * t + p))
}

impl Residuals for Watson {
    fn count(&self) -> usize {
        31
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            29 => x[0],
            30 => x[1] - x[0] * x[0] - 1.0,
            _ => {
                let (p, slope) = polynomial(x, time(i));
                slope - p * p - 1.0
            }
        }
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        match i {
            29 => gradient[0] += weight,
            30 => {
                gradient[0] -= 2.0 * weight * x[0];
                gradient[1] += weight;
            }
            _ => {
                let t = time(i);
                let (p, _) = polynomial(x, t);
                // d/dxⱼ of slope and of p for the power t^j: j t^(j−1) and t^j.
                let (mut power, mut power_slope) = (1.0, 0.0);
                for g in gradient {
                    *g += weight * (power_slope - 2.0 * p * power);
                    (power, power_slope) = (power * t, power_slope * t + power);
                }
            }
        }
    }
}

/// f* for the dimensions of the paper, computed in 60 digits; the paper has 2.28767·10⁻³, 1.39976·10⁻⁶ and 4.72238·10⁻¹⁰.
fn minimum(n: usize) -> Option<f64> {
    match n {
        6 => Some(0.002_287_670_053_552_436),
        9 => Some(1.399_760_138_099_02e-6),
        12 => Some(4.722_381_105_891_757e-10),
        _ => None,
    }
}

/// Watson's function of n from 2 to 31 variables: with p(t) = Σ xⱼ t^(j−1) and tᵢ = i/29, rᵢ = p′(tᵢ) − p(tᵢ)² − 1 for
/// i = 1 … 29, r₃₀ = x₁ and r₃₁ = x₂ − x₁² − 1.
///
/// Minimum 2.28767·10⁻³ for n = 6, 1.39976·10⁻⁶ for n = 9 and 4.72238·10⁻¹⁰ for n = 12. Start 0, f = 30.
///
/// Problem 7 (20 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Kowalik and Osborne, 1968.
pub fn watson(n: usize) -> Instance {
    let watson = Instance::new("watson", Watson, vec![0.0; n]);
    match minimum(n) {
        Some(f) => watson.with_minimum(f),
        None => watson,
    }
}
