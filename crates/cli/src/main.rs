//! The command line of qstride.

mod bench;
mod compare;
mod data_source;
mod fit;
mod folder;
mod inspect;
mod interrupt;
mod list;
mod plot;
mod report;
mod study;
mod table;
mod train;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Learned learning-rate controllers: train them, compare them with line searches, see how they act.
#[derive(Debug, Parser)]
#[command(name = "qstride", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Log what is done to stderr; twice for more.
    #[arg(short, long, global = true, display_order = 1000, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a controller, keep the best policy, and compare it with line searches.
    Train(Box<train::Options>),
    /// Run checkpoints and classic methods on the same problems at an equal budget.
    Compare(Box<compare::Options>),
    /// Train a model on data, with one or several learning-rate schedules side by side.
    Fit(Box<fit::Options>),
    /// Search for the parameters that make a command, a training task or the agent itself best.
    Study(study::Options),
    /// Show what a checkpoint is, how it acts and what it was trained on.
    Inspect(inspect::Options),
    /// Name what there is: suites, families, problems, methods, actions, features, models.
    List(list::Options),
    /// Measure speed and memory.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose);
    let result = match arguments.command {
        Command::Compare(options) => compare::run(&options),
        Command::Fit(options) => fit::run(&options),
        Command::Study(options) => study::run(&options),
        Command::List(options) => list::run(&options),
        Command::Train(options) => train::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, as `head` does, is no fault.
        Err(error) if closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", describe(&error));
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// The error and its causes, less those that a message before them has quoted.
fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let joint = if text.is_empty() { "" } else { ": " };
            text.push_str(joint);
            text.push_str(&cause);
        }
    }
    text
}

fn closed_pipe(error: &anyhow::Error) -> bool {
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cause_that_was_quoted_is_not_said_again() {
        let inner = anyhow::anyhow!("no space")
            .context("cannot write x: no space")
            .context("saving");
        assert_eq!(super::describe(&inner), "saving: cannot write x: no space");
    }
}
