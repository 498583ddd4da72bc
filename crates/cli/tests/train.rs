//! `qstride train`, `inspect` and `bench` from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Some seconds of training, with all that belongs to it.
const RECIPE: &str = r#"{"name": "small", "seed": 3, "steps": 40000, "environments": 32, "instances_per_family": 20,
    "steps_per_update": 8, "batch": 64, "validation": {"times": 4, "per_family": 4}}"#;

fn qstride(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qstride"));
    command
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .stdin(Stdio::null());
    command
}

fn succeed(folder: &Path, arguments: &str) -> String {
    let output = qstride(folder, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and stderr.
fn fault(folder: &Path, arguments: &str) -> (i32, String) {
    let output = qstride(folder, arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn folder_with_recipe() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("recipe.json"), RECIPE).unwrap();
    folder
}

fn weights(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("checkpoint/weights.f32")).unwrap()
}

fn steps_saved(state: &Path) -> u64 {
    let text = fs::read_to_string(state).unwrap_or_default();
    let saved: Option<Value> = serde_json::from_str(&text).ok();
    saved.and_then(|s| s["steps"].as_u64()).unwrap_or(0)
}

#[test]
fn a_run_leaves_a_checkpoint_metrics_plots_and_a_table() {
    let folder = folder_with_recipe();
    let text = succeed(
        folder.path(),
        "train --recipe recipe.json --out run --steps 12000 --no-compare",
    );
    assert!(
        text.contains("best policy: at step") && text.contains("rank correlation"),
        "{text}"
    );
    let run = folder.path().join("run");
    for file in ["learning_curve", "q_values", "policy_map", "q_map", "rates"] {
        for extension in ["png", "svg"] {
            let size = fs::metadata(run.join("plots").join(format!("{file}.{extension}")))
                .unwrap()
                .len();
            assert!(size > 5_000, "{file}.{extension}: {size} bytes");
        }
    }
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert!(last["step"].as_u64().unwrap() >= 12_000);
    assert_eq!(metrics.lines().count(), 100);

    let shown: Value = serde_json::from_str(&succeed(folder.path(), "inspect run --json")).unwrap();
    assert_eq!(shown["manifest"]["recipe"]["steps"], 12_000);
    let shares: f64 = shown["action_shares"]
        .as_object()
        .unwrap()
        .values()
        .map(|v| v.as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-9);
    succeed(
        folder.path(),
        "inspect run/checkpoint --out maps --map gradient_cosine,decrease_ratio",
    );
    assert!(folder.path().join("maps/policy_map.png").exists());

    let table = succeed(
        folder.path(),
        "compare --suite booth,classic/himmelblau --methods run,gll-bb,keep:proposals --json",
    );
    let table: Value = serde_json::from_str(&table).unwrap();
    assert_eq!(table["rows"].as_array().unwrap().len(), 6);

    let (code, message) = fault(folder.path(), "train --recipe recipe.json --out run");
    assert!(
        code == 1 && message.contains("--resume run") && message.contains("--force"),
        "{message}"
    );
}

#[test]
fn the_same_seed_gives_the_same_weights_and_tables_on_one_and_two_threads() {
    let folder = folder_with_recipe();
    for threads in [1, 2] {
        succeed(
            folder.path(),
            &format!(
                "train --recipe recipe.json --out t{threads} --no-plots --no-compare --threads {threads}"
            ),
        );
    }
    assert_eq!(weights(folder.path(), "t1"), weights(folder.path(), "t2"));
    let table = |threads: u32| {
        let words = "compare --suite fresh --per-family 3 --methods t1,armijo,random:proposals --json --threads";
        let table = succeed(folder.path(), &format!("{words} {threads}"));
        let table: Value = serde_json::from_str(&table).unwrap();
        (table["rows"].clone(), table["summary"].clone())
    };
    assert!(table(1) == table(2) && table(1).0.as_array().unwrap().len() == 45);
}

#[test]
fn killed_and_resumed_it_ends_at_the_same_weights() {
    let folder = folder_with_recipe();
    let quiet = "--no-plots --no-compare";
    succeed(
        folder.path(),
        &format!("train --recipe recipe.json --out whole {quiet}"),
    );
    let state = folder.path().join("killed/train_state/state.json");
    let mut child = qstride(
        folder.path(),
        &format!("train --recipe recipe.json --out killed {quiet}"),
    )
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let clock = Instant::now();
    while steps_saved(&state) < 8_000 && clock.elapsed() < Duration::from_secs(120) {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    assert!(
        steps_saved(&state) < 40_000,
        "it ended before it was killed"
    );
    succeed(folder.path(), &format!("train --resume killed {quiet}"));
    assert_eq!(
        weights(folder.path(), "whole"),
        weights(folder.path(), "killed")
    );
}

#[test]
fn killed_in_each_of_two_members_and_resumed_it_ends_at_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = RECIPE.replace(r#""seed": 3,"#, r#""seed": 3, "members": 2,"#);
    fs::write(folder.path().join("recipe.json"), recipe).unwrap();
    let quiet = "--no-plots --no-compare";
    let begin = |run| format!("train --recipe recipe.json --out {run} {quiet}");
    succeed(folder.path(), &begin("whole"));
    let resume = format!("train --resume killed {quiet}");
    for (member, words) in [begin("killed"), resume.clone()].iter().enumerate() {
        let state = format!("killed/member-{member}/train_state/state.json");
        let state = folder.path().join(state);
        let mut child = qstride(folder.path(), words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let clock = Instant::now();
        while steps_saved(&state) < 8_000 && clock.elapsed() < Duration::from_secs(120) {
            sleep(Duration::from_millis(2));
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        let steps = steps_saved(&state);
        assert!((8_000..40_000).contains(&steps), "member {member}: {steps}");
    }
    succeed(folder.path(), &resume);
    for run in ["", "/member-0", "/member-1"] {
        let of = |name: &str| weights(folder.path(), &format!("{name}{run}"));
        assert_eq!(of("whole"), of("killed"), "{run}");
    }
    let of = |member: &str| weights(folder.path(), &format!("whole/{member}"));
    assert_ne!(of("member-0"), of("member-1"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves() {
    let folder = folder_with_recipe();
    let state = folder.path().join("run/train_state/state.json");
    let child = qstride(
        folder.path(),
        "train --recipe recipe.json --out run --steps 4000000 --no-plots --no-compare",
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let clock = Instant::now();
    while steps_saved(&state) < 5_000 && clock.elapsed() < Duration::from_secs(120) {
        sleep(Duration::from_millis(2));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains("nothing is lost") && message.contains("--resume run"),
        "{message}"
    );
    assert!(steps_saved(&state) >= 5_000);
    assert!(folder.path().join("run/checkpoint/manifest.json").exists());
}

#[test]
fn bad_recipes_are_refused_by_the_name_of_the_field() {
    let folder = tempfile::tempdir().unwrap();
    for (recipe, expected) in [
        (r#"{"stepz": 5}"#, "unknown field `stepz`"),
        (r#"{"learner": {"learning_rate": -0.1}}"#, "learning_rate"),
        (r#"{"budget": 0}"#, "`budget` is 0"),
        (
            r#"{"features": [{"name": "gradient_cosin"}]}"#,
            "did you mean `gradient_cosine`",
        ),
        (
            r#"{"actions": "multiplicativ"}"#,
            "did you mean `multiplicative`",
        ),
        (r#"{"families": ["quadratik"]}"#, "quadratic"),
        (r#"{"steps": "many"}"#, "line 1"),
        ("{", "EOF"),
    ] {
        fs::write(folder.path().join("bad.json"), recipe).unwrap();
        let (code, message) = fault(folder.path(), "train --recipe bad.json --out run");
        assert!(
            code == 1 && message.contains(expected),
            "{recipe}: {code} {message}"
        );
        assert!(
            !folder.path().join("run").exists(),
            "{recipe} left a folder"
        );
    }
    let (code, message) = fault(folder.path(), "train --recipe nowhere.json");
    assert!(code == 1 && message.contains("nowhere.json"), "{message}");
    assert_eq!(fault(folder.path(), "train --stepz 5").0, 2);
    assert_eq!(fault(folder.path(), "train --device cuda").0, 2);
    let (code, message) = fault(folder.path(), "train --resume nowhere");
    assert!(
        code == 1 && message.contains("cannot resume") && message.contains("state.json"),
        "{message}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder_with_recipe();
    fs::write(folder.path().join("file"), "kept").unwrap();
    let (code, message) = fault(folder.path(), "train --recipe recipe.json --out file/run");
    assert!(code == 1 && message.contains("file/run"), "{message}");
    assert_eq!(
        fs::read_to_string(folder.path().join("file")).unwrap(),
        "kept"
    );
}

#[test]
fn a_policy_can_be_trained_on_ones_own_data_and_for_minibatches() {
    let folder = tempfile::tempdir().unwrap();
    let quick = "--steps 600 --environments 8 --no-plots";
    let text = succeed(
        folder.path(),
        &format!("train --data digits --model softmax --budget 20 --out own {quick}"),
    );
    assert!(
        text.contains("own/checkpoint") && text.contains("gll-bb"),
        "{text}"
    );
    let text = succeed(
        folder.path(),
        &format!("train --regime stochastic --out noisy {quick}"),
    );
    assert!(text.contains("noisy/checkpoint"), "{text}");
    let shown: Value =
        serde_json::from_str(&succeed(folder.path(), "inspect noisy --json")).unwrap();
    assert_eq!(shown["manifest"]["regime"], "stochastic");
    // Each decision is in one of the three situations that the policy's factor makes.
    let by_factor = shown["situations"].as_array().unwrap().iter().filter(|s| {
        let name = s["situation"].as_str().unwrap();
        name.starts_with("its factor")
    });
    let decisions: u64 = by_factor.map(|s| s["decisions"].as_u64().unwrap()).sum();
    assert_eq!(decisions, shown["decisions"].as_u64().unwrap());
}

#[test]
fn the_benchmark_prints_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeed(
        folder.path(),
        "bench train --steps 2000 --steps-per-update 4 --json",
    );
    let figures: Value = serde_json::from_str(&text).unwrap();
    for name in ["steps_per_second", "updates_per_second", "ready_seconds"] {
        assert!(figures[name].as_f64().unwrap() > 0.0, "{name}");
    }
    let cadence = figures["steps_per_second"].as_f64().unwrap()
        / figures["updates_per_second"].as_f64().unwrap();
    assert!((cadence - 4.0).abs() < 0.3, "{cadence} steps an update");
}
