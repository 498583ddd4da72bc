//! Every decision of every pruner equals Optuna's: see golden/README.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an integration test"
)]

use std::collections::BTreeMap;

use qstride_study::pruner::{
    Hyperband, Median, Patience, Percentile, Pruner, SuccessiveHalving, Threshold, Wilcoxon,
};
use qstride_study::{Direction, Outcome, Study};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Deserialize)]
struct Golden {
    tables: BTreeMap<String, Table>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Table {
    direction: Direction,
    mean: bool,
    steps: Vec<i64>,
    fails: Vec<Option<usize>>,
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Case {
    pruner: String,
    settings: Value,
    table: String,
    workers: usize,
    pruned_at: Vec<Option<usize>>,
}

fn settings<T: DeserializeOwned>(case: &Case) -> T {
    serde_json::from_value(case.settings.clone()).unwrap()
}

fn study(case: &Case, direction: Direction) -> Study {
    let study = Study::new("golden", direction).unwrap();
    fn of(study: Study, pruner: impl Pruner + 'static) -> Study {
        study.with_pruner(pruner)
    }
    match case.pruner.as_str() {
        "median" => of(study, Median::new(settings(case)).unwrap()),
        "percentile" => of(study, Percentile::new(settings(case)).unwrap()),
        "threshold" => of(study, Threshold::new(settings(case)).unwrap()),
        "patience" => of(study, Patience::new(settings(case)).unwrap()),
        "patience+median" => {
            let median = Median::new(Default::default()).unwrap();
            of(study, Patience::new(settings(case)).unwrap().before(median))
        }
        "successive-halving" => of(study, SuccessiveHalving::new(settings(case)).unwrap()),
        "hyperband" => of(study, Hyperband::new(settings(case)).unwrap()),
        "wilcoxon" => of(study, Wilcoxon::new(settings(case)).unwrap()),
        other => panic!("{other}"),
    }
}

fn pruned_at(case: &Case, table: &Table) -> Vec<Option<usize>> {
    let study = study(case, table.direction);
    let numbers: Vec<usize> = (0..table.values.len()).collect();
    let mut pruned_at = vec![None; numbers.len()];
    for group in numbers.chunks(case.workers) {
        let mut running: Vec<_> = group.iter().map(|n| (*n, study.ask().unwrap())).collect();
        for (at, &step) in table.steps.iter().enumerate() {
            running.retain_mut(|(number, trial)| {
                if table.fails[*number] == Some(at) {
                    let failed = Outcome::Failed("as the table says".to_owned());
                    study.tell(trial, &failed).unwrap();
                    return false;
                }
                let value = table.values[*number][at].unwrap_or(f64::NAN);
                trial.report(step, value).unwrap();
                let prune = trial.should_prune().unwrap();
                if prune {
                    study.tell(trial, &Outcome::Pruned).unwrap();
                    pruned_at[*number] = Some(at);
                }
                !prune
            });
        }
        for (number, trial) in running {
            let row = &table.values[number];
            let value = if table.mean {
                Some(row.iter().flatten().sum::<f64>() / row.len() as f64)
            } else {
                *row.last().unwrap()
            };
            let outcome = match value {
                Some(value) => Outcome::Complete(value),
                None => Outcome::Failed("NaN".to_owned()),
            };
            study.tell(&trial, &outcome).unwrap();
        }
    }
    pruned_at
}

#[test]
fn every_decision_equals_optunas() {
    let golden: Golden = serde_json::from_str(include_str!("golden/pruners.json")).unwrap();
    assert!(golden.cases.len() > 100);
    let mut wrong = Vec::new();
    for case in &golden.cases {
        let found = pruned_at(case, &golden.tables[&case.table]);
        if let Some(trial) = (0..found.len()).find(|&i| found[i] != case.pruned_at[i]) {
            wrong.push(format!(
                "{} {} on {} with {} workers: trial {trial} is pruned at {:?}, Optuna {:?}",
                case.pruner,
                case.settings,
                case.table,
                case.workers,
                found[trial],
                case.pruned_at[trial]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
