//! Who stops trials that are not promising.
//!
//! | pruner | what it compares |
//! |---|---|
//! | [`Median`], [`Percentile`] | the best report so far with what complete trials reported at the same step |
//! | [`Threshold`] | the report with fixed limits |
//! | [`Patience`] | the last reports with those before them; alone or before another pruner |
//! | [`SuccessiveHalving`] | at rungs, with those that came so far: the best 1/η go on (ASHA) |
//! | [`SynchronousHalving`] | at rungs, with a cohort: the best 1/η of it go on when all of it is there |
//! | [`Hyperband`] | successive halving with several first rungs side by side |
//! | [`Wilcoxon`] | steps are seeds or folds: with the best trial, pair by pair |
//!
//! A pruner keeps nothing between two questions: what workers must agree upon stands in system attributes of trials, so that a study that
//! is loaded, or has many workers, is judged as one that never stopped.
//!
//! ```
//! use qstride_study::pruner::{Median, MedianSettings};
//! use qstride_study::{Direction, Stop, Study};
//!
//! let median = Median::new(MedianSettings { warmup_steps: 3, ..Default::default() })?;
//! let study = Study::new("curves", Direction::Minimize)?.with_pruner(median);
//! let tally = study.optimize(50, |trial| {
//!     let end = trial.suggest_float("end", 0.0..=1.0).linear()?;
//!     for step in 1..=10 {
//!         trial.report(step, end + (-0.5 * step as f64).exp())?;
//!         if trial.should_prune()? {
//!             return Err(Stop::Pruned);
//!         }
//!     }
//!     Ok(end)
//! })?;
//! assert!(tally.pruned > 20);
//! # Ok::<(), qstride_study::StudyError>(())
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use crate::storage::{Setter, Storage, StudyEntry};
use crate::{Attributes, FrozenTrial, History, PrunerError, StorageError};

mod check_steps;
mod hyperband;
mod median;
mod none;
mod patience;
mod percentile;
mod resource;
mod successive_halving;
mod synchronous_halving;
mod threshold;
mod wilcoxon;

pub use hyperband::{Hyperband, HyperbandSettings};
pub use median::{Median, MedianSettings};
pub use none::NoPruner;
pub use patience::{Patience, PatienceSettings};
pub use percentile::{Percentile, PercentileSettings};
pub use successive_halving::{SuccessiveHalving, SuccessiveHalvingSettings};
pub(crate) use synchronous_halving::continued_by;
pub use synchronous_halving::{SynchronousHalving, SynchronousHalvingSettings};
pub use threshold::{Threshold, ThresholdSettings};
pub use wilcoxon::{Wilcoxon, WilcoxonSettings};

/// What a pruner may look at. Every value has its sign changed where large ones are good, so that small is good.
pub struct Progress<'a> {
    pub(crate) history: &'a History,
    pub(crate) storage: &'a mut dyn Storage,
    pub(crate) study: &'a StudyEntry,
    pub(crate) trial: i64,
    pub(crate) number: u64,
    pub(crate) reports: &'a [(i64, f64)],
}

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "trial {} with reports {:?}", self.number, self.reports)
    }
}

impl<'a> Progress<'a> {
    /// The number of the trial that asks.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The trial's own reports so far as (step, value), steps ascending; the last one is what is to be judged. There is at least one.
    /// NaN stays NaN.
    pub fn reports(&self) -> &'a [(i64, f64)] {
        self.reports
    }

    /// The trials of the study, this one among them.
    pub fn history(&self) -> &'a History {
        self.history
    }

    /// The name of the study.
    pub fn study(&self) -> &'a str {
        &self.study.name
    }

    /// The values of all other trials at a step as (trial number, value).
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    pub fn others_at(&mut self, step: i64) -> Result<Vec<(u64, f64)>, StorageError> {
        let direction = self.history.direction();
        let mut values = self.storage.reports_at(self.study.id, step)?;
        values.retain(|(number, _)| *number != self.number);
        for (_, value) in &mut values {
            *value = direction.loss(*value);
        }
        Ok(values)
    }

    /// The reports of another trial as (step, value), steps ascending; empty where there is no such trial.
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    pub fn reports_of(&mut self, number: u64) -> Result<Vec<(i64, f64)>, StorageError> {
        let direction = self.history.direction();
        let Some(trial) = self.history.trials().get(number as usize) else {
            return Ok(Vec::new());
        };
        let mut values = self.storage.reports(trial.id)?;
        for (_, value) in &mut values {
            *value = direction.loss(*value);
        }
        Ok(values)
    }

    /// Sets a system attribute of the trial that asks: what all workers must know of it. The [history](Self::history) learns of it only
    /// at the next question.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn set_attribute(&mut self, key: &str, value: &Value) -> Result<(), StorageError> {
        self.storage
            .set_attribute(self.trial, Setter::System, key, value)
    }

    /// Enqueues a trial with the parameters and the user attributes of another one, and with these system attributes; its number.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn enqueue_again(
        &mut self,
        trial: &FrozenTrial,
        system: BTreeMap<String, Value>,
    ) -> Result<u64, StorageError> {
        let mut system: Attributes = system;
        system.insert("fixed_params".to_owned(), trial.external_params());
        self.storage.enqueue(self.study.id, &system, &trial.user)
    }

    /// The last report: step and value.
    fn last(&self) -> Option<(i64, f64)> {
        self.reports.last().copied()
    }
}

/// What can go wrong while a pruner judges.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The pruner's own.
    #[error(transparent)]
    Pruner(#[from] PrunerError),
    /// The storage's.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Who stops trials that are not promising, after each of their reports.
pub trait Pruner: Send {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Whether the trial should end now.
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError>;

    /// The trials that a sampler should learn from when it draws for trial `number`, where the pruner runs several tournaments side by side
    /// (Hyperband's brackets); all of them otherwise. `study` is the study's name.
    fn cohort(&self, study: &str, history: &History, number: u64) -> Option<Vec<u64>> {
        let _ = (study, history, number);
        None
    }
}

impl<P: Pruner + ?Sized> Pruner for Box<P> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        (**self).should_prune(progress)
    }

    fn cohort(&self, study: &str, history: &History, number: u64) -> Option<Vec<u64>> {
        (**self).cohort(study, history, number)
    }
}

/// The least of some values, NaN aside.
fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values
        .filter(|value| !value.is_nan())
        .min_by(f64::total_cmp)
}

/// An error unless a setting is at least 1.
fn positive(setting: &'static str, value: u64) -> Result<(), PrunerError> {
    PrunerError::unless(value >= 1, setting, value as f64, "at least 1")
}

/// A count of steps as a step; one that is too large is never reached.
fn steps(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
