//! A comparison that was killed goes on where it was, and ends as if nothing had happened.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;

use super::{LEAVES, fault, files, qstride, text};

/// What a reader of a comparison looks at.
const RESULTS: [&str; 4] = ["report.html", "report.md", "rows.csv", "result.json"];

/// Starts the program and goes on at once.
fn begin(folder: &Path, arguments: &str) -> Child {
    Command::new(cargo_bin("qstride"))
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the journal in `folder` has so many lines. The program must still be at work then.
fn wait_for_lines(child: &mut Child, folder: &Path, wanted: usize) {
    let (mut journal, mut lines, mut bytes) = (None, 0, Vec::new());
    while lines < wanted {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "it ended after {lines} lines"
        );
        if journal.is_none() {
            journal = File::open(folder.join("journal.jsonl")).ok();
        }
        if let Some(file) = &mut journal {
            bytes.clear();
            file.read_to_end(&mut bytes).unwrap();
            lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        }
        sleep(Duration::from_millis(1));
    }
}

/// A file of results with every date, 2026-01-31, replaced.
fn without_dates(path: &Path) -> String {
    let mut text: Vec<u8> = fs::read(path).unwrap();
    let pattern = |window: &[u8]| {
        let digits = window.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        digits && window.starts_with(b"20")
    };
    for at in 0..text.len().saturating_sub(9) {
        if pattern(&text[at..at + 10]) {
            text[at..at + 10].copy_from_slice(b"YYYY-MM-DD");
        }
    }
    String::from_utf8(text).unwrap()
}

/// Both folders hold the same files, and the results are the same byte for byte, apart from dates.
fn assert_same_results(calm: &Path, resumed: &Path) {
    assert_eq!(files(calm), files(resumed));
    for name in RESULTS {
        let (wanted, found) = (
            without_dates(&calm.join(name)),
            without_dates(&resumed.join(name)),
        );
        assert!(wanted.len() > 500, "{name}: {wanted}");
        assert!(wanted == found, "{name} differs");
    }
}

/// Runs `arguments` undisturbed in one folder, and killed at so many lines of the journal, twice, in another.
fn survives_two_kills(arguments: &str, kills: [usize; 2]) {
    let (calm, rough) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    text(calm.path(), arguments);
    let result = rough.path().join("result");
    let words = [arguments, "compare --resume result --threads 1"];
    for (words, lines) in words.into_iter().zip(kills) {
        let mut child = begin(rough.path(), words);
        wait_for_lines(&mut child, &result, lines);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "a signal ended it");
        assert!(!result.join("rows.csv").exists());
        let journal = fs::read(result.join("journal.jsonl")).unwrap();
        assert!(journal.iter().filter(|byte| **byte == b'\n').count() >= lines);
    }
    text(rough.path(), "compare --resume result");
    assert_same_results(&calm.path().join("result"), &result);
}

#[test]
fn exact_minimisation_survives_two_kills() {
    survives_two_kills(
        "compare --suite peer200,small-mlp --per-family 10 --methods armijo,gll-bb,tuned:fixed,random:wide,lbfgs-3,proposals --budget 600 --start-rates auto,1e-2 --seeds 2 --resamples 200 --out result",
        [300, 1500],
    );
}

#[test]
fn training_survives_two_kills() {
    survives_two_kills(
        "compare --data digits --model softmax --model mlp:24 --epochs 6 --methods tuned:momentum,adam/cosine,prodigy,sls,rule:adam,schedule-adam,random:residual:adam --seeds 3 --start-rates auto,1e-1 --resamples 200 --out result",
        [6, 30],
    );
}

#[test]
fn ctrl_c_ends_with_1_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "compare --data digits --model softmax --epochs 6 --methods tuned:sgd,tuned:adam,sls --seeds 6 --no-plots --out result";
    let mut child = begin(folder.path(), arguments);
    wait_for_lines(&mut child, &folder.path().join("result"), 4);
    let interrupt = format!("kill -INT {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &interrupt])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        message,
        "error: interrupted; what is done is kept, and `qstride compare --resume result` goes on\n"
    );
    // A new one in the same place does not destroy it unawares.
    let (code, message) = fault(folder.path(), arguments);
    assert_eq!(code, 1);
    assert!(
        message.contains("`qstride compare --resume result` goes on with it, --force begins anew"),
        "{message}"
    );
    text(folder.path(), "compare --resume result --no-plots");
    let kept = [
        "recipe.json",
        "report.html",
        "report.md",
        "result.json",
        "rows.csv",
    ];
    assert_eq!(files(&folder.path().join("result")), kept);
}

const FLOWERS: &str =
    "a,b,y\n1,2,u\n3,4,v\n5,5,u\n7,9,v\n2,2,u\n4,7,v\n6,5,u\n8,3,v\n3,9,u\n9,1,v\n4,4,u\n1,8,v\n";

/// A comparison all of whose runs are done and whose results could not be written: a folder stands where the report should.
fn whole_journal(folder: &Path, arguments: &str) {
    let obstacle = folder.join("result/report.html");
    fs::create_dir_all(&obstacle).unwrap();
    let output = qstride(folder, &format!("{arguments} --force --out result"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("the report cannot be written") && message.contains("report.html"));
    // Whoever looks on has the table all the same.
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("overall")
    );
    fs::remove_dir(obstacle).unwrap();
    for name in ["result.json", "rows.csv"] {
        fs::remove_file(folder.join("result").join(name)).unwrap();
    }
}

#[test]
fn a_journal_that_was_cut_anywhere_gives_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leaves.csv"), LEAVES).unwrap();
    whole_journal(
        folder.path(),
        "compare --data leaves.csv --target y --model huber --model mlp:2 --methods gll-bb,armijo,tuned:fixed --budget 40 --no-plots --resamples 200",
    );
    let result = folder.path().join("result");
    let (journal, recipe) = (result.join("journal.jsonl"), result.join("recipe.json"));
    let whole = fs::read(&journal).unwrap();
    let recipe_text = fs::read(&recipe).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let resume = "compare --resume result --no-plots";
    // Without a whole first line nobody knows what it belongs to.
    for cut in [0, 1, header / 2, header - 1] {
        fs::write(&journal, &whole[..cut]).unwrap();
        let (code, message) = fault(folder.path(), resume);
        assert!(
            code == 1 && message.contains("line 1 is damaged; begin the comparison anew"),
            "{cut}: {message}"
        );
        assert_eq!(fs::read(&journal).unwrap(), &whole[..cut]);
    }
    let mut results = Vec::new();
    let inside = whole.len() - header;
    let cuts = [0, 1, inside / 3, inside / 2, inside - 1, inside];
    for cut in cuts.map(|cut| header + cut) {
        fs::write(&journal, &whole[..cut]).unwrap();
        fs::write(&recipe, &recipe_text).unwrap();
        text(folder.path(), resume);
        assert!(!journal.exists());
        results.push(RESULTS.map(|name| without_dates(&result.join(name))));
        assert!(results[0] == results[results.len() - 1], "cut at {cut}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("flowers.csv");
    fs::write(&data, FLOWERS).unwrap();
    super::exact::copy_policy(&folder.path().join("mine"));
    whole_journal(
        folder.path(),
        "compare --data flowers.csv --target y --model softmax --methods gll-bb,mine --budget 30 --no-plots --resamples 200",
    );
    let result = folder.path().join("result");
    let refused = || {
        let (code, message) = fault(folder.path(), "compare --resume result --no-plots");
        assert_eq!(code, 1);
        message
    };
    let (journal, recipe) = (result.join("journal.jsonl"), result.join("recipe.json"));
    let whole = fs::read_to_string(&journal).unwrap();
    // Another build of the program.
    fs::write(&journal, whole.replacen("qstride 0.", "qstride 9.", 1)).unwrap();
    let message = refused();
    assert!(
        message.contains("was begun by qstride 9.") && message.contains("this is qstride 0."),
        "{message}"
    );
    // A line in the middle.
    fs::write(&journal, whole.replacen("\"job\":1", "\"jab\":1", 1)).unwrap();
    let message = refused();
    assert!(
        message.contains("is damaged; delete that line and resume again"),
        "{message}"
    );
    fs::write(&journal, &whole).unwrap();
    // One number of one row, which changes neither the first loss of a softmax model nor, perhaps, its first accuracy.
    fs::write(&data, FLOWERS.replace("6,5,u", "6,5.5,u")).unwrap();
    assert!(refused().contains("recipe, data or checkpoints are not those that it was begun with"));
    fs::remove_file(&data).unwrap();
    assert!(refused().contains("flowers.csv: there is no such file"));
    fs::write(&data, FLOWERS).unwrap();
    // Another recipe, none, another policy.
    let text_of_recipe = fs::read_to_string(&recipe).unwrap();
    fs::write(
        &recipe,
        text_of_recipe.replace("\"budget\": 30", "\"budget\": 31"),
    )
    .unwrap();
    assert!(refused().contains("recipe, data or checkpoints"));
    fs::remove_file(&recipe).unwrap();
    assert!(refused().contains("recipe.json"));
    fs::write(&recipe, &text_of_recipe).unwrap();
    let weights = folder.path().join("mine/weights.f32");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[4..]).unwrap();
    assert!(refused().contains("weights.f32 was altered or cut"));
    fs::write(&weights, bytes).unwrap();
    // All is as it was: it goes on, and is over.
    text(folder.path(), "compare --resume result --no-plots");
    let (code, message) = fault(folder.path(), "compare --resume result");
    assert!(
        code == 1 && message.contains("no comparison is under way there"),
        "{message}"
    );
    let (_, message) = fault(folder.path(), "compare --resume nowhere");
    assert!(
        message.contains("nowhere: no comparison is under way there (journal.jsonl is missing)"),
        "{message}"
    );
}
