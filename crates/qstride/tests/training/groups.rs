//! Parameter groups: one controller for all, or one each.

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::{ParamGroup, ParamId};
use burn::optim::GradientsParams;
use qstride::{Guard, Health, OptimizerFamily, Scheduler};

use crate::digits::{Mlp, momentum};
use crate::run::{batches, bits, device};

const STEPS: usize = 200;

fn rule() -> Scheduler {
    Scheduler::rule(OptimizerFamily::Momentum).steps(STEPS as u64)
}

/// Trains under `schedulers`, the leader being `leader`, and returns the rates of the two layers.
fn train(leader: &Scheduler, mut schedulers: ModuleLrScheduler) -> (Mlp, Vec<[f64; 2]>) {
    let probe = leader.probe();
    let mut model = Mlp::new(0, &device());
    let mut optim = momentum();
    let mut guard = Guard::new(leader, &model);
    let mut rates = Vec::new();
    for batch in batches().iter().cycle().take(STEPS) {
        let loss = model.loss(batch);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        probe.record(loss.into_scalar::<f64>()).ok();
        let rate = schedulers.step();
        let of = |path| rate.lr_from_param(ParamId::new(), Some(path));
        rates.push([of("hidden.weight"), of("output.weight")]);
        model = guard.step(rate, model, &mut optim, grads);
    }
    (model, rates)
}

fn output() -> ParamGroup {
    ParamGroup::from_predicate("output")
}

#[test]
fn a_follower_has_a_fixed_multiple_of_the_rate() {
    let leader = rule();
    let follower = leader.follower(0.25);
    let schedulers = ModuleLrScheduler::new(leader.clone()).with_group(output(), follower);
    let (model, rates) = train(&leader, schedulers);
    assert!(
        rates
            .iter()
            .all(|[hidden, output]| *output == 0.25 * hidden && *hidden > 0.0)
    );
    let (same, _) = train(&rule(), ModuleLrScheduler::new(rule()));
    assert_ne!(bits(&model), bits(&same));
    assert!(model.full_loss(&batches()) < 0.5);
}

#[test]
fn one_scheduler_each_on_one_probe() {
    let first = rule();
    let second = Scheduler::rule(OptimizerFamily::Adaptive)
        .steps(STEPS as u64)
        .watching(&first.probe());
    let (monitor_1, monitor_2) = (first.monitor(), second.monitor());
    let schedulers = ModuleLrScheduler::new(first.clone()).with_group(output(), second);
    let (model, rates) = train(&first, schedulers);
    assert!(model.full_loss(&batches()) < 2.0);
    for monitor in [monitor_1, monitor_2] {
        assert!(monitor.decisions() > 5);
        assert_eq!(monitor.health(), Health::Fine);
    }
    assert!(rates.iter().any(|[hidden, output]| hidden != output));

    // Two of the same kind read the same losses: the same rates.
    let first = rule();
    let second = rule().watching(&first.probe());
    let schedulers = ModuleLrScheduler::new(first.clone()).with_group(output(), second);
    let mut unguarded = schedulers;
    for step in 0..STEPS {
        first.probe().record(3.0 / (step + 1) as f64).unwrap();
        let rate = unguarded.step();
        let of = |path| rate.lr_from_param(ParamId::new(), Some(path));
        assert_eq!(of("hidden.weight"), of("output.weight"));
    }
}
