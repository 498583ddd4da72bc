//! The tables of a comparison, for the terminal and the report.

use super::harness::Comparison;
use super::method::Limits;
use super::output::unit;
use super::pair::PairDifference;
use super::plan::Plan;
use super::summary::{Between, Group, MethodSummary, Summary};
use super::tuned_sgd::{BesideTunedSgd, RECOVERED, Ratio};
use crate::table::{Mark, Table, count, short};

/// What a name may take.
const NAME_WIDTH: usize = 32;

/// What was run, in two lines.
pub fn heading(plan: &Plan) -> String {
    let join = |words: Vec<String>| words.join(", ");
    let families = plan.families().len();
    let budget = match plan.same_limits() {
        Some(Limits::Evaluations(budget)) => format!("budget {budget} values + gradients a run"),
        Some(Limits::Training(limits)) => format!(
            "{} passes, minibatches of {}, equal {}",
            limits.epochs,
            limits.batch,
            match limits.equal {
                super::recipe::Equal::Passes => "passes",
                super::recipe::Equal::Cost => "cost",
            }
        ),
        None => "each task its own passes and minibatches".to_owned(),
    };
    format!(
        "{}: {} from {}, start rate {}, {} {}, {budget}\nscore: {}",
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
        score_in_words(plan),
    )
}

/// What the score of a run is.
pub fn score_in_words(plan: &Plan) -> &'static str {
    if plan.training() {
        "log10(final loss / first loss) on all training samples, lower is better"
    } else {
        "log10((f_best - f*) / (f_0 - f*)) from -12, lower is better"
    }
}

/// The tables for a terminal.
pub fn terminal(comparison: &Comparison, summary: &Summary) -> Vec<Table> {
    let mut tables = vec![overall(comparison, summary)];
    tables.extend(beside_tuned_sgd(summary));
    tables.extend(ratios(summary));
    tables.extend(pairs(comparison, summary));
    tables.extend(groups(summary));
    tables
}

/// Losses over those of tuned SGD, and ranks on train loss and test score, where tuned SGD is among the methods.
pub fn beside_tuned_sgd(summary: &Summary) -> Option<Table> {
    let bar = |s: &MethodSummary| s.beside_tuned_sgd.clone();
    let first = bar(summary.methods.first()?)?;
    let text = |of: fn(&BesideTunedSgd) -> String| {
        move |s: &MethodSummary| bar(s).map_or(dash(), |bar| of(&bar))
    };
    let mut columns = vec![
        column("loss ratio [95 %]", text(|bar| ratio_between(bar.ratio))),
        column(
            format!("within {RECOVERED}"),
            text(|bar| percent(bar.recovered)),
        ),
        column("worst task", text(|bar| ratio(bar.worst_task()))),
    ];
    if first.start_rates.len() > 1 {
        columns.push(column("best start", text(|bar| ratio(bar.best_start))));
        columns.push(column("median", text(|bar| ratio(bar.median_start))));
        columns.push(column("worst", text(|bar| ratio(bar.worst_start))));
    }
    columns.push(column("diverged", |s| {
        format!("{} of {}", s.failures, s.runs)
    }));
    columns.push(column("rank", |s| format!("{:.1}", s.mean_rank)));
    columns.push(column("test rank", |s| {
        s.mean_test_rank.map_or(dash(), |rank| format!("{rank:.1}"))
    }));
    let title = "Loss over that of tuned SGD (geometric means), the share of runs within 1.5 times of it, mean ranks by train loss and test score";
    let mut table = table(title, summary, columns);
    let of = |s: &MethodSummary| {
        s.beside_tuned_sgd
            .as_ref()
            .map_or(f64::NAN, |b| b.ratio.estimate)
    };
    mark_best(&mut table, 1, summary, of);
    Some(table)
}

/// The same by task and by start rate, where there are several.
pub fn ratios(summary: &Summary) -> Vec<Table> {
    let tasks = by_ratio("loss over that of tuned SGD by task", summary, |bar| {
        &bar.tasks
    });
    let starts = by_ratio(
        "loss over that of tuned SGD by start rate",
        summary,
        |bar| &bar.start_rates,
    );
    tasks.into_iter().chain(starts).collect()
}

/// The pairs that were asked for.
pub fn pairs(comparison: &Comparison, summary: &Summary) -> Option<Table> {
    let training = comparison.plan.training();
    let shown = |b: Between| match training {
        true => ratio_between(b.powers_of_ten()),
        false => between(b),
    };
    let row = |pair: &PairDifference| {
        let test = pair.test_difference.map_or(dash(), |b| {
            format!("{:+.3} [{:+.3}, {:+.3}]", b.estimate, b.low, b.high)
        });
        vec![
            format!(
                "{} : {}",
                short(&pair.method, NAME_WIDTH),
                short(&pair.other, NAME_WIDTH)
            ),
            shown(pair.difference),
            shown(pair.over_families),
            percent(pair.share_won),
            p_value(pair.p_value),
            test,
        ]
    };
    let (title, first) = match training {
        true => (
            "Pairs: the first loss over the second (geometric means; below 1 the first is ahead), and the difference of test scores",
            "ratio on these tasks",
        ),
        false => (
            "Pairs: the first score less the second (below 0 the first is ahead)",
            "difference on these families",
        ),
    };
    let header = [
        "pair",
        first,
        "on ones like these",
        "wins",
        "Wilcoxon p",
        "test scores",
    ];
    (!summary.pairs.is_empty()).then(|| {
        Table::new(
            title.to_owned(),
            header.map(str::to_owned).to_vec(),
            summary.pairs.iter().map(row).collect(),
        )
    })
}

fn by_ratio<K: std::fmt::Display>(
    title: &str,
    summary: &Summary,
    groups: impl Fn(&BesideTunedSgd) -> &Vec<Ratio<K>>,
) -> Option<Table> {
    let first = summary.methods.first()?.beside_tuned_sgd.as_ref()?;
    let names: Vec<String> = groups(first).iter().map(|g| g.of.to_string()).collect();
    let of = |s: &MethodSummary, index: usize| {
        let bar = s.beside_tuned_sgd.as_ref();
        bar.map_or(f64::NAN, |bar| groups(bar)[index].ratio)
    };
    let columns = names.iter().enumerate().map(|(index, name)| {
        let of = &of;
        column(name, move |s: &MethodSummary| ratio(of(s, index)))
    });
    let mut table = table(title, summary, columns.collect());
    for index in 0..names.len() {
        mark_best(&mut table, index + 1, summary, |s| of(s, index));
    }
    (names.len() > 1).then_some(table)
}

/// Then one by family, one by start rate and one by seed, where there are several.
pub fn groups(summary: &Summary) -> Vec<Table> {
    let families = by("mean score by family", summary, |s| &s.families);
    let rates = by("mean score by start rate", summary, |s| &s.start_rates);
    let seeds = by("mean score by seed", summary, |s| &s.seeds);
    families.into_iter().chain(rates).chain(seeds).collect()
}

/// A heading, and what stands below it for a method.
type Column<'a> = (String, Box<dyn Fn(&MethodSummary) -> String + 'a>);

fn column<'a>(name: impl Into<String>, cell: impl Fn(&MethodSummary) -> String + 'a) -> Column<'a> {
    (name.into(), Box::new(cell))
}

fn table(title: impl Into<String>, summary: &Summary, columns: Vec<Column<'_>>) -> Table {
    let header = columns.iter().map(|(name, _)| name.clone());
    let row = |s: &MethodSummary| {
        let cells = columns.iter().map(|(_, cell)| cell(s));
        std::iter::once(label(s)).chain(cells).collect()
    };
    Table::new(
        title.into(),
        std::iter::once("method".to_owned()).chain(header).collect(),
        summary.methods.iter().map(row).collect(),
    )
}

/// One line a method: what a person at a terminal asks first.
pub fn overall(comparison: &Comparison, summary: &Summary) -> Table {
    let mut columns = vec![
        column("mean", |s| decades(s.mean.estimate)),
        column("median", |s| decades(s.median)),
    ];
    if comparison.plan.families().len() > 1 {
        columns.push(column("by family", |s| decades(s.balanced_mean)));
    }
    if comparison.plan.training() {
        let name = format!("loss / {}", short(&summary.reference, 16));
        columns.push(column(name, |s| {
            s.value_ratio.map_or("-".to_owned(), ratio)
        }));
    }
    columns.push(column("rank", |s| format!("{:.1}", s.mean_rank)));
    columns.push(column("failed", |s| s.failures.to_string()));
    if summary.methods.iter().any(|s| s.edge.is_some()) {
        columns.push(column("at edge", at_edge));
    }
    columns.push(column(
        format!("beats {}", short(&summary.reference, 16)),
        |s| s.against.map_or(dash(), |a| percent(a.share_won.estimate)),
    ));
    for (index, tolerance) in comparison.plan.tolerances.iter().enumerate() {
        let prefix = if index == 0 { "cost to" } else { "to" };
        columns.push(column(format!("{prefix} {tolerance:e}"), move |s| {
            cost(s.costs[index].median)
        }));
    }
    columns.push(column("spent in all", |s| cost(Some(s.spent.with_tuning))));
    if summary.methods.iter().any(|s| s.mean_test_score.is_some()) {
        columns.push(column("test score", |s| {
            s.mean_test_score.map_or(dash(), test_score)
        }));
    }
    let title = format!(
        "overall (costs in {}: medians, tuning in them; - where less than half of the runs get there)",
        unit(comparison)
    );
    let mut table = table(title, summary, columns);
    mark_best(&mut table, 1, summary, |s| s.mean.estimate);
    table
}

/// Scores with their intervals, and ranks.
pub fn scores(summary: &Summary) -> Table {
    let columns = vec![
        column("mean [95 %]", |s| between(s.mean)),
        column("interquartile mean [95 %]", |s| {
            between(s.interquartile_mean)
        }),
        column("median", |s| decades(s.median)),
        column("by family", |s| decades(s.balanced_mean)),
        column("mean rank", |s| format!("{:.2}", s.mean_rank)),
        column("failed", |s| format!("{} of {}", s.failures, s.runs)),
    ];
    let mut table = table("Scores; lower is better", summary, columns);
    mark_best(&mut table, 1, summary, |s| s.mean.estimate);
    mark_best(&mut table, 2, summary, |s| s.interquartile_mean.estimate);
    mark_best(&mut table, 5, summary, |s| s.mean_rank);
    for (row, method) in summary.methods.iter().enumerate() {
        if method.failures > 0 {
            table.mark(row, 6, Mark::Failed);
        }
    }
    table
}

/// Each method beside the reference.
pub fn against(summary: &Summary) -> Table {
    let columns = vec![
        column("difference [95 %]", |s| {
            s.against.map_or(dash(), |a| between(a.difference))
        }),
        column("wins [95 %]", |s| {
            s.against.map_or(dash(), |a| shares(a.share_won))
        }),
        column("P(improvement) [95 %]", |s| {
            s.against
                .map_or(dash(), |a| shares(a.probability_of_improvement))
        }),
        column("Wilcoxon p", |s| {
            s.against.map_or(dash(), |a| p_value(a.p_value))
        }),
        column("Holm p", |s| {
            s.against.map_or(dash(), |a| p_value(a.holm_p_value))
        }),
    ];
    table(
        format!("Against {}", short(&summary.reference, NAME_WIDTH)),
        summary,
        columns,
    )
}

/// What each method spends, and what it takes to get near.
pub fn costs(comparison: &Comparison, summary: &Summary) -> Table {
    let mut columns = vec![
        column("values", |s| cost(Some(s.spent.values))),
        column("gradients", |s| cost(Some(s.spent.gradients))),
    ];
    for (index, w) in ["w = 1", "w = 2", "w = 3"].into_iter().enumerate() {
        columns.push(column(w, move |s| cost(Some(s.spent.cost[index]))));
    }
    columns.push(column("with tuning", |s| cost(Some(s.spent.with_tuning))));
    for (index, tolerance) in comparison.plan.tolerances.iter().enumerate() {
        columns.push(column(format!("reach {tolerance:e}"), move |s| {
            format!("{:.0} %", 100.0 * s.costs[index].solved)
        }));
        columns.push(column(format!("cost to {tolerance:e}"), move |s| {
            cost(s.costs[index].median)
        }));
    }
    if summary.methods.iter().any(|s| s.seconds.is_some()) {
        columns.push(column("ms a run", |s| {
            s.seconds
                .map_or(dash(), |seconds| format!("{:.3}", 1e3 * seconds))
        }));
    }
    let title = format!(
        "Costs in {} (means of what is spent; medians of what it takes, tuning included)",
        unit(comparison)
    );
    table(title, summary, columns)
}

/// The mean over start rates of each method's score on each case, as rows of cases.
pub fn cases(comparison: &Comparison) -> Table {
    let plan = &comparison.plan;
    let methods = plan.methods.len();
    let mut sums = vec![vec![(0.0, false); methods]; plan.cases.len()];
    for run in &comparison.runs {
        let (sum, failed) = &mut sums[run.case][run.method];
        *sum += comparison.score(run) / plan.start_rates.len() as f64;
        *failed |= run.outcome.failed;
    }
    let one_seed = plan.seeds().len() == 1;
    let name = |case: &super::problem::Case| match one_seed {
        true => case.name().to_owned(),
        false => format!("{} (seed {})", case.name(), case.seed),
    };
    let rows = plan.cases.iter().zip(&sums).map(|(case, scores)| {
        let cells = scores.iter().map(|(score, _)| decades(*score));
        std::iter::once(name(case)).chain(cells).collect()
    });
    let header = plan.methods.iter().map(|m| m.name.clone());
    let mut table = Table::new(
        "Scores by problem".to_owned(),
        std::iter::once("problem".to_owned())
            .chain(header)
            .collect(),
        rows.collect(),
    );
    for (row, scores) in sums.iter().enumerate() {
        let best = scores
            .iter()
            .map(|(score, _)| *score)
            .fold(f64::INFINITY, f64::min);
        for (column, (score, failed)) in scores.iter().enumerate() {
            if *failed {
                table.mark(row, column + 1, Mark::Failed);
            } else if *score == best {
                table.mark(row, column + 1, Mark::Best);
            }
        }
    }
    table
}

/// The rates that were chosen out of grids: how often each one.
pub fn chosen_rates(comparison: &Comparison) -> Option<Table> {
    let plan = &comparison.plan;
    let tuned: Vec<usize> = (0..plan.methods.len())
        .filter(|m| plan.methods[*m].grid().is_some())
        .collect();
    let mut rates: Vec<f64> = tuned
        .iter()
        .filter_map(|m| plan.methods[*m].grid())
        .flat_map(|grid| grid.rates())
        .copied()
        .collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let row = |method: &usize| {
        let chosen = |rate: &f64| {
            let runs = comparison.of_method(*method).filter(|run| run.rate == 0);
            let times = runs.filter(|run| run.chosen_rate == Some(*rate)).count();
            if times == 0 {
                String::new()
            } else {
                times.to_string()
            }
        };
        std::iter::once(short(&plan.methods[*method].name, NAME_WIDTH))
            .chain(rates.iter().map(chosen))
            .collect()
    };
    (!tuned.is_empty()).then(|| {
        Table::new(
            "Chosen rates: on how many cases each one".to_owned(),
            std::iter::once("method".to_owned())
                .chain(rates.iter().map(|rate| format!("{rate:.1e}")))
                .collect(),
            tuned.iter().map(row).collect(),
        )
    })
}

fn by<K: std::fmt::Display>(
    title: &str,
    summary: &Summary,
    groups: impl Fn(&MethodSummary) -> &Vec<Group<K>>,
) -> Option<Table> {
    let names: Vec<String> = groups(summary.methods.first()?)
        .iter()
        .map(|g| g.of.to_string())
        .collect();
    let columns: Vec<Column<'_>> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let groups = &groups;
            column(name, move |s| decades(groups(s)[index].mean))
        })
        .collect();
    (names.len() > 1).then(|| {
        let mut table = table(title, summary, columns);
        for index in 0..names.len() {
            mark_best(&mut table, index + 1, summary, |s| groups(s)[index].mean);
        }
        table
    })
}

/// Marks the least of a column.
fn mark_best(
    table: &mut Table,
    column: usize,
    summary: &Summary,
    of: impl Fn(&MethodSummary) -> f64,
) {
    let best = summary
        .methods
        .iter()
        .map(&of)
        .fold(f64::INFINITY, f64::min);
    for (row, method) in summary.methods.iter().enumerate() {
        if of(method) == best {
            table.mark(row, column, Mark::Best);
        }
    }
}

fn label(summary: &MethodSummary) -> String {
    let oracle = if summary.method == "best-constant" {
        " (oracle)"
    } else {
        ""
    };
    format!("{}{oracle}", short(&summary.method, NAME_WIDTH))
}

/// On how many choices the best rate is the first or the last one of the grid.
fn at_edge(summary: &MethodSummary) -> String {
    summary.edge.as_ref().map_or(dash(), ToString::to_string)
}

fn dash() -> String {
    "-".to_owned()
}

/// Of a hundredth of a decade and less only 0 is left, not -0.
fn decades(value: f64) -> String {
    format!("{:.2}", if value.abs() < 0.005 { 0.0 } else { value })
}

/// R² of a model that was lost can be any number below 0.
fn test_score(value: f64) -> String {
    if value.abs() < 1e3 || value.is_infinite() {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}

fn between(b: Between) -> String {
    format!("{:.2} [{:.2}, {:.2}]", b.estimate, b.low, b.high)
}

fn shares(b: Between) -> String {
    let hundredths = |share: f64| format!("{:.0}", 100.0 * share);
    format!(
        "{} [{}, {}]",
        percent(b.estimate),
        hundredths(b.low),
        hundredths(b.high)
    )
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn ratio_between(b: Between) -> String {
    format!(
        "{} [{}, {}]",
        ratio(b.estimate),
        ratio(b.low),
        ratio(b.high)
    )
}

fn p_value(p: f64) -> String {
    if p < 1e-4 {
        "< 1e-4".to_owned()
    } else {
        format!("{p:.4}")
    }
}

fn ratio(value: f64) -> String {
    if !(0.000_95..1e4).contains(&value) {
        format!("{value:.1e}")
    } else if value < 0.095 {
        format!("{value:.3}")
    } else {
        format!("{value:.2}")
    }
}

fn cost(value: Option<f64>) -> String {
    match value {
        None => dash(),
        Some(v) if v < 99.5 && v.fract() != 0.0 => format!("{v:.1}"),
        Some(v) => format!("{v:.0}"),
    }
}
