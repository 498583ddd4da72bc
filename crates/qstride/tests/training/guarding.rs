//! The guard: what it keeps, when it returns to it, and what a run is worth with it.

use burn::lr_scheduler::LrScheduler;
use burn::optim::GradientsParams;
use qstride::{Guard, OptimizerFamily, Scheduler};

use crate::digits::{Batch, Mlp, momentum};
use crate::run::{Run, audit, batches, bits, device};

const EPOCHS: usize = 40;

/// The final train loss of a constant rate; infinite where it diverged.
fn constant(rate: f64, seed: u64, batches: &[Batch]) -> f64 {
    let mut model = Mlp::new(seed, &device());
    let mut optim = momentum();
    for batch in batches.iter().cycle().take(EPOCHS * batches.len()) {
        let grads = GradientsParams::from_grads(model.loss(batch).backward(), &model);
        model = optim.step(rate, model, grads);
    }
    let loss = model.full_loss(batches);
    if loss.is_finite() {
        loss
    } else {
        f64::INFINITY
    }
}

#[test]
fn a_rate_a_thousand_times_too_large_ends_near_tuned_sgd() {
    let batches = batches();
    let steps = EPOCHS * batches.len();
    let folder = tempfile::tempdir().unwrap();
    let mut ratios = Vec::new();
    for seed in 0..5 {
        // Half decades from 1e-3 to 1e1.
        let (best, tuned) = (0..9)
            .map(|index| 10f64.powf(-3.0 + 0.5 * f64::from(index)))
            .map(|rate| (rate, constant(rate, seed, &batches)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap();
        let log = folder.path().join(format!("{seed}.jsonl"));
        let scheduler = Scheduler::pretrained()
            .steps(steps as u64)
            .rough_rate(1000.0 * best)
            .unwrap()
            .audit(&log)
            .unwrap();
        let mut run = Run::guarded(scheduler, momentum());
        run.model = Mlp::new(seed, &device());
        run.guard = Some(Guard::new(&run.scheduler, &run.model));
        run.steps(batches.iter().cycle().take(steps));
        let loss = run.model.full_loss(&batches);
        println!("seed {seed}: tuned SGD {tuned:.6} at {best:.1e}, with the guard {loss:.6}");
        ratios.push(loss / tuned);

        let roll_backs = audit(&log).iter().filter(|d| d.roll_back).count();
        assert!(roll_backs > 0);
        assert_eq!(roll_backs as u32, run.scheduler.monitor().rollbacks());
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[2] <= 2.0, "{ratios:?}");
    assert!(ratios[4] <= 10.0, "{ratios:?}");
}

#[test]
fn the_snapshot_is_the_model_at_which_the_loss_was_measured() {
    let scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(200);
    let mut run = Run::guarded(scheduler, momentum());
    let mut snapshots = 0;
    for batch in batches().iter().cycle().take(200) {
        let kept = bits(run.guard.as_ref().unwrap().snapshot());
        let measured = run.weights();
        run.step(batch);
        let snapshot = bits(run.guard.as_ref().unwrap().snapshot());
        if snapshot != kept {
            assert_eq!(snapshot, measured);
            assert_ne!(snapshot, run.weights());
            snapshots += 1;
        }
    }
    assert!(snapshots > 5);
}

#[test]
fn a_loss_that_turns_nan_restores_the_parameters_exactly() {
    let batches = batches();
    let scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(300);
    let mut run = Run::guarded(scheduler, momentum());
    run.steps(batches.iter().cycle().take(150));
    let kept = bits(run.guard.as_ref().unwrap().snapshot());
    assert_ne!(run.weights(), kept);
    let rate_before = run.rates[149];
    let roll_backs = run.scheduler.monitor().rollbacks();
    for nan in 0..3 {
        let grads = GradientsParams::from_grads(run.model.loss(&batches[0]).backward(), &run.model);
        run.scheduler.probe().record(f64::NAN).unwrap_err();
        let rate = run.scheduler.step();
        assert!(nan > 0 || rate <= 0.26 * rate_before);
        run.update(rate, grads);
        assert_eq!(run.weights(), kept);
    }
    assert_eq!(run.scheduler.monitor().rollbacks(), roll_backs + 3);

    // The optimizer starts anew: the next update is that of a fresh one at the snapshot.
    let model = run.model.clone();
    let (rate, grads) = run.rate(&batches[1]);
    run.update(rate, grads);
    let grads = GradientsParams::from_grads(model.loss(&batches[1]).backward(), &model);
    let fresh = momentum().step(rate, model, grads);
    assert_eq!(run.weights(), bits(&fresh));
}

#[test]
fn without_a_guard_a_roll_back_is_masked() {
    let checkpoint = crate::policy::untrained(1, true);
    let scheduler = Scheduler::from_loaded(&checkpoint).unwrap().steps(200);
    let mut run = Run::new(scheduler, momentum());
    for batch in batches().iter().cycle().take(200) {
        run.step(batch);
        let decision = run.scheduler.last_decision().unwrap_or_default();
        assert!(!decision.roll_back);
        assert!(
            decision
                .action
                .is_none_or(|action| !action.starts_with("roll-back"))
        );
    }
}
