//! The problems of a comparison: a suite, or models on a dataset, drawn anew for each seed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use qstride_objectives::Objective;
use qstride_objectives::data::CsvOptions;
use qstride_objectives::dataset::Dataset;
use qstride_objectives::suite::suite;
use qstride_objectives::task::{Model, task};

use crate::data_source::{DataSource, TargetKind, header};

/// Which problems.
#[derive(Debug, Args)]
pub struct ProblemOptions {
    /// Suites, families and problems, separated by commas; `qstride list` names them.
    #[arg(
        long,
        alias = "problems",
        value_name = "NAMES",
        default_value = "peer200",
        conflicts_with = "data"
    )]
    suite: String,

    /// Instances drawn from each random family.
    #[arg(long, value_name = "N", default_value_t = 40, conflicts_with = "data")]
    per_family: usize,

    /// Fit models to this data instead: a CSV file, an IDX file of images (with --labels), or `digits`, which is built in.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

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

    /// logistic, softmax, huber or mlp[:WIDTHS[:ACTIVATION]]; may be given several times.
    #[arg(long, value_name = "MODEL", requires = "data")]
    model: Vec<String>,

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
    pub objective: Arc<dyn Objective>,
}

impl ProblemOptions {
    /// What the problems are called, for headings and folders.
    pub fn label(&self) -> String {
        match &self.data {
            Some(data) => {
                let stem = data.file_stem().unwrap_or(data.as_os_str());
                format!("{} {}", stem.to_string_lossy(), self.model.join(" "))
            }
            None => self.suite.clone(),
        }
    }

    /// The instances of each of these seeds, seed by seed. A data problem splits the rows, and starts a perceptron, by the seed.
    ///
    /// # Errors
    /// Unknown names, with the near matches; faults of the data or the model.
    pub fn cases(&self, seeds: &[u64]) -> Result<Vec<Case>> {
        let Some(data) = &self.data else {
            let mut cases = Vec::new();
            for &seed in seeds {
                let problems = suite(&self.suite, seed, self.per_family)?;
                cases.extend(
                    problems
                        .into_iter()
                        .map(|objective| Case { seed, objective }),
                );
            }
            return Ok(cases);
        };
        if self.model.is_empty() {
            bail!("--data needs --model: logistic, softmax, huber or mlp[:WIDTHS[:ACTIVATION]]");
        }
        if !(self.test_fraction > 0.0 && self.test_fraction < 1.0) {
            bail!(
                "--test-fraction {}: must lie between 0 and 1",
                self.test_fraction
            );
        }
        let models = self.model.iter().map(|text| Model::parse(text));
        let models = models.collect::<Result<Vec<_>, _>>()?;
        let dataset = self.dataset(data)?;
        let mut cases = Vec::new();
        for &seed in seeds {
            let split = Arc::new(dataset.split(1.0 - self.test_fraction, seed)?);
            for model in &models {
                let objective: Arc<dyn Objective> = task(model, &split, seed)?;
                cases.push(Case { seed, objective });
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
