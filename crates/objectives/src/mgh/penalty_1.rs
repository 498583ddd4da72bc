//! Penalty function I.

use crate::inner_product::dot;
use crate::{Formula, Instance};

/// The weight of the first n residuals.
const A: f64 = 1e-5;

struct PenaltyOne;

impl Formula for PenaltyOne {
    fn value(&self, x: &[f64]) -> f64 {
        let squares: f64 = x.iter().map(|v| (v - 1.0).powi(2)).sum();
        A * squares + (dot(x, x) - 0.25).powi(2)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let excess = dot(x, x) - 0.25;
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = 2.0 * A * (v - 1.0) + 4.0 * excess * v;
        }
    }
}

/// Penalty function I of n variables: f(x) = 10⁻⁵ Σ (xⱼ − 1)² + (|x|² − 1/4)².
///
/// Minimum 2.24997·10⁻⁵ for n = 4 and 7.08765·10⁻⁵ for n = 10. Start xⱼ = j.
///
/// Problem 8 (23 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Gill, Murray and Pitfield, 1972.
pub fn penalty_1(n: usize) -> Instance {
    let penalty = Instance::new("penalty-1", PenaltyOne, (1..=n).map(|j| j as f64).collect());
    match n {
        4 => penalty.with_minimum(2.249_977_500_899_937e-5),
        10 => penalty.with_minimum(7.087_651_467_090_369e-5),
        _ => penalty,
    }
}
