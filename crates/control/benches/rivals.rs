//! What a step of each classic method costs: one trial, its share of gradients included, on the chained Rosenbrock function of 100
//! variables. `objective` is what a value and a gradient of it cost by themselves; the rest is the method's.
#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use qstride_control::DeterministicSettings;
use qstride_control::rivals::{RIVALS, Rival, Setup};
use qstride_objectives::rosenbrock::chained_rosenbrock;
use qstride_objectives::{Objective, Streams};

/// The time of `steps` trials: whole searches, scaled to that number.
fn time(rival: &Rival, objective: &Arc<dyn Objective>, setup: &Setup, steps: u64) -> Duration {
    let settings = DeterministicSettings {
        budget: 402,
        floor: 0.0,
        ..Default::default()
    };
    let mut done = 0;
    let start = Instant::now();
    while done < steps {
        let (record, _) = rival.minimise(objective.clone(), settings, setup);
        done += record.evaluations.values.max(1);
    }
    start.elapsed().mul_f64(steps as f64 / done as f64)
}

fn rivals(c: &mut Criterion) {
    let objective: Arc<dyn Objective> = Arc::new(chained_rosenbrock(100));
    let setup = Setup {
        rate: None,
        minimum: Some(0.0),
        generator: Streams::new(1).stream("bench"),
    };
    let mut group = c.benchmark_group("step");
    let (x, mut gradient) = (objective.start(), objective.start());
    group.bench_function("objective", |b| {
        b.iter(|| {
            objective.gradient(black_box(&x), &mut gradient);
            objective.value(black_box(&x))
        });
    });
    for rival in RIVALS {
        group.bench_function(rival.name, |b| {
            b.iter_custom(|steps| time(rival, &objective, &setup, steps));
        });
    }
    group.finish();
}

criterion_group!(benches, rivals);
criterion_main!(benches);
