//! What is compared: a file and the arguments of the command say the same.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args, ValueEnum};
use qstride_control::StartRate;
use qstride_control::checkpoint::Regime;
use serde::{Deserialize, Serialize};

use super::method::Limits;
use super::pair::Pair;
use super::problem::{Case, ProblemOptions};
use super::rate_grid::RateGrid;
use super::start_rate::StartRateWord;
use super::training;

/// The file's name in the folder of a comparison.
pub const RECIPE: &str = "recipe.json";

/// Samples of a minibatch where neither the recipe nor a task says how many.
const USUAL_BATCH: usize = 32;

/// A heading of the help.
const METHODS_AND_BUDGETS: &str = "Methods and budgets";

/// A comparison, but for where its results go. Read from a file, what is not said stands at the default of the command line.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(group = ArgGroup::new("minibatches").args(["epochs", "tasks"]).multiple(true))]
pub struct Recipe {
    /// The problems.
    #[command(flatten)]
    pub problems: ProblemOptions,

    /// Train by minibatches for this many passes over the training samples, instead of minimising the exact loss. For models on
    /// data, and for named tasks instead of their own number.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub epochs: Option<u64>,

    /// Samples of a minibatch, with --epochs or --tasks: 32 where nothing is said, of a named task its own number.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "N", requires = "minibatches", value_parser = batch)]
    pub batch: Option<usize>,

    /// With --epochs or --tasks, what is equal for all methods: the passes, whatever they cost, or the cost.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_enum, default_value_t, requires = "minibatches")]
    pub equal: Equal,

    /// Methods, separated by commas: `qstride list methods` names them, and a checkpoint goes by its folder (one whose name has a comma
    /// by a recipe file). Each counts once. All classic methods and the policies that ship where nothing is said.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "METHODS", value_delimiter = ',')]
    pub methods: Vec<String>,

    /// The method that the others are tested against, one of --methods; where nothing is said gll-bb, or else the first one.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "METHOD")]
    pub reference: Option<String>,

    /// Pairs of methods whose difference is to have a table of its own, as METHOD=OTHER, separated by commas.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "PAIRS", value_delimiter = ',', value_parser = Pair::parse)]
    pub pairs: Vec<Pair>,

    /// The rates over which `tuned:METHOD` is tuned: LOW..HIGH, in half decades, or a list; 1e-3..1e1 where nothing is said.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "RATES", value_parser = RateGrid::parse, allow_hyphen_values = true)]
    pub rates: Option<RateGrid>,

    /// Values plus gradients that one run may spend, its start included; with --epochs or --tasks the passes are the budget.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "N", default_value = "202", value_parser = budget, allow_hyphen_values = true, conflicts_with = "minibatches")]
    pub budget: u64,

    /// How many seeds: each draws fresh instances of random families, new splits of data, new dice for random methods.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "N", default_value = "1", value_parser = seeds, allow_hyphen_values = true)]
    pub seeds: u64,

    /// The first seed.
    #[arg(long, help_heading = METHODS_AND_BUDGETS,
        value_name = "SEED",
        default_value_t = 0,
        allow_hyphen_values = true
    )]
    pub seed: u64,

    /// Start rates, separated by commas: `auto` or numbers.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "RATES", value_delimiter = ',', default_value = "auto", value_parser = StartRateWord::parse,
        allow_hyphen_values = true)]
    pub start_rates: Vec<StartRateWord>,

    /// Relative gaps to which costs are counted, separated by commas; 1e-3,1e-6,1e-9 where nothing is said, in training
    /// 1e-1,1e-2,1e-3.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "GAPS", value_delimiter = ',', value_parser = tolerance, allow_hyphen_values = true)]
    pub tolerances: Vec<f64>,

    /// Resamples of a bootstrap interval.
    #[arg(long, help_heading = METHODS_AND_BUDGETS, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub resamples: u32,
}

/// What is equal for all methods of a training task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equal {
    /// The steps: a method that evaluates a minibatch more than once pays nothing for it, but the table shows it.
    #[default]
    Passes,
    /// Values plus gradients of minibatches: two a step.
    Cost,
}

/// The defaults of the command line.
impl Default for Recipe {
    fn default() -> Self {
        Self {
            problems: ProblemOptions::default(),
            epochs: None,
            batch: None,
            equal: Equal::Passes,
            methods: Vec::new(),
            reference: None,
            pairs: Vec::new(),
            rates: None,
            budget: 202,
            seeds: 1,
            seed: 0,
            start_rates: vec![StartRateWord(StartRate::Auto)],
            tolerances: Vec::new(),
            resamples: 2000,
        }
    }
}

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown field, a value of the wrong kind or out of its range.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
        // A list would be taken for the fields in their order.
        if text.trim_start().starts_with('[') {
            bail!("{place} is no recipe: it holds a list, not an object");
        }
        let recipe: Self =
            serde_json::from_str(&text).with_context(|| format!("{place} is no recipe"))?;
        recipe.check().with_context(|| place.to_string())?;
        Ok(recipe)
    }

    /// The ranges that the command line keeps by itself.
    fn check(&self) -> Result<()> {
        let wrong = |field: &str, fault: String| anyhow::anyhow!("`{field}`: {fault}");
        budget(&self.budget.to_string()).map_err(|fault| wrong("budget", fault))?;
        seeds(&self.seeds.to_string()).map_err(|fault| wrong("seeds", fault))?;
        if let Some(samples) = self.batch {
            batch(&samples.to_string()).map_err(|fault| wrong("batch", fault))?;
        }
        if !(100..=1_000_000).contains(&self.resamples) {
            return Err(wrong(
                "resamples",
                "must lie between 100 and 1000000".to_owned(),
            ));
        }
        if !self
            .epochs
            .is_none_or(|epochs| (1..=100_000).contains(&epochs))
        {
            return Err(wrong("epochs", "must lie between 1 and 100000".to_owned()));
        }
        for gap in &self.tolerances {
            tolerance(&gap.to_string()).map_err(|fault| wrong("tolerances", fault))?;
        }
        if self.start_rates.is_empty() {
            return Err(wrong(
                "start_rates",
                "at least one, for example \"auto\"".to_owned(),
            ));
        }
        Ok(())
    }

    /// How the problems are worked on.
    ///
    /// # Errors
    /// `epochs` for problems that have no minibatches.
    pub fn regime(&self) -> Result<Regime> {
        match self.epochs {
            _ if !self.problems.tasks.is_empty() => Ok(Regime::Stochastic),
            None => Ok(Regime::Deterministic),
            Some(_) if !self.problems.have_samples() => bail!(
                "--epochs trains by minibatches, which {} does not have: name data with --data and models with --model, or tasks with --tasks",
                self.problems.label()
            ),
            Some(_) => Ok(Regime::Stochastic),
        }
    }

    /// What one run on this case may spend. A named task has its own passes and minibatches; what the recipe says comes first.
    pub fn limits(&self, case: &Case) -> Limits {
        match self.epochs.or(case.task.map(|task| task.passes)) {
            None => Limits::Evaluations(self.budget),
            Some(epochs) => Limits::Training(training::Limits {
                epochs,
                batch: self
                    .batch
                    .or(case.task.map(|task| task.batch))
                    .unwrap_or(USUAL_BATCH),
                equal: self.equal,
            }),
        }
    }

    /// The recipe as a file has it.
    ///
    /// # Errors
    /// None that a recipe could cause.
    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// The relative gaps to which costs are counted, each once, from coarse to fine.
    pub fn all_tolerances(&self) -> Vec<f64> {
        let exact = self.epochs.is_none() && self.problems.tasks.is_empty();
        let mut tolerances = match self.tolerances.is_empty() {
            false => self.tolerances.clone(),
            true if exact => vec![1e-3, 1e-6, 1e-9],
            true => vec![1e-1, 1e-2, 1e-3],
        };
        tolerances.sort_by(|a, b| b.total_cmp(a));
        tolerances.dedup();
        tolerances
    }

    /// The seeds, in order.
    pub fn all_seeds(&self) -> Vec<u64> {
        (0..self.seeds).map(|i| self.seed.wrapping_add(i)).collect()
    }

    /// The start rates, each once.
    pub fn different_start_rates(&self) -> Vec<StartRateWord> {
        let mut rates: Vec<StartRateWord> = Vec::new();
        for rate in &self.start_rates {
            if !rates.contains(rate) {
                rates.push(*rate);
            }
        }
        rates
    }
}

fn budget(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(budget) if budget >= 3 => Ok(budget),
        Ok(budget) => Err(format!(
            "the start costs a value and a gradient, so that {budget} leaves nothing to try: give at least 3"
        )),
        Err(_) => Err("the budget is a whole number from 3".to_owned()),
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(gap) if gap > 0.0 && gap < 1.0 => Ok(gap),
        _ => Err("a relative gap is a number between 0 and 1".to_owned()),
    }
}

fn seeds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seeds @ 1..=10_000) => Ok(seeds),
        _ => Err("the number of seeds is from 1 to 10000".to_owned()),
    }
}

fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(batch @ 1..=1_000_000) => Ok(batch),
        _ => Err("a minibatch has 1 to 1000000 samples".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        recipe: Recipe,
    }

    #[test]
    fn a_file_says_what_the_command_line_says() {
        let default = Recipe::default();
        let line = <Line as clap::Parser>::try_parse_from(["compare"]).unwrap();
        assert_eq!(line.recipe, default);
        let back: Recipe = serde_json::from_str(&default.text().unwrap()).unwrap();
        assert_eq!(back, default);
        let short: Recipe = serde_json::from_str(
            r#"{"problems": {"suite": "unseen"}, "start_rates": ["auto", 0.1]}"#,
        )
        .unwrap();
        assert_eq!(
            (short.problems.label(), short.start_rates.len()),
            ("unseen".to_owned(), 2)
        );
    }

    #[test]
    fn faults_name_the_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.json");
        for (text, wanted) in [
            (r#"{"budgt": 5}"#, "budgt"),
            (r#"{"problems": {"suit": "x"}}"#, "suit"),
            (r#"{"budget": 1}"#, "`budget`: the start costs"),
            (r#"{"start_rates": []}"#, "`start_rates`"),
            (r#"{"start_rates": [-1]}"#, "above 0"),
            (r#"{"epochs": 0}"#, "`epochs`"),
            (r#"{"resamples": 1}"#, "`resamples`"),
            (r#"{"tolerances": [2]}"#, "`tolerances`: a relative gap"),
            ("{", "is no recipe"),
            ("[]", "it holds a list"),
        ] {
            std::fs::write(&path, text).unwrap();
            let fault = format!("{:#}", Recipe::read(&path).unwrap_err());
            assert!(
                fault.contains(wanted) && fault.contains("recipe.json"),
                "{fault}"
            );
        }
    }
}
