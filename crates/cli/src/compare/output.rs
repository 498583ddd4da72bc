//! The results as JSON and CSV, and the folder in which they lie.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use qstride_control::End;
use serde::Serialize;

use super::harness::{Comparison, Run};
use super::start_rate::StartRateWord;
use super::summary::{Summary, TOLERANCES};
use super::table::{heading, tables};

/// Where results go where no folder is named.
const RUNS: &str = "runs";

/// One run, flat.
#[derive(Serialize)]
struct Row<'a> {
    method: &'a str,
    problem: &'a str,
    family: &'a str,
    dimension: usize,
    seed: u64,
    /// α₀ as a number.
    start_rate: f64,
    /// What `--start-rates` said: `auto` or the number.
    asked_start_rate: StartRateWord,
    values: u64,
    gradients: u64,
    cost: f64,
    start_value: f64,
    best_value: f64,
    minimum: f64,
    log10_gap: f64,
    failed: bool,
    end: End,
    cost_to_1e_3: Option<u64>,
    cost_to_1e_6: Option<u64>,
    cost_to_1e_9: Option<u64>,
    test_score: Option<f64>,
    best_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Everything, as `--json` prints it.
#[derive(Serialize)]
struct Document<'a> {
    qstride: &'static str,
    problems: &'a str,
    instances: usize,
    families: Vec<&'a str>,
    budget: u64,
    seeds: Vec<u64>,
    start_rates: &'a [StartRateWord],
    methods: Vec<&'a str>,
    summary: &'a [Summary],
    rows: Vec<Row<'a>>,
}

/// A comparison as text; with `seconds` the wall time of each run too, which no two runs of the program share.
pub struct Report<'a> {
    comparison: &'a Comparison,
    summaries: &'a [Summary],
    seconds: bool,
}

impl<'a> Report<'a> {
    /// A report on these runs.
    pub fn new(comparison: &'a Comparison, summaries: &'a [Summary], seconds: bool) -> Self {
        Self {
            comparison,
            summaries,
            seconds,
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        self.comparison.runs.iter().map(|run| self.row(run))
    }

    fn row(&self, run: &Run) -> Row<'a> {
        let plan = &self.comparison.plan;
        let case = &plan.cases[run.case];
        let minimum = self.comparison.minima[run.case];
        let [cost_3, cost_6, cost_9] = TOLERANCES.map(|tolerance| run.cost_to(tolerance, minimum));
        Row {
            method: &plan.methods[run.method].name,
            problem: case.objective.name(),
            family: case.objective.family(),
            dimension: case.objective.dimension(),
            seed: case.seed,
            start_rate: run.start_rate,
            asked_start_rate: plan.start_rates[run.rate],
            values: run.evaluations.values,
            gradients: run.evaluations.gradients,
            cost: run.evaluations.cost(1.0),
            start_value: run.start_value,
            best_value: run.best_value,
            minimum,
            log10_gap: run.log10_gap(minimum),
            failed: run.failed,
            end: run.end,
            cost_to_1e_3: cost_3,
            cost_to_1e_6: cost_6,
            cost_to_1e_9: cost_9,
            test_score: run.test_score,
            best_rate: run.best_rate,
            seconds: self.seconds.then_some(run.seconds),
        }
    }

    /// One JSON object.
    ///
    /// # Errors
    /// None that a comparison could cause.
    pub fn json(&self) -> Result<String> {
        let plan = &self.comparison.plan;
        let document = Document {
            qstride: env!("CARGO_PKG_VERSION"),
            problems: &plan.problems,
            instances: plan.cases.len(),
            families: plan.families(),
            budget: plan.budget,
            seeds: plan.seeds(),
            start_rates: &plan.start_rates,
            methods: plan.methods.iter().map(|m| m.name.as_str()).collect(),
            summary: self.summaries,
            rows: self.rows().collect(),
        };
        Ok(serde_json::to_string_pretty(&document)?)
    }

    /// The rows as CSV with a header.
    ///
    /// # Errors
    /// None that a comparison could cause.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in self.rows() {
            writer.serialize(row)?;
        }
        Ok(writer.into_inner()?)
    }

    /// The tables for a terminal.
    pub fn text(&self) -> String {
        let tables = tables(self.summaries);
        let texts = tables.iter().map(|table| format!("\n{}", table.text()));
        format!(
            "{}\n{}",
            heading(&self.comparison.plan),
            texts.collect::<String>()
        )
    }

    /// The tables as Markdown.
    pub fn markdown(&self) -> String {
        let tables = tables(self.summaries);
        let texts = tables.iter().map(|table| format!("\n{}", table.markdown()));
        format!(
            "{}\n{}",
            heading(&self.comparison.plan),
            texts.collect::<String>()
        )
    }
}

/// A folder that takes files one by one, each under a temporary name until it is whole.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The named folder, or a new one `runs/compare-LABEL[-N]`. It is made, and tried, before anything is computed.
    ///
    /// # Errors
    /// When it holds files already and `force` is not given, or cannot be written.
    pub fn prepare(named: Option<&Path>, label: &str, force: bool) -> Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => unused(label),
        };
        let occupied = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !force {
            bail!(
                "{}: the folder is not empty; name another with --out, or overwrite its results with --force",
                path.display()
            );
        }
        let unwritable = || {
            format!(
                "cannot write into the folder {}; name another with --out",
                path.display()
            )
        };
        fs::create_dir_all(&path).with_context(unwritable)?;
        let probe = path.join(".probe.tmp");
        fs::write(&probe, b"").with_context(unwritable)?;
        fs::remove_file(&probe).with_context(unwritable)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written; what stood there is then untouched.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (temporary, path) = (self.path.join(format!(".{name}.tmp")), self.path.join(name));
        let written: io::Result<()> =
            fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The first of `runs/compare-LABEL`, `runs/compare-LABEL-2`, ... that does not exist.
fn unused(label: &str) -> PathBuf {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let label: String = label.chars().map(plain).take(60).collect();
    let first = Path::new(RUNS).join(format!("compare-{}", label.trim_matches('-')));
    let numbered = |n: u64| match n {
        1 => first.clone(),
        n => first.with_file_name(format!("compare-{}-{n}", label.trim_matches('-'))),
    };
    let mut n = 1;
    while numbered(n).exists() {
        n += 1;
    }
    numbered(n)
}
