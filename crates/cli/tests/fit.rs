//! `qstride fit` from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use qstride::LastDecision;
use qstride_objectives::dataset::Dataset;
use serde_json::Value;

fn qstride(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::cargo_bin("qstride").unwrap();
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command
}

fn text(folder: &Path, arguments: &str) -> String {
    let output = qstride(folder, arguments).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
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
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn numbers(rows: &Value, field: &str) -> Vec<f64> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        row[field]
            .as_f64()
            .unwrap_or_else(|| panic!("{field} in {row}"))
    })
    .collect()
}

/// y = 2 a - b + noise, so that a straight line leaves little.
fn line() -> String {
    let mut text = String::from("a,b,y\n");
    for i in 0..200_i32 {
        let (a, b) = (f64::from(i % 17), f64::from(i % 11));
        let noise = 0.1 * f64::from(i * 7919 % 13 - 6);
        text.push_str(&format!("{a},{b},{}\n", 2.0 * a - b + noise));
    }
    text
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
fn softmax_learns_the_digits_with_every_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let result = json(
        folder.path(),
        "fit digits --model softmax --optimizer sgd --schedule constant,cosine,step,plateau,one-cycle,wsd --seeds 2 --json",
    );
    // 1347 examples in batches of 64 are 22 steps, the last one of 3 examples.
    assert_eq!(result["steps"], 30 * 22);
    assert_eq!(
        (&result["train_examples"], &result["test_examples"]),
        (&1347.into(), &450.into())
    );
    let runs = &result["runs"];
    assert_eq!(runs.as_array().unwrap().len(), 12);
    for run in runs.as_array().unwrap() {
        assert!(run["test_accuracy"].as_f64().unwrap() > 0.93, "{run}");
        assert!(run["train_loss"].as_f64().unwrap() < 0.2, "{run}");
        // The weights start at 0, so that every class is as likely as any other.
        assert!((run["first_loss"].as_f64().unwrap() - 10f64.ln()).abs() < 1e-6);
        assert_eq!(
            (&run["diverged"], &run["rollbacks"]),
            (&false.into(), &0.into())
        );
        assert!(run["seconds_per_step"].as_f64().unwrap() > 0.0 && run["steps"] == 660);
        assert!(run.get("test_r2").is_none());
    }
    let summary = &result["summary"];
    assert_eq!(summary.as_array().unwrap().len(), 6);
    let rates = numbers(summary, "rate");
    assert_eq!(rates, [0.1, 0.1, 0.1, 0.1, 3.0 * 0.1, 0.1]);
    let losses = numbers(runs, "train_loss");
    let geometric = (losses[0] * losses[1]).sqrt();
    let first = &summary[0];
    assert!((first["geometric_mean_train_loss"].as_f64().unwrap() / geometric - 1.0).abs() < 1e-12);
    assert_eq!(first["largest_train_loss"], losses[0].max(losses[1]));
    let best = result["best"].as_u64().unwrap() as usize;
    assert!(losses.iter().all(|loss| *loss >= losses[best]));
    assert!(
        files(folder.path()).is_empty(),
        "--json alone writes no file"
    );
}

#[test]
fn a_plateau_lowers_the_rate_only_when_its_patience_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let losses = |words: &str| {
        let words =
            format!("fit digits --model softmax --optimizer sgd --rate 3 --epochs 12 {words}");
        numbers(
            &json(folder.path(), &format!("{words} --json"))["runs"],
            "train_loss",
        )
    };
    let patient = losses("--schedule constant,plateau --patience 12");
    assert_eq!(patient[0], patient[1]);
    // At this rate the noise of the batches lets some epoch end no better than an earlier one.
    let impatient = losses("--schedule plateau --patience 0");
    assert!(impatient[0] > 1.1 * patient[0], "{impatient:?} {patient:?}");
}

#[test]
fn every_optimizer_learns_at_its_own_rate() {
    let folder = tempfile::tempdir().unwrap();
    for optimizer in [
        "sgd",
        "momentum",
        "nesterov",
        "adam",
        "adamw",
        "rmsprop",
        "adagrad",
        "adafactor",
        "adan",
        "lamb",
        "lion",
        "muon",
    ] {
        let arguments = format!("fit digits --model mlp:32:relu --optimizer {optimizer} --json");
        let run = &json(folder.path(), &arguments)["runs"][0];
        assert!(
            run["test_accuracy"].as_f64().unwrap() > 0.95,
            "{optimizer}: {run}"
        );
        assert!(
            run["train_loss"].as_f64().unwrap() < 0.12,
            "{optimizer}: {run}"
        );
    }
}

#[test]
fn no_rate_is_needed_where_the_schedule_finds_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for optimizer in ["sgd", "momentum", "adam"] {
        let arguments = format!(
            "fit digits --model mlp:32:relu --optimizer {optimizer} --schedule rule,qstride --json"
        );
        let result = json(folder.path(), &arguments);
        let runs = result["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        for run in runs {
            assert!(run["rate"].is_null() && run["diverged"] == false, "{run}");
            assert!(
                run["test_accuracy"].as_f64().unwrap() > 0.95,
                "{optimizer}: {run}"
            );
            assert!(
                run["train_loss"].as_f64().unwrap() < 0.1,
                "{optimizer}: {run}"
            );
        }
    }
}

/// The first minibatch of the seeds 3, 9 and 16 is an outlier.
#[test]
fn the_rule_finds_a_rate_with_every_seed() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "fit digits --model mlp:32:relu --optimizer momentum --batch 32 --epochs 15 --seeds 17 --schedule rule --json";
    let losses = numbers(&json(folder.path(), arguments)["runs"], "train_loss");
    assert_eq!(losses.len(), 17);
    assert!(losses.iter().all(|loss| *loss < 0.01), "{losses:?}");
}

#[test]
fn a_rough_rate_that_is_far_too_large_is_rolled_back_from() {
    let folder = tempfile::tempdir().unwrap();
    let words = "fit digits --model mlp:32:relu --optimizer momentum --schedule rule,qstride --rate 1e4 --json";
    let result = json(
        folder.path(),
        &format!("{words} --audit --gradients-every 5 --out out"),
    );
    for (run, schedule) in result["runs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["rule", "qstride"])
    {
        assert!(
            run["diverged"] == false && run["test_accuracy"].as_f64().unwrap() > 0.9,
            "{run}"
        );
        let log = format!("out/audit-{schedule}-1e4-0.jsonl");
        let log = fs::read_to_string(folder.path().join(log)).unwrap();
        let decisions: Vec<LastDecision> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(decisions.len() > 20 && decisions.windows(2).all(|d| d[0].step < d[1].step));
        let rolled_back = decisions.iter().filter(|d| d.roll_back).count();
        assert!(rolled_back > 0);
        assert_eq!(run["rollbacks"], rolled_back);
        let last = decisions.last().unwrap();
        assert!(last.phase == "hold" && last.rate < 1.0 && last.loss.unwrap() < 0.5);
    }
    // Warnings go to stderr, without colours where that is no terminal.
    let output = qstride(folder.path(), words).output().unwrap();
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(
        warnings.contains("WARN") && !warnings.contains('\u{1b}'),
        "{warnings}"
    );
    // A folder that is written anew holds the decisions of one run.
    json(
        folder.path(),
        &format!("{words} --audit --epochs 2 --out out --force"),
    );
    let log = fs::read_to_string(folder.path().join("out/audit-rule-1e4-0.jsonl")).unwrap();
    let last: LastDecision = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert!(last.step <= 44);
    // Without a guard the weights are lost, and nothing was rolled back.
    let lost = json(folder.path(), &format!("{words} --no-guard"));
    assert_eq!(numbers(&lost["runs"], "rollbacks"), [0.0, 0.0]);
}

#[test]
fn the_best_of_a_grid_and_a_schedule_that_finds_its_rate_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let words = "fit digits --model softmax --optimizer sgd --epochs 2 --schedule constant,qstride --grid --json";
    let result = json(folder.path(), words);
    assert_eq!(result["runs"].as_array().unwrap().len(), 10);
    assert!(result["summary"][9]["rate"].is_null());
}

#[test]
fn a_small_cnn_learns_images_from_idx_files() {
    let folder = tempfile::tempdir().unwrap();
    // A bright square in one of four corners of 6 x 6 pixels, in some noise.
    let pixels = (0..400_u32).flat_map(|i| {
        (0..36_u32).map(move |p| {
            let corner = 2 * u32::from(p / 6 >= 3) + u32::from(p % 6 >= 3);
            let noise = (i * 31 + p * 17) % 41;
            (noise + if corner == i % 4 { 120 } else { 0 }) as u8
        })
    });
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write("images", idx(&[0x803, 400, 6, 6], pixels));
    write(
        "labels",
        idx(&[0x801, 400], (0..400).map(|i| (i % 4) as u8)),
    );
    let words = "fit images --labels labels --epochs 10";
    let run = &json(folder.path(), &format!("{words} --model cnn --json"))["runs"][0];
    assert_eq!(run["test_accuracy"], 1.0);
    let muon = format!("{words} --model cnn --optimizer muon --device ndarray --json");
    assert_eq!(json(folder.path(), &muon)["runs"][0]["test_accuracy"], 1.0);
    write(
        "images",
        idx(&[0x803, 400, 2, 5], (0..4000).map(|i| (i % 251) as u8)),
    );
    let (code, message) = fault(folder.path(), &format!("{words} --model cnn"));
    assert_eq!(code, 1);
    assert!(message.contains(
        "cnn takes square images of at least 4 x 4 pixels, but a row of images has 10 features"
    ));
}

#[test]
fn numbers_are_fitted_by_their_squared_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("line.csv"), line()).unwrap();
    let words = "fit line.csv --target y --model mlp:16 --epochs 60 --batch 16";
    let result = json(folder.path(), &format!("{words} --json --out out"));
    let run = &result["runs"][0];
    assert!(run["test_r2"].as_f64().unwrap() > 0.98, "{run}");
    assert!(run["train_loss"].as_f64().unwrap() < 0.02 && run.get("test_accuracy").is_none());
    assert!(result["summary"][0]["mean_test_r2"].is_f64());
    let table = text(folder.path(), &format!("{words} --out table --no-plots"));
    assert!(table.contains("test R2"), "{table}");
    let scored = json(folder.path(), "fit line.csv --target y --load out --json");
    assert!(scored["r2"].as_f64().unwrap() > 0.98 && scored["rows"] == 200);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_one_and_two_threads() {
    let folder = tempfile::tempdir().unwrap();
    let bits = |words: &str| -> Vec<(u64, u64, u64)> {
        let arguments = format!(
            "fit digits --epochs 3 --schedule constant,one-cycle,qstride --rate auto,1e-2 --json {words}"
        );
        let result = json(folder.path(), &arguments);
        let (train, first) = (
            numbers(&result["runs"], "train_loss"),
            numbers(&result["runs"], "first_loss"),
        );
        let test = numbers(&result["runs"], "test_accuracy");
        let runs = train.into_iter().zip(first).zip(test);
        runs.map(|((a, b), c)| (a.to_bits(), b.to_bits(), c.to_bits()))
            .collect()
    };
    for model in ["mlp:16", "cnn"] {
        let one = bits(&format!("--model {model} --seeds 3 --threads 1"));
        assert_eq!(one.len(), 18);
        assert_eq!(one, bits(&format!("--model {model} --seeds 3 --threads 2")));
        // A seed means the same alone and among others; another one means something else.
        let alone = bits(&format!("--model {model} --seed 1"));
        assert_eq!(alone[0], one[1]);
        assert_ne!(one[0], one[1]);
        // All schedules start at the same weights and see the same first batch.
        assert!(alone.iter().all(|run| run.1 == alone[0].1));
    }
}

#[test]
fn the_grid_marks_the_best_rate_and_survives_divergence() {
    let folder = tempfile::tempdir().unwrap();
    let result = json(
        folder.path(),
        "fit digits --model mlp:32:relu --optimizer momentum --schedule constant,cosine --grid --epochs 5 --seeds 2 --json",
    );
    let summary = result["summary"].as_array().unwrap();
    assert_eq!(
        (summary.len(), result["runs"].as_array().unwrap().len()),
        (18, 36)
    );
    for schedule in ["constant", "cosine"] {
        let of_it: Vec<&Value> = summary
            .iter()
            .filter(|s| s["schedule"] == schedule)
            .collect();
        let loss = |s: &Value| {
            s["geometric_mean_train_loss"]
                .as_f64()
                .unwrap_or(f64::INFINITY)
        };
        let tuned: Vec<&&Value> = of_it.iter().filter(|s| s["tuned"] == true).collect();
        assert_eq!(tuned.len(), 1);
        assert!(of_it.iter().all(|s| loss(s) >= loss(tuned[0])));
        assert_eq!(
            (&of_it[0]["rate"], &of_it[8]["rate"]),
            (&1e-3.into(), &10.0.into())
        );
        // Far too large a rate is a row: its loss is null, or above that of the first batch.
        assert_eq!(
            (&of_it[0]["diverged"], &of_it[8]["diverged"]),
            (&0.into(), &2.into())
        );
    }
    let broken =
        "fit digits --model mlp:32:relu --optimizer momentum --rate 1e6 --no-plots --out broken";
    let table = text(folder.path(), broken);
    assert!(
        table.contains("1/1") && table.contains("no model is kept"),
        "{table}"
    );
    assert_eq!(
        files(&folder.path().join("broken")),
        ["runs.json", "scores.csv"]
    );
    let text = fs::read_to_string(folder.path().join("broken/runs.json")).unwrap();
    let run = &serde_json::from_str::<Value>(&text).unwrap()["runs"][0];
    assert!(
        run["train_loss"].is_null() && run["test_accuracy"] == 0.0,
        "{run}"
    );
}

#[test]
fn a_folder_holds_scores_plots_and_a_model_that_loads_with_the_same_score() {
    let folder = tempfile::tempdir().unwrap();
    let words =
        "fit digits --model cnn --epochs 4 --schedule constant,cosine --rate 1e-3,1e-2 --seed 3";
    let table = text(folder.path(), &format!("{words} --out out"));
    assert!(table.contains("digit of digits, cnn with adam: 1347 to train on, 450 to test on, batch 64, 4 epochs, 88 steps"));
    assert!(
        table.lines().any(|l| l.starts_with("constant tuned")) && table.contains("written to out")
    );
    let out = folder.path().join("out");
    let wanted = [
        "curves.png",
        "curves.svg",
        "model.bpk",
        "model.json",
        "rates.png",
        "rates.svg",
        "runs.json",
        "scores.csv",
    ];
    assert_eq!(files(&out), wanted);
    let csv = fs::read_to_string(out.join("scores.csv")).unwrap();
    assert!(csv.starts_with("schedule,rate,seed,train_loss,first_loss,test_accuracy,diverged,rollbacks,seconds_per_step,steps\n"));
    assert_eq!(csv.lines().count(), 1 + 4);
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(out.join(name)).unwrap()).unwrap()
    };
    let (runs, model) = (read("runs.json"), read("model.json"));
    let best = &runs["runs"][runs["best"].as_u64().unwrap() as usize];
    assert_eq!(model["training"]["train_loss"], best["train_loss"]);
    assert_eq!(model["tensors"][0]["path"], "convolutions.0.weight");
    assert_eq!(model["target"]["classes"].as_array().unwrap().len(), 10);

    // The held-out rows of seed 3, back in the units of the file.
    let split = Dataset::digits().unwrap().split(0.75, 3).unwrap();
    let test = split.test();
    let mut held_out = test.feature_names().join(",") + ",digit\n";
    for (row, label) in test.labels().unwrap().iter().enumerate() {
        for (value, moments) in test.row(row).iter().zip(&split.scaling().features) {
            held_out.push_str(&format!("{},", moments.restored(*value)));
        }
        held_out.push_str(&format!("{label}\n"));
    }
    fs::write(folder.path().join("held_out.csv"), held_out).unwrap();
    let scored = json(
        folder.path(),
        "fit held_out.csv --target digit --load out --json",
    );
    assert_eq!(scored["accuracy"], best["test_accuracy"]);
    let line = text(folder.path(), "fit digits --load out");
    assert!(line.starts_with("digits: 1797 rows, loss 0."), "{line}");

    fs::write(folder.path().join("other.csv"), line_of_another_kind()).unwrap();
    let faults = |arguments: &str, wanted: &str| {
        let (code, message) = fault(folder.path(), arguments);
        assert!(
            code == 1 && message.contains(wanted),
            "{arguments}: {message}"
        );
    };
    faults(
        &format!("{words} --out out"),
        "out: the folder is not empty",
    );
    faults(
        "fit other.csv --target y --load out",
        "the features of other are not those of the model",
    );
    faults(
        "fit digits --load nowhere",
        "cannot read nowhere/model.json",
    );
    let bytes = fs::read(out.join("model.bpk")).unwrap();
    fs::write(out.join("model.bpk"), &bytes[..bytes.len() / 2]).unwrap();
    faults(
        "fit digits --load out",
        "out/model.bpk: not the weights of this model",
    );
    fs::remove_file(out.join("model.bpk")).unwrap();
    faults("fit digits --load out", "cannot read out/model.bpk");
    let newer = fs::read_to_string(out.join("model.json"))
        .unwrap()
        .replace("\"format_version\": 1", "\"format_version\": 2");
    fs::write(out.join("model.json"), newer).unwrap();
    faults(
        "fit digits --load out",
        "out/model.json: format_version 2, this program reads 1",
    );
}

fn line_of_another_kind() -> &'static str {
    "a,y\n1,2.5\n2,3.5\n3,4.25\n"
}

#[test]
fn ctrl_c_keeps_the_runs_that_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "fit digits --model softmax --epochs 500 --seeds 100 --no-plots --out out -v";
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_qstride"))
        .current_dir(folder.path())
        .args(arguments.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut message = String::new();
    log.read_line(&mut message).unwrap();
    assert!(message.contains("constant at 3e-3, seed "), "{message}");
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    log.read_to_string(&mut message).unwrap();
    assert!(
        message.contains("of 100 runs were finished, and are kept"),
        "{message}"
    );
    let kept = fs::read_to_string(folder.path().join("out/scores.csv")).unwrap();
    assert!(kept.lines().count() > 1);
    assert_eq!(files(&folder.path().join("out")).len(), 4);
}

#[test]
fn faults_of_the_data_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("line.csv", &line());
    write("ragged.csv", "a,y\n1,2\n3\n");
    write("file", "");
    for (arguments, wanted) in [
        (
            "nothing.csv --target y",
            "nothing.csv: there is no such file",
        ),
        (
            "digits.csv",
            "the digits that are built into the program are called `digits`",
        ),
        (
            "digits --target species",
            "the built-in digits have the target `digit`, not `species`",
        ),
        (
            "line.csv",
            "line.csv: say which column to predict with --target",
        ),
        ("line.csv --target z", "no column 'z'"),
        (
            "ragged.csv --target y",
            "ragged.csv, line 3: 1 fields, but the first line has 2",
        ),
        (
            "line.csv --target y --model softmax",
            "softmax predicts classes, but the target 'y' of line is a number",
        ),
        (
            "line.csv --target y --model cnn",
            "a row of line has 2 features",
        ),
        (
            "digits --model mlp:100000,100000",
            "more than 100000000 parameters",
        ),
        (
            "line.csv --target y --test-share 0.001 --out file/out",
            "cannot write into the folder file/out",
        ),
        ("none.idx --labels none.idx", "none.idx: cannot be read"),
        (
            "digits --audit --schedule cosine",
            "--audit are for the schedules rule and qstride",
        ),
        (
            "digits --policy nowhere --schedule rule",
            "--policy is for the schedule qstride",
        ),
        ("digits --policy nowhere --schedule qstride", "nowhere"),
    ] {
        let (code, message) = fault(folder.path(), &format!("fit {arguments}"));
        assert_eq!(code, 1, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert_eq!(
        files(folder.path()),
        ["file", "line.csv", "ragged.csv"],
        "nothing was written"
    );
}

#[test]
fn faults_of_usage_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [
        (
            "--model sofmax",
            "unknown model 'sofmax'; did you mean 'softmax'?",
        ),
        ("--model mlp:8,x", "'x' is no width"),
        (
            "--optimizer adma",
            "unknown optimizer 'adma'; did you mean 'adam'",
        ),
        (
            "--schedule constant,cosin",
            "unknown schedule 'cosin'; did you mean 'cosine'?",
        ),
        ("--batch 0", "0 is not in 1.."),
        ("--epochs 0", "0 is not in 1.."),
        ("--seeds 0", "0 is not in 1.."),
        ("--threads 0", "0 is not in 1.."),
        ("--rate 0", "a finite number above 0"),
        ("--rate -1", "a finite number above 0"),
        ("--rate inf", "a finite number above 0"),
        ("--rate NaN", "a finite number above 0"),
        ("--rate 0.1,fast", "a finite number above 0"),
        ("--rate 0.1 --grid", "cannot be used with"),
        ("--test-share 1", "between 0 and 1"),
        ("--step-at 0.5,1.5", "between 0 and 1"),
        ("--device gpu", "use flex or ndarray"),
        ("--load out --epochs 3", "cannot be used with"),
        ("--epoch 3", "--epochs"),
    ] {
        let (code, message) = fault(folder.path(), &format!("fit digits {arguments}"));
        assert_eq!(code, 2, "{arguments}");
        assert!(message.contains(wanted), "{arguments}: {message}");
    }
    assert_eq!(fault(folder.path(), "fit").0, 2);
    assert!(files(folder.path()).is_empty());
}
