//! Compares samplers on the problems of `qstride_study::problems`: the best value of 100 trials, median [interquartile range] over seeds,
//! and CPU milliseconds an ask with its tell, mean of 20, after 100 and after 1,000 trials of Hartmann's function.
//!
//! ```text
//! cargo run --release -p qstride-study --example sampler_table -- [--seeds N] [--trials N] [--no-speed] [--no-quality] SAMPLER...
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "an example may end with a panic"
)]

use qstride_study::problems::Problem;
use qstride_study::sampler::{Gp, Sampler};
use qstride_study::{Direction, Space, Study, Trial, named};
use rustix::time::{ClockId, clock_gettime};

const SAMPLERS: [&str; 4] = ["random", "sobol", "tpe", "gp"];

/// The sampler of this name with its default settings, or with others as in `tpe:startup=20`.
fn sampler_of(name: &str, seed: u64) -> Box<dyn Sampler> {
    match name {
        "gp" => Box::new(Gp::default()),
        _ => named::sampler(name, &Space::default(), seed).unwrap(),
    }
}

fn main() {
    let (mut seeds, mut trials, mut speed, mut quality) = (20, 100, true, true);
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    let number = |text: Option<String>| text.and_then(|text| text.parse().ok()).unwrap();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => seeds = number(arguments.next()),
            "--trials" => trials = number(arguments.next()),
            "--no-speed" => speed = false,
            "--no-quality" => quality = false,
            _ => names.push(argument),
        }
    }
    if names.is_empty() {
        names = SAMPLERS.map(str::to_owned).to_vec();
    }
    println!("| problem | sampler | median | 25 % | 75 % |\n|---|---|---|---|---|");
    for problem in Problem::ALL.iter().filter(|_| quality) {
        for name in &names {
            let mut best: Vec<f64> = (0..seeds)
                .map(|seed| best_value(problem, name, seed, trials))
                .collect();
            best.sort_by(f64::total_cmp);
            let [low, median, high] = [0.25, 0.5, 0.75].map(|share| quantile(&best, share));
            println!(
                "| {} | {name} | {median:.5} | {low:.5} | {high:.5} |",
                problem.name
            );
        }
    }
    println!("\n| sampler | CPU ms an ask at 100 | at 1000 |\n|---|---|---|");
    for name in names.iter().filter(|_| speed) {
        let [few, many] = [100, 1000].map(|trials| milliseconds(name, trials));
        println!("| {name} | {few:.3} | {many:.3} |");
    }
}

fn best_value(problem: &Problem, sampler: &str, seed: u64, trials: u64) -> f64 {
    let study = Study::new(problem.name, Direction::Minimize).unwrap();
    let study = study
        .with_seed(seed)
        .with_sampler(sampler_of(sampler, seed));
    let run = |trial: &mut Trial<'_>| Ok((problem.objective)(trial)?);
    study.optimize(trials, run).unwrap();
    study.best().unwrap().value.unwrap()
}

/// Linear between the order statistics, as numpy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// The mean of 20 asks, with their suggestions and tells, after so many random trials.
fn milliseconds(sampler: &str, trials: u64) -> f64 {
    let hartmann6 = Problem::of_name("hartmann6").unwrap();
    let run = |trial: &mut Trial<'_>| Ok((hartmann6.objective)(trial)?);
    let study = Study::new("speed", Direction::Minimize).unwrap();
    study.optimize(trials, run).unwrap();
    let study = study.with_sampler(sampler_of(sampler, 0));
    let start = cpu_milliseconds();
    study.optimize(20, run).unwrap();
    (cpu_milliseconds() - start) / 20.0
}

fn cpu_milliseconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}
