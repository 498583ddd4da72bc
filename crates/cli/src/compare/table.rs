//! The tables on the terminal and in summary.md.

use super::harness::Plan;
use super::summary::{Group, Summary};
use crate::table::{Table, count, short};

/// What a name may take.
const NAME_WIDTH: usize = 32;

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
    Table::new(
        "overall (costs are medians; - where less than half of the runs get there)".to_owned(),
        header.collect(),
        summaries.iter().map(row).collect(),
    )
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
    (names.len() > 1).then(|| {
        Table::new(
            title.to_owned(),
            std::iter::once("method".to_owned()).chain(names).collect(),
            summaries.iter().map(row).collect(),
        )
    })
}

fn label(summary: &Summary) -> String {
    let oracle = if summary.oracle { " (oracle)" } else { "" };
    format!("{}{oracle}", short(&summary.method, NAME_WIDTH))
}

fn decades(value: f64) -> String {
    format!("{value:.2}")
}

fn cost(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.0}"))
}
