//! Turns the output of `qstride fit --json` into Markdown tables of train losses over those of tuned SGD.
//!
//! ```sh
//! cargo run --release -p qstride-cli --example schedule_table -- runs/schedules/*.json
//! ```
//!
//! For each model one of the files must hold plain SGD at constant rates: the best of them is 'tuned SGD'. Each other pair of model and
//! optimizer gets a table, with a row for each schedule of each file.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

/// What `qstride fit --json` prints, less what is not needed.
#[derive(Deserialize)]
struct Document {
    data: String,
    model: String,
    optimizer: String,
    guard: bool,
    epochs: u64,
    batch: u64,
    seeds: Vec<u64>,
    runs: Vec<Run>,
}

#[derive(Clone, Deserialize)]
struct Run {
    schedule: String,
    rate: Option<f64>,
    seed: u64,
    train_loss: Option<f64>,
    test_accuracy: f64,
    diverged: bool,
    rollbacks: u64,
}

/// The runs of a schedule in a file, rate by rate.
type Rates = Vec<(Option<f64>, Vec<Run>)>;

/// A train loss for each seed.
type Reference = BTreeMap<u64, f64>;

fn main() -> Result<()> {
    let documents: Vec<Document> = std::env::args()
        .skip(1)
        .map(|path| {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{path}: no output of qstride fit --json"))
        })
        .collect::<Result<_>>()?;
    let mut tables: BTreeMap<(&str, &str), Vec<&Document>> = BTreeMap::new();
    for document in &documents {
        tables
            .entry((&document.model, &document.optimizer))
            .or_default()
            .push(document);
    }
    for ((model, optimizer), files) in &tables {
        let sgd = tables.get(&(*model, "sgd"));
        let sgd =
            sgd.with_context(|| format!("{model}: no file with plain SGD at constant rates"))?;
        let (rate, reference) = tuned_sgd(sgd)
            .with_context(|| format!("{model}: no SGD run at a constant rate ended well"))?;
        println!(
            "{model} with {optimizer} on {}: batch {}, {} epochs, {} seeds; tuned SGD is at {}, train loss {:.2e}\n",
            files[0].data,
            files[0].batch,
            files[0].epochs,
            files[0].seeds.len(),
            label(rate),
            (reference.values().map(|loss| loss.ln()).sum::<f64>() / reference.len() as f64).exp(),
        );
        println!(
            "| schedule | train loss over tuned SGD's | best start | worst start | within 1.5 x | diverged | test accuracy | rollbacks |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        );
        for file in files {
            for (mut schedule, rates) in schedules(file) {
                if !file.guard {
                    schedule.push_str(" without the guard");
                }
                rows(&schedule, &rates, &reference);
            }
        }
        println!();
    }
    Ok(())
}

/// The best constant rate of plain SGD, and its train losses.
fn tuned_sgd(files: &[&Document]) -> Option<(Option<f64>, Reference)> {
    let all: Rates = files
        .iter()
        .flat_map(|file| schedules(file))
        .filter(|(schedule, _)| schedule == "constant")
        .flat_map(|(_, rates)| rates)
        .collect();
    let (rate, runs) = best(&all);
    let losses = runs
        .iter()
        .map(|run| run.train_loss.map(|_| (run.seed, loss(run))));
    Some((rate, losses.collect::<Option<_>>()?))
}

/// The schedules of a file, in its order.
fn schedules(file: &Document) -> Vec<(String, Rates)> {
    let mut schedules: Vec<(String, Rates)> = Vec::new();
    for run in &file.runs {
        let place = schedules.iter().position(|(name, _)| *name == run.schedule);
        let place = place.unwrap_or_else(|| {
            schedules.push((run.schedule.clone(), Vec::new()));
            schedules.len() - 1
        });
        let rates = &mut schedules[place].1;
        match rates.iter_mut().find(|(rate, _)| *rate == run.rate) {
            Some((_, runs)) => runs.push(run.clone()),
            None => rates.push((run.rate, vec![run.clone()])),
        }
    }
    schedules
}

/// The rate of the least mean log train loss; a loss that is not finite is the worst.
fn best(rates: &Rates) -> (Option<f64>, Vec<Run>) {
    let mean =
        |runs: &[Run]| runs.iter().map(|run| loss(run).ln()).sum::<f64>() / runs.len() as f64;
    let least = rates
        .iter()
        .min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)));
    least.cloned().unwrap_or_default()
}

/// Below this, cross-entropy in 32 bits is rounding.
const LEAST: f64 = 1e-6;

fn loss(run: &Run) -> f64 {
    run.train_loss.map_or(f64::INFINITY, |loss| loss.max(LEAST))
}

/// One row for the best of several rates; a schedule that finds its own has one for no rate and one for all its starts.
fn rows(schedule: &str, rates: &Rates, reference: &Reference) {
    let none = rates.iter().find(|(rate, _)| rate.is_none());
    match (none, &rates[..]) {
        (Some((_, runs)), _) => {
            row(&format!("{schedule}, no rate"), runs, &[], reference);
            if rates.len() > 1 {
                let all: Vec<Run> = rates.iter().flat_map(|(_, runs)| runs.clone()).collect();
                let title = format!("{schedule}, {} starts", rates.len());
                row(&title, &all, rates, reference);
            }
        }
        (None, [(rate, runs)]) => row(
            &format!("{schedule} at {}", label(*rate)),
            runs,
            &[],
            reference,
        ),
        (None, _) => {
            let (rate, runs) = best(rates);
            let title = format!("{schedule}, best of {} rates: {}", rates.len(), label(rate));
            row(&title, &runs, &[], reference);
        }
    }
}

/// One line of the table; `starts` are told apart where there are several.
fn row(title: &str, runs: &[Run], starts: &[(Option<f64>, Vec<Run>)], reference: &Reference) {
    let ratio = |run: &Run| loss(run) / reference.get(&run.seed).copied().unwrap_or(f64::NAN);
    let mean = |runs: &[Run]| {
        let logs: f64 = runs.iter().map(|run| ratio(run).ln()).sum();
        (logs / runs.len() as f64).exp()
    };
    let mut by_start: Vec<(f64, Option<f64>)> = starts
        .iter()
        .map(|(rate, runs)| (mean(runs), *rate))
        .collect();
    by_start.sort_by(|a, b| a.0.total_cmp(&b.0));
    let end = |of: Option<&(f64, Option<f64>)>| {
        of.map_or(String::new(), |(ratio, rate)| {
            format!("{} ({})", short(*ratio), label(*rate))
        })
    };
    let count = |which: &dyn Fn(&Run) -> bool| runs.iter().filter(|run| which(run)).count();
    let accuracy = runs.iter().map(|run| run.test_accuracy).sum::<f64>() / runs.len() as f64;
    println!(
        "| {title} | {} | {} | {} | {}/{} | {} | {accuracy:.3} | {} |",
        short(mean(runs)),
        end(by_start.first()),
        end(by_start.last()),
        count(&|run| ratio(run) <= 1.5),
        runs.len(),
        count(&|run| run.diverged),
        runs.iter().map(|run| run.rollbacks).sum::<u64>(),
    );
}

fn label(rate: Option<f64>) -> String {
    rate.map_or("none".to_owned(), |rate| {
        let text = format!("{rate:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        format!("{mantissa}e{exponent}")
    })
}

/// Three digits.
fn short(ratio: f64) -> String {
    if (0.01..1e3).contains(&ratio) {
        format!("{ratio:.2}")
    } else {
        format!("{ratio:.1e}")
    }
}
