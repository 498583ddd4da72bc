//! The report of a comparison as a real browser sees it: Debian's chromium, headless.

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

/// Names that a file system allows, and that would do something were they not escaped. What is theirs would raise a flag.
const POLICY: &str = "<img src=x onerror=top.fired=1>";
const DATA: &str = "\"><svg onload=top.fired=1><b>&.csv";
const MODEL: &str = "huber";

/// Shows the page in frames as wide as a phone and as a desk, and writes down what it has become.
const MEASURE: &str = "
const look = frame => { const page = frame.contentDocument, all = query => [...page.querySelectorAll(query)]; return {
  width: page.documentElement.scrollWidth, scripts: all('script').length, images: all('img').length, bold: all('b').length,
  handlers: all('*').filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
  outside: all('[src], link, [href]:not([href^=\"#\"])').length,
  headings: all('h2').map(e => e.textContent), title: page.title, figures: all('figure').length,
  drawings: all('figure svg').length, tables: all('table').length, empty: all('section').filter(e => !e.textContent.trim()).length,
  methods: [...new Set(all('tbody th').map(e => e.textContent))],
  twice: all('[id]').length - new Set(all('[id]').map(e => e.id)).size,
}; };
addEventListener('load', () => {
  const seen = [...document.querySelectorAll('iframe')].map(look);
  document.body.textContent = 'MEASURED' + JSON.stringify({ fired: window.fired || 0, seen }) + 'MEASURED';
});";

/// What chromium makes of a page; nothing where there is no chromium, which is a failure where all tests are asked for.
fn measured(folder: &Path, report: &str) -> Option<Value> {
    let page = report.replace('&', "&amp;").replace('"', "&quot;");
    let frame = |width| format!("<iframe width={width} height=800 srcdoc=\"{page}\"></iframe>");
    let wrapper = format!(
        "<!DOCTYPE html><meta charset=utf-8><style>iframe {{ border: 0 }}</style><body>{}{}<script>{MEASURE}</script>",
        frame(360),
        frame(1200)
    );
    let path = folder.join("wrapper.html");
    fs::write(&path, wrapper).unwrap();
    // Should it hang, `timeout` ends it.
    let started = Command::new("timeout")
        .args([
            "120",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .args(["--dump-dom", &path.display().to_string()])
        .output();
    let absent = match &started {
        Err(_) => true,
        // What `timeout` returns where there is no such program.
        Ok(output) => output.status.code() == Some(127),
    };
    if absent {
        let asked = std::env::var_os("QSTRIDE_ALL_TESTS").is_some();
        assert!(!asked, "QSTRIDE_ALL_TESTS is set, but there is no chromium");
        println!("skipped: there is no chromium");
        return None;
    }
    let output = started.unwrap();
    assert!(
        output.status.success(),
        "chromium: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let dump = String::from_utf8(output.stdout).unwrap();
    let text = dump.split("MEASURED").nth(1).unwrap();
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn names_do_nothing_in_a_browser_and_a_phone_shows_the_page() {
    let folder = tempfile::tempdir().unwrap();
    super::exact::copy_policy(&folder.path().join(POLICY));
    let rows = super::LEAVES.replacen("a,b,y", "<script>top.fired=1</script>,b,y", 1);
    fs::write(folder.path().join(DATA), rows).unwrap();
    let status = Command::new(cargo_bin("qstride"))
        .current_dir(folder.path())
        .args([
            "compare", "--data", DATA, "--target", "y", "--model", MODEL, "--model", "mlp:2",
        ])
        .args([
            "--methods",
            &format!("gll-bb,armijo,tuned:fixed,sequence:v2,{POLICY},blind:{POLICY}"),
        ])
        .args([
            "--start-rates",
            "auto,1e-3,1e0",
            "--seeds",
            "4",
            "--resamples",
            "200",
            "--budget",
            "60",
            "--out",
            "result",
        ])
        .output()
        .unwrap();
    assert!(
        status.status.success(),
        "{}",
        String::from_utf8_lossy(&status.stderr)
    );
    let result = folder.path().join("result");
    let markdown = fs::read_to_string(result.join("report.md")).unwrap();
    for name in ["<img", "<svg", "<b>"] {
        let unescaped = markdown.match_indices(name).filter(|(at, _)| {
            // In a block of code (the command, the recipe) nothing is escaped, and nothing acts.
            markdown[..*at].matches("```").count() % 2 == 0 && !markdown[..*at].ends_with('\\')
        });
        assert_eq!(unescaped.count(), 0, "{name} in report.md");
    }
    let report = fs::read_to_string(result.join("report.html")).unwrap();
    let Some(measured) = measured(folder.path(), &report) else {
        return;
    };
    assert_eq!(measured["fired"], 0);
    for (width, seen) in [360, 1200]
        .into_iter()
        .zip(measured["seen"].as_array().unwrap())
    {
        assert!(seen["width"].as_u64().unwrap() <= width, "{seen}");
        for what in [
            "scripts", "images", "bold", "handlers", "outside", "twice", "empty",
        ] {
            assert_eq!(seen[what], 0, "{what} at {width}: {seen}");
        }
        let headings = [
            "Result",
            "Scores",
            "Differences",
            "Costs",
            "Problems",
            "How it was made",
        ];
        assert_eq!(seen["headings"], json!(headings));
        let methods = seen["methods"].as_array().unwrap();
        for name in [POLICY, "gll-bb", "tuned:fixed"] {
            assert!(
                methods.iter().any(|method| method == name),
                "{name} in {methods:?}"
            );
        }
        let stem = DATA.trim_end_matches(".csv");
        assert_eq!(seen["title"], format!("Comparison on {stem} huber mlp:2"));
        // Scores, values, families, ranks, two profiles, two problems, rates.
        assert_eq!(
            (&seen["figures"], &seen["drawings"]),
            (&9.into(), &9.into())
        );
        assert!(seen["tables"].as_u64().unwrap() >= 8, "{seen}");
    }
}
