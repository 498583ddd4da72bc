//! What is wrong is said, with the way out.

use std::fs;

use super::{fault, files};

#[test]
fn faults_of_the_input_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("ragged.csv", "a,y\n1,2\n3\n");
    write("file", "");
    write("empty.csv", "a,y\n");
    write("nan.csv", "a,y\n1,2\nNaN,3\n");
    write("same.csv", "a,y\n1,1\n2,1\n");
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
        (
            "--data empty.csv --target y --model huber",
            "empty.csv: no rows of data",
        ),
        (
            "--data nan.csv --target y --model huber",
            "nan.csv, line 3, column 1 (a): 'NaN' is not finite",
        ),
        (
            "--data same.csv --target y --model softmax",
            "at least two classes are needed",
        ),
        (
            "--data digits --model huber --epochs 2",
            "huber predicts numbers",
        ),
        (
            "--suite booth --epochs 2",
            "--epochs trains by minibatches, which booth does not have",
        ),
        (
            "--suite booth --methods armijo --reference gll",
            "--reference gll is not among the methods",
        ),
        ("--methods ,,", "--methods names no method"),
        (
            "--data digits --model softmax --epochs 1 --methods gll-bb",
            "does not train by minibatches (leave out --epochs)",
        ),
        ("--suite quadratic --per-family 0", "holds no problem"),
        (
            "--suite booth --methods armijo --pairs armijo=gll",
            "--pairs armijo=gll: `gll` is not among the methods",
        ),
        (
            "--tasks short-digits --methods unknown-horizon:adam",
            "`adam` is no schedule that sees the loss",
        ),
        (
            "--tasks short-digits --methods unknown-horizon:schedule-adma",
            "unknown method",
        ),
        ("--tasks digits-rleu", "did you mean 'digits-relu'"),
        (
            "--tasks digits-softmax --methods gll-bb",
            "does not train by minibatches",
        ),
    ] {
        let (code, message) = fault(folder.path(), &format!("compare {arguments}"));
        assert_eq!(code, 1, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert_eq!(
        files(folder.path()),
        [
            "broken",
            "empty.csv",
            "file",
            "nan.csv",
            "ragged.csv",
            "same.csv"
        ],
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
        ("--threads -1", "from 1 to 1024"),
        ("--seed -1", "--seed"),
        ("--start-rates 0", "a number above 0"),
        ("--start-rates inf", "a number above 0"),
        ("--epochs 0 --data digits --model mlp", "--epochs"),
        (
            "--batch 0 --epochs 1 --data digits --model mlp",
            "a minibatch has",
        ),
        ("--batch 8 --data digits --model mlp", "--epochs"),
        (
            "--epochs 2 --budget 90 --data digits --model mlp",
            "cannot be used with",
        ),
        (
            "--equal effort --epochs 1 --data digits --model mlp",
            "passes",
        ),
        ("--resamples 1", "--resamples"),
        ("--force", "--out"),
        ("--resume x --methods armijo", "cannot be used with"),
        ("--resume x --out y", "cannot be used with"),
        ("--resume x --recipe y", "cannot be used with"),
        ("--recipe x --seeds 2", "cannot be used with"),
        ("--suite booth --data digits", "cannot be used with"),
        ("--tasks digits --suite booth", "cannot be used with"),
        ("--tasks digits --budget 90", "cannot be used with"),
        ("--rates 1..0.1", "no grid of rates"),
        ("--pairs armijo", "METHOD=OTHER"),
    ] {
        let (code, message) = fault(folder.path(), &format!("compare {arguments}"));
        assert_eq!(code, 2, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert!(files(folder.path()).is_empty());
}
