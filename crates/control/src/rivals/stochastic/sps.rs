//! SPS_max: the stochastic Polyak step size.

use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// γ_k = min((f_i - f*) / (c |g|² + ε), τ^(b/n) γ_{k-1}), x ← x - γ_k g: Polyak's step on the minibatch, growing by at most the
/// factor τ an epoch. The rate multiplies γ_k (1 as published).
///
/// Loizou, Vaswani, Laradji and Lacoste-Julien, arXiv 2002.10542, with the smoothed bound of the authors'
/// github.com/IssamLaradji/sps (`smooth_iter`). Their code has γ at 0 for good after a gradient of zero; here it keeps its value.
#[derive(Clone, Debug)]
pub struct Sps {
    /// c.
    pub c: f64,
    /// τ.
    pub growth: f64,
    /// f*, the least loss of a minibatch.
    pub least_loss: f64,
    /// ε.
    pub epsilon: f64,
    steps_an_epoch: f64,
    step_size: f64,
    gradient: Vec<f64>,
    rate_used: f64,
}

impl Sps {
    /// c = 0.5, τ = 2, f* = 0, ε = 1e-8, γ₀ = 1, for `dimension` parameters and n/b = `steps_an_epoch`.
    pub fn new(dimension: usize, steps_an_epoch: f64) -> Self {
        Self {
            c: 0.5,
            growth: 2.0,
            least_loss: 0.0,
            epsilon: 1e-8,
            steps_an_epoch,
            step_size: 1.0,
            gradient: vec![0.0; dimension],
            rate_used: 0.0,
        }
    }
}

impl Optimizer for Sps {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let squared = dot(&self.gradient, &self.gradient);
        if squared.sqrt() < 1e-8 {
            self.rate_used = 0.0;
            return loss;
        }
        let polyak = (loss - self.least_loss) / (self.c * squared + self.epsilon);
        let bound = self.growth.powf(1.0 / self.steps_an_epoch) * self.step_size;
        self.step_size = bound.min(polyak);
        let step = rate * self.step_size;
        self.rate_used = step;
        for (x, g) in x.iter_mut().zip(&self.gradient) {
            *x -= step * g;
        }
        loss
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.rate_used
    }
}
