//! The Styblinski-Tang function.

use crate::{Formula, Instance};

/// f*/n, at xᵢ = −2.903_534_027_771_177, the least root of 4x³ − 32x + 5.
const MINIMUM_PER_VARIABLE: f64 = -39.166_165_703_771_41;

struct StyblinskiTang;

impl Formula for StyblinskiTang {
    fn value(&self, x: &[f64]) -> f64 {
        x.iter().map(|v| 0.5 * v * (v * (v * v - 16.0) + 5.0)).sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = v * (2.0 * v * v - 16.0) + 2.5;
        }
    }
}

/// The Styblinski-Tang function f(x) = ½ Σ (xᵢ⁴ − 16xᵢ² + 5xᵢ), with two local minima in every variable.
///
/// Domain [−5, 5]ⁿ, minimum −39.16617 n at xᵢ = −2.903534. No start is standard; this one is (−1, 1, −1, 1, …).
///
/// Styblinski and Tang, "Experiments in nonconvex optimization", *Neural Networks* 3, 1990.
pub fn styblinski_tang(n: usize) -> Instance {
    let start = [-1.0, 1.0].into_iter().cycle().take(n).collect();
    Instance::new("styblinski-tang", StyblinskiTang, start)
        .with_minimum(MINIMUM_PER_VARIABLE * n as f64)
}
