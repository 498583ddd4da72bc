//! `qstride bench study`: what samplers and storages cost.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use qstride_study::problems::{NoisyCurve, Problem};
use qstride_study::pruner::{Median, MedianSettings};
use qstride_study::storage::open;
use qstride_study::{Direction, Space, Stop, Study, Trial, TrialState, named};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::table::Table;

/// Asks that are timed.
const ASKS: u64 = 20;
/// Processes that share a study.
const PROCESSES: usize = 4;
/// Trials of each.
const TRIALS: u64 = 50;
/// Reports of a trial.
const REPORTS: i64 = 5;
/// The name of the shared study.
const NAME: &str = "qstride-bench";

/// What `qstride bench study` takes.
///
/// Samplers with their default settings, in memory, on the 6 parameters of Hartmann's function: CPU time of an ask with its suggestions and its tell, mean of 20
/// after so many random trials. Storages: 4 processes of 50 trials with 3 parameters and 5 reports each, TPE and the median pruner, from the start of the first process to the end of the last.
#[derive(Debug, Args)]
pub struct Options {
    /// A PostgreSQL database for the second storage, postgresql://USER@HOST/DATABASE; without it that row is empty.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "QSTRIDE_TEST_POSTGRES",
        hide_env_values = true
    )]
    postgres: Option<String>,
    /// Leave out the samplers.
    #[arg(long)]
    no_samplers: bool,
    /// One JSON object: tpe_ask_ms_1000, gp_ask_ms_100, gp_ask_ms_1000, sqlite_4x50_s, postgres_4x50_s, distinct_numbers (the least of both; 200 is right).
    #[arg(long)]
    json: bool,
    /// One of the processes.
    #[arg(long, value_name = "STUDY", hide = true)]
    part: Option<String>,
}

/// Measures and prints.
///
/// # Errors
/// When a storage cannot be used.
pub fn run(options: &Options) -> Result<()> {
    if let Some(name) = &options.part {
        return part(name);
    }
    let ask = |sampler: &str, trials| -> Result<Option<f64>> {
        if options.no_samplers {
            return Ok(None);
        }
        Ok(Some(milliseconds(sampler, trials)?))
    };
    let tpe = ask("tpe", 1000)?;
    let gp_100 = ask("gp", 100)?;
    let gp_1000 = ask("gp", 1000)?;
    let folder = scratch()?;
    let sqlite = shared(&format!("sqlite:///{}", folder.join("bench.db").display()));
    std::fs::remove_dir_all(&folder).ok();
    let (sqlite_s, mut distinct) = sqlite?;
    let mut postgres_s = None;
    if let Some(address) = &options.postgres {
        let (seconds, numbers) = shared(address)?;
        postgres_s = Some(seconds);
        distinct = distinct.min(numbers);
    }
    if options.json {
        let object = json!({
            "tpe_ask_ms_1000": tpe,
            "gp_ask_ms_100": gp_100,
            "gp_ask_ms_1000": gp_1000,
            "sqlite_4x50_s": sqlite_s,
            "postgres_4x50_s": postgres_s,
            "distinct_numbers": distinct,
        });
        println!("{}", serde_json::to_string_pretty(&object)?);
        return Ok(());
    }
    let row = |what: &str, value: Option<f64>, unit: &str| {
        let value = value.map_or("not measured".to_owned(), |v| format!("{v:.3} {unit}"));
        vec![what.to_owned(), value]
    };
    let rows = vec![
        row("TPE, an ask after 1,000 trials", tpe, "ms"),
        row("GP, an ask after 100 trials", gp_100, "ms"),
        row("GP, an ask after 1,000 trials", gp_1000, "ms"),
        row("SQLite, 4 processes of 50 trials", Some(sqlite_s), "s"),
        row("PostgreSQL, 4 processes of 50 trials", postgres_s, "s"),
        vec![
            "distinct numbers among 200 trials".to_owned(),
            distinct.to_string(),
        ],
    ];
    let header = ["what", "cost"].map(str::to_owned).to_vec();
    print!("{}", Table::new("Studies".to_owned(), header, rows).text());
    Ok(())
}

/// CPU milliseconds of an ask with its suggestions and its tell.
fn milliseconds(sampler: &str, trials: u64) -> Result<f64> {
    let hartmann6 = Problem::of_name("hartmann6").context("hartmann6")?;
    let run = |trial: &mut Trial<'_>| Ok((hartmann6.objective)(trial)?);
    let study = Study::new("speed", Direction::Minimize)?;
    study.optimize(trials, run)?;
    let study = study.with_sampler(named::sampler(sampler, &Space::default(), 0)?);
    let start = cpu_milliseconds();
    study.optimize(ASKS, run)?;
    Ok((cpu_milliseconds() - start) / ASKS as f64)
}

fn cpu_milliseconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}

/// A folder of its own for a database.
fn scratch() -> Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("qstride-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(folder)
}

/// Seconds that the processes take, and how many distinct numbers their completed and pruned trials have.
fn shared(address: &str) -> Result<(f64, usize)> {
    let mut storage = open(address)?;
    // What an earlier run that was killed has left.
    if let Some(left) = storage
        .studies()?
        .into_iter()
        .find(|study| study.name == NAME)
    {
        storage.delete_study(left.id)?;
    }
    let study = Study::create(storage, NAME, Direction::Minimize)?;
    let program = std::env::current_exe().context("where is this program?")?;
    let clock = Instant::now();
    let processes = (0..PROCESSES).map(|_| start(&program, address));
    let processes: Vec<Child> = processes.collect::<Result<_>>()?;
    for mut process in processes {
        if !process.wait()?.success() {
            bail!("one of the processes failed; its message stands above");
        }
    }
    let seconds = clock.elapsed().as_secs_f64();
    let history = study.history()?;
    let over = history
        .trials()
        .iter()
        .filter(|trial| matches!(trial.state, TrialState::Complete | TrialState::Pruned));
    let numbers: BTreeSet<u64> = over.map(|trial| trial.number).collect();
    let id = study.id();
    study.lock_storage().delete_study(id)?;
    Ok((seconds, numbers.len()))
}

fn start(program: &Path, address: &str) -> Result<Child> {
    // In the environment, where other users cannot read a password.
    let process = Command::new(program)
        .args(["bench", "study", "--part", NAME])
        .env("QSTRIDE_STORAGE", address)
        .spawn();
    process.with_context(|| format!("cannot start {}", program.display()))
}

/// One of the processes.
fn part(name: &str) -> Result<()> {
    let address = std::env::var("QSTRIDE_STORAGE").context("QSTRIDE_STORAGE")?;
    let study = Study::load(open(&address)?, name)?
        .with_sampler(named::sampler("tpe", &Space::default(), 0)?)
        .with_pruner(Median::new(MedianSettings::default())?);
    study.optimize(TRIALS, |trial| {
        let curve = NoisyCurve::suggest(trial)?;
        for step in 1..=REPORTS {
            trial.report(step, curve.at(step))?;
            if trial.should_prune()? {
                return Err(Stop::Pruned);
            }
        }
        Ok(curve.value())
    })?;
    Ok(())
}
