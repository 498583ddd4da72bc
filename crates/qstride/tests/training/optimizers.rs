//! Every optimizer of Burn 0.22 is driven without a rate.

use burn::module::ParamGroup;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdaGradConfig, AdafactorConfig, AdamConfig, AdamWConfig, AdanConfig, LambConfig, LionConfig,
    ModuleOptimizer, MuonConfig, RmsPropConfig, SgdConfig,
};
use qstride::OptimizerFamily::{self, Adaptive, Momentum};
use qstride::Scheduler;

use crate::digits::Mlp;
use crate::run::{Run, batches, device};

const EPOCHS: usize = 10;

fn sgd(nesterov: bool) -> ModuleOptimizer {
    let momentum = MomentumConfig::new()
        .with_momentum(0.9)
        .with_nesterov(nesterov);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

/// Muon is for matrices; Burn's documentation has AdamW see to the rest.
fn muon() -> ModuleOptimizer {
    let matrices = ParamGroup::from_predicate("weight");
    AdamWConfig::new()
        .init()
        .with_group(matrices, MuonConfig::new().build(), None)
}

#[test]
fn every_optimizer_finds_a_rate() {
    let optimizers: [(&str, ModuleOptimizer, OptimizerFamily); 14] = [
        ("Sgd", SgdConfig::new().init(), Momentum),
        ("Sgd, momentum", sgd(false), Momentum),
        ("Sgd, Nesterov", sgd(true), Momentum),
        (
            "Sgd, weight decay",
            SgdConfig::new()
                .with_weight_decay(Some(WeightDecayConfig::new(1e-4)))
                .init(),
            Momentum,
        ),
        ("Adam", AdamConfig::new().init(), Adaptive),
        (
            "Adam, AMSGrad",
            AdamConfig::new().with_amsgrad(true).init(),
            Adaptive,
        ),
        ("AdamW", AdamWConfig::new().init(), Adaptive),
        ("RmsProp", RmsPropConfig::new().init(), Adaptive),
        ("AdaGrad", AdaGradConfig::new().init(), Adaptive),
        ("Muon", muon(), Adaptive),
        ("Adan", AdanConfig::new().init(), Adaptive),
        ("Lamb", LambConfig::new().init(), Adaptive),
        ("Lion", LionConfig::new().init(), Adaptive),
        (
            "Adafactor",
            // With relative steps it would not look at the rate.
            AdafactorConfig::new().with_relative_step(false).init(),
            Adaptive,
        ),
    ];
    let batches = batches();
    let steps = EPOCHS * batches.len();
    let first = Mlp::new(0, &device()).full_loss(&batches);
    let mut failed = Vec::new();
    for (name, optim, family) in optimizers {
        for known in [true, false] {
            let mut scheduler = Scheduler::pretrained_for(family);
            if known {
                scheduler = scheduler.steps(steps as u64);
            }
            let mut run = Run::guarded(scheduler, optim.clone());
            run.steps(batches.iter().cycle().take(steps));
            let share = run.model.full_loss(&batches) / first;
            println!("{name}, steps known: {known}: {share:.5} of the first loss");
            // A tenth with a known number of steps, half without.
            if !(share < if known { 0.1 } else { 0.5 }) {
                failed.push((name, known, share));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
