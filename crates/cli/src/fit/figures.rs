//! The plots of a call.

use std::path::Path;

use anyhow::Result;

use super::report::rate_label;
use super::summary::{Summary, best_of_each};
use super::sweep::{Run, Sweep};
use crate::plot::{self, Axis, Panel, Series};

/// The most schedules that get a panel of their own.
const MOST_PANELS: usize = 8;

/// Draws curves and rates, each as SVG and PNG.
///
/// # Errors
/// When a file cannot be written.
pub fn draw(sweep: &Sweep, summaries: &[Summary], folder: &Path) -> Result<()> {
    losses(sweep, summaries, &folder.join("curves"))?;
    rates(sweep, summaries, &folder.join("rates"))
}

/// The smoothed training loss: each schedule at its best rate and, where there are several rates, a panel a schedule.
fn losses(sweep: &Sweep, summaries: &[Summary], stem: &Path) -> Result<()> {
    let panel = |title: &str, series: Vec<Series>| Panel {
        title: title.to_owned(),
        x: Axis::linear("step"),
        y: Axis::log("training loss, mean over steps and seeds"),
        series,
    };
    let points = |s: &Summary| mean_losses(&sweep.of(s.schedule, s.rate));
    let best = best_of_each(summaries);
    let best_lines = best.iter().enumerate().map(|(number, &i)| {
        let summary = &summaries[i];
        Series::line(name(summary), number, points(summary))
    });
    let several = best.len() < summaries.len();
    let title = if several { "best rate of each" } else { "" };
    let mut panels = vec![panel(title, best_lines.collect())];
    if several {
        // A rate looks the same in all panels, so that the legend names it once.
        let mut rates: Vec<Option<f64>> = Vec::new();
        for summary in summaries {
            if !rates.contains(&summary.rate) {
                rates.push(summary.rate);
            }
        }
        for &i in best.iter().take(MOST_PANELS) {
            let schedule = summaries[i].schedule;
            let of_it = summaries.iter().filter(|s| s.schedule == schedule);
            let lines = of_it.filter_map(|s| {
                let number = rates.iter().position(|rate| *rate == s.rate)?;
                Some(Series::line(rate_label(s.rate), number, points(s)))
            });
            panels.push(panel(schedule.name(), lines.collect()));
        }
    }
    plot::curves(stem, &title_of(sweep, "training loss"), &panels)
}

/// The rates of each schedule, at its best rate and with the first seed.
fn rates(sweep: &Sweep, summaries: &[Summary], stem: &Path) -> Result<()> {
    let line = |(number, &i): (usize, &usize)| {
        let summary = &summaries[i];
        let run = *sweep.of(summary.schedule, summary.rate).first()?;
        let points = run.trace.points().iter().map(|p| (p.step as f64, p.rate));
        Some(Series::line(name(summary), number, points.collect()))
    };
    let panel = Panel {
        title: String::new(),
        x: Axis::linear("step"),
        y: Axis::log("learning rate"),
        series: best_of_each(summaries)
            .iter()
            .enumerate()
            .filter_map(line)
            .collect(),
    };
    plot::curves(stem, &title_of(sweep, "learning rate"), &[panel])
}

fn title_of(sweep: &Sweep, what: &str) -> String {
    let plan = &sweep.plan;
    format!(
        "{}, {} with {}: {what}",
        plan.data.name(),
        plan.model,
        plan.optimizer
    )
}

fn name(summary: &Summary) -> String {
    format!("{} {}", summary.schedule, rate_label(summary.rate))
}

/// The mean over runs at each point of the trace, up to where the shortest ends.
fn mean_losses(runs: &[&Run]) -> Vec<(f64, f64)> {
    let points: Vec<_> = runs.iter().map(|run| run.trace.points()).collect();
    let shortest = points.iter().map(|p| p.len()).min().unwrap_or(0);
    let at = |i: usize| {
        let sum: f64 = points.iter().map(|p| p[i].loss).sum();
        (points[0][i].step as f64, sum / points.len() as f64)
    };
    (0..shortest).map(at).collect()
}
