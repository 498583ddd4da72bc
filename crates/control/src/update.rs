//! The update: from a base point to the next one.

use crate::plane::PlaneStep;
use crate::rivals::stochastic::{Adam, Sgd};

/// The trial point x - αg, written into `trial`.
pub fn gradient_step(x: &[f64], rate: f64, gradient: &[f64], trial: &mut [f64]) {
    for ((t, x), g) in trial.iter_mut().zip(x).zip(gradient) {
        *t = x - rate * g;
    }
}

/// The trial point x - αg + βs, written into `trial`; s = x - x₋ leads from the base point before.
pub fn momentum_step(
    x: &[f64],
    before: &[f64],
    step: &PlaneStep,
    gradient: &[f64],
    trial: &mut [f64],
) {
    let points = x.iter().zip(before);
    for ((t, (x, b)), g) in trial.iter_mut().zip(points).zip(gradient) {
        *t = x - step.rate * g + step.momentum * (x - b);
    }
}

/// An optimizer over a flat slice, for the stochastic regime.
#[derive(Clone, Debug)]
pub enum SliceOptimizer {
    /// Plain, with momentum or with Nesterov's.
    Sgd(Sgd),
    /// Adam.
    Adam(Adam),
}

/// Which optimizer a schedule drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// v ← 0.9 v + g; x ← x - αv (Polyak 1964, in PyTorch's form).
    #[default]
    Momentum,
    /// Adam with β = (0.9, 0.999), ε = 1e-8 (Kingma and Ba, arXiv 1412.6980).
    Adam,
    /// x ← x - αg.
    Sgd,
}

impl SliceOptimizer {
    /// For `dimension` parameters, with its state at zero.
    pub fn new(kind: OptimizerKind, dimension: usize) -> Self {
        match kind {
            OptimizerKind::Sgd => Self::Sgd(Sgd::plain()),
            OptimizerKind::Momentum => Self::Sgd(Sgd::momentum(dimension)),
            OptimizerKind::Adam => Self::Adam(Adam::new(dimension)),
        }
    }

    /// Forgets momentum and counts.
    pub fn reset(&mut self) {
        match self {
            Self::Sgd(sgd) => sgd.reset(),
            Self::Adam(adam) => adam.reset(),
        }
    }

    /// Writes the update Δ into `step`: x ← x + Δ.
    pub fn step(&mut self, rate: f64, gradient: &[f64], step: &mut [f64]) {
        match self {
            Self::Sgd(sgd) => sgd.update(rate, gradient, step),
            Self::Adam(adam) => adam.update(rate, gradient, step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_steps(kind: OptimizerKind) -> [f64; 2] {
        let mut optimizer = SliceOptimizer::new(kind, 1);
        let mut steps = [0.0; 2];
        for (step, gradient) in steps.iter_mut().zip([1.0, 3.0]) {
            optimizer.step(0.1, &[gradient], std::slice::from_mut(step));
        }
        steps
    }

    #[test]
    fn momentum_by_hand() {
        let step = PlaneStep {
            rate: 0.5,
            momentum: 2.0,
        };
        let mut trial = [0.0; 2];
        momentum_step(&[1.0, 2.0], &[0.0, 3.0], &step, &[4.0, 2.0], &mut trial);
        // (1 - 2 + 2 · 1, 2 - 1 + 2 · (-1))
        assert_eq!(trial, [1.0, -1.0]);
    }

    #[test]
    fn steps_by_hand() {
        assert_eq!(two_steps(OptimizerKind::Sgd), [-0.1, -0.1 * 3.0]);
        assert_eq!(two_steps(OptimizerKind::Momentum), [-0.1, -0.1 * 3.9]);
        let adam = two_steps(OptimizerKind::Adam);
        // m = .39, v = .009999; m / .19 = 2.0526, v / .001999 = 5.0020, root 2.2365
        assert!(
            (adam[0] + 0.1).abs() < 1e-8
                && (adam[1] + 0.1 * 2.052_631_6 / 2.236_515_4).abs() < 1e-7,
            "{adam:?}"
        );
    }
}
