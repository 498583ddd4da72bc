//! Examples in memory, and the batches that are made of them.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use qstride_objectives::dataset::{self, Dataset};

/// What is to be predicted, one entry an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Indices of classes.
    Classes(Vec<i64>),
    /// Numbers, standardised.
    Numbers(Vec<f32>),
}

/// Standardised features and their targets in single precision.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    features: Vec<f32>,
    columns: usize,
    targets: Targets,
}

/// Some examples on a device.
pub struct Batch {
    /// \[B, features\]
    pub inputs: Tensor<2>,
    /// What belongs to them.
    pub targets: BatchTargets,
}

/// The targets of a batch.
pub enum BatchTargets {
    /// \[B, 1\]
    Classes(Tensor<2, Int>),
    /// \[B, 1\]
    Numbers(Tensor<2>),
}

impl Examples {
    /// The rows of a part of a split.
    pub fn new(data: &Dataset) -> Self {
        let targets = match data.targets() {
            dataset::Targets::Classes { labels, .. } => {
                Targets::Classes(labels.iter().map(|&label| label as i64).collect())
            }
            dataset::Targets::Numbers(numbers) => {
                Targets::Numbers(numbers.iter().map(|&number| number as f32).collect())
            }
        };
        Self {
            features: data.features().iter().map(|&value| value as f32).collect(),
            columns: data.columns(),
            targets,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.features.len() / self.columns
    }

    /// All targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The examples with these indices.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Batch {
        let (rows, columns) = (indices.len(), self.columns);
        let mut features = Vec::with_capacity(rows * columns);
        for &i in indices {
            features.extend_from_slice(&self.features[i * columns..(i + 1) * columns]);
        }
        let targets = match &self.targets {
            Targets::Classes(labels) => {
                let labels: Vec<i64> = indices.iter().map(|&i| labels[i]).collect();
                let data = TensorData::new(labels, [rows, 1]);
                BatchTargets::Classes(Tensor::from_data(data, device))
            }
            Targets::Numbers(numbers) => {
                let numbers: Vec<f32> = indices.iter().map(|&i| numbers[i]).collect();
                let data = TensorData::new(numbers, [rows, 1]);
                BatchTargets::Numbers(Tensor::from_data(data, device))
            }
        };
        let inputs = Tensor::from_data(TensorData::new(features, [rows, columns]), device);
        Batch { inputs, targets }
    }
}

impl BatchTargets {
    /// The loss of scores \[B, outputs\]: the mean of log Σₖ exp zₖ - z_y for classes, of (z - y)² for numbers.
    pub fn loss(self, scores: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Classes(labels) => activation::log_softmax(scores, 1)
                .gather(1, labels)
                .mean()
                .neg(),
            Self::Numbers(numbers) => (scores - numbers).square().mean(),
        }
    }
}
