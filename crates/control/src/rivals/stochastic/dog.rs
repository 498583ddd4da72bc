//! DoG: distance over gradients.

use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// η_t = c max_{i ≤ t} |x_i - x₀| / √(Σ_{i ≤ t} |g_i|² + ε), x ← x - η g, with c the rate (1 as published) and the first distance
/// r (1 + |x₀|).
///
/// Averaged, x̄ ← x̄ + w (x - x̄) with w = (1 + γ)/(t + γ) after step t = 1, 2, ... is the point that counts; the authors call
/// averaging crucial.
///
/// Ivgi, Hinder and Carmon, arXiv 2302.12022, as in the authors' github.com/formll/dog; the average is that of Shamir and Zhang,
/// ICML 2013.
#[derive(Clone, Debug)]
pub struct Dog {
    /// ε.
    pub epsilon: f64,
    distance: f64,
    squares: f64,
    steps: u64,
    x0: Vec<f64>,
    gradient: Vec<f64>,
    average: Option<Average>,
    rate_used: f64,
}

#[derive(Clone, Debug)]
struct Average {
    gamma: f64,
    point: Vec<f64>,
}

impl Dog {
    /// r = 1e-6, ε = 1e-8, without averaging; from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        Self {
            epsilon: 1e-8,
            distance: 1e-6 * (1.0 + dot(x0, x0).sqrt()),
            squares: 0.0,
            steps: 0,
            x0: x0.to_vec(),
            gradient: vec![0.0; x0.len()],
            average: None,
            rate_used: 0.0,
        }
    }

    /// The same with averaging, γ = 8.
    pub fn averaged(x0: &[f64]) -> Self {
        Self {
            average: Some(Average {
                gamma: 8.0,
                point: x0.to_vec(),
            }),
            ..Self::new(x0)
        }
    }
}

impl Optimizer for Dog {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let squared_distance: f64 = x.iter().zip(&self.x0).map(|(x, x0)| (x - x0).powi(2)).sum();
        self.distance = self.distance.max(squared_distance.sqrt());
        self.squares += dot(&self.gradient, &self.gradient);
        self.steps += 1;
        let step = rate * self.distance / (self.squares + self.epsilon).sqrt();
        self.rate_used = step;
        for (x, g) in x.iter_mut().zip(&self.gradient) {
            *x -= step * g;
        }
        if let Some(Average { gamma, point }) = &mut self.average {
            let weight = (1.0 + *gamma) / (self.steps as f64 + *gamma);
            for (mean, x) in point.iter_mut().zip(&*x) {
                *mean += weight * (x - *mean);
            }
        }
        loss
    }

    fn judged<'a>(&'a self, x: &'a [f64]) -> &'a [f64] {
        self.average.as_ref().map_or(x, |average| &average.point)
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.rate_used
    }
}
