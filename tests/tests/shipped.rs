//! What the policies that ship are worth, on instances that no training saw.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use qstride_control::learned::Blind;
use qstride_control::rivals::{Armijo, BarzilaiBorwein};
use qstride_control::{ActionSet, Controller, DeterministicEpisode, DeterministicSettings, run};
use qstride_objectives::suite::suite;
use qstride_objectives::{Objective, Streams};
use rayon::prelude::*;

/// Mean log10 gap over the problems at a budget of 202.
fn mean_gap(
    problems: &[Arc<dyn Objective>],
    method: impl Fn(usize) -> Box<dyn Controller> + Sync,
) -> f64 {
    let gaps: Vec<f64> = problems
        .par_iter()
        .enumerate()
        .map(|(index, problem)| {
            let mut controller = method(index);
            let settings = DeterministicSettings::default();
            let mut episode = DeterministicEpisode::start(problem.clone(), settings, &controller);
            run(&mut episode, &mut controller)
                .log10_gap(problem.minimum())
                .unwrap()
        })
        .collect();
    gaps.iter().sum::<f64>() / gaps.len() as f64
}

#[test]
fn proposals_are_ahead_of_barzilai_borwein_and_of_chance() {
    let problems = suite("fresh", 77, 100).unwrap();
    let learned = mean_gap(&problems, |_| {
        Box::new(qstride::pretrained("proposals").unwrap().controller())
    });
    let barzilai_borwein = mean_gap(&problems, |_| Box::new(BarzilaiBorwein::nonmonotone()));
    let actions = Arc::new(ActionSet::preset("proposals").unwrap());
    let chance = (0..20)
        .map(|draw| {
            mean_gap(&problems, |index| {
                let generator = Streams::new(draw).stream(&index.to_string());
                Box::new(Blind::random(actions.clone(), generator))
            })
        })
        .sum::<f64>()
        / 20.0;
    assert!(
        learned < barzilai_borwein - 0.5,
        "{learned} against {barzilai_borwein}"
    );
    assert!(learned < chance - 0.1, "{learned} against {chance}");
}

#[test]
fn halving_and_doubling_is_ahead_of_armijo() {
    let problems = suite("fresh", 78, 60).unwrap();
    let learned = mean_gap(&problems, |_| {
        Box::new(qstride::pretrained("multiplicative").unwrap().controller())
    });
    let armijo = mean_gap(&problems, |_| Box::new(Armijo::from_twice_the_last()));
    assert!(learned < armijo - 0.5, "{learned} against {armijo}");
}
