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
