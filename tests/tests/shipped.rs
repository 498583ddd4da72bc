//! What the policies that ship are worth, on instances that no training saw.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use qstride_control::learned::Blind;
use qstride_control::rivals::{Armijo, BarzilaiBorwein, CosineSign};
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

/// The mean gap of a policy that ships.
fn shipped(problems: &[Arc<dyn Objective>], name: &str) -> f64 {
    mean_gap(problems, |_| {
        Box::new(qstride::pretrained(name).unwrap().controller())
    })
}

/// The mean gap of a random choice among the actions of a set.
fn chance(problems: &[Arc<dyn Objective>], set: &str, draws: u64) -> f64 {
    let actions = Arc::new(ActionSet::preset(set).unwrap());
    let draw = |draw| {
        mean_gap(problems, |index| {
            let generator = Streams::new(draw).stream(&index.to_string());
            Box::new(Blind::random(actions.clone(), generator))
        })
    };
    (0..draws).map(draw).sum::<f64>() / draws as f64
}

#[test]
fn proposals_are_ahead_of_barzilai_borwein_and_of_chance() {
    let problems = suite("fresh", 77, 100).unwrap();
    let learned = shipped(&problems, "proposals");
    let barzilai_borwein = mean_gap(&problems, |_| Box::new(BarzilaiBorwein::nonmonotone()));
    assert!(
        learned < barzilai_borwein - 0.5,
        "{learned} against {barzilai_borwein}"
    );
    let chance = chance(&problems, "proposals", 20);
    assert!(learned < chance - 0.1, "{learned} against {chance}");
}

#[test]
fn on_families_that_no_training_saw_they_are_ahead_of_chance_too() {
    let problems = suite("unseen", 77, 40).unwrap();
    for (name, margin) in [("proposals", 0.3), ("span", 0.3)] {
        let (learned, chance) = (shipped(&problems, name), chance(&problems, name, 5));
        assert!(
            learned < chance - margin,
            "{name}: {learned} against {chance}"
        );
    }
}

#[test]
fn halving_and_doubling_is_ahead_of_the_rules_by_hand() {
    let problems = suite("fresh", 78, 60).unwrap();
    let learned = shipped(&problems, "multiplicative");
    let by_hand = mean_gap(&problems, |_| Box::new(CosineSign));
    assert!(learned < by_hand - 0.4, "{learned} against {by_hand}");
}

#[test]
fn the_papers_actions_with_a_warm_start_are_ahead_of_armijo_from_the_same_trial_step() {
    let problems = suite("fresh", 79, 60).unwrap();
    let armijo = mean_gap(&problems, |_| Box::new(Armijo::from_twice_the_last()));
    for name in ["v1-warm", "v2-warm"] {
        let learned = shipped(&problems, name);
        assert!(learned < armijo - 0.2, "{name}: {learned} against {armijo}");
    }
}
