//! The page as a real browser sees it: Debian's chromium, headless.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::html::escape;
use super::{Document, Figure};
use crate::plot::{Axis, Panel, Series, curves};
use crate::table::{Mark, Table};

/// Names that would do something, were they not escaped.
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'a|b' & </style></title></svg><b>",
    "a-name-that-goes-on-and-on-without-any-place-where-a-line-could-be-broken-0123456789",
];

/// Shows the page in frames as wide as a phone and as a desk, and writes down what it has become.
const MEASURE: &str = "
const look = frame => { const page = frame.contentDocument, all = query => [...page.querySelectorAll(query)]; return {
  width: page.documentElement.scrollWidth, tables: all('table').length, figures: all('figure').length, drawings: all('svg').length,
  scripts: all('script').length, images: all('img').length, bold: all('b').length, details: all('details').length,
  handlers: all('*').filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
  outside: all('[src], link, [href]:not([href^=\"#\"])').length, title: page.title,
  targets: all('nav a').filter(a => page.getElementById(a.hash.slice(1))).length,
  twice: all('[id]').length - new Set(all('[id]').map(e => e.id)).size,
  headings: all('h2').map(e => e.textContent), names: all('#section-1-tables tbody th').slice(0, 4).map(e => e.textContent),
  labels: all('svg').map(e => e.getAttribute('aria-label')), legend: all('svg')[0].textContent,
  scrolls: all('.scroll').filter(e => e.scrollWidth > e.clientWidth).length,
}; };
addEventListener('load', () => {
  document.body.textContent = 'MEASURED' + encodeURIComponent(JSON.stringify([...document.querySelectorAll('iframe')].map(look))) + 'MEASURED';
});";

fn report(folder: &Path) -> Document {
    let line = |(number, name): (usize, &&str)| {
        Series::line(
            *name,
            number,
            (1..50)
                .map(|x| (f64::from(x), 1.0 / f64::from(x)))
                .collect(),
        )
    };
    let panel = Panel {
        title: HOSTILE[0].to_owned(),
        x: Axis::log("cost"),
        y: Axis::log("gap <f>"),
        series: HOSTILE.iter().enumerate().map(line).collect(),
    };
    curves(&folder.join("value"), HOSTILE[1], &[panel]).unwrap();
    let figure = || {
        Figure::read(folder, "value", HOSTILE[1])
            .unwrap()
            .caption(HOSTILE[0])
    };
    let table = |rows: usize| {
        let header = (0..13).map(|j| format!("column {j}")).collect();
        let row = |i: usize| {
            let name = HOSTILE
                .get(i)
                .map_or(format!("method {i}"), |name| (*name).to_owned());
            std::iter::once(name)
                .chain((1..13).map(|j| format!("-{i}.{j}e-3")))
                .collect()
        };
        let mut table = Table::new(HOSTILE[2].to_owned(), header, (0..rows).map(row).collect());
        table.mark(1, 2, Mark::Best);
        table.mark(2, 3, Mark::Failed);
        table
    };
    let mut document = Document::new(HOSTILE[2], HOSTILE[0]);
    document
        .section("Tables")
        .paragraph(HOSTILE[3])
        .note(HOSTILE[1])
        .settings(HOSTILE.map(|name| (name, name)))
        .table(table(6))
        .table(table(200));
    document
        .section(HOSTILE[0])
        .figure(figure())
        .figures(HOSTILE[3], vec![figure(), figure()])
        .preformatted(HOSTILE.join("\n"));
    document
}

/// What chromium prints; nothing where there is none, which is a failure where all tests are asked for.
fn chromium(folder: &Path, arguments: &[&str]) -> Option<String> {
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
        .args(arguments)
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
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "chromium: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_browser_reads_the_page_as_it_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let page = escape(&report(folder.path()).html());
    let frame = |width| format!("<iframe width={width} height=800 srcdoc=\"{page}\"></iframe>");
    let wrapper = format!(
        "<!DOCTYPE html><style>iframe {{ border: 0 }}</style><body>{}{}<script>{MEASURE}</script>",
        frame(360),
        frame(1200)
    );
    let path = folder.path().join("wrapper.html");
    fs::write(&path, wrapper).unwrap();
    let Some(dump) = chromium(folder.path(), &["--dump-dom", &path.display().to_string()]) else {
        return;
    };
    let measured = dump.split("MEASURED").nth(1).unwrap();
    let measured: Value = serde_json::from_str(&decoded(measured)).unwrap();
    for (width, seen) in [360, 1200].into_iter().zip(measured.as_array().unwrap()) {
        assert!(seen["width"].as_u64().unwrap() <= width, "{seen}");
        for (what, count) in [
            ("tables", 2),
            ("figures", 3),
            ("drawings", 3),
            ("details", 2),
            ("targets", 2),
            ("scripts", 0),
            ("images", 0),
            ("bold", 0),
            ("handlers", 0),
            ("outside", 0),
            ("twice", 0),
        ] {
            assert_eq!(seen[what], count, "{what} at {width}: {seen}");
        }
        assert_eq!(seen["title"], HOSTILE[2]);
        assert_eq!(seen["headings"], serde_json::json!(["Tables", HOSTILE[0]]));
        assert_eq!(seen["names"], serde_json::json!(HOSTILE));
        assert_eq!(seen["labels"], serde_json::json!(vec![HOSTILE[1]; 3]));
        assert!(seen["legend"].as_str().unwrap().contains(HOSTILE[0]));
    }
    // On a phone the wide tables scroll in their own boxes.
    assert_eq!(measured[0]["scrolls"], 2);
}

/// Undoes `encodeURIComponent`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap().bytes());
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn it_prints_with_everything_open() {
    let folder = tempfile::tempdir().unwrap();
    let (page, pdf) = (
        folder.path().join("report.html"),
        folder.path().join("report.pdf"),
    );
    fs::write(&page, report(folder.path()).html()).unwrap();
    let print = format!("--print-to-pdf={}", pdf.display());
    if chromium(folder.path(), &[&print, &page.display().to_string()]).is_none() {
        return;
    }
    let pdf = fs::read(pdf).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let pages = pdf
        .windows(11)
        .filter(|w| w.starts_with(b"/Type /Page") && !w.ends_with(b"s"));
    // The 200 rows of the closed table alone take three.
    let pages = pages.count();
    assert!(pages >= 5, "{pages} pages");
}
