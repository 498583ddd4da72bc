//! SGD, momentum, Nesterov, Adam and AdamW as rivals.

use super::{Minibatch, Optimizer};
use crate::update::SliceOptimizer;

/// A [`SliceOptimizer`] on minibatches, with decoupled weight decay: x ← (1 - α λ) x + Δ, as PyTorch's `AdamW` has it (Loshchilov
/// and Hutter, arXiv 1711.05101). λ = 0 is the optimizer alone.
#[derive(Clone, Debug)]
pub struct Descent {
    /// λ.
    pub weight_decay: f64,
    rule: SliceOptimizer,
    gradient: Vec<f64>,
    step: Vec<f64>,
}

impl Descent {
    /// `rule` without weight decay, for `dimension` parameters.
    pub fn new(rule: SliceOptimizer, dimension: usize) -> Self {
        Self {
            weight_decay: 0.0,
            rule,
            gradient: vec![0.0; dimension],
            step: vec![0.0; dimension],
        }
    }

    /// The same with λ = `weight_decay`.
    pub fn with_weight_decay(self, weight_decay: f64) -> Self {
        Self {
            weight_decay,
            ..self
        }
    }
}

impl Optimizer for Descent {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        self.rule.step(rate, &self.gradient, &mut self.step);
        let kept = 1.0 - rate * self.weight_decay;
        for (x, step) in x.iter_mut().zip(&self.step) {
            *x = kept * *x + step;
        }
        loss
    }
}
