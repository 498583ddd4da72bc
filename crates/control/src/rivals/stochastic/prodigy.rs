//! Prodigy: Adam that estimates the distance to the solution.

use super::{Minibatch, Optimizer};

/// With γ the rate (1 as published), d the estimate, r = d² γ / d₀ and everything on the right of the step before:
///
/// - a ← √β₂ a + r gᵀ(x₀ - x), s ← √β₂ s + r g
/// - m ← β₁ m + (1 - β₁) d g, v ← β₂ v + (1 - β₂) d² g²
/// - d̂ = c a / |s|₁; d⁺ = max(d, d̂) (while d = d₀, later max over all d̂, grown by at most `growth` a step)
/// - x ← (1 - γ d λ) x - γ d m / (√v + d⁺ ε)
///
/// Mishchenko and Defazio, arXiv 2306.06101, as in the authors' github.com/konstmish/prodigy without bias correction (their
/// default).
#[derive(Clone, Debug)]
pub struct Prodigy {
    /// β₁ and β₂.
    pub beta: (f64, f64),
    /// ε.
    pub epsilon: f64,
    /// λ, decoupled.
    pub weight_decay: f64,
    /// c.
    pub coefficient: f64,
    /// The most that d may grow by in a step.
    pub growth: f64,
    first_distance: f64,
    distance: f64,
    largest_distance: f64,
    numerator: f64,
    x0: Vec<f64>,
    s: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    gradient: Vec<f64>,
    rate_used: f64,
}

impl Prodigy {
    /// β = (0.9, 0.999), ε = 1e-8, λ = 0, c = 1, no bound on growth, d₀ = 1e-6; from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        let zeros = vec![0.0; x0.len()];
        let first_distance = 1e-6;
        Self {
            beta: (0.9, 0.999),
            epsilon: 1e-8,
            weight_decay: 0.0,
            coefficient: 1.0,
            growth: f64::INFINITY,
            first_distance,
            distance: first_distance,
            largest_distance: first_distance,
            numerator: 0.0,
            x0: x0.to_vec(),
            s: zeros.clone(),
            first: zeros.clone(),
            second: zeros.clone(),
            gradient: zeros,
            rate_used: 0.0,
        }
    }

    /// d, the estimate of the distance from the start to a solution.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// Takes the gradient into the moments and, with r = `weight`, into s; returns gᵀ(x₀ - x) and |s|₁.
    fn accumulate(&mut self, x: &[f64], weight: f64) -> (f64, f64) {
        let (d, (beta1, beta2)) = (self.distance, self.beta);
        let decay = beta2.sqrt();
        let (mut inner, mut norm) = (0.0, 0.0);
        let moments = self.first.iter_mut().zip(&mut self.second);
        let origin = self.x0.iter().zip(&mut self.s);
        for (((g, x), (m, v)), (x0, s)) in self.gradient.iter().zip(x).zip(moments).zip(origin) {
            inner += g * (x0 - x);
            *m = beta1 * *m + d * (1.0 - beta1) * g;
            *v = beta2 * *v + d * d * (1.0 - beta2) * g * g;
            *s = decay * *s + weight * g;
            norm += s.abs();
        }
        (inner, norm)
    }
}

impl Optimizer for Prodigy {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let scaled = self.distance * rate;
        self.rate_used = scaled;
        if rate <= 0.0 {
            return loss;
        }
        let weight = self.distance / self.first_distance * scaled;
        let (inner, norm) = self.accumulate(x, weight);
        if norm == 0.0 {
            return loss;
        }
        self.numerator = self.beta.1.sqrt() * self.numerator + weight * inner;
        let estimate = self.coefficient * self.numerator / norm;
        if self.distance == self.first_distance {
            self.distance = self.distance.max(estimate);
        }
        self.largest_distance = self.largest_distance.max(estimate);
        self.distance = self.largest_distance.min(self.distance * self.growth);
        let kept = 1.0 - self.weight_decay * scaled;
        let epsilon = self.distance * self.epsilon;
        for ((x, m), v) in x.iter_mut().zip(&self.first).zip(&self.second) {
            *x = kept * *x - scaled * m / (v.sqrt() + epsilon);
        }
        loss
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.rate_used
    }
}
