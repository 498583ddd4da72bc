//! Finds a learning rate for a small network on the handwritten digits, then trains with it.
//!
//! ```text
//! cargo run --release -p qstride --example rate_finder -- curve.svg
//! ```
//! Without an argument the plot goes to the folder for temporary files.

use std::error::Error;
use std::path::PathBuf;

use burn::lr_scheduler::LrScheduler;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use qstride::{Plateau, Probe, RangeTest, WarmUp, find_rate_on};

mod digits;
use digits::{Batch, Mlp, batches, digits, momentum};

const EPOCHS: usize = 8;

/// One optimizer step; the loss is that before it.
fn train_step(model: Mlp, optimizer: &mut ModuleOptimizer, batch: &Batch, rate: f64) -> (Mlp, f64) {
    let loss = model.loss(batch);
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let value = loss.into_scalar::<f64>();
    (optimizer.step(rate, model, gradients), value)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("rate_finder.svg"),
        PathBuf::from,
    );

    let device = Device::flex().autodiff();
    let batches = batches(&digits()?, &device);
    let mut model = Mlp::new(0, &device);
    let mut optimizer = momentum();

    // The range test, on copies.
    let curve = find_rate_on(
        &RangeTest::default(),
        &model,
        &optimizer,
        batches.iter().cycle(),
        train_step,
    )?;
    println!("{:>10} {:>10} {:>10}", "rate", "loss", "smoothed");
    let losses = curve.losses.iter().zip(&curve.smoothed);
    for (rate, (loss, smoothed)) in curve.rates.iter().zip(losses).step_by(8) {
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
        let (mut sum, mut rate) = (0.0, 0.0);
        for batch in &batches {
            rate = scheduler.step();
            let loss;
            (model, loss) = train_step(model, &mut optimizer, batch, rate);
            sum += loss;
        }
        let mean = sum / batches.len() as f64;
        probe.metric(mean);
        println!("{number:>5} {rate:>10.2e} {mean:>12.4}");
    }
    Ok(())
}
