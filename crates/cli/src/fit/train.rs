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
    /// Optimizer steps taken; fewer than planned only where the loss has become NaN and no guard brings the weights back.
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
        let mut update = schedule.update(&network);

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
                network = update.step(rate, network, &mut optimizer, gradients);

                trace.push(value, rate);
                epoch_loss += value * indices.len() as f64;
                self.progress.inc(1);
                if value.is_nan() && !update.can_roll_back() {
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
            rollbacks: schedule.rollbacks(),
            seconds,
            trace,
            network,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use qstride_agent::DeviceKind;
    use qstride_objectives::dataset::{Dataset, Split};
    use qstride_objectives::softmax_regression::SoftmaxRegression;
    use qstride_objectives::{Objective, StochasticObjective};

    use super::*;
    use crate::fit::model::Model;

    const SEED: u64 = 5;
    const EPOCHS: u64 = 2;
    const BATCH: usize = 100;

    /// What a schedule is told: the loss of every step, and the mean of every epoch.
    type Told = Arc<Mutex<(Vec<f64>, Vec<f64>)>>;

    /// 1 / (10 + t), and every loss written down.
    struct Harmonic {
        steps: f64,
        told: Told,
    }

    impl Schedule for Harmonic {
        fn record(&mut self, loss: f64) {
            self.told.lock().unwrap().0.push(loss);
        }

        fn rate(&mut self) -> f64 {
            self.steps += 1.0;
            1.0 / (9.0 + self.steps)
        }

        fn end_epoch(&mut self, mean_loss: f64) {
            self.told.lock().unwrap().1.push(mean_loss);
        }
    }

    fn train(split: &Split, interrupted: bool) -> (Option<Trained>, Told) {
        let told = Told::default();
        let (steps, log) = (0.0, told.clone());
        let model = Model::parse("softmax").unwrap();
        let training = Training {
            architecture: &model.architecture(split.train()).unwrap(),
            optimizer: OptimizerKind::Sgd,
            epochs: EPOCHS,
            batch: BATCH,
            device: &DeviceKind::Flex.device(),
            progress: &ProgressBar::hidden(),
            interrupted: &AtomicBool::new(interrupted),
        };
        let (train, test) = (Examples::new(split.train()), Examples::new(split.test()));
        let schedule = Box::new(Harmonic { steps, told: log });
        (training.run(&train, &test, schedule, SEED), told)
    }

    /// The same training in double precision, without Burn.
    fn by_hand(split: &Arc<Split>) -> (Vec<f64>, f64, f64) {
        let objective = SoftmaxRegression::new(split.clone(), 0.0).unwrap();
        let (mut x, mut gradient) = (objective.start(), vec![0.0; objective.dimension()]);
        let mut order: Vec<usize> = (0..objective.samples()).collect();
        let mut random = Streams::new(SEED).stream("order");
        let mut losses = Vec::new();
        for _ in 0..EPOCHS {
            order.shuffle(&mut random);
            for batch in order.chunks(BATCH) {
                let rate = 1.0 / (10.0 + losses.len() as f64);
                losses.push(objective.batch_value_and_gradient(&x, batch, &mut gradient));
                for (x, g) in x.iter_mut().zip(&gradient) {
                    *x -= rate * g;
                }
            }
        }
        let (value, score) = (objective.value(&x), objective.test_score(&x));
        (losses, value, score.unwrap())
    }

    #[test]
    fn the_loop_is_gradient_descent_on_shuffled_batches() {
        let split = Arc::new(Dataset::digits().unwrap().split(0.75, SEED).unwrap());
        let (trained, told) = train(&split, false);
        let (trained, (losses, epochs)) = (trained.unwrap(), told.lock().unwrap().clone());
        let (wanted, value, score) = by_hand(&split);
        // 1347 examples: 13 batches of 100 and one of 47, twice.
        assert_eq!((trained.steps, losses.len(), wanted.len()), (28, 28, 28));
        for (a, b) in losses.iter().zip(&wanted) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        assert!((trained.train_loss - value).abs() < 1e-5);
        assert_eq!((trained.test_score, trained.first_loss), (score, losses[0]));
        let mean = |losses: &[f64]| {
            let (last, full) = losses.split_last().unwrap();
            (100.0 * full.iter().sum::<f64>() + 47.0 * last) / 1347.0
        };
        for (epoch, losses) in epochs.iter().zip(losses.chunks(14)) {
            assert!((epoch - mean(losses)).abs() < 1e-12);
        }
        assert_eq!(epochs.len(), 2);
    }

    #[test]
    fn an_interrupted_run_is_none() {
        let split = Dataset::digits().unwrap().split(0.75, SEED).unwrap();
        assert!(train(&split, true).0.is_none());
    }
}
