//! Rastrigin's function.

use std::f64::consts::TAU;

use crate::{Formula, Instance};

struct Rastrigin;

impl Formula for Rastrigin {
    fn value(&self, x: &[f64]) -> f64 {
        x.iter()
            .map(|v| v * v + 10.0 * (1.0 - (TAU * v).cos()))
            .sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = 2.0 * v + 10.0 * TAU * (TAU * v).sin();
        }
    }
}

/// Rastrigin's function f(x) = 10n + Σ (xᵢ² − 10 cos 2πxᵢ), with a local minimum near every integer point.
///
/// Domain [−5.12, 5.12]ⁿ, minimum 0 at the origin. No start is standard; this one is (2.3, −1.4, 2.3, −1.4, …).
///
/// Rastrigin, *Systems of Extremal Control*, 1974; Mühlenbein, Schomisch and Born, *Parallel Computing* 17, 1991.
pub fn rastrigin(n: usize) -> Instance {
    let start = [2.3, -1.4].into_iter().cycle().take(n).collect();
    Instance::new("rastrigin", Rastrigin, start).with_minimum(0.0)
}
