//! What the examples share: handwritten digits, a small network, and weights from a seed.
#![allow(dead_code, reason = "no example needs all of it")]

use std::error::Error;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use qstride_objectives::Streams;
use qstride_objectives::dataset::Dataset;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

#[cfg(feature = "train")]
pub mod learning;
#[cfg(feature = "train")]
pub mod quiet;

/// Images a batch.
pub const BATCH: usize = 32;

/// 8 x 8 pixels and what they show.
#[derive(Clone, Debug)]
pub struct Digit {
    pub pixels: Vec<f32>,
    pub digit: i64,
}

/// The images to train on, 1,347 of them, shuffled once.
pub fn digits() -> Result<Vec<Digit>, Box<dyn Error>> {
    let split = Dataset::digits()?.split(0.75, 0)?;
    let data = split.train();
    let labels = data.labels().ok_or("the digits have no labels")?;
    let image = |row: usize| data.row(row).iter().map(|&pixel| pixel as f32).collect();
    let mut digits: Vec<Digit> = (0..data.rows())
        .map(|row| Digit {
            pixels: image(row),
            digit: labels[row] as i64,
        })
        .collect();
    digits.shuffle(&mut Streams::new(0).stream("order of the batches"));
    Ok(digits)
}

/// A batch on a device.
#[derive(Clone, Debug)]
pub struct Batch {
    pub images: Tensor<2>,
    pub digits: Tensor<1, Int>,
}

impl Batch {
    pub fn new(items: &[Digit], device: &Device) -> Self {
        let rows = items.len();
        let columns = items.first().map_or(0, |item| item.pixels.len());
        let pixels: Vec<f32> = items.iter().flat_map(|i| i.pixels.clone()).collect();
        let digits: Vec<i64> = items.iter().map(|i| i.digit).collect();
        Self {
            images: Tensor::from_data(TensorData::new(pixels, [rows, columns]), device),
            digits: Tensor::from_data(TensorData::new(digits, [rows]), device),
        }
    }
}

/// All batches of an epoch, in the same order in every epoch.
pub fn batches(digits: &[Digit], device: &Device) -> Vec<Batch> {
    digits
        .chunks(BATCH)
        .map(|items| Batch::new(items, device))
        .collect()
}

/// 64-32-10 with ReLU.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    /// Weights from a seed of our own: the same seed gives the same network.
    pub fn new(seed: u64, device: &Device) -> Self {
        let mut rng = Streams::new(seed).stream("initial weights");
        Self {
            hidden: linear(64, 32, &mut rng, device),
            output: linear(32, 10, &mut rng, device),
        }
    }

    /// Logits, shape \[batch, 10\].
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let hidden = activation::relu(self.hidden.forward(images));
        self.output.forward(hidden)
    }

    /// Cross-entropy.
    pub fn loss(&self, batch: &Batch) -> Tensor<1> {
        let logits = self.forward(batch.images.clone());
        CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits, batch.digits.clone())
    }

    /// The mean loss over all batches.
    pub fn full_loss(&self, batches: &[Batch]) -> f64 {
        let losses = batches.iter().map(|b| self.loss(b).into_scalar::<f64>());
        losses.sum::<f64>() / batches.len() as f64
    }

    /// All weights in a row, to compare them bit for bit.
    pub fn weights(&self) -> Vec<f32> {
        [&self.hidden, &self.output]
            .into_iter()
            .flat_map(|layer| {
                let bias = layer.bias.iter().map(|bias| bias.val().into_data());
                std::iter::once(layer.weight.val().into_data()).chain(bias)
            })
            .flat_map(|data| data.iter::<f32>().collect::<Vec<_>>())
            .collect()
    }
}

fn linear(inputs: usize, outputs: usize, rng: &mut impl Rng, device: &Device) -> Linear {
    let bound = (6.0 / inputs as f32).sqrt();
    let draw = |_| bound * (2.0 * rng.random::<f32>() - 1.0);
    let weights: Vec<f32> = (0..inputs * outputs).map(draw).collect();
    let weights = Tensor::from_data(TensorData::new(weights, [inputs, outputs]), device);
    Linear {
        weight: Param::from_tensor(weights),
        bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
    }
}

/// SGD with momentum 0.9.
pub fn momentum() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(0.9);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}
