//! What goes wrong is said, with the way out, and nothing is lost.

use std::fs;

use crate::{fault, json, qstride, text, trials};

#[test]
fn spaces_and_recipes_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |rest: &str| fault(folder, &format!("study run --command 'echo {{lr}}' {rest}"));
    for (rest, words) in [
        ("--param lr=1..0", "low must be at most high"),
        ("--param lr=0.0..1.0:log", "low must be above 0"),
        ("--param lr=0.0..1.0:lag", "because of `lag`"),
    ] {
        let (code, error) = run(rest);
        assert!(
            code == 2 && error.contains(words) && error.contains("lr"),
            "{error}"
        );
    }
    for (rest, words) in [
        (
            "--param lr=0.0..1.0 --param b=1..3",
            "does not use the parameter b: write {b}",
        ),
        ("--param lr=0.0..1.0 --param lr=1..3", "lr is given twice"),
        (
            "--param lr=0.0..1.0 --sampler tpee",
            "there is no sampler `tpee`; there are tpe, gp",
        ),
        (
            "--param lr=0.0..1.0 --pruner median:warmup=3",
            "unknown field `warmup`",
        ),
        (
            "--param lr=0.0..1.0 --seeds 3",
            "does not use the parameter seed",
        ),
        ("--param lr=0.0..1.0 --trials 0", "`trials` is 0"),
        ("--param lr=0.0..1.0 --timeout 0", "must be above 0 seconds"),
    ] {
        let (code, error) = run(rest);
        assert!(code == 1 && error.contains(words), "{error}");
    }
    let (code, _) = fault(folder, "study run --command 'echo 1'");
    assert_eq!(code, 2);
    fs::write(folder.join("r.json"), r#"{"space": {"x": {"float": [0, 1]}}, "objective": {"command": {"run": "echo {x}"}}, "trails": 3}"#).unwrap();
    let (code, error) = fault(folder, "study run r.json");
    assert!(
        code == 1
            && error.contains("r.json")
            && error.contains("trails")
            && error.contains("line 1"),
        "{error}"
    );
    assert!(
        !folder.join("studies.db").exists(),
        "nothing is left behind"
    );
}

#[test]
fn names_that_are_taken_or_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let create = "study create --command 'echo {x}' --param x=0.0..1.0 --study optics";
    text(folder, create);
    let (code, error) = fault(folder, create);
    assert!(
        code == 1 && error.contains("has a study called optics"),
        "{error}"
    );
    let (code, error) = fault(folder, "study best --study optic");
    assert!(
        code == 1 && error.contains("did you mean optics?"),
        "{error}"
    );
    let (code, error) = fault(folder, "study best");
    assert!(code == 1 && error.contains("no completed trial"), "{error}");
    text(folder, &create.replace("optics", "other"));
    let (code, error) = fault(folder, "study status");
    assert!(
        code == 1 && error.contains("several studies") && error.contains("optics, other"),
        "{error}"
    );
    let (code, error) = fault(folder, "study delete --study other");
    assert!(code == 1 && error.contains("--yes"), "{error}");
}

#[test]
fn commands_that_fail_hang_or_print_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (command, rest, words)) in [
        ("echo no such file >&2; exit 3; {x}", "", "no such file"),
        ("sleep 30; echo {x}", "--timeout 0.2", "its time-out"),
        (": {x}", "", "printed nothing"),
        ("echo {x} nan", "", "printed no value"),
        ("echo nan; : {x}; echo nan", "", "NaN"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = folder.path().join(index.to_string());
        fs::create_dir(&folder).unwrap();
        let (code, error) = fault(
            &folder,
            &format!(
                "study run --command '{command}' --param x=0.0..1.0 --trials 5 --give-up 2 {rest}"
            ),
        );
        assert!(
            code == 1 && error.contains("2 trials of the study command failed in a row"),
            "{error}"
        );
        let failed = trials(&folder);
        assert_eq!(
            (failed.len(), failed[0]["state"].as_str()),
            (2, Some("FAIL"))
        );
        let reason = failed[0]["system"]["fail_reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        // What was drawn is kept.
        assert!(failed[1]["params"]["x"].is_f64());
    }
    // A failure now and then is no end.
    let folder = folder.path();
    let run = json(
        folder,
        "study run --command 'test -e seen && echo {x} || { touch seen; exit 1; }' --param x=0.0..1.0 --trials 5 --no-report",
    );
    assert_eq!(
        (run["complete"].as_u64(), run["failed"].as_u64()),
        (Some(5), Some(1))
    );
}

#[test]
fn databases_that_are_none_and_passwords_that_stay_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(
        folder.join("text.db"),
        "this is no database, but a text that is long enough to be looked at",
    )
    .unwrap();
    let (code, error) = fault(folder, "study status --storage sqlite:///text.db");
    assert!(code == 1 && error.contains("text.db"), "{error}");
    let (code, error) = fault(folder, "study status --storage mysql://root:hush@host/db");
    assert!(
        code == 1 && error.contains("sqlite:///FILE") && !error.contains("hush"),
        "{error}"
    );
    for address in [
        "postgresql://me:hush@127.0.0.1:1/db?connect_timeout=1",
        "postgresql://me@127.0.0.1:1/db?password=hush&connect_timeout=1",
    ] {
        let mut command = qstride(folder, "study status -vv");
        let output = command.env("QSTRIDE_STORAGE", address).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            error.contains("127.0.0.1") && !error.contains("hush"),
            "{error}"
        );
    }
    let output = qstride(folder, "study status --help")
        .env("QSTRIDE_STORAGE", "postgresql://me:hush@h/d")
        .output()
        .unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("hush"));
}
