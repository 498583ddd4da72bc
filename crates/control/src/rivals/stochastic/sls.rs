//! SLS: stochastic line search.

use super::minibatch_search::{Line, MinibatchSearch};
use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// Where a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// At the step size that the last one found (the authors' option 0).
    Keep,
    /// At γ^(b/n) times that (their option 1, the default).
    Grow,
    /// At the first step size (their option 2).
    Restart,
}

/// Armijo's rule on the minibatch: from the start that [`Reset`] says, η ← β η until f_i(x - η g) ≤ f_i(x) - c η |g|²;
/// x ← x - η g. The rate multiplies the accepted η (1 as published).
///
/// Vaswani et al., 'Painless stochastic gradient', arXiv 1905.09997, as in the authors' github.com/IssamLaradji/sls (`Sls` with
/// `armijo`).
#[derive(Clone, Debug)]
pub struct Sls {
    /// c.
    pub c: f64,
    /// β.
    pub shrink: f64,
    /// γ.
    pub growth: f64,
    /// Where a search begins.
    pub reset: Reset,
    /// η_max, which no search begins above; their Armijo search has none, their Goldstein search 10.
    pub largest: f64,
    first_size: f64,
    steps_an_epoch: f64,
    size: f64,
    gradient: Vec<f64>,
    trial: Vec<f64>,
    rate_used: f64,
}

impl Sls {
    /// c = 0.1, β = 0.9, γ = 2, [`Reset::Grow`], η₀ = 1, no η_max, for `dimension` parameters and n/b = `steps_an_epoch`.
    pub fn new(dimension: usize, steps_an_epoch: f64) -> Self {
        let first_size = 1.0;
        Self {
            c: 0.1,
            shrink: 0.9,
            growth: 2.0,
            reset: Reset::Grow,
            largest: f64::INFINITY,
            first_size,
            steps_an_epoch,
            size: first_size,
            gradient: vec![0.0; dimension],
            trial: vec![0.0; dimension],
            rate_used: 0.0,
        }
    }
}

impl Optimizer for Sls {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let start = match self.reset {
            Reset::Keep => self.size,
            Reset::Grow => self.size * self.growth.powf(1.0 / self.steps_an_epoch),
            Reset::Restart => self.first_size,
        };
        self.size = start.min(self.largest);
        self.rate_used = 0.0;
        let squared = dot(&self.gradient, &self.gradient);
        if !(squared.sqrt() >= 1e-8) {
            return loss;
        }
        let search = MinibatchSearch {
            c: self.c,
            shrink: self.shrink,
        };
        let line = Line {
            x,
            gradient: &self.gradient,
            squared_gradient: squared,
        };
        let found = search.search(self.size, loss, line, &mut self.trial, batch);
        self.size = found.size;
        let step = rate * found.step;
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
