//! The best fixed sequence of actions: what can be had without looking.

use std::sync::Arc;

use anyhow::Result;
use qstride_control::learned::Blind;
use qstride_control::{ActionSet, DeterministicEpisode, DeterministicSettings, run};
use qstride_objectives::suite::suite;
use qstride_objectives::{Objective, Streams};
use rand::RngExt;
use rayon::prelude::*;

/// Instances of each training family on which sequences are scored.
const PER_FAMILY: usize = 12;
/// Every sequence of as many actions as leave the tries below this is tried.
const EXHAUSTIVE: usize = 130;
/// Random changes to the best one.
const CHANGES: usize = 400;
/// The longest sequence.
const LONGEST: usize = 32;

/// The sequence that, repeated, has the least mean score on those instances of the training families whose f* is known: the best of all short ones, then
/// of random insertions, deletions and replacements. The same one at every call.
///
/// # Errors
/// None but a damaged program.
pub fn best(set: &Arc<ActionSet>) -> Result<Vec<usize>> {
    let mut problems = suite("train", 0, PER_FAMILY)?;
    problems.retain(|problem| problem.minimum().is_some());
    let score = |sequence: &[usize]| -> f64 {
        let scores: Vec<f64> = problems
            .par_iter()
            .map(|problem| score(set, sequence, problem))
            .collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let actions = set.actions.len();
    let mut best = (f64::INFINITY, vec![0]);
    let mut length = 1;
    while actions.pow(length) <= EXHAUSTIVE {
        for number in 0..actions.pow(length) {
            let sequence: Vec<usize> = (0..length)
                .map(|place| number / actions.pow(place) % actions)
                .collect();
            keep_better(&mut best, score(&sequence), sequence);
        }
        length += 1;
    }
    let mut dice = Streams::new(0).stream(&format!("sequence/{}", set.name));
    for _ in 0..CHANGES {
        let mut sequence = best.1.clone();
        let place = dice.random_range(0..=sequence.len());
        let action = dice.random_range(0..actions);
        match dice.random_range(0..3) {
            0 if sequence.len() < LONGEST => sequence.insert(place, action),
            1 if sequence.len() > 1 => {
                sequence.remove(place.min(sequence.len() - 1));
            }
            _ => {
                let place = place.min(sequence.len() - 1);
                sequence[place] = action;
            }
        }
        keep_better(&mut best, score(&sequence), sequence);
    }
    Ok(best.1)
}

/// The shorter one of equal ones stays: it came first.
fn keep_better(best: &mut (f64, Vec<usize>), score: f64, sequence: Vec<usize>) {
    if score < best.0 {
        *best = (score, sequence);
    }
}

fn score(set: &Arc<ActionSet>, sequence: &[usize], problem: &Arc<dyn Objective>) -> f64 {
    let mut controller = Blind::cycle(set.clone(), sequence.to_vec());
    let settings = DeterministicSettings::default();
    let mut episode = DeterministicEpisode::start(problem.clone(), settings, &controller);
    let record = run(&mut episode, &mut controller);
    record.log10_gap(problem.minimum()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_better_than_every_single_action() {
        let set = Arc::new(ActionSet::preset("barzilai-borwein").unwrap());
        let found = best(&set).unwrap();
        assert_eq!(found, best(&set).unwrap());
        let problems = suite("train", 0, PER_FAMILY).unwrap();
        let mean = |sequence: &[usize]| {
            let scores = problems
                .iter()
                .map(|problem| score(&set, sequence, problem));
            scores.sum::<f64>() / problems.len() as f64
        };
        let single = mean(&[0]).min(mean(&[1]));
        assert!(
            mean(&found) < single - 0.1,
            "{found:?}: {}, {single}",
            mean(&found)
        );
    }
}
