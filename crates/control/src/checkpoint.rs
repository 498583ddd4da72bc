//! A checkpoint: a folder with manifest.json and the weights. Loading checks every field and names the one that is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::action::{ActionError, ActionSet};
use crate::features::{FeatureError, Features};
use crate::learned::Learned;
use crate::policy::{NetworkShape, Policy, PolicyError};
use crate::schedule::ScheduleSettings;
use crate::state::{FeatureSpec, StateSpec};

/// The format that this version writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The weights' file name: `f32`, little endian, each layer's W row by row, then its b.
pub const WEIGHTS: &str = "weights.f32";

/// Which loop a policy was trained for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// f is exact, trials can be rejected.
    #[default]
    Deterministic,
    /// Every step is taken, the loss is noisy.
    Stochastic,
}

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// A name for tables.
    pub name: String,
    /// The loop it was trained for.
    pub regime: Regime,
    /// The features in order, with their history.
    pub features: Vec<FeatureSpec>,
    /// The actions in the order of the outputs, with the rules around them.
    pub action_set: ActionSet,
    /// What the schedule around a stochastic policy is made of; deterministic ones have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSettings>,
    /// The network.
    pub network: NetworkShape,
    /// The recipe it was trained by, whole.
    pub recipe: serde_json::Value,
    /// SHA-256 of the recipe's JSON text.
    pub recipe_sha256: String,
    /// The master seed.
    pub seed: u64,
    /// The commit of the program, where it was known at build time.
    pub commit: String,
    /// The version of the program.
    pub program: String,
    /// What validation gave.
    pub evaluation: serde_json::Value,
    /// SHA-256 of every other file.
    pub files: BTreeMap<String, String>,
}

/// Why a checkpoint was refused, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file cannot be read.
    #[error("checkpoint {folder}: cannot read {file}: {source}")]
    Read {
        /// The folder.
        folder: PathBuf,
        /// The file in it.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}: {source}; what was there before is untouched")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is not what it should be; the JSON error names line, column and field.
    #[error("checkpoint {folder}: {MANIFEST} is broken: {source}")]
    Manifest {
        /// The folder.
        folder: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// Written by a newer version.
    #[error(
        "checkpoint {folder}: field `format_version` is {found}, this program reads up to {FORMAT_VERSION}: use a newer qstride or train again"
    )]
    Version {
        /// The folder.
        folder: PathBuf,
        /// What it says.
        found: u64,
    },
    /// A file is not the one that was written.
    #[error(
        "checkpoint {folder}: {file} was altered or cut: its SHA-256 is {found}, field `files` says {expected}"
    )]
    Hash {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
        /// Stored.
        expected: String,
        /// Computed.
        found: String,
    },
    /// A field does not fit the others.
    #[error("checkpoint {folder}: field `{field}`: {fault}")]
    Field {
        /// The folder.
        folder: PathBuf,
        /// Which.
        field: &'static str,
        /// What is wrong.
        fault: String,
    },
}

/// A loaded policy with all that it needs.
#[derive(Clone)]
pub struct Checkpoint {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The network.
    pub policy: Policy,
    state: StateSpec,
    actions: Arc<ActionSet>,
}

impl Checkpoint {
    /// Puts a policy and its description together, checking that they fit.
    ///
    /// # Errors
    /// [`CheckpointError::Field`] names the field that does not fit.
    pub fn new(
        manifest: Manifest,
        policy: Policy,
        features: &Features,
    ) -> Result<Self, CheckpointError> {
        Self::assemble(Path::new("(new)"), manifest, policy, features)
    }

    fn assemble(
        folder: &Path,
        manifest: Manifest,
        policy: Policy,
        features: &Features,
    ) -> Result<Self, CheckpointError> {
        let field = |field, fault: String| CheckpointError::Field {
            folder: folder.to_owned(),
            field,
            fault,
        };
        let state = StateSpec::new(manifest.features.clone(), features)
            .map_err(|e: FeatureError| field("features", e.to_string()))?;
        manifest
            .action_set
            .validate()
            .map_err(|e: ActionError| field("action_set", e.to_string()))?;
        if (manifest.regime == Regime::Stochastic) != manifest.schedule.is_some() {
            let fault = "a stochastic policy has one, a deterministic one none".to_owned();
            return Err(field("schedule", fault));
        }
        if let Some(schedule) = &manifest.schedule {
            schedule
                .check()
                .map_err(|e| field("schedule", e.to_string()))?;
        }
        let shape = &manifest.network;
        if shape.inputs != state.width() {
            let fault = format!(
                "{} inputs, but the features make {} numbers",
                shape.inputs,
                state.width()
            );
            return Err(field("network", fault));
        }
        if shape.actions != manifest.action_set.actions.len() {
            let fault = format!(
                "{} outputs, but there are {} actions",
                shape.actions,
                manifest.action_set.actions.len()
            );
            return Err(field("network", fault));
        }
        if policy.shape() != shape {
            return Err(field(
                "network",
                "it is not the shape of the weights".to_owned(),
            ));
        }
        let recipe_sha256 = sha256(manifest.recipe.to_string().as_bytes());
        if recipe_sha256 != manifest.recipe_sha256 {
            return Err(field(
                "recipe_sha256",
                format!("the recipe's hash is {recipe_sha256}: the recipe was altered"),
            ));
        }
        let actions = Arc::new(manifest.action_set.clone());
        Ok(Self {
            manifest,
            policy,
            state,
            actions,
        })
    }

    /// Reads a checkpoint folder, or that of a run which holds one, with the built-in statistics.
    ///
    /// # Errors
    /// Whatever is missing, cut, altered, of another version or does not fit, by name.
    pub fn load(folder: &Path) -> Result<Self, CheckpointError> {
        Self::load_with(folder, &Features::builtin())
    }

    /// Reads a checkpoint folder whose features may be the user's own.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(folder: &Path, features: &Features) -> Result<Self, CheckpointError> {
        // A training run keeps its checkpoint beside its state: either folder will do.
        let inner = folder.join("checkpoint");
        let folder = if !folder.join(MANIFEST).exists() && inner.join(MANIFEST).exists() {
            &inner
        } else {
            folder
        };
        let read = |file: &str| {
            fs::read(folder.join(file)).map_err(|source| CheckpointError::Read {
                folder: folder.to_owned(),
                file: file.to_owned(),
                source,
            })
        };
        Self::from_bytes(folder, &read(MANIFEST)?, &read(WEIGHTS)?, features)
    }

    /// From the bytes of its two files, for policies that are embedded in a program. `origin` stands in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(
        origin: &Path,
        manifest: &[u8],
        weights: &[u8],
        features: &Features,
    ) -> Result<Self, CheckpointError> {
        let folder = origin.to_owned();
        let broken = |source| CheckpointError::Manifest {
            folder: folder.clone(),
            source,
        };
        // The version first: a newer format may well have fields that this one does not know.
        let raw: serde_json::Value = serde_json::from_slice(manifest).map_err(broken)?;
        if let Some(found) = raw
            .get("format_version")
            .and_then(serde_json::Value::as_u64)
            && found > u64::from(FORMAT_VERSION)
        {
            return Err(CheckpointError::Version { folder, found });
        }
        // From the text, not from `raw`, so that errors have a line and a column.
        let manifest: Manifest = serde_json::from_slice(manifest).map_err(broken)?;
        let field = |field, fault| CheckpointError::Field {
            folder: folder.clone(),
            field,
            fault,
        };
        let expected = manifest
            .files
            .get(WEIGHTS)
            .ok_or_else(|| field("files", format!("there is no hash for {WEIGHTS}")))?;
        let found = sha256(weights);
        if *expected != found {
            return Err(CheckpointError::Hash {
                folder,
                file: WEIGHTS.to_owned(),
                expected: expected.clone(),
                found,
            });
        }
        let flat: Vec<f32> = weights
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        let policy = Policy::from_flat(manifest.network.clone(), &flat)
            .map_err(|e: PolicyError| field("network", e.to_string()))?;
        Self::assemble(origin, manifest, policy, features)
    }

    /// Writes the folder: into a temporary one first, which then takes its place.
    ///
    /// # Errors
    /// [`CheckpointError::Write`]; what stood at `folder` before is untouched.
    pub fn save(&self, folder: &Path) -> Result<(), CheckpointError> {
        let weights: Vec<u8> = self
            .policy
            .to_flat()
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect();
        let mut manifest = self.manifest.clone();
        manifest.files = BTreeMap::from([(WEIGHTS.to_owned(), sha256(&weights))]);
        let error = |path: &Path| {
            let path = path.to_owned();
            move |source| CheckpointError::Write { path, source }
        };
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|e| error(folder)(io::Error::other(e)))?;
        let temporary = sibling(folder, "new");
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir_all(&temporary).map_err(error(&temporary))?;
        for (file, bytes) in [(WEIGHTS, weights.as_slice()), (MANIFEST, text.as_bytes())] {
            fs::write(temporary.join(file), bytes).map_err(error(&temporary.join(file)))?;
        }
        replace_folder(&temporary, folder).map_err(error(folder))
    }

    /// The policy as a controller.
    pub fn controller(&self) -> Learned {
        Learned::new(
            self.policy.clone(),
            self.state.clone(),
            self.actions.clone(),
        )
    }

    /// The state's features, resolved.
    pub fn state(&self) -> &StateSpec {
        &self.state
    }

    /// The actions.
    pub fn actions(&self) -> &Arc<ActionSet> {
        &self.actions
    }
}

/// `folder` with its name changed to `.name.suffix`, beside it.
fn sibling(folder: &Path, suffix: &str) -> PathBuf {
    let name = folder
        .file_name()
        .map_or_else(|| "checkpoint".into(), |n| n.to_string_lossy().into_owned());
    folder.with_file_name(format!(".{name}.{suffix}"))
}

/// Moves the finished folder `from` to `to`. What was at `to` is kept until the new one stands there.
fn replace_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !to.exists() {
        return fs::rename(from, to);
    }
    let old = sibling(to, "old");
    let _ = fs::remove_dir_all(&old);
    fs::rename(to, &old)?;
    if let Err(error) = fs::rename(from, to) {
        fs::rename(&old, to)?;
        return Err(error);
    }
    fs::remove_dir_all(&old)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn example() -> Checkpoint {
        let shape = NetworkShape {
            inputs: 35,
            hidden: vec![4],
            actions: 3,
        };
        let policy = Policy::untrained(shape.clone(), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let recipe = serde_json::json!({"steps": 10});
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            name: "example".to_owned(),
            regime: Regime::Deterministic,
            features: StateSpec::scalar_features(),
            action_set: ActionSet::preset("multiplicative").unwrap(),
            schedule: None,
            network: shape,
            recipe_sha256: sha256(recipe.to_string().as_bytes()),
            recipe,
            seed: 3,
            commit: "unknown".to_owned(),
            program: "test".to_owned(),
            evaluation: serde_json::Value::Null,
            files: BTreeMap::new(),
        };
        Checkpoint::new(manifest, policy, &Features::builtin()).unwrap()
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("one");
        let checkpoint = example();
        checkpoint.save(&place).unwrap();
        checkpoint.save(&place).unwrap();
        let loaded = Checkpoint::load(&place).unwrap();
        assert_eq!(loaded.policy, checkpoint.policy);
        assert_eq!(loaded.manifest.features, checkpoint.manifest.features);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing temporary is left"
        );
    }

    /// The error after `change` was made to the manifest's JSON.
    fn fault(change: impl Fn(&mut serde_json::Value)) -> String {
        let folder = tempfile::tempdir().unwrap();
        example().save(folder.path().join("c").as_path()).unwrap();
        let path = folder.path().join("c").join(MANIFEST);
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(&path, manifest.to_string()).unwrap();
        Checkpoint::load(path.parent().unwrap())
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_broken_field_is_named() {
        assert!(fault(|m| m["format_version"] = 99.into()).contains("`format_version` is 99"));
        assert!(
            fault(|m| m["features"][0]["name"] = "colour".into())
                .contains("field `features`: unknown feature `colour`")
        );
        assert!(
            fault(|m| {
                m["features"].as_array_mut().unwrap().pop();
            })
            .contains("field `network`: 35 inputs")
        );
        assert!(fault(|m| m["action_set"]["actions"][0] = "x3.5".into()).is_empty());
        assert!(
            fault(|m| {
                m["action_set"]["actions"].as_array_mut().unwrap().pop();
            })
            .contains("3 outputs")
        );
        assert!(
            fault(|m| m["action_set"]["actions"][0] = "fly".into())
                .contains("unknown action `fly`")
        );
        assert!(fault(|m| m["recipe"]["steps"] = 11.into()).contains("field `recipe_sha256`"));
        assert!(fault(|m| m["network"]["hidden"][0] = 5.into()).contains("field `network`"));
        assert!(
            fault(|m| {
                m.as_object_mut().unwrap().remove("seed");
            })
            .contains("missing field `seed`")
        );
        assert!(fault(|m| m["extra"] = 1.into()).contains("unknown field `extra`"));
        assert!(fault(|m| m["files"] = serde_json::json!({})).contains("field `files`"));
    }

    #[test]
    fn missing_cut_and_altered_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("c");
        let checkpoint = example();
        let error = || Checkpoint::load(&place).err().unwrap();
        assert!(matches!(error(), CheckpointError::Read { file, .. } if file == MANIFEST));
        checkpoint.save(&place).unwrap();
        let weights = place.join(WEIGHTS);
        let mut bytes = fs::read(&weights).unwrap();
        bytes[5] ^= 1;
        fs::write(&weights, &bytes).unwrap();
        assert!(matches!(error(), CheckpointError::Hash { file, .. } if file == WEIGHTS));
        fs::write(&weights, &bytes[..40]).unwrap();
        assert!(matches!(error(), CheckpointError::Hash { .. }));
        fs::remove_file(&weights).unwrap();
        assert!(matches!(error(), CheckpointError::Read { file, .. } if file == WEIGHTS));
        fs::write(place.join(MANIFEST), "{\n \"format_version\": 1,").unwrap();
        fs::write(&weights, &bytes).unwrap();
        assert!(error().to_string().contains("line 2"), "{}", error());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "kept").unwrap();
        let error = example()
            .save(&folder.path().join("file").join("c"))
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .contains("what was there before is untouched")
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("file")).unwrap(),
            "kept"
        );
    }
}
