//! What a study is to do, as a file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use qstride_study::{Direction, Space, named};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A study's recipe. As JSON only `space` and `objective` are required; unknown fields are refused by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyRecipe {
    /// The study's name in its storage.
    #[serde(default = "study")]
    pub name: String,
    /// Whether small values are good, or large ones.
    #[serde(default)]
    pub direction: Direction,
    /// What is searched.
    pub space: Space,
    /// What is asked for a value.
    pub objective: Objective,
    /// Who proposes.
    #[serde(default = "tpe")]
    pub sampler: String,
    /// Who stops trials early.
    #[serde(default = "none")]
    pub pruner: String,
    /// Complete and pruned trials of the whole study.
    #[serde(default = "hundred")]
    pub trials: u64,
    /// How many seeds a configuration is run with; its value is their mean.
    #[serde(default = "one")]
    pub seeds: u64,
    /// The master seed of the sampler, and the first seed of the configurations.
    #[serde(default)]
    pub seed: u64,
    /// How the best are measured again.
    #[serde(default)]
    pub confirm: Confirm,
}

/// What is asked for a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Objective {
    /// A shell command.
    Command(CommandObjective),
    /// Training a model on data: the words of `qstride fit`, with parameters in braces.
    Fit(FitObjective),
    /// Training a controller: a recipe of `qstride train`, whose fields the parameters name.
    Agent(AgentObjective),
}

/// A shell command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandObjective {
    /// The command, with parameters in braces, and `{seed}` where it takes one.
    pub run: String,
    /// Seconds after which it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
    /// How often a run that fails is tried again at once.
    #[serde(default)]
    pub retries: u32,
}

/// Training a model on data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitObjective {
    /// The words after `qstride fit`, with parameters in braces; one schedule at one rate. The rows that --test-share holds out are not touched before
    /// `qstride study confirm`.
    pub run: String,
    /// The rest is split into this many folds, each tested in turn; 1 holds out once.
    #[serde(default = "five")]
    pub folds: usize,
    /// The value: `loss`, or `score` (accuracy or R2, to be maximised).
    #[serde(default = "loss")]
    pub measure: String,
}

/// Training a controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentObjective {
    /// The recipe, as in a file of `qstride train --recipe`. Parameters are paths into it: `discount`, `learner.learning_rate`,
    /// `features.*.history`.
    pub recipe: Map<String, Value>,
    /// The problems that the trained policy is scored on.
    #[serde(default = "validation")]
    pub suite: String,
    /// Instances of each family of it.
    #[serde(default = "forty")]
    pub per_family: usize,
}

/// How the best configurations are measured again, on seeds that the study has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confirm {
    /// How many of the best.
    pub top: usize,
    /// On how many fresh seeds.
    pub seeds: u64,
}

impl Default for Confirm {
    fn default() -> Self {
        Self { top: 3, seeds: 10 }
    }
}

fn study() -> String {
    "study".to_owned()
}

fn tpe() -> String {
    "tpe".to_owned()
}

fn none() -> String {
    "none".to_owned()
}

fn loss() -> String {
    "loss".to_owned()
}

fn validation() -> String {
    "validation".to_owned()
}

fn hundred() -> u64 {
    100
}

fn one() -> u64 {
    1
}

fn five() -> usize {
    5
}

fn forty() -> usize {
    40
}

impl StudyRecipe {
    /// Reads a file.
    ///
    /// # Errors
    /// With the file, line and field.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the recipe {}", path.display()))?;
        let recipe: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no recipe of a study", path.display()))?;
        recipe.settled().with_context(|| path.display().to_string())
    }

    /// The recipe with what follows from it: a grid has no more trials than cells, and BOHB is a pair of sampler and pruner.
    ///
    /// # Errors
    /// With the field whose value makes no sense.
    pub fn settled(mut self) -> Result<Self> {
        self.check()?;
        let most = named::trials_at_most(&self.sampler, &self.space).context("`sampler`")?;
        self.trials = self.trials.min(most.unwrap_or(u64::MAX));
        if self.sampler.starts_with("bohb") && self.pruner == "none" {
            self.pruner = "hyperband".to_owned();
        }
        Ok(self)
    }

    /// Whether its numbers make sense.
    fn check(&self) -> Result<()> {
        if self.space.parameters().is_empty() {
            bail!("`space` is empty: name at least one parameter");
        }
        for (field, value) in [
            ("trials", self.trials),
            ("seeds", self.seeds),
            ("confirm.seeds", self.confirm.seeds),
            ("confirm.top", self.confirm.top as u64),
        ] {
            if value == 0 {
                bail!("`{field}` is 0: it must be at least 1");
            }
        }
        match &self.objective {
            Objective::Command(command) => match command.timeout {
                Some(timeout) if !(timeout > 0.0 && timeout.is_finite()) => {
                    bail!("`objective.command.timeout` is {timeout}: it must be above 0 seconds")
                }
                _ => Ok(()),
            },
            Objective::Fit(fit) => {
                if fit.folds == 0 {
                    bail!("`objective.fit.folds` is 0: it must be at least 1");
                }
                match (fit.measure.as_str(), self.direction) {
                    ("loss", Direction::Minimize) | ("score", Direction::Maximize) => Ok(()),
                    ("loss", _) => bail!("`direction` is maximize, and a loss is to be minimised"),
                    ("score", _) => bail!(
                        "`direction` is minimize, and a score is to be maximised: say \"direction\": \"maximize\""
                    ),
                    (other, _) => {
                        bail!("`objective.fit.measure` is {other}: it must be loss or score")
                    }
                }
            }
            Objective::Agent(_) if self.direction == Direction::Maximize => {
                bail!("`direction` is maximize, and a gap is to be minimised")
            }
            Objective::Agent(_) => Ok(()),
        }
    }

    /// Whether another recipe asks for the same trials: it may ask for more of them.
    pub fn continues(&self, other: &Self) -> bool {
        let alike = |recipe: &Self| Self {
            trials: 0,
            confirm: Confirm::default(),
            ..recipe.clone()
        };
        alike(self) == alike(other)
    }
}
