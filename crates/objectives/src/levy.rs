//! Levy's function.

use std::f64::consts::PI;

use crate::{Formula, Instance};

struct Levy;

/// w = 1 + (x − 1)/4, shifted to w − 1 = (x − 1)/4, which is exact near the minimiser.
fn shifted(x: f64) -> f64 {
    0.25 * (x - 1.0)
}

/// The wave that multiplies (wᵢ − 1)²: amplitude and argument of 1 + a sin²(φ), and dφ/dw.
fn wave(u: f64, last: bool) -> (f64, f64, f64) {
    if last {
        (1.0, 2.0 * PI * (u + 1.0), 2.0 * PI)
    } else {
        (10.0, PI * (u + 1.0) + 1.0, PI)
    }
}

impl Formula for Levy {
    fn value(&self, x: &[f64]) -> f64 {
        let last = x.len() - 1;
        // sin(πw) = −sin(π(w − 1))
        let first = (PI * shifted(x[0])).sin();
        let sum: f64 = x
            .iter()
            .enumerate()
            .map(|(i, v)| {
                let u = shifted(*v);
                let (amplitude, phase, _) = wave(u, i == last);
                u * u * (1.0 + amplitude * phase.sin().powi(2))
            })
            .sum();
        first * first + sum
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let last = x.len() - 1;
        for (i, (g, v)) in gradient.iter_mut().zip(x).enumerate() {
            let u = shifted(*v);
            let (amplitude, phase, slope) = wave(u, i == last);
            let (sine, cosine) = phase.sin_cos();
            let wave = 1.0 + amplitude * sine * sine;
            *g = 0.25 * (2.0 * u * wave + 2.0 * u * u * amplitude * sine * cosine * slope);
        }
        gradient[0] += 0.25 * PI * (2.0 * PI * shifted(x[0])).sin();
    }
}

/// Levy's function of n ≥ 1 variables, with wᵢ = 1 + (xᵢ − 1)/4:
///
/// f(x) = sin²(πw₁) + Σ_{i<n} (wᵢ − 1)² (1 + 10 sin²(πwᵢ + 1)) + (wₙ − 1)² (1 + sin²(2πwₙ)).
///
/// Domain [−10, 10]ⁿ, minimum 0 at (1, …, 1). No start is standard; this one is (−4, 6, −4, 6, …).
///
/// Levy and Montalvo, "The tunneling algorithm for the global minimization of functions", *SIAM Journal on Scientific and
/// Statistical Computing* 6, 1985.
pub fn levy(n: usize) -> Instance {
    let start = [-4.0, 6.0].into_iter().cycle().take(n).collect();
    Instance::new("levy", Levy, start).with_minimum(0.0)
}
