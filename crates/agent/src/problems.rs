//! The problems that a recipe trains and validates on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qstride_control::checkpoint::Regime;
use qstride_objectives::activation::Activation;
use qstride_objectives::data::{CsvOptions, read_csv};
use qstride_objectives::data_error::DataError;
use qstride_objectives::dataset::Dataset;
use qstride_objectives::generated::generate_varied;
use qstride_objectives::idx::read_idx;
use qstride_objectives::suite::{FAMILIES, Split, SuiteError, suite};
use qstride_objectives::task::{Model, TaskError, task};
use qstride_objectives::wrap::TransformError;
use qstride_objectives::{Objective, StochasticObjective, Streams, Transformed};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::environment::Problem;
use crate::recipe::{CheckedRecipe, Recipe};
use crate::trainer::Problems;

/// The seed of the validation instances: the same for all training seeds, and of no table.
pub(crate) const VALIDATION_SEED: u64 = 0x5eed_0fa1_1da7_1075;

/// Sets the instances for training apart from those of tables, in families without a training pool.
const TRAINING_SEED: u64 = 0x7a11_ed00_0000_0000;

/// A training task on data of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataTask {
    /// A CSV file, an IDX file of images, or `digits` for the built-in set.
    pub path: PathBuf,
    /// The target column's name or index (CSV).
    #[serde(default)]
    pub target: String,
    /// The IDX file of labels.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// Whether the CSV's first line names the columns; found out where not given.
    #[serde(default)]
    pub header: Option<bool>,
    /// `logistic`, `softmax`, `huber`, `mlp`, `mlp:64,32:relu`.
    pub model: String,
}

/// Problems that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProblemsError {
    /// A family.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A data file.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Units that cannot be changed.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// A model on data that it does not fit.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl DataTask {
    /// Reads the data, splits it (a quarter to test) and sets the model on it.
    ///
    /// # Errors
    /// Whatever is wrong with the file, or a model that does not fit the target.
    pub fn objective(&self, seed: u64) -> Result<Arc<dyn StochasticObjective>, ProblemsError> {
        let model = Model::parse(&self.model)?;
        let data = match (&self.labels, self.path == Path::new("digits")) {
            (Some(labels), _) => read_idx(&self.path, labels)?,
            (None, true) => Dataset::digits()?,
            (None, false) => {
                let options = CsvOptions {
                    header: self.header,
                    ..CsvOptions::default()
                };
                read_csv(&self.path, &self.target, &options)?
            }
        };
        Ok(task(&model, &Arc::new(data.split(0.75, seed)?), seed)?)
    }
}

impl Problems {
    /// The training pool and the validation instances of a recipe.
    ///
    /// # Errors
    /// An unknown family or a fault in a data file.
    pub fn draw(recipe: &CheckedRecipe) -> Result<Self, ProblemsError> {
        let recipe = &recipe.recipe;
        let tasks = recipe
            .data
            .iter()
            .map(|data| data.objective(recipe.seed))
            .collect::<Result<Vec<_>, _>>()?;
        match recipe.regime {
            Regime::Deterministic => {
                let mut problems = Self {
                    train: Vec::new(),
                    validation: Vec::new(),
                };
                let count = recipe.instances_per_family;
                for family in &recipe.families {
                    // Training families have a pool of their own; of any other, training sees instances of another seed.
                    let pool = if has_training_pool(family) {
                        suite(&format!("train/{family}"), recipe.seed, count)?
                    } else {
                        suite(family, recipe.seed ^ TRAINING_SEED, count)?
                    };
                    let pool = if recipe.randomised {
                        randomised(pool, recipe.seed)?
                    } else {
                        pool
                    };
                    problems.train.extend(exact(pool));
                    problems.validation.extend(exact(suite(
                        family,
                        VALIDATION_SEED,
                        recipe.validation.per_family,
                    )?));
                }
                for task in tasks {
                    let bounded: Arc<dyn Objective> = Arc::new(BoundedLoss { inner: task });
                    problems.train.push(Problem::Exact(bounded.clone()));
                    problems.validation.push(Problem::Exact(bounded));
                }
                Ok(problems)
            }
            Regime::Stochastic => {
                let own = || tasks.iter().cloned().map(Problem::Sampled);
                Ok(Self {
                    train: synthetic_tasks(recipe, "train", recipe.seed, recipe.stochastic.tasks)?
                        .into_iter()
                        .chain(own())
                        .collect(),
                    validation: synthetic_tasks(
                        recipe,
                        "validation",
                        VALIDATION_SEED,
                        recipe.validation.per_family,
                    )?
                    .into_iter()
                    .chain(own())
                    .collect(),
                })
            }
        }
    }
}

fn has_training_pool(family: &str) -> bool {
    FAMILIES
        .iter()
        .any(|f| f.name == family && f.split == Split::Train)
}

/// Scales of f over six decades and of x over two, and two reflections, drawn for each instance by its name.
fn randomised(
    pool: Vec<Arc<dyn Objective>>,
    seed: u64,
) -> Result<Vec<Arc<dyn Objective>>, TransformError> {
    pool.into_iter()
        .map(|objective| {
            let mut generator = Streams::new(seed).stream(&format!("units/{}", objective.name()));
            let mut decades =
                |most: f64| 10f64.powf(most * (2.0 * generator.random::<f64>() - 1.0));
            let (value, point) = (decades(3.0), decades(1.0));
            let transformed = Transformed::new(objective)
                .value_scale(value)?
                .point_scale(point)?
                .rotated(2, &mut generator);
            Ok(Arc::new(transformed) as Arc<dyn Objective>)
        })
        .collect()
}

fn exact(objectives: Vec<Arc<dyn Objective>>) -> Vec<Problem> {
    objectives.into_iter().map(Problem::Exact).collect()
}

/// A loss, which no point makes negative: 0 is the lower bound that the rewards are measured from.
struct BoundedLoss {
    inner: Arc<dyn StochasticObjective>,
}

impl Objective for BoundedLoss {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn family(&self) -> &str {
        self.inner.family()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.inner.value(x)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.inner.gradient(x, gradient);
    }

    fn start(&self) -> Vec<f64> {
        self.inner.start()
    }

    fn minimum(&self) -> Option<f64> {
        Some(0.0)
    }
}

/// Small tasks over generated data: linear models and perceptrons of one to three hidden layers, classes and numbers; 4 to 96
/// inputs, 64 to 2,048 rows (log-uniform).
fn synthetic_tasks(
    recipe: &Recipe,
    what: &str,
    seed: u64,
    count: usize,
) -> Result<Vec<Problem>, ProblemsError> {
    (0..count)
        .map(|index| {
            let mut generator = Streams::new(seed).stream(&format!("tasks/{what}/{index}"));
            let columns = [4, 8, 16, 32, 64, 96][generator.random_range(0..6)];
            let rows = (64.0 * 32_f64.powf(generator.random())) as usize;
            let classes = [Some(2), Some(3), Some(5), Some(10), None][generator.random_range(0..5)];
            let layers = [0, 1, 1, 1, 2, 2, 2, 3][generator.random_range(0..8)];
            let model = match (layers, classes) {
                (0, Some(_)) => Model::Softmax,
                (0, None) => Model::Huber,
                _ => Model::Mlp {
                    hidden: (0..layers)
                        .map(|_| [8, 16, 32, 64][generator.random_range(0..4)])
                        .collect(),
                    activation: [Activation::Tanh, Activation::Relu][generator.random_range(0..2)],
                },
            };
            let data_seed = generator.random();
            let data = generate_varied(rows, columns, classes, data_seed)?;
            let split = Arc::new(data.split(0.9, recipe.seed)?);
            Ok(Problem::Sampled(task(&model, &split, data_seed)?))
        })
        .collect()
}
