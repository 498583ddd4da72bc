//! `qstride bench` from the outside.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use assert_cmd::Command;
use serde_json::Value;

#[test]
fn the_cost_of_control_is_a_set_of_numbers() {
    let mut command = Command::cargo_bin("qstride").unwrap();
    let arguments = ["bench", "scheduler", "--pairs", "40", "--json"];
    let output = command.args(arguments).assert().success();
    let result: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    for field in [
        "loss_only_overhead",
        "gradient_overhead",
        "guard_overhead",
        "decision_us",
        "decision_in_training_us",
    ] {
        assert!(
            result[field].as_f64().unwrap().is_finite(),
            "{field}: {result}"
        );
    }
    assert_eq!(result["pairs"], 40);
    let mut command = Command::cargo_bin("qstride").unwrap();
    let output = command
        .args(["bench", "scheduler", "--pairs", "10"])
        .assert()
        .success();
    let table = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert_eq!(table.matches(" %").count(), 3, "{table}");
}

#[test]
fn the_time_of_comparisons_comes_with_what_was_run() {
    let mut command = Command::cargo_bin("qstride").unwrap();
    let arguments = ["bench", "compare", "--quick", "--threads", "2", "--json"];
    let output = command.args(arguments).assert().success();
    let result: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(
        (&result["threads"], &result["quick"]),
        (&2.into(), &true.into())
    );
    for (name, methods, runs) in [("deterministic", 20, 20 * 200), ("training", 24, 24)] {
        let timing = &result[name];
        assert_eq!(
            (&timing["methods"], &timing["runs"]),
            (&methods.into(), &runs.into())
        );
        let (seconds, each) = (&timing["seconds"], &timing["microseconds_per_run"]);
        let (seconds, each) = (seconds.as_f64().unwrap(), each.as_f64().unwrap());
        assert!((each * f64::from(runs) / 1e6 - seconds).abs() < 1e-9 * seconds);
        assert!(timing["bar_seconds"].is_null());
    }
    let mut command = Command::cargo_bin("qstride").unwrap();
    let output = command
        .args(["bench", "compare", "--quick"])
        .assert()
        .success();
    let table = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(
        table.contains("4000") && table.contains("us/run"),
        "{table}"
    );
}
