//! `qstride bench compare`: how long the comparisons take that a reviewer would ask for.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;
use qstride::{PRETRAINED, PRETRAINED_SCHEDULES};
use qstride_control::rivals::RIVALS;
use qstride_control::rivals::stochastic::STOCHASTIC_RIVALS;
use serde_json::json;

use crate::compare::harness::{Carrying, Comparison};
use crate::compare::plan::Plan;
use crate::compare::progress_bar;
use crate::compare::recipe::Recipe;
use crate::table::Table;

/// The number of methods on exact objectives.
const DETERMINISTIC_METHODS: usize = 20;
/// The number of methods by minibatches.
const TRAINING_METHODS: usize = 24;
/// Scripted schedules, which find their own rate.
const RULES: [&str; 2] = ["rule:momentum", "rule:adam"];

/// What `qstride bench compare` takes.
///
/// Both comparisons run in this process, as `qstride compare` runs them, but without journal, statistics and report; drawing the problems and
/// loading the policies is in the time. The deterministic one has the 200 instances of peer200, 202 evaluations a run and 20 methods;
/// the other one trains mlp:32 on the digits for 15 passes with 24 methods, none of which is tuned, from 5 seeds.
#[derive(Debug, Args)]
pub struct Options {
    /// Threads; as many as there are cores where nothing is said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The same methods on less: 22 evaluations a run; 1 pass, 1 seed.
    #[arg(long)]
    quick: bool,
    /// One JSON object: threads, quick, and for deterministic and training each methods, runs, seconds, microseconds_per_run, bar_seconds (null
    /// with --quick).
    #[arg(long)]
    json: bool,
}

/// A comparison and the time in which it should be done.
struct Setting {
    name: &'static str,
    about: String,
    recipe: Recipe,
    /// Seconds on 2 cores.
    bar: f64,
}

/// What a comparison came to.
struct Timing {
    methods: usize,
    runs: usize,
    seconds: f64,
}

/// Times both comparisons.
///
/// # Errors
/// When threads cannot be started.
pub fn run(options: &Options) -> Result<()> {
    let settings = [deterministic(options.quick), training(options.quick)];
    let progress = progress_bar(options.json);
    let timings = settings
        .iter()
        .map(|setting| setting.time(options.threads.map(usize::from), &progress));
    let timings: Vec<Timing> = timings.collect::<Result<_>>()?;
    progress.finish_and_clear();
    let threads = options
        .threads
        .map_or_else(rayon::current_num_threads, usize::from);
    let timed = || settings.iter().zip(&timings);
    if options.json {
        let mut object = json!({ "threads": threads, "quick": options.quick });
        for (setting, timing) in timed() {
            let mut fields = timing.to_json();
            fields["bar_seconds"] = json!((!options.quick).then_some(setting.bar));
            object[setting.name] = fields;
        }
        println!("{}", serde_json::to_string_pretty(&object)?);
        return Ok(());
    }
    let rows = timed().map(|(setting, timing)| {
        vec![
            setting.about.clone(),
            timing.methods.to_string(),
            timing.runs.to_string(),
            format!("{:.2}", timing.seconds),
            if options.quick {
                "-".to_owned()
            } else {
                format!("{:.0}", setting.bar)
            },
            format!("{:.1}", timing.microseconds_per_run()),
        ]
    });
    let header = ["comparison", "methods", "runs", "seconds", "bar", "us/run"];
    let title = format!("threads: {threads}");
    let table = Table::new(title, header.map(str::to_owned).to_vec(), rows.collect());
    print!("{}", table.text());
    Ok(())
}

/// The comparison on exact objectives.
fn deterministic(quick: bool) -> Setting {
    let budget = if quick { 22 } else { 202 };
    Setting {
        name: "deterministic",
        about: format!("peer200, {budget} evaluations"),
        recipe: Recipe {
            budget,
            methods: deterministic_methods(),
            ..Recipe::default()
        },
        bar: 10.0,
    }
}

/// The comparison by minibatches.
fn training(quick: bool) -> Setting {
    let (epochs, seeds) = if quick { (1, 1) } else { (15, 5) };
    let mut recipe = Recipe {
        epochs: Some(epochs),
        seeds,
        methods: training_methods(),
        ..Recipe::default()
    };
    recipe.problems.data = Some("digits".into());
    recipe.problems.model = vec!["mlp:32".to_owned()];
    Setting {
        name: "training",
        about: format!("digits mlp:32, passes: {epochs}, seeds: {seeds}"),
        recipe,
        bar: 300.0,
    }
}

/// The register of classic methods, then policies that ship.
fn deterministic_methods() -> Vec<String> {
    let register = RIVALS.iter().map(|rival| rival.name);
    let names = register.chain(PRETRAINED).take(DETERMINISTIC_METHODS);
    names.map(str::to_owned).collect()
}

/// Every stochastic method at its published rate, what finds its own, and then methods that have a rate under a cosine.
fn training_methods() -> Vec<String> {
    let register = STOCHASTIC_RIVALS.iter().map(|rival| rival.name);
    let names = register.chain(RULES).chain(PRETRAINED_SCHEDULES);
    let tunable = STOCHASTIC_RIVALS.iter().filter(|rival| rival.tunable);
    names
        .map(str::to_owned)
        .chain(tunable.map(|rival| format!("{}/cosine", rival.name)))
        .take(TRAINING_METHODS)
        .collect()
}

impl Setting {
    /// Runs it.
    fn time(&self, threads: Option<usize>, progress: &ProgressBar) -> Result<Timing> {
        progress.reset();
        let clock = Instant::now();
        let plan = Plan::new(&self.recipe)?;
        let how = Carrying {
            threads,
            progress,
            // Ctrl-C ends the program: there is nothing to keep.
            interrupted: &AtomicBool::new(false),
            journal: None,
            command: "",
        };
        let comparison = Comparison::run(plan, &how)?.context("interrupted")?;
        Ok(Timing {
            seconds: clock.elapsed().as_secs_f64(),
            methods: comparison.plan.methods.len(),
            runs: comparison.runs.len(),
        })
    }
}

impl Timing {
    /// Of wall time, all threads together.
    fn microseconds_per_run(&self) -> f64 {
        1e6 * self.seconds / self.runs as f64
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "methods": self.methods,
            "runs": self.runs,
            "seconds": self.seconds,
            "microseconds_per_run": self.microseconds_per_run(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_methods_as_the_bars_were_set_for() {
        let names = |setting: Setting| -> Vec<String> {
            let methods = Plan::new(&setting.recipe).unwrap().methods;
            methods.into_iter().map(|method| method.name).collect()
        };
        let exact = names(deterministic(false));
        assert_eq!(exact.len(), 20);
        assert_eq!([&exact[0], &exact[19]], ["armijo", "proposals"]);
        let training = names(training(true));
        assert_eq!(training.len(), 24);
        for name in ["sgd", "ponos", "rule:adam", "schedule-adam", "sgd/cosine"] {
            assert!(training.iter().any(|n| n == name), "{name}: {training:?}");
        }
    }
}
