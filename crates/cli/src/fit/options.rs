//! What `qstride fit` can be told.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};
use clap::Args;
use qstride::Scheduler;
use qstride_agent::DeviceKind;
use qstride_objectives::data::CsvOptions;
use qstride_objectives::dataset::Dataset;

use super::model::Model;
use super::optimizer::OptimizerKind;
use super::schedule::ScheduleKind;
use super::sweep::Plan;
use crate::data_source::{DataSource, TargetKind, header};

/// Train a model with one or several schedules side by side.
///
/// Without any option: a perceptron with Adam at a constant rate. Every schedule runs at every rate with every seed; runs with the
/// same seed start at the same weights and see the same batches, whatever the number of threads.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub struct Options {
    /// A CSV file, an IDX file of images (with --labels), or `digits`, which is built in.
    data: PathBuf,

    /// The IDX file of the labels.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// The column to predict, by name or index from 0.
    #[arg(long, value_name = "COLUMN", conflicts_with = "labels")]
    target: Option<String>,

    /// The first line of the CSV file names the columns.
    #[arg(long, conflicts_with_all = ["no_header", "labels"])]
    header: bool,

    /// The first line of the CSV file is data.
    #[arg(long, conflicts_with = "labels")]
    no_header: bool,

    /// Whether the target is a class (cross-entropy, accuracy) or a number (mean squared error, R2).
    #[arg(long, value_enum, default_value_t, conflicts_with = "labels")]
    task: TargetKind,

    /// softmax, mlp[:WIDTHS[:tanh|relu]], or cnn for square images.
    #[arg(long, default_value = "mlp:32:tanh", value_parser = Model::parse)]
    model: Model,

    /// The optimizer; all are named below.
    #[arg(long, value_name = "NAME", default_value = "adam", value_parser = OptimizerKind::parse)]
    optimizer: OptimizerKind,

    /// Schedules, separated by commas; all are named below.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "constant", value_parser = ScheduleKind::parse)]
    schedule: Vec<ScheduleKind>,

    /// Rates, separated by commas: numbers, or `auto` for the optimizer's own.
    #[arg(
        long,
        value_name = "RATES",
        value_delimiter = ',',
        default_value = "auto",
        allow_hyphen_values = true
    )]
    rate: Vec<RateWord>,

    /// Run each schedule at the nine rates 1e-3 to 1e1 in half decades, and mark its best one as `tuned`; one that finds its own
    /// rate runs once.
    #[arg(long, conflicts_with = "rate")]
    grid: bool,

    /// The shares of training at which the schedule `step` falls.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_values_t = [0.5, 0.75], value_parser = share)]
    step_at: Vec<f64>,

    /// What the schedule `step` then multiplies the rate by.
    #[arg(long, value_name = "FACTOR", default_value_t = 0.1, value_parser = share)]
    step_factor: f64,

    /// The epochs without a lower mean training loss that the schedule `plateau` bears.
    #[arg(long, value_name = "N", default_value_t = 10)]
    patience: usize,

    /// What the schedule `plateau` then multiplies the rate by.
    #[arg(long, value_name = "FACTOR", default_value_t = 0.1, value_parser = share)]
    plateau_factor: f64,

    /// The folder of a checkpoint for the schedule `qstride`, in place of the policy that ships.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<PathBuf>,

    /// Let `rule` and `qstride` go on without a guard, which rolls back to the best weights when training blows up.
    #[arg(long)]
    no_guard: bool,

    /// Show `rule` and `qstride` the statistics of every K-th gradient, or of none with 0; without this, of every 10th where the policy
    /// needs them.
    #[arg(long, value_name = "K")]
    gradients_every: Option<u64>,

    /// Write each decision of `rule` and `qstride` as a JSON line: audit-SCHEDULE-RATE-SEED.jsonl in the folder.
    #[arg(long)]
    pub audit: bool,

    /// Passes over the training examples.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    epochs: u64,

    /// Examples of a batch; the last one of an epoch may be smaller.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    batch: u64,

    /// How many seeds: each splits the data, draws the initial weights and orders the examples.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,

    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    /// The share of the examples that is held out for the test score.
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = share)]
    test_share: f64,

    /// Train nothing: score the model that an earlier call left in this folder, on all rows of DATA.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["model", "optimizer", "schedule", "rate", "grid", "step_at",
        "step_factor", "patience", "plateau_factor", "policy", "no_guard", "gradients_every", "audit", "epochs", "batch", "seeds", "seed", "test_share", "threads", "out", "no_plots"])]
    pub load: Option<PathBuf>,

    /// flex or ndarray.
    #[arg(long, default_value_t = DeviceKind::Flex)]
    pub device: DeviceKind,

    /// Threads; as many as there are cores where nothing is said. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// The folder for runs.json, scores.csv, the plots and the best model; a new one under runs/ where nothing is said.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Overwrite the results in a folder that holds some.
    #[arg(long, requires = "out")]
    pub force: bool,

    /// Draw nothing.
    #[arg(long)]
    pub no_plots: bool,

    /// Print one JSON object and no table; files are then written only where --out or --audit says.
    #[arg(long)]
    pub json: bool,
}

/// A word of `--rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RateWord {
    /// The default of schedule and optimizer.
    Auto,
    /// This one.
    Given(f64),
}

impl FromStr for RateWord {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match (word.trim(), word.trim().parse::<f64>()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(rate)) if rate > 0.0 && rate.is_finite() => Ok(Self::Given(rate)),
            _ => Err("a rate is `auto` or a finite number above 0"),
        }
    }
}

impl Options {
    /// Reads the data.
    ///
    /// # Errors
    /// Every fault of the data, and a target that is not given.
    pub fn dataset(&self) -> Result<Dataset> {
        DataSource {
            path: &self.data,
            labels: self.labels.as_deref(),
            target: self.target.as_deref(),
            options: CsvOptions {
                header: header(self.header, self.no_header),
                task: self.task.into(),
            },
        }
        .read()
    }

    /// What is to be run.
    ///
    /// # Errors
    /// Every fault of the data, seeds beyond the largest number, a policy that cannot be loaded, or options for a schedule that is
    /// not among the named ones.
    pub fn plan(&self) -> Result<Plan> {
        self.check_control()?;
        let Some(last) = self.seed.checked_add(self.seeds - 1) else {
            bail!("--seed {}: no room for {} seeds", self.seed, self.seeds);
        };
        Ok(Plan {
            data: self.dataset()?,
            model: self.model.clone(),
            optimizer: self.optimizer,
            schedules: self.schedules(),
            step_at: self.step_at.clone(),
            step_factor: self.step_factor,
            patience: self.patience,
            plateau_factor: self.plateau_factor,
            policy: self.policy.clone(),
            guard: !self.no_guard,
            gradients_every: self.gradients_every,
            audit: None,
            seeds: (self.seed..=last).collect(),
            epochs: self.epochs,
            batch: self.batch as usize,
            test_share: self.test_share,
            device: self.device,
        })
    }

    /// Whether there is a schedule for what is said about control, and a policy in its folder.
    fn check_control(&self) -> Result<()> {
        let controls = self.no_guard || self.audit || self.gradients_every.is_some();
        if controls && !self.schedule.iter().any(|kind| kind.finds_its_rate()) {
            bail!(
                "--no-guard, --gradients-every and --audit are for the schedules rule and qstride"
            );
        }
        if let Some(folder) = &self.policy {
            if !self.schedule.contains(&ScheduleKind::Qstride) {
                bail!("--policy is for the schedule qstride");
            }
            Scheduler::from_checkpoint(folder)?;
        }
        Ok(())
    }

    /// Every schedule with every rate, each pair once.
    fn schedules(&self) -> Vec<(ScheduleKind, Option<f64>)> {
        let words = |kind: ScheduleKind| match self.grid {
            true if kind.finds_its_rate() => vec![RateWord::Auto],
            true => grid().map(RateWord::Given).collect(),
            false => self.rate.clone(),
        };
        let mut seen = HashSet::new();
        let pairs = self.schedule.iter().flat_map(|&kind| {
            let rate = move |word: &RateWord| match word {
                RateWord::Auto => (kind, kind.default_rate(self.optimizer)),
                RateWord::Given(rate) => (kind, Some(*rate)),
            };
            words(kind).iter().map(rate).collect::<Vec<_>>()
        });
        pairs
            .filter(|(kind, rate)| seen.insert((*kind, rate.map(f64::to_bits))))
            .collect()
    }

    /// What a folder for the results is called.
    pub fn label(&self) -> String {
        let stem = self.data.file_stem().map(Path::new).unwrap_or(&self.data);
        format!("{} {}", stem.display(), self.model)
    }

    /// Threads, where they are given.
    pub fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}

/// 1e-3 to 1e1 in half decades.
fn grid() -> impl Iterator<Item = f64> {
    // Read as decimals, so that whole decades are exact.
    let half = |i: i32| 10f64.powf(f64::from(i) / 2.0);
    let whole = |i: i32| format!("1e{}", i / 2).parse();
    (-6..=2).map(move |i| {
        if i % 2 == 0 {
            whole(i).unwrap_or(half(i))
        } else {
            half(i)
        }
    })
}

/// A number between 0 and 1.
fn share(text: &str) -> Result<f64, &'static str> {
    match text.trim().parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("must be a number between 0 and 1"),
    }
}

/// The names of optimizers and schedules, with what they are.
fn after_help() -> String {
    let mut text = String::from("Optimizers (and the rate that `auto` means):\n");
    for kind in OptimizerKind::ALL {
        let rate = super::report::rate_label(Some(kind.default_rate()));
        text.push_str(&format!(
            "  {:<10} {rate:<5} {}\n",
            kind.name(),
            kind.about()
        ));
    }
    text.push_str("\nSchedules:\n");
    for kind in ScheduleKind::ALL {
        text.push_str(&format!("  {:<10} {}\n", kind.name(), kind.about()));
    }
    text.push_str(
        "\n`auto` is three times the optimizer's rate for one-cycle, whose peak is brief. `rule` and `qstride` \
         find their own; a number is a rough rate then, which may be wrong by a factor of 100. The train loss is that of all training \
         examples after the last step. A run has diverged if it is not finite, or above the loss of the first batch.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &str) -> Options {
        let words = ["fit"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).unwrap().options
    }

    #[test]
    fn the_grid_is_nine_half_decades() {
        let rates: Vec<f64> = grid().collect();
        assert_eq!(
            (rates.len(), rates[0], rates[2], rates[8]),
            (9, 1e-3, 1e-2, 1e1)
        );
        assert!(
            rates
                .windows(2)
                .all(|w| (w[1] / w[0] - 10f64.sqrt()).abs() < 1e-12)
        );
        let options = options("digits --grid --schedule constant,cosine,constant");
        assert_eq!(options.schedules().len(), 18);
        let options = self::options("digits --grid --schedule rule,constant,qstride");
        let schedules = options.schedules();
        assert_eq!(
            (schedules.len(), schedules[0]),
            (11, (ScheduleKind::Rule, None))
        );
    }

    #[test]
    fn auto_depends_on_optimizer_and_schedule() {
        let pairs =
            options("digits --optimizer sgd --schedule cosine,one-cycle --rate auto,0.1,.5")
                .schedules();
        assert_eq!(
            pairs,
            [
                (ScheduleKind::Cosine, Some(0.1)),
                (ScheduleKind::Cosine, Some(0.5)),
                (ScheduleKind::OneCycle, Some(3.0 * 0.1)),
                (ScheduleKind::OneCycle, Some(0.1)),
                (ScheduleKind::OneCycle, Some(0.5)),
            ]
        );
        let pairs = options("digits --schedule rule --rate auto,3").schedules();
        assert_eq!(
            pairs,
            [(ScheduleKind::Rule, None), (ScheduleKind::Rule, Some(3.0))]
        );
    }

    #[test]
    fn factors_and_shares_lie_between_0_and_1() {
        for option in ["--plateau-factor", "--step-factor", "--step-at"] {
            for value in ["2", "1", "0", "nan"] {
                assert!(Line::try_parse_from(["fit", "digits", option, value]).is_err());
            }
        }
    }

    #[test]
    fn seeds_count_from_the_first() {
        assert_eq!(
            options("digits --seed 7 --seeds 3").plan().unwrap().seeds,
            [7, 8, 9]
        );
        let most = options("digits --seed 18446744073709551615 --seeds 2");
        assert!(most.plan().is_err());
    }
}
