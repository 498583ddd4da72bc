//! Hypergradient descent on the learning rate of SGD.

use super::{Minibatch, Optimizer};
use crate::vector::dot;

/// How the rate follows h = g_tᵀ g_{t-1}.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateRule {
    /// α ← α + β h (SGD-HD).
    Additive {
        /// β.
        beta: f64,
    },
    /// α ← α (1 + β' h / (|g_t| |g_{t-1}|)): the additive rule with β = β' α / (|g_t| |g_{t-1}|).
    Multiplicative {
        /// β'.
        beta: f64,
    },
}

/// x ← x - α_t g_t, where α moves along its own gradient after the first step; α₀ is the rate of the first step. A rate that
/// changes later (a schedule) multiplies the steps by as much.
///
/// Baydin et al., arXiv 1703.04782, as in the authors' github.com/gbaydin/hypergradient-descent (`SGDHD`), where nothing keeps α
/// from becoming negative. The multiplicative rule is that of Martínez Rubio, 'Convergence analysis of an adaptive method of
/// gradient descent', MSc thesis, Oxford 2017, algorithm 3.1.3, without its search for α₀ by doubling.
#[derive(Clone, Debug)]
pub struct Hypergradient {
    /// How α follows.
    pub rule: RateRule,
    /// The rate of the first step, and α now.
    rates: Option<(f64, f64)>,
    gradient: Vec<f64>,
    before: Vec<f64>,
    rate_used: f64,
}

impl Hypergradient {
    /// β = 1e-3, which the authors' experiments on digits have (with α₀ = 1e-3), for `dimension` parameters.
    pub fn additive(dimension: usize) -> Self {
        Self::new(RateRule::Additive { beta: 1e-3 }, dimension)
    }

    /// β' = 0.05, as in the experiments of the thesis, for `dimension` parameters.
    pub fn multiplicative(dimension: usize) -> Self {
        Self::new(RateRule::Multiplicative { beta: 0.05 }, dimension)
    }

    fn new(rule: RateRule, dimension: usize) -> Self {
        Self {
            rule,
            rates: None,
            gradient: vec![0.0; dimension],
            before: vec![0.0; dimension],
            rate_used: 0.0,
        }
    }

    /// α after h was seen.
    fn adapted(&self, alpha: f64) -> f64 {
        let inner = dot(&self.gradient, &self.before);
        match self.rule {
            RateRule::Additive { beta } => alpha + beta * inner,
            RateRule::Multiplicative { beta } => {
                let norm = |v: &[f64]| dot(v, v).sqrt();
                let norms = norm(&self.gradient) * norm(&self.before);
                let cosine = if norms > 0.0 { inner / norms } else { 0.0 };
                alpha * (1.0 + beta * cosine)
            }
        }
    }
}

impl Optimizer for Hypergradient {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        let (first, alpha) = self.rates.unwrap_or((rate, rate));
        let alpha = self.adapted(alpha);
        self.rates = Some((first, alpha));
        let shape = if first == 0.0 { 1.0 } else { rate / first };
        let step = shape * alpha;
        self.rate_used = step;
        for (x, g) in x.iter_mut().zip(&self.gradient) {
            *x -= step * g;
        }
        std::mem::swap(&mut self.gradient, &mut self.before);
        loss
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.rate_used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ½ x² on whatever samples.
    struct Bowl;

    impl Minibatch for Bowl {
        fn value(&mut self, x: &[f64]) -> f64 {
            0.5 * dot(x, x)
        }
        fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            gradient.copy_from_slice(x);
            self.value(x)
        }
    }

    #[test]
    fn the_multiplicative_rule_by_hand() {
        let mut x = [1.0];
        let mut method = Hypergradient::multiplicative(1);
        // The gradients agree (cosine 1): α = 0.5, 0.5 · 1.05, 0.5 · 1.05²; x = 0.5, 0.5 · 0.475, 0.2375 · (1 - 0.55125)
        for wanted in [0.5, 0.2375, 0.2375 * 0.44875] {
            method.step(0.5, &mut x, &mut Bowl);
            assert!((x[0] - wanted).abs() < 1e-15, "{x:?} {wanted}");
        }
        // They oppose after a step beyond the minimum: α = 3, then 3 · 0.95.
        let (mut x, mut method) = ([1.0], Hypergradient::multiplicative(1));
        method.step(3.0, &mut x, &mut Bowl);
        method.step(3.0, &mut x, &mut Bowl);
        assert!((x[0] - (-2.0 + 2.0 * 2.85)).abs() < 1e-15);
        assert!((method.rate_used(3.0) - 2.85).abs() < 1e-15);
    }

    #[test]
    fn a_schedule_multiplies_what_was_found() {
        let (mut x, mut method) = ([1.0], Hypergradient::additive(1));
        method.step(0.5, &mut x, &mut Bowl);
        // α = 0.5 + 1e-3 · 0.5 · 1, of which a tenth.
        method.step(0.05, &mut x, &mut Bowl);
        assert!((method.rate_used(0.05) - 0.05005).abs() < 1e-15);
    }
}
