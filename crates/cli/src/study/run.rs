//! `qstride study create`, `run` and `worker`: from a recipe to trials.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use qstride_study::{Direction, Event, NamedParameter, Space, Study, Tally, WorkerSettings, work};

use super::objective::{self, Task};
use super::place::{Equipment, Place, recipe_of};
use super::progress::Progress;
use super::recipe::{CommandObjective, Confirm, Objective, StudyRecipe};
use super::report;
use crate::interrupt::watch_for_ctrl_c;

/// What is to be studied: a recipe, or a command with its parameters.
#[derive(Debug, Args)]
pub struct What {
    /// A recipe (JSON); docs/study.md has its fields. The options below override it.
    #[arg(value_name = "RECIPE", required_unless_present = "command")]
    recipe: Option<PathBuf>,

    /// A shell command with parameters in braces, './run.sh --lr {lr}'. Its last line is the value; lines with a step and a value before it can
    /// prune it.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "parameters",
        conflicts_with = "recipe"
    )]
    command: Option<String>,

    /// A parameter of the command: lr=1e-5..1e-1:log, depth=1..8, dropout=0..0.5:step=0.1, optimizer=sgd|adam; with :default=V if wanted.
    #[arg(long = "param", value_name = "NAME=RANGE", requires = "command")]
    parameters: Vec<NamedParameter>,

    /// Large values are good.
    #[arg(long, requires = "command")]
    maximize: bool,

    /// Seconds after which the command is stopped.
    #[arg(long, value_name = "SECONDS", requires = "command")]
    timeout: Option<f64>,

    /// How often the command is tried again at once when it fails.
    #[arg(long, value_name = "N", requires = "command")]
    retries: Option<u32>,

    /// How many seeds a configuration is run with; a command finds its seed in {seed}.
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,

    /// The master seed.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// Who proposes: tpe, gp, cma-es, sobol, random, grid, bohb; `qstride list samplers` has their settings.
    #[arg(long, value_name = "SAMPLER")]
    sampler: Option<String>,

    /// Who stops trials early: none, median, percentile, halving, hyperband, wilcoxon, patience, threshold; `qstride list pruners` has their
    /// settings.
    #[arg(long, value_name = "PRUNER")]
    pruner: Option<String>,

    /// Complete and pruned trials of the whole study; failed ones do not count.
    #[arg(long, value_name = "N")]
    trials: Option<u64>,
}

impl What {
    /// The recipe that comes of it.
    ///
    /// # Errors
    /// A recipe that cannot be read or makes no sense.
    pub fn recipe(&self) -> Result<StudyRecipe> {
        let mut recipe = match (&self.recipe, &self.command) {
            (Some(path), _) => StudyRecipe::read(path)?,
            (None, Some(command)) => StudyRecipe {
                name: "command".to_owned(),
                direction: if self.maximize {
                    Direction::Maximize
                } else {
                    Direction::Minimize
                },
                space: self.space()?,
                objective: Objective::Command(CommandObjective {
                    run: command.clone(),
                    timeout: self.timeout,
                    retries: self.retries.unwrap_or(0),
                }),
                sampler: "tpe".to_owned(),
                pruner: "none".to_owned(),
                trials: 100,
                seeds: 1,
                seed: 0,
                confirm: Confirm::default(),
            },
            (None, None) => bail!("name a recipe, or give --command"),
        };
        if let Some(sampler) = &self.sampler {
            recipe.sampler.clone_from(sampler);
        }
        if let Some(pruner) = &self.pruner {
            recipe.pruner.clone_from(pruner);
        }
        recipe.trials = self.trials.unwrap_or(recipe.trials);
        recipe.seeds = self.seeds.unwrap_or(recipe.seeds);
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.settled()
    }

    fn space(&self) -> Result<Space> {
        let mut space = Space::default();
        for named in &self.parameters {
            space.insert(named.name.clone(), named.parameter.clone())?;
        }
        Ok(space)
    }
}

/// Make a study without running it: workers then need its name only.
#[derive(Debug, Args)]
pub struct CreateOptions {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    place: Place,
}

/// Make a study, or continue it, and run its trials here; at the end the best one, plots and a report.
///
/// Ctrl-C ends it in order: the running trial waits, and the same call continues it. More trials: the same call with a larger --trials.
#[derive(Debug, Args)]
pub struct RunOptions {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pace: Pace,
    /// The folder of the report; runs/study-NAME where nothing is said.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Draw nothing and write no report.
    #[arg(long)]
    no_report: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Work on a study that is there, with any number of others on any number of machines, until it has its trials.
///
/// A worker keeps nothing of its own. Killed, it loses its trial, which the others take for dead after --grace and try again. SIGTERM or
/// Ctrl-C: its trial waits for another worker.
#[derive(Debug, Args)]
pub struct WorkerOptions {
    /// A recipe, for a study that Optuna made.
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pace: Pace,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
}

/// How workers work.
#[derive(Debug, Args)]
pub struct Pace {
    /// Trials side by side in this process.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Seconds between two signs of life of a running trial.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    heartbeat: f64,
    /// Seconds of silence after which a trial is dead.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    grace: f64,
    /// How often a trial whose worker died is tried again.
    #[arg(long, value_name = "N", default_value_t = 3)]
    dead_retries: usize,
    /// Failures in a row after which a worker gives up.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    give_up: u64,
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds < 1e9 => Ok(seconds),
        _ => Err("must be a number of seconds above 0"),
    }
}

/// Makes a study.
///
/// # Errors
/// When the recipe makes no sense, the name is taken, or the storage cannot be written.
pub fn create(options: &CreateOptions) -> Result<()> {
    let recipe = options.what.recipe()?;
    objective::task(&recipe)?;
    let study = options.place.study_of(&recipe, true)?;
    enqueue_default(&study, &recipe)?;
    println!(
        "the study {} is made; work on it with `qstride study worker --study {0}`",
        study.name()
    );
    Ok(())
}

/// Makes or continues a study and runs it.
///
/// # Errors
/// As [`create`], when nothing but failures comes, or after Ctrl-C.
pub fn run(options: &RunOptions) -> Result<()> {
    let recipe = options.what.recipe()?;
    let task = objective::task(&recipe)?;
    let study = options.place.study_of(&recipe, false)?;
    if study.history()?.trials().is_empty() {
        enqueue_default(&study, &recipe)?;
    }
    let tally = run_trials(&study, &recipe, task.as_ref(), &options.pace, options.json);
    // What there is is shown even when the work ended with an error.
    let shown = if study.best().is_err() {
        Ok(())
    } else if options.json {
        report::print_json(&study, tally.as_ref().ok())
    } else {
        report::print(&study)
    };
    if !options.no_report && study.best().is_ok() {
        report::write(&study, &recipe, options.out.as_deref(), options.json)?;
    }
    interrupted(&study, &recipe, tally?)?;
    shown
}

/// Works on a study that is there.
///
/// # Errors
/// When there is no such study, it has no recipe, nothing but failures comes, or after Ctrl-C.
pub fn worker(options: &WorkerOptions) -> Result<()> {
    let study = options.place.study()?;
    let recipe = match (&options.recipe, recipe_of(&study)?) {
        (Some(path), _) => StudyRecipe::read(path)?,
        (None, Some(recipe)) => recipe,
        (None, None) => bail!(
            "the study {} was not made by qstride and says not what to run: give a recipe with --recipe",
            study.name()
        ),
    };
    if recipe.direction != study.direction() {
        bail!(
            "the study {} wants to {}, its recipe to {}",
            study.name(),
            study.direction(),
            recipe.direction
        );
    }
    let study = Equipment::of(&recipe)?.fit(study);
    let task = objective::task(&recipe)?;
    let tally = run_trials(&study, &recipe, task.as_ref(), &options.pace, options.json)?;
    if options.json {
        report::print_json(&study, Some(&tally))?;
    } else {
        println!(
            "{} complete, {} pruned, {} failed here",
            tally.complete, tally.pruned, tally.failed
        );
    }
    interrupted(&study, &recipe, tally)
}

/// The configuration of the defaults comes first: what is found has to be better.
fn enqueue_default(study: &Study, recipe: &StudyRecipe) -> Result<()> {
    if let Some(values) = recipe.space.default_values() {
        study.enqueue(&values)?;
    }
    Ok(())
}

fn run_trials(
    study: &Study,
    recipe: &StudyRecipe,
    task: &dyn Task,
    pace: &Pace,
    quiet: bool,
) -> Result<Tally> {
    let stop = watch_for_ctrl_c()?;
    let settings = WorkerSettings {
        cap: Some(recipe.trials),
        heartbeat: Duration::from_secs_f64(pace.heartbeat),
        grace: Duration::from_secs_f64(pace.grace),
        retries: pace.dead_retries,
        failures: pace.give_up,
    };
    let progress = Mutex::new(Progress::new(study, recipe.trials, quiet)?);
    let one = || {
        let mut tell = |event: Event<'_>| {
            let mut progress = progress.lock().unwrap_or_else(|e| e.into_inner());
            progress.hear(study, &event);
        };
        let result = work(study, &settings, &stop, &mut tell, |trial| {
            objective::trial(task, recipe, trial, &stop)
        });
        if result.is_err() {
            // A worker that gives up stops the others.
            stop.store(true, Ordering::SeqCst);
        }
        result
    };
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..pace.workers).map(|_| scope.spawn(one)).collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    progress.lock().unwrap_or_else(|e| e.into_inner()).end();
    let mut tally = Tally::default();
    for result in results {
        let part = result.map_err(|_| anyhow::anyhow!("a worker broke down"))??;
        tally.complete += part.complete;
        tally.pruned += part.pruned;
        tally.failed += part.failed;
    }
    Ok(tally)
}

/// After Ctrl-C or SIGTERM it is not a success.
fn interrupted(study: &Study, recipe: &StudyRecipe, tally: Tally) -> Result<()> {
    let history = study.history()?;
    let over = history.finished().len() as u64;
    if over < recipe.trials && watch_for_ctrl_c()?.load(Ordering::SeqCst) {
        bail!(
            "interrupted: {over} of {} trials are over ({} here), nothing is lost; the same call continues",
            recipe.trials,
            tally.complete + tally.pruned
        );
    }
    Ok(())
}
