//! Wood's function.

use crate::{Formula, Instance};

struct Wood;

impl Formula for Wood {
    fn value(&self, x: &[f64]) -> f64 {
        100.0 * (x[1] - x[0] * x[0]).powi(2)
            + (1.0 - x[0]).powi(2)
            + 90.0 * (x[3] - x[2] * x[2]).powi(2)
            + (1.0 - x[2]).powi(2)
            + 10.0 * (x[1] + x[3] - 2.0).powi(2)
            + 0.1 * (x[1] - x[3]).powi(2)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let first = 200.0 * (x[1] - x[0] * x[0]);
        let second = 180.0 * (x[3] - x[2] * x[2]);
        let sum = 20.0 * (x[1] + x[3] - 2.0);
        let difference = 0.2 * (x[1] - x[3]);
        gradient[0] = -2.0 * x[0] * first - 2.0 * (1.0 - x[0]);
        gradient[1] = first + sum + difference;
        gradient[2] = -2.0 * x[2] * second - 2.0 * (1.0 - x[2]);
        gradient[3] = second + sum - difference;
    }
}

/// Wood's function, n = 4:
///
/// f(x) = 100 (x₂ − x₁²)² + (1 − x₁)² + 90 (x₄ − x₃²)² + (1 − x₃)² + 10 (x₂ + x₄ − 2)² + (x₂ − x₄)²/10.
///
/// Minimum 0 at (1, 1, 1, 1). Start (−3, −1, −3, −1), f = 19192.
///
/// Problem 17 (14 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Colville, 1968.
pub fn wood() -> Instance {
    Instance::new("wood", Wood, vec![-3.0, -1.0, -3.0, -1.0]).with_minimum(0.0)
}
