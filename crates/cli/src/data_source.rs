//! Where data come from: a CSV file, a pair of IDX files, or the digits that are built in.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use qstride_objectives::data::{CsvOptions, Task, read_csv};
use qstride_objectives::dataset::Dataset;
use qstride_objectives::idx::read_idx;
use serde::{Deserialize, Serialize};

/// The dataset that is built into the program.
const DIGITS: &str = "digits";

/// What a command line says of the data.
pub struct DataSource<'a> {
    /// A CSV file, an IDX file of images, or `digits`.
    pub path: &'a Path,
    /// The IDX file of the labels.
    pub labels: Option<&'a Path>,
    /// The column to predict, by name or index from 0.
    pub target: Option<&'a str>,
    /// How a CSV file is to be read.
    pub options: CsvOptions,
}

/// Whether the target is a class or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// As the values look.
    #[default]
    Auto,
    /// A class, whatever it looks like.
    Classification,
    /// A number.
    Regression,
}

impl From<TargetKind> for Task {
    fn from(kind: TargetKind) -> Self {
        match kind {
            TargetKind::Auto => Self::Auto,
            TargetKind::Classification => Self::Classification,
            TargetKind::Regression => Self::Regression,
        }
    }
}

/// What `--header` and `--no-header` say of the first line.
pub fn header(header: bool, no_header: bool) -> Option<bool> {
    match (header, no_header) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

impl DataSource<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// A file that is not there, a target that is not given, and every fault of the data.
    pub fn read(&self) -> Result<Dataset> {
        let path = self.path;
        if let Some(labels) = self.labels {
            return Ok(read_idx(path, labels)?);
        }
        if path == Path::new(DIGITS) && !path.exists() {
            if let Some(target) = self.target.filter(|target| *target != "digit") {
                bail!("the built-in digits have the target `digit`, not `{target}`");
            }
            return Ok(Dataset::digits()?);
        }
        if !path.exists() {
            let way_out = if path.file_stem().is_some_and(|stem| stem == DIGITS) {
                "; the digits that are built into the program are called `digits`"
            } else {
                ""
            };
            bail!("{}: there is no such file{way_out}", path.display());
        }
        let target = self.target.with_context(|| {
            format!(
                "{}: say which column to predict with --target NAME or --target INDEX",
                path.display()
            )
        })?;
        Ok(read_csv(path, target, &self.options)?)
    }
}
