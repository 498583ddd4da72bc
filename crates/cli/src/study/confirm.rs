//! `qstride study confirm`: the best configurations once more, on seeds that no trial has seen, beside the default.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use qstride_objectives::Streams;
use qstride_statistics::Interval;
use qstride_study::storage::Setter;
use qstride_study::{
    Center, Comparison, Direction, FinalistSettings, FrozenTrial, History, Study, Verdict,
    compare_finalists,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::objective::{Answer, Values, task};
use super::place::{Place, recipe_of};
use super::recipe::StudyRecipe;
use super::show::short;
use crate::interrupt::watch_for_ctrl_c;
use crate::table::{Table, count};

/// The user attribute that holds what was measured.
const CONFIRMED: &str = "qstride:confirmed";

/// Measure the best configurations again on seeds that the study has not seen, beside the default configuration; a data task on its held-out rows too.
///
/// The best value of a study flatters its configuration, which was chosen for it. This says what it is worth: the mean over fresh seeds with a
/// bootstrap interval, and a paired test against the default. Ctrl-C keeps what is measured; the same call goes on.
#[derive(Debug, Args)]
pub struct ConfirmOptions {
    #[command(flatten)]
    place: Place,
    /// How many of the best [default: as the recipe says, or 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: Option<u16>,
    /// On how many fresh seeds [default: as the recipe says, or 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Whether small values are good.
    direction: Direction,
    /// The first seed; the others follow.
    first_seed: u64,
    /// How many.
    seeds: u64,
    /// The configurations; what the others are compared with first: the default, or the best of the study where there is none.
    candidates: Vec<Candidate>,
}

/// A configuration and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Candidate {
    /// Its trial; none for the default.
    trial: Option<u64>,
    params: Values,
    /// Its value in the study.
    study_value: Option<f64>,
    /// One a seed.
    values: Vec<Number>,
    /// One a seed on what no trial has seen, where there is such a thing.
    test: Vec<Number>,
}

/// A number that JSON can hold whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Option<f64>", into = "Option<f64>")]
struct Number(f64);

impl From<Option<f64>> for Number {
    fn from(value: Option<f64>) -> Self {
        Self(value.unwrap_or(f64::NAN))
    }
}

impl From<Number> for Option<f64> {
    fn from(number: Number) -> Self {
        Some(number.0).filter(|v| v.is_finite())
    }
}

/// Measures and says what came of it.
///
/// # Errors
/// When the study has no recipe or no completed trial, a configuration fails, or after Ctrl-C.
pub fn run(options: &ConfirmOptions) -> Result<()> {
    let study = options.place.study()?;
    let recipe = recipe_of(&study)?.with_context(|| {
        format!(
            "the study {} was not made by qstride: there is no recipe to run",
            study.name()
        )
    })?;
    study.best()?;
    let top = options.top.map_or(recipe.confirm.top, usize::from);
    let seeds = options.seeds.unwrap_or(recipe.confirm.seeds);
    let mut confirmed = Confirmed {
        direction: study.direction(),
        first_seed: recipe.seed + recipe.seeds,
        seeds,
        candidates: candidates(&recipe, &study.history()?, top),
    };
    if let Some(known) = read(&study)? {
        confirmed.take_over(&known);
    }
    let whole = measure(&study, &recipe, &mut confirmed, options.json)?;
    if !whole {
        bail!("interrupted: what is measured is kept, and the same call goes on");
    }
    if options.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&confirmed.json(&study)?)?
        );
    } else {
        println!("{}", confirmed.in_words());
        print!("{}", confirmed.table().text());
    }
    Ok(())
}

/// What was measured earlier.
///
/// # Errors
/// When the storage cannot be read, or holds something else.
pub fn read(study: &Study) -> Result<Option<Confirmed>> {
    let attributes = study
        .lock_storage()
        .study_attributes(study.id(), Setter::User)?;
    let Some(value) = attributes.get(CONFIRMED) else {
        return Ok(None);
    };
    let confirmed = serde_json::from_value(value.clone());
    Ok(Some(confirmed.with_context(|| {
        format!("the attribute {CONFIRMED} of the study {}", study.name())
    })?))
}

/// The default and the best trials, each configuration once.
fn candidates(recipe: &StudyRecipe, history: &History, top: usize) -> Vec<Candidate> {
    let values = |trial: &FrozenTrial| -> Values {
        let params = trial.params.iter();
        params
            .map(|(name, param)| (name.clone(), param.external()))
            .collect()
    };
    let mut chosen: Vec<Candidate> = Vec::new();
    let default = recipe.space.default_values();
    chosen.extend(default.map(|params| {
        Candidate {
            study_value: history
                .complete()
                .find(|trial| values(trial) == params)
                .and_then(|trial| trial.value),
            trial: None,
            params,
            values: Vec::new(),
            test: Vec::new(),
        }
    }));
    let with_default = chosen.len();
    let mut trials: Vec<&FrozenTrial> = history.complete().collect();
    let loss = |trial: &FrozenTrial| history.loss(trial.number).unwrap_or(f64::INFINITY);
    trials.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    for trial in trials {
        if chosen.len() == top + with_default {
            break;
        }
        let params = values(trial);
        if chosen.iter().all(|known| known.params != params) {
            chosen.push(Candidate {
                trial: Some(trial.number),
                study_value: trial.value,
                params,
                values: Vec::new(),
                test: Vec::new(),
            });
        }
    }
    chosen
}

/// Runs what is missing, seed by seed, and keeps each value at once; `false` after Ctrl-C.
fn measure(
    study: &Study,
    recipe: &StudyRecipe,
    confirmed: &mut Confirmed,
    quiet: bool,
) -> Result<bool> {
    let task = task(recipe)?;
    let interrupted = watch_for_ctrl_c()?;
    let bar = if quiet || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(confirmed.seeds * confirmed.candidates.len() as u64)
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} runs  {eta} left") {
        bar.set_style(style);
    }
    for index in 0..confirmed.seeds {
        for at in 0..confirmed.candidates.len() {
            let candidate = &mut confirmed.candidates[at];
            bar.inc(1);
            if candidate.values.len() > index as usize {
                continue;
            }
            let seed = confirmed.first_seed + index;
            let name = candidate.name();
            let run = task
                .run(&candidate.params, seed, &mut |_, _| Ok(false), &interrupted)
                .with_context(|| format!("{name} with seed {seed}"))?;
            let Answer::Value(value) = run.answer else {
                return Ok(false);
            };
            let test = task.test(&candidate.params, seed, &interrupted)?;
            if interrupted.load(Ordering::SeqCst) {
                return Ok(false);
            }
            candidate.values.push(Number(value));
            candidate.test.extend(test.map(Number));
            let value = serde_json::to_value(&*confirmed)?;
            let mut storage = study.lock_storage();
            storage.set_study_attribute(study.id(), Setter::User, CONFIRMED, &value)?;
        }
    }
    bar.finish_and_clear();
    Ok(true)
}

impl Candidate {
    fn name(&self) -> String {
        match self.trial {
            Some(number) => format!("trial {number}"),
            None => "default".to_owned(),
        }
    }
}

impl Confirmed {
    /// Values of the same configurations on the same seeds need not be measured again.
    fn take_over(&mut self, known: &Self) {
        if known.first_seed != self.first_seed {
            return;
        }
        for candidate in &mut self.candidates {
            let same = known
                .candidates
                .iter()
                .find(|k| k.params == candidate.params);
            if let Some(same) = same {
                let count = |values: &[Number]| values.len().min(self.seeds as usize);
                candidate.values = same.values[..count(&same.values)].to_vec();
                candidate.test = same.test[..count(&same.test)].to_vec();
            }
        }
    }

    /// The first configuration and how the others stand beside it, on one kind of values.
    fn comparison(&self, of: fn(&Candidate) -> &[Number]) -> Option<Comparison> {
        let values = |candidate: &Candidate| of(candidate).iter().map(|n| n.0).collect();
        let all: Vec<Vec<f64>> = self.candidates.iter().map(values).collect();
        let (reference, others) = all.split_first()?;
        let settings = FinalistSettings {
            center: Center::Mean,
            ..FinalistSettings::default()
        };
        let mut dice = Streams::new(0).stream("finalists");
        compare_finalists(self.direction, reference, others, &settings, &mut dice).ok()
    }

    /// What holds, in a sentence.
    pub fn in_words(&self) -> String {
        let reference = self
            .candidates
            .first()
            .map_or(String::new(), Candidate::name);
        format!(
            "{} on {} fresh seeds ({} to {}): means with 95 % bootstrap intervals; differences from {reference} in pairs by seed; p of Wilcoxon's \
             signed-rank test, corrected by Holm for the number of configurations.",
            count(self.candidates.len(), "configuration", "configurations"),
            self.seeds,
            self.first_seed,
            self.first_seed + self.seeds - 1
        )
    }

    /// A row a configuration.
    pub fn table(&self) -> Table {
        let mut header = vec!["configuration", "in the study"];
        let mut rows: Vec<Vec<String>> = self
            .candidates
            .iter()
            .map(|candidate| {
                let value = candidate.study_value.map_or(String::new(), short);
                vec![candidate.name(), value]
            })
            .collect();
        if let Some(comparison) = self.comparison(|c| &c.values) {
            header.extend(["mean", "95 %", "difference", "95 %", "p", ""]);
            extend(&mut rows, &comparison);
        }
        if let Some(comparison) = self.comparison(|c| &c.test) {
            header.extend(["test mean", "95 %", "difference", "95 %", "p", ""]);
            extend(&mut rows, &comparison);
        }
        let header = header.into_iter().map(str::to_owned).collect();
        Table::new("On fresh seeds".to_owned(), header, rows)
    }

    fn json(&self, study: &Study) -> Result<serde_json::Value> {
        let mut object = serde_json::to_value(self)?;
        object["study"] = json!(study.name());
        object["on_values"] = self
            .comparison(|c| &c.values)
            .map_or(json!(null), |c| comparison_json(&c));
        object["on_test"] = self
            .comparison(|c| &c.test)
            .map_or(json!(null), |c| comparison_json(&c));
        Ok(object)
    }
}

/// Mean, interval, difference, interval, p-value and verdict of every row.
fn extend(rows: &mut [Vec<String>], comparison: &Comparison) {
    let cells = |interval: &Interval| {
        [
            short(interval.estimate),
            format!("{} to {}", short(interval.low), short(interval.high)),
        ]
    };
    let Some((reference, others)) = rows.split_first_mut() else {
        return;
    };
    reference.extend(cells(&comparison.default.center));
    reference.extend(["", "", "", ""].map(str::to_owned));
    for (row, finalist) in others.iter_mut().zip(&comparison.finalists) {
        row.extend(cells(&finalist.measured.center));
        row.extend(cells(&finalist.difference));
        row.push(format!("{:.3}", finalist.adjusted_p_value));
        row.push(
            match finalist.verdict {
                Verdict::Better => "better",
                Verdict::Worse => "worse",
                Verdict::Undecided => "undecided",
            }
            .to_owned(),
        );
    }
}

fn comparison_json(comparison: &Comparison) -> serde_json::Value {
    let interval = |i: &Interval| json!({"estimate": i.estimate, "low": i.low, "high": i.high});
    let finalists: Vec<_> = comparison
        .finalists
        .iter()
        .map(|f| {
            json!({
                "mean": interval(&f.measured.center),
                "failures": f.measured.failures,
                "difference": interval(&f.difference),
                "p_value": f.p_value,
                "adjusted_p_value": f.adjusted_p_value,
                "verdict": f.verdict,
            })
        })
        .collect();
    json!({
        "reference": interval(&comparison.default.center),
        "finalists": finalists,
        "least_p_value": comparison.least_p_value,
    })
}
