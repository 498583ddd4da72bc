//! The model of the best run in a folder: the weights as burnpack, and beside them what is needed to use them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use qstride_objectives::Streams;
use qstride_objectives::dataset::{Dataset, Moments, Targets};
use serde::{Deserialize, Serialize};

use super::examples::Examples;
use super::model::{Architecture, Model, Network};
use super::sweep::{Best, Sweep};
use crate::folder::Folder;

/// The weights.
const WEIGHTS: &str = "model.bpk";
/// What belongs to them.
const SIDECAR: &str = "model.json";
/// The version of the sidecar.
const VERSION: u32 = 1;

/// How to build the network of a `model.bpk`, what goes in, and what its outputs mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedModel {
    /// The version of this file.
    format_version: u32,
    /// As `--model` names it.
    model: String,
    /// Features.
    inputs: usize,
    /// Scores: one a class, or one number.
    outputs: usize,
    /// The network in words.
    network: String,
    /// The tensors in the file of weights, in order.
    tensors: Vec<NamedTensor>,
    /// The features in order, each with what is subtracted from it and what it is then divided by.
    features: Vec<Feature>,
    /// What the scores mean.
    target: Target,
    /// Where it comes from.
    training: Provenance,
}

/// A tensor of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NamedTensor {
    path: String,
    shape: Vec<usize>,
}

/// A feature x goes in as (x - mean) / deviation, or as 0 where the deviation is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Feature {
    name: String,
    mean: f64,
    deviation: f64,
}

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Target {
    /// The largest score says the class.
    Classes { name: String, classes: Vec<String> },
    /// The prediction is mean + deviation * score.
    Number {
        name: String,
        mean: f64,
        deviation: f64,
    },
}

/// How it was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Provenance {
    qstride: String,
    data: String,
    optimizer: String,
    schedule: String,
    rate: Option<f64>,
    epochs: u64,
    batch: usize,
    seed: u64,
    test_share: f64,
    train_loss: f64,
    test_score: f64,
}

impl SavedModel {
    /// Writes `model.bpk` and `model.json`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(sweep: &Sweep, best: &Best, folder: &Folder) -> Result<()> {
        let sidecar = Self::of(sweep, best);
        let record = best.network.clone().into_record();
        let bytes = record
            .into_bytes()
            .with_context(|| format!("the weights cannot be packed into {WEIGHTS}"))?;
        folder.write(WEIGHTS, &bytes)?;
        folder.write(SIDECAR, serde_json::to_string_pretty(&sidecar)?.as_bytes())
    }

    fn of(sweep: &Sweep, best: &Best) -> Self {
        let (plan, run) = (&sweep.plan, &sweep.runs[best.run]);
        let moments = best.scaling.features.iter();
        let name = plan.data.target_name().to_owned();
        let target = match (plan.data.targets(), best.scaling.target) {
            (Targets::Classes { names, .. }, _) => Target::Classes {
                name,
                classes: names.clone(),
            },
            (Targets::Numbers(_), moments) => Target::Number {
                name,
                mean: moments.map_or(0.0, |m| m.mean),
                deviation: moments.map_or(1.0, |m| m.deviation),
            },
        };
        Self {
            format_version: VERSION,
            model: plan.model.to_string(),
            inputs: sweep.architecture.inputs,
            outputs: sweep.architecture.outputs,
            network: sweep.architecture.describe(),
            tensors: best
                .network
                .tensors()
                .into_iter()
                .map(|(path, shape)| NamedTensor { path, shape })
                .collect(),
            features: plan
                .data
                .feature_names()
                .iter()
                .zip(moments)
                .map(|(name, moments)| Feature {
                    name: name.clone(),
                    mean: moments.mean,
                    deviation: moments.deviation,
                })
                .collect(),
            target,
            training: Provenance {
                qstride: env!("CARGO_PKG_VERSION").to_owned(),
                data: plan.data.name().to_owned(),
                optimizer: plan.optimizer.to_string(),
                schedule: run.schedule.to_string(),
                rate: run.rate,
                epochs: plan.epochs,
                batch: plan.batch,
                seed: run.seed,
                test_share: plan.test_share,
                train_loss: run.train_loss,
                test_score: run.test_score,
            },
        }
    }

    /// Reads both files of a folder.
    ///
    /// # Errors
    /// A file that is missing, damaged, of another version, or does not go with the other one; the message names it.
    pub fn load(folder: &Path, device: &Device) -> Result<(Self, Network)> {
        let path = folder.join(SIDECAR);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let sidecar: Self = serde_json::from_str(&text)
            .with_context(|| format!("{}: not the sidecar of a model", path.display()))?;
        ensure!(
            sidecar.format_version == VERSION,
            "{}: format_version {}, this program reads {VERSION}",
            path.display(),
            sidecar.format_version
        );
        let model = Model::parse(&sidecar.model);
        let architecture = Architecture {
            model: model.map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))?,
            inputs: sidecar.inputs,
            outputs: sidecar.outputs,
        };
        ensure!(
            architecture.sound() && sidecar.features.len() == sidecar.inputs,
            "{}: {} does not go with {} inputs, {} outputs and {} features",
            path.display(),
            sidecar.model,
            sidecar.inputs,
            sidecar.outputs,
            sidecar.features.len()
        );
        let path = folder.join(WEIGHTS);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let start = architecture.init(&mut Streams::new(0).stream("initial weights"), device);
        let network = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))
            .and_then(|record| start.try_load_record(record))
            .with_context(|| format!("{}: not the weights of this model", path.display()))?;
        Ok((sidecar, network))
    }

    /// The rows of `data`, standardised as the training examples were.
    ///
    /// # Errors
    /// Features or a target other than those the model was trained on, or a class that it does not know.
    pub fn examples(&self, data: &Dataset) -> Result<Examples> {
        let names: Vec<&String> = self.features.iter().map(|f| &f.name).collect();
        let named = data.feature_names().iter().eq(names.iter().copied());
        ensure!(
            named,
            "the features of {} are not those of the model: {} against {}",
            data.name(),
            data.feature_names().join(", "),
            names
                .iter()
                .map(|n| n.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        );
        let moments: Vec<Moments> = self
            .features
            .iter()
            .map(|f| Moments {
                mean: f.mean,
                deviation: f.deviation,
            })
            .collect();
        let rows = data.features().chunks_exact(data.columns());
        let features = rows.flat_map(|row| {
            let pairs = row.iter().zip(&moments);
            pairs.map(|(value, moments)| moments.standardised(*value))
        });
        let targets = match (data.targets(), &self.target) {
            (Targets::Classes { labels, names }, Target::Classes { classes, .. }) => {
                let index = |name: &String| {
                    classes.iter().position(|c| c == name).with_context(|| {
                        format!("{}: the model knows no class '{name}'", data.name())
                    })
                };
                let places = names.iter().map(index).collect::<Result<Vec<_>>>()?;
                Targets::Classes {
                    labels: labels.iter().map(|&label| places[label]).collect(),
                    names: classes.clone(),
                }
            }
            (
                Targets::Numbers(numbers),
                Target::Number {
                    mean, deviation, ..
                },
            ) => {
                let moments = Moments {
                    mean: *mean,
                    deviation: *deviation,
                };
                let standardised = numbers.iter().map(|y| moments.standardised(*y));
                Targets::Numbers(standardised.collect())
            }
            _ => bail!(
                "{}: the target is {}, that of the model is not; say which it is with --task",
                data.name(),
                if data.classes().is_some() {
                    "a class"
                } else {
                    "a number"
                }
            ),
        };
        let standardised = Dataset::new(
            data.name(),
            features.collect(),
            data.feature_names().to_vec(),
            data.target_name(),
            targets,
        )?;
        Ok(Examples::new(&standardised))
    }
}
