//! What the crate `qstride` makes its users compile.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::path::{Path, PathBuf};
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
    println!("{} crates", crates.len());
    assert!(crates.contains(&"qstride-control"));
    assert!(crates.len() <= 160, "{} crates", crates.len());
    for unwanted in [
        // training, the command line, plots
        "burn-rl",
        "burn-train",
        "qstride-agent",
        "qstride-study",
        "clap",
        "indicatif",
        "plotters",
        "csv",
        // databases
        "rusqlite",
        "libsqlite3-sys",
        "sqlx",
        "diesel",
        "postgres",
        "mysql",
        "redb",
        "sled",
        // terminal interfaces
        "ratatui",
        "crossterm",
        "termion",
        "tui",
        // the network
        "reqwest",
        "ureq",
        "hyper",
        // backends: they are the user's choice
        "burn-flex",
        "burn-ndarray",
        "burn-wgpu",
        "burn-cuda",
        "burn-tch",
    ] {
        assert!(!crates.contains(&unwanted), "{unwanted}");
    }
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_source_of_the_user_crate_names_a_backend() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/qstride/src");
    let files = sources(&folder);
    assert!(files.len() > 15);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Unit tests stand at the end of a file; examples in the documentation are comments.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric());
            let comment = line.trim_start().starts_with("//");
            for word in words.filter(|_| !comment) {
                let word = word.to_lowercase();
                let backends = [
                    "flex", "ndarray", "wgpu", "cuda", "rocm", "metal", "vulkan", "tch",
                    "libtorch", "candle", "cpu",
                ];
                assert!(
                    !backends.contains(&word.as_str()),
                    "{}:{} names {word}",
                    file.display(),
                    number + 1
                );
            }
        }
    }
}
