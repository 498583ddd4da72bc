//! `qstride study` from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

mod bad_input;
mod commands;
mod tasks;
mod workers;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The program in a folder. Words are split as a shell does with single quotes.
fn qstride(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qstride"));
    let words = arguments.split('\'').enumerate();
    for (index, part) in words {
        if index % 2 == 1 {
            command.arg(part);
        } else {
            command.args(part.split_whitespace());
        }
    }
    command
        .current_dir(folder)
        .env_remove("QSTRIDE_STORAGE")
        .stdin(Stdio::null());
    command
}

fn text(folder: &Path, arguments: &str) -> String {
    let output = qstride(folder, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&text(folder, &format!("{arguments} --json"))).unwrap()
}

/// Exit code and stderr.
fn fault(folder: &Path, arguments: &str) -> (i32, String) {
    let output = qstride(folder, arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The trials of the only study, one JSON object each.
fn trials(folder: &Path) -> Vec<Value> {
    let text = text(folder, "study trials --json");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
