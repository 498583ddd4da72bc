//! The variably dimensioned function.

use crate::{Formula, Instance};

struct VariablyDimensioned;

/// Σⱼ j (xⱼ − 1).
fn weighted_sum(x: &[f64]) -> f64 {
    x.iter()
        .zip(1..)
        .map(|(v, j)| f64::from(j) * (v - 1.0))
        .sum()
}

impl Formula for VariablyDimensioned {
    fn value(&self, x: &[f64]) -> f64 {
        let s = weighted_sum(x);
        x.iter().map(|v| (v - 1.0).powi(2)).sum::<f64>() + s * s * (1.0 + s * s)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let s = weighted_sum(x);
        let slope = 2.0 * s + 4.0 * s.powi(3);
        for ((g, v), j) in gradient.iter_mut().zip(x).zip(1..) {
            *g = 2.0 * (v - 1.0) + slope * f64::from(j);
        }
    }
}

/// The variably dimensioned function of n variables: f(x) = Σ (xⱼ − 1)² + s² + s⁴ with s = Σ j (xⱼ − 1).
///
/// Minimum 0 at (1, …, 1). Start xⱼ = 1 − j/n.
///
/// Problem 6 (25 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981.
pub fn variably_dimensioned(n: usize) -> Instance {
    let start = (1..=n).map(|j| 1.0 - j as f64 / n as f64).collect();
    Instance::new("variably-dimensioned", VariablyDimensioned, start).with_minimum(0.0)
}
