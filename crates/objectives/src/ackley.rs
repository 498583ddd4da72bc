//! Ackley's function.

use std::f64::consts::{E, TAU};

use crate::inner_product::dot;
use crate::{Formula, Instance};

struct Ackley;

/// The root mean square of `x` and the mean of cos 2πxᵢ.
fn means(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let cosines: f64 = x.iter().map(|v| (TAU * v).cos()).sum();
    ((dot(x, x) / n).sqrt(), cosines / n)
}

impl Formula for Ackley {
    fn value(&self, x: &[f64]) -> f64 {
        let (radius, cosine) = means(x);
        20.0 * (1.0 - (-0.2 * radius).exp()) + E - cosine.exp()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let n = x.len() as f64;
        let (radius, cosine) = means(x);
        let radial = if radius > 0.0 {
            4.0 * (-0.2 * radius).exp() / (n * radius)
        } else {
            0.0
        };
        let periodic = TAU * cosine.exp() / n;
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = radial * v + periodic * (TAU * v).sin();
        }
    }
}

/// Ackley's function f(x) = 20 + e − 20 exp(−0.2 √(Σxᵢ²/n)) − exp((1/n) Σ cos 2πxᵢ).
///
/// Domain [−32.768, 32.768]ⁿ, minimum 0 at the origin, where f has a kink; the gradient there is taken as 0. No start is
/// standard; this one is (2.3, −1.4, 2.3, −1.4, …).
///
/// Ackley, *A Connectionist Machine for Genetic Hillclimbing*, 1987.
pub fn ackley(n: usize) -> Instance {
    let start = [2.3, -1.4].into_iter().cycle().take(n).collect();
    Instance::new("ackley", Ackley, start).with_minimum(0.0)
}
