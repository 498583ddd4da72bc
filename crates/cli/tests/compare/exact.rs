//! Exact minimisation: rows, summaries, files, ablations.

use std::fs;

use super::{LEAVES, fault, files, json, number, of, qstride, rows, summary, text};

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
    let rows = rows(&result);
    assert_eq!(rows.len(), 2 * 3 * 7 * 3);
    for row in rows {
        let number = |field: &str| number(&row[field]);
        assert!(number("values") + number("gradients") <= 60.0);
        assert_eq!(number("values") + number("gradients"), number("cost"));
        // An oracle has tried eleven other rates.
        let oracle = row["method"] == "best-constant";
        assert_eq!(number("tuning_cost") > 0.0, oracle, "{row}");
        assert!(number("tuning_cost") <= 11.0 * 60.0);
        assert_eq!(row["chosen_rate"].is_f64(), oracle);
        assert!((-12.0..=0.0).contains(&number("score")));
        assert!(number("start_rate") > 0.0 && number("value") <= number("start_value"));
        assert!(
            row["failed"].is_boolean() && row["problem"].is_string() && row["family"].is_string()
        );
        // A cost to reach a gap is that of a gap which was reached, and includes what was spent on the choice of the rate.
        for (tolerance, cost) in row["cost_to"].as_object().unwrap() {
            let decades = tolerance.parse::<f64>().unwrap().log10();
            assert_eq!(cost.is_f64(), number("score") <= decades + 1e-12, "{row}");
            assert!(cost.is_null() || super::number(cost) > number("tuning_cost"));
        }
        if let Some(asked) = row["asked_start_rate"].as_f64() {
            assert!(oracle || asked == number("start_rate"), "{row}");
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
    let scores: Vec<f64> = of(&result, "gll-bb")
        .iter()
        .map(|row| number(&row["score"]))
        .collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let gll_bb = summary(&result, "gll-bb");
    assert!((number(&gll_bb["mean"]["estimate"]) - mean).abs() < 1e-12);
    assert!(number(&gll_bb["mean"]["low"]) <= mean && mean <= number(&gll_bb["mean"]["high"]));
    assert!(gll_bb["median"].is_f64() && gll_bb["failures"].is_u64());
    // It is the reference: the others stand beside it.
    assert_eq!(result["summary"]["reference"], "gll-bb");
    assert!(gll_bb["against"].is_null());
    let armijo = summary(&result, "armijo");
    let difference = number(&armijo["mean"]["estimate"]) - mean;
    assert!((number(&armijo["against"]["difference"]["estimate"]) - difference).abs() < 1e-12);
    assert!(number(&armijo["against"]["p_value"]) <= number(&armijo["against"]["holm_p_value"]));
    assert_eq!(summary(&result, "best-constant")["tuned"], true);
    assert_eq!(result["summary"]["ranks"]["cases"], 6);
    assert!(
        files(folder.path()).is_empty(),
        "--json alone writes no file"
    );
}

#[test]
fn threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "--suite fresh,wood --per-family 3 --methods classic,random:wide,untrained:proposals --budget 50",
        "--data digits --model mlp:8 --epochs 2 --methods tuned:sgd,sls,random:residual:adam --seeds 2",
    ] {
        let run = |threads: u8| {
            let text = text(
                folder.path(),
                &format!("compare {arguments} --json --threads {threads}"),
            );
            text.replace(&format!("--threads {threads}"), "--threads")
        };
        let one = run(1);
        assert!(one.len() > 10_000);
        assert!(one == run(2) && one == run(5), "{arguments}");
    }
}

#[test]
fn tables_files_and_plots() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "compare --suite beale,wood --per-family 2 --methods armijo,gll-bb,tuned:fixed --budget 40 --out result";
    let text = text(folder.path(), arguments);
    assert!(
        text.contains("4 instances from 2 families, start rate auto, seed 0, budget 40"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("gll-bb ")));
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 110));
    let names = [
        "data-profile",
        "families",
        "profile",
        "ranks",
        "rates",
        "scores",
        "value",
    ];
    let mut wanted: Vec<String> = names
        .iter()
        .flat_map(|n| [format!("{n}.png"), format!("{n}.svg")])
        .collect();
    let others = [
        "problems",
        "recipe.json",
        "report.html",
        "report.md",
        "result.json",
        "rows.csv",
    ];
    wanted.extend(others.map(str::to_owned));
    wanted.sort();
    let result = folder.path().join("result");
    assert_eq!(files(&result), wanted);
    let csv = fs::read_to_string(result.join("rows.csv")).unwrap();
    assert!(csv.starts_with("method,problem,family,dimension,seed,start_rate,"));
    assert_eq!(csv.lines().count(), 1 + 12);
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
        assert!(row["test_score"].is_f64() && number(&row["score"]) < 0.0);
        // f* is the reference or the best that was found: nothing lies below it.
        assert!(row["minimum"].as_f64().unwrap() <= row["value"].as_f64().unwrap());
    }
    assert_eq!(rows[0]["family"], "leaves/huber");
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
    let mean = |method| number(&summary(&table, method)["mean"]["estimate"]);
    assert!(
        mean("gll-bb") < -1.0 && mean("gll-bb") < mean("armijo"),
        "{}",
        mean("gll-bb")
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

#[test]
fn all_ablations_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let methods = [
        "random:multiplicative",
        "keep:multiplicative",
        "fixed:multiplicative:x2",
        "untrained:multiplicative",
        "sequence:multiplicative",
        "blind:multiplicative",
        "multiplicative",
    ];
    let result = json(
        folder.path(),
        &format!(
            "compare --suite fresh --per-family 4 --methods {} --seeds 2 --json",
            methods.join(",")
        ),
    );
    assert_eq!(rows(&result).len(), 5 * 4 * 2 * methods.len());
    let mean = |method: &str| number(&summary(&result, method)["mean"]["estimate"]);
    // Who sees the state is ahead of everybody who does not.
    for method in &methods[..6] {
        assert!(mean("multiplicative") < mean(method), "{method}");
    }
    // The best sequence is at least as good as an action that belongs to it, but for chance on other instances.
    assert!(mean("sequence:multiplicative") < mean("keep:multiplicative"));
    let note = result["notes"]["sequence:multiplicative"].as_str().unwrap();
    assert!(note.starts_with("again and again x"), "{note}");
    // A different seed draws a different network and different dice, on the same instance.
    let scores = |method: &str| -> Vec<String> {
        let rows = of(&result, method);
        rows.iter().map(|row| row["value"].to_string()).collect()
    };
    assert_ne!(
        scores("random:multiplicative"),
        scores("keep:multiplicative")
    );
}

#[test]
fn one_method_one_problem_and_the_least_budget() {
    let folder = tempfile::tempdir().unwrap();
    let told = text(
        folder.path(),
        "compare --suite booth --methods armijo --budget 3 --out least",
    );
    assert!(told.contains("1 instance from 1 family"), "{told}");
    let report = fs::read_to_string(folder.path().join("least/report.md")).unwrap();
    assert!(report.contains("armijo alone: there is nothing to compare it with"));
    assert!(report.contains("Ranks take at least two methods and two cases"));
    // Everything diverges or stands still: every run is a failure, and none is missing.
    let result = json(
        folder.path(),
        "compare --suite wood,booth --per-family 1 --methods fixed,hdm-hb,armijo --start-rates 1e-300,1e300 --json",
    );
    assert_eq!(rows(&result).len(), 2 * 2 * 3);
    assert_eq!(summary(&result, "fixed")["failures"], 4);
    for row in of(&result, "fixed") {
        assert_eq!((&row["failed"], number(&row["score"])), (&true.into(), 0.0));
    }
}

#[test]
fn duplicates_count_once_and_slashes_say_nothing() {
    let folder = tempfile::tempdir().unwrap();
    copy_policy(&folder.path().join("mine"));
    let result = json(
        folder.path(),
        "compare --suite booth --methods mine/,armijo,mine,armijo --reference mine/ --budget 40 --json",
    );
    assert_eq!(result["methods"], serde_json::json!(["mine", "armijo"]));
    assert_eq!(result["summary"]["reference"], "mine");
    // A folder whose name has a comma goes by a recipe.
    copy_policy(&folder.path().join("a,b"));
    let recipe = r#"{"problems": {"suite": "booth"}, "methods": ["a,b", "gll-bb"]}"#;
    fs::write(folder.path().join("comma.json"), recipe).unwrap();
    let result = json(folder.path(), "compare --recipe comma.json --json");
    assert_eq!(rows(&result)[0]["method"], "a,b");
}

#[test]
fn a_reader_that_goes_away_loses_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("qstride"))
        .current_dir(folder.path())
        .args([
            "compare",
            "--suite",
            "booth",
            "--methods",
            "armijo,gll",
            "--no-plots",
            "--out",
            "x",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let kept = [
        "recipe.json",
        "report.html",
        "report.md",
        "result.json",
        "rows.csv",
    ];
    assert_eq!(files(&folder.path().join("x")), kept);
}

/// Copies a policy that ships.
pub fn copy_policy(to: &std::path::Path) {
    let from =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints/multiplicative");
    fs::create_dir(to).unwrap();
    for name in ["manifest.json", "weights.f32"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}
