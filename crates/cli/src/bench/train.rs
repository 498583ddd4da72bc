//! `qstride bench train`: how fast learning is on this machine.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use qstride_agent::{DeviceKind, Problem, Problems, Recipe, Trainer};
use qstride_objectives::suite::suite;
use serde_json::json;

/// What `qstride bench train` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// Environment steps that are timed, once the replay memory is full.
    #[arg(long, default_value_t = 100_000)]
    steps: u64,
    /// flex or ndarray.
    #[arg(long, default_value_t = DeviceKind::Flex)]
    device: DeviceKind,
    /// Environment steps for each update; without it, 4 and 1 are timed.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    steps_per_update: Option<u64>,
    /// One JSON object: that of the first timing, with the others under `others`.
    #[arg(long)]
    json: bool,
}

/// Figures of one timing.
struct Timing {
    steps_per_update: u64,
    steps_per_second: f64,
    updates_per_second: f64,
    ready_seconds: f64,
    resident_mb: Option<f64>,
    /// Share of the time in environments, action selection and updates.
    shares: [f64; 3],
}

/// Trains for a while, and prints figures.
///
/// # Errors
/// When the threads or the trainer cannot be made.
pub fn run(options: &Options) -> Result<()> {
    // One thread: that is what published trainers were timed on. The pool may be made by nobody before.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
        .context("cannot use one thread")?;
    let cadences = options
        .steps_per_update
        .map_or_else(|| vec![4, 1], |n| vec![n]);
    let mut timings = Vec::new();
    for steps_per_update in cadences {
        timings.push(time(options, steps_per_update)?);
    }
    if options.json {
        let mut objects: Vec<_> = timings.iter().map(Timing::to_json).collect();
        let mut first = objects.remove(0);
        first["device"] = json!(options.device.to_string());
        first["timed_steps"] = json!(options.steps);
        first["others"] = json!(objects);
        println!("{}", serde_json::to_string_pretty(&first)?);
        return Ok(());
    }
    println!(
        "peer task on {}, {} steps each, one thread, replay full",
        options.device, options.steps
    );
    println!(
        "steps/update   steps/s  updates/s  environment  selection  update  resident MB  ready s"
    );
    for t in &timings {
        let [environment, selection, update] =
            t.shares.map(|share| format!("{:.0} %", 100.0 * share));
        let resident = t
            .resident_mb
            .map_or("?".to_owned(), |mb| format!("{mb:.0}"));
        println!(
            "{:>12} {:>9.0} {:>10.0} {environment:>12} {selection:>10} {update:>7} {resident:>12} {:>8.3}",
            t.steps_per_update, t.steps_per_second, t.updates_per_second, t.ready_seconds
        );
    }
    Ok(())
}

fn time(options: &Options, steps_per_update: u64) -> Result<Timing> {
    let clock = Instant::now();
    // Training goes on while the replay fills, then for the timed steps.
    let recipe = Recipe::peer(options.steps + 60_000, steps_per_update).check()?;
    let pool: Vec<Problem> = suite("peer200", 0, 1)?
        .into_iter()
        .map(Problem::Exact)
        .collect();
    let problems = Problems {
        train: pool.clone(),
        validation: pool,
    };
    let mut trainer = Trainer::new(recipe, problems, &options.device.device())?;
    let ready_seconds = clock.elapsed().as_secs_f64();
    while trainer.remembered() < trainer.recipe().recipe.replay.capacity {
        trainer.tick()?;
    }
    let (steps, updates, before) = (trainer.steps(), trainer.updates(), trainer.spent());
    let clock = Instant::now();
    while trainer.steps() < steps + options.steps {
        trainer.tick()?;
    }
    let seconds = clock.elapsed().as_secs_f64();
    let after = trainer.spent();
    let share = |from: Duration, to: Duration| (to - from).as_secs_f64() / seconds;
    Ok(Timing {
        steps_per_update,
        steps_per_second: (trainer.steps() - steps) as f64 / seconds,
        updates_per_second: (trainer.updates() - updates) as f64 / seconds,
        ready_seconds,
        resident_mb: resident_mb(),
        shares: [
            share(before.environment, after.environment),
            share(before.selection, after.selection),
            share(before.update, after.update),
        ],
    })
}

impl Timing {
    fn to_json(&self) -> serde_json::Value {
        json!({
            "steps_per_update": self.steps_per_update,
            "steps_per_second": self.steps_per_second,
            "updates_per_second": self.updates_per_second,
            "resident_mb": self.resident_mb,
            "ready_seconds": self.ready_seconds,
            "share_environment": self.shares[0],
            "share_selection": self.shares[1],
            "share_update": self.shares[2],
        })
    }
}

/// Resident memory of this process, where the system tells (Linux).
fn resident_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
