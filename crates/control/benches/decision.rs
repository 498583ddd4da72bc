//! What a decision costs: the frozen network, the state with it, and a whole step of the loop.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark may fail by a panic"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use qstride_control::features::Features;
use qstride_control::policy::NetworkShape;
use qstride_control::rivals::BarzilaiBorwein;
use qstride_control::{
    ActionSet, Controller, DeterministicEpisode, DeterministicSettings, Learned, Policy, StateSpec,
    run,
};
use qstride_objectives::rosenbrock::chained_rosenbrock;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn learned() -> Learned {
    let spec = StateSpec::new(StateSpec::default_features(), &Features::builtin()).unwrap();
    let shape = NetworkShape {
        inputs: spec.width(),
        hidden: vec![32, 32],
        actions: 5,
    };
    let policy = Policy::untrained(shape, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    Learned::new(
        policy,
        spec,
        Arc::new(ActionSet::preset("proposals").unwrap()),
    )
}

fn minimise(controller: &mut dyn Controller) -> f64 {
    let objective = Arc::new(chained_rosenbrock(10));
    let mut episode =
        DeterministicEpisode::start(objective, DeterministicSettings::default(), controller);
    run(&mut episode, controller).best_value
}

fn decision(c: &mut Criterion) {
    let shape = NetworkShape {
        inputs: 12,
        hidden: vec![64, 64],
        actions: 3,
    };
    let mut policy = Policy::untrained(shape, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let state = [0.25; 12];
    c.bench_function("q-values 12-64-64-3", |b| {
        b.iter(|| policy.q_values(black_box(&state))[0])
    });
    // A budget of 202 is about 100 steps.
    let mut learned = learned();
    c.bench_function("episode of 202, learned 38-32-32-5", |b| {
        b.iter(|| minimise(&mut learned))
    });
    let mut rival = BarzilaiBorwein::nonmonotone();
    c.bench_function("episode of 202, gll-bb", |b| {
        b.iter(|| minimise(&mut rival))
    });
}

criterion_group!(benches, decision);
criterion_main!(benches);
