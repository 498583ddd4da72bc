//! `--recipe`: a file instead of arguments.

use std::fs;

use super::{LEAVES, fault, files, text};

#[test]
fn the_recipe_of_a_folder_makes_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leaves.csv"), LEAVES).unwrap();
    for (number, arguments) in [
        "--suite quadratic,beale --per-family 2 --methods armijo,tuned:fixed,random:wide --budget 50 --seeds 2 --seed 7 --start-rates auto,1e-3",
        "--data leaves.csv --target y --model huber --model mlp:2 --epochs 3 --batch 4 --equal cost --methods tuned:sgd,sls,adam/step --reference sls --test-fraction 0.3",
    ]
    .into_iter()
    .enumerate()
    {
        let (first, second) = (format!("first-{number}"), format!("second-{number}"));
        let common = "--resamples 200 --no-plots";
        text(folder.path(), &format!("compare {arguments} {common} --out {first}"));
        let again = format!("compare --recipe {first}/recipe.json --no-plots --out {second}");
        text(folder.path(), &again);
        let read = |name: &str, file: &str| fs::read_to_string(folder.path().join(name).join(file)).unwrap();
        assert_eq!(read(&first, "rows.csv"), read(&second, "rows.csv"));
        assert_eq!(read(&first, "recipe.json"), read(&second, "recipe.json"));
        assert!(read(&first, "rows.csv").lines().count() > 6);
        // All but the command is the same.
        let result = |name: &str| read(name, "result.json").lines().filter(|line| !line.starts_with("  \"command\"")).collect::<Vec<_>>().join("\n");
        assert_eq!(result(&first), result(&second));
        assert!(read(&second, "report.md").contains(&format!("qstride {again}")));
    }
}

#[test]
fn faults_of_a_recipe_name_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipe.json");
    for (text, wanted) in [
        ("{", "is no recipe"),
        ("[]", "is no recipe"),
        (r#"{"budgt": 5}"#, "unknown field `budgt`"),
        (r#"{"problems": {"suit": "x"}}"#, "unknown field `suit`"),
        (r#"{"budget": 1}"#, "`budget`: the start costs"),
        (r#"{"budget": "many"}"#, "invalid type"),
        (r#"{"seeds": 0}"#, "`seeds`: the number of seeds is from 1"),
        (r#"{"batch": 0}"#, "`batch`: a minibatch has"),
        (r#"{"start_rates": []}"#, "`start_rates`: at least one"),
        (
            r#"{"start_rates": ["fast"]}"#,
            "a start rate is `auto` or a number above 0",
        ),
        (r#"{"epochs": 0}"#, "`epochs`: must lie between"),
        (r#"{"equal": "effort"}"#, "unknown variant `effort`"),
        (r#"{"resamples": 1}"#, "`resamples`: must lie between"),
        (r#"{"methods": ["armjio"]}"#, "did you mean `armijo`"),
        (
            r#"{"methods": [], "problems": {"suite": "beal"}}"#,
            "did you mean 'beale'",
        ),
        (r#"{"epochs": 2}"#, "--epochs trains by minibatches"),
        (
            r#"{"problems": {"data": "digits", "model": ["softmax"], "test_fraction": 0}}"#,
            "--test-fraction 0",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let (code, message) = fault(folder.path(), "compare --recipe recipe.json");
        assert_eq!(code, 1, "{text}");
        assert!(message.contains(wanted), "{text}: {message}");
    }
    assert!(
        fault(folder.path(), "compare --recipe none.json")
            .1
            .contains("cannot read none.json")
    );
    assert_eq!(files(folder.path()), ["recipe.json"], "nothing was written");
}
