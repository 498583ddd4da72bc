//! A multilayer perceptron, for classes and for numbers.

use std::sync::Arc;

use crate::activation::Activation;
use crate::dataset::{Split, Targets};
use crate::dense::Dense;
use crate::network::{Network, Rows};
use crate::normal::normal;
use crate::objective::{Objective, StochasticObjective};
use crate::softmax_regression::cross_entropy;
use crate::streams::Streams;
use crate::task::{TaskError, check_widths};
use crate::test_score::{accuracy, r_squared};

/// f = (1/N) Σᵢ ℓ(zᵢ, yᵢ) with z = W_L φ(... φ(W₁ a + b₁) ...) + b_L, φ = tanh or ReLU.
///
/// ℓ is the cross-entropy log Σₖ exp zₖ - z_y for classes and the squared error (z - y)² for numbers (standardised).
///
/// Variables: W₁ (h₁ x d, row by row), b₁, W₂ (h₂ x h₁), b₂, ..., W_L, b_L. Start: b = 0 and W normal with the variance
/// 2/(inputs + outputs) of Glorot and Bengio (AISTATS 2010) for tanh and for the last layer, 2/inputs of He et al. (ICCV 2015)
/// for ReLU.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::activation::Activation;
/// use qstride_objectives::generated::generate_regression;
/// use qstride_objectives::perceptron::Perceptron;
/// use qstride_objectives::Objective;
///
/// let split = generate_regression(120, 4, 7)?.split(0.75, 0)?;
/// let objective = Perceptron::new(Arc::new(split), &[8, 3], Activation::Tanh, 1)?;
/// assert_eq!(objective.dimension(), (4 * 8 + 8) + (8 * 3 + 3) + (3 + 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Perceptron {
    name: String,
    data: Arc<Split>,
    network: Network,
    start: Vec<f64>,
}

impl Perceptron {
    /// The objective on the train part of `data` with hidden layers of these widths (none: a linear model). The start is drawn
    /// from the stream `initial weights` of `seed`.
    ///
    /// # Errors
    ///
    /// [`TaskError::Widths`] for a layer without units, too many layers or too many parameters.
    pub fn new(
        data: Arc<Split>,
        hidden: &[usize],
        activation: Activation,
        seed: u64,
    ) -> Result<Self, TaskError> {
        let train = data.train();
        let widths = [&[train.columns()], hidden, &[train.classes().unwrap_or(1)]].concat();
        check_widths(&widths)?;
        let network = Network::new(&widths, activation, 0.0);
        let start = initial_weights(&network, activation, seed);
        let hidden: Vec<String> = hidden.iter().map(usize::to_string).collect();
        let name = format!("{}/mlp:{}:{activation}", train.name(), hidden.join(","));
        Ok(Self {
            name,
            data,
            network,
            start,
        })
    }

    fn evaluate(&self, x: &[f64], rows: Rows<'_>, gradient: Option<&mut [f64]>) -> f64 {
        let train = self.data.train();
        match train.targets() {
            Targets::Classes { labels, .. } => {
                let loss = |row: usize, scores: &mut [f64]| cross_entropy(scores, labels[row]);
                self.network.mean_loss(x, train, rows, gradient, loss)
            }
            Targets::Numbers(numbers) => {
                let loss =
                    |row: usize, scores: &mut [f64]| squared_error(&mut scores[0], numbers[row]);
                self.network.mean_loss(x, train, rows, gradient, loss)
            }
        }
    }
}

/// (z - y)²; leaves the derivative by z in its place.
fn squared_error(score: &mut f64, target: f64) -> f64 {
    let residual = *score - target;
    *score = 2.0 * residual;
    residual * residual
}

fn initial_weights(network: &Network, activation: Activation, seed: u64) -> Vec<f64> {
    let mut random = Streams::new(seed).stream("initial weights");
    let mut start = vec![0.0; network.parameters()];
    let last = network.layers().len() - 1;
    for (l, (layer, range)) in network.ranges().enumerate() {
        let Dense { inputs, outputs } = layer;
        let variance = match activation {
            Activation::Relu if l < last => 2.0 / inputs as f64,
            _ => 2.0 / (inputs + outputs) as f64,
        };
        for weight in &mut start[range.start..range.start + layer.weights()] {
            *weight = variance.sqrt() * normal(&mut random);
        }
    }
    start
}

impl Objective for Perceptron {
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        "mlp"
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
        self.start.clone()
    }

    fn test_score(&self, x: &[f64]) -> Option<f64> {
        let test = self.data.test();
        accuracy(&self.network, x, test).or_else(|| r_squared(&self.network, x, test))
    }
}

impl StochasticObjective for Perceptron {
    fn samples(&self) -> usize {
        self.data.train().rows()
    }

    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), None)
    }

    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        self.evaluate(x, Rows::Batch(batch), Some(gradient))
    }
}
