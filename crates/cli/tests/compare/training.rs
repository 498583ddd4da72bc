//! Training tasks: minibatches, tuned methods, divergence, equal cost.

use std::fs;

use serde_json::Value;

use super::{LEAVES, json, number, of, rows, summary};

/// Passes over the data that a row cost, by itself.
fn cost(row: &Value) -> f64 {
    number(&row["cost"])
}

#[test]
fn tuned_methods_pay_for_the_grid() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leaves.csv"), LEAVES).unwrap();
    let result = json(
        folder.path(),
        "compare --data leaves.csv --target y --model huber --model mlp:3 --epochs 4 --batch 3 --methods tuned:sgd,sgd,adam/cosine,prodigy,rule:adam --seeds 2 --start-rates auto,1e-2 --json",
    );
    assert_eq!(rows(&result).len(), 2 * 2 * 5 * 2);
    assert_eq!(
        (&result["budget"], &result["unit"]),
        (&4.0.into(), &"passes over the data".into())
    );
    // Seven or eight of ten rows train: three minibatches a pass, a value and a gradient a step.
    for row in of(&result, "sgd") {
        assert_eq!((cost(row), number(&row["tuning_cost"])), (24.0, 0.0));
        assert!(row["test_score"].is_f64() && number(&row["minimum"]) == 0.0);
    }
    for row in of(&result, "tuned:sgd") {
        let chosen = number(&row["chosen_rate"]);
        assert_eq!(number(&row["start_rate"]), chosen);
        let halves = 2.0 * chosen.log10();
        assert!((halves - halves.round()).abs() < 1e-9 && (-6.0..=2.0).contains(&halves));
        // Eight other rates; one that is lost ends early.
        let tuning = number(&row["tuning_cost"]);
        assert!(tuning > 24.0 && tuning <= 8.0 * 24.0, "{row}");
        // The choice is the same for both seeds of a task, and whatever the start rate.
        let same = of(&result, "tuned:sgd");
        let same = same
            .iter()
            .filter(|other| other["problem"] == row["problem"]);
        assert_eq!(
            same.filter(|other| other["chosen_rate"] == row["chosen_rate"])
                .count(),
            4
        );
        // At the same rate it is plain SGD, so that it cannot be worse than SGD at a rate of the grid.
        if let Some(reached) = row["cost_to"]["1e-1"].as_f64() {
            assert!(reached >= tuning / 6.0);
        }
    }
    let spent = |method| number(&summary(&result, method)["spent"]["with_tuning"]);
    assert_eq!((spent("sgd"), spent("prodigy")), (4.0, 4.0));
    assert!(spent("tuned:sgd") > 20.0 && spent("tuned:sgd") <= 36.0);
    let mean = |method| number(&summary(&result, method)["mean"]["estimate"]);
    assert!(mean("tuned:sgd") < mean("sgd"));
    // In the reference's units: it is the first method, since gll-bb is none of these.
    assert_eq!(result["summary"]["reference"], "tuned:sgd");
    assert!((number(&summary(&result, "tuned:sgd")["value_ratio"]) - 1.0).abs() < 1e-12);
    assert!(number(&summary(&result, "sgd")["value_ratio"]) > 1.0);
}

#[test]
fn lost_runs_are_failures_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leaves.csv"), LEAVES).unwrap();
    let words = "compare --data leaves.csv --target y --model mlp:3 --epochs 3 --batch 4 --methods sgd,momentum,adam,prodigy --seeds 3";
    let result = json(folder.path(), &format!("{words} --start-rates 1e12 --json"));
    assert_eq!(rows(&result).len(), 12);
    for method in ["sgd", "momentum", "adam"] {
        assert_eq!(summary(&result, method)["failures"], 3, "{method}");
        for row in of(&result, method) {
            assert_eq!((&row["failed"], number(&row["score"])), (&true.into(), 0.0));
        }
    }
    // Prodigy finds its own rate.
    assert_eq!(summary(&result, "prodigy")["failures"], 0);
    let ranks = ["sgd", "prodigy"].map(|m| number(&summary(&result, m)["mean_rank"]));
    assert_eq!(ranks, [3.0, 1.0], "three failures share the ranks 2 to 4");
    // Where every rate of every method is hopeless there is a report all the same.
    let told = super::text(
        folder.path(),
        &format!(
            "{} --start-rates 1e300 --out lost",
            words.replace(",prodigy", "")
        ),
    );
    assert!(
        told.lines().skip(1).all(|line| line.chars().count() <= 110),
        "{told}"
    );
    // A model that was lost has the worst test score, not the best.
    assert!(told.contains("-inf") && !told.contains(" inf"), "{told}");
    let report = fs::read_to_string(folder.path().join("lost/report.md")).unwrap();
    assert!(report.contains("3 of 3"));
}

#[test]
fn equal_cost_ends_dear_methods_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let words = "compare --data digits --model softmax --epochs 2 --methods sgd,sls,ponos --json";
    let passes = json(folder.path(), words);
    let equal = json(folder.path(), &format!("{words} --equal cost"));
    let plain = cost(of(&passes, "sgd")[0]);
    assert_eq!(plain, cost(of(&equal, "sgd")[0]));
    for method in ["sls", "ponos"] {
        let (free, bound) = (of(&passes, method)[0], of(&equal, method)[0]);
        assert!(cost(free) > 1.2 * plain, "a search costs values: {free}");
        // The last step may go beyond.
        assert!((plain..plain + 60.0).contains(&cost(bound)), "{bound}");
        assert!(number(&bound["gradients"]) < number(&free["gradients"]));
    }
    assert_eq!(number(&of(&passes, "sls")[0]["gradients"]), plain / 2.0);
}

#[test]
fn models_on_the_digits() {
    let folder = tempfile::tempdir().unwrap();
    let result = json(
        folder.path(),
        "compare --data digits --model softmax --model mlp:16 --model cnn --epochs 2 --methods momentum,rule:momentum,schedule-momentum,random:residual:momentum,blind:schedule-momentum --json",
    );
    assert_eq!(rows(&result).len(), 3 * 5);
    assert_eq!(
        result["families"],
        serde_json::json!(["digits/softmax", "digits/mlp:16:tanh", "digits/cnn"])
    );
    for row in rows(&result) {
        assert_eq!(row["failed"], false, "{row}");
        assert!(number(&row["value"]) < number(&row["start_value"]));
    }
    let of_softmax = |method| {
        let rows = of(&result, method);
        number(&rows[0]["test_score"])
    };
    assert!(of_softmax("momentum") > 0.8 && of_softmax("schedule-momentum") > 0.8);
    // Chance does something, and a policy that cannot see its state does not what the policy does, or what nobody does.
    let value = |method: &str| of(&result, method)[1]["value"].to_string();
    assert_ne!(value("rule:momentum"), value("random:residual:momentum"));
}

/// Each with its own passes and minibatch, unless the command says otherwise.
#[test]
fn named_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let words = "compare --tasks short-noisy,digits-softmax --methods tuned:sgd,adam,rule:adam --rates 1e-2,1e-1 --seeds 2 --resamples 100";
    let result = json(folder.path(), &format!("{words} --out named --json"));
    assert_eq!(rows(&result).len(), 2 * 2 * 3);
    assert_eq!(
        result["families"],
        serde_json::json!(["short-noisy", "digits-softmax"])
    );
    // 5 passes of 38 minibatches, 15 of 43; a value and a gradient a step.
    for row in of(&result, "adam") {
        let steps = if row["problem"] == "digits-softmax" {
            645.0
        } else {
            190.0
        };
        assert_eq!(cost(row), 2.0 * steps);
        assert!(row["test_score"].is_f64() && row["failed"] == false);
    }
    let starts: Vec<f64> = of(&result, "adam")
        .iter()
        .map(|row| number(&row["start_value"]))
        .collect();
    assert_ne!(starts[0], starts[2], "a seed draws the data anew");
    // Two rates are both an edge.
    let edge = &summary(&result, "tuned:sgd")["edge"];
    assert_eq!((&edge["choices"], &edge["at_edge"]), (&2.into(), &2.into()));
    assert_eq!(edge["tasks"].as_array().unwrap().len(), 2);
    assert!(summary(&result, "adam")["edge"].is_null());
    let report = fs::read_to_string(folder.path().join("named/report.md")).unwrap();
    assert!(report.contains("on 2 of 2 choices the best rate is the first or last one"));
    assert!(report.contains("training of short-noisy") && report.contains("2 of 2"));

    // The recipe makes it again, to the last digit.
    let again = json(folder.path(), "compare --recipe named/recipe.json --json");
    assert_eq!(again["rows"], result["rows"]);
    let shorter = json(
        folder.path(),
        "compare --tasks short-noisy,digits-softmax --methods adam --epochs 1 --batch 100 --json",
    );
    let costs: Vec<f64> = rows(&shorter).iter().map(cost).collect();
    assert_eq!(costs, [2.0 * 12.0, 2.0 * 14.0]);
}

/// What a claim about a schedule needs: tuned SGD as the bar, start rates, ranks on both losses, pairs, and the horizon taken away.
#[test]
fn schedules_beside_tuned_sgd() {
    let folder = tempfile::tempdir().unwrap();
    let words = "compare --tasks short-noisy,short-digits --methods tuned:sgd,rule:adam,unknown-horizon:rule:adam,schedule-adam,dog --pairs schedule-adam=rule:adam,dog=tuned:sgd --start-rates auto,1e-4,10 --seeds 2 --resamples 200";
    let result = json(folder.path(), &format!("{words} --out starts --json"));
    let beside = |method| &summary(&result, method)["beside_tuned_sgd"];
    let bar = beside("tuned:sgd");
    assert_eq!(number(&bar["recovered"]), 1.0);
    assert!((number(&bar["ratio"]["estimate"]) - 1.0).abs() < 1e-12);
    for method in ["rule:adam", "unknown-horizon:rule:adam", "schedule-adam"] {
        let own = beside(method);
        assert_eq!(own["start_rates"].as_array().unwrap().len(), 3);
        assert_eq!(own["tasks"].as_array().unwrap().len(), 2);
        let [best, median, worst] =
            ["best_start", "median_start", "worst_start"].map(|f| number(&own[f]));
        assert!(
            0.0 < best && best <= median && median <= worst && worst < 100.0,
            "{own}"
        );
        assert!((0.0..=1.0).contains(&number(&own["recovered"])));
    }
    // Without the horizon the same rule does something else; and the notes say so.
    let value = |method: &str| of(&result, method)[0]["value"].to_string();
    assert_ne!(value("rule:adam"), value("unknown-horizon:rule:adam"));
    let note = |method: &str| result["notes"][method].as_str().unwrap().to_owned();
    assert!(note("unknown-horizon:rule:adam").contains("is not told the number of steps"));
    assert!(
        note("schedule-adam").contains("sees the loss") && note("rule:adam").contains("scripted")
    );
    // Ranks by test score: five methods share fifteen.
    let methods = result["summary"]["methods"].as_array().unwrap();
    let ranks: f64 = methods.iter().map(|m| number(&m["mean_test_rank"])).sum();
    assert!((ranks - 15.0).abs() < 1e-9);
    let pairs = result["summary"]["pairs"].as_array().unwrap();
    let mean = |method| number(&summary(&result, method)["mean"]["estimate"]);
    for (pair, methods) in pairs
        .iter()
        .zip([["schedule-adam", "rule:adam"], ["dog", "tuned:sgd"]])
    {
        let difference = mean(methods[0]) - mean(methods[1]);
        assert!((number(&pair["difference"]["estimate"]) - difference).abs() < 1e-9);
        assert!(pair["over_families"]["low"].is_f64() && pair["test_difference"]["high"].is_f64());
    }
    let report = fs::read_to_string(folder.path().join("starts/report.md")).unwrap();
    for words in [
        "Loss over that of tuned SGD",
        "worst",
        "Pairs: the first loss over the second",
        "loss over that of tuned SGD by start rate",
    ] {
        assert!(report.contains(words), "{words}");
    }
    let told = super::text(
        folder.path(),
        "compare --recipe starts/recipe.json --out again",
    );
    assert!(told.contains("schedule-adam : rule:adam") && told.contains("within 1.5"));
}
