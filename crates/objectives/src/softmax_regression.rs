//! Multinomial logistic regression.

use std::sync::Arc;

use crate::dataset::Split;
use crate::network::{Network, Rows};
use crate::objective::{Objective, StochasticObjective};
use crate::task::{TaskError, check_constant, class_labels};
use crate::test_score::accuracy;

/// f(W, b) = (1/N) Σᵢ [log Σₖ exp zᵢₖ - zᵢ,yᵢ] + ½ λ |W|² with zᵢ = W aᵢ + b, for K >= 2 classes.
///
/// Variables: W, K x d, row by row, then b, K. Start: 0, where f = log K. Convex; strongly so in W for λ > 0. Source: Bishop,
/// Pattern Recognition and Machine Learning, 2006, section 4.3.4.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::generated::generate_classification;
/// use qstride_objectives::softmax_regression::SoftmaxRegression;
/// use qstride_objectives::Objective;
///
/// let split = generate_classification(120, 4, 3, 7)?.split(0.75, 0)?;
/// let objective = SoftmaxRegression::new(Arc::new(split), 1e-4)?;
/// assert_eq!(objective.dimension(), 3 * 4 + 3);
/// assert!((objective.value(&objective.start()) - 3_f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SoftmaxRegression {
    name: String,
    data: Arc<Split>,
    labels: Vec<usize>,
    network: Network,
}

impl SoftmaxRegression {
    /// The objective on the train part of `data` with the ridge λ = `ridge`.
    ///
    /// # Errors
    ///
    /// [`TaskError::NumericTarget`], [`TaskError::Constant`] for a ridge that is negative or not finite.
    pub fn new(data: Arc<Split>, ridge: f64) -> Result<Self, TaskError> {
        check_constant("ridge", ridge, ridge >= 0.0)?;
        let (labels, classes) = class_labels("softmax", data.train())?;
        let network = Network::linear(data.train().columns(), classes, ridge);
        Ok(Self {
            name: format!("{}/softmax", data.train().name()),
            labels: labels.to_vec(),
            data,
            network,
        })
    }

    fn evaluate(&self, x: &[f64], rows: Rows<'_>, gradient: Option<&mut [f64]>) -> f64 {
        let loss = |row: usize, scores: &mut [f64]| cross_entropy(scores, self.labels[row]);
        self.network
            .mean_loss(x, self.data.train(), rows, gradient, loss)
    }
}

/// log Σₖ exp zₖ - z_label; leaves the derivative by z, the probabilities minus one at the label, in `scores`.
pub(crate) fn cross_entropy(scores: &mut [f64], label: usize) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = largest - scores[label];
    // Without the largest score subtracted, exp overflows from 710 on.
    scores.iter_mut().for_each(|z| *z = (*z - largest).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|p| *p /= sum);
    scores[label] -= 1.0;
    margin + sum.ln()
}

impl Objective for SoftmaxRegression {
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        "softmax"
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
        accuracy(&self.network, x, self.data.test())
    }
}

impl StochasticObjective for SoftmaxRegression {
    fn samples(&self) -> usize {
        self.labels.len()
    }

    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), None)
    }

    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), Some(gradient))
    }
}
