//! A hand-written loop and burn-train's learner: the same decisions at every step, the same weights, in every run.

use std::path::Path;

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::train::checkpoint::KeepLastNCheckpoints;
use burn::train::{Learner, SupervisedTraining};
use qstride::{GradientMeter, Guard, Observed, OptimizerFamily, Scheduler};

use crate::digits::learning::loader;
use crate::digits::quiet::Quiet;
use crate::digits::{BATCH, Mlp, digits, momentum};
use crate::policy::{measuring, untrained};
use crate::run::{Run, audit, batches, bits, device};
use burn::lr_scheduler::LrScheduler;

const EPOCHS: usize = 6;

/// A run of burn-train's learner, or a part of one.
pub struct Learning<'a> {
    pub folder: &'a Path,
    pub accumulation: usize,
    /// The epoch of the checkpoint to go on from.
    pub from: Option<usize>,
    pub to: usize,
}

impl Learning<'_> {
    pub fn run(
        &self,
        scheduler: Scheduler,
        observe: impl Fn(Observed<Mlp>) -> Observed<Mlp>,
    ) -> Mlp {
        let monitor = scheduler.monitor();
        let model = observe(Observed::new(Mlp::new(0, &device()), &scheduler));
        let digits = digits().unwrap();
        let train = loader(digits.clone(), &device());
        let valid = loader(digits[..BATCH].to_vec(), &device().inner());
        let training = SupervisedTraining::new(self.folder, train, valid)
            .with_application_logger(None)
            .renderer(Box::new(Quiet))
            .metric_train_numeric(monitor.rate_metric())
            .metric_train_numeric(monitor.action_metric())
            .metric_train_numeric(monitor.rollbacks_metric())
            .with_checkpointing_strategy(KeepLastNCheckpoints::new(1))
            .with_default_checkpointers()
            .grads_accumulation(self.accumulation)
            .num_epochs(self.to);
        let training = match self.from {
            Some(epoch) => training.checkpoint(epoch),
            None => training,
        };
        let learner = Learner::new(model, momentum(), scheduler);
        training.launch(learner).model.into_inner()
    }
}

fn steps() -> u64 {
    (EPOCHS * batches().len()) as u64
}

/// A rate so large that there are roll-backs.
fn scheduler(seed: u64, log: &Path) -> Scheduler {
    Scheduler::from_loaded(&untrained(seed, true))
        .unwrap()
        .steps(steps())
        .rough_rate(300.0)
        .unwrap()
        .audit(log)
        .unwrap()
}

#[test]
fn the_two_ways_decide_the_same_and_end_at_the_same_weights_twice() {
    for seed in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let batches = batches();
        let mut ends = Vec::new();
        for repeat in 0..2 {
            let log = folder.path().join(format!("hand-{repeat}.jsonl"));
            let mut run = Run::guarded(scheduler(seed, &log), momentum());
            run.steps(batches.iter().cycle().take(steps() as usize));
            ends.push((audit(&log), run.weights()));

            let log = folder.path().join(format!("learner-{repeat}.jsonl"));
            let learning = Learning {
                folder: &folder.path().join(format!("learner-{repeat}")),
                accumulation: 1,
                from: None,
                to: EPOCHS,
            };
            let model = learning.run(scheduler(seed, &log), Observed::guarded);
            ends.push((audit(&log), bits(&model)));
        }
        assert!(ends[0].0.len() > 10);
        assert!(ends[0].0.iter().any(|decision| decision.roll_back));
        assert!(ends[0].0.iter().any(|decision| decision.action.is_some()));
        assert!(ends.iter().all(|end| *end == ends[0]));
    }
}

#[test]
fn gradient_statistics_are_the_same_in_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let scheduler = |log: &Path| {
        let scheduler = Scheduler::from_loaded(&measuring(3)).unwrap();
        assert!(scheduler.needs_gradients());
        scheduler.steps(steps()).audit(log).unwrap()
    };
    let log = folder.path().join("hand.jsonl");
    let mut run = Run::guarded(scheduler(&log), momentum());
    run.guard =
        Some(Guard::new(&run.scheduler, &run.model).measuring_gradients(&run.scheduler, 10));
    run.steps(batches().iter().cycle().take(steps() as usize));
    let by_hand = audit(&log);
    assert!(by_hand.iter().any(|decision| decision.action.is_some()));

    let log = folder.path().join("learner.jsonl");
    let learning = Learning {
        folder: &folder.path().join("learner"),
        accumulation: 1,
        from: None,
        to: EPOCHS,
    };
    let model = learning.run(scheduler(&log), |model| {
        model.guarded().measuring_gradients(10)
    });
    assert_eq!(audit(&log), by_hand);
    assert_eq!(bits(&model), run.weights());
}

#[test]
fn a_meter_without_a_guard_measures_too() {
    let mut run = Run::new(
        Scheduler::from_loaded(&measuring(3)).unwrap().steps(200),
        momentum(),
    );
    // No window is shorter than 4 steps: each has a measured one.
    let mut meter = GradientMeter::new(&run.scheduler, 3);
    for batch in batches().iter().cycle().take(200) {
        let (rate, grads) = run.rate(batch);
        run.model = meter.step(rate, run.model.clone(), &mut run.optim, grads);
    }
    assert_eq!(run.scheduler.health(), qstride::Health::Fine);
    assert!(!run.scheduler.last_decision().unwrap().q_values.is_empty());
}

#[test]
fn gradients_are_accumulated_the_same_in_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let batches = batches();
    let steps = EPOCHS * batches.len().div_ceil(2);
    let scheduler = || Scheduler::rule(OptimizerFamily::Momentum).steps(steps as u64);
    let mut run = Run::guarded(scheduler(), momentum());
    for _ in 0..EPOCHS {
        for pair in batches.chunks(2) {
            let mut sum = GradientsAccumulator::new();
            for batch in pair {
                let loss = run.model.loss(batch);
                let grads = GradientsParams::from_grads(loss.backward(), &run.model);
                sum.accumulate(&run.model, grads);
                run.scheduler
                    .probe()
                    .record(loss.into_scalar::<f64>())
                    .unwrap();
            }
            let rate = run.scheduler.step();
            run.update(rate, sum.grads());
        }
    }
    let learning = Learning {
        folder: folder.path(),
        accumulation: 2,
        from: None,
        to: EPOCHS,
    };
    let model = learning.run(scheduler(), Observed::guarded);
    assert_eq!(bits(&model), run.weights());
    assert!(run.scheduler.monitor().decisions() > 10);
}
