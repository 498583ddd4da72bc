//! What a step of each classic method costs.
//!
//! - `step`: one trial of a deterministic method, its share of gradients included, on the chained Rosenbrock function of 100 variables.
//! - `stochastic step`: one step of a stochastic method with the 650 parameters of softmax regression on the digits, on a loss that is nearly free.
//!
//! `objective` is what a value and a gradient cost by themselves; the rest is the method's.
#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use qstride_control::DeterministicSettings;
use qstride_control::rivals::stochastic::{Minibatch, STOCHASTIC_RIVALS, StochasticRival};
use qstride_control::rivals::{RIVALS, Rival, Setup};
use qstride_control::vector::dot;
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

/// The parameters of softmax regression on the digits: 64 · 10 + 10.
const PARAMETERS: usize = 650;
/// Steps of a training, and of its epochs.
const STEPS: u64 = 200;
const STEPS_AN_EPOCH: f64 = 40.0;

/// ½ c |x|² + 1: one scaled copy and one inner product. The constant keeps methods that follow the loss from coming to rest.
struct Bowl;

/// c.
const CURVATURE: f64 = 1.0 / PARAMETERS as f64;

impl Minibatch for Bowl {
    fn value(&mut self, x: &[f64]) -> f64 {
        0.5 * CURVATURE * dot(x, x) + 1.0
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        for (g, x) in gradient.iter_mut().zip(x) {
            *g = CURVATURE * x;
        }
        self.value(x)
    }
}

/// The time of `steps` steps: whole trainings, scaled to that number.
fn training_time(rival: &StochasticRival, steps: u64) -> Duration {
    let (mut done, mut spent) = (0, Duration::ZERO);
    while done < steps {
        let mut x = vec![1.0; PARAMETERS];
        let mut method = (rival.build)(&x, STEPS_AN_EPOCH);
        let start = Instant::now();
        for _ in 0..STEPS {
            black_box(method.step(rival.rate, black_box(&mut x), &mut Bowl));
        }
        spent += start.elapsed();
        done += STEPS;
    }
    spent.mul_f64(steps as f64 / done as f64)
}

fn stochastic_rivals(c: &mut Criterion) {
    let mut group = c.benchmark_group("stochastic step");
    let (x, mut gradient) = (vec![1.0; PARAMETERS], vec![0.0; PARAMETERS]);
    group.bench_function("objective", |b| {
        b.iter(|| Bowl.value_and_gradient(black_box(&x), &mut gradient));
    });
    for rival in STOCHASTIC_RIVALS {
        group.bench_function(rival.name, |b| {
            b.iter_custom(|steps| training_time(rival, steps));
        });
    }
    group.finish();
}

criterion_group!(benches, rivals, stochastic_rivals);
criterion_main!(benches);
