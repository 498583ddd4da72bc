//! The plots of a comparison.

use std::path::Path;

use anyhow::Result;
use qstride_statistics::{data_profile, median, performance_profile};

use super::harness::Comparison;
use super::run::Run;
use super::summary::{Between, Summary};
use crate::plot::{self, Axis, Cells, Estimate, Panel, Series};
use crate::report::Figure;
use crate::table::short;

/// The most families that get a panel of their own.
const MOST_PANELS: usize = 5;
/// The most methods whose lines are drawn: more could not be told apart.
const MOST_LINES: usize = 12;
/// The most problems that get a plot of their own.
const MOST_PROBLEMS: usize = 24;
/// What a legend takes of a name.
const LEGEND: usize = 28;
/// Gaps below this are not drawn: scores end there too.
const LEAST_GAP: f64 = 1e-12;

/// A comparison that is drawn into a folder.
pub struct Figures<'a> {
    comparison: &'a Comparison,
    summary: &'a Summary,
    folder: &'a Path,
    /// The methods whose lines are drawn: the best by mean score, and the reference.
    drawn: Vec<usize>,
}

impl<'a> Figures<'a> {
    /// Nothing drawn yet.
    pub fn new(comparison: &'a Comparison, summary: &'a Summary, folder: &'a Path) -> Self {
        let reference = comparison.plan.reference;
        let mut order: Vec<usize> = (0..summary.methods.len()).collect();
        let mean = |method: &usize| summary.methods[*method].mean.estimate;
        order.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
        order.retain(|method| *method != reference);
        order.truncate(MOST_LINES - 1);
        order.push(reference);
        order.sort_unstable();
        Self {
            comparison,
            summary,
            folder,
            drawn: order,
        }
    }

    /// Which lines are left out, in words.
    fn left_out(&self) -> String {
        match self.summary.methods.len() - self.drawn.len() {
            0 => String::new(),
            n => format!(
                " Lines of the {MOST_LINES} methods with the best means, the reference among them; {n} are left out."
            ),
        }
    }

    fn name(&self, method: usize) -> String {
        short(&self.comparison.plan.methods[method].name, LEGEND)
    }

    fn unit(&self) -> String {
        let unit = super::output::unit(self.comparison);
        format!("cost ({unit})")
    }

    fn figure(&self, name: &str, title: &str, caption: &str) -> Result<Figure> {
        Ok(
            Figure::read(self.folder, name, title)?
                .caption(format!("{caption}{}", self.left_out())),
        )
    }

    /// The median relative gap over the cost, for all problems together and for each family.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn values(&self) -> Result<Figure> {
        let families = self.comparison.plan.families();
        let mut panels = Vec::new();
        if families.len() == 1 {
            panels.push(self.gaps(families[0], |_| true));
        } else {
            panels.push(self.gaps("all families", |_| true));
            if families.len() <= MOST_PANELS {
                let of =
                    |family: &&str| self.gaps(family, |run| self.comparison.family(run) == *family);
                panels.extend(families.iter().map(of));
            }
        }
        let title = "Median relative gap over the cost";
        plot::curves(&self.folder.join("value"), title, &panels)?;
        self.figure(
            "value",
            title,
            "Medians over problems and start rates; the cost of choosing a rate is not in it.",
        )
    }

    /// The median relative gap of the runs that `has` picks.
    fn gaps(&self, title: &str, has: impl Fn(&Run) -> bool) -> Panel {
        let series = self.drawn.iter().enumerate().map(|(number, method)| {
            let runs: Vec<&Run> = self
                .comparison
                .of_method(*method)
                .filter(|run| has(run))
                .collect();
            Series::line(self.name(*method), number, self.median_gaps(&runs))
        });
        let x = self.unit();
        let (x, y) = if self.comparison.plan.training() {
            (Axis::linear(&x), "loss / first loss")
        } else {
            (Axis::log(&x), "(f_best - f*) / (f_0 - f*)")
        };
        Panel {
            title: title.to_owned(),
            x,
            y: Axis::log(y).at_most(1.0),
            series: series.collect(),
        }
    }

    fn median_gaps(&self, runs: &[&Run]) -> Vec<(f64, f64)> {
        let plan = &self.comparison.plan;
        let budgets = runs.iter().map(|run| plan.budget_of(run.case));
        let budget = budgets.fold(0.0, f64::max);
        let costs: Vec<f64> = if plan.training() {
            (0..=budget as u64).map(|pass| pass as f64).collect()
        } else {
            let mut costs: Vec<u64> = (0..=80)
                .map(|i| (2.0 * (budget / 2.0).powf(f64::from(i) / 80.0)).round() as u64)
                .collect();
            costs.dedup();
            costs.into_iter().map(|cost| cost as f64).collect()
        };
        let gap = |run: &&Run, cost: f64| {
            let minimum = self.comparison.minima[run.case];
            let start = run.outcome.start_value;
            let spent = (cost * plan.unit(run.case)).round() as u64;
            let gap = (run.value_at(spent) - minimum) / (start - minimum);
            if gap.is_finite() {
                gap.max(LEAST_GAP)
            } else {
                1.0
            }
        };
        let at = |cost: f64| {
            let mut gaps: Vec<f64> = runs.iter().map(|run| gap(run, cost)).collect();
            Some((cost, median(&mut gaps)?))
        };
        costs.into_iter().filter_map(at).collect()
    }

    /// A plot for each of the first problems of each family, so many in all.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn problems(&self) -> Result<Vec<Figure>> {
        let plan = &self.comparison.plan;
        let families = plan.families();
        let each = (MOST_PROBLEMS / families.len().max(1)).max(1);
        let mut names: Vec<&str> = Vec::new();
        for family in families.iter().take(MOST_PROBLEMS) {
            let of = plan.cases.iter().filter(|case| case.family() == *family);
            let mut found: Vec<&str> = Vec::new();
            for case in of {
                if !found.contains(&case.name()) && found.len() < each {
                    found.push(case.name());
                }
            }
            names.extend(found);
        }
        std::fs::create_dir_all(self.folder.join("problems"))?;
        let draw = |(number, name): (usize, &&str)| {
            let panel = self.gaps("", |run| plan.cases[run.case].name() == *name);
            // Names that differ in a sign only must not share a file.
            let file = format!("problems/{:02}-{}", number + 1, plain(name));
            plot::curves(&self.folder.join(&file), name, &[panel])?;
            self.figure(&file, name, "The median over seeds and start rates.")
        };
        names.iter().enumerate().map(draw).collect()
    }

    /// The rates that each method takes, a panel a method, on the first instance of each of the first families; all panels have the
    /// same range. None where no method takes rates.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn rates(&self) -> Result<Option<Figure>> {
        let plan = &self.comparison.plan;
        let shown = plan.shown_cases();
        let is_shown = |run: &&Run| run.rate == 0 && self.drawn.contains(&run.method);
        let all = self.comparison.runs.iter().filter(is_shown);
        let rates = all
            .flat_map(|run| &run.outcome.rates)
            .map(|(_, rate)| rate.log10());
        let decades: Vec<f64> = rates.filter(|decades| decades.is_finite()).collect();
        if decades.is_empty() {
            return Ok(None);
        }
        let low = decades.iter().copied().fold(0.0, f64::min);
        let high = decades.iter().copied().fold(0.0, f64::max);
        let y =
            Axis::log("learning rate").between(10f64.powf(low.floor()), 10f64.powf(high.ceil()));
        let panel = |method: &usize| {
            let line = |(number, case): (usize, &usize)| {
                let mut runs = self.comparison.of_method(*method);
                let run = runs.find(|run| run.case == *case && run.rate == 0)?;
                let unit = plan.unit(*case);
                let points = run
                    .outcome
                    .rates
                    .iter()
                    .map(|&(cost, rate)| (cost as f64 / unit, rate));
                let name = plan.cases[*case].name();
                Some(Series::line(short(name, LEGEND), number, points.collect()))
            };
            Panel {
                title: self.name(*method),
                x: Axis::linear(&self.unit()),
                y: y.clone(),
                series: shown.iter().enumerate().filter_map(line).collect(),
            }
        };
        let panels: Vec<Panel> = self.drawn.iter().map(panel).collect();
        let title = format!("Learning rates from the start rate {}", plan.start_rates[0]);
        plot::curves(&self.folder.join("rates"), &title, &panels)?;
        let caption = "Rates of accepted steps; a method that moves by more than a rate along the gradient has none.";
        Ok(Some(self.figure("rates", &title, caption)?))
    }

    /// Performance profiles and data profiles at each tolerance; what the choice of a rate cost counts.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn profiles(&self) -> Result<[Figure; 2]> {
        let plan = &self.comparison.plan;
        let costs = |tolerance: f64| -> Vec<Vec<Option<f64>>> {
            let of = |method: &usize| {
                let runs = self.comparison.of_method(*method);
                runs.map(|run| self.comparison.cost_to(run, tolerance))
                    .collect()
            };
            self.drawn.iter().map(of).collect()
        };
        let runs: Vec<&Run> = self.comparison.of_method(plan.reference).collect();
        // A pass over the data is a pass whatever the dimension; an evaluation in n dimensions is worth 1/(n + 1) of a simplex.
        let dimension = |run: &&Run| match plan.training() {
            true => 0,
            false => plan.cases[run.case].dimension(),
        };
        let dimensions: Vec<usize> = runs.iter().map(dimension).collect();
        let (mut relative, mut absolute) = (Vec::new(), Vec::new());
        for &tolerance in &plan.tolerances {
            let costs = costs(tolerance);
            let panel = |x: Axis, profiles: Vec<Vec<(f64, f64)>>, first: f64| {
                let ends = profiles.iter().filter_map(|points| points.last());
                let last = ends.map(|(x, _)| *x).fold(2.0 * first, f64::max);
                let series = self.drawn.iter().zip(profiles).enumerate();
                Panel {
                    title: format!("relative gap {tolerance:e}"),
                    x,
                    y: Axis::linear("share of problems solved").between(0.0, 1.0),
                    series: series
                        .map(|(number, (method, points))| {
                            Series::line(self.name(*method), number, steps(&points, first, last))
                        })
                        .collect(),
                }
            };
            let points = |profiles: Vec<qstride_statistics::Profile>| -> Vec<Vec<(f64, f64)>> {
                profiles.iter().map(|p| p.points().to_vec()).collect()
            };
            let x = Axis::log("cost relative to the cheapest method, tau");
            relative.push(panel(x, points(performance_profile(&costs)?), 1.0));
            let x = if plan.training() {
                "cost in passes"
            } else {
                "cost / (n + 1), kappa"
            };
            absolute.push(panel(
                Axis::log(x),
                points(data_profile(&costs, &dimensions)?),
                0.1,
            ));
        }
        let (title, about) = (
            "Performance profiles",
            "Dolan and Moré 2002: the share of runs within tau times the cost of the cheapest method of each.",
        );
        plot::curves(&self.folder.join("profile"), title, &relative)?;
        let performance = self.figure("profile", title, about)?;
        let (title, about) = (
            "Data profiles",
            "Moré and Wild 2009: the share of runs that get there within a cost.",
        );
        plot::curves(&self.folder.join("data-profile"), title, &absolute)?;
        Ok([performance, self.figure("data-profile", title, about)?])
    }

    /// Interquartile means with their intervals, best first.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn scores(&self) -> Result<Figure> {
        let title = "Interquartile mean of the scores";
        let axis = Axis::linear("score, decades (lower is better)");
        self.estimates("scores", title, &axis, |m| m.interquartile_mean)?;
        let figure = Figure::read(self.folder, "scores", title)?;
        Ok(figure.caption("The mean of the middle half of the cases, with 95 % bootstrap intervals, stratified by family."))
    }

    /// Mean ranks with half a critical difference to both sides; none where there was no test.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn ranks(&self) -> Result<Option<Figure>> {
        let Some(ranks) = &self.summary.ranks else {
            return Ok(None);
        };
        let half = 0.5 * ranks.critical_difference;
        let title = "Mean ranks";
        self.estimates(
            "ranks",
            title,
            &Axis::linear("mean rank (1 is best)"),
            |m| Between {
                estimate: m.mean_rank,
                low: m.mean_rank - half,
                high: m.mean_rank + half,
            },
        )?;
        let caption = format!(
            "Methods whose bars do not overlap differ (Nemenyi, 5 %, critical difference {:.2}, {} cases).",
            ranks.critical_difference, ranks.cases
        );
        Ok(Some(
            Figure::read(self.folder, "ranks", title)?.caption(caption),
        ))
    }

    fn estimates(
        &self,
        file: &str,
        title: &str,
        axis: &Axis,
        of: impl Fn(&super::summary::MethodSummary) -> Between,
    ) -> Result<()> {
        let estimate = |m: &super::summary::MethodSummary| {
            let between = of(m);
            Estimate {
                label: short(&m.method, LEGEND),
                value: between.estimate,
                low: between.low,
                high: between.high,
            }
        };
        let mut estimates: Vec<Estimate> = self.summary.methods.iter().map(estimate).collect();
        estimates.sort_by(|a, b| a.value.total_cmp(&b.value));
        plot::intervals(&self.folder.join(file), title, axis, &estimates)
    }

    /// The mean score of each method on each family; none where there is one family.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn families(&self) -> Result<Option<Figure>> {
        let methods = &self.summary.methods;
        let Some(first) = methods.first().filter(|m| m.families.len() > 1) else {
            return Ok(None);
        };
        let title = "Mean score by family";
        let values = methods
            .iter()
            .map(|m| m.families.iter().map(|f| f.mean).collect());
        let cells = Cells::Values {
            label: "mean score".to_owned(),
            rows: values.collect(),
        };
        let x = plot::Ticks::Names {
            label: "family".to_owned(),
            names: first.families.iter().map(|f| f.of.clone()).collect(),
        };
        let y = plot::Ticks::Names {
            label: "method".to_owned(),
            names: methods.iter().map(|m| short(&m.method, LEGEND)).collect(),
        };
        plot::heat_map(&self.folder.join("families"), title, &x, &y, &cells)?;
        Ok(Some(Figure::read(self.folder, "families", title)?))
    }
}

/// The name as that of a file.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// The corners of a step function from (`first`, 0) to `last`.
fn steps(points: &[(f64, f64)], first: f64, last: f64) -> Vec<(f64, f64)> {
    let mut corners = Vec::new();
    let mut share = 0.0;
    for &(x, next) in points {
        corners.extend([(x, share), (x, next)]);
        share = next;
    }
    if corners.first().is_none_or(|corner| corner.0 > first) {
        corners.insert(0, (first, 0.0));
    }
    corners.push((last, share));
    corners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_step_function() {
        assert_eq!(
            steps(&[(1.0, 0.5), (2.0, 0.75)], 1.0, 4.0),
            [(1.0, 0.0), (1.0, 0.5), (2.0, 0.5), (2.0, 0.75), (4.0, 0.75)]
        );
        assert_eq!(steps(&[], 1.0, 4.0), [(1.0, 0.0), (4.0, 0.0)]);
    }
}
