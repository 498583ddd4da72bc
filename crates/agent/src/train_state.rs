//! What a training run needs to go on: saved often, resumed to the very same weights.
//!
//! The folder holds `segments/`, to which every save adds what the replay memory has taken in since the last one, and
//! `state.json`, which names them and is replaced as a whole. Whatever moment a run is killed at, the last `state.json` and
//! the segments that it names are complete. Episodes are not saved but repeated: an episode is its start and its actions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use qstride_control::features::Features;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::convergence::Snapshot;
use crate::environment::{Environment, EpisodeStart};
use crate::recipe::{CheckedRecipe, Recipe, RecipeError};
use crate::trainer::{Averages, Best, Problems, TrainError, Trainer};
use crate::validation::Validation;
use crate::{LearnerState, NStep, ReplayError};

const VERSION: u32 = 1;
const STATE: &str = "state.json";

/// Saves again when the steps done have grown by this share.
const GROWTH: f64 = 0.04;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    recipe: Recipe,
    segments: u32,
    steps: u64,
    episodes: u64,
    averages: Averages,
    validations: Vec<(u64, Validation)>,
    best: Option<Best>,
    snapshots: Vec<Snapshot>,
    learner: LearnerState,
    starts: ChaCha8Rng,
    exploration: ChaCha8Rng,
    sampling: ChaCha8Rng,
    environments: Vec<(EpisodeStart, Vec<u8>)>,
    returns: Vec<f64>,
    n_steps: Vec<NStep>,
}

/// Why a run cannot be saved or resumed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file cannot be written.
    #[error(
        "cannot save the training state in {path}: {source}; the last saved state is untouched"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot resume: {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state is not what it should be.
    #[error("cannot resume: {path} is broken: {source}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, column, field.
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error("cannot resume: {path} has version {found}, this program writes and reads {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// A segment of the replay memory is damaged.
    #[error("cannot resume: {path}: {source}")]
    Segment {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ReplayError,
    },
    /// The saved recipe.
    #[error("cannot resume: {0}")]
    Recipe(#[from] RecipeError),
    /// The problems that it names.
    #[error("cannot resume: {0}")]
    Problems(#[from] crate::problems::ProblemsError),
    /// Training.
    #[error("cannot resume: {0}")]
    Train(#[from] TrainError),
    /// The saved learner.
    #[error("cannot resume: {0}")]
    Learner(#[from] crate::LearnerError),
    /// A list of the wrong length.
    #[error("cannot resume: {path}: `{field}` has {found} entries, the recipe asks for {expected}")]
    Count {
        /// The file.
        path: PathBuf,
        /// Which list.
        field: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
}

/// Writes the state of a run into a folder, from time to time.
pub struct TrainState {
    folder: PathBuf,
    segments: u32,
    saved_at: u64,
}

impl TrainState {
    /// A folder for a new run; what an older run left there is removed.
    ///
    /// # Errors
    /// [`StateError::Write`]
    pub fn create(folder: &Path) -> Result<Self, StateError> {
        let error = |source| StateError::Write {
            path: folder.to_owned(),
            source,
        };
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(error)?;
        }
        fs::create_dir_all(folder.join("segments")).map_err(error)?;
        Ok(Self {
            folder: folder.to_owned(),
            segments: 0,
            saved_at: 0,
        })
    }

    /// Whether the steps done have grown by 4 % since the last save, so that at most 5 % are ever repeated.
    pub fn due(&self, trainer: &Trainer) -> bool {
        trainer.steps() as f64 >= self.saved_at as f64 * (1.0 + GROWTH)
            && trainer.steps() > self.saved_at
    }

    /// Saves everything.
    ///
    /// # Errors
    /// [`StateError::Write`]; the last saved state stays good.
    pub fn save(&mut self, trainer: &mut Trainer) -> Result<(), StateError> {
        let segment = trainer.replay.drain_unsaved();
        write_whole(&segment_path(&self.folder, self.segments), &segment)?;
        self.segments += 1;
        let saved = Saved {
            version: VERSION,
            recipe: trainer.recipe.recipe.clone(),
            segments: self.segments,
            steps: trainer.steps,
            episodes: trainer.episodes,
            averages: trainer.averages,
            validations: trainer.validations.clone(),
            best: trainer.best.clone(),
            snapshots: trainer.snapshots.clone(),
            learner: trainer.learner.state(),
            starts: trainer.starts.clone(),
            exploration: trainer.exploration.clone(),
            sampling: trainer.sampling.clone(),
            environments: trainer
                .environments
                .iter()
                .map(|e| (e.start(), e.taken().to_vec()))
                .collect(),
            returns: trainer.returns.clone(),
            n_steps: trainer.n_steps.clone(),
        };
        let path = self.folder.join(STATE);
        let text = serde_json::to_vec(&saved).map_err(|e| StateError::Write {
            path: path.clone(),
            source: io::Error::other(e),
        })?;
        write_whole(&path, &text)?;
        self.saved_at = trainer.steps;
        Ok(())
    }

    /// The run that was saved in this folder, as it was. `features` are the statistics that its recipe may name.
    ///
    /// # Errors
    /// A file that is missing, broken, or of another version, by name.
    pub fn resume(
        folder: &Path,
        features: &Features,
        device: &Device,
    ) -> Result<(Self, Trainer), StateError> {
        let path = folder.join(STATE);
        let read = |path: &Path| {
            fs::read(path).map_err(|source| StateError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let saved: Saved =
            serde_json::from_slice(&read(&path)?).map_err(|source| StateError::Broken {
                path: path.clone(),
                source,
            })?;
        if saved.version != VERSION {
            return Err(StateError::Version {
                path,
                found: saved.version,
            });
        }
        let recipe: CheckedRecipe = saved.recipe.check_with(features)?;
        let problems = Problems::draw(&recipe)?;
        let mut trainer = Trainer::new(recipe, problems, device)?;
        let count = trainer.environments.len();
        for (field, found) in [
            ("environments", saved.environments.len()),
            ("returns", saved.returns.len()),
            ("n_steps", saved.n_steps.len()),
        ] {
            if found != count {
                return Err(StateError::Count {
                    path,
                    field,
                    found,
                    expected: count,
                });
            }
        }
        for number in 0..saved.segments {
            let path = segment_path(folder, number);
            trainer
                .replay
                .extend_from_bytes(&read(&path)?)
                .map_err(|source| StateError::Segment { path, source })?;
        }
        let width = trainer.recipe.state.width();
        for (index, (start, taken)) in saved.environments.iter().enumerate() {
            let state = &mut trainer.states[index * width..(index + 1) * width];
            let problem =
                trainer
                    .problems
                    .train
                    .get(start.problem)
                    .ok_or_else(|| StateError::Count {
                        path: path.clone(),
                        field: "environments[].problem",
                        found: start.problem,
                        expected: trainer.problems.train.len(),
                    })?;
            trainer.environments[index] =
                Environment::replay(&trainer.setup, problem, *start, taken, state);
        }
        trainer.learner.restore(&saved.learner)?;
        trainer.steps = saved.steps;
        trainer.episodes = saved.episodes;
        trainer.averages = saved.averages;
        trainer.validations = saved.validations;
        trainer.best = saved.best;
        trainer.snapshots = saved.snapshots;
        trainer.starts = saved.starts;
        trainer.exploration = saved.exploration;
        trainer.sampling = saved.sampling;
        trainer.returns = saved.returns;
        trainer.n_steps = saved.n_steps;
        Ok((
            Self {
                folder: folder.to_owned(),
                segments: saved.segments,
                saved_at: saved.steps,
            },
            trainer,
        ))
    }
}

fn segment_path(folder: &Path, number: u32) -> PathBuf {
    folder.join("segments").join(format!("{number:06}.bin"))
}

/// Writes beside the file, then takes its place.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|source| StateError::Write {
            path: path.to_owned(),
            source,
        })
}
