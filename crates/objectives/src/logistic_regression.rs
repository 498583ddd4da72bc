//! Logistic regression with two classes.

use std::sync::Arc;

use crate::dataset::Split;
use crate::network::{Network, Rows};
use crate::objective::{Objective, StochasticObjective};
use crate::task::{TaskError, check_constant, class_labels};
use crate::test_score::accuracy;

/// f(w, b) = (1/N) Σᵢ log(1 + exp(-sᵢ zᵢ)) + ½ λ |w|² with zᵢ = wᵀaᵢ + b and sᵢ = +1 for the second class, -1 for the first.
///
/// Variables: w, d of them, then b. Start: 0, where f = log 2. Convex; strongly so in w for λ > 0. Source: Bishop, Pattern
/// Recognition and Machine Learning, 2006, section 4.3.2.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::generated::generate_classification;
/// use qstride_objectives::logistic_regression::LogisticRegression;
/// use qstride_objectives::Objective;
///
/// let split = generate_classification(120, 4, 2, 7)?.split(0.75, 0)?;
/// let objective = LogisticRegression::new(Arc::new(split), 1e-4)?;
/// assert_eq!(objective.dimension(), 5);
/// assert!((objective.value(&objective.start()) - 2_f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogisticRegression {
    name: String,
    data: Arc<Split>,
    labels: Vec<usize>,
    network: Network,
}

impl LogisticRegression {
    /// The objective on the train part of `data` with the ridge λ = `ridge`.
    ///
    /// # Errors
    ///
    /// [`TaskError::NumericTarget`], [`TaskError::NotTwoClasses`], [`TaskError::Constant`] for a ridge that is negative or not
    /// finite.
    pub fn new(data: Arc<Split>, ridge: f64) -> Result<Self, TaskError> {
        check_constant("ridge", ridge, ridge >= 0.0)?;
        let (labels, classes) = class_labels("logistic", data.train())?;
        if classes != 2 {
            return Err(TaskError::NotTwoClasses {
                data: data.train().name().to_owned(),
                classes,
            });
        }
        let network = Network::linear(data.train().columns(), 1, ridge);
        Ok(Self {
            name: format!("{}/logistic", data.train().name()),
            labels: labels.to_vec(),
            data,
            network,
        })
    }

    fn evaluate(&self, x: &[f64], rows: Rows<'_>, gradient: Option<&mut [f64]>) -> f64 {
        let loss = |row: usize, scores: &mut [f64]| logistic_loss(&mut scores[0], self.labels[row]);
        self.network
            .mean_loss(x, self.data.train(), rows, gradient, loss)
    }
}

/// log(1 + exp(-s z)) with s = ±1 for `label`; leaves the derivative by z in its place.
fn logistic_loss(score: &mut f64, label: usize) -> f64 {
    let sign = if label == 1 { 1.0 } else { -1.0 };
    let margin = sign * *score;
    // exp of a negative number only, so that it never overflows.
    let e = (-margin.abs()).exp();
    let wrong = if margin > 0.0 {
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + e)
    };
    let loss = e.ln_1p() + if margin < 0.0 { -margin } else { 0.0 };
    *score = -sign * wrong;
    loss
}

impl Objective for LogisticRegression {
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        "logistic"
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

impl StochasticObjective for LogisticRegression {
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
