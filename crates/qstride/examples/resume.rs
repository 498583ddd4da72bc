//! A run that stops in the middle and goes on from burn-train's checkpoint ends at the weights of one that never stopped.
//!
//! ```text
//! cargo run --release -p qstride --features train --example resume
//! ```

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use burn::train::checkpoint::KeepLastNCheckpoints;
use burn::train::{Learner, SupervisedTraining};
use qstride::{Observed, OptimizerFamily, Scheduler};

mod digits;
use digits::learning::loader;
use digits::quiet::Quiet;
use digits::{BATCH, Digit, Mlp, digits, momentum};

const EPOCHS: usize = 8;

/// Trains to the end of epoch `to`, from the checkpoint of epoch `from` where there is one. Model, optimizer and scheduler are new.
fn train(digits: &[Digit], artifacts: &Path, from: Option<usize>, to: usize) -> Mlp {
    let device = Device::flex().autodiff();
    // The number of steps is that of the whole run, also in its parts.
    let steps = EPOCHS * digits.len().div_ceil(BATCH);
    let scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(steps as u64);
    let model = Observed::new(Mlp::new(0, &device), &scheduler).guarded();
    let train = loader(digits.to_vec(), &device);
    let valid = loader(digits.to_vec(), &device.inner());
    let training = SupervisedTraining::new(artifacts, train, valid)
        .with_application_logger(None)
        .renderer(Box::new(Quiet))
        .with_checkpointing_strategy(KeepLastNCheckpoints::new(1))
        .with_default_checkpointers()
        .num_epochs(to);
    let training = match from {
        Some(epoch) => training.checkpoint(epoch),
        None => training,
    };
    let learner = Learner::new(model, momentum(), scheduler);
    training.launch(learner).model.into_inner()
}

fn main() -> Result<(), Box<dyn Error>> {
    let digits = digits()?;
    let (whole, parts) = (tempfile::tempdir()?, tempfile::tempdir()?);

    let never_stopped = train(&digits, whole.path(), None, EPOCHS);
    train(&digits, parts.path(), None, EPOCHS / 2);
    let resumed = train(&digits, parts.path(), Some(EPOCHS / 2), EPOCHS);

    let same = never_stopped.weights() == resumed.weights();
    println!("the same weights: {same}");
    same.then_some(())
        .ok_or("a resumed run went another way".into())
}
