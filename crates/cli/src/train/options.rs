//! What `qstride train` can be told; the recipe that comes of it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use qstride_agent::{DataTask, DeviceKind, Recipe};
use qstride_control::checkpoint::Regime;

/// Train a controller, keep the best policy on validation, and compare it with line searches.
///
/// Without any option: the deterministic regime, Barzilai-Borwein and Ritz proposals as actions, on generated problems. Ctrl-C
/// saves; `--resume DIR` goes on to the very same weights.
#[derive(Debug, Args)]
pub struct Options {
    /// A recipe (JSON); every field has a default, the options below override it.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Where the run is written [default: runs/NAME].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the run in this folder; only --device, --threads, --json and --no-... may be given with it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["recipe", "out", "name", "seed", "steps", "regime", "actions",
        "features", "families", "budget", "environments", "data", "force"])]
    pub resume: Option<PathBuf>,
    /// Replace what is at --out.
    #[arg(long)]
    pub force: bool,
    /// A name for the run and its checkpoint.
    #[arg(long)]
    name: Option<String>,
    /// The master seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Environment steps (decisions).
    #[arg(long)]
    steps: Option<u64>,
    /// deterministic (exact objectives, trials can be rejected) or stochastic (minibatches, every step is taken).
    #[arg(long, value_parser = ["deterministic", "stochastic"])]
    regime: Option<String>,
    /// An action set; `qstride list actions` names them.
    #[arg(long, value_name = "SET")]
    actions: Option<String>,
    /// A feature preset: auto, default, scalar, paper, peer, schedule.
    #[arg(long, value_name = "PRESET")]
    features: Option<String>,
    /// Families to train on, separated by commas; `qstride list families` names them.
    #[arg(long, value_delimiter = ',')]
    families: Option<Vec<String>>,
    /// Values plus gradients of an episode.
    #[arg(long)]
    budget: Option<u64>,
    /// Episodes stepped side by side.
    #[arg(long)]
    environments: Option<usize>,
    /// Train on data of your own: a CSV file, an IDX file of images, or `digits`.
    #[arg(long, value_name = "FILE", requires = "model")]
    data: Option<PathBuf>,
    /// The target column, by name or index (CSV).
    #[arg(long, default_value = "", requires = "data")]
    target: String,
    /// The IDX file of labels.
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,
    /// The model on the data: logistic, softmax, huber, mlp, mlp:64,32:relu.
    #[arg(long, requires = "data")]
    model: Option<String>,
    /// flex or ndarray.
    #[arg(long, default_value_t = DeviceKind::Flex)]
    pub device: DeviceKind,
    /// Threads for validation and comparison [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// One JSON object at the end instead of text.
    #[arg(long)]
    pub json: bool,
    /// Do not compare with line searches at the end.
    #[arg(long)]
    pub no_compare: bool,
    /// Draw no plots.
    #[arg(long)]
    pub no_plots: bool,
}

impl Options {
    /// The recipe file, or the regime's default, with the options on top.
    pub fn to_recipe(&self) -> Result<Recipe> {
        let stochastic = self.regime.as_deref() == Some("stochastic");
        let mut recipe = match &self.recipe {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("cannot read recipe {}", path.display()))?;
                Recipe::from_json(&text).with_context(|| format!("recipe {}", path.display()))?
            }
            None if stochastic => Recipe::stochastic(),
            None => Recipe::default(),
        };
        match self.regime.as_deref() {
            Some("stochastic") => recipe.regime = Regime::Stochastic,
            Some(_) => recipe.regime = Regime::Deterministic,
            None => {}
        }
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut recipe.name, &self.name);
        set(&mut recipe.feature_set, &self.features);
        if self.actions.is_some() {
            set(&mut recipe.actions, &self.actions);
            recipe.action_set = None;
        }
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.steps = self.steps.unwrap_or(recipe.steps);
        recipe.budget = self.budget.unwrap_or(recipe.budget);
        recipe.environments = self.environments.unwrap_or(recipe.environments);
        if let (Some(path), Some(model)) = (&self.data, &self.model) {
            recipe.data = vec![DataTask {
                path: path.clone(),
                target: self.target.clone(),
                labels: self.labels.clone(),
                header: None,
                model: model.clone(),
            }];
            // One's own data alone, unless families are named too.
            recipe.families.clear();
        }
        if let Some(families) = &self.families {
            recipe.families.clone_from(families);
        }
        Ok(recipe)
    }
}
