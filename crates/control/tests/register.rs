//! The register of stochastic methods on a real training: softmax regression on the digits, 5 epochs of minibatches of 32.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::collections::HashSet;
use std::sync::Arc;

use qstride_control::rivals::stochastic::{STOCHASTIC_RIVALS, find};
use qstride_control::{End, RateShape, TrainingRecord, TrainingSettings, train};
use qstride_objectives::dataset::Dataset;
use qstride_objectives::task::{Model, task};
use qstride_objectives::{StochasticObjective, Streams};

const BATCH: usize = 32;

fn digits() -> Arc<dyn StochasticObjective> {
    let split = Arc::new(Dataset::digits().unwrap().split(0.75, 0).unwrap());
    task(&Model::Softmax, &split, 0).unwrap()
}

fn trained(
    objective: &dyn StochasticObjective,
    name: &str,
    rate: f64,
    shape: &str,
) -> TrainingRecord {
    let epoch = objective.samples().div_ceil(BATCH);
    let settings = TrainingSettings {
        steps: 5 * epoch as u64,
        batch: BATCH,
        rate,
        shape: RateShape::parse(shape).unwrap(),
        measure_every: epoch as u64,
        ..TrainingSettings::default()
    };
    let mut method = (find(name).unwrap().build)(&objective.start(), epoch as f64);
    let batches = Streams::new(0).stream("minibatches");
    train(objective, &mut *method, &settings, batches)
}

#[test]
fn every_method_trains_at_its_published_rate() {
    // Final losses, rounded up; the start is ln 10 = 2.303.
    let wanted = [
        ("sgd", 0.19),
        ("momentum", 0.185),
        ("nesterov", 0.185),
        ("adam", 0.63),
        ("adamw", 0.63),
        ("prodigy", 0.08),
        ("d-adaptation-sgd", 0.08),
        ("dog", 0.34),
        ("dog-averaged", 0.44),
        ("schedule-free-sgd", 0.07),
        ("schedule-free-adamw", 0.5),
        ("sps", 0.12),
        ("sls", 0.12),
        ("ponos", 0.08),
        ("hypergradient", 0.27),
        ("hypergradient-multiplicative", 0.48),
    ];
    let objective = digits();
    assert_eq!(wanted.len(), STOCHASTIC_RIVALS.len());
    for (rival, (name, most)) in STOCHASTIC_RIVALS.iter().zip(wanted) {
        assert_eq!(rival.name, name);
        let record = trained(&*objective, name, rival.rate, "constant");
        let loss = record.final_loss;
        assert!((record.start_loss - 10f64.ln()).abs() < 1e-12);
        assert!(loss > 0.5 * most && loss < most, "{name}: {loss}");
        assert_eq!((record.end, record.steps), (End::Horizon, 215));
        assert_eq!(record.evaluations.gradients, 215);
        assert_eq!(record.curve.len(), 6);
        assert_eq!(objective.value(&record.point), loss);
    }
}

#[test]
fn methods_that_find_their_rate_beat_one_that_is_too_small() {
    let objective = digits();
    let loss = |name, rate| trained(&*objective, name, rate, "constant").final_loss;
    let small = loss("sgd", 0.01);
    assert!(small > 2.0 * loss("sgd", 0.1));
    for name in ["prodigy", "schedule-free-sgd", "sps", "sls", "ponos"] {
        let found = loss(name, 1.0);
        assert!(4.0 * found < small, "{name}: {found}, {small}");
    }
    // Hypergradient descent mends a small rate, factor by factor or faster.
    let fixed = loss("sgd", 1e-3);
    assert!(loss("hypergradient-multiplicative", 1e-3) < 0.4 * fixed);
    assert!(loss("hypergradient", 1e-3) < 0.2 * fixed);
}

#[test]
fn shapes_lower_the_noise_of_a_large_rate() {
    let objective = digits();
    let loss = |shape| trained(&*objective, "adam", 0.3, shape).final_loss;
    let constant = loss("constant");
    for shape in ["cosine", "step", "one-cycle"] {
        let shaped = loss(shape);
        assert!(shaped < 0.5 * constant, "{shape}: {shaped}, {constant}");
    }
    // Five epochs are too few for a patience of ten.
    assert_eq!(loss("plateau"), constant);
}

#[test]
fn names_are_different_and_found() {
    let names: HashSet<_> = STOCHASTIC_RIVALS.iter().map(|rival| rival.name).collect();
    assert_eq!(names.len(), 16);
    for rival in STOCHASTIC_RIVALS {
        assert_eq!(find(rival.name).unwrap().about, rival.about);
        assert!(rival.rate > 0.0 && (rival.tunable || rival.rate == 1.0));
    }
    assert!(find("sgdd").is_none());
}
