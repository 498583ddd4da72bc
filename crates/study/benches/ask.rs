//! What an ask with its suggestions and its tell costs after 100 and after 1,000 trials of six parameters, in memory.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark may fail by a panic"
)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use qstride_study::problems::Problem;
use qstride_study::sampler::{Random, Sampler, Sobol, Tpe};
use qstride_study::{Direction, Outcome, Study, Trial};

type Make = fn() -> Box<dyn Sampler>;

fn ask(study: &Study) {
    let mut trial = study.ask().unwrap();
    let hartmann6 = Problem::of_name("hartmann6").unwrap();
    let value = (hartmann6.objective)(&mut trial).unwrap();
    study.tell(&trial, &Outcome::Complete(value)).unwrap();
}

/// A study with so many random trials.
fn after(trials: u64, sampler: Box<dyn Sampler>) -> Study {
    let study = Study::new("bench", Direction::Minimize).unwrap();
    let hartmann6 = Problem::of_name("hartmann6").unwrap();
    let run = |trial: &mut Trial<'_>| Ok((hartmann6.objective)(trial)?);
    study.optimize(trials, run).unwrap();
    study.with_sampler(sampler)
}

fn asks(c: &mut Criterion) {
    let samplers: [(&str, Make); 3] = [
        ("random", || Box::new(Random)),
        ("sobol", || Box::new(Sobol::new(0))),
        ("tpe", || Box::new(Tpe::default())),
    ];
    for trials in [100, 1000] {
        for (name, sampler) in samplers {
            c.bench_function(&format!("20 asks of {name} after {trials} trials"), |b| {
                b.iter_batched_ref(
                    || after(trials, sampler()),
                    |study| (0..20).for_each(|_| ask(study)),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = asks
}
criterion_main!(benches);
