//! `qstride compare`: methods on the same problems at an equal budget, from the same start rates.
//!
//! The data flows downwards: a [`recipe`] names [`problem`]s and [`method`]s, which make a [`plan`]; [`harness`] runs it against the f* of
//! [`reference`], keeping a [`journal`]; [`summary`] condenses it; [`table`], [`output`], [`figures`] and [`report`] show it.

pub mod recipe;

pub mod method;
mod minimising;
mod network_task;
pub mod plan;
mod problem;
mod rate_grid;
mod sequence;
mod start_rate;
mod training;
mod whole_objective;

mod exact;
pub mod harness;
mod journal;
mod reference;
mod run;

mod edge;
mod pair;
mod summary;
mod tuned_sgd;

mod figures;
mod output;
mod report;
mod table;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use harness::{Begin, Carrying, Comparison};
use journal::Journal;
use plan::Plan;
use recipe::{RECIPE, Recipe};
use report::Origin;

use crate::folder::Folder;
use crate::interrupt::watch_for_ctrl_c;

/// The program's version and commit.
pub const PROGRAM_VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("QSTRIDE_COMMIT"), ")");
/// The program with its version and commit.
pub const PROGRAM: &str = concat!(
    "qstride ",
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("QSTRIDE_COMMIT"),
    ")"
);

/// Headings of the help.
const RUNNING: &str = "Running";
const OUTPUT: &str = "Output";

/// The arguments that a recipe, or a comparison that goes on, replaces.
const OF_THE_RECIPE: [&str; 25] = [
    "suite",
    "tasks",
    "per_family",
    "data",
    "labels",
    "target",
    "model",
    "header",
    "no_header",
    "task",
    "test_fraction",
    "epochs",
    "batch",
    "equal",
    "methods",
    "reference",
    "pairs",
    "rates",
    "budget",
    "seeds",
    "seed",
    "start_rates",
    "tolerances",
    "resamples",
    "recipe",
];

/// What `qstride compare` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qstride compare --suite beale,wood --methods armijo,gll-bb,proposals
  qstride compare --suite unseen --start-rates auto,1e-4,1e-2,1e0 --seeds 5 --out result
  qstride compare --data my.csv --target y --model mlp --epochs 20 --methods tuned:adam,prodigy
  qstride compare --tasks digits --methods tuned:sgd,tuned:adam/wsd,rule:adam --seeds 5

The score of a run is log10((f_best - f*) / (f_0 - f*)), not below -12; lower is better. f* is the known minimum, or, where none is \
known, the least value found by L-BFGS at ten times the budget or by any of the methods. With --epochs or --tasks the score is log10(final loss / \
first loss).

A run that meets something not finite, or gains nothing, counts as failed and keeps its row.

With the start rate `auto` a run starts at the rate that comes with the instance, else at min(1, 1 / max |g_i|); line searches that \
restart (armijo, gll) then do so at 1, and optimizers stand at their published rates. With a number every method starts, and restarts, \
at it.

tuned:METHOD and best-constant are given the best of a grid of rates (--rates, or tuned:LOW..HIGH:METHOD); what the whole grid cost stands in \
the table, and where the best rate is the first or the last one.

Everything that is done is kept: after Ctrl-C, or a kill, --resume FOLDER goes on. docs/protocol.md says what is counted.")]
pub struct Options {
    #[command(flatten)]
    recipe: Recipe,

    /// Read what is to be compared from this file, as recipe.json in the folder of a comparison has it, instead of from arguments.
    #[arg(long = "recipe", id = "recipe", value_name = "FILE", conflicts_with_all = &OF_THE_RECIPE[..24], help_heading = RUNNING)]
    recipe_file: Option<PathBuf>,

    /// Threads; as many as there are cores where nothing is said. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = threads, allow_hyphen_values = true, help_heading = RUNNING)]
    threads: Option<usize>,

    /// The folder for the report, rows.csv, result.json and the plots; a new one under runs/ where nothing is said.
    #[arg(long, value_name = "FOLDER", help_heading = OUTPUT)]
    out: Option<PathBuf>,

    /// Overwrite the results in a folder that holds some.
    #[arg(long, requires = "out", help_heading = OUTPUT)]
    force: bool,

    /// Go on with the comparison in this folder, which was interrupted.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = OF_THE_RECIPE.iter().chain(&["out", "force"]), help_heading = RUNNING)]
    resume: Option<PathBuf>,

    /// Draw nothing.
    #[arg(long, help_heading = OUTPUT)]
    no_plots: bool,

    /// Print one JSON object and no table; files are then written only where --out says.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,

    /// Add the wall time of each run to rows and tables, which no two runs of the program share.
    #[arg(long, help_heading = OUTPUT)]
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

    /// What is to be compared.
    fn recipe(&self) -> Result<Recipe> {
        match (&self.recipe_file, &self.resume) {
            (Some(file), _) => Recipe::read(file),
            (_, Some(folder)) => {
                Journal::header(folder)?;
                Recipe::read(&folder.join(RECIPE))
            }
            _ => Ok(self.recipe.clone()),
        }
    }

    /// Where the results go, if anywhere.
    fn folder(&self, plan: &Plan) -> Result<Option<Folder>> {
        if let Some(folder) = &self.resume {
            return Folder::open(folder).map(Some);
        }
        if self.json && self.out.is_none() {
            return Ok(None);
        }
        let interrupted = |folder: &&PathBuf| !self.force && Journal::header(folder).is_ok();
        if let Some(folder) = self.out.as_ref().filter(interrupted) {
            bail!(
                "{0}: a comparison was interrupted there; `qstride compare --resume {0}` goes on with it, --force begins anew",
                folder.display()
            );
        }
        Folder::prepare(self.out.as_deref(), "compare", &plan.problems, self.force).map(Some)
    }
}

/// Runs the comparison and shows it.
///
/// # Errors
/// Unknown names, with the near matches; faults of data, checkpoints or the output folder.
pub fn run(options: &Options) -> Result<()> {
    let recipe = options.recipe()?;
    let plan = Plan::new(&recipe)?;
    let folder = options.folder(&plan)?;
    let begin = match options.resume {
        Some(_) => Begin::Resumed,
        None => Begin::Anew,
    };
    let command = match &options.resume {
        Some(folder) => Journal::header(folder)?.command,
        None => words_of_the_command(),
    };
    if let (Some(folder), Begin::Anew) = (&folder, begin) {
        folder.write(RECIPE, recipe.text()?.as_bytes())?;
    }

    let progress = progress_bar(options.json);
    let how = Carrying {
        threads: options.threads,
        progress: &progress,
        interrupted: &*watch_for_ctrl_c()?,
        journal: folder.as_ref().map(|folder| (folder.path(), begin)),
        command: &command,
    };
    let comparison = Comparison::run(plan, &how)?;
    progress.finish_and_clear();
    let Some(comparison) = comparison else {
        match folder {
            Some(folder) => bail!(
                "interrupted; what is done is kept, and `qstride compare --resume {}` goes on",
                folder.path().display()
            ),
            None => bail!("interrupted; with --out FOLDER what is done would have been kept"),
        }
    };

    let summary = summary::summarise(&comparison, recipe.resamples, options.seconds)?;
    let json = output::json(&comparison, &summary, &recipe, &command, options.seconds)?;
    // Files first: a reader that closes the pipe after some lines loses nothing. A fault of the folder keeps nobody from the table.
    let written = folder.as_ref().map(|folder| {
        folder.write("result.json", json.as_bytes())?;
        folder.write("rows.csv", &output::csv(&comparison, options.seconds)?)?;
        let origin = Origin {
            date: &today(),
            command: &command,
        };
        let plots = !options.no_plots;
        report::write(&comparison, &summary, &recipe, &origin, folder, plots)
            .context("the report cannot be written")?;
        // The results stand: what was kept for going on has done its work.
        journal::end(folder.path())
    });
    let mut out = std::io::stdout().lock();
    let shown = if options.json {
        writeln!(out, "{}", json.trim_end())
    } else {
        show(&comparison, &summary.best_first(), &mut out)
    };
    written.transpose()?;
    shown?;
    match folder {
        Some(folder) => say_where(folder.path(), options.json, &mut out),
        None => Ok(()),
    }
}

/// The tables, for a person at a terminal.
fn show(
    comparison: &Comparison,
    summary: &summary::Summary,
    out: &mut impl Write,
) -> std::io::Result<()> {
    writeln!(out, "{}", table::heading(&comparison.plan))?;
    for table in table::terminal(comparison, summary) {
        writeln!(out, "\n{}", table.text().trim_end())?;
    }
    Ok(())
}

fn say_where(folder: &Path, json: bool, out: &mut impl Write) -> Result<()> {
    let place = folder.display();
    if json {
        eprintln!("written to {place}");
    } else {
        writeln!(
            out,
            "\nwritten to {place}; read {}",
            folder.join("report.html").display()
        )?;
    }
    Ok(())
}

/// The command as it can be typed again, the program without its folder.
fn words_of_the_command() -> String {
    let quoted = |word: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let arguments = std::env::args_os()
        .skip(1)
        .map(|word| quoted(word.to_string_lossy().into_owned()));
    std::iter::once("qstride".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Today, as 2026-01-31, in universal time.
fn today() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

/// A bar on stderr, where a person may see it.
pub fn progress_bar(hidden: bool) -> ProgressBar {
    if hidden || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style)
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err("the number of threads is from 1 to 1024".to_owned()),
    }
}
