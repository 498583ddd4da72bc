//! A shell command as the objective.

use std::fs;

use crate::{fault, json, text, trials};

/// (x - 3)² + y by a shell; y is 0 or 1.
const PARABOLA: &str = "study run --command 'echo {x} {y} | awk \"{print ((\\$1 - 3) ^ 2) + (\\$2 == \\\"b\\\")}\"' --param x=-5.0..5.0 --param y=a|b --no-report";

#[test]
fn a_command_is_minimised_continued_and_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = json(folder, &format!("{PARABOLA} --trials 25 --seed 4"));
    assert_eq!(
        (run["complete"].as_u64(), run["here"]["complete"].as_u64()),
        (Some(25), Some(25))
    );
    let best = run["best"]["value"].as_f64().unwrap();
    assert!(best < 0.5, "{best}");
    let x = run["best"]["params"]["x"].as_f64().unwrap();
    // awk prints six digits.
    assert!(((x - 3.0).powi(2) - best).abs() < 1e-5 * best + 1e-5);
    assert_eq!(run["best"]["params"]["y"], "a");

    // The same call has nothing to do; a larger one goes on.
    let again = json(folder, &format!("{PARABOLA} --trials 25 --seed 4"));
    assert_eq!(again["here"]["complete"], 0);
    let more = json(folder, &format!("{PARABOLA} --trials 40 --seed 4"));
    assert_eq!(
        (more["complete"].as_u64(), more["here"]["complete"].as_u64()),
        (Some(40), Some(15))
    );
    let (code, error) = fault(folder, &format!("{PARABOLA} --trials 40 --seed 5"));
    assert!(code == 1 && error.contains("another recipe"), "{error}");

    // A study that was interrupted tries what the one that never stopped tries.
    let other = tempfile::tempdir().unwrap();
    json(other.path(), &format!("{PARABOLA} --trials 40 --seed 4"));
    let params = |folder| {
        trials(folder)
            .iter()
            .map(|t| t["params"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(params(folder), params(other.path()));

    let status = json(folder, "study status");
    assert_eq!(
        (status["wanted"].as_u64(), status["running"].as_u64()),
        (Some(40), Some(0))
    );
    assert_eq!(json(folder, "study best")["value"], more["best"]["value"]);
    assert!(text(folder, "study best").contains("by trial"));
    assert_eq!(json(folder, "study list")[0]["name"], "command");

    let importance = json(folder, "study importance");
    let share = |name: &str| importance["params"][name]["share"].as_f64().unwrap();
    assert!(share("x") > 0.5 && share("x") > share("y"), "{importance}");

    text(folder, "study export trials.csv");
    let csv = fs::read_to_string(folder.join("trials.csv")).unwrap();
    assert_eq!(csv.lines().count(), 41);
    assert!(csv.starts_with("number,state,value,seconds,peak_mib,params_x,params_y\n0,COMPLETE,"));
    let peak = csv.lines().nth(1).unwrap().split(',').nth(4).unwrap();
    assert!(peak.parse::<f64>().unwrap() > 0.1, "{peak} MiB");
    text(folder, "study export trials.json");
    let exported = fs::read_to_string(folder.join("trials.json")).unwrap();
    let exported: serde_json::Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(exported["trials"].as_array().unwrap().len(), 40);
    assert_eq!(exported["recipe"]["trials"], 40);

    text(folder, "study plot --out report");
    for plot in [
        "history",
        "slices",
        "contour",
        "parallel",
        "importance",
        "distribution",
    ] {
        for extension in ["svg", "png"] {
            let file = folder.join(format!("report/{plot}.{extension}"));
            assert!(
                fs::metadata(&file).unwrap().len() > 2_000,
                "{}",
                file.display()
            );
        }
    }
    let report = fs::read_to_string(folder.join("report/report.md")).unwrap();
    for words in [
        "40 trials are complete",
        "To repeat it",
        "\"sampler\": \"tpe\"",
        "Importance",
    ] {
        assert!(report.contains(words), "{words}");
    }

    text(folder, "study delete --yes");
    let (code, error) = fault(folder, "study status");
    assert!(code == 1 && error.contains("has no study yet"), "{error}");
}

#[test]
fn intermediate_lines_prune_and_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = json(
        folder,
        "study run --command 'for s in 1 2 3 4; do echo $s {x}; done; echo {x}' --param x=0.0..1.0 --sampler random --trials 30 \
         --pruner median:startup_trials=3 --out report",
    );
    let (complete, pruned) = (
        run["complete"].as_u64().unwrap(),
        run["pruned"].as_u64().unwrap(),
    );
    assert_eq!(complete + pruned, 30);
    assert!(pruned >= 8, "{pruned} of 30");
    // The median pruner lets only those through that are better than the median of those before.
    let values: Vec<f64> = trials(folder)
        .iter()
        .filter(|t| t["state"] == "COMPLETE")
        .map(|t| t["value"].as_f64().unwrap())
        .collect();
    for at in 3..values.len() {
        let mut before = values[..at].to_vec();
        before.sort_by(f64::total_cmp);
        let median = (before[(at - 1) / 2] + before[at / 2]) / 2.0;
        assert!(values[at] <= median, "{values:?} at {at}");
    }
    assert!(folder.join("report/intermediate.svg").exists());
}

#[test]
fn several_seeds_are_averaged_and_the_best_confirmed_on_fresh_ones() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(
        folder.join("recipe.json"),
        r#"{"name": "seeds", "direction": "maximize", "seeds": 3, "trials": 8, "seed": 10, "sampler": "random",
            "space": {"x": {"float": [0, 1], "default": 0.1}},
            "objective": {"command": {"run": "echo {x} {seed} | awk '{print $1 + $2}'"}}, "confirm": {"top": 2, "seeds": 8}}"#,
    )
    .unwrap();
    let run = json(folder, "study run recipe.json --no-report");
    let best = &run["best"];
    let x = best["params"]["x"].as_f64().unwrap();
    // Seeds 10, 11 and 12.
    assert!((best["value"].as_f64().unwrap() - x - 11.0).abs() < 1e-4);
    let first = &trials(folder)[0];
    assert!(
        (first["value"].as_f64().unwrap() - 11.1).abs() < 1e-9,
        "the default comes first"
    );

    let confirmed = json(folder, "study confirm");
    let candidates = confirmed["candidates"].as_array().unwrap();
    assert_eq!(
        (candidates.len(), confirmed["first_seed"].as_u64()),
        (3, Some(13))
    );
    let values = candidates[0]["values"].as_array().unwrap();
    assert!((values[7].as_f64().unwrap() - 20.1).abs() < 1e-9);
    let finalist = &confirmed["on_values"]["finalists"][0];
    assert!((finalist["difference"]["estimate"].as_f64().unwrap() - (x - 0.1)).abs() < 1e-4);
    // Eight pairs of one sign, two finalists: 2 · 2 / 2^8 at the least; ties make it a normal approximation.
    assert!(finalist["adjusted_p_value"].as_f64().unwrap() < 0.05);
    assert_eq!(finalist["verdict"], "better");
    // Nothing is measured twice: the command is gone, and it does not matter.
    let again = json(folder, "study confirm");
    assert_eq!(again["on_values"], confirmed["on_values"]);
    text(folder, "study plot --out report");
    let report = fs::read_to_string(folder.join("report/report.md")).unwrap();
    assert!(report.contains("On fresh seeds") || report.contains("Confirmation"));
}

#[test]
fn a_queue_of_ones_own_and_second_tries() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let space = "--param x=0.0..1.0 --param n=1..9";
    text(
        folder,
        &format!("study create --command 'test {{n}} -lt 9 && echo {{x}}' {space} --trials 3"),
    );
    let queued = json(folder, "study enqueue x=0.25 n=9");
    assert_eq!(queued["number"], 0);
    json(folder, "study enqueue x=0.5 n=3");
    json(folder, "study enqueue n=4");
    let (code, error) = fault(folder, "study enqueue n=10");
    assert!(
        code == 1 && error.contains("10 is no value of the parameter n"),
        "{error}"
    );
    let (code, error) = fault(folder, "study enqueue z=1");
    assert!(
        code == 1 && error.contains("has no parameter z; it has n, x"),
        "{error}"
    );
    json(folder, "study worker");
    let all = trials(folder);
    assert_eq!(all[0]["state"], "FAIL");
    assert!(
        all[0]["system"]["fail_reason"]
            .as_str()
            .unwrap()
            .contains("exit status: 1")
    );
    assert_eq!(
        (all[1]["value"].as_f64(), all[2]["params"]["n"].as_i64()),
        (Some(0.5), Some(4))
    );
    let again = json(folder, "study retry");
    assert_eq!(again["numbers"].as_array().unwrap().len(), 1);
    assert_eq!(
        trials(folder).last().unwrap()["system"]["retry_history"][0],
        0
    );
    // What waits already is not put in the queue twice.
    assert_eq!(
        json(folder, "study retry")["numbers"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn a_grid_ends_with_its_cells() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = json(
        folder,
        "study run --command 'echo {x}{y}' --param x=1..3 --param y=2|5 --sampler grid --no-report",
    );
    assert_eq!(run["complete"], 6);
    let mut values: Vec<i64> = trials(folder)
        .iter()
        .map(|t| t["value"].as_f64().unwrap() as i64)
        .collect();
    values.sort_unstable();
    assert_eq!(values, [12, 15, 22, 25, 32, 35]);
    assert_eq!(json(folder, "study status")["wanted"], 6);
}
