//! `qstride train`: from a recipe to a checkpoint, with progress, metrics, plots, and a comparison at the end.
//!
//! A run's folder holds `recipe.json`, `metrics.jsonl`, `checkpoint/` (the best policy so far), `train_state/` (what
//! `--resume` needs) and `plots/`.

mod figures;
mod metrics;
mod options;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use qstride_agent::{Problems, TrainState, Trainer};
use qstride_control::features::Features;
use serde_json::json;

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
    let device = options.device.device();
    let (folder, mut state, mut trainer) = match &options.resume {
        Some(folder) => {
            let (state, trainer) =
                TrainState::resume(&folder.join("train_state"), &Features::builtin(), &device)?;
            (folder.clone(), state, trainer)
        }
        None => {
            let recipe = options.to_recipe()?;
            let checked = recipe.check()?;
            let trainer = Trainer::new(checked.clone(), Problems::draw(&checked)?, &device)?;
            let folder = options
                .out
                .clone()
                .unwrap_or_else(|| Path::new("runs").join(&recipe.name));
            prepare(&folder, options.force)?;
            let text = serde_json::to_string_pretty(&recipe).context("recipe")?;
            fs::write(folder.join("recipe.json"), text)
                .with_context(|| format!("cannot write into {}", folder.display()))?;
            let state = TrainState::create(&folder.join("train_state"))?;
            (folder, state, trainer)
        }
    };
    let mut metrics = Metrics::open(&folder, trainer.steps())?;
    let interrupted = watch_for_ctrl_c()?;
    let seconds = train(
        &mut trainer,
        &mut state,
        &mut metrics,
        &folder,
        &interrupted,
        options.json,
    )?;
    state.save(&mut trainer)?;
    save_checkpoint(&trainer, &folder)?;
    if !trainer.finished() {
        bail!(
            "interrupted at step {} of {}; nothing is lost: go on with `qstride train --resume {}`",
            trainer.steps(),
            trainer.recipe().recipe.steps,
            folder.display()
        );
    }
    finish(options, &trainer, &folder, seconds)
}

/// An empty folder for the run. A run that is there already is kept unless `force` is given.
fn prepare(folder: &Path, force: bool) -> Result<()> {
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
        .with_context(|| format!("cannot make the folder {}", folder.display()))
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
    let convergence = trainer.convergence()?;
    let best = trainer.best();
    if !options.no_plots {
        figures::draw(trainer, folder)?;
    }
    if options.json {
        let report = json!({
            "run": folder,
            "checkpoint": folder.join("checkpoint"),
            "steps": trainer.steps(),
            "updates": trainer.updates(),
            "episodes": trainer.episodes(),
            "seconds": seconds,
            "best_at_step": best.map(|b| b.step),
            "validation": best.map(|b| b.validation),
            "convergence": convergence,
        });
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!(
        "{} steps, {} updates, {} episodes in {seconds:.0} s",
        trainer.steps(),
        trainer.updates(),
        trainer.episodes()
    );
    if let Some(best) = best {
        println!(
            "best policy: at step {}, mean log10 gap {:.2} on {} validation instances",
            best.step, best.validation.mean_log10_gap, best.validation.count
        );
    }
    if let Some(c) = convergence {
        println!(
            "q-values of {} fixed states: changed by {:.1} % of their spread over the last tenth of training; rank correlation \
             with the returns {:.2}",
            c.states,
            100.0 * c.late_change,
            c.rank_correlation
        );
    }
    println!("checkpoint: {}", folder.join("checkpoint").display());
    if !options.no_plots {
        println!("plots:      {}", folder.join("plots").display());
    }
    if !options.no_compare {
        compare_with_line_searches(options, trainer, folder)?;
    }
    Ok(())
}

/// The policy against every classic method, chance, and a network that has learnt nothing, on problems it was not trained on.
fn compare_with_line_searches(options: &Options, trainer: &Trainer, folder: &Path) -> Result<()> {
    let recipe = trainer.recipe();
    if recipe.recipe.regime == qstride_control::checkpoint::Regime::Stochastic {
        println!(
            "the stochastic regime has no line search to compare with; `qstride inspect` shows how the policy acts"
        );
        return Ok(());
    }
    let checkpoint: PathBuf = folder.join("checkpoint");
    let mut arguments = vec!["compare".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    let mut methods = format!("{},classic", checkpoint.display());
    if recipe.recipe.action_set.is_none() {
        let set = &recipe.recipe.actions;
        methods.push_str(&format!(",random:{set},keep:{set},untrained:{set}"));
    }
    add("methods", methods);
    add("budget", recipe.recipe.budget.to_string());
    add("out", folder.join("compare").display().to_string());
    match recipe.recipe.data.first() {
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
