//! The plots of a study.

use std::path::Path;

use anyhow::Result;
use qstride_study::{
    Choice, Direction, Distribution, FrozenTrial, History, ParamImportance, Study, TrialState,
};

use super::show::parameter_names;
use crate::plot::{Axis, Dimension, Panel, Series, Shaded, bars, curves, parallel, shaded};

/// The most parameters that get panels: the most important ones.
const MOST: usize = 9;
/// The most trials whose intermediate values are drawn.
const MOST_CURVES: usize = 200;
/// Cells of a contour plot along a side.
const CELLS: usize = 40;

/// A plot: the name of its file, its title and what it shows.
pub struct Plot {
    /// The file's name without its extension.
    pub name: String,
    /// The title.
    pub title: String,
    /// What to see in it.
    pub caption: String,
}

/// Draws all plots that the trials allow into `folder`, and says which.
///
/// # Errors
/// When a file cannot be written or the storage cannot be read.
pub fn draw(study: &Study, importance: &[ParamImportance], folder: &Path) -> Result<Vec<Plot>> {
    let history = study.history()?;
    let mut plots = Vec::new();
    let mut add = |name: &str, title: String, caption: &str| {
        plots.push(Plot {
            name: name.to_owned(),
            title: title.clone(),
            caption: caption.to_owned(),
        });
        (folder.join(name), title)
    };
    let names = by_importance(&history, importance);
    let values = Values::of(&history);

    let (stem, title) = add(
        "history",
        format!("Trials of {}", study.name()),
        "A point a trial, coloured by its value; the line is the best so far.",
    );
    draw_history(&stem, &title, &history, &values)?;

    let (stem, title) = add(
        "slices",
        "Value by parameter".to_owned(),
        "A point a trial, coloured by its number: dark ones are late. Where late points gather, the sampler expects the best.",
    );
    draw_slices(&stem, &title, &history, &values, &names)?;

    if let [first, second, ..] = names.as_slice() {
        let (stem, title) = add(
            "contour",
            format!("{first} and {second}"),
            "The two parameters that matter most. The ground is a weighted mean of the trials around (inverse squared distance), no model: it is \
             worth nothing where no point is near.",
        );
        draw_contour(&stem, &title, &history, &values, [first, second])?;
        let (stem, title) = add(
            "parallel",
            "Parameters side by side".to_owned(),
            "A line a trial; bright ones are the best.",
        );
        draw_parallel(&stem, &title, &history, &values, &names)?;
    }
    if !importance.is_empty() {
        let (stem, title) = add(
            "importance",
            "Share of the variance that a parameter explains by itself".to_owned(),
            "fANOVA (Hutter, Hoos, Leyton-Brown 2014). What is missing to 1 is explained by several together.",
        );
        let shares: Vec<(String, f64)> = importance
            .iter()
            .map(|i| (i.name.clone(), i.share))
            .collect();
        bars(
            &stem,
            &title,
            &Axis::linear("share").between(0.0, 1.0),
            &shares,
        )?;
    }
    let curves_of = intermediate(study, &history)?;
    if !curves_of.is_empty() {
        let (stem, title) = add(
            "intermediate",
            "Intermediate values".to_owned(),
            "A line a trial, coloured by its number; short ones were pruned.",
        );
        let mut panel = Shaded::new(Axis::linear("step"), values.axis());
        panel.lines = curves_of;
        shaded(&stem, &title, "trial", &[panel])?;
    }
    let (stem, title) = add(
        "distribution",
        "Distribution of the values".to_owned(),
        "The share of completed trials that are at least as good as a value.",
    );
    draw_distribution(&stem, &title, &history, &values)?;
    Ok(plots)
}

/// The parameters, the most important ones first.
fn by_importance(history: &History, importance: &[ParamImportance]) -> Vec<String> {
    let mut names = parameter_names(history);
    let share = |name: &String| {
        let known = importance.iter().find(|i| i.name == *name);
        known.map_or(-1.0, |i| i.share)
    };
    names.sort_by(|a, b| share(b).total_cmp(&share(a)));
    names.truncate(MOST);
    names
}

/// How the values of a study are drawn.
struct Values {
    direction: Direction,
    log: bool,
}

impl Values {
    /// On a logarithmic axis where all are above 0 and two decades apart.
    fn of(history: &History) -> Self {
        let values: Vec<f64> = history.complete().filter_map(|t| t.value).collect();
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        Self {
            direction: history.direction(),
            log: low > 0.0 && high / low > 100.0,
        }
    }

    fn axis(&self) -> Axis {
        let label = format!("value ({})", self.direction);
        if self.log {
            Axis::log(&label)
        } else {
            Axis::linear(&label)
        }
    }

    /// The number that colours a value: small is good.
    fn colour(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        self.direction.loss(value)
    }

    fn scale(&self) -> &'static str {
        match (self.direction, self.log) {
            (Direction::Minimize, false) => "value",
            (Direction::Minimize, true) => "log10 of the value",
            (Direction::Maximize, false) => "-value",
            (Direction::Maximize, true) => "-log10 of the value",
        }
    }
}

/// Trials with their values, by number.
fn valued(history: &History) -> impl Iterator<Item = (&FrozenTrial, f64)> {
    history
        .complete()
        .filter_map(|trial| Some((trial, trial.value.filter(|v| v.is_finite())?)))
}

fn draw_history(stem: &Path, title: &str, history: &History, values: &Values) -> Result<()> {
    let mut panel = Shaded::new(Axis::linear("trial"), values.axis());
    let mut best: Option<f64> = None;
    for (trial, value) in valued(history) {
        let number = trial.number as f64;
        panel.points.push((number, value, values.colour(value)));
        let better =
            best.is_none_or(|b| history.direction().loss(value) < history.direction().loss(b));
        if better {
            panel.outline.extend(best.map(|best| (number, best)));
            best = Some(value);
            panel.outline.push((number, value));
        }
    }
    if let (Some(best), Some(last)) = (best, history.trials().last()) {
        panel.outline.push((last.number as f64, best));
    }
    shaded(stem, title, values.scale(), &[panel])
}

/// The axis of a parameter, with names where it has choices.
fn parameter_axis(history: &History, name: &str) -> (Axis, Option<Vec<String>>) {
    let distribution = history
        .trials()
        .iter()
        .rev()
        .find_map(|trial| trial.params.get(name))
        .map(|param| param.distribution.clone());
    match distribution.as_deref() {
        Some(Distribution::Categorical { choices }) => (
            Axis::linear(name),
            Some(choices.iter().map(Choice::to_string).collect()),
        ),
        Some(Distribution::Float { log: true, .. } | Distribution::Int { log: true, .. }) => {
            (Axis::log(name), None)
        }
        _ => (Axis::linear(name), None),
    }
}

fn draw_slices(
    stem: &Path,
    title: &str,
    history: &History,
    values: &Values,
    names: &[String],
) -> Result<()> {
    let panels: Vec<Shaded> = names
        .iter()
        .map(|name| {
            let (axis, x_names) = parameter_axis(history, name);
            let mut panel = Shaded::new(axis, values.axis());
            panel.x_names = x_names;
            panel.points = valued(history)
                .filter_map(|(trial, value)| {
                    Some((trial.params.get(name)?.value, value, trial.number as f64))
                })
                .collect();
            panel
        })
        .collect();
    shaded(stem, title, "trial", &panels)
}

fn draw_contour(
    stem: &Path,
    title: &str,
    history: &History,
    values: &Values,
    names: [&String; 2],
) -> Result<()> {
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    let mut places: Vec<(f64, f64, f64)> = Vec::new();
    let mut scales = None;
    for (trial, value) in valued(history) {
        if let [Some(a), Some(b)] = names.map(|name| trial.params.get(name)) {
            points.push((a.value, b.value, values.colour(value)));
            let unit = |param: &qstride_study::Param| param.distribution.to_unit(param.value);
            places.push((unit(a), unit(b), values.colour(value)));
            scales = Some([a.distribution.clone(), b.distribution.clone()]);
        }
    }
    let [(x, x_names), (y, y_names)] = names.map(|name| parameter_axis(history, name));
    let mut panel = Shaded::new(x, y);
    (panel.x_names, panel.y_names) = (x_names, y_names);
    if let Some([a, b]) = scales {
        for i in 0..CELLS {
            for j in 0..CELLS {
                let at = |k: usize| (k as f64 + 0.5) / CELLS as f64;
                let number = weighted(&places, at(i), at(j));
                let ends = |k: usize| [k as f64 / CELLS as f64, (k + 1) as f64 / CELLS as f64];
                let [x0, x1] = ends(i).map(|unit| place(&a, unit));
                let [y0, y1] = ends(j).map(|unit| place(&b, unit));
                panel.cells.push(([x0, x1, y0, y1], number));
            }
        }
    }
    panel.points = points;
    shaded(stem, title, values.scale(), &[panel])
}

/// The place on the axis of a share of the range, not rounded to a value; a choice's cell is one wide.
fn place(distribution: &Distribution, unit: f64) -> f64 {
    let (low, high) = distribution.scaled_range();
    let scaled = low + unit * (high - low);
    match distribution {
        Distribution::Float { log: true, .. } | Distribution::Int { log: true, .. } => scaled.exp(),
        Distribution::Categorical { .. } => scaled - 0.5,
        _ => scaled,
    }
}

/// The mean of the numbers around a place, weighted by the inverse square of the distance.
fn weighted(places: &[(f64, f64, f64)], x: f64, y: f64) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (px, py, number) in places {
        let weight = 1.0 / ((px - x).powi(2) + (py - y).powi(2) + 1e-4);
        sum += weight * number;
        weights += weight;
    }
    sum / weights
}

fn draw_parallel(
    stem: &Path,
    title: &str,
    history: &History,
    values: &Values,
    names: &[String],
) -> Result<()> {
    let trials: Vec<(&FrozenTrial, f64)> = valued(history).collect();
    let mut dimensions: Vec<Dimension> = names
        .iter()
        .map(|name| {
            let (axis, names) = parameter_axis(history, name);
            let value = |(trial, _): &(&FrozenTrial, f64)| {
                trial.params.get(name).map_or(f64::NAN, |param| param.value)
            };
            Dimension {
                axis,
                names,
                values: trials.iter().map(value).collect(),
            }
        })
        .collect();
    dimensions.insert(
        0,
        Dimension {
            axis: values.axis(),
            names: None,
            values: trials.iter().map(|(_, value)| *value).collect(),
        },
    );
    let numbers: Vec<f64> = trials
        .iter()
        .map(|(_, value)| values.colour(*value))
        .collect();
    parallel(stem, title, values.scale(), &dimensions, &numbers)
}

/// Steps and values, and the number of the trial.
type Curve = (Vec<(f64, f64)>, f64);

/// The intermediate values of the last trials, those with a single one left out.
fn intermediate(study: &Study, history: &History) -> Result<Vec<Curve>> {
    let mut curves = Vec::new();
    for trial in history.trials().iter().rev().take(MOST_CURVES) {
        if !matches!(trial.state, TrialState::Complete | TrialState::Pruned) {
            continue;
        }
        let reports = study.lock_storage().reports(trial.id)?;
        if reports.len() > 1 {
            let points = reports
                .into_iter()
                .map(|(step, value)| (step as f64, value));
            curves.push((points.collect(), trial.number as f64));
        }
    }
    curves.reverse();
    Ok(curves)
}

fn draw_distribution(stem: &Path, title: &str, history: &History, values: &Values) -> Result<()> {
    let direction = history.direction();
    let mut sorted: Vec<f64> = valued(history).map(|(_, value)| value).collect();
    sorted.sort_by(|a, b| direction.loss(*a).total_cmp(&direction.loss(*b)));
    let share = |index: usize| index as f64 / sorted.len().max(1) as f64;
    let steps = sorted.iter().enumerate();
    let points = steps.flat_map(|(i, value)| [(*value, share(i)), (*value, share(i + 1))]);
    let panel = Panel {
        title: String::new(),
        x: values.axis(),
        y: Axis::linear("share of the trials").between(0.0, 1.0),
        series: vec![Series::line("completed trials", 0, points.collect())],
    };
    curves(stem, title, &[panel])
}
