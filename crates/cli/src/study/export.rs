//! `qstride study export`: the trials as a file.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use qstride_study::Study;
use serde_json::json;

use super::place::{Place, recipe_of};
use super::show::{parameter_names, trial_json};
use crate::folder::Folder;

/// Write all trials, with parameters, values, intermediate values and attributes, to a file.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// trials.csv (a row a trial), or trials.json (everything).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Writes the file.
///
/// # Errors
/// When its name ends neither in .csv nor in .json, or it cannot be written.
pub fn run(options: &ExportOptions) -> Result<()> {
    let study = options.place.study()?;
    let extension = options.file.extension().and_then(|e| e.to_str());
    let bytes = match extension {
        Some("csv") => csv(&study)?,
        Some("json") => json(&study)?,
        _ => bail!(
            "{}: the name must end in .csv or .json",
            options.file.display()
        ),
    };
    let name = options.file.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} is no file name", options.file.display()))?;
    let parent = options.file.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = Folder::open(parent.unwrap_or(".".as_ref()))?;
    folder.write(name, &bytes)?;
    println!("written to {}", options.file.display());
    Ok(())
}

fn csv(study: &Study) -> Result<Vec<u8>> {
    let history = study.history()?;
    let names = parameter_names(&history);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = ["number", "state", "value", "seconds", "peak_mib"]
        .map(str::to_owned)
        .to_vec();
    header.extend(names.iter().map(|name| format!("params_{name}")));
    writer.write_record(&header)?;
    for trial in history.trials() {
        let text = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
        let mut row = vec![
            trial.number.to_string(),
            trial.state.name().to_owned(),
            text(trial.value),
            text(trial.seconds()),
            text(trial.user.get("peak_mib").and_then(|v| v.as_f64())),
        ];
        row.extend(names.iter().map(|name| {
            let param = trial.params.get(name);
            param.map_or(String::new(), |param| param.external().to_string())
        }));
        writer.write_record(&row)?;
    }
    Ok(writer.into_inner()?)
}

fn json(study: &Study) -> Result<Vec<u8>> {
    let mut trials = Vec::new();
    for trial in study.history()?.trials() {
        let reports = study.lock_storage().reports(trial.id)?;
        let mut object = trial_json(trial);
        // JSON has no NaN: those are null.
        object["intermediate"] = json!(reports);
        trials.push(object);
    }
    let object = json!({
        "study": study.name(),
        "direction": study.direction(),
        "recipe": recipe_of(study)?,
        "commit": crate::train::COMMIT,
        "trials": trials,
    });
    Ok(serde_json::to_vec_pretty(&object)?)
}
