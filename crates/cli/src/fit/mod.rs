//! `qstride fit`: trains a model on data with a chosen optimizer and schedule, several schedules side by side.
//!
//! The data flows downwards: [`options`] make a plan, [`sweep`] runs each schedule, rate and seed of it through the loop in
//! [`train`], [`summary`] condenses the runs, [`report`] and [`figures`] show them, and [`saved_model`] keeps the best one.

mod options;

mod sweep;

pub mod examples;
pub mod model;
pub mod optimizer;
pub mod schedule;
pub mod score;
mod trace;
mod train;
pub mod update;

mod summary;

mod figures;
mod report;
mod saved_model;

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

pub use self::options::Options;
use self::report::Report;
use self::saved_model::SavedModel;
use self::summary::Summary;
pub use self::sweep::Plan;
use self::sweep::Sweep;
pub use self::train::Training;
use crate::folder::Folder;
use crate::interrupt::watch_for_ctrl_c;

/// Trains and shows what came of it, or scores a model that was trained before.
///
/// # Errors
/// Faults of the data, a model that does not go with it, or an output folder that cannot be written. After Ctrl-C too, once
/// all that was finished is shown and written.
pub fn run(options: &Options) -> Result<()> {
    if let Some(folder) = &options.load {
        return score_saved(options, folder);
    }
    let mut plan = options.plan()?;
    // Before the folder is made: a model that does not go with the data leaves nothing behind.
    plan.model.architecture(&plan.data)?;
    let wants_files = !options.json || options.audit || options.out.is_some();
    let folder = wants_files
        .then(|| {
            Folder::prepare(
                options.out.as_deref(),
                "fit",
                &options.label(),
                options.force,
            )
        })
        .transpose()?;

    if let Some(folder) = folder.as_ref().filter(|_| options.audit) {
        plan.audit = Some(folder.path().to_owned());
    }
    let interrupted = watch_for_ctrl_c()?;
    let progress = progress_bar(options.json);
    let sweep = Sweep::run(plan, options.threads(), &progress, &interrupted)?;
    progress.finish_and_clear();
    if sweep.runs.is_empty() {
        bail!("interrupted before the first run was finished");
    }

    let summaries = summary::summaries(&sweep);
    show(options, &sweep, &summaries, folder.as_ref())?;
    if sweep.runs.len() < sweep.planned() {
        bail!(
            "interrupted: {} of {} runs were finished, and are kept",
            sweep.runs.len(),
            sweep.planned()
        );
    }
    Ok(())
}

/// Prints the results, and writes them where there is a folder.
fn show(
    options: &Options,
    sweep: &Sweep,
    summaries: &[Summary],
    folder: Option<&Folder>,
) -> Result<()> {
    let report = Report::new(sweep, summaries);
    let text = if options.json {
        report.json()?
    } else {
        report.text()
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    let Some(folder) = folder else {
        return Ok(());
    };
    folder.write("runs.json", report.json()?.as_bytes())?;
    folder.write("scores.csv", &report.csv()?)?;
    if let Some(best) = &sweep.best {
        SavedModel::write(sweep, best, folder)?;
    }
    if !options.no_plots {
        figures::draw(sweep, summaries, folder.path()).context("the plots cannot be drawn")?;
    }
    let place = folder.path().display();
    if options.json {
        eprintln!("written to {place}");
    } else {
        writeln!(out, "\nwritten to {place}")?;
    }
    Ok(())
}

/// Scores the model of a folder on all rows of the data.
fn score_saved(options: &Options, folder: &Path) -> Result<()> {
    let device = options.device.device();
    let (saved, network) = SavedModel::load(folder, &device)?;
    let data = options.dataset()?;
    let examples = saved.examples(&data)?;
    let score = score::score(&network, &examples, &device);
    let (name, title) = match data.classes() {
        Some(_) => ("accuracy", "accuracy"),
        None => ("r2", "R2"),
    };
    let mut out = std::io::stdout().lock();
    if options.json {
        let object =
            json!({"data": data.name(), "rows": data.rows(), "loss": score.loss, name: score.test});
        writeln!(out, "{}", serde_json::to_string_pretty(&object)?)?;
    } else {
        let (rows, loss, test) = (data.rows(), score.loss, score.test);
        writeln!(
            out,
            "{}: {rows} rows, loss {loss:.4}, {title} {test:.4}",
            data.name()
        )?;
    }
    Ok(())
}

/// A bar on stderr, where a person may see it.
fn progress_bar(hidden: bool) -> ProgressBar {
    if hidden || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {per_sec} steps, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style)
}
