//! The helical valley function.

use std::f64::consts::TAU;

use crate::Instance;
use crate::residuals::Residuals;

struct HelicalValley;

/// The angle of (a, b) in turns, in [−1/4, 3/4].
fn turns(a: f64, b: f64) -> f64 {
    if a == 0.0 {
        0.25f64.copysign(b)
    } else {
        (b / a).atan() / TAU + if a < 0.0 { 0.5 } else { 0.0 }
    }
}

impl Residuals for HelicalValley {
    fn count(&self) -> usize {
        3
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        match i {
            0 => 10.0 * (x[2] - 10.0 * turns(x[0], x[1])),
            1 => 10.0 * (x[0].hypot(x[1]) - 1.0),
            _ => x[2],
        }
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let radius = x[0].hypot(x[1]);
        match i {
            0 => {
                let slope = 100.0 * weight / (TAU * radius * radius);
                gradient[0] += slope * x[1];
                gradient[1] -= slope * x[0];
                gradient[2] += 10.0 * weight;
            }
            1 => {
                gradient[0] += 10.0 * weight * x[0] / radius;
                gradient[1] += 10.0 * weight * x[1] / radius;
            }
            _ => gradient[2] += weight,
        }
    }
}

/// The helical valley function, n = 3: residuals 10 (x₃ − 10 θ(x₁, x₂)), 10 (|(x₁, x₂)| − 1) and x₃, where θ is the angle of
/// (x₁, x₂) in turns, in [−1/4, 3/4].
///
/// Minimum 0 at (1, 0, 0). Start (−1, 0, 0). Not defined on the line x₁ = x₂ = 0.
///
/// Problem 1 (7 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Fletcher and Powell, 1963.
pub fn helical_valley() -> Instance {
    Instance::new("helical-valley", HelicalValley, vec![-1.0, 0.0, 0.0]).with_minimum(0.0)
}
