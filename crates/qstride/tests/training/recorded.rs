//! Fed the same recorded losses, the scheduler and the control loop of `qstride-control` decide identically.

use std::sync::Arc;

use burn::lr_scheduler::LrScheduler;
use burn::optim::GradientsParams;
use qstride::{Guard, OptimizerFamily, Scheduler, run};
use qstride_control::{
    Acceptance, Controller, Decision, Observation, StochasticEpisode, StochasticSettings,
};
use qstride_objectives::Streams;
use qstride_objectives::dataset::Dataset;
use qstride_objectives::task::{Model, task};

use crate::digits::{Mlp, momentum};
use crate::policy::untrained;
use crate::run::device;

/// The anchor alone: the factor on its rate is one.
struct Keep;

impl Controller for Keep {
    fn acceptance(&self) -> Acceptance {
        Acceptance::Always
    }
    fn decide(&mut self, observation: &Observation) -> Decision {
        Decision::rate(observation.window.anchor_rate, None)
    }
}

fn episode(settings: StochasticSettings) -> StochasticEpisode {
    let data = Arc::new(Dataset::digits().unwrap().split(0.75, 0).unwrap());
    let objective = task(&Model::Softmax, &data, 0).unwrap();
    StochasticEpisode::start(objective, settings, Streams::new(5).stream("batches"))
}

/// Steps the scheduler through the losses of a run of the control loop and compares every rate.
fn compare(
    settings: StochasticSettings,
    controller: &mut dyn Controller,
    mut scheduler: Scheduler,
) {
    let steps = settings.steps;
    let guarded = settings.can_roll_back;
    let mut episode = episode(StochasticSettings {
        trace: true,
        ..settings
    });
    let record = run(&mut episode, controller);
    assert_eq!(record.trace.len() as u64, steps);
    // The guard is there, its model plays no part.
    let mut model = Mlp::new(0, &device());
    let mut optim = momentum();
    let mut guard = guarded.then(|| Guard::new(&scheduler, &model));
    for (index, step) in record.trace.iter().enumerate() {
        scheduler.probe().record(step.trial_value).ok();
        let rate = scheduler.step();
        assert_eq!(rate, step.rate, "step {index}");
        if let Some(guard) = &mut guard {
            model = guard.step(rate, model, &mut optim, GradientsParams::new());
        }
        let action = scheduler
            .last_decision()
            .filter(|decision| decision.step == index as u64 + 1)
            .and_then(|decision| {
                let action = decision.action?;
                decision
                    .q_values
                    .iter()
                    .position(|(name, _)| *name == action)
            });
        assert_eq!(action, step.action, "step {index}");
    }
    let window = &episode.schedule().observation().window;
    assert_eq!(scheduler.monitor().rollbacks(), window.rollbacks);
}

#[test]
fn the_rule_decides_the_same_in_both_loops() {
    for (steps, rough_rate, can_roll_back) in [
        (400, None, true),
        (400, Some(1e4), true),
        (300, Some(1e4), false),
        (37, None, true),
    ] {
        for horizon_known in [true, false] {
            let settings = StochasticSettings {
                steps,
                rough_rate,
                can_roll_back,
                horizon_known,
                batch: 8,
                ..StochasticSettings::default()
            };
            let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum);
            if horizon_known {
                scheduler = scheduler.steps(steps);
            }
            if let Some(rate) = rough_rate {
                scheduler = scheduler.rough_rate(rate).unwrap();
            }
            let mut keep = Keep;
            compare(settings, &mut keep, scheduler);
        }
    }
}

#[test]
fn a_policy_decides_the_same_in_both_loops() {
    for seed in 0..6 {
        for can_roll_back in [true, false] {
            let checkpoint = untrained(seed, seed % 2 == 1);
            let settings = StochasticSettings {
                steps: 500,
                batch: 8,
                rough_rate: Some(1e4),
                can_roll_back,
                ..StochasticSettings::default()
            };
            let scheduler = Scheduler::from_loaded(&checkpoint)
                .unwrap()
                .steps(500)
                .rough_rate(1e4)
                .unwrap();
            compare(settings, &mut checkpoint.controller(), scheduler);
        }
    }
}
