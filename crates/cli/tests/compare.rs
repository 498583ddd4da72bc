//! `qstride compare` and `qstride list` from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn qstride(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::cargo_bin("qstride").unwrap();
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command
}

fn json(folder: &Path, arguments: &str) -> Value {
    let output = qstride(folder, arguments)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    serde_json::from_slice(&output).unwrap()
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

const LEAVES: &str = "a,b,y\n1,2,0.5\n3,4,1.5\n5,5,2.5\n7,9,4.0\n2,2,1.1\n4,7,2.0\n6,5,3.2\n8,3,3.9\n3,9,1.2\n9,1,4.6\n";

#[test]
fn one_object_with_rows_and_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let methods = "armijo,gll-bb,fixed,best-constant,random:proposals,fixed:proposals:bb2,untrained:multiplicative";
    let result = json(
        folder.path(),
        &format!(
            "compare --suite quadratic,booth --per-family 2 --methods {methods} --budget 60 --seeds 2 --start-rates 1e-4,1e1,auto --json"
        ),
    );
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 3 * 7 * 3);
    for row in rows {
        let number = |field: &str| {
            row[field]
                .as_f64()
                .unwrap_or_else(|| panic!("{field} in {row}"))
        };
        let runs = if row["method"] == "best-constant" {
            12.0
        } else {
            1.0
        };
        assert!(number("values") + number("gradients") <= runs * 60.0);
        assert!((-12.0..=0.0).contains(&number("log10_gap")));
        assert!(number("start_rate") > 0.0 && number("best_value") <= number("start_value"));
        assert!(
            row["failed"].is_boolean() && row["problem"].is_string() && row["family"].is_string()
        );
        if let Some(asked) = row["asked_start_rate"].as_f64() {
            assert_eq!(asked, number("start_rate"));
        }
    }
    // Fresh draws for each seed, the same booth for all.
    let starts = |problem: &str| -> Vec<f64> {
        let of = |seed| {
            rows.iter()
                .find(|r| r["problem"] == problem && r["seed"] == seed)
                .unwrap()
        };
        [0, 1]
            .map(|seed| of(seed)["start_value"].as_f64().unwrap())
            .to_vec()
    };
    assert_ne!(starts("quadratic/0")[0], starts("quadratic/0")[1]);
    assert_eq!(starts("classic/booth")[0], starts("classic/booth")[1]);
    let summary = result["summary"].as_array().unwrap();
    assert_eq!(summary.len(), 7);
    let gaps: Vec<f64> = rows
        .iter()
        .filter(|r| r["method"] == "gll-bb")
        .map(|r| r["log10_gap"].as_f64().unwrap())
        .collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((summary[1]["mean_log10_gap"].as_f64().unwrap() - mean).abs() < 1e-12);
    assert_eq!(summary[1]["method"], "gll-bb");
    assert!(summary[1]["median_log10_gap"].is_f64() && summary[1]["failures"].is_u64());
    assert_eq!(summary[3]["oracle"], true);
    assert!(
        files(folder.path()).is_empty(),
        "--json alone writes no file"
    );
}

#[test]
fn threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads| {
        let arguments = format!(
            "compare --suite fresh,wood --per-family 3 --methods classic,random:wide,untrained:proposals --budget 50 --json --threads {threads}"
        );
        qstride(folder.path(), &arguments).output().unwrap().stdout
    };
    let one = run(1);
    assert!(one.len() > 10_000);
    assert_eq!(one, run(2));
}

#[test]
fn tables_files_and_plots() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "compare --suite beale,wood --per-family 2 --methods armijo,gll-bb --budget 40 --out result";
    let output = qstride(folder.path(), arguments)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let text = String::from_utf8(output).unwrap();
    assert!(
        text.contains("4 instances from 2 families, start rate auto, seed 0, budget 40"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("gll-bb ")));
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 110));
    let names = ["families", "profile", "rates", "scores", "value"];
    let mut wanted: Vec<String> = names
        .iter()
        .flat_map(|n| [format!("{n}.png"), format!("{n}.svg")])
        .collect();
    wanted.extend(["result.json", "rows.csv", "summary.md"].map(str::to_owned));
    wanted.sort();
    let result = folder.path().join("result");
    assert_eq!(files(&result), wanted);
    let csv = fs::read_to_string(result.join("rows.csv")).unwrap();
    assert!(csv.starts_with("method,problem,family,dimension,seed,start_rate,"));
    assert_eq!(csv.lines().count(), 1 + 8);
    // A second run does not overwrite the first one unless it is told to.
    let (code, message) = fault(folder.path(), arguments);
    assert_eq!(code, 1);
    assert!(message.contains("result: the folder is not empty") && message.contains("--force"));
    qstride(folder.path(), &format!("{arguments} --force --no-plots"))
        .assert()
        .success();
    // Without --out every run gets a folder of its own.
    for _ in 0..2 {
        qstride(
            folder.path(),
            "compare --suite booth --methods armijo --no-plots",
        )
        .assert()
        .success();
    }
    assert_eq!(
        files(&folder.path().join("runs")),
        ["compare-booth", "compare-booth-2"]
    );
}

#[test]
fn models_on_a_csv_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leaves.csv"), LEAVES).unwrap();
    let result = json(
        folder.path(),
        "compare --data leaves.csv --target y --model huber --model mlp:3 --methods armijo-warm,gll-bb --budget 60 --json",
    );
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert!(row["test_score"].is_f64() && row["log10_gap"].as_f64().unwrap() < 0.0);
        // f* is the reference or the best that was found: nothing lies below it.
        assert!(row["minimum"].as_f64().unwrap() <= row["best_value"].as_f64().unwrap());
    }
    assert_eq!(rows[0]["family"], "huber");
}

#[test]
fn the_built_in_digits() {
    let folder = tempfile::tempdir().unwrap();
    let result = json(
        folder.path(),
        "compare --data digits --model softmax --methods armijo-warm --budget 12 --json",
    );
    let row = &result["rows"][0];
    assert_eq!(row["dimension"], 650);
    assert!((row["start_value"].as_f64().unwrap() - 10f64.ln()).abs() < 1e-12);
    assert!(row["test_score"].as_f64().unwrap() > 0.8);
}

#[test]
fn faults_of_the_input_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("ragged.csv", "a,y\n1,2\n3\n");
    write("file", "");
    fs::create_dir(folder.path().join("broken")).unwrap();
    for (arguments, wanted) in [
        ("--suite rosenbrok", "did you mean 'rosenbrock'"),
        (
            "--methods armjio",
            "unknown method `armjio`; did you mean `armijo`",
        ),
        ("--methods random:propsals", "did you mean `proposals`?"),
        (
            "--methods broken",
            "checkpoint broken: cannot read manifest.json",
        ),
        (
            "--methods no/checkpoint",
            "checkpoint no/checkpoint: cannot read manifest.json",
        ),
        (
            "--suite booth --out file/results",
            "cannot write into the folder file/results",
        ),
        (
            "--data ragged.csv --target y --model huber",
            "ragged.csv, line 3: 1 fields, but the first line has 2",
        ),
        ("--data ragged.csv --model huber", "--target"),
        ("--data ragged.csv --target y", "--data needs --model"),
        (
            "--data digits.csv --target digit --model softmax",
            "digits.csv: there is no such file; the digits that are built into the program are called `digits`",
        ),
        ("--data digits --model sofmax", "did you mean 'softmax'?"),
        (
            "--data digits --model softmax --test-fraction 1.5",
            "--test-fraction 1.5",
        ),
        ("--data digits --model logistic", "use softmax"),
        (
            "--data none.idx --labels none.idx --model softmax",
            "none.idx: cannot be read",
        ),
        ("--suite quadratic --per-family 0", "holds no problem"),
    ] {
        let (code, message) = fault(folder.path(), &format!("compare {arguments}"));
        assert_eq!(code, 1, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert_eq!(
        files(folder.path()),
        ["broken", "file", "ragged.csv"],
        "nothing was written"
    );
}

#[test]
fn faults_of_usage_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [
        ("--budget 0", "give at least 3"),
        ("--budget -5", "whole number"),
        ("--seeds 0", "from 1 to 10000"),
        ("--threads 0", "from 1 to 1024"),
        ("--start-rates -1", "a number above 0"),
        ("--start-rates 1,fast", "a number above 0"),
        ("--budgt 5", "--budget"),
        ("--suite booth --data digits", "cannot be used with"),
    ] {
        let (code, message) = fault(folder.path(), &format!("compare {arguments}"));
        assert_eq!(code, 2, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert!(files(folder.path()).is_empty());
}

#[test]
fn everything_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let all = json(folder.path(), "list --json");
    let has = |topic: &str, name: &str| {
        let entries = all[topic].as_array().unwrap();
        assert!(
            entries
                .iter()
                .all(|e| !e["about"].as_str().unwrap().is_empty()),
            "{topic}"
        );
        entries.iter().any(|entry| entry["name"] == name)
    };
    assert!(
        has("suites", "peer200") && has("families", "quadratic") && has("problems", "classic/wood")
    );
    assert!(
        has("methods", "gll-bb") && has("methods", "best-constant") && has("actions", "proposals")
    );
    assert!(has("features", "rate_over_bb1") && has("models", "softmax"));
    let text = qstride(folder.path(), "list methods")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("methods\n  armijo ") && !text.contains("features"));
    assert_eq!(fault(folder.path(), "list metods").0, 2);
    qstride(folder.path(), "--version")
        .assert()
        .success()
        .stdout(format!("qstride {}\n", env!("CARGO_PKG_VERSION")));
}

/// Big-endian numbers, then bytes: an IDX file.
fn idx(numbers: &[u32], bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|n| n.to_be_bytes())
        .chain(bytes)
        .collect()
}

#[test]
fn idx_files_are_compared_and_swapped_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    // 90 images of 2 x 2 pixels whose brightness tells the label, up to a little of noise.
    let pixels = (0..90u32)
        .flat_map(|i| (0..4u32).map(move |p| ((i % 3) * 80 + (i * 7 + p * 13) % 60) as u8));
    fs::write(
        folder.path().join("images.idx"),
        idx(&[0x803, 90, 2, 2], pixels),
    )
    .unwrap();
    fs::write(
        folder.path().join("labels.idx"),
        idx(&[0x801, 90], (0..90).map(|i| (i % 3) as u8)),
    )
    .unwrap();
    let words = "compare --model softmax --methods gll-bb,armijo --budget 60 --json";
    let table = json(
        folder.path(),
        &format!("{words} --data images.idx --labels labels.idx"),
    );
    let better = table["summary"][0]["mean_log10_gap"].as_f64().unwrap();
    assert!(
        better < -1.0 && better < table["summary"][1]["mean_log10_gap"].as_f64().unwrap(),
        "{better}"
    );
    let (code, message) = fault(
        folder.path(),
        &format!("{words} --data labels.idx --labels images.idx"),
    );
    assert!(
        code == 1 && message.contains("swap the two files"),
        "{message}"
    );
}
