//! The plots of a training run.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use qstride_agent::Trainer;
use qstride_control::checkpoint::Regime;
use qstride_control::rivals::BarzilaiBorwein;
use qstride_control::{Checkpoint, Controller, DeterministicEpisode, DeterministicSettings, run};
use qstride_objectives::Objective;
use qstride_objectives::suite::suite;
use serde_json::Value;

use super::COMMIT;
use crate::inspect::{behaviour, map};
use crate::plot::{Axis, Panel, Series, curves};

/// Fixed states that the q-value plot shows.
const SHOWN_STATES: usize = 8;

/// Draws everything into `folder`/plots.
pub fn draw(trainer: &Trainer, folder: &Path) -> Result<()> {
    let plots = folder.join("plots");
    fs::create_dir_all(&plots)
        .with_context(|| format!("cannot make the folder {}", plots.display()))?;
    learning_curve(trainer, folder, &plots)?;
    q_values(trainer, &plots)?;
    let checkpoint = trainer.checkpoint(COMMIT)?;
    let behaviour = behaviour::watch(&checkpoint)?;
    let (x, y) = map::usual(&checkpoint);
    map::draw(&checkpoint, &behaviour, &x, &y, &plots)?;
    if checkpoint.manifest.regime == Regime::Deterministic {
        rate_traces(&checkpoint, trainer.recipe().recipe.budget, &plots)?;
    }
    Ok(())
}

/// Return, loss and validation over the steps of training.
fn learning_curve(trainer: &Trainer, folder: &Path, plots: &Path) -> Result<()> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let metric = |name: &str| -> Vec<(f64, f64)> {
        lines
            .iter()
            .filter_map(|line| Some((line["step"].as_f64()?, line[name].as_f64()?)))
            .collect()
    };
    let validations = trainer
        .validations()
        .iter()
        .map(|(step, v)| (*step as f64, v.mean_log10_gap))
        .collect::<Vec<_>>();
    let panel = |title: &str, y: Axis, series: Vec<Series>| Panel {
        title: title.to_owned(),
        x: Axis::linear("decisions"),
        y,
        series,
    };
    let panels = [
        panel(
            "validation",
            Axis::linear("mean log10 gap (decades)"),
            vec![Series::line("greedy policy", 0, validations)],
        ),
        panel(
            "episodes (with exploration)",
            Axis::linear("undiscounted return"),
            vec![Series::line("return", 1, metric("episode_return"))],
        ),
        panel(
            "updates",
            Axis::log("Huber loss"),
            vec![Series::line("loss", 2, metric("loss"))],
        ),
    ];
    curves(
        &plots.join("learning_curve"),
        &format!("{}: training", trainer.recipe().recipe.name),
        &panels,
    )
}

/// The q-values of some fixed states over training, and their mean.
fn q_values(trainer: &Trainer, plots: &Path) -> Result<()> {
    let snapshots = trainer.snapshots();
    let Some(states) = snapshots.first().map(|s| s.values.len()) else {
        return Ok(());
    };
    let over_time = |value: &dyn Fn(&[f32]) -> f64| -> Vec<(f64, f64)> {
        snapshots
            .iter()
            .map(|s| (s.step as f64, value(&s.values)))
            .collect()
    };
    let shown = states.min(SHOWN_STATES);
    let mut series: Vec<Series> = (0..shown)
        .map(|k| {
            let index = k * states / shown;
            Series::line(
                format!("state {index}"),
                k + 1,
                over_time(&|values| f64::from(values[index])),
            )
        })
        .collect();
    let mean =
        over_time(&|values| values.iter().map(|v| f64::from(*v)).sum::<f64>() / states as f64);
    series.insert(0, Series::line(format!("mean of {states}"), 0, mean));
    let panel = Panel {
        title: String::new(),
        x: Axis::linear("decisions"),
        y: Axis::linear("q of the best action (discounted reward)"),
        series,
    };
    curves(
        &plots.join("q_values"),
        "q-values on fixed states",
        &[panel],
    )
}

/// The rates that the policy and Barzilai-Borwein under the nonmonotone rule choose on three problems.
fn rate_traces(checkpoint: &Checkpoint, budget: u64, plots: &Path) -> Result<()> {
    let problems = suite("quadratic/0,logistic/0,rosenbrock/0", 0, 1)?;
    let panels: Vec<Panel> = problems
        .iter()
        .map(|objective| {
            let trace = |controller: &mut dyn Controller| rates(objective, controller, budget);
            let series = vec![
                Series::line(
                    &checkpoint.manifest.name,
                    0,
                    trace(&mut checkpoint.controller()),
                ),
                Series::line("gll-bb", 1, trace(&mut BarzilaiBorwein::nonmonotone())),
            ];
            Panel {
                title: format!("{}, n = {}", objective.name(), objective.dimension()),
                x: Axis::linear("values + gradients"),
                y: Axis::log("learning rate"),
                series,
            }
        })
        .collect();
    curves(
        &plots.join("rates"),
        "learning rates of accepted steps",
        &panels,
    )
}

fn rates(
    objective: &Arc<dyn Objective>,
    controller: &mut dyn Controller,
    budget: u64,
) -> Vec<(f64, f64)> {
    let settings = DeterministicSettings {
        budget,
        trace: true,
        ..DeterministicSettings::default()
    };
    let mut episode = DeterministicEpisode::start(objective.clone(), settings, controller);
    let record = run(&mut episode, controller);
    record
        .trace
        .iter()
        .filter(|step| step.accepted)
        .map(|step| (step.cost, step.rate))
        .collect()
}
