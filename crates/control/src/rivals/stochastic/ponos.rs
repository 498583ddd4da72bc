//! PoNoS: Polyak nonmonotone stochastic line search.

use super::minibatch_search::{Line, MinibatchSearch};
use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// Zhang and Hager's nonmonotone rule on the minibatch, from a Polyak step:
///
/// - η from f_i / (c_p |g|² + 1e-8) · δˡ, within \[1e-6, 10\]
/// - Q⁺ = ξ Q + 1, C⁺ = (ξ Q C + f_i) / Q⁺ (Q = C = 0 at the start)
/// - η ← δ η until f_i(x - η g) ≤ max(C⁺, f_i) - c η |g|²; x ← x - η g
/// - l ← max(l + backtracks - 1, 0), the memory of backtracks
///
/// The rate multiplies the accepted η (1 as published).
///
/// Galli, Rauhut and Schmidt, arXiv 2306.12747, as in `PoNoS.py` of the authors' github.com/leonardogalli91/PoNoS.
#[derive(Clone, Debug)]
pub struct Ponos {
    /// c.
    pub c: f64,
    /// c_p, the constant of the Polyak step.
    pub polyak: f64,
    /// δ.
    pub shrink: f64,
    /// ξ.
    pub xi: f64,
    /// The bounds on the first trial.
    pub bounds: (f64, f64),
    weight: f64,
    reference: f64,
    remembered: f64,
    gradient: Vec<f64>,
    trial: Vec<f64>,
    rate_used: f64,
}

impl Ponos {
    /// c = 0.5, c_p = 0.1, δ = 0.5, ξ = 1, η within \[1e-6, 10\], for `dimension` parameters.
    pub fn new(dimension: usize) -> Self {
        Self {
            c: 0.5,
            polyak: 0.1,
            shrink: 0.5,
            xi: 1.0,
            bounds: (1e-6, 10.0),
            weight: 0.0,
            reference: 0.0,
            remembered: 0.0,
            gradient: vec![0.0; dimension],
            trial: vec![0.0; dimension],
            rate_used: 0.0,
        }
    }
}

impl Optimizer for Ponos {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let squared = dot(&self.gradient, &self.gradient);
        let kept = self.xi * self.weight;
        self.weight = kept + 1.0;
        self.reference = (kept * self.reference + loss) / self.weight;
        self.rate_used = 0.0;
        if !(squared.sqrt() >= 1e-8) || loss == 0.0 {
            return loss;
        }
        let polyak = loss / (self.polyak * squared + 1e-8) * self.shrink.powf(self.remembered);
        let start = polyak.min(self.bounds.1).max(self.bounds.0);
        let search = MinibatchSearch {
            c: self.c,
            shrink: self.shrink,
        };
        let line = Line {
            x,
            gradient: &self.gradient,
            squared_gradient: squared,
        };
        let reference = self.reference.max(loss);
        let found = search.search(start, reference, line, &mut self.trial, batch);
        self.remembered = (self.remembered + f64::from(found.backtracks) - 1.0).max(0.0);
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
