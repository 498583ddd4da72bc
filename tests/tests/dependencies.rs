//! What the crate `qstride` makes its users compile.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::process::Command;

#[test]
fn the_user_crate_pulls_in_no_trainer_no_command_line_no_plots() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "qstride",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(
        crates.contains(&"qstride-control") && crates.len() <= 160,
        "{} crates",
        crates.len()
    );
    for unwanted in [
        "burn-rl",
        "clap",
        "plotters",
        "rusqlite",
        "sqlx",
        "qstride-agent",
        "csv",
        "ratatui",
    ] {
        assert!(!crates.contains(&unwanted), "{unwanted}");
    }
}
