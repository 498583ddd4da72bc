//! The trigonometric function.

use crate::{Formula, Instance};

struct Trigonometric;

/// n − Σ cos xⱼ.
fn missing_cosine(x: &[f64]) -> f64 {
    x.iter().map(|v| 1.0 - v.cos()).sum()
}

/// i (1 − cos xᵢ) − sin xᵢ, the part of rᵢ that depends on xᵢ alone.
fn own_part(i: f64, x: f64) -> f64 {
    i * (1.0 - x.cos()) - x.sin()
}

impl Formula for Trigonometric {
    fn value(&self, x: &[f64]) -> f64 {
        let shared = missing_cosine(x);
        let residuals = x.iter().zip(1..);
        residuals
            .map(|(v, i)| (shared + own_part(f64::from(i), *v)).powi(2))
            .sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let shared = missing_cosine(x);
        let mut sum = 0.0;
        for ((g, v), i) in gradient.iter_mut().zip(x).zip(1..) {
            *g = shared + own_part(f64::from(i), *v);
            sum += *g;
        }
        for ((g, v), i) in gradient.iter_mut().zip(x).zip(1..) {
            let (sine, cosine) = v.sin_cos();
            *g = 2.0 * (*g * (f64::from(i) * sine - cosine) + sum * sine);
        }
    }
}

/// The trigonometric function of n variables: rᵢ = n − Σⱼ cos xⱼ + i (1 − cos xᵢ) − sin xᵢ.
///
/// Minimum 0 at the origin, with other minima, local ones among them (2.79506·10⁻⁵ for n = 10). Start (1/n, …, 1/n).
///
/// Problem 13 (26 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Spedicato, 1975.
pub fn trigonometric(n: usize) -> Instance {
    Instance::new("trigonometric", Trigonometric, vec![1.0 / n as f64; n]).with_minimum(0.0)
}
