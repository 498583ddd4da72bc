//! The grid takes each of its cells once.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail by a panic"
)]

use std::collections::{BTreeMap, BTreeSet};

use qstride_study::sampler::Grid;
use qstride_study::{Choice, Direction, Outcome, Stop, Study, StudyError, Trial};

fn grid(seed: u64) -> Grid {
    let values = BTreeMap::from([
        ("a".to_owned(), vec![0.25.into(), 0.5.into(), 1.into()]),
        ("b".to_owned(), vec![3.into(), 1.into()]),
        ("c".to_owned(), vec!["u".into(), Choice::Null]),
    ]);
    Grid::new(values, seed).unwrap()
}

fn study(grid: &Grid) -> Study {
    let study = Study::new("grid", Direction::Minimize).unwrap();
    study.with_sampler(grid.clone())
}

fn cell(trial: &mut Trial<'_>) -> Result<String, StudyError> {
    let a = trial.suggest_float("a", 0.0..=1.0).linear()?;
    let b = trial.suggest_int("b", 0..=5).linear()?;
    let c = trial.suggest_categorical("c", [Choice::from("u"), Choice::Null])?;
    Ok(format!("{a} {b} {c}"))
}

fn cells(study: &Study, trials: u64) -> Vec<String> {
    let mut cells = Vec::new();
    let run = |trial: &mut Trial<'_>| {
        cells.push(cell(trial)?);
        Ok(1.0)
    };
    study.optimize(trials, run).unwrap();
    cells
}

#[test]
fn every_cell_once_in_an_order_of_the_seed() {
    let grid = grid(0);
    assert_eq!(grid.cells(), 12);
    let (first, study) = (cells(&study(&grid), 12), study(&grid));
    assert_eq!(cells(&study, 11), first[..11]);
    assert!(!grid.is_exhausted(&study.history().unwrap()));
    assert_eq!(cells(&study, 1), first[11..]);
    assert!(grid.is_exhausted(&study.history().unwrap()));
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 12);
    assert_ne!(cells(&self::study(&self::grid(1)), 12), first);
    // Whoever asks for more gets them again.
    assert_eq!(cells(&study, 12), first);
}

#[test]
fn cells_that_run_or_were_pruned_are_taken_and_failed_ones_come_again() {
    let grid = grid(0);
    let study = study(&grid);
    let mut asked: Vec<Trial<'_>> = (0..12).map(|_| study.ask().unwrap()).collect();
    let cells: Vec<String> = asked.iter_mut().map(|t| cell(t).unwrap()).collect();
    assert!(grid.is_exhausted(&study.history().unwrap()));
    for (i, trial) in asked.iter().enumerate() {
        let outcome = match i % 3 {
            0 => Outcome::Pruned,
            1 => Outcome::Failed("out of memory".to_owned()),
            _ => Outcome::Complete(1.0),
        };
        study.tell(trial, &outcome).unwrap();
    }
    assert!(!grid.is_exhausted(&study.history().unwrap()));
    let failed: BTreeSet<&String> = cells.iter().skip(1).step_by(3).collect();
    let again = self::cells(&study, 4);
    assert_eq!(again.iter().collect::<BTreeSet<_>>(), failed);
    assert!(grid.is_exhausted(&study.history().unwrap()));
}

#[test]
fn a_trial_tried_again_keeps_its_cell() {
    let grid = grid(0);
    let study = study(&grid);
    let mut first = study.ask().unwrap();
    let tried = cell(&mut first).unwrap();
    study
        .tell(&first, &Outcome::Failed("lost".to_owned()))
        .unwrap();
    let failed = study.history().unwrap().trials()[0].clone();
    study.retry(&failed, 1).unwrap();
    let all = cells(&study, 12);
    assert_eq!(all[0], tried);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 12);
    assert!(grid.is_exhausted(&study.history().unwrap()));
}

#[test]
fn enqueued_trials_are_no_cells() {
    let grid = grid(0);
    let study = study(&grid);
    study
        .enqueue(&BTreeMap::from([("a".to_owned(), 0.1.into())]))
        .unwrap();
    let all = cells(&study, 13);
    assert!(all[0].starts_with("0.1 "), "{}", all[0]);
    assert_eq!(all[1..].iter().collect::<BTreeSet<_>>().len(), 12);
}

#[test]
fn what_the_grid_lacks_is_said_by_name() {
    let study = study(&grid(0));
    let mut trial = study.ask().unwrap();
    let error = trial.suggest_float("d", 0.0..=1.0).linear().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the grid has no values for the parameter d: it has a, b, c"
    );
    let error = trial.suggest_float("a", 2.0..=3.0).linear().unwrap_err();
    assert!(
        error.to_string().contains("no value of the parameter a"),
        "{error}"
    );
    let run = |trial: &mut Trial<'_>| -> Result<f64, Stop> {
        Ok(trial.suggest_float("d", 0.0..=1.0).linear()?)
    };
    assert!(matches!(
        study.optimize(10, run),
        Err(StudyError::OnlyFailures { .. })
    ));
    assert!(Grid::new(BTreeMap::new(), 0).is_err());
    assert!(Grid::new(BTreeMap::from([("a".to_owned(), vec![])]), 0).is_err());
}
