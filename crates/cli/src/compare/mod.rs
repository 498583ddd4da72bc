//! `qstride compare`: methods on the same problems at an equal budget, from the same start rates.
//!
//! The data flows downwards: [`problem`] and [`method`] make a plan, [`harness`] runs it against the f* of [`reference`],
//! [`summary`] condenses it, [`table`], [`output`] and [`figures`] show it.

pub mod method;
#[allow(dead_code, reason = "no suite names it yet")]
mod network_task;
mod problem;
mod start_rate;

mod harness;
mod reference;

mod profile;
mod summary;

mod figures;
mod output;
mod table;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use harness::{Comparison, Plan};
use output::Report;
use problem::ProblemOptions;
use start_rate::StartRateWord;

use crate::folder::Folder;

/// What `qstride compare` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
The score of a run is log10((f_best - f*) / (f_0 - f*)), not below -12; lower is better. f* is the known minimum; where none
is known, the least value found by L-BFGS at ten times the budget, or by any of the methods. A run that meets something not
finite, or spends its budget without any progress, counts as failed and keeps its row.
`auto` start rates are those that come with an instance, else min(1, 1 / max |g_i|); line searches that restart (armijo, gll)
then do so at 1, as published. With a number every method starts, and restarts, at that number.
best-constant is an oracle: it knows which of twelve rates is best. Its cost is that of all twelve tries.")]
pub struct Options {
    #[command(flatten)]
    problems: ProblemOptions,

    /// Methods, separated by commas: classic methods, ablations and checkpoint folders; `qstride list methods` names them. All
    /// classic methods and the policies that ship where nothing is said.
    #[arg(long, value_name = "METHODS", value_delimiter = ',')]
    methods: Vec<String>,

    /// Values plus gradients that one run may spend, its start included.
    #[arg(long, value_name = "N", default_value = "202", value_parser = budget, allow_hyphen_values = true)]
    budget: u64,

    /// How many seeds: each draws fresh instances of random families, new splits of data, new dice for random methods.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seeds, allow_hyphen_values = true)]
    seeds: u64,

    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    /// Start rates, separated by commas: `auto` or numbers.
    #[arg(long, value_name = "RATES", value_delimiter = ',', default_value = "auto", value_parser = StartRateWord::parse,
        allow_hyphen_values = true)]
    start_rates: Vec<StartRateWord>,

    /// Threads; as many as there are cores where nothing is said. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,

    /// The folder for rows.csv, result.json, summary.md and the plots; a new one under runs/ where nothing is said.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Overwrite the results in a folder that holds some.
    #[arg(long, requires = "out")]
    force: bool,

    /// Draw nothing.
    #[arg(long)]
    no_plots: bool,

    /// Print one JSON object and no table; files are then written only where --out says.
    #[arg(long)]
    json: bool,

    /// Add the wall time of each run to the rows, which no two runs of the program share.
    #[arg(long)]
    seconds: bool,
}

impl Options {
    /// From the words of a command line, for commands that end with a comparison.
    ///
    /// # Errors
    /// What clap says of them.
    pub fn from_arguments(words: &[String]) -> Result<Self> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        Ok(<Line as clap::Parser>::try_parse_from(words)?.options)
    }
}

/// Runs the comparison and shows it.
///
/// # Errors
/// Unknown names, with the near matches; faults of data, checkpoints or the output folder.
pub fn run(options: &Options) -> Result<()> {
    let seeds: Vec<u64> = (0..options.seeds)
        .map(|i| options.seed.wrapping_add(i))
        .collect();
    let methods = method::parse_all(&options.methods)?;
    let mut start_rates: Vec<StartRateWord> = Vec::new();
    for rate in &options.start_rates {
        if !start_rates.contains(rate) {
            start_rates.push(*rate);
        }
    }
    let plan = Plan {
        problems: options.problems.label(),
        cases: options.problems.cases(&seeds)?,
        methods,
        start_rates,
        budget: options.budget,
    };
    let wants_files = !options.json || options.out.is_some();
    let folder = wants_files
        .then(|| {
            Folder::prepare(
                options.out.as_deref(),
                "compare",
                &plan.problems,
                options.force,
            )
        })
        .transpose()?;

    let progress = progress_bar(options.json);
    let comparison = Comparison::run(plan, options.threads, &progress)?;
    progress.finish_and_clear();

    let summaries = summary::summaries(&comparison);
    let report = Report::new(&comparison, &summaries, options.seconds);
    let mut out = std::io::stdout().lock();
    let text = if options.json {
        report.json()?
    } else {
        report.text()
    };
    writeln!(out, "{}", text.trim_end())?;
    if let Some(folder) = folder {
        folder.write("result.json", report.json()?.as_bytes())?;
        folder.write("rows.csv", &report.csv()?)?;
        folder.write("summary.md", report.markdown().as_bytes())?;
        if !options.no_plots {
            figures::draw(&comparison, &summaries, folder.path())
                .context("the plots cannot be drawn")?;
        }
        let place = folder.path().display();
        if options.json {
            eprintln!("written to {place}");
        } else {
            writeln!(out, "\nwritten to {place}")?;
        }
    }
    Ok(())
}

/// A bar on stderr, where a person may see it.
fn progress_bar(hidden: bool) -> ProgressBar {
    if hidden || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style)
}

fn budget(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(budget) if budget >= 3 => Ok(budget),
        Ok(budget) => Err(format!(
            "the start costs a value and a gradient, so that {budget} leaves nothing to try: give at least 3"
        )),
        Err(_) => Err("the budget is a whole number from 3".to_owned()),
    }
}

fn seeds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seeds @ 1..=10_000) => Ok(seeds),
        _ => Err("the number of seeds is from 1 to 10000".to_owned()),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err("the number of threads is from 1 to 1024".to_owned()),
    }
}
