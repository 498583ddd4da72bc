//! `qstride train`: from a recipe to a checkpoint, with progress, metrics, plots, and a comparison at the end.
//!
//! A run's folder holds `recipe.json`, `metrics.jsonl`, `checkpoint/` (the best policy so far), `train_state/` (what
//! `--resume` needs) and `plots/`. Where a recipe has several members, each of them has such a folder within the run's,
//! `member-0/` and so on, and the run's own `checkpoint/` is made of theirs.

mod figures;
mod members;
mod metrics;
mod options;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use qstride_agent::{Problems, Recipe, TrainState, Trainer};
use qstride_control::features::Features;
use serde_json::{Value, json};

use self::metrics::Metrics;
pub use self::options::Options;
use crate::compare;
use crate::interrupt::watch_for_ctrl_c;

/// The commit that the program was built from.
pub const COMMIT: &str = env!("QSTRIDE_COMMIT");

/// Trains, or goes on training.
pub fn run(options: &Options) -> Result<()> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .context("cannot set --threads")?;
    }
    let interrupted = watch_for_ctrl_c()?;
    if let Some(folder) = &options.resume {
        return match members::recipe_of(folder) {
            Some(recipe) => members::run(options, &recipe, folder, &interrupted),
            None => {
                let run = Run::resume(folder, options)?;
                let (trainer, seconds) = run.complete(options, folder, &interrupted)?;
                finish(options, &trainer, folder, seconds)
            }
        };
    }
    let recipe = options.to_recipe()?;
    let folder = match &options.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(&recipe.name),
    };
    if recipe.members > 1 {
        recipe.check()?;
        prepare(&folder, &recipe, options.force)?;
        return members::run(options, &recipe, &folder, &interrupted);
    }
    let run = Run::begin(&recipe, &folder, options)?;
    let (trainer, seconds) = run.complete(options, &folder, &interrupted)?;
    finish(options, &trainer, &folder, seconds)
}

/// A training run and the folder that it is kept in.
struct Run {
    folder: PathBuf,
    state: TrainState,
    trainer: Trainer,
}

impl Run {
    fn begin(recipe: &Recipe, folder: &Path, options: &Options) -> Result<Self> {
        let checked = recipe.check()?;
        let device = options.device.device();
        let trainer = Trainer::new(checked.clone(), Problems::draw(&checked)?, &device)?;
        prepare(folder, recipe, options.force)?;
        Ok(Self {
            state: TrainState::create(&folder.join("train_state"))?,
            folder: folder.to_owned(),
            trainer,
        })
    }

    fn resume(folder: &Path, options: &Options) -> Result<Self> {
        let device = options.device.device();
        let (state, trainer) =
            TrainState::resume(&folder.join("train_state"), &Features::builtin(), &device)?;
        Ok(Self {
            folder: folder.to_owned(),
            state,
            trainer,
        })
    }

    /// Trains to the end and says how many seconds it took. `whole` is the folder that an interrupted user resumes.
    fn complete(
        mut self,
        options: &Options,
        whole: &Path,
        interrupted: &AtomicBool,
    ) -> Result<(Trainer, f64)> {
        let mut metrics = Metrics::open(&self.folder, self.trainer.steps())?;
        let (trainer, state) = (&mut self.trainer, &mut self.state);
        let seconds = train(
            trainer,
            state,
            &mut metrics,
            &self.folder,
            interrupted,
            options.json,
        )?;
        state.save(trainer)?;
        save_checkpoint(trainer, &self.folder)?;
        if !trainer.finished() {
            bail!(
                "interrupted at step {} of {}; nothing is lost: go on with `qstride train --resume {}`",
                trainer.steps(),
                trainer.recipe().recipe.steps,
                whole.display()
            );
        }
        Ok((self.trainer, seconds))
    }
}

/// An empty folder for the run, with its recipe. A run that is there already is kept unless `force` is given.
fn prepare(folder: &Path, recipe: &Recipe, force: bool) -> Result<()> {
    let used = folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if used && !force {
        bail!(
            "{} is not empty: choose another --out, go on with --resume {0}, or replace it with --force",
            folder.display()
        );
    }
    if used && !folder.join("recipe.json").exists() {
        bail!(
            "{} is not the folder of a run: --force will not replace it",
            folder.display()
        );
    }
    if used {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let text = serde_json::to_string_pretty(recipe).context("recipe")?;
    fs::write(folder.join("recipe.json"), text)
        .with_context(|| format!("cannot write into {}", folder.display()))
}

/// Ticks until the end or Ctrl-C, saving on the way. Returns the seconds it took.
fn train(
    trainer: &mut Trainer,
    state: &mut TrainState,
    metrics: &mut Metrics,
    folder: &Path,
    interrupted: &AtomicBool,
    quiet: bool,
) -> Result<f64> {
    let total = trainer.recipe().recipe.steps;
    let bar = progress_bar(total, quiet);
    bar.set_position(trainer.steps());
    bar.reset_eta();
    let (clock, mut drawn, mut validated) =
        (Instant::now(), Instant::now(), trainer.validations().len());
    let begun = trainer.steps();
    while !trainer.finished() && !interrupted.load(Ordering::SeqCst) {
        trainer.tick()?;
        let rate = (trainer.steps() - begun) as f64 / clock.elapsed().as_secs_f64().max(1e-9);
        metrics.record(trainer, rate)?;
        if drawn.elapsed() > Duration::from_millis(200) {
            drawn = Instant::now();
            let a = trainer.averages();
            bar.set_position(trainer.steps().min(total));
            bar.set_message(format!(
                "return {:.3}  loss {:.2e}  epsilon {:.2}  {rate:.0} steps/s",
                a.episode_return,
                a.loss,
                trainer.epsilon()
            ));
        }
        if trainer.validations().len() > validated {
            validated = trainer.validations().len();
            save_checkpoint(trainer, folder)?;
        }
        if state.due(trainer) {
            state.save(trainer)?;
        }
    }
    bar.finish_and_clear();
    Ok(clock.elapsed().as_secs_f64())
}

fn progress_bar(total: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn save_checkpoint(trainer: &Trainer, folder: &Path) -> Result<()> {
    Ok(trainer
        .checkpoint(COMMIT)?
        .save(&folder.join("checkpoint"))?)
}

/// Says what came of it: validation, convergence, plots, and the table against line searches.
fn finish(options: &Options, trainer: &Trainer, folder: &Path, seconds: f64) -> Result<()> {
    if !options.no_plots {
        figures::draw(trainer, folder)?;
    }
    if options.json {
        let report = summary(trainer, folder, seconds)?;
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    tell(trainer, seconds)?;
    println!("checkpoint: {}", folder.join("checkpoint").display());
    if !options.no_plots {
        println!("plots:      {}", folder.join("plots").display());
    }
    compare_with_line_searches(options, &trainer.recipe().recipe, folder)
}

/// What came of a run, for programs.
fn summary(trainer: &Trainer, folder: &Path, seconds: f64) -> Result<Value> {
    let best = trainer.best();
    Ok(json!({
        "run": folder,
        "checkpoint": folder.join("checkpoint"),
        "steps": trainer.steps(),
        "updates": trainer.updates(),
        "episodes": trainer.episodes(),
        "seconds": seconds,
        "best_at_step": best.map(|b| b.step),
        "validation": best.map(|b| b.validation),
        "convergence": trainer.convergence()?,
    }))
}

/// The same for people.
fn tell(trainer: &Trainer, seconds: f64) -> Result<()> {
    println!(
        "{} steps, {} updates, {} episodes in {seconds:.0} s",
        trainer.steps(),
        trainer.updates(),
        trainer.episodes()
    );
    if let Some(best) = trainer.best() {
        println!(
            "best policy: at step {}, mean log10 gap {:.2} on {} validation instances",
            best.step, best.validation.mean_log10_gap, best.validation.count
        );
    }
    if let Some(c) = trainer.convergence()? {
        println!(
            "q-values of {} fixed states: changed by {:.1} % of their spread over the last tenth of training; rank correlation \
             with the returns {:.2}",
            c.states,
            100.0 * c.late_change,
            c.rank_correlation
        );
    }
    Ok(())
}

/// The policy against every classic method, chance, and a network that has learnt nothing, on problems it was not trained on.
fn compare_with_line_searches(options: &Options, recipe: &Recipe, folder: &Path) -> Result<()> {
    if options.no_compare {
        return Ok(());
    }
    if recipe.regime == qstride_control::checkpoint::Regime::Stochastic {
        println!(
            "the stochastic regime has no line search to compare with; `qstride inspect` shows how the policy acts"
        );
        return Ok(());
    }
    let checkpoint: PathBuf = folder.join("checkpoint");
    let mut arguments = vec!["compare".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    let mut methods = format!("{},classic", checkpoint.display());
    if recipe.action_set.is_none() {
        let set = &recipe.actions;
        methods.push_str(&format!(",random:{set},keep:{set},untrained:{set}"));
    }
    add("methods", methods);
    add("budget", recipe.budget.to_string());
    add("out", folder.join("compare").display().to_string());
    match recipe.data.first() {
        None => {
            add("suite", "validation".to_owned());
            add("per-family", "20".to_owned());
        }
        Some(data) => {
            add("data", data.path.display().to_string());
            if !data.target.is_empty() {
                add("target", data.target.clone());
            }
            add("model", data.model.clone());
            if let Some(labels) = &data.labels {
                add("labels", labels.display().to_string());
            }
        }
    }
    arguments.push("--force".to_owned());
    if options.no_plots {
        arguments.push("--no-plots".to_owned());
    }
    println!();
    compare::run(&compare::Options::from_arguments(&arguments)?)
}
