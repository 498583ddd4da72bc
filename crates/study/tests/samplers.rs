//! What every sampler must do. A sampler joins by one line at the end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail by a panic"
)]

use std::collections::BTreeMap;

use qstride_study::sampler::{CmaEs, Gp, Random, Sampler, Sobol, Tpe};
use qstride_study::{
    Choice, Direction, Distribution, FrozenTrial, Outcome, Stop, Study, StudyError, Trial,
    TrialState,
};

/// A new sampler; the seed is for those that have one of their own.
type Make = fn(u64) -> Box<dyn Sampler>;
type Params = BTreeMap<String, f64>;

const TRIALS: u64 = 40;

fn study(make: Make, direction: Direction) -> Study {
    let study = Study::new("conformance", direction).unwrap();
    study.with_seed(1).with_sampler(make(1))
}

fn trials(study: &Study) -> Vec<FrozenTrial> {
    study.history().unwrap().trials().to_vec()
}

fn params(study: &Study) -> Vec<Params> {
    let values = |trial: FrozenTrial| {
        trial
            .params
            .into_iter()
            .map(|(n, p)| (n, p.value))
            .collect()
    };
    trials(study).into_iter().map(values).collect()
}

/// One parameter of every kind; the value has its least near lr = 0.01, x = 0.7.
fn all_kinds(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    let lr = trial.suggest_float("lr", 1e-5..=1.0).log()?;
    let x = trial.suggest_float("x", -1.0..=2.0).linear()?;
    let stepped = trial.suggest_float("stepped", 0.1..=0.9).step(0.2)?;
    let width = trial.suggest_int("width", 1..=300).log()?;
    let depth = trial.suggest_int("depth", -3..=7).linear()?;
    let even = trial.suggest_int("even", 2..=9).step(2)?;
    let choice = trial.suggest_categorical("choice", ["a", "b", "c"])?;
    let single = trial.suggest_float("single", 0.5..=0.5).linear()?;
    let only = trial.suggest_categorical("only", [true])?;
    assert!((1e-5..=1.0).contains(&lr) && (-1.0..=2.0).contains(&x));
    assert!((1..=300).contains(&width) && (-3..=7).contains(&depth));
    assert!([2, 4, 6, 8].contains(&even) && single == 0.5 && only);
    let nearest = [0.1, 0.3, 0.5, 0.7, 0.9].map(|v: f64| (v - stepped).abs());
    assert!(nearest.iter().any(|distance| *distance < 1e-9), "{stepped}");
    let pen = if choice == "b" { 0.0 } else { 0.3 };
    Ok((lr.log10() + 2.0).powi(2) + (x - 0.7).powi(2) + pen + (depth - 2).abs() as f64 / 10.0)
}

fn values_lie_inside_of_every_kind_of_distribution(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    study
        .optimize(TRIALS, |trial| Ok(all_kinds(trial)?))
        .unwrap();
    for trial in trials(&study) {
        assert_eq!(trial.params.len(), 9);
        for (name, param) in &trial.params {
            assert!(
                param.distribution.contains(param.value),
                "{name} {}",
                param.value
            );
        }
    }
}

fn a_space_of_single_values_is_no_space(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    let run = |trial: &mut Trial<'_>| {
        let x = trial.suggest_int("x", 3..=3).linear()?;
        Ok(x as f64)
    };
    assert_eq!(study.optimize(TRIALS, run).unwrap().complete, TRIALS);
}

fn a_space_without_parameters_runs(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    assert_eq!(
        study.optimize(TRIALS, |_| Ok(1.0)).unwrap().complete,
        TRIALS
    );
}

fn parameters_may_depend_on_others(make: Make, learns: bool) {
    let study = study(make, Direction::Minimize);
    let run = |trial: &mut Trial<'_>| {
        let value = match trial.suggest_categorical("kind", ["line", "plane"])? {
            "line" => 1.0 + trial.suggest_float("x", 0.0..=1.0).linear()?,
            _ => {
                let y = trial.suggest_float("y", 0.0..=1.0).linear()?;
                let z = trial.suggest_int("z", 1..=5).linear()?;
                (y - 0.3).abs() + 0.1 * (z - 2).abs() as f64
            }
        };
        // Only some trials have it.
        if trial.number() % 3 == 0 {
            trial.suggest_float("rare", 0.0..=1.0).linear()?;
        }
        Ok(value)
    };
    assert_eq!(study.optimize(TRIALS, run).unwrap().complete, TRIALS);
    for trial in trials(&study) {
        let line = trial.params["kind"].value == 0.0;
        assert_eq!(line, trial.params.contains_key("x"));
        assert_eq!(line, !trial.params.contains_key("z"));
    }
    if learns {
        assert!(study.best().unwrap().value.unwrap() < 0.25);
    }
}

fn ranges_may_change_between_trials(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    let run = |trial: &mut Trial<'_>| {
        let (low, high, step) = match trial.number() {
            0..15 => (0, 10, 0.5),
            15..25 => (8, 40, 0.7),
            _ => (-3, 2, 0.25),
        };
        let x = trial
            .suggest_float("x", low as f64..=high as f64)
            .linear()?;
        let n = trial.suggest_int("n", low..=high).linear()?;
        let s = trial
            .suggest_float("s", low as f64..=high as f64)
            .step(step)?;
        assert!((low..=high).contains(&n));
        for value in [x, s] {
            assert!((low as f64..=high as f64).contains(&value), "{value}");
        }
        Ok((x - 1.0).abs() + n as f64)
    };
    assert_eq!(study.optimize(TRIALS, run).unwrap().complete, TRIALS);
}

fn enqueued_values_are_taken(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    for round in 0..4 {
        study.optimize(8, |trial| Ok(all_kinds(trial)?)).unwrap();
        let x = Choice::Float(0.1 * f64::from(round));
        let fixed = BTreeMap::from([("x".to_owned(), x), ("choice".to_owned(), "c".into())]);
        let number = study.enqueue(&fixed).unwrap();
        study.optimize(1, |trial| Ok(all_kinds(trial)?)).unwrap();
        let trial = &trials(&study)[number as usize];
        assert_eq!(trial.params["x"].external(), fixed["x"]);
        assert_eq!(trial.params["choice"].external(), fixed["choice"]);
        assert_eq!(trial.state, TrialState::Complete);
    }
}

fn maximising_mirrors_minimising(make: Make, learns: bool) {
    let run = |direction, sign: f64| {
        let study = study(make, direction);
        study
            .optimize(TRIALS, |trial| Ok(sign * all_kinds(trial)?))
            .unwrap();
        params(&study)
    };
    let minimised = run(Direction::Minimize, 1.0);
    assert_eq!(minimised, run(Direction::Maximize, -1.0));
    if learns {
        // The fault: the same samples whatever the direction.
        assert_ne!(minimised, run(Direction::Maximize, 1.0));
    }
}

fn maximising_finds_the_maximum(make: Make, learns: bool) {
    let study = study(make, Direction::Maximize);
    let run = |trial: &mut Trial<'_>| Ok(trial.suggest_float("x", 0.0..=1.0).linear()?);
    study.optimize(TRIALS, run).unwrap();
    if learns {
        assert!(late_mean(&study, "x") > 0.7, "{}", late_mean(&study, "x"));
    }
}

/// The mean of a parameter over the later half of the trials.
fn late_mean(study: &Study, name: &str) -> f64 {
    let params = params(study);
    let late = &params[params.len() / 2..];
    late.iter().map(|params| params[name]).sum::<f64>() / late.len() as f64
}

fn parameters_of_one_range_are_told_apart_by_their_names(make: Make, learns: bool) {
    let study = study(make, Direction::Minimize);
    let run = |trial: &mut Trial<'_>| {
        let a = trial.suggest_float("a", 0.0..=1.0).linear()?;
        let b = trial.suggest_float("b", 0.0..=1.0).linear()?;
        Ok((a - 0.1).abs() + (b - 0.9).abs())
    };
    study.optimize(TRIALS, run).unwrap();
    // Both at one end of the range may happen, the fault makes it the rule.
    let same = |params: &&Params| params["a"] == params["b"];
    assert!(params(&study).iter().filter(same).count() <= 5);
    if learns {
        let (a, b) = (late_mean(&study, "a"), late_mean(&study, "b"));
        assert!(a < 0.35 && b > 0.65, "{a} {b}");
    }
}

fn pruned_trials_do_not_count_as_zero(make: Make, learns: bool) {
    // Values are above 0 where small ones are good and below where large ones are: 0 would be the best of all.
    for (direction, sign) in [(Direction::Minimize, 1.0), (Direction::Maximize, -1.0)] {
        let study = study(make, direction);
        let run = |trial: &mut Trial<'_>| {
            let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
            let value = sign * (1.0 + x);
            trial.report(0, value)?;
            if x > 0.5 {
                Err(Stop::Pruned)
            } else {
                Ok(value)
            }
        };
        let tally = study.optimize(TRIALS, run).unwrap();
        assert_eq!(tally.complete + tally.pruned, TRIALS);
        let trials = trials(&study);
        // By their place, not by their state: the fault may be there.
        let pruned = |trial: &&FrozenTrial| trial.params["x"].value > 0.5;
        let kept = trials.iter().filter(pruned);
        assert!(
            kept.clone()
                .all(|t| t.state == TrialState::Pruned && t.value != Some(0.0))
        );
        assert_eq!(kept.count() as u64, tally.pruned);
        let late = trials[trials.len() / 2..].iter().filter(pruned).count();
        if learns {
            assert!(late <= 7, "{late} of the later 20 are pruned");
        }
    }
}

fn failures_and_infinities_do_no_harm(make: Make, _: bool) {
    for (direction, bad) in [
        (Direction::Minimize, f64::INFINITY),
        (Direction::Maximize, f64::NEG_INFINITY),
    ] {
        let study = study(make, direction);
        let run = |trial: &mut Trial<'_>| {
            let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
            let y = trial.suggest_float("y", 1e-3..=1.0).log()?;
            Ok(match trial.number() % 5 {
                0 => f64::NAN,
                1 => -bad,
                _ if x < 0.5 => bad,
                _ => y,
            })
        };
        let tally = study.optimize(TRIALS, run).unwrap();
        assert_eq!([tally.failed, tally.complete], [TRIALS / 5, TRIALS * 4 / 5]);
    }
}

fn infinite_losses_are_avoided(make: Make, learns: bool) {
    let study = study(make, Direction::Minimize);
    let run = |trial: &mut Trial<'_>| {
        let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
        Ok(if x < 0.5 {
            f64::INFINITY
        } else {
            (x - 0.8).abs()
        })
    };
    study.optimize(TRIALS, run).unwrap();
    let trials = trials(&study);
    let infinite = |trial: &&FrozenTrial| trial.value == Some(f64::INFINITY);
    let late = trials[trials.len() / 2..].iter().filter(infinite).count();
    if learns {
        assert!(late <= 7, "{late} of the later 20 are infinite");
    }
}

/// Trials of every end: complete, pruned, failed.
fn eventful(trial: &mut Trial<'_>) -> Result<f64, Stop> {
    let value = all_kinds(trial)?;
    trial.report(i64::from(value < 2.0), value)?;
    match trial.number() % 7 {
        3 => Err(Stop::Pruned),
        5 => Ok(f64::NAN),
        _ => Ok(value),
    }
}

fn the_same_seed_gives_the_same_bits(make: Make, _: bool) {
    let run = |seed| {
        let study = study(make, Direction::Minimize).with_seed(seed);
        study.optimize(TRIALS, eventful).unwrap();
        params(&study)
    };
    let bits = |params: Vec<Params>| -> Vec<Vec<u64>> {
        let bits = |params: Params| params.into_values().map(f64::to_bits).collect();
        params.into_iter().map(bits).collect()
    };
    assert_eq!(bits(run(5)), bits(run(5)));
    assert_ne!(run(5), run(6));
}

fn a_study_that_is_loaded_goes_on_as_if_it_had_never_stopped(make: Make, _: bool) {
    let whole = study(make, Direction::Minimize);
    whole.optimize(TRIALS, eventful).unwrap();
    let mut stopped = study(make, Direction::Minimize);
    for stretch in [4, 9, 16, 11] {
        stopped.optimize(stretch, eventful).unwrap();
        let loaded = Study::load(stopped.into_storage(), "conformance").unwrap();
        stopped = loaded.with_seed(1).with_sampler(make(1));
    }
    assert_eq!(params(&stopped), params(&whole));
}

fn workers_that_ask_together_get_different_trials(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    study.optimize(20, |trial| Ok(all_kinds(trial)?)).unwrap();
    let mut asked: Vec<Trial<'_>> = (0..4).map(|_| study.ask().unwrap()).collect();
    let values: Vec<f64> = asked
        .iter_mut()
        .map(|trial| all_kinds(trial).unwrap())
        .collect();
    // The last one asked is the first to end.
    for (trial, value) in asked.iter().zip(&values).rev() {
        study.tell(trial, &Outcome::Complete(*value)).unwrap();
    }
    let params = params(&study);
    for (i, trial) in params.iter().enumerate() {
        assert!(!params[..i].contains(trial), "{trial:?} twice");
    }
}

fn a_name_keeps_its_kind(make: Make, _: bool) {
    let study = study(make, Direction::Minimize);
    study.optimize(12, |trial| Ok(all_kinds(trial)?)).unwrap();
    let mut trial = study.ask().unwrap();
    let other = Distribution::categorical("x", vec!["a".into(), "b".into()]).unwrap();
    let error = trial.suggest("x", other).unwrap_err().to_string();
    assert!(error.contains("the parameter x was a float"), "{error}");
}

macro_rules! conformance {
    ($($sampler:ident: learns $learns:literal, $make:expr;)*) => { $(
        mod $sampler {
            use super::*;

            conformance! { @tests $learns, $make,
                values_lie_inside_of_every_kind_of_distribution
                a_space_of_single_values_is_no_space
                a_space_without_parameters_runs
                parameters_may_depend_on_others
                ranges_may_change_between_trials
                enqueued_values_are_taken
                maximising_mirrors_minimising
                maximising_finds_the_maximum
                parameters_of_one_range_are_told_apart_by_their_names
                pruned_trials_do_not_count_as_zero
                failures_and_infinities_do_no_harm
                infinite_losses_are_avoided
                the_same_seed_gives_the_same_bits
                a_study_that_is_loaded_goes_on_as_if_it_had_never_stopped
                workers_that_ask_together_get_different_trials
                a_name_keeps_its_kind
            }
        }
    )* };
    (@tests $learns:literal, $make:expr, $($test:ident)*) => { $(
        #[test]
        fn $test() {
            super::$test($make, $learns);
        }
    )* };
}

conformance! {
    random: learns false, |_| Box::new(Random);
    sobol: learns false, |seed| Box::new(Sobol::new(seed));
    tpe: learns true, |_| Box::new(Tpe::default());
    gp: learns true, |_| Box::new(Gp::default());
    cma_es: learns true, |_| Box::new(CmaEs);
}
