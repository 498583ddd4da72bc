//! D-Adaptation for SGD.

use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// With γ the rate (1 as published) and λ = γ d / |g₀|:
///
/// - a ← a + λ gᵀs, then s ← s + λ g
/// - d ← max(d, min(2 a / |s|, d · `growth`))
/// - z = x₀ - s; x ← μ x + (1 - μ) z
///
/// Defazio and Mishchenko, arXiv 2301.07733, as in the authors' github.com/facebookresearch/dadaptation (`DAdaptSGD`).
#[derive(Clone, Debug)]
pub struct DAdaptationSgd {
    /// μ.
    pub momentum: f64,
    /// The most that d may grow by in a step.
    pub growth: f64,
    distance: f64,
    numerator: f64,
    first_norm: Option<f64>,
    x0: Vec<f64>,
    s: Vec<f64>,
    gradient: Vec<f64>,
    rate_used: f64,
}

impl DAdaptationSgd {
    /// μ = 0, no bound on growth, d₀ = 1e-6; from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        Self {
            momentum: 0.0,
            growth: f64::INFINITY,
            distance: 1e-6,
            numerator: 0.0,
            first_norm: None,
            x0: x0.to_vec(),
            s: vec![0.0; x0.len()],
            gradient: vec![0.0; x0.len()],
            rate_used: 0.0,
        }
    }
}

impl Optimizer for DAdaptationSgd {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        // A first gradient of zero has no direction to go: the next one is the first.
        let norm = dot(&self.gradient, &self.gradient).sqrt();
        if self.first_norm.is_none() && norm == 0.0 {
            return loss;
        }
        let scaled = self.distance * rate / *self.first_norm.get_or_insert(norm);
        self.rate_used = scaled;
        if rate <= 0.0 {
            return loss;
        }
        self.numerator += scaled * dot(&self.gradient, &self.s);
        for (s, g) in self.s.iter_mut().zip(&self.gradient) {
            *s += scaled * g;
        }
        let length = dot(&self.s, &self.s).sqrt();
        if length == 0.0 {
            return loss;
        }
        let estimate = 2.0 * self.numerator / length;
        self.distance = self.distance.max(estimate.min(self.distance * self.growth));
        for ((x, x0), s) in x.iter_mut().zip(&self.x0).zip(&self.s) {
            *x = self.momentum * *x + (1.0 - self.momentum) * (x0 - s);
        }
        loss
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.rate_used
    }
}
