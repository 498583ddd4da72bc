//! Linear regression with the loss of Huber.

use std::sync::Arc;

use crate::dataset::Split;
use crate::network::{Network, Rows};
use crate::objective::{Objective, StochasticObjective};
use crate::task::{TaskError, check_constant, numeric_targets};
use crate::test_score::r_squared;

/// f(w, b) = (1/N) Σᵢ h(wᵀaᵢ + b - yᵢ) + ½ λ |w|², with h(r) = ½ r² for |r| <= δ and δ (|r| - ½ δ) beyond.
///
/// Variables: w, d of them, then b. Start: 0. The targets are standardised, so that δ counts standard deviations. Convex; once
/// differentiable. Source: Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35, 1964.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::generated::generate_regression;
/// use qstride_objectives::huber_regression::HuberRegression;
/// use qstride_objectives::Objective;
///
/// let split = generate_regression(120, 4, 7)?.split(0.75, 0)?;
/// let objective = HuberRegression::new(Arc::new(split), 1.0, 1e-4)?;
/// assert_eq!(objective.dimension(), 5);
/// // At 0 the prediction is the mean of the train part: it explains nothing.
/// assert!(objective.test_score(&objective.start()) <= Some(0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HuberRegression {
    name: String,
    data: Arc<Split>,
    targets: Vec<f64>,
    delta: f64,
    network: Network,
}

impl HuberRegression {
    /// The objective on the train part of `data` with the threshold δ = `delta` and the ridge λ = `ridge`.
    ///
    /// # Errors
    ///
    /// [`TaskError::ClassTarget`], [`TaskError::Constant`] for a threshold that is not positive, a ridge that is negative, or
    /// one that is not finite.
    pub fn new(data: Arc<Split>, delta: f64, ridge: f64) -> Result<Self, TaskError> {
        check_constant("ridge", ridge, ridge >= 0.0)?;
        check_constant("delta", delta, delta > 0.0)?;
        let targets = numeric_targets("huber", data.train())?.to_vec();
        let network = Network::linear(data.train().columns(), 1, ridge);
        Ok(Self {
            name: format!("{}/huber", data.train().name()),
            targets,
            delta,
            data,
            network,
        })
    }

    fn evaluate(&self, x: &[f64], rows: Rows<'_>, gradient: Option<&mut [f64]>) -> f64 {
        let loss = |row: usize, scores: &mut [f64]| {
            huber_loss(&mut scores[0], self.targets[row], self.delta)
        };
        self.network
            .mean_loss(x, self.data.train(), rows, gradient, loss)
    }
}

/// h(z - y); leaves the derivative by z in its place.
fn huber_loss(score: &mut f64, target: f64, delta: f64) -> f64 {
    let residual = *score - target;
    if residual.abs() <= delta {
        *score = residual;
        0.5 * residual * residual
    } else {
        *score = delta * residual.signum();
        delta * (residual.abs() - 0.5 * delta)
    }
}

impl Objective for HuberRegression {
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        "huber"
    }

    fn dimension(&self) -> usize {
        self.network.parameters()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.evaluate(x, Rows::All, None)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.evaluate(x, Rows::All, Some(gradient));
    }

    fn start(&self) -> Vec<f64> {
        vec![0.0; self.dimension()]
    }

    fn test_score(&self, x: &[f64]) -> Option<f64> {
        r_squared(&self.network, x, self.data.test())
    }
}

impl StochasticObjective for HuberRegression {
    fn samples(&self) -> usize {
        self.targets.len()
    }

    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), None)
    }

    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), Some(gradient))
    }
}
