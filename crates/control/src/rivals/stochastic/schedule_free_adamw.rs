//! Schedule-free AdamW.

use super::{Minibatch, Optimizer, ScheduleFreeAverage};

/// v ← β₂ v + (1 - β₂) g²; u = g / (√(v / (1 - β₂ᵗ)) + ε) + λ y, on the three sequences of [`ScheduleFreeAverage`], whose β takes
/// the place of β₁ (Defazio et al., arXiv 2405.15682; `AdamWScheduleFree`, whose default rate is 0.0025).
#[derive(Clone, Debug)]
pub struct ScheduleFreeAdamW {
    /// The sequences, with β = 0.9.
    pub average: ScheduleFreeAverage,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// λ.
    pub weight_decay: f64,
    second: Vec<f64>,
    gradient: Vec<f64>,
    steps: i32,
}

impl ScheduleFreeAdamW {
    /// The published defaults, β₂ = 0.999, ε = 1e-8, λ = 0; from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        Self {
            average: ScheduleFreeAverage::new(x0),
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            second: vec![0.0; x0.len()],
            gradient: vec![0.0; x0.len()],
            steps: 0,
        }
    }
}

impl Optimizer for ScheduleFreeAdamW {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        self.steps = self.steps.saturating_add(1);
        let correction = 1.0 - self.beta2.powi(self.steps);
        for ((g, v), y) in self.gradient.iter_mut().zip(&mut self.second).zip(&*x) {
            *v = self.beta2 * *v + (1.0 - self.beta2) * *g * *g;
            *g = *g / ((*v / correction).sqrt() + self.epsilon) + self.weight_decay * y;
        }
        self.average.advance(rate, &self.gradient, x);
        loss
    }

    fn judged<'a>(&'a self, _x: &'a [f64]) -> &'a [f64] {
        self.average.point()
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.average.rate_used()
    }
}
