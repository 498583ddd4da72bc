//! Training with a classic optimizer. Read it downwards: minibatch, rate, step, measurement.

use qstride_objectives::StochasticObjective;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::evaluator::Evaluations;
use crate::minibatches::Minibatches;
use crate::outcome::End;
use crate::rate_shape::{RateShape, ShapedRate};
use crate::rivals::stochastic::{Minibatch, Optimizer};

/// What is the same for every method of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Equal {
    /// The number of steps, and so of passes over the data, whatever a step costs.
    #[default]
    Passes,
    /// What is spent: minibatch values + gradients reach two for each announced step (the last step may go beyond).
    Cost,
}

/// How a training is run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSettings {
    /// T, the optimizer steps, or their equivalent in cost.
    pub steps: u64,
    /// Samples a minibatch.
    pub batch: usize,
    /// The learning rate, or a factor for methods that find their own.
    pub rate: f64,
    /// What becomes of it over the run.
    pub shape: RateShape,
    /// What ends the run.
    pub equal: Equal,
    /// The loss on all samples is measured, outside the count, every so many steps; before the first one and after the last one
    /// always. 0 = only there.
    pub measure_every: u64,
    /// Whether the step size of each step is recorded.
    pub rates: bool,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            steps: 500,
            batch: 32,
            rate: 0.1,
            shape: RateShape::Constant,
            equal: Equal::Passes,
            measure_every: 0,
            rates: false,
        }
    }
}

/// A whole training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingRecord {
    /// Values and gradients of minibatches.
    pub evaluations: Evaluations,
    /// Optimizer steps.
    pub steps: u64,
    /// The loss on all samples at the start.
    pub start_loss: f64,
    /// The loss on all samples at the judged point; not finite where it was lost.
    pub final_loss: f64,
    /// Why it ended: the announced steps were done, the equal cost was spent, or the loss or the iterate was not finite.
    pub end: End,
    /// (minibatch values + gradients so far, loss on all samples at the judged point).
    pub curve: Vec<(u64, f64)>,
    /// (minibatch values + gradients before the step, its step size), where asked for.
    pub rates: Vec<(u64, f64)>,
    /// The judged point at the end.
    pub point: Vec<f64>,
}

/// Trains `objective` from its start with `optimizer`, which was built for that start. `batches` shuffles the samples.
///
/// ```
/// use std::sync::Arc;
/// use qstride_control::rivals::stochastic::find;
/// use qstride_control::{RateShape, TrainingSettings, train};
/// use qstride_objectives::generated::generate_classification;
/// use qstride_objectives::task::{Model, task};
/// use qstride_objectives::{Objective, Streams};
///
/// let split = Arc::new(generate_classification(120, 4, 3, 7)?.split(0.75, 0)?);
/// let objective = task(&Model::Softmax, &split, 1)?;
/// let settings = TrainingSettings { steps: 60, batch: 10, shape: RateShape::Cosine, ..Default::default() };
/// let mut sgd = find("sgd").map(|rival| (rival.build)(&objective.start(), 9.0)).unwrap();
/// let record = train(&*objective, &mut *sgd, &settings, Streams::new(1).stream("minibatches"));
/// assert!(record.final_loss < record.start_loss);
/// assert_eq!(record.evaluations.gradients, 60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn train(
    objective: &dyn StochasticObjective,
    optimizer: &mut dyn Optimizer,
    settings: &TrainingSettings,
    batches: ChaCha8Rng,
) -> TrainingRecord {
    let mut run = Run::start(objective, settings, batches);
    while run.end.is_none() {
        run.step(optimizer);
    }
    run.finish(optimizer)
}

/// A training on its way.
struct Run<'a> {
    objective: &'a dyn StochasticObjective,
    settings: &'a TrainingSettings,
    batches: Minibatches,
    rate: ShapedRate,
    x: Vec<f64>,
    spent: Evaluations,
    steps: u64,
    epoch: EpochLoss,
    end: Option<End>,
    curve: Vec<(u64, f64)>,
    rates: Vec<(u64, f64)>,
}

impl<'a> Run<'a> {
    /// At the start of the objective, nothing spent.
    fn start(
        objective: &'a dyn StochasticObjective,
        settings: &'a TrainingSettings,
        batches: ChaCha8Rng,
    ) -> Self {
        let x = objective.start();
        let start_loss = objective.value(&x);
        let mut run = Self {
            objective,
            settings,
            batches: Minibatches::new(objective.samples(), settings.batch, batches),
            rate: ShapedRate::new(settings.shape.clone(), settings.rate, settings.steps),
            x,
            spent: Evaluations::default(),
            steps: 0,
            epoch: EpochLoss::default(),
            end: None,
            curve: vec![(0, start_loss)],
            rates: Vec::new(),
        };
        run.end = run.end_after(start_loss);
        run
    }

    /// One step of the optimizer, and what is measured after it.
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        let cost = self.cost();
        let rate = self.rate.at(self.progress());
        let mut batch = CountedMinibatch {
            objective: self.objective,
            samples: self.batches.draw(),
            spent: &mut self.spent,
        };
        let size = batch.samples.len();
        let loss = optimizer.step(rate, &mut self.x, &mut batch);
        self.steps += 1;
        self.epoch.add(loss, size);
        if self.batches.epoch_ended() {
            self.rate.end_epoch(self.epoch.take_mean());
        }
        if self.settings.rates {
            self.rates.push((cost, optimizer.rate_used(rate)));
        }
        let every = self.settings.measure_every;
        if every > 0 && self.steps.is_multiple_of(every) {
            self.measure(optimizer);
        }
        self.end = self.end_after(loss);
    }

    /// Why nothing follows, where nothing does; `loss` was the last one.
    fn end_after(&self, loss: f64) -> Option<End> {
        if !(loss.is_finite() && all_finite(&self.x)) {
            Some(End::Failed)
        } else if self.progress() < self.settings.steps as f64 {
            None
        } else if self.settings.equal == Equal::Passes {
            Some(End::Horizon)
        } else {
            Some(End::Budget)
        }
    }

    /// t: the steps done, or the cost spent in plain steps of one value and one gradient.
    fn progress(&self) -> f64 {
        match self.settings.equal {
            Equal::Passes => self.steps as f64,
            Equal::Cost => 0.5 * self.cost() as f64,
        }
    }

    fn cost(&self) -> u64 {
        self.spent.values + self.spent.gradients
    }

    /// Adds a point to the curve, unless it is there already.
    fn measure(&mut self, optimizer: &dyn Optimizer) {
        let cost = self.cost();
        if self.curve.last().is_none_or(|(at, _)| *at != cost) {
            let loss = self.objective.value(optimizer.judged(&self.x));
            self.curve.push((cost, loss));
        }
    }

    fn finish(mut self, optimizer: &dyn Optimizer) -> TrainingRecord {
        self.measure(optimizer);
        let loss = |point: Option<&(u64, f64)>| point.map_or(f64::NAN, |(_, loss)| *loss);
        let (start_loss, final_loss) = (loss(self.curve.first()), loss(self.curve.last()));
        let end = self.end.filter(|_| final_loss.is_finite());
        TrainingRecord {
            evaluations: self.spent,
            steps: self.steps,
            start_loss,
            final_loss,
            end: end.unwrap_or(End::Failed),
            point: optimizer.judged(&self.x).to_vec(),
            curve: self.curve,
            rates: self.rates,
        }
    }
}

/// The samples of a step, with the count of what is evaluated on them.
struct CountedMinibatch<'a> {
    objective: &'a dyn StochasticObjective,
    samples: &'a [usize],
    spent: &'a mut Evaluations,
}

impl Minibatch for CountedMinibatch<'_> {
    fn value(&mut self, x: &[f64]) -> f64 {
        self.spent.values += 1;
        self.objective.batch_value(x, self.samples)
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.spent.values += 1;
        self.spent.gradients += 1;
        self.objective
            .batch_value_and_gradient(x, self.samples, gradient)
    }
}

/// The mean loss of an epoch, each sample with the same weight.
#[derive(Clone, Copy, Debug, Default)]
struct EpochLoss {
    sum: f64,
    samples: usize,
}

impl EpochLoss {
    fn add(&mut self, mean_loss: f64, samples: usize) {
        self.sum += mean_loss * samples as f64;
        self.samples += samples;
    }

    /// The mean; the next epoch begins.
    fn take_mean(&mut self) -> f64 {
        let epoch = std::mem::take(self);
        epoch.sum / epoch.samples as f64
    }
}

/// Without a branch in the loop.
fn all_finite(x: &[f64]) -> bool {
    x.iter().fold(true, |finite, x| finite & x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rivals::stochastic::find;
    use qstride_objectives::{Objective, Streams};

    /// The mean of ½ (x - i)² over the samples 0, 1 and 2; `lost` makes the loss infinite beyond it.
    struct ThreeSamples {
        lost: f64,
    }

    impl Objective for ThreeSamples {
        fn name(&self) -> &str {
            "three samples"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn value(&self, x: &[f64]) -> f64 {
            self.batch_value(x, &[0, 1, 2])
        }
        fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
            self.batch_value_and_gradient(x, &[0, 1, 2], gradient);
        }
        fn start(&self) -> Vec<f64> {
            vec![3.0]
        }
    }

    impl StochasticObjective for ThreeSamples {
        fn samples(&self) -> usize {
            3
        }
        fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
            if x[0].abs() > self.lost {
                return f64::INFINITY;
            }
            let squares = batch.iter().map(|&i| (x[0] - i as f64).powi(2));
            0.5 * squares.sum::<f64>() / batch.len() as f64
        }
        fn batch_value_and_gradient(
            &self,
            x: &[f64],
            batch: &[usize],
            gradient: &mut [f64],
        ) -> f64 {
            gradient[0] = batch.iter().map(|&i| x[0] - i as f64).sum::<f64>() / batch.len() as f64;
            self.batch_value(x, batch)
        }
    }

    const FAIR: ThreeSamples = ThreeSamples {
        lost: f64::INFINITY,
    };

    fn trained(
        objective: &ThreeSamples,
        name: &str,
        settings: &TrainingSettings,
    ) -> TrainingRecord {
        let batches = Streams::new(3).stream("minibatches");
        let mut method = (find(name).unwrap().build)(&objective.start(), 2.0);
        train(objective, &mut *method, settings, batches)
    }

    #[test]
    fn whole_batches_give_gradient_descent() {
        let settings = TrainingSettings {
            steps: 3,
            batch: 3,
            rate: 0.5,
            measure_every: 2,
            rates: true,
            ..TrainingSettings::default()
        };
        let record = trained(&FAIR, "sgd", &settings);
        // From 3 halfway to the mean 1 each time: 2, 1.5, 1.25; the loss is ½ (x - 1)² + 1/3.
        assert_eq!(record.point, [1.25]);
        assert_eq!((record.steps, record.end), (3, End::Horizon));
        let third = 1.0 / 3.0;
        let wanted = [(0, 2.0 + third), (4, 0.125 + third), (6, 0.03125 + third)];
        for ((cost, loss), (wanted_cost, wanted_loss)) in record.curve.iter().zip(wanted) {
            assert_eq!(*cost, wanted_cost);
            assert!((loss - wanted_loss).abs() < 1e-15);
        }
        assert_eq!(record.curve.len(), 3);
        assert_eq!(record.rates, [(0, 0.5), (2, 0.5), (4, 0.5)]);
        assert_eq!(
            (record.start_loss, record.final_loss),
            (record.curve[0].1, record.curve[2].1)
        );
    }

    #[test]
    fn equal_cost_counts_the_trials_of_a_line_search() {
        let settings = |equal| TrainingSettings {
            steps: 40,
            batch: 1,
            rate: 1.0,
            equal,
            rates: true,
            ..TrainingSettings::default()
        };
        let passes = trained(&FAIR, "sls", &settings(Equal::Passes));
        assert_eq!((passes.steps, passes.evaluations.gradients), (40, 40));
        assert!(
            passes.evaluations.values >= 80,
            "each step has at least one trial"
        );
        let cost = trained(&FAIR, "sls", &settings(Equal::Cost));
        let spent = cost.evaluations.values + cost.evaluations.gradients;
        assert_eq!(cost.end, End::Budget);
        assert!(cost.steps < 40 && spent >= 80 && cost.rates.last().unwrap().0 < 80);
        // Whoever spends one value and one gradient a step is treated alike.
        let (passes, cost) = (
            trained(&FAIR, "adam", &settings(Equal::Passes)),
            trained(&FAIR, "adam", &settings(Equal::Cost)),
        );
        assert_eq!(passes.point, cost.point);
    }

    #[test]
    fn shapes_follow_what_is_spent_and_plateaus_the_epochs() {
        let settings = TrainingSettings {
            steps: 9,
            batch: 2,
            rate: 1e-9,
            rates: true,
            ..TrainingSettings::default()
        };
        let rates = |shape, rate| {
            let settings = TrainingSettings {
                shape,
                rate,
                ..settings.clone()
            };
            let record = trained(&FAIR, "sgd", &settings);
            record
                .rates
                .into_iter()
                .map(|(_, rate)| rate)
                .collect::<Vec<_>>()
        };
        let half = RateShape::Step {
            at: vec![0.5],
            factor: 0.5,
        };
        assert_eq!(rates(half, 1.0), [[1.0; 5].as_slice(), &[0.5; 4]].concat());
        // Two steps an epoch. The rate moves nothing: no second epoch is better than the first, nor the third.
        let plateau = RateShape::Plateau {
            factor: 0.1,
            patience: 1,
        };
        let found = rates(plateau, 1e-7);
        assert_eq!(found, [[1e-7; 6].as_slice(), &[1e-7 * 0.1; 3]].concat());
    }

    #[test]
    fn what_is_not_finite_ends_a_run_as_failed() {
        let settings = TrainingSettings {
            rate: 1e3,
            batch: 3,
            ..TrainingSettings::default()
        };
        let record = trained(&FAIR, "sgd", &settings);
        assert_eq!(record.end, End::Failed);
        assert!(record.steps < 500 && !record.final_loss.is_finite());
        let lost = trained(&ThreeSamples { lost: 2.5 }, "sgd", &settings);
        assert_eq!((lost.end, lost.steps), (End::Failed, 0));
        assert_eq!((lost.final_loss, lost.curve.len()), (f64::INFINITY, 1));
    }

    #[test]
    fn the_same_seed_gives_the_same_record() {
        let settings = TrainingSettings {
            batch: 1,
            rate: 1.0,
            ..TrainingSettings::default()
        };
        for rival in crate::rivals::stochastic::STOCHASTIC_RIVALS {
            let twice = [0, 1].map(|_| trained(&FAIR, rival.name, &settings));
            assert_eq!(twice[0], twice[1]);
        }
    }
}
