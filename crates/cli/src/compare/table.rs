//! The tables on the terminal and in summary.md.

use super::harness::Plan;
use super::summary::{Group, Summary};

/// What a table on the terminal may take, in characters.
const WIDTH: usize = 100;
/// What a name may take.
const NAME_WIDTH: usize = 32;

/// Rows of cells under a heading; the first column is left-aligned, the others right-aligned.
pub struct Table {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Aligned with spaces. Where it is too wide, the further columns stand below, the first column again before them.
    pub fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|j| {
                self.all_rows()
                    .map(|row| row[j].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = format!("{}\n", self.title);
        let mut next = 1;
        while next < widths.len() {
            let mut columns = vec![0];
            let mut total = widths[0];
            while next < widths.len() && (columns.len() == 1 || total + 2 + widths[next] <= WIDTH) {
                total += 2 + widths[next];
                columns.push(next);
                next += 1;
            }
            for row in self.all_rows() {
                let cells = columns.iter().map(|&j| match j {
                    0 => format!("{:<1$}", row[j], widths[j]),
                    _ => format!("  {:>1$}", row[j], widths[j]),
                });
                text.push_str(cells.collect::<String>().trim_end());
                text.push('\n');
            }
            if next < widths.len() {
                text.push('\n');
            }
        }
        text
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | "));
        let mut text = format!("{}\n\n{}", self.title, line(&self.header));
        text.push_str("| --- |");
        text.push_str(&" ---: |".repeat(self.header.len() - 1));
        text.push('\n');
        text.extend(self.rows.iter().map(line));
        text
    }

    fn all_rows(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

/// What was run, in two lines.
pub fn heading(plan: &Plan) -> String {
    let join = |words: Vec<String>| words.join(", ");
    let families = plan.families().len();
    format!(
        "{}: {} from {}, start rate {}, {} {}, budget {} values + gradients a run\n\
         score: log10((f_best - f*) / (f_0 - f*)) from -12, lower is better",
        plan.problems,
        count(plan.cases.len(), "instance", "instances"),
        count(families, "family", "families"),
        join(plan.start_rates.iter().map(ToString::to_string).collect()),
        if plan.seeds().len() == 1 {
            "seed"
        } else {
            "seeds"
        },
        join(plan.seeds().iter().map(ToString::to_string).collect()),
        plan.budget,
    )
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The main table; then one by family, one by start rate and one by seed, where there are several.
pub fn tables(summaries: &[Summary]) -> Vec<Table> {
    let mut tables = vec![overall(summaries)];
    tables.extend(by("mean score by family", summaries, |s| &s.families));
    tables.extend(by("mean score by start rate", summaries, |s| {
        &s.start_rates
    }));
    tables.extend(by("mean score by seed", summaries, |s| &s.seeds));
    tables
}

/// A heading, and what stands below it for a method.
type Column = (String, Box<dyn Fn(&Summary) -> String>);

fn overall(summaries: &[Summary]) -> Table {
    let first = summaries.first().map_or("", |s| s.method.as_str());
    let families = summaries.iter().any(|s| s.families.len() > 1);
    let scored = summaries.iter().any(|s| s.mean_test_score.is_some());
    let mut columns: Vec<Column> = vec![
        ("mean".to_owned(), Box::new(|s| decades(s.mean_log10_gap))),
        (
            "median".to_owned(),
            Box::new(|s| decades(s.median_log10_gap)),
        ),
    ];
    if families {
        columns.push((
            "by family".to_owned(),
            Box::new(|s| decades(s.balanced_mean_log10_gap)),
        ));
    }
    columns.push(("failed".to_owned(), Box::new(|s| s.failures.to_string())));
    let wins = format!("beats {}", short(first, 16));
    columns.push((
        wins,
        Box::new(|s| format!("{:.0} %", 100.0 * s.wins_against_first)),
    ));
    columns.push((
        "cost to 1e-3".to_owned(),
        Box::new(|s| cost(s.median_cost_to_1e_3)),
    ));
    columns.push((
        "to 1e-6".to_owned(),
        Box::new(|s| cost(s.median_cost_to_1e_6)),
    ));
    columns.push(("spent".to_owned(), Box::new(|s| cost(Some(s.mean_cost)))));
    if scored {
        columns.push((
            "test score".to_owned(),
            Box::new(|s| {
                s.mean_test_score
                    .map_or("-".to_owned(), |v| format!("{v:.3}"))
            }),
        ));
    }
    let header =
        std::iter::once("method".to_owned()).chain(columns.iter().map(|(name, _)| name.clone()));
    let row = |s: &Summary| {
        std::iter::once(label(s))
            .chain(columns.iter().map(|(_, cell)| cell(s)))
            .collect()
    };
    Table {
        title: "overall (costs are medians; - where less than half of the runs get there)"
            .to_owned(),
        header: header.collect(),
        rows: summaries.iter().map(row).collect(),
    }
}

fn by<K: std::fmt::Display>(
    title: &str,
    summaries: &[Summary],
    groups: impl Fn(&Summary) -> &Vec<Group<K>>,
) -> Option<Table> {
    let names: Vec<String> = groups(summaries.first()?)
        .iter()
        .map(|g| g.of.to_string())
        .collect();
    let row = |s: &Summary| {
        let means = groups(s).iter().map(|g| decades(g.mean_log10_gap));
        std::iter::once(label(s)).chain(means).collect()
    };
    (names.len() > 1).then(|| Table {
        title: title.to_owned(),
        header: std::iter::once("method".to_owned()).chain(names).collect(),
        rows: summaries.iter().map(row).collect(),
    })
}

fn label(summary: &Summary) -> String {
    let oracle = if summary.oracle { " (oracle)" } else { "" };
    format!("{}{oracle}", short(&summary.method, NAME_WIDTH))
}

/// The name, or its last characters behind an ellipsis: paths differ at their ends.
pub fn short(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length + 1 - width).collect();
    format!("…{tail}")
}

fn decades(value: f64) -> String {
    format!("{value:.2}")
}

fn cost(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize) -> Table {
        let row = |cell: &str| -> Vec<String> {
            std::iter::once("name".to_owned())
                .chain((0..columns).map(|_| cell.to_owned()))
                .collect()
        };
        Table {
            title: "t".to_owned(),
            header: row("a column"),
            rows: vec![row("-1.00")],
        }
    }

    #[test]
    fn wide_tables_are_folded() {
        let text = table(12).text();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("name")).count(),
            4
        );
        assert_eq!(text.matches("a column").count(), 12);
        assert_eq!(table(1).text(), "t\nname  a column\nname     -1.00\n");
        assert_eq!(
            table(1).markdown(),
            "t\n\n| name | a column |\n| --- | ---: |\n| name | -1.00 |\n"
        );
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(short("runs/a/policy", 8), "…/policy");
        assert_eq!(short("gll", 8), "gll");
    }
}
