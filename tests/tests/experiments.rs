//! The log of experiments, and the recipes that lie beside it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

#[test]
fn every_line_of_the_log_says_what_was_asked_and_learned() {
    let text = fs::read_to_string(experiments().join("log.jsonl")).unwrap();
    let mut seen = HashSet::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("experiments/log.jsonl, line {}", number + 1);
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{place}: {e}"));
        for field in ["id", "date", "commit", "regime", "question", "learned"] {
            let word = entry[field].as_str().unwrap_or_default();
            assert!(!word.is_empty(), "{place}: `{field}` is no text");
        }
        let regime = entry["regime"].as_str().unwrap();
        assert!(["deterministic", "stochastic"].contains(&regime), "{place}");
        let recipe = &entry["recipe"];
        assert!(
            recipe.is_object() || recipe.is_string(),
            "{place}: `recipe`"
        );
        assert!(
            entry["seeds"].as_array().is_some_and(|s| !s.is_empty()),
            "{place}: `seeds`"
        );
        assert!(entry["validation"].is_object(), "{place}: `validation`");
        assert!(seen.insert(entry["id"].clone()), "{place}: the id is taken");
    }
    assert!(!seen.is_empty());
}
