//! The register of stochastic methods on a real training.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use qstride_control::rivals::stochastic::{STOCHASTIC_RIVALS, StochasticRival, find};
use qstride_control::{End, TrainingRecord, TrainingSettings, train};
use qstride_objectives::dataset::Dataset;
use qstride_objectives::task::{Model, task};
use qstride_objectives::{StochasticObjective, Streams};

#[test]
#[ignore]
fn rough() {
    let split = Arc::new(Dataset::digits().unwrap().split(0.75, 0).unwrap());
    for model in ["softmax", "mlp:32"] {
        println!("== {model}");
        let mut base = 0.0;
        for rival in STOCHASTIC_RIVALS {
            let mut line = String::new();
            let mut time = 0.0;
            for seed in 0..3 {
                let objective = task(&Model::parse(model).unwrap(), &split, seed).unwrap();
                let per = objective.samples().div_ceil(32);
                let settings = TrainingSettings {
                    steps: 15 * per as u64,
                    rate: rival.rate,
                    ..Default::default()
                };
                let clock = std::time::Instant::now();
                let mut m = (rival.build)(&objective.start(), per as f64);
                let r = train(
                    &*objective,
                    &mut *m,
                    &settings,
                    Streams::new(seed).stream("minibatches"),
                );
                time += clock.elapsed().as_secs_f64();
                line += &format!(
                    "{:.4} ({}{}) ",
                    r.final_loss,
                    r.evaluations.values as f64 / r.steps as f64,
                    if r.end == End::Failed { " failed" } else { "" }
                );
            }
            if base == 0.0 {
                base = time
            }
            println!("{:28} {:.2}  {line}", rival.name, time / base);
        }
    }
}
