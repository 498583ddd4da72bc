//! `qstride list`.

use super::{fault, json, qstride, text};

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
    for name in [
        "schedule-free-adamw",
        "ponos",
        "hypergradient",
        "schedule-momentum",
        "OPTIMIZER/SHAPE",
        "rule:OPTIMIZER",
        "blind:POLICY",
        "sequence:SET",
        "tuned:METHOD",
        "tuned:LOW..HIGH:METHOD",
        "unknown-horizon:METHOD",
        "PATH",
    ] {
        assert!(has("methods", name), "{name}");
    }
    assert!(has("tasks", "held-out") && has("tasks", "digits-cnn"));
    assert!(has("features", "rate_over_bb1") && has("models", "softmax"));
    let text = text(folder.path(), "list methods");
    // The regime of a method stands before what it is.
    for (name, regime) in [(" prodigy ", "both regimes"), (" rule:", "minibatches")] {
        let line = text.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains(&format!("  [{regime}] ")), "{line}");
    }
    assert!(text.starts_with("methods\n  armijo ") && !text.contains("features"));
    assert_eq!(fault(folder.path(), "list metods").0, 2);
    qstride(folder.path(), "--version")
        .assert()
        .success()
        .stdout(format!("qstride {}\n", env!("CARGO_PKG_VERSION")));
}

/// Whoever reads the list can use every word of it.
#[test]
fn every_method_of_the_list_runs() {
    let folder = tempfile::tempdir().unwrap();
    let all = json(folder.path(), "list methods --json");
    let entries = all["methods"].as_array().unwrap();
    let of = |about: &str, minibatches: bool| {
        about.starts_with("[both regimes]") || about.starts_with("[minibatches]") == minibatches
    };
    let plain = |minibatches: bool| -> Vec<&str> {
        entries
            .iter()
            .filter(|e| of(e["about"].as_str().unwrap(), minibatches))
            .map(|e| e["name"].as_str().unwrap())
            .filter(|name| !name.chars().any(|c| c.is_ascii_uppercase()))
            .collect()
    };
    let (exact, trained) = (plain(false), plain(true));
    assert!(
        exact.len() > 35 && trained.len() > 15,
        "{exact:?} {trained:?}"
    );
    let run = |arguments: String| json(folder.path(), &format!("compare {arguments} --json"));
    let result = run(format!(
        "--suite booth --budget 20 --methods {}",
        exact.join(",")
    ));
    assert_eq!(
        super::rows(&result).len(),
        exact.len() - 1,
        "`classic` names the others"
    );
    let result = run(format!(
        "--data digits --model softmax --epochs 1 --methods {}",
        trained.join(",")
    ));
    assert_eq!(super::rows(&result).len(), trained.len());
}

/// The help stands under headings, in the order in which a comparison is thought of.
#[test]
fn the_help_has_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(folder.path(), "compare --help");
    let places = [
        "\nProblems:\n",
        "      --data <FILE>",
        "\nMethods and budgets:\n",
        "      --epochs <N>",
        "      --budget <N>",
        "      --seed <SEED>",
        "\nRunning:\n",
        "      --resume <FOLDER>",
        "\nOutput:\n",
        "      --out <FOLDER>",
        "\nExamples:\n",
    ]
    .map(|words| {
        help.find(words)
            .unwrap_or_else(|| panic!("no {words} in {help}"))
    });
    assert!(places.is_sorted(), "{help}");
}
