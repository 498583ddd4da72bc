//! `qstride compare` and `qstride list` from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

mod exact;
mod faults;
mod list;
mod recipe;
mod report;
mod resuming;
mod training;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// Ten rows, two numbers, and a number to predict.
const LEAVES: &str = "a,b,y\n1,2,0.5\n3,4,1.5\n5,5,2.5\n7,9,4.0\n2,2,1.1\n4,7,2.0\n6,5,3.2\n8,3,3.9\n3,9,1.2\n9,1,4.6\n";

/// The program in `folder` with these words, which hold no spaces.
fn qstride(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::cargo_bin("qstride").unwrap();
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command
}

/// What it prints where it succeeds.
fn text(folder: &Path, arguments: &str) -> String {
    let mut command = qstride(folder, arguments);
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&text(folder, arguments)).unwrap()
}

/// The exit code and what stands on stderr.
fn fault(folder: &Path, arguments: &str) -> (i32, String) {
    let output = qstride(folder, arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "{arguments}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error: "), "{arguments}: {message}");
    (output.status.code().unwrap(), message)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|n| n.into_string().unwrap()).collect();
    names.sort();
    names
}

fn rows(result: &Value) -> &[Value] {
    result["rows"].as_array().unwrap()
}

/// The rows of one method.
fn of<'a>(result: &'a Value, method: &str) -> Vec<&'a Value> {
    let found: Vec<&Value> = rows(result)
        .iter()
        .filter(|row| row["method"] == method)
        .collect();
    assert!(!found.is_empty(), "no rows of {method}");
    found
}

/// The summary of one method.
fn summary<'a>(result: &'a Value, method: &str) -> &'a Value {
    let methods = result["summary"]["methods"].as_array().unwrap();
    methods.iter().find(|m| m["method"] == method).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}
