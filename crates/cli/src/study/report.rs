//! What came of a study: for people, for programs, and as a report with plots.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use qstride_objectives::Streams;
use qstride_study::{
    History, Importance, ImportanceSettings, ParamImportance, Study, Tally, TrialState,
};
use serde_json::json;
use time::OffsetDateTime;

use super::place::{Place, recipe_of};
use super::recipe::StudyRecipe;
use super::show::{in_words, table, trial_json};
use super::{confirm, figures};
use crate::folder::Folder;
use crate::report::{Document, Figure};
use crate::table::Table;

/// Fewer completed trials say nothing of importance.
const FEW: usize = 10;

/// Draw the plots of a study and write its report: report.html, report.md and one SVG and PNG a plot.
#[derive(Debug, Args)]
pub struct PlotOptions {
    #[command(flatten)]
    place: Place,
    /// The folder; runs/study-NAME where nothing is said.
    #[arg(long, value_name = "FOLDER")]
    out: Option<std::path::PathBuf>,
}

/// Say how much of the variance of the values each parameter explains.
#[derive(Debug, Args)]
pub struct ImportanceOptions {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Draws and writes.
///
/// # Errors
/// When there is nothing to draw, or a file cannot be written.
pub fn plot(options: &PlotOptions) -> Result<()> {
    let study = options.place.study()?;
    // Says what is missing where no trial is complete.
    study.best()?;
    let folder = folder_of(&study, options.out.as_deref())?;
    write_into(&study, recipe_of(&study)?.as_ref(), &folder)?;
    println!("written to {}", folder.path().display());
    Ok(())
}

/// Prints the importance of the parameters.
///
/// # Errors
/// When too few trials are complete.
pub fn importance(options: &ImportanceOptions) -> Result<()> {
    let study = options.place.study()?;
    let found = fanova(&study.history()?)?;
    if options.json {
        let params: serde_json::Map<_, _> = found
            .params
            .iter()
            .map(|i| {
                (
                    i.name.clone(),
                    json!({"share": i.share, "deviation": i.deviation, "trials": i.trials}),
                )
            })
            .collect();
        let pairs: Vec<_> = found
            .pairs
            .iter()
            .map(|i| json!({"names": i.names, "share": i.share, "deviation": i.deviation}))
            .collect();
        let object = json!({"trials": found.trials, "params": params, "pairs": pairs});
        println!("{}", serde_json::to_string_pretty(&object)?);
    } else {
        print!("{}", importance_table(&found.params).text());
        if !found.pairs.is_empty() {
            print!("\n{}", pairs_table(&found).text());
        }
    }
    Ok(())
}

/// Prints the best trial and the importance of the parameters.
///
/// # Errors
/// When the storage cannot be read.
pub fn print(study: &Study) -> Result<()> {
    let history = study.history()?;
    println!("{}", counts(&history));
    if let Some(best) = history.best() {
        println!("best: {}", in_words(best));
    }
    let shares = shares_of(&history);
    if !shares.is_empty() {
        print!("\n{}", importance_table(&shares).text());
    }
    Ok(())
}

/// Prints the same as JSON.
///
/// # Errors
/// When the storage cannot be read.
pub fn print_json(study: &Study, tally: Option<&Tally>) -> Result<()> {
    let history = study.history()?;
    let count = |state| history.in_state(state).count();
    let here = tally.map(
        |tally| json!({"complete": tally.complete, "pruned": tally.pruned, "failed": tally.failed}),
    );
    let object = json!({
        "study": study.name(),
        "direction": study.direction(),
        "complete": count(TrialState::Complete),
        "pruned": count(TrialState::Pruned),
        "failed": count(TrialState::Fail),
        "here": here,
        "best": history.best().map(trial_json),
    });
    println!("{}", serde_json::to_string_pretty(&object)?);
    Ok(())
}

/// Writes the report of a run.
///
/// # Errors
/// When a file cannot be written.
pub fn write(study: &Study, recipe: &StudyRecipe, out: Option<&Path>, quiet: bool) -> Result<()> {
    let folder = folder_of(study, out)?;
    write_into(study, Some(recipe), &folder)?;
    if !quiet {
        println!("\nreport: {}", folder.path().join("report.html").display());
    }
    Ok(())
}

/// The folder of a study's report. A report is made of the database: it may be made again at any time.
fn folder_of(study: &Study, out: Option<&Path>) -> Result<Folder> {
    match out {
        Some(path) => Folder::open(path),
        None => {
            let plain = |c: char| {
                if c.is_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '-'
                }
            };
            let name: String = study.name().chars().map(plain).take(80).collect();
            Folder::open(&Path::new("runs").join(format!("study-{name}")))
        }
    }
}

fn write_into(study: &Study, recipe: Option<&StudyRecipe>, folder: &Folder) -> Result<()> {
    let history = study.history()?;
    let shares = shares_of(&history);
    let date = OffsetDateTime::now_utc().date();
    let mut document = Document::new(
        format!("Study {}", study.name()),
        format!("qstride {}, {date}", env!("CARGO_PKG_VERSION")),
    );
    let section = document.section("Result");
    section.paragraph(counts(&history));
    if let Some(best) = history.best() {
        section.paragraph(format!("Best: {}.", in_words(best)));
    }
    section.note(
        "The best value of a study flatters its configuration: it was chosen for its value. What it is worth on seeds that the study has not seen \
         stands under Confirmation, once `qstride study confirm` has run.",
    );
    if let Some(confirmed) = confirm::read(study)? {
        let section = document.section("Confirmation");
        section.paragraph(confirmed.in_words());
        section.table(confirmed.table());
    }
    if !shares.is_empty() {
        document
            .section("Importance")
            .table(importance_table(&shares));
    }
    let section = document.section("Plots");
    for plot in figures::draw(study, &shares, folder.path())? {
        let figure = Figure::read(folder.path(), &plot.name, plot.title)?;
        section.figure(figure.caption(plot.caption));
    }
    document
        .section("Trials")
        .table(table(&history, "All trials; s is wall time in seconds"));
    if let Some(recipe) = recipe {
        repeat(&mut document, study, recipe)?;
    }
    document.save(folder, "report")
}

/// What another person needs to repeat the study.
fn repeat(document: &mut Document, study: &Study, recipe: &StudyRecipe) -> Result<()> {
    let section = document.section("To repeat it");
    section.settings([
        ("program", format!("qstride {}", env!("CARGO_PKG_VERSION"))),
        ("commit", crate::train::COMMIT.to_owned()),
        ("sampler", recipe.sampler.clone()),
        ("pruner", recipe.pruner.clone()),
        ("seed", recipe.seed.to_string()),
        ("seeds of a configuration", recipe.seeds.to_string()),
        ("storage", study.lock_storage().address()),
    ]);
    section.paragraph(
        "Save this as recipe.json and run `qstride study run recipe.json`. One worker repeats every trial; with several, what a trial knows of \
         the others depends on who was faster.",
    );
    section.preformatted(serde_json::to_string_pretty(recipe)?);
    Ok(())
}

/// None where there are too few trials.
fn shares_of(history: &History) -> Vec<ParamImportance> {
    if history.complete().count() < FEW {
        return Vec::new();
    }
    fanova(history).map_or(Vec::new(), |found| found.params)
}

/// The same trials give the same shares.
fn fanova(history: &History) -> Result<Importance> {
    let mut dice = Streams::new(0).stream("importance");
    Ok(qstride_study::importance(
        history,
        &ImportanceSettings::default(),
        &mut dice,
    )?)
}

fn importance_table(shares: &[ParamImportance]) -> Table {
    let rows = shares.iter().map(|i| {
        vec![
            i.name.clone(),
            format!("{:.3}", i.share),
            format!("{:.3}", i.deviation),
            i.trials.to_string(),
        ]
    });
    let header = ["parameter", "share", "deviation over trees", "trials"];
    Table::new(
        "Share of the variance that a parameter explains by itself (fANOVA)".to_owned(),
        header.map(str::to_owned).to_vec(),
        rows.collect(),
    )
}

fn pairs_table(found: &Importance) -> Table {
    let rows = found.pairs.iter().map(|i| {
        vec![
            i.names.join(" and "),
            format!("{:.3}", i.share),
            format!("{:.3}", i.deviation),
        ]
    });
    let header = ["pair", "share", "deviation over trees"];
    Table::new(
        "Share that two explain together, beyond what each explains by itself".to_owned(),
        header.map(str::to_owned).to_vec(),
        rows.collect(),
    )
}

fn counts(history: &History) -> String {
    let count = |state| history.in_state(state).count();
    format!(
        "{} trials are complete, {} pruned, {} failed.",
        count(TrialState::Complete),
        count(TrialState::Pruned),
        count(TrialState::Fail)
    )
}
