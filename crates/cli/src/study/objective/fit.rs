//! Training a model on data, as `qstride fit` does, valued on rows that the training has not seen.

use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use clap::Parser;
use indicatif::ProgressBar;
use qstride_objectives::dataset::{Dataset, Split};
use qstride_study::Command;

use super::super::recipe::{FitObjective, StudyRecipe};
use super::{Answer, Judge, Measured, Task, Values, own_peak_mib};
use crate::fit::examples::Examples;
use crate::fit::score::Score;
use crate::fit::{Options, Plan, Training};

/// The words of `qstride fit` with parameters in braces.
pub struct Fit {
    words: Command,
    names: Vec<String>,
    folds: usize,
    by_score: bool,
    /// The rows that trials may see, and those that they may not.
    seen: Dataset,
    held_out: Dataset,
}

/// The words as a command line.
#[derive(Parser)]
#[command(name = "fit", no_binary_name = true)]
struct Line {
    #[command(flatten)]
    options: Options,
}

impl Fit {
    /// From a recipe; the data are read, and the words tried with the default or the least of every parameter.
    ///
    /// # Errors
    /// When a parameter is not used, the words cannot be understood, or the data cannot be read.
    pub fn new(settings: &FitObjective, recipe: &StudyRecipe) -> Result<Self> {
        let names: Vec<String> = recipe.space.parameters().keys().cloned().collect();
        let words = Command::new(&settings.run, None, names.iter().map(String::as_str))?;
        let any: Values = recipe
            .space
            .parameters()
            .iter()
            .map(|(name, parameter)| {
                let least = || {
                    parameter
                        .distribution
                        .external(parameter.distribution.from_unit(0.0))
                };
                (
                    name.clone(),
                    parameter.default.clone().unwrap_or_else(least),
                )
            })
            .collect();
        let plan = plan(&words.filled(&any, &[]))?;
        // The same rows are held out from all trials and all seeds.
        let (seen, held_out) = plan.data.hold_out(1.0 - plan.test_share, recipe.seed)?;
        Ok(Self {
            words,
            names,
            folds: settings.folds,
            by_score: settings.measure == "score",
            seen,
            held_out,
        })
    }

    fn plan(&self, values: &Values) -> Result<Plan> {
        let unset: Vec<&str> = self.names.iter().map(String::as_str).collect();
        plan(&self.words.filled(values, &unset))
    }

    /// Trains on the first part of a split and scores on the second; nothing when it was interrupted.
    fn value(
        &self,
        plan: &Plan,
        split: &Split,
        seed: u64,
        interrupt: &AtomicBool,
    ) -> Result<Option<f64>> {
        let (train, test) = (Examples::new(split.train()), Examples::new(split.test()));
        let device = plan.device.device();
        let architecture = plan.model.architecture(split.train())?;
        let training = Training {
            architecture: &architecture,
            optimizer: plan.optimizer,
            epochs: plan.epochs,
            batch: plan.batch,
            device: &device,
            progress: &ProgressBar::hidden(),
            interrupted: interrupt,
        };
        let &[(schedule, rate)] = plan.schedules.as_slice() else {
            bail!("one trial is one run: name one schedule and one rate");
        };
        let schedule =
            schedule.start(rate, &plan.schedule_settings(training.steps(train.len())))?;
        let Some(trained) = training.run(&train, &test, schedule, seed) else {
            return Ok(None);
        };
        let Score { loss, test } = crate::fit::score::score(&trained.network, &test, &device);
        Ok(Some(match self.by_score {
            true if test.is_nan() => f64::NEG_INFINITY,
            true => test,
            false if loss.is_nan() => f64::INFINITY,
            false => loss,
        }))
    }
}

/// The plan that the words say.
fn plan(words: &str) -> Result<Plan> {
    let split = shlex(words)?;
    let line = Line::try_parse_from(split)
        .map_err(|error| anyhow::anyhow!("{}", error.render()))
        .with_context(|| format!("`qstride fit {words}`"))?;
    if line.options.load.is_some() {
        bail!("`objective.fit.run`: --load trains nothing");
    }
    line.options.plan()
}

/// Words as a shell splits them, as far as the values of parameters need it: at blanks outside single quotes.
fn shlex(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if quoted {
        bail!("a quote is not closed in `{text}`");
    }
    if begun {
        words.push(word);
    }
    Ok(words)
}

impl Task for Fit {
    fn run(
        &self,
        values: &Values,
        seed: u64,
        judge: Judge<'_>,
        interrupt: &AtomicBool,
    ) -> Result<Measured> {
        let plan = self.plan(values)?;
        let folds = match self.folds {
            1 => vec![self.seen.split(1.0 - plan.test_share, seed)?],
            k => self.seen.folds(k, seed)?,
        };
        let mut sum = 0.0;
        let mut answer = None;
        for (index, split) in folds.iter().enumerate() {
            let Some(value) = self.value(&plan, split, seed, interrupt)? else {
                answer = Some(Answer::Interrupted);
                break;
            };
            sum += value;
            if judge(index as i64 + 1, value)? && index + 1 < folds.len() {
                answer = Some(Answer::Pruned);
                break;
            }
        }
        Ok(Measured {
            answer: answer.unwrap_or(Answer::Value(sum / folds.len() as f64)),
            peak_mib: own_peak_mib(),
        })
    }

    fn test(&self, values: &Values, seed: u64, interrupt: &AtomicBool) -> Result<Option<f64>> {
        let split = Split::of(self.seen.clone(), self.held_out.clone())?;
        self.value(&self.plan(values)?, &split, seed, interrupt)
    }

    fn steps(&self) -> Option<i64> {
        Some(self.folds as i64)
    }
}
