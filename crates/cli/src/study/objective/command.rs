//! A shell command.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;
use qstride_study::command::Ended;
use qstride_study::{Command, CommandError};

use super::super::recipe::{CommandObjective, StudyRecipe};
use super::{Answer, Judge, Measured, Task, Values};

/// The name that stands for the seed.
const SEED: &str = "seed";

/// A shell command.
pub struct ShellCommand {
    command: Command,
    names: Vec<String>,
    retries: u32,
}

impl ShellCommand {
    /// From a recipe.
    ///
    /// # Errors
    /// When the command leaves out a parameter, or the seed where there are several.
    pub fn new(settings: &CommandObjective, recipe: &StudyRecipe) -> Result<Self> {
        let names: Vec<String> = recipe.space.parameters().keys().cloned().collect();
        let mut used: Vec<&str> = names.iter().map(String::as_str).collect();
        if recipe.seeds > 1 {
            used.push(SEED);
        }
        let timeout = settings.timeout.map(Duration::from_secs_f64);
        let command = Command::new(&settings.run, timeout, used)?;
        Ok(Self {
            command,
            names,
            retries: settings.retries,
        })
    }
}

impl Task for ShellCommand {
    fn run(
        &self,
        values: &Values,
        seed: u64,
        judge: Judge<'_>,
        interrupt: &AtomicBool,
    ) -> Result<Measured> {
        let mut values = values.clone();
        values
            .entry(SEED.to_owned())
            .or_insert_with(|| (seed as i64).into());
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let filled = self.command.filled(&values, &names);
        let environment = [("QSTRIDE_SEED", seed.to_string())];
        let mut left = self.retries;
        loop {
            let run = self
                .command
                .run(&filled, &environment, interrupt, &mut *judge);
            match run {
                Ok(run) => {
                    return Ok(Measured {
                        answer: match run.ended {
                            Ended::Value(value) => Answer::Value(value),
                            Ended::Pruned => Answer::Pruned,
                            Ended::Interrupted => Answer::Interrupted,
                        },
                        peak_mib: Some(run.peak_mib),
                    });
                }
                Err(CommandError::Study(error)) => return Err(error.into()),
                Err(error) if left > 0 => {
                    left -= 1;
                    tracing::warn!("{error}; tried again");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
