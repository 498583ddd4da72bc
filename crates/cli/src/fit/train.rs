//! THE LOOP: one training run, from the initial weights to the scores.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use indicatif::ProgressBar;
use qstride_objectives::Streams;
use rand::seq::SliceRandom;

use super::examples::Examples;
use super::model::{Architecture, Network};
use super::optimizer::OptimizerKind;
use super::schedule::Schedule;
use super::score::score;
use super::trace::Trace;

/// What all runs of a call share.
pub struct Training<'a> {
    /// The model and its sizes.
    pub architecture: &'a Architecture,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Passes over the training examples.
    pub epochs: u64,
    /// Examples of a batch; the last one of an epoch may be smaller.
    pub batch: usize,
    /// Where the numbers live.
    pub device: &'a Device,
    /// Counts the steps.
    pub progress: &'a ProgressBar,
    /// Raised by Ctrl-C.
    pub interrupted: &'a AtomicBool,
}

/// What a run has come to.
pub struct Trained {
    /// The network after the last step, without autodiff.
    pub network: Network,
    /// The loss of the first batch, before any step.
    pub first_loss: f64,
    /// The loss of all training examples after the last step.
    pub train_loss: f64,
    /// The accuracy, or R², of the test examples.
    pub test_score: f64,
    /// Optimizer steps taken; fewer than planned only where the loss has become NaN.
    pub steps: u64,
    /// Times that a guard went back to an earlier state.
    pub rollbacks: u64,
    /// Wall time of the steps; scoring is not in it.
    pub seconds: f64,
    /// Losses and rates on the way.
    pub trace: Trace,
}

impl Training<'_> {
    /// Optimizer steps of a run over this many examples.
    pub fn steps(&self, examples: usize) -> u64 {
        self.epochs * examples.div_ceil(self.batch) as u64
    }

    /// Trains on `train` and scores on `test`. The seed draws the initial weights and the order of the examples, each from a
    /// stream of its own, so that all schedules see the same. `None` when it was interrupted.
    pub fn run(
        &self,
        train: &Examples,
        test: &Examples,
        mut schedule: Box<dyn Schedule>,
        seed: u64,
    ) -> Option<Trained> {
        let device = self.device.clone().autodiff();
        let streams = Streams::new(seed);
        let mut random = streams.stream("initial weights");
        let mut network = self.architecture.init(&mut random, &device);
        let mut optimizer = self.optimizer.init();

        let planned = self.steps(train.len());
        let mut trace = Trace::new(planned);
        let mut random = streams.stream("order");
        let mut order: Vec<usize> = (0..train.len()).collect();
        let clock = Instant::now();
        'training: for _ in 0..self.epochs {
            order.shuffle(&mut random);
            let mut epoch_loss = 0.0;
            for indices in order.chunks(self.batch) {
                if self.interrupted.load(Ordering::Relaxed) {
                    return None;
                }
                let batch = train.batch(indices, &device);
                let loss = batch.targets.loss(network.forward(batch.inputs));
                let value = loss.clone().into_scalar::<f64>();
                let gradients = GradientsParams::from_grads(loss.backward(), &network);

                schedule.record(value);
                let rate = schedule.rate();
                network = optimizer.step(rate, network, gradients);

                trace.push(value, rate);
                epoch_loss += value * indices.len() as f64;
                self.progress.inc(1);
                if value.is_nan() {
                    // The weights are NaN too and stay so; the steps that are left would cost time for nothing.
                    self.progress.inc(planned - trace.steps());
                    break 'training;
                }
            }
            schedule.end_epoch(epoch_loss / train.len() as f64);
        }
        let seconds = clock.elapsed().as_secs_f64();

        let network = network.valid();
        Some(Trained {
            first_loss: trace.first_loss(),
            train_loss: score(&network, train, self.device).loss,
            test_score: score(&network, test, self.device).test,
            steps: trace.steps(),
            rollbacks: 0,
            seconds,
            trace,
            network,
        })
    }
}
