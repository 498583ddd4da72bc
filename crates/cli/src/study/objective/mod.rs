//! What is asked for a value, whatever it is.

mod agent;
mod command;
mod fit;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Result;
use qstride_study::{Choice, Stop, StudyError, Trial};

use self::agent::Agent;
use self::command::ShellCommand;
use self::fit::Fit;
use super::recipe::{Objective, StudyRecipe};

/// Parameters by name, as people know them.
pub type Values = BTreeMap<String, Choice>;

/// What one configuration comes to with one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Its value.
    Value(f64),
    /// An intermediate value was bad enough to stop.
    Pruned,
    /// The worker goes down.
    Interrupted,
}

/// Who hears intermediate values, and says whether to stop.
pub type Judge<'a> = &'a mut dyn FnMut(i64, f64) -> Result<bool, StudyError>;

/// What can be asked for a value. Values and seeds decide it, but for a command that does not keep to its seed.
pub trait Task: Sync {
    /// One configuration with one seed.
    ///
    /// # Errors
    /// When it fails.
    fn run(
        &self,
        values: &Values,
        seed: u64,
        judge: Judge<'_>,
        interrupt: &AtomicBool,
    ) -> Result<Measured>;

    /// One configuration with one seed on what no trial has seen, where there is such a thing.
    ///
    /// # Errors
    /// When it fails.
    fn test(&self, _values: &Values, _seed: u64, _interrupt: &AtomicBool) -> Result<Option<f64>> {
        Ok(None)
    }

    /// How many intermediate values a run has, where that is known; they are then told apart over several seeds.
    fn steps(&self) -> Option<i64> {
        None
    }
}

/// An answer and its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The answer.
    pub answer: Answer,
    /// The most memory held, in MiB, where it is known.
    pub peak_mib: Option<f64>,
}

/// The task of a recipe.
///
/// # Errors
/// When the recipe's objective does not go with its space, or its data cannot be read.
pub fn task(recipe: &StudyRecipe) -> Result<Box<dyn Task>> {
    Ok(match &recipe.objective {
        Objective::Command(settings) => Box::new(ShellCommand::new(settings, recipe)?),
        Objective::Fit(settings) => Box::new(Fit::new(settings, recipe)?),
        Objective::Agent(settings) => Box::new(Agent::new(settings, recipe)?),
    })
}

/// A trial of the study: the configuration over its seeds, the mean of their values; time and memory are kept with it.
///
/// With one seed the task's own intermediate values are reported. With several, they are reported one seed after the other where their number is known;
/// else the value of each seed is one.
pub fn trial(
    task: &dyn Task,
    recipe: &StudyRecipe,
    trial: &mut Trial<'_>,
    interrupt: &AtomicBool,
) -> Result<f64, Stop> {
    let values = recipe.space.suggest(trial)?;
    let clock = Instant::now();
    let mut peak = 0.0_f64;
    let mut sum = 0.0;
    for index in 0..recipe.seeds {
        let offset = match task.steps() {
            Some(steps) => Some(index as i64 * steps),
            None if recipe.seeds == 1 => Some(0),
            None => None,
        };
        let mut judge = |step: i64, value: f64| match offset {
            Some(offset) => {
                trial.report(offset + step, value)?;
                trial.should_prune()
            }
            None => Ok(false),
        };
        let measured = task
            .run(&values, recipe.seed + index, &mut judge, interrupt)
            .map_err(|error| format!("{error:#}"))?;
        peak = peak.max(measured.peak_mib.unwrap_or(0.0));
        match measured.answer {
            Answer::Interrupted => return Err(Stop::HandBack),
            Answer::Pruned => {
                cost(trial, clock, peak)?;
                return Err(Stop::Pruned);
            }
            Answer::Value(value) => {
                sum += value;
                if offset.is_none() {
                    trial.report(index as i64, value)?;
                    if index + 1 < recipe.seeds && trial.should_prune()? {
                        cost(trial, clock, peak)?;
                        return Err(Stop::Pruned);
                    }
                }
            }
        }
    }
    cost(trial, clock, peak)?;
    Ok(sum / recipe.seeds as f64)
}

/// What the trial has cost, as user attributes.
fn cost(trial: &mut Trial<'_>, clock: Instant, peak_mib: f64) -> Result<(), StudyError> {
    trial.set_attribute("seconds", clock.elapsed().as_secs_f64())?;
    if peak_mib > 0.0 {
        trial.set_attribute("peak_mib", peak_mib)?;
    }
    Ok(())
}

/// The most memory that this process has held, in MiB, where the system says.
fn own_peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
