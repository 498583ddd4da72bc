//! The plots of a comparison.

use std::path::Path;

use anyhow::Result;

use super::harness::{Comparison, Run};
use super::profile::performance_profile;
use super::summary::{Summary, median};
use crate::plot::{self, Axis, Cells, Panel, Series};
use crate::table::short;

/// The most families that get a panel of their own.
const MOST_PANELS: usize = 5;
/// The most methods whose rates are drawn.
const MOST_METHODS: usize = 12;
/// What a legend takes of a name.
const LEGEND: usize = 22;
/// Gaps below this are not drawn: scores end there too.
const LEAST_GAP: f64 = 1e-12;

/// Draws value, rates, profile, scores and, where there are several families, families; each as SVG and PNG.
///
/// # Errors
/// When a file cannot be written.
pub fn draw(comparison: &Comparison, summaries: &[Summary], folder: &Path) -> Result<()> {
    values(comparison, &folder.join("value"))?;
    rates(comparison, &folder.join("rates"))?;
    profiles(comparison, &folder.join("profile"))?;
    scores(summaries, &folder.join("scores"))?;
    if comparison.plan.families().len() > 1 {
        families(summaries, &folder.join("families"))?;
    }
    Ok(())
}

fn names(comparison: &Comparison) -> Vec<String> {
    let methods = comparison.plan.methods.iter();
    methods
        .map(|m| {
            let oracle = if m.oracle() { " (oracle)" } else { "" };
            format!("{}{oracle}", short(&m.name, LEGEND))
        })
        .collect()
}

/// The median relative gap over the cost, for all problems together and for each family.
fn values(comparison: &Comparison, stem: &Path) -> Result<()> {
    let families = comparison.plan.families();
    let panel = |title: &str, family: Option<&str>| {
        let series = names(comparison)
            .into_iter()
            .enumerate()
            .map(|(method, name)| {
                let runs: Vec<&Run> = comparison
                    .of_method(method)
                    .filter(|run| family.is_none_or(|f| comparison.family(run) == f))
                    .collect();
                Series::line(name, method, median_gaps(comparison, &runs))
            });
        Panel {
            title: title.to_owned(),
            x: Axis::log("cost (values + gradients)"),
            y: Axis::log("(f_best - f*) / (f_0 - f*)").at_most(1.0),
            series: series.collect(),
        }
    };
    let mut panels = Vec::new();
    if families.len() == 1 {
        panels.push(panel(families[0], None));
    } else {
        panels.push(panel("all families", None));
        if families.len() <= MOST_PANELS {
            panels.extend(families.iter().map(|family| panel(family, Some(family))));
        }
    }
    plot::curves(stem, "Median relative gap over the cost", &panels)
}

fn median_gaps(comparison: &Comparison, runs: &[&Run]) -> Vec<(f64, f64)> {
    let budget = comparison.plan.budget;
    let mut costs: Vec<u64> = (0..=80)
        .map(|i| (2.0 * (budget as f64 / 2.0).powf(f64::from(i) / 80.0)).round() as u64)
        .collect();
    costs.dedup();
    let gap = |run: &Run, cost: u64| {
        let minimum = comparison.minima[run.case];
        let gap = (run.value_at(cost) - minimum) / (run.start_value - minimum);
        if gap.is_finite() {
            gap.max(LEAST_GAP)
        } else {
            1.0
        }
    };
    let at = |cost: u64| median(&runs.iter().map(|run| gap(run, cost)).collect::<Vec<_>>());
    costs
        .into_iter()
        .map(|cost| (cost as f64, at(cost)))
        .collect()
}

/// The rates that each method takes, a panel a method, on the first instance of each of the first families; all panels have the same range.
fn rates(comparison: &Comparison, stem: &Path) -> Result<()> {
    let shown = comparison.plan.shown_cases();
    let all = comparison.runs.iter().filter(|run| run.rate == 0);
    let decades = all.flat_map(|run| &run.rates).map(|(_, rate)| rate.log10());
    let (low, high) = decades.fold((0.0, 0.0), |(low, high): (f64, f64), d| {
        (low.min(d), high.max(d))
    });
    let y = Axis::log("accepted learning rate")
        .between(10f64.powf(low.floor()), 10f64.powf(high.ceil()));
    let panel = |(method, title): (usize, String)| {
        let line = |(number, case): (usize, &usize)| {
            let run = comparison
                .of_method(method)
                .find(|run| run.case == *case && run.rate == 0)?;
            let points = run.rates.iter().map(|&(cost, rate)| (cost as f64, rate));
            let name = comparison.plan.cases[*case].objective.name();
            Some(Series::line(short(name, LEGEND), number, points.collect()))
        };
        Panel {
            title,
            x: Axis::linear("cost (values + gradients)"),
            y: y.clone(),
            series: shown.iter().enumerate().filter_map(line).collect(),
        }
    };
    let methods = names(comparison).into_iter().enumerate().take(MOST_METHODS);
    let panels: Vec<Panel> = methods.map(panel).collect();
    let title = format!(
        "Learning rates from the start rate {}",
        comparison.plan.start_rates[0]
    );
    plot::curves(stem, &title, &panels)
}

/// Performance profiles at two tolerances; without oracles, whose knowledge has no cost.
fn profiles(comparison: &Comparison, stem: &Path) -> Result<()> {
    let methods: Vec<usize> = (0..comparison.plan.methods.len())
        .filter(|&method| !comparison.plan.methods[method].oracle())
        .collect();
    let names = names(comparison);
    let panel = |tolerance: f64| {
        let costs: Vec<Vec<Option<u64>>> = methods
            .iter()
            .map(|&method| {
                let runs = comparison.of_method(method);
                runs.map(|run| run.cost_to(tolerance, comparison.minima[run.case]))
                    .collect()
            })
            .collect();
        let profile = performance_profile(&costs);
        let ends = profile.iter().filter_map(|points| points.last());
        let last = ends.map(|(tau, _)| *tau).fold(2.0, f64::max);
        let series = methods.iter().zip(profile).map(|(&method, points)| {
            Series::line(names[method].clone(), method, steps(&points, last))
        });
        Panel {
            title: format!("relative gap {tolerance:e}"),
            x: Axis::log("cost relative to the cheapest method, tau"),
            y: Axis::linear("share of problems solved").between(0.0, 1.0),
            series: series.collect(),
        }
    };
    plot::curves(stem, "Performance profiles", &[panel(1e-3), panel(1e-6)])
}

/// The corners of a step function from (1, 0) to τ = `last`.
fn steps(points: &[(f64, f64)], last: f64) -> Vec<(f64, f64)> {
    let mut corners = Vec::new();
    let mut share = 0.0;
    for &(tau, next) in points {
        corners.extend([(tau, share), (tau, next)]);
        share = next;
    }
    if corners.first().is_none_or(|first| first.0 > 1.0) {
        corners.insert(0, (1.0, 0.0));
    }
    corners.push((last, share));
    corners
}

/// The mean score of each method.
fn scores(summaries: &[Summary], stem: &Path) -> Result<()> {
    let bars = summaries
        .iter()
        .map(|s| (short(&s.method, LEGEND), s.mean_log10_gap));
    let axis = Axis::linear("mean log10 of the relative gap (lower is better)");
    plot::bars(stem, "Mean score", &axis, &bars.collect::<Vec<_>>())
}

/// The mean score of each method on each family.
fn families(summaries: &[Summary], stem: &Path) -> Result<()> {
    let Some(first) = summaries.first() else {
        return Ok(());
    };
    let columns: Vec<String> = first.families.iter().map(|f| f.of.clone()).collect();
    let rows: Vec<String> = summaries.iter().map(|s| short(&s.method, LEGEND)).collect();
    let values = summaries
        .iter()
        .map(|s| s.families.iter().map(|f| f.mean_log10_gap).collect());
    let cells = Cells::Values {
        label: "mean log10 of the relative gap".to_owned(),
        rows: values.collect(),
    };
    let x = plot::Ticks::Names {
        label: "family".to_owned(),
        names: columns,
    };
    let y = plot::Ticks::Names {
        label: "method".to_owned(),
        names: rows,
    };
    plot::heat_map(stem, "Mean score by family", &x, &y, &cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_step_function() {
        assert_eq!(
            steps(&[(1.0, 0.5), (2.0, 0.75)], 4.0),
            [(1.0, 0.0), (1.0, 0.5), (2.0, 0.5), (2.0, 0.75), (4.0, 0.75)]
        );
        assert_eq!(steps(&[], 4.0), [(1.0, 0.0), (4.0, 0.0)]);
    }
}
