//! Who stops trials that are not promising.

use crate::storage::Storage;
use crate::{History, PrunerError, StorageError};

mod none;

pub use none::NoPruner;

/// What a pruner may look at. Every value has its sign changed where large ones are good, so that small is good.
pub struct Progress<'a> {
    pub(crate) history: &'a History,
    pub(crate) storage: &'a mut dyn Storage,
    pub(crate) study: i64,
    pub(crate) number: u64,
    pub(crate) reports: &'a [(i64, f64)],
}

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "trial {} with reports {:?}", self.number, self.reports)
    }
}

impl Progress<'_> {
    /// The number of the trial that asks.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The trial's own reports so far as (step, value), steps ascending; the last one is what is to be judged. There is at least one.
    /// NaN stays NaN.
    pub fn reports(&self) -> &[(i64, f64)] {
        self.reports
    }

    /// The trials of the study, this one among them.
    pub fn history(&self) -> &History {
        self.history
    }

    /// The values of all other trials at a step as (trial number, value).
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    pub fn others_at(&mut self, step: i64) -> Result<Vec<(u64, f64)>, StorageError> {
        let direction = self.history.direction();
        let mut values = self.storage.reports_at(self.study, step)?;
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
    /// (Hyperband's brackets); all of them otherwise.
    fn cohort(&self, history: &History, number: u64) -> Option<Vec<u64>> {
        let _ = (history, number);
        None
    }
}
