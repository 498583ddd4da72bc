//! Finds a learning rate for a small network on the handwritten digits, then trains with it.
//!
//! ```text
//! cargo run --release --example rate_finder -- curve.svg
//! ```
//! Without an argument the plot goes to the folder for temporary files.

use std::error::Error;
use std::path::PathBuf;

use burn::lr_scheduler::LrScheduler;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use qstride::{Plateau, Probe, RangeTest, WarmUp, find_rate_on};
use qstride_objectives::Streams;
use qstride_objectives::dataset::Dataset;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

const BATCH: usize = 32;
const HIDDEN: usize = 32;
const EPOCHS: usize = 8;

#[derive(Module, Debug)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    fn new(widths: [usize; 3], rng: &mut impl Rng, device: &Device) -> Self {
        let [inputs, hidden, classes] = widths;
        Self {
            hidden: linear(inputs, hidden, rng, device),
            output: linear(hidden, classes, rng, device),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        self.output
            .forward(activation::relu(self.hidden.forward(images)))
    }
}

/// Weights from the generator given, not from the device's: the same seed gives the same network.
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

/// Images and their digits.
#[derive(Clone)]
struct Batch {
    images: Tensor<2>,
    digits: Tensor<1, Int>,
}

fn batch(data: &Dataset, labels: &[usize], rows: &[usize], device: &Device) -> Batch {
    let pixels: Vec<f32> = rows
        .iter()
        .flat_map(|&row| data.row(row))
        .map(|&p| p as f32)
        .collect();
    let digits: Vec<i64> = rows.iter().map(|&row| labels[row] as i64).collect();
    Batch {
        images: Tensor::from_data(
            TensorData::new(pixels, [rows.len(), data.columns()]),
            device,
        ),
        digits: Tensor::from_data(TensorData::new(digits, [rows.len()]), device),
    }
}

/// One pass over the data in random order.
fn epoch(data: &Dataset, labels: &[usize], rng: &mut impl Rng, device: &Device) -> Vec<Batch> {
    let mut rows: Vec<usize> = (0..data.rows()).collect();
    rows.shuffle(rng);
    rows.chunks(BATCH)
        .map(|rows| batch(data, labels, rows, device))
        .collect()
}

/// One optimizer step; the loss is that before it.
fn train_step(
    model: Mlp,
    optimizer: &mut ModuleOptimizer,
    batch: Batch,
    rate: f64,
    cross_entropy: &CrossEntropyLoss,
) -> (Mlp, f64) {
    let loss = cross_entropy.forward(model.forward(batch.images), batch.digits);
    let value = loss.clone().into_scalar::<f64>();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    (optimizer.step(rate, model, gradients), value)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("rate_finder.svg"),
        PathBuf::from,
    );

    let device = Device::flex().autodiff();
    let streams = Streams::new(0);
    let split = Dataset::digits()?.split(0.75, 0)?;
    let data = split.train();
    let (labels, classes) = data
        .labels()
        .zip(data.classes())
        .ok_or("the digits have no labels")?;
    let widths = [data.columns(), HIDDEN, classes];
    let mut model = Mlp::new(widths, &mut streams.stream("initial weights"), &device);
    let momentum = MomentumConfig::new().with_momentum(0.9);
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let mut order = streams.stream("order of the batches");

    // The range test, on copies.
    let batches = epoch(data, labels, &mut order, &device);
    let curve = find_rate_on(
        &RangeTest::default(),
        &model,
        &optimizer,
        batches.iter().cloned().cycle(),
        |model, optimizer, batch, rate| train_step(model, optimizer, batch, rate, &cross_entropy),
    )?;
    println!("{:>10} {:>10} {:>10}", "rate", "loss", "smoothed");
    for ((rate, loss), smoothed) in curve
        .rates
        .iter()
        .zip(&curve.losses)
        .zip(&curve.smoothed)
        .step_by(8)
    {
        println!("{rate:>10.1e} {loss:>10.4} {smoothed:>10.4}");
    }
    let rate = curve.suggest()?;
    curve.save_svg(&path)?;
    println!("suggested rate {rate:.2e}; plot in {}\n", path.display());

    // Training with the suggested rate: a warm-up of one epoch, then reduced whenever the train loss stalls.
    let probe = Probe::new();
    let plateau = Plateau::new(rate, &probe)
        .patience(1)
        .factor(0.3)
        .threshold(0.05)
        .build()?;
    let mut scheduler = WarmUp::linear(batches.len(), plateau);
    println!("{:>5} {:>10} {:>12}", "epoch", "rate", "train loss");
    for number in 1..=EPOCHS {
        let mut sum = 0.0;
        let mut rate = 0.0;
        let batches = epoch(data, labels, &mut order, &device);
        let steps = batches.len() as f64;
        for batch in batches {
            rate = scheduler.step();
            let loss;
            (model, loss) = train_step(model, &mut optimizer, batch, rate, &cross_entropy);
            sum += loss;
        }
        probe.metric(sum / steps);
        println!("{number:>5} {rate:>10.2e} {:>12.4}", sum / steps);
    }
    Ok(())
}
