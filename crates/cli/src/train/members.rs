//! A policy of several members: each is trained in a folder of its own, then the checkpoints become one.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use qstride_agent::{Recipe, export};
use qstride_control::Checkpoint;
use serde_json::json;

use super::{COMMIT, Options, Run, compare_with_line_searches, figures, summary, tell};

/// The recipe of the run in this folder, if it has several members.
pub fn recipe_of(folder: &Path) -> Option<Recipe> {
    // Without the file it may be a run all the same: its training state knows the recipe.
    let text = fs::read_to_string(folder.join("recipe.json")).ok()?;
    let recipe = Recipe::from_json(&text).ok()?;
    (recipe.members > 1).then_some(recipe)
}

/// Trains the members that are not trained yet, one after another, and puts them together.
pub fn run(
    options: &Options,
    recipe: &Recipe,
    folder: &Path,
    interrupted: &AtomicBool,
) -> Result<()> {
    let mut summaries = Vec::new();
    let mut checkpoints = Vec::new();
    for index in 0..recipe.members {
        let place = folder.join(format!("member-{index}"));
        let run = if place.join("train_state/state.json").exists() {
            Run::resume(&place, options)?
        } else {
            // Killed before it had saved anything.
            if place.exists() {
                fs::remove_dir_all(&place)
                    .with_context(|| format!("cannot replace {}", place.display()))?;
            }
            Run::begin(&recipe.member(index), &place, options)?
        };
        let (trainer, seconds) = run.complete(options, folder, interrupted)?;
        if !options.no_plots {
            figures::draw(&trainer, &place)?;
        }
        if options.json {
            summaries.push(summary(&trainer, &place, seconds)?);
        } else {
            println!("member {} of {}", index + 1, recipe.members);
            tell(&trainer, seconds)?;
        }
        checkpoints.push(Checkpoint::load(&place)?);
    }
    let checkpoint = folder.join("checkpoint");
    export::mean_of(&recipe.check()?, &checkpoints, COMMIT)?.save(&checkpoint)?;
    if options.json {
        let report = json!({ "run": folder, "checkpoint": checkpoint, "members": summaries });
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("checkpoint: {}", checkpoint.display());
    compare_with_line_searches(options, recipe, folder)
}
