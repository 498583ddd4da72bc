//! What a training run may do wrong: each has a defined behaviour, none panics.

use burn::lr_scheduler::LrScheduler;
use burn::optim::GradientsParams;
use proptest::prelude::*;
use qstride::{Guard, Health, OptimizerFamily, Probe, Scheduler, SchedulerError};
use qstride_control::learning_rate::SCHEDULE_BOUNDS;
use qstride_control::ramp_hold_decay::{RampHoldDecay, RampSettings};
use qstride_control::schedule::CHANGE_BOUNDS;

use crate::digits::{Mlp, momentum};
use crate::policy::{deterministic, measuring, untrained};
use crate::resuming::any_loss;
use crate::run::device;

fn rule() -> Scheduler {
    Scheduler::rule(OptimizerFamily::Momentum)
}

/// The rates for these losses; with a guard whose model stays as it is.
fn rates(scheduler: &mut Scheduler, guarded: bool, losses: &[f64]) -> Vec<f64> {
    let mut model = Mlp::new(0, &device());
    let mut optim = momentum();
    let mut guard = guarded.then(|| Guard::new(scheduler, &model));
    losses
        .iter()
        .map(|loss| {
            scheduler.probe().record(*loss).ok();
            let rate = scheduler.step();
            if let Some(guard) = &mut guard {
                model = guard.step(rate, model.clone(), &mut optim, GradientsParams::new());
            }
            rate
        })
        .collect()
}

fn in_bounds(rate: f64) -> bool {
    rate.is_finite() && (SCHEDULE_BOUNDS.0..=SCHEDULE_BOUNDS.1).contains(&rate)
}

#[test]
fn a_loss_that_is_never_finite() {
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut scheduler = rule().steps(100);
        let all = rates(&mut scheduler, false, &[loss; 100]);
        assert!(all.iter().all(|rate| *rate <= all[0] && in_bounds(*rate)));
        assert_eq!(scheduler.health(), Health::NotFinite { steps: 100 });
        assert_eq!(scheduler.monitor().rollbacks(), 1);

        let mut scheduler = rule().steps(100);
        let all = rates(&mut scheduler, true, &[loss; 100]);
        assert!(all.iter().all(|rate| *rate <= all[0] && in_bounds(*rate)));
        assert_eq!(scheduler.health(), Health::NotFinite { steps: 100 });
        // The guard's patience ends; a finite loss then shows it.
        rates(&mut scheduler, true, &[1.0]);
        assert!(matches!(scheduler.health(), Health::FallenBack { rollbacks } if rollbacks >= 20));
    }
}

#[test]
fn a_loss_that_is_constant_zero_or_negative() {
    for loss in [2.3, 0.0, -0.0, -1.5, 1e-300, 0.1, -1e90] {
        for guarded in [false, true] {
            let mut scheduler = rule().steps(400);
            let all = rates(&mut scheduler, guarded, &[loss; 400]);
            // It is no reason to go far.
            assert!(
                all.iter().all(|rate| *rate <= 1e-2 && in_bounds(*rate)),
                "{loss}"
            );
            assert!(matches!(
                scheduler.health(),
                Health::ConstantLoss { steps } if steps >= 399
            ));
        }
    }
}

#[test]
fn a_probe_that_is_never_filled_holds_the_rate_and_says_so() {
    let mut scheduler = rule().steps(100);
    let first = scheduler.step();
    for steps in 2..=100 {
        assert_eq!(scheduler.step(), first);
        assert_eq!(scheduler.health(), Health::NoLoss { steps });
    }
    scheduler.probe().record(1.0).unwrap();
    scheduler.step();
    assert_eq!(scheduler.health(), Health::Fine);
}

#[test]
fn a_probe_that_is_filled_twice_gives_the_mean() {
    let (mut twice, mut once) = (rule().steps(60), rule().steps(60));
    for step in 0..60 {
        let loss = 3.0 / f64::from(step + 1);
        twice.probe().record(0.5 * loss).unwrap();
        twice.probe().record(1.5 * loss).unwrap();
        once.probe().record(loss).unwrap();
        assert_eq!(twice.step(), once.step());
    }
}

#[test]
fn a_probe_may_be_filled_from_another_thread() {
    let (mut there, mut here) = (rule().steps(60), rule().steps(60));
    for step in 0..60 {
        let loss = 3.0 / f64::from(step + 1);
        let probe = there.probe();
        std::thread::spawn(move || probe.record(loss).unwrap())
            .join()
            .unwrap();
        here.probe().record(loss).unwrap();
        assert_eq!(there.step(), here.step());
    }
    // A probe of one's own, made before the scheduler.
    let probe = Probe::new();
    probe.record(7.0).unwrap();
    let mut scheduler = rule().watching(&probe);
    scheduler.step();
    assert_eq!(scheduler.health(), Health::NoLoss { steps: 1 });
    probe.record(7.0).unwrap();
    scheduler.step();
    assert_eq!(scheduler.health(), Health::Fine);
}

#[test]
fn a_policy_of_the_other_regime_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    deterministic()
        .save(folder.path().join("c").as_path())
        .unwrap();
    for result in [
        Scheduler::from_loaded(&deterministic()),
        Scheduler::from_checkpoint(folder.path().join("c")),
    ] {
        let error = result.err().unwrap();
        assert!(matches!(error, SchedulerError::Regime { .. }));
        assert!(
            error
                .to_string()
                .contains("field `regime` is deterministic")
        );
    }
    let missing = Scheduler::from_checkpoint(folder.path().join("nothing"));
    assert!(matches!(missing.err(), Some(SchedulerError::Checkpoint(_))));
}

#[test]
fn no_steps_one_step_and_more_steps_than_announced() {
    let losses: Vec<f64> = (0..300).map(|step| 3.0 / f64::from(step + 1)).collect();
    let unknown = rates(&mut rule(), true, &losses);
    assert_eq!(rates(&mut rule().steps(0), true, &losses), unknown);

    for steps in [1, 2, 3, 20, 100] {
        for policy in [false, true] {
            let mut scheduler = match policy {
                true => Scheduler::from_loaded(&untrained(2, true)).unwrap(),
                false => rule(),
            };
            scheduler = scheduler.steps(steps);
            let all = rates(&mut scheduler, true, &losses);
            assert!(all.iter().copied().all(in_bounds));
            let extra = 300 - steps;
            assert_eq!(scheduler.health(), Health::Overrun { steps: extra });
            if steps >= 20 {
                let after = &all[steps as usize..];
                assert!(after.iter().all(|rate| *rate <= all[steps as usize - 1]));
            }
        }
    }
}

#[test]
fn a_rough_rate_must_be_a_rate() {
    for rate in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let error = rule().rough_rate(rate).err().unwrap();
        assert!(matches!(
            error,
            SchedulerError::Setting {
                setting: "rough_rate",
                ..
            }
        ));
    }
    for rate in [f64::MIN_POSITIVE, f64::MAX] {
        let mut scheduler = rule().rough_rate(rate).unwrap();
        assert!(
            rates(&mut scheduler, true, &[1.0; 50])
                .into_iter()
                .all(in_bounds)
        );
    }
}

#[test]
fn a_guard_that_is_not_called_is_noticed_and_nothing_is_rolled_back() {
    let mut scheduler = rule().steps(200);
    let mut model = Mlp::new(0, &device());
    let mut guard = Guard::new(&scheduler, &model);
    for step in 0..60 {
        scheduler
            .probe()
            .record(if step < 50 { 1.0 } else { 1e9 })
            .unwrap();
        scheduler.step();
        let idle = scheduler.health() == Health::GuardIdle;
        assert_eq!(idle, step > 0, "{step}");
        assert!(
            scheduler
                .last_decision()
                .is_none_or(|decision| !decision.roll_back)
        );
    }
    // Called again, it is there again.
    let rate = scheduler.monitor().rate();
    model = guard.step(rate, model, &mut momentum(), GradientsParams::new());
    scheduler.probe().record(2.0).unwrap();
    scheduler.step();
    assert_eq!(scheduler.health(), Health::Fine);
    drop(model);
}

#[test]
fn a_policy_that_needs_gradients_and_gets_none_says_so() {
    let mut scheduler = Scheduler::from_loaded(&measuring(0)).unwrap().steps(200);
    let losses: Vec<f64> = (0..200).map(|step| 3.0 / f64::from(step + 1)).collect();
    rates(&mut scheduler, true, &losses);
    assert_eq!(scheduler.health(), Health::NoGradients);
    let decision = scheduler.last_decision().unwrap();
    assert!(decision.action.is_none() && decision.features.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_losses_are_the_rate_is_in_its_bounds_and_changes_within_them(
        losses in prop_oneof![
            proptest::collection::vec(any_loss(), 1..300),
            proptest::collection::vec(any::<f64>(), 1..300),
            any_loss().prop_map(|loss| vec![loss; 200]),
        ],
        steps in 0u64..400,
        rough_rate in prop_oneof![Just(1e-20), Just(1.0), Just(1e20)],
        guarded in any::<bool>(),
        policy in proptest::option::of(0u64..4),
    ) {
        let mut scheduler = match policy {
            Some(seed) => Scheduler::from_loaded(&untrained(seed, seed % 2 == 1)).unwrap(),
            None => rule(),
        };
        scheduler = scheduler.steps(steps).rough_rate(rough_rate).unwrap();
        let rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        let mut before = None;
        for (step, rate) in rates(&mut scheduler, guarded, &losses).into_iter().enumerate() {
            prop_assert!(in_bounds(rate), "{} at step {}", rate, step);
            let decay = if steps > 0 { rule.decay(step as u64, steps) } else { 1.0 };
            let rate = rate / decay;
            // At the lower bound the annealing has no room.
            if let Some(before) = before && rate > 1e-11 {
                let change: f64 = rate / before;
                let (least, most) = (CHANGE_BOUNDS.0 * (1.0 - 1e-9), CHANGE_BOUNDS.1 * (1.0 + 1e-9));
                prop_assert!(least <= change && change <= most, "x{} at step {}", change, step);
            }
            before = Some(rate);
        }
    }
}
