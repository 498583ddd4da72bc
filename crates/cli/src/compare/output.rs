//! The results as JSON and CSV.

use std::collections::BTreeMap;

use anyhow::Result;
use qstride_control::End;
use serde::Serialize;

use super::harness::Comparison;
use super::recipe::Recipe;
use super::run::Run;
use super::start_rate::StartRateWord;
use super::summary::Summary;

/// One run, flat.
#[derive(Serialize)]
struct Row<'a> {
    method: &'a str,
    problem: &'a str,
    family: &'a str,
    dimension: usize,
    seed: u64,
    /// α₀ as a number; none where the method finds its own.
    start_rate: Option<f64>,
    /// What `--start-rates` said: `auto` or the number.
    asked_start_rate: StartRateWord,
    /// The rate that was chosen out of a grid.
    chosen_rate: Option<f64>,
    values: u64,
    gradients: u64,
    cost: f64,
    /// Values plus gradients of the other rates of the grid.
    tuning_cost: f64,
    start_value: f64,
    value: f64,
    minimum: f64,
    score: f64,
    failed: bool,
    end: End,
    /// By tolerance: values plus gradients (in training: passes), tuning included.
    cost_to: BTreeMap<String, Option<f64>>,
    test_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Everything, as `--json` prints it.
#[derive(Serialize)]
struct Document<'a> {
    qstride: &'static str,
    commit: &'static str,
    command: &'a str,
    recipe: &'a Recipe,
    problems: &'a str,
    instances: usize,
    families: Vec<&'a str>,
    budget: f64,
    /// What costs are counted in.
    unit: &'static str,
    seeds: Vec<u64>,
    methods: Vec<&'a str>,
    /// What a method's name does not say.
    notes: BTreeMap<&'a str, String>,
    summary: &'a Summary,
    rows: Vec<Row<'a>>,
}

/// What costs of a comparison are counted in.
pub fn unit(comparison: &Comparison) -> &'static str {
    match comparison.plan.training() {
        false => "values + gradients",
        true => "passes over the data",
    }
}

fn rows(comparison: &Comparison, seconds: bool) -> impl Iterator<Item = Row<'_>> {
    comparison
        .runs
        .iter()
        .map(move |run| row(comparison, run, seconds))
}

fn row<'a>(comparison: &'a Comparison, run: &Run, seconds: bool) -> Row<'a> {
    let plan = &comparison.plan;
    let case = &plan.cases[run.case];
    let outcome = &run.outcome;
    let tolerances = plan.tolerances.iter();
    let costs = tolerances.map(|t| (format!("{t:e}"), comparison.cost_to(run, *t)));
    Row {
        method: &plan.methods[run.method].name,
        problem: case.name(),
        family: case.family(),
        dimension: case.dimension(),
        seed: case.seed,
        start_rate: Some(outcome.start_rate).filter(|rate| rate.is_finite()),
        asked_start_rate: plan.start_rates[run.rate],
        chosen_rate: run.chosen_rate,
        values: outcome.evaluations.values,
        gradients: outcome.evaluations.gradients,
        cost: outcome.evaluations.cost(1.0),
        tuning_cost: run.tuning.cost(1.0),
        start_value: outcome.start_value,
        value: outcome.value,
        minimum: comparison.minima[run.case],
        score: comparison.score(run),
        failed: outcome.failed,
        end: outcome.end,
        cost_to: costs.collect(),
        test_score: outcome.test_score,
        seconds: seconds.then_some(outcome.seconds),
    }
}

/// One JSON object; with `seconds` the wall time of each run too, which no two runs of the program share.
///
/// # Errors
/// None that a comparison could cause.
pub fn json(
    comparison: &Comparison,
    summary: &Summary,
    recipe: &Recipe,
    command: &str,
    seconds: bool,
) -> Result<String> {
    let plan = &comparison.plan;
    let document = Document {
        qstride: env!("CARGO_PKG_VERSION"),
        commit: env!("QSTRIDE_COMMIT"),
        command,
        recipe,
        problems: &plan.problems,
        instances: plan.cases.len(),
        families: plan.families(),
        budget: plan.budget(),
        unit: unit(comparison),
        seeds: plan.seeds(),
        methods: plan.methods.iter().map(|m| m.name.as_str()).collect(),
        notes: plan
            .methods
            .iter()
            .filter_map(|m| Some((m.name.as_str(), m.note()?)))
            .collect(),
        summary,
        rows: rows(comparison, seconds).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)?)
}

/// The rows as CSV with a header, a column for the cost to each tolerance.
///
/// # Errors
/// None that a comparison could cause.
pub fn csv(comparison: &Comparison, seconds: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = false;
    for row in rows(comparison, seconds) {
        let serde_json::Value::Object(fields) = serde_json::to_value(&row)? else {
            continue;
        };
        let cells: Vec<(String, String)> = COLUMNS
            .iter()
            .filter_map(|name| Some((*name, fields.get(*name)?)))
            .flat_map(|(name, value)| cells(name, value))
            .collect();
        if !header {
            writer.write_record(cells.iter().map(|(name, _)| name))?;
            header = true;
        }
        writer.write_record(cells.iter().map(|(_, cell)| cell))?;
    }
    Ok(writer.into_inner()?)
}

/// The fields of a row in the order of the file.
const COLUMNS: [&str; 21] = [
    "method",
    "problem",
    "family",
    "dimension",
    "seed",
    "start_rate",
    "asked_start_rate",
    "chosen_rate",
    "values",
    "gradients",
    "cost",
    "tuning_cost",
    "start_value",
    "value",
    "minimum",
    "score",
    "failed",
    "end",
    "cost_to",
    "test_score",
    "seconds",
];

/// A field as one cell, or, where it has parts, as one cell each.
fn cells(name: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(parts) => {
            let mut parts: Vec<_> = parts.iter().collect();
            // From coarse to fine: the file reads like the table.
            parts.sort_by(|a, b| number(b.0).total_cmp(&number(a.0)));
            parts
                .into_iter()
                .flat_map(|(part, value)| cells(&format!("{name}_{part}"), value))
                .collect()
        }
        serde_json::Value::Null => vec![(name.to_owned(), String::new())],
        serde_json::Value::String(text) => vec![(name.to_owned(), text.clone())],
        other => vec![(name.to_owned(), other.to_string())],
    }
}

fn number(word: &str) -> f64 {
    word.parse().unwrap_or(f64::NAN)
}
