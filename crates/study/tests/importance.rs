//! Importance against what is known analytically, and against Optuna's evaluator.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an integration test"
)]

use std::collections::BTreeMap;

use qstride_objectives::Streams;
use qstride_study::{
    Direction, Importance, ImportanceError, ImportanceSettings, Outcome, Stop, Study, Trial,
    importance,
};
use serde::Deserialize;

fn of(study: &Study) -> Importance {
    let mut rng = Streams::new(1).stream("importance");
    importance(
        &study.history().unwrap(),
        &ImportanceSettings::default(),
        &mut rng,
    )
    .unwrap()
}

fn study(trials: u64, objective: impl FnMut(&mut Trial<'_>) -> Result<f64, Stop>) -> Study {
    let study = Study::new("s", Direction::Minimize).unwrap();
    study.optimize(trials, objective).unwrap();
    study
}

fn share(found: &Importance, name: &str) -> f64 {
    found.params.iter().find(|p| p.name == name).unwrap().share
}

#[test]
fn shares_of_a_sum_are_those_of_its_terms() {
    let study = study(400, |trial| {
        let a = trial.suggest_float("a", 0.0..=1.0).linear()?;
        let b = trial.suggest_float("b", -5.0..=5.0).linear()?;
        trial.suggest_float("c", 0.0..=1.0).linear()?;
        Ok(1e6 + a + 0.2 * b)
    });
    let found = of(&study);
    println!("{found:?}");
    // Variances 1/12 and 4/12.
    assert!((share(&found, "a") - 0.2).abs() < 0.03);
    assert!((share(&found, "b") - 0.8).abs() < 0.05);
    assert!(share(&found, "c") < 0.01);
    assert_eq!(found.params[0].name, "b");
    assert!(found.pairs.iter().all(|pair| pair.share < 0.03));
    let sum: f64 = found.params.iter().map(|p| p.share).sum();
    let pairs: f64 = found.pairs.iter().map(|p| p.share).sum();
    assert!((0.97..=1.0).contains(&(sum + pairs)));
    assert_eq!(of(&study), found);
}

#[test]
fn scales_and_choices_are_those_of_the_parameters() {
    let study = study(400, |trial| {
        let lr = trial.suggest_float("lr", 1e-5..=1e-1).log()?;
        let width = trial.suggest_int("width", 1..=256).log()?;
        let depth = trial.suggest_int("depth", 1..=4).linear()?;
        let kind = trial.suggest_categorical("kind", ["good", "bad", "worse", "like good"])?;
        let kind = match kind {
            "bad" => 2.0,
            "worse" => 3.0,
            _ => 0.0,
        };
        Ok(lr.log10() + (width as f64).log2() / 2.0 + depth as f64 + kind)
    });
    let found = of(&study);
    println!("{found:?}");
    // 4 decades: 16/12. Width: ln 0.5 to ln 256.5 is 9 octaves; its whole values in a quarter of 81/12, nearly. Depth: 15/12. Kind: 27/16.
    let variances = [16.0 / 12.0, 81.0 / 48.0, 15.0 / 12.0, 27.0 / 16.0];
    let total: f64 = variances.iter().sum();
    for (name, variance) in ["lr", "width", "depth", "kind"].iter().zip(variances) {
        let share = share(&found, name);
        println!("{name} {share} expected {}", variance / total);
        assert!((share - variance / total).abs() < 0.06, "{name}");
    }
}

#[test]
fn what_matters_only_together_is_a_pair() {
    let study = study(500, |trial| {
        let a = trial.suggest_float("a", -1.0..=1.0).linear()?;
        let b = trial.suggest_float("b", -1.0..=1.0).linear()?;
        let c = trial.suggest_float("c", -1.0..=1.0).linear()?;
        Ok(a * b + 0.1 * c)
    });
    let found = of(&study);
    println!("{found:?}");
    assert_eq!(found.pairs[0].names, ["a", "b"]);
    assert!(found.pairs[0].share > 0.75, "{}", found.pairs[0].share);
    assert!(found.params.iter().all(|p| p.share < 0.1));
    assert_eq!(found.pairs.len(), 3);
}

#[test]
fn conditional_parameters_within_the_trials_that_have_them() {
    let study = study(300, |trial| {
        let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
        let kind = trial.suggest_categorical("kind", ["sgd", "adam"])?;
        if kind == "sgd" {
            let momentum = trial.suggest_float("momentum", 0.0..=1.0).linear()?;
            Ok(x + 2.0 * momentum)
        } else {
            Ok(x)
        }
    });
    let found = of(&study);
    println!("{found:?}");
    let momentum = found.params.iter().find(|p| p.name == "momentum").unwrap();
    assert!((momentum.share - 0.8).abs() < 0.06);
    assert!((130..170).contains(&momentum.trials));
    // The mean differs by 1 and x has 1/12: 3/4 and 1/4 of what the two explain.
    assert!(share(&found, "kind") > share(&found, "x"));
}

#[test]
fn what_cannot_be_said_is_not_said() {
    let mut rng = Streams::new(1).stream("importance");
    let settings = ImportanceSettings::default();
    let constant = study(5, |trial| {
        trial.suggest_float("x", 0.0..=1.0).linear()?;
        Ok(1.0)
    });
    let mut of =
        |study: &Study, settings| importance(&study.history().unwrap(), settings, &mut rng);
    assert_eq!(
        of(&constant, &settings),
        Err(ImportanceError::Constant { trials: 5 })
    );
    // Failed, pruned and infinite ones do not count.
    let few = Study::new("s", Direction::Minimize).unwrap();
    for outcome in [
        Outcome::Complete(1.0),
        Outcome::Complete(f64::INFINITY),
        Outcome::Pruned,
        Outcome::Failed(String::new()),
    ] {
        let mut trial = few.ask().unwrap();
        trial.suggest_float("x", 0.0..=1.0).linear().unwrap();
        trial.report(0, 0.5).unwrap();
        few.tell(&trial, &outcome).unwrap();
    }
    assert_eq!(
        of(&few, &settings),
        Err(ImportanceError::TooFew { found: 1 })
    );
    let none = ImportanceSettings {
        trees: 0,
        ..settings.clone()
    };
    assert_eq!(of(&constant, &none), Err(ImportanceError::NoTree));
    // One value only, next to one that matters; values of any size.
    for scale in [1e-200, 1.0, 1e200] {
        let single = study(30, |trial| {
            trial.suggest_float("fixed", 2.0..=2.0).linear()?;
            trial.suggest_categorical("one", ["of one"])?;
            Ok(scale * trial.suggest_float("x", 0.0..=1.0).linear()?)
        });
        let found = of(&single, &settings).unwrap();
        assert_eq!((share(&found, "fixed"), share(&found, "one")), (0.0, 0.0));
        assert!(share(&found, "x") > 0.999, "{found:?}");
    }
}

#[derive(Deserialize)]
struct Golden {
    params: BTreeMap<String, Vec<f64>>,
    values: Vec<f64>,
    importance: BTreeMap<String, f64>,
}

#[test]
fn as_optunas_evaluator() {
    let golden: Golden = serde_json::from_str(include_str!("golden/importance.json")).unwrap();
    let study = Study::new("s", Direction::Minimize).unwrap();
    for (at, value) in golden.values.iter().enumerate() {
        let x = |name: &str| golden.params[name][at];
        let fixed = ["a", "b", "c", "d"].map(|name| (name.to_owned(), x(name).into()));
        let mut fixed = BTreeMap::from(fixed);
        fixed.insert("n".to_owned(), (x("n") as i64).into());
        fixed.insert("switch".to_owned(), (x("switch") == 1.0).into());
        study.enqueue(&fixed).unwrap();
        let mut trial = study.ask().unwrap();
        trial.suggest_float("a", 0.0..=1.0).linear().unwrap();
        trial.suggest_float("b", -5.0..=5.0).linear().unwrap();
        trial.suggest_float("c", 0.0..=10.0).linear().unwrap();
        trial.suggest_float("d", 0.0..=1.0).linear().unwrap();
        trial.suggest_int("n", 1..=8).linear().unwrap();
        trial.suggest_categorical("switch", [false, true]).unwrap();
        study.tell(&trial, &Outcome::Complete(*value)).unwrap();
    }
    let found = of(&study);
    for (name, expected) in &golden.importance {
        let share = share(&found, name);
        println!("{name}: {share:.4}, Optuna {expected:.4}");
        assert!((share - expected).abs() < 0.05, "{name} {share} {expected}");
    }
}
