//! The loop of `hand_loop` with burn-train's learner: three lines are qstride's, the guard and the dashboard included.
//!
//! ```text
//! cargo run --release -p qstride --features train --example learner -- artifacts
//! ```
//! Without an argument the learner's files go to the folder for temporary files.

use std::error::Error;
use std::path::PathBuf;

use burn::tensor::Device;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};
use qstride::{Observed, OptimizerFamily, Scheduler};

mod digits;
use digits::learning::loader;
use digits::quiet::Quiet;
use digits::{BATCH, Mlp, batches, digits, momentum};

const EPOCHS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let artifacts = std::env::args_os().nth(1).map_or_else(
        || std::env::temp_dir().join("qstride-learner"),
        PathBuf::from,
    );
    let device = Device::flex().autodiff();
    let digits = digits()?;
    let steps = EPOCHS * digits.len().div_ceil(BATCH);

    let scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(steps as u64); // 1
    let monitor = scheduler.monitor();
    let model = Observed::new(Mlp::new(0, &device), &scheduler).guarded(); // 2

    let train = loader(digits.clone(), &device);
    let valid = loader(digits.clone(), &device.clone().inner());
    let result = SupervisedTraining::new(artifacts, train, valid)
        .with_application_logger(None)
        .renderer(Box::new(Quiet))
        .num_epochs(EPOCHS)
        .metrics((LossMetric::new(), AccuracyMetric::new()))
        .metric_train_numeric(monitor.rate_metric())
        .metric_train_numeric(monitor.action_metric())
        .metric_train_numeric(monitor.rollbacks_metric())
        .launch(Learner::new(model, momentum(), scheduler)); // 3

    let model = result.model.into_inner();
    let loss = model.full_loss(&batches(&digits, &device.inner()));
    println!("loss {loss:.4}, {} decisions", monitor.decisions());
    println!("health: {:?}", monitor.health());
    Ok(())
}
