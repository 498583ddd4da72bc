//! The problems of a comparison: a suite, or models on a dataset, drawn anew for each seed.
//!
//! Models on data are problems of both regimes: exact over all training samples, or by minibatches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use qstride_control::checkpoint::sha256;
use qstride_objectives::data::CsvOptions;
use qstride_objectives::dataset::{Dataset, Split};
use qstride_objectives::suite::suite;
use qstride_objectives::task::{self, task};
use qstride_objectives::tasks::{NamedTask, TEST_SHARE, tasks};
use qstride_objectives::{Objective, StochasticObjective};
use serde::{Deserialize, Serialize};

use super::network_task::network_task;
use crate::data_source::{DataSource, TargetKind, header};
use crate::fit::model;

/// Which problems.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Problems")]
pub struct ProblemOptions {
    /// Suites, families and problems, separated by commas; `qstride list` names them.
    #[arg(
        long,
        alias = "problems",
        value_name = "NAMES",
        default_value = "peer200",
        conflicts_with = "data"
    )]
    pub suite: String,

    /// Instances drawn from each random family.
    #[arg(long, value_name = "N", default_value_t = 40, conflicts_with = "data")]
    pub per_family: usize,

    /// Named training tasks instead, and sets of them, separated by commas; `qstride list tasks` names them. Each has its data, model, passes
    /// and minibatch.
    #[arg(long, value_name = "TASKS", value_delimiter = ',', conflicts_with_all = ["suite", "per_family", "data"])]
    pub tasks: Vec<String>,

    /// Fit models (--model) to this data instead: a CSV file, an IDX file of images (with --labels), or `digits`, which is built in.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// The IDX file of the labels.
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,

    /// The column to predict, by name or index from 0.
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "data",
        conflicts_with = "labels"
    )]
    target: Option<String>,

    /// A model to fit to the data: logistic, softmax, huber, mlp[:WIDTHS[:ACTIVATION]] or cnn; may be given several times.
    #[arg(long, value_name = "MODEL", requires = "data")]
    pub model: Vec<String>,

    /// The first line of the CSV file names the columns.
    #[arg(long, requires = "data", conflicts_with_all = ["no_header", "labels"])]
    header: bool,

    /// The first line of the CSV file is data.
    #[arg(long, requires = "data", conflicts_with = "labels")]
    no_header: bool,

    /// Whether the target is a class or a number.
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "data",
        conflicts_with = "labels"
    )]
    task: TargetKind,

    /// The share of the rows that is held out for the test score.
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, requires = "data")]
    test_fraction: f64,
}

/// One instance, as one seed draws it.
pub struct Case {
    /// The master seed.
    pub seed: u64,
    /// The problem.
    pub problem: Problem,
    /// The named task that it is, if it is one.
    pub task: Option<&'static NamedTask>,
}

/// A problem with what it can be asked for.
pub enum Problem {
    /// The exact value and gradient only.
    Exact(Arc<dyn Objective>),
    /// Minibatches too.
    Samples(Arc<dyn StochasticObjective>),
}

impl Case {
    /// The problem as an exact objective.
    pub fn objective(&self) -> Arc<dyn Objective> {
        match &self.problem {
            Problem::Exact(objective) => objective.clone(),
            Problem::Samples(objective) => objective.clone(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        if let Some(task) = self.task {
            return task.name;
        }
        match &self.problem {
            Problem::Exact(objective) => objective.name(),
            Problem::Samples(objective) => objective.name(),
        }
    }

    /// Its family; a model on data is one of its own.
    pub fn family(&self) -> &str {
        match &self.problem {
            Problem::Exact(objective) => objective.family(),
            Problem::Samples(_) => self.name(),
        }
    }

    /// n.
    pub fn dimension(&self) -> usize {
        match &self.problem {
            Problem::Exact(objective) => objective.dimension(),
            Problem::Samples(objective) => objective.dimension(),
        }
    }
}

/// The defaults of the command line.
impl Default for ProblemOptions {
    fn default() -> Self {
        Self {
            suite: "peer200".to_owned(),
            per_family: 40,
            tasks: Vec::new(),
            data: None,
            labels: None,
            target: None,
            model: Vec::new(),
            header: false,
            no_header: false,
            task: TargetKind::Auto,
            test_fraction: 0.25,
        }
    }
}

impl ProblemOptions {
    /// The SHA-256 of the data files, one after the other; empty where no file is read.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn data_sha256(&self) -> Result<String> {
        let mut bytes = Vec::new();
        for path in [&self.data, &self.labels].into_iter().flatten() {
            // The digits that are built in are no file.
            if path.exists() {
                let read = std::fs::read(path);
                bytes.extend(read.with_context(|| format!("cannot read {}", path.display()))?);
            }
        }
        Ok(if bytes.is_empty() {
            String::new()
        } else {
            sha256(&bytes)
        })
    }

    /// What the problems are called, for headings and folders.
    pub fn label(&self) -> String {
        match &self.data {
            _ if !self.tasks.is_empty() => self.tasks.join(" "),
            Some(data) => {
                let stem = data.file_stem().unwrap_or(data.as_os_str());
                format!("{} {}", stem.to_string_lossy(), self.model.join(" "))
            }
            None => self.suite.clone(),
        }
    }

    /// Whether they are models on data, which can be trained by minibatches.
    pub fn have_samples(&self) -> bool {
        self.data.is_some() || !self.tasks.is_empty()
    }

    /// The instances of each of these seeds, seed by seed. A data problem splits the rows, and starts a network, by the seed.
    ///
    /// # Errors
    /// Unknown names, with the near matches; faults of the data or the model.
    pub fn cases(&self, seeds: &[u64]) -> Result<Vec<Case>> {
        let mut cases = Vec::new();
        if !self.tasks.is_empty() {
            return self.named(seeds);
        }
        let Some(data) = &self.data else {
            for &seed in seeds {
                let problems = suite(&self.suite, seed, self.per_family)?.into_iter();
                cases.extend(problems.map(|objective| Case {
                    seed,
                    problem: Problem::Exact(objective),
                    task: None,
                }));
            }
            return Ok(cases);
        };
        if self.model.is_empty() {
            bail!(
                "--data needs --model: logistic, softmax, huber, mlp[:WIDTHS[:ACTIVATION]] or cnn"
            );
        }
        if !(self.test_fraction > 0.0 && self.test_fraction < 1.0) {
            bail!(
                "--test-fraction {}: must lie between 0 and 1",
                self.test_fraction
            );
        }
        let dataset = self.dataset(data)?;
        for &seed in seeds {
            let split = Arc::new(dataset.split(1.0 - self.test_fraction, seed)?);
            for model in &self.model {
                let problem = Problem::Samples(samples(model, &split, seed)?);
                let task = None;
                cases.push(Case {
                    seed,
                    problem,
                    task,
                });
            }
        }
        Ok(cases)
    }

    /// The named tasks, each with the data, the split and the start of the seed.
    fn named(&self, seeds: &[u64]) -> Result<Vec<Case>> {
        let tasks = tasks(self.tasks.iter().map(|name| name.trim()))?;
        let mut cases = Vec::new();
        for &seed in seeds {
            for task in &tasks {
                let split = (task.data)(seed)?.split(1.0 - TEST_SHARE, seed)?;
                let problem = Problem::Samples(samples(task.model, &Arc::new(split), seed)?);
                let task = Some(*task);
                cases.push(Case {
                    seed,
                    problem,
                    task,
                });
            }
        }
        Ok(cases)
    }

    fn dataset(&self, path: &Path) -> Result<Dataset> {
        DataSource {
            path,
            labels: self.labels.as_deref(),
            target: self.target.as_deref(),
            options: CsvOptions {
                header: header(self.header, self.no_header),
                task: self.task.into(),
            },
        }
        .read()
    }
}

/// A model on the train part of `split`: the convolutional network is Burn's, the others are plain.
fn samples(model: &str, split: &Arc<Split>, seed: u64) -> Result<Arc<dyn StochasticObjective>> {
    if model == "cnn" {
        let architecture = model::Model::Cnn.architecture(split.train())?;
        return network_task(&architecture, split, seed);
    }
    Ok(task(&task::Model::parse(model)?, split, seed)?)
}
