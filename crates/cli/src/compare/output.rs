//! The results as JSON and CSV.

use anyhow::Result;
use qstride_control::End;
use serde::Serialize;

use super::harness::{Comparison, Run};
use super::start_rate::StartRateWord;
use super::summary::{Summary, TOLERANCES};
use super::table::{heading, tables};

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
