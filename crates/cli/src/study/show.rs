//! `qstride study list`, `status`, `best` and `trials`.

use anyhow::Result;
use clap::Args;
use qstride_study::{Choice, FrozenTrial, History, TrialState};
use serde_json::{Value, json};

use super::place::{Place, recipe_of};
use crate::table::Table;

/// What is shown of which study.
#[derive(Debug, Args)]
pub struct ShowOptions {
    #[command(flatten)]
    pub place: Place,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Name the studies of a storage.
pub fn list(options: &ShowOptions) -> Result<()> {
    let mut storage = options.place.storage()?;
    let studies = storage.studies()?;
    if options.json {
        let studies: Vec<Value> = studies
            .iter()
            .map(|study| json!({"name": study.name, "direction": study.direction}))
            .collect();
        println!("{}", serde_json::to_string_pretty(&studies)?);
        return Ok(());
    }
    for study in studies {
        println!("{} ({})", study.name, study.direction);
    }
    Ok(())
}

/// How far a study is.
pub fn status(options: &ShowOptions) -> Result<()> {
    let study = options.place.study()?;
    let history = study.history()?;
    let count = |state| history.in_state(state).count();
    let wanted = recipe_of(&study)?.map(|recipe| recipe.trials);
    let best = history.best();
    if options.json {
        let status = json!({
            "study": study.name(),
            "direction": study.direction(),
            "wanted": wanted,
            "complete": count(TrialState::Complete),
            "pruned": count(TrialState::Pruned),
            "running": count(TrialState::Running),
            "waiting": count(TrialState::Waiting),
            "failed": count(TrialState::Fail),
            "best": best.map(trial_json),
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    println!("{} ({})", study.name(), study.direction());
    for state in [
        TrialState::Complete,
        TrialState::Pruned,
        TrialState::Running,
        TrialState::Waiting,
        TrialState::Fail,
    ] {
        println!("  {:<9} {:>5}", state.to_string(), count(state));
    }
    if let Some(wanted) = wanted {
        println!("  {:<9} {wanted:>5}", "wanted");
    }
    match best {
        Some(best) => println!("best so far: {}", in_words(best)),
        None => println!("no trial is complete yet"),
    }
    Ok(())
}

/// The best trial.
pub fn best(options: &ShowOptions) -> Result<()> {
    let study = options.place.study()?;
    let best = study.best()?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&trial_json(&best))?);
    } else {
        println!("{}", in_words(&best));
    }
    Ok(())
}

/// All trials.
pub fn trials(options: &ShowOptions) -> Result<()> {
    let study = options.place.study()?;
    let history = study.history()?;
    if options.json {
        for trial in history.trials() {
            println!("{}", serde_json::to_string(&trial_json(trial))?);
        }
    } else {
        print!("{}", table(&history, study.name()).text());
    }
    Ok(())
}

/// The trials as a table, a column a parameter.
pub fn table(history: &History, title: &str) -> Table {
    let names = parameter_names(history);
    let mut header = vec![
        "trial".to_owned(),
        "state".to_owned(),
        "value".to_owned(),
        "s".to_owned(),
    ];
    header.extend(names.iter().cloned());
    let rows =
        history.trials().iter().map(|trial| {
            let mut row = vec![
                trial.number.to_string(),
                trial.state.to_string(),
                trial.value.map_or(String::new(), short),
                trial.seconds().map_or(String::new(), |s| format!("{s:.1}")),
            ];
            row.extend(names.iter().map(
                |name| match trial.params.get(name).map(|p| p.external()) {
                    Some(Choice::Float(value)) => short(value),
                    Some(value) => value.to_string(),
                    None => String::new(),
                },
            ));
            row
        });
    Table::new(title.to_owned(), header, rows.collect())
}

/// The names of all parameters that any trial had.
pub fn parameter_names(history: &History) -> Vec<String> {
    let mut names: Vec<String> = history
        .trials()
        .iter()
        .flat_map(|trial| trial.params.keys().cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Four significant digits.
pub fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if (1e-3..1e5).contains(&value.abs()) {
        let digits = (3 - value.abs().log10().floor() as i32).max(0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.3e}")
    }
}

/// A trial in one line.
pub fn in_words(trial: &FrozenTrial) -> String {
    let params: Vec<String> = trial
        .params
        .iter()
        .map(|(name, param)| match param.external() {
            Choice::Float(value) => format!("{name} {}", short(value)),
            value => format!("{name} {value}"),
        })
        .collect();
    let value = trial.value.map_or("no value".to_owned(), short);
    format!("{value} by trial {}: {}", trial.number, params.join(", "))
}

/// A trial for programs. A value that is not finite is a text.
pub fn trial_json(trial: &FrozenTrial) -> Value {
    let number = |value: f64| {
        if value.is_finite() {
            json!(value)
        } else {
            json!(value.to_string())
        }
    };
    json!({
        "number": trial.number,
        "state": trial.state,
        "value": trial.value.map(number),
        "params": trial.external_params(),
        "seconds": trial.seconds(),
        "start": trial.start.map(|t| t.to_string()),
        "end": trial.end.map(|t| t.to_string()),
        "user": trial.user,
        "system": trial.system,
    })
}
