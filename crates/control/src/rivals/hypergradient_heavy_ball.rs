//! HDM-HB: hypergradient descent with heavy-ball momentum.

use crate::minimiser::{Minimiser, Search};
use crate::vector::dot;

/// What is learned for the gradient: one rate, or one for each variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preconditioner {
    /// P = pI.
    Scalar,
    /// P = diag(p).
    Diagonal,
}

/// x½ = x - P g + β (x - x⁻); P and β follow their hypergradients by AdaGrad, online (Chu, Gao, Ye and Udell, ICML 2025,
/// arXiv 2502.11229, and their published implementation, github.com/udellgroup/osgm-best-hypergrad).
///
/// With g½ = ∇f(x½), the feedback is the relative progress (f(x½) - f(x)) / (|g|² + τ/2 |x - x⁻|²), whose gradients are
///
/// - ∂/∂p = -g½ᵀg / (|g|² + τ/2 |x - x⁻|²), or -g½ᵢ gᵢ / (...) for each variable,
/// - ∂/∂β = g½ᵀ(x - x⁻) / (|g|² + τ/2 |x - x⁻|²);
///
/// AdaGrad: p ← p - η ∂/√(Σ ∂²), β likewise with its own rate, within [0, 0.9995]. Where f(x½) < f(x) the step is taken, else it is a
/// null step: x stays, x⁻ = x, and P and β have learned from it. P starts at 0 and β at 0.95, so that the first step is -ηg.
///
/// The published settings for a function whose Lipschitz constant L nobody knows: η = 0.1, multiplied by 0.05 (not below 0.01 of the
/// first) every 50 steps, β's rate 1, τ = 0; once there are N steps taken more than twice the null steps, with N a quarter of the steps
/// that the budget allows within [20, 200], L is the mean of |g½ - g| / |x½ - x| over the steps longer than 1e-3, η = 1/L,
/// τ = L²/2, and AdaGrad's sum for P starts anew. Ours: a trial that is not finite is a null step that halves P and β.
#[derive(Clone, Copy, Debug)]
pub struct HypergradientHeavyBall {
    /// What is learned for the gradient.
    pub preconditioner: Preconditioner,
    /// η of P.
    pub rate: f64,
    /// η of β.
    pub momentum_rate: f64,
}

impl HypergradientHeavyBall {
    /// With the published rates.
    pub fn new(preconditioner: Preconditioner) -> Self {
        Self {
            preconditioner,
            rate: 0.1,
            momentum_rate: 1.0,
        }
    }
}

/// β lies in [0, this].
const LARGEST_MOMENTUM: f64 = 0.9995;
const FIRST_MOMENTUM: f64 = 0.95;
/// AdaGrad's ε, and the floor of the feedback's denominator.
const EPSILON: f64 = 1e-12;

impl Minimiser for HypergradientHeavyBall {
    fn minimise(&mut self, search: &mut Search) -> Option<()> {
        let (mut x, mut g) = (search.start().to_vec(), search.start_gradient().to_vec());
        let (mut trial, mut trial_gradient) = (x.clone(), g.clone());
        let mut momentum = vec![0.0; x.len()];
        let mut value = search.start_value();
        let mut squared_gradient = dot(&g, &g);
        let parameters = match self.preconditioner {
            Preconditioner::Scalar => 1,
            Preconditioner::Diagonal => x.len(),
        };
        let mut p = AdaGrad::starting_at(0.0, parameters);
        let mut beta = AdaGrad::starting_at(FIRST_MOMENTUM, 1);
        let mut curvature = CurvatureEstimate::within(1 + search.left() / 2);
        let mut rate = self.rate;
        // The first trial is x₀ itself, since P = 0: a null step that need not be evaluated again.
        let mut first = true;
        for step in 1u64.. {
            let squared_momentum = dot(&momentum, &momentum);
            let trial_value = if first {
                value
            } else {
                for i in 0..x.len() {
                    trial[i] = x[i] - p.at(i) * g[i] + beta.at(0) * momentum[i];
                }
                // What a table of rates shows of a diagonal is its mean.
                search.try_point(&trial, p.mean())?
            };
            let taken = trial_value < value;
            let trial_squared_gradient = if first {
                squared_gradient
            } else if taken {
                search.accept(&trial, &mut trial_gradient)?
            } else if trial_value.is_finite() {
                search.gradient(&trial, &mut trial_gradient)?
            } else {
                f64::NAN
            };
            first = false;
            if trial_squared_gradient.is_finite() {
                let scale = squared_gradient + curvature.damping(squared_momentum);
                match self.preconditioner {
                    Preconditioner::Scalar => p.learn(0, rate, -dot(&trial_gradient, &g) / scale),
                    Preconditioner::Diagonal => {
                        for i in 0..g.len() {
                            p.learn(i, rate, -trial_gradient[i] * g[i] / scale);
                        }
                    }
                }
                beta.learn(
                    0,
                    self.momentum_rate,
                    dot(&trial_gradient, &momentum) / scale,
                );
                beta.clamp(0.0, LARGEST_MOMENTUM);
            } else {
                p.halve();
                beta.halve();
            }
            if step % 50 == 49 && !curvature.known() {
                rate = (0.05 * rate).max(0.01 * self.rate);
            }
            if taken {
                curvature.observe(&x, &trial, &g, &trial_gradient);
                for ((m, new), old) in momentum.iter_mut().zip(&trial).zip(&x) {
                    *m = new - old;
                }
                std::mem::swap(&mut x, &mut trial);
                std::mem::swap(&mut g, &mut trial_gradient);
                value = trial_value;
                squared_gradient = trial_squared_gradient;
            } else {
                momentum.fill(0.0);
                curvature.null_step();
            }
            if let Some(lipschitz) = curvature.settle() {
                rate = 1.0 / lipschitz;
                p.forget();
            }
        }
        None
    }
}

/// Parameters that follow their gradients: v ← v - η ∂/(√(Σ ∂²) + ε), each by itself.
struct AdaGrad {
    values: Vec<f64>,
    sums: Vec<f64>,
}

impl AdaGrad {
    fn starting_at(value: f64, parameters: usize) -> Self {
        Self {
            values: vec![value; parameters],
            sums: vec![0.0; parameters],
        }
    }

    /// The parameter of variable `i`; a single one serves all.
    fn at(&self, i: usize) -> f64 {
        self.values[i % self.values.len()]
    }

    fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    fn learn(&mut self, i: usize, rate: f64, derivative: f64) {
        self.sums[i] += derivative * derivative;
        self.values[i] -= rate * derivative / (self.sums[i].sqrt() + EPSILON);
    }

    fn clamp(&mut self, least: f64, largest: f64) {
        for value in &mut self.values {
            *value = value.max(least).min(largest);
        }
    }

    fn halve(&mut self) {
        self.values.iter_mut().for_each(|v| *v *= 0.5);
    }

    fn forget(&mut self) {
        self.sums.fill(0.0);
    }
}

/// L, estimated once enough steps were taken.
struct CurvatureEstimate {
    needed: f64,
    /// Steps taken less twice the null steps, not below 0.
    progress: u64,
    sum: f64,
    count: u64,
    lipschitz: Option<f64>,
}

impl CurvatureEstimate {
    /// For a search of at most so many steps.
    fn within(steps: u64) -> Self {
        Self {
            needed: (0.25 * steps as f64).clamp(20.0, 200.0),
            progress: 0,
            sum: 0.0,
            count: 0,
            lipschitz: None,
        }
    }

    fn known(&self) -> bool {
        self.lipschitz.is_some()
    }

    /// τ/2 |x - x⁻|².
    fn damping(&self, squared_momentum: f64) -> f64 {
        self.lipschitz
            .map_or(EPSILON, |l| 0.25 * squared_momentum * l * l)
    }

    fn observe(&mut self, x: &[f64], x_next: &[f64], g: &[f64], g_next: &[f64]) {
        let length = distance(x, x_next);
        if length > 1e-3 {
            self.sum += distance(g, g_next) / length;
            self.count += 1;
        }
        self.progress += 1;
    }

    fn null_step(&mut self) {
        self.progress = self.progress.saturating_sub(2);
    }

    /// L, at the moment at which it becomes known.
    fn settle(&mut self) -> Option<f64> {
        if self.known() || self.progress as f64 <= self.needed || !(self.sum > 0.0) {
            return None;
        }
        self.lipschitz = Some(self.sum / self.count as f64);
        self.lipschitz
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeterministicSettings, Record, minimiser::minimise};
    use qstride_objectives::{Instance, quadratic::Quadratic};
    use std::sync::Arc;

    fn on_a_bowl(curvatures: &[f64], preconditioner: Preconditioner, budget: u64) -> Record {
        let start = vec![1.0; curvatures.len()];
        let bowl = Instance::new("bowl", Quadratic::Diagonal(curvatures.to_vec()), start);
        let settings = DeterministicSettings {
            budget,
            trace: true,
            ..Default::default()
        };
        let mut method = HypergradientHeavyBall::new(preconditioner);
        minimise(Arc::new(bowl), settings, &mut method).0
    }

    #[test]
    fn two_steps_by_hand() {
        // f = ½ x² from 1. P = 0.1 after the null step: x = 0.9. ∂/∂p = -0.9: p = 0.1 + 0.09/√1.81; then the momentum is -0.1:
        // x = 0.9 - 0.9 p - 0.095.
        let record = on_a_bowl(&[1.0], Preconditioner::Scalar, 6);
        let p = 0.1 + 0.09 / 1.81f64.sqrt();
        let second = 0.805 - 0.9 * p;
        let expected = [(0.1, 0.5 * 0.81), (p, 0.5 * second * second)];
        assert_eq!(record.trace.len(), 2);
        for (step, (rate, value)) in record.trace.iter().zip(expected) {
            assert!((step.rate - rate).abs() < 1e-11, "{} {rate}", step.rate);
            assert!((step.trial_value - value).abs() < 1e-11);
            assert!(step.accepted);
        }
        assert_eq!(
            (record.evaluations.values, record.evaluations.gradients),
            (3, 3)
        );
    }

    #[test]
    fn a_null_step_is_not_taken_and_teaches() {
        // f = ½ 100 x² from 1: the first step of 0.1 leads to -9, where ∂/∂p = 9: p = 0.1 - 0.1 · 9/√82, then x = 1 - 100 p.
        let record = on_a_bowl(&[100.0], Preconditioner::Scalar, 6);
        let p = 0.1 - 0.9 / 82f64.sqrt();
        assert!(!record.trace[0].accepted && record.trace[1].accepted);
        assert!((record.trace[1].rate - p).abs() < 1e-11);
        assert!((record.best_value - 50.0 * (1.0 - 100.0 * p).powi(2)).abs() < 1e-7);
    }

    #[test]
    fn a_diagonal_learns_each_rate_by_itself() {
        // After the first step of (0.1, 0.1): x = (0.9, 0.6), ∂ = -(0.9, 2.4 · 4)/17, sums 1/17² + ..., 16²/17² + ...
        let record = on_a_bowl(&[1.0, 4.0], Preconditioner::Diagonal, 6);
        let learned = |first: f64, second: f64| 0.1 + 0.1 * second / first.hypot(second);
        let mean = 0.5 * (learned(1.0, 0.9) + learned(16.0, 9.6));
        assert!((record.trace[1].rate - mean).abs() < 1e-10);
    }

    #[test]
    fn the_curvature_is_settled_once() {
        let mut estimate = CurvatureEstimate::within(40);
        let observe = |estimate: &mut CurvatureEstimate| {
            estimate.observe(&[0.0], &[1.0], &[0.0], &[3.0]);
            estimate.settle()
        };
        for _ in 0..20 {
            assert_eq!(observe(&mut estimate), None);
        }
        estimate.null_step();
        assert_eq!(observe(&mut estimate), None);
        assert_eq!(observe(&mut estimate), None);
        assert_eq!(estimate.damping(2.0), EPSILON);
        assert_eq!(observe(&mut estimate), Some(3.0));
        assert_eq!(estimate.damping(2.0), 4.5);
        assert_eq!(observe(&mut estimate), None);
    }
}
