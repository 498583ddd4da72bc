//! Training tasks and the agent itself as the objective.

use std::fs;

use crate::{fault, json, trials};

#[test]
fn a_fit_is_tuned_by_folds_and_tested_on_rows_that_no_trial_has_seen() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(
        folder.join("recipe.json"),
        r#"{"name": "fit", "trials": 5, "sampler": "sobol", "seed": 2,
            "space": {"epochs": {"int": [1, 6], "default": 1}, "optimizer": {"choices": ["sgd", "adam"], "default": "sgd"}},
            "objective": {"fit": {"run": "digits --model softmax --optimizer {optimizer} --epochs {epochs} --batch 128", "folds": 3}},
            "confirm": {"top": 1, "seeds": 2}}"#,
    )
    .unwrap();
    let run = json(folder, "study run recipe.json --no-report");
    assert_eq!(run["complete"], 5);
    let all = trials(folder);
    // The default, one epoch of SGD, is first and learns least: ten classes start at ln 10 = 2.30.
    let value = |at: usize| all[at]["value"].as_f64().unwrap();
    assert!(value(0) > 0.5 && value(0) < 2.3, "{}", value(0));
    assert!(run["best"]["value"].as_f64().unwrap() < 0.8 * value(0));
    assert!(all[0]["user"]["seconds"].as_f64().unwrap() > 0.0);

    let confirmed = json(folder, "study confirm");
    let candidates = confirmed["candidates"].as_array().unwrap();
    let mean = |at: usize, of: &str| {
        let values = candidates[at][of].as_array().unwrap();
        values.iter().map(|v| v.as_f64().unwrap()).sum::<f64>() / values.len() as f64
    };
    assert_eq!(
        (
            candidates.len(),
            candidates[0]["test"].as_array().unwrap().len()
        ),
        (2, 2)
    );
    assert!(mean(1, "test") < mean(0, "test") && mean(1, "values") < mean(0, "values"));
    // Three quarters of all rows to train on instead of half of them: the test loss is of the same size.
    assert!((mean(1, "test") / mean(1, "values")).ln().abs() < 0.5);
}

#[test]
fn a_fit_that_cannot_be_is_refused_before_the_first_trial() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let recipe = |run: &str, rest: &str| {
        let text = format!(
            r#"{{"space": {{"n": {{"int": [1, 4]}}}}, "objective": {{"fit": {{"run": "{run}"{rest}}}}}}}"#
        );
        fs::write(folder.join("recipe.json"), text).unwrap();
        fault(folder, "study run recipe.json")
    };
    for (run, rest, words) in [
        ("digits --epochs 3", "", "does not use the parameter n"),
        ("digits --epochs {n} --modell softmax", "", "--modell"),
        ("nothing.csv --epochs {n} --target y", "", "nothing.csv"),
        (
            "digits --epochs {n}",
            r#", "measure": "score""#,
            "\\\"direction\\\": \\\"maximize\\\"",
        ),
        (
            "digits --epochs {n}",
            r#", "measure": "luck""#,
            "must be loss or score",
        ),
    ] {
        let (code, error) = recipe(run, rest);
        let words = words.replace('\\', "");
        assert!(code == 1 && error.contains(&words), "{error}");
    }
}

#[test]
fn the_agents_recipe_is_tuned_with_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let recipe = |path: &str| {
        format!(
            r#"{{"name": "agent", "trials": 3, "seeds": 2, "sampler": "random", "pruner": "median:startup_trials=1",
            "space": {{"discount": {{"float": [0.5, 0.99]}}, "{path}": {{"int": [8, 16]}}}},
            "objective": {{"agent": {{"suite": "unseen", "per_family": 1, "recipe": {{"steps": 1500, "environments": 16,
                "instances_per_family": 4, "learning_starts": 200, "batch": 32, "actions": "multiplicative", "budget": 60,
                "validation": {{"times": 2, "per_family": 1}}}}}}}}}}"#
        )
    };
    fs::write(folder.join("recipe.json"), recipe("steps_per_update")).unwrap();
    let run = json(folder, "study run recipe.json --no-report");
    assert_eq!(
        run["complete"].as_u64().unwrap() + run["pruned"].as_u64().unwrap(),
        3
    );
    let value = run["best"]["value"].as_f64().unwrap();
    // Mean log10 gap: 0 is the start, -12 the floor.
    assert!((-12.0..0.5).contains(&value), "{value}");
    // The same trial again gives the same bits.
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("recipe.json"), recipe("steps_per_update")).unwrap();
    let again = json(other.path(), "study run recipe.json --no-report");
    assert_eq!(again["best"]["value"], run["best"]["value"]);

    fs::write(folder.join("wrong.json"), recipe("steps_per_updat")).unwrap();
    let (code, error) = fault(folder, "study run wrong.json");
    assert!(
        code == 1 && error.contains("steps_per_updat names no field"),
        "{error}"
    );
}
