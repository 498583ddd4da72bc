//! A staged roll-out: shadow, bounded, alone.

use burn::lr_scheduler::LrScheduler;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::GradientsParams;
use qstride::{OptimizerFamily, Scheduler};

use crate::digits::{Mlp, momentum};
use crate::policy::untrained;
use crate::run::{Run, audit, batches, bits, device};

const STEPS: usize = 200;

fn cosine() -> ModuleLrScheduler {
    CosineAnnealingLrSchedulerConfig::new(0.1, STEPS)
        .init()
        .unwrap()
}

#[test]
fn a_shadow_leaves_the_base_schedule_alone_and_logs_what_would_have_been() {
    let batches = batches();
    let mut model = Mlp::new(0, &device());
    let (mut optim, mut base) = (momentum(), cosine());
    let mut base_rates = Vec::new();
    for batch in batches.iter().cycle().take(STEPS) {
        let grads = GradientsParams::from_grads(model.loss(batch).backward(), &model);
        let rate = base.step();
        base_rates.push(rate.base());
        model = optim.step(rate, model, grads);
    }

    let folder = tempfile::tempdir().unwrap();
    for guarded in [false, true] {
        let log = folder.path().join(format!("{guarded}.jsonl"));
        let scheduler = Scheduler::from_loaded(&untrained(1, true))
            .unwrap()
            .steps(STEPS as u64)
            .shadow(cosine())
            .audit(&log)
            .unwrap();
        let mut run = match guarded {
            true => Run::guarded(scheduler, momentum()),
            false => Run::new(scheduler, momentum()),
        };
        run.steps(batches.iter().cycle().take(STEPS));
        assert_eq!(run.rates, base_rates);
        assert_eq!(run.weights(), bits(&model));
        let log = audit(&log);
        assert!(log.len() >= 10);
        for decision in &log {
            assert_eq!(decision.rate, base_rates[decision.step as usize - 1]);
            assert_eq!(decision.base_rate, Some(decision.rate));
            assert!(decision.controller_rate.unwrap() > 0.0 && !decision.roll_back);
        }
        assert!(
            log.iter()
                .any(|decision| decision.controller_rate != decision.base_rate)
        );
        assert_eq!(run.scheduler.health(), qstride::Health::Fine);
    }
}

#[test]
fn a_bounded_controller_stays_within_its_factor() {
    let mut base = cosine();
    let scheduler = Scheduler::rule(OptimizerFamily::Momentum)
        .steps(STEPS as u64)
        .bounded(cosine(), 3.0)
        .unwrap();
    let mut run = Run::guarded(scheduler, momentum());
    let mut within = 0;
    for batch in batches().iter().cycle().take(STEPS) {
        run.step(batch);
        let rate = run.rates[run.rates.len() - 1];
        let base = base.step().base();
        assert!(base / 3.0 <= rate && rate <= base * 3.0, "{rate} {base}");
        within += usize::from(base / 2.99 < rate && rate < base * 2.99);
    }
    assert!(within > 0, "the controller never acted");
    let rule = || Scheduler::rule(OptimizerFamily::Momentum);
    for factor in [0.5, f64::NAN, f64::INFINITY] {
        assert!(rule().bounded(0.1, factor).is_err());
    }
}

#[test]
fn a_rate_of_ones_own_is_a_base_schedule_too() {
    let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum).shadow(0.25);
    scheduler.probe().record(1.0).unwrap();
    assert_eq!(scheduler.step(), 0.25);
}
