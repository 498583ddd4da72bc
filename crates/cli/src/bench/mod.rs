//! `qstride bench`: speed and memory on this machine.

mod compare;
mod scheduler;
mod study;
mod train;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Measure speed and memory.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Train on the peer task (128 environments, 12-64-64-3, batches of 64, double Q, replay of 50,000), on one thread.
    Train(train::Options),
    /// What control costs in a training loop (784-128-10, batches of 64, SGD with momentum).
    Scheduler(scheduler::Options),
    /// How long comparisons take (20 methods on peer200; 24 methods on the digits), on all cores.
    Compare(compare::Options),
    /// What an ask of a sampler costs, and 4 processes that share a database.
    Study(study::Options),
}

/// Runs the benchmark that was asked for.
///
/// # Errors
/// As the benchmark says.
pub fn run(options: &Options) -> Result<()> {
    match &options.what {
        What::Train(options) => train::run(options),
        What::Scheduler(options) => scheduler::run(options),
        What::Compare(options) => compare::run(options),
        What::Study(options) => study::run(options),
    }
}
