//! `qstride inspect`: what a checkpoint is, how it acts, and what it was trained on.

pub mod behaviour;
pub mod map;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use qstride_control::Checkpoint;
use serde_json::json;

use crate::plot::{Axis, bars};

/// Show what a checkpoint is, how it acts and what it was trained on.
#[derive(Debug, Args)]
pub struct Options {
    /// The checkpoint's folder, or the folder of a run.
    checkpoint: PathBuf,
    /// Draw maps of the policy, and its action shares, into this folder.
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The two features that the maps show, separated by a comma.
    #[arg(long, value_name = "X,Y", value_parser = two_names, requires = "out")]
    map: Option<(String, String)>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn two_names(text: &str) -> Result<(String, String), String> {
    match text.split_once(',') {
        Some((x, y)) if !y.contains(',') => Ok((x.trim().to_owned(), y.trim().to_owned())),
        _ => Err(
            "two features separated by a comma, such as gradient_cosine,decrease_ratio".to_owned(),
        ),
    }
}

/// Shows a checkpoint.
pub fn run(options: &Options) -> Result<()> {
    let checkpoint = Checkpoint::load(&options.checkpoint)?;
    let behaviour = behaviour::watch(&checkpoint)?;
    let actions: Vec<String> = checkpoint
        .actions()
        .actions
        .iter()
        .map(ToString::to_string)
        .collect();
    let shares: Vec<(String, f64)> = actions
        .iter()
        .cloned()
        .zip(behaviour.shares.iter().copied())
        .collect();
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let (x, y) = options
            .map
            .clone()
            .unwrap_or_else(|| map::usual(&checkpoint));
        map::draw(&checkpoint, &behaviour, &x, &y, folder)?;
        let percent: Vec<(String, f64)> =
            shares.iter().map(|(a, s)| (a.clone(), 100.0 * s)).collect();
        let title = format!(
            "{}: how often it takes each action",
            checkpoint.manifest.name
        );
        bars(
            &folder.join("action_shares"),
            &title,
            &Axis::linear("share of decisions (%)"),
            &percent,
        )?;
    }
    if options.json {
        let shares: serde_json::Map<_, _> =
            shares.iter().map(|(a, s)| (a.clone(), json!(s))).collect();
        let report = json!({
            "manifest": checkpoint.manifest,
            "state": checkpoint.state().labels(),
            "parameters": checkpoint.manifest.network.parameters(),
            "members": checkpoint.policy.members(),
            "situations": behaviour.choices.iter().map(|choices| json!({
                "situation": choices.name,
                "decisions": choices.decisions,
                "shares": choices.shares,
            })).collect::<Vec<_>>(),
            "action_shares": shares,
            "decisions": behaviour.decisions,
        });
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    print(&checkpoint, &behaviour, &shares);
    Ok(())
}

fn print(checkpoint: &Checkpoint, behaviour: &behaviour::Behaviour, shares: &[(String, f64)]) {
    let m = &checkpoint.manifest;
    let line = |name: &str, value: String| println!("{name:<12} {value}");
    let text = |value: &serde_json::Value| value.to_string();
    let list = |value: &serde_json::Value| {
        let names = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    line("name", m.name.clone());
    line("regime", format!("{:?}", m.regime).to_lowercase());
    line("written by", format!("{}, commit {}", m.program, m.commit));
    line(
        "recipe",
        format!(
            "seed {}, SHA-256 {}",
            m.seed,
            &m.recipe_sha256[..12.min(m.recipe_sha256.len())]
        ),
    );
    match &m.schedule {
        Some(schedule) => {
            let stochastic = &m.recipe["stochastic"];
            line(
                "trained on",
                format!(
                    "{} generated tasks with {}, {} decisions",
                    text(&stochastic["tasks"]),
                    text(&stochastic["optimizer"]),
                    text(&m.recipe["steps"])
                ),
            );
            line(
                "schedule",
                serde_json::to_string(schedule).unwrap_or_default(),
            );
        }
        None => {
            line("trained on", list(&m.recipe["families"]));
            line(
                "steps",
                format!(
                    "{} decisions, budget {}",
                    text(&m.recipe["steps"]),
                    text(&m.recipe["budget"])
                ),
            );
        }
    }
    line("validation", text(&m.evaluation["validation"]));
    let hidden = m
        .network
        .hidden
        .iter()
        .map(|w| format!("-{w}"))
        .collect::<String>();
    line(
        "network",
        format!(
            "{} of {}{hidden}-{}, {} numbers each",
            checkpoint.policy.members(),
            m.network.inputs,
            m.network.actions,
            m.network.parameters()
        ),
    );
    let features = m.features.iter().map(|f| {
        if f.history > 1 {
            format!("{} (last {})", f.name, f.history)
        } else {
            f.name.clone()
        }
    });
    line("sees", features.collect::<Vec<_>>().join(", "));
    line(
        "acceptance",
        serde_json::to_string(&m.action_set.acceptance).unwrap_or_default(),
    );
    println!(
        "\naction shares over {} decisions on fresh problems:",
        behaviour.decisions
    );
    for (action, share) in shares {
        println!(
            "  {action:<16} {:>5.1} %  {}",
            100.0 * share,
            "#".repeat((40.0 * share).round() as usize)
        );
    }
    println!("\nin % by situation:");
    let heads: String = shares.iter().map(|(a, _)| format!("{a:>16}")).collect();
    println!("  {:<48} {:>9}{heads}", "", "decisions");
    for choices in &behaviour.choices {
        let row = choices
            .shares
            .iter()
            .map(|s| format!("{:>16.0}", 100.0 * s));
        println!(
            "  {:<48} {:>9}{}",
            choices.name,
            choices.decisions,
            row.collect::<String>()
        );
    }
}
