//! `qstride study`: searches for the parameters that make something best, on one machine or many.
//!
//! A [`recipe`] says what is searched and what is asked ([`objective`]); [`place`] is the study in its storage; [`run`] makes it,
//! runs its trials, or works on it with others; [`show`], [`report`] and [`figures`] say what came of it; [`confirm`] measures the best again.

mod recipe;

mod objective;
mod place;

mod edit;
mod progress;
mod run;

mod confirm;
mod export;
mod figures;
mod report;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Search for the parameters that make a command, a training task or the agent itself best.
///
/// Trials are kept in a database that Python's Optuna and its dashboard read too: a file with SQLite, or PostgreSQL for many machines.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a study without running it.
    Create(Box<run::CreateOptions>),
    /// Make or continue a study and run its trials here.
    Run(Box<run::RunOptions>),
    /// Work on a study with others until it has its trials.
    Worker(Box<run::WorkerOptions>),
    /// Measure the best again on fresh seeds, beside the default.
    Confirm(confirm::ConfirmOptions),
    /// Name the studies of a storage.
    List(show::ShowOptions),
    /// Say how far a study is.
    Status(show::ShowOptions),
    /// Show the best trial.
    Best(show::ShowOptions),
    /// Show all trials.
    Trials(show::ShowOptions),
    /// Put a configuration of one's own in the queue.
    Enqueue(edit::EnqueueOptions),
    /// Put failed trials in the queue again.
    Retry(edit::RetryOptions),
    /// Write all trials to a CSV or JSON file.
    Export(export::ExportOptions),
    /// Draw the plots and write the report.
    Plot(report::PlotOptions),
    /// Say which parameters matter.
    Importance(report::ImportanceOptions),
    /// Delete a study with all its trials.
    Delete(edit::DeleteOptions),
}

/// Does what was asked for.
///
/// # Errors
/// As the action says.
pub fn run(options: &Options) -> Result<()> {
    match &options.action {
        Action::Create(options) => run::create(options),
        Action::Run(options) => run::run(options),
        Action::Worker(options) => run::worker(options),
        Action::Confirm(options) => confirm::run(options),
        Action::List(options) => show::list(options),
        Action::Status(options) => show::status(options),
        Action::Best(options) => show::best(options),
        Action::Trials(options) => show::trials(options),
        Action::Enqueue(options) => edit::enqueue(options),
        Action::Retry(options) => edit::retry(options),
        Action::Export(options) => export::run(options),
        Action::Plot(options) => report::plot(options),
        Action::Importance(options) => report::importance(options),
        Action::Delete(options) => edit::delete(options),
    }
}
