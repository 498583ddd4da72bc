//! Counts every value and every gradient of an objective; no method counts itself.

use std::sync::Arc;

use qstride_objectives::Objective;
use serde::{Deserialize, Serialize};

/// How often an objective was evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluations {
    /// Evaluations of f.
    pub values: u64,
    /// Evaluations of ∇f. A joint call counts one value and one gradient.
    pub gradients: u64,
}

impl Evaluations {
    /// values + w · gradients.
    pub fn cost(&self, gradient_weight: f64) -> f64 {
        self.values as f64 + gradient_weight * self.gradients as f64
    }
}

/// An objective with its counts and its budget: values + gradients may reach, and not pass, `budget`.
#[derive(Clone)]
pub struct Evaluator {
    objective: Arc<dyn Objective>,
    count: Evaluations,
    budget: u64,
}

impl Evaluator {
    /// Nothing spent yet.
    pub fn new(objective: Arc<dyn Objective>, budget: u64) -> Self {
        Self {
            objective,
            count: Evaluations::default(),
            budget,
        }
    }

    /// f(x), counted.
    pub fn value(&mut self, x: &[f64]) -> f64 {
        self.count.values += 1;
        self.objective.value(x)
    }

    /// ∇f(x) into `gradient`, counted.
    pub fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) {
        self.count.gradients += 1;
        self.objective.gradient(x, gradient);
    }

    /// What was spent so far.
    pub fn count(&self) -> Evaluations {
        self.count
    }

    /// Whether nothing is left.
    pub fn exhausted(&self) -> bool {
        self.count.values + self.count.gradients >= self.budget
    }

    /// The share of the budget that is left, in [0, 1].
    pub fn left(&self) -> f64 {
        1.0 - (self.count.values + self.count.gradients).min(self.budget) as f64
            / self.budget.max(1) as f64
    }

    /// The objective itself, for what costs nothing: its name, dimension, start and known minimum.
    pub fn objective(&self) -> &Arc<dyn Objective> {
        &self.objective
    }
}
