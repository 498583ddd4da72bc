//! `qstride study enqueue`, `retry` and `delete`.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use anyhow::{Result, bail};
use clap::Args;
use qstride_study::{Choice, TrialState};
use serde_json::json;

use super::place::{Place, recipe_of};

/// Put a configuration of one's own in the queue; what it leaves out is sampled.
#[derive(Debug, Args)]
pub struct EnqueueOptions {
    /// NAME=VALUE, as often as wanted.
    #[arg(required = true, value_name = "NAME=VALUE", value_parser = assignment)]
    values: Vec<(String, Choice)>,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Put failed trials in the queue again, with the same parameters.
#[derive(Debug, Args)]
pub struct RetryOptions {
    /// The trials' numbers; all failed ones that were not tried again, where nothing is said.
    #[arg(value_name = "TRIAL")]
    numbers: Vec<u64>,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Delete a study with all its trials.
#[derive(Debug, Args)]
pub struct DeleteOptions {
    #[command(flatten)]
    place: Place,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

fn assignment(text: &str) -> Result<(String, Choice), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Choice::Text(value.to_owned()));
    Ok((name.to_owned(), value))
}

/// Enqueues a configuration.
///
/// # Errors
/// When the study has no such parameter, or a value is none of its values.
pub fn enqueue(options: &EnqueueOptions) -> Result<()> {
    let study = options.place.study()?;
    let values: BTreeMap<String, Choice> = options.values.iter().cloned().collect();
    if values.len() < options.values.len() {
        bail!("a parameter is given twice");
    }
    if let Some(recipe) = recipe_of(&study)? {
        for (name, value) in &values {
            let Some(parameter) = recipe.space.parameters().get(name) else {
                let names: Vec<&str> = recipe
                    .space
                    .parameters()
                    .keys()
                    .map(String::as_str)
                    .collect();
                bail!(
                    "the study {} has no parameter {name}; it has {}",
                    study.name(),
                    names.join(", ")
                );
            };
            parameter.distribution.internal(name, value)?;
        }
    }
    let number = study.enqueue(&values)?;
    if options.json {
        println!("{}", json!({"number": number}));
    } else {
        println!("trial {number} waits for a worker");
    }
    Ok(())
}

/// Enqueues failed trials again.
///
/// # Errors
/// When a number is not that of a failed trial.
pub fn retry(options: &RetryOptions) -> Result<()> {
    let study = options.place.study()?;
    let history = study.history()?;
    let again: Vec<u64> = history
        .trials()
        .iter()
        .filter_map(|trial| trial.system.get("retry_history")?.as_array().cloned())
        .flatten()
        .filter_map(|number| number.as_u64())
        .collect();
    let chosen = if options.numbers.is_empty() {
        let failed = history.in_state(TrialState::Fail);
        failed
            .filter(|trial| !again.contains(&trial.number))
            .collect()
    } else {
        let mut chosen = Vec::new();
        for &number in &options.numbers {
            match history.trials().get(number as usize) {
                Some(trial) if trial.state == TrialState::Fail => chosen.push(trial),
                Some(trial) => bail!("trial {number} is {}, not failed", trial.state),
                None => bail!(
                    "the study {} has no trial {number}; it has {}",
                    study.name(),
                    history.trials().len()
                ),
            }
        }
        chosen
    };
    let mut numbers = Vec::new();
    for trial in chosen {
        numbers.extend(study.retry(trial, usize::MAX)?);
    }
    if options.json {
        println!("{}", json!({"numbers": numbers}));
    } else if numbers.is_empty() {
        println!("no trial has failed");
    } else {
        println!(
            "{} wait for a worker: {numbers:?}",
            crate::table::count(numbers.len(), "trial", "trials")
        );
    }
    Ok(())
}

/// Deletes a study.
///
/// # Errors
/// When nobody says yes.
pub fn delete(options: &DeleteOptions) -> Result<()> {
    let study = options.place.study()?;
    let trials = study.history()?.trials().len();
    if !options.yes {
        if !std::io::stdin().is_terminal() {
            bail!(
                "the study {} has {trials} trials: say --yes to delete them",
                study.name()
            );
        }
        print!(
            "delete the study {} with {trials} trials? [y/N] ",
            study.name()
        );
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !answer.trim().eq_ignore_ascii_case("y") {
            bail!("nothing is deleted");
        }
    }
    let id = study.id();
    study.lock_storage().delete_study(id)?;
    println!("the study {} with {trials} trials is deleted", study.name());
    Ok(())
}
