//! Losses that are read one step late.

use burn::lr_scheduler::LrScheduler;
use burn::optim::GradientsParams;
use qstride::{Guard, Health, OptimizerFamily, Scheduler};

use crate::digits::{Mlp, momentum};
use crate::run::{Run, batches, bits, device};

const STEPS: usize = 200;

fn rule() -> Scheduler {
    Scheduler::rule(OptimizerFamily::Momentum)
        .steps(STEPS as u64)
        .rough_rate(100.0)
        .unwrap()
}

/// One step with the loss handed in as a tensor.
fn rate(run: &mut Run, batch: &crate::digits::Batch) -> (f64, GradientsParams) {
    let loss = run.model.loss(batch);
    run.scheduler.probe().record_tensor(&loss).unwrap();
    let grads = GradientsParams::from_grads(loss.backward(), &run.model);
    (run.scheduler.step(), grads)
}

#[test]
fn every_decision_comes_one_step_later() {
    let mut late = Run::new(rule().late_loss(), momentum());
    let mut model = Mlp::new(0, &device());
    let mut optim = momentum();
    let mut by_hand = rule();
    let mut waiting: Option<f64> = None;
    for batch in batches().iter().cycle().take(STEPS) {
        let (rate, grads) = self::rate(&mut late, batch);
        late.update(rate, grads);

        let loss = model.loss(batch);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        if let Some(loss) = waiting.replace(loss.into_scalar::<f64>()) {
            by_hand.probe().record(loss).ok();
        }
        model = optim.step(by_hand.step(), model, grads);
        assert_eq!(bits(&model), late.weights());
    }
    assert_eq!(late.scheduler.health(), Health::Fine);
    assert!(late.scheduler.monitor().decisions() > 5);
}

#[test]
fn the_guard_keeps_the_model_of_the_step_before() {
    let mut run = Run::guarded(rule().late_loss(), momentum());
    let mut measured = vec![run.weights()];
    let (mut snapshots, mut roll_backs) = (0, 0);
    for batch in batches().iter().cycle().take(STEPS) {
        let kept = bits(run.guard.as_ref().unwrap().snapshot());
        let counted = run.scheduler.monitor().rollbacks();
        let now = run.weights();
        let (rate, grads) = rate(&mut run, batch);
        run.update(rate, grads);
        let snapshot = bits(run.guard.as_ref().unwrap().snapshot());
        if run.scheduler.monitor().rollbacks() > counted {
            assert_eq!(snapshot, kept);
            assert_eq!(run.weights(), kept);
            roll_backs += 1;
        } else if snapshot != kept {
            assert_eq!(snapshot, measured[measured.len() - 1]);
            snapshots += 1;
        }
        measured.push(now);
    }
    assert!(snapshots > 3 && roll_backs > 0, "{snapshots} {roll_backs}");
}

#[test]
fn a_late_loss_that_is_not_finite_is_rolled_back_a_step_later() {
    let batches = batches();
    let mut run = Run::guarded(rule().late_loss(), momentum());
    run.guard = Some(Guard::new(&run.scheduler, &run.model));
    for batch in batches.iter().take(20) {
        let (rate, grads) = rate(&mut run, batch);
        run.update(rate, grads);
    }
    let before = run.scheduler.monitor().rollbacks();
    run.scheduler.probe().record(f64::NAN).unwrap_err();
    run.scheduler.step();
    run.update(1e-3, GradientsParams::new());
    assert_eq!(run.scheduler.monitor().rollbacks(), before);
    let (rate, grads) = rate(&mut run, &batches[20]);
    run.update(rate, grads);
    assert_eq!(run.scheduler.monitor().rollbacks(), before + 1);
    assert_eq!(run.weights(), bits(run.guard.as_ref().unwrap().snapshot()));
}
