//! The last reports against those before them.

use serde::{Deserialize, Serialize};

use super::{JudgeError, Progress, Pruner, least};
use crate::{History, PrunerError};

/// Settings of [`Patience`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatienceSettings {
    /// So many reports after the best one may be worse.
    pub patience: u64,
    /// The last reports count as worse only where their best is worse by more than this; at least 0.
    pub min_delta: f64,
}

/// Prunes a trial whose last `patience` + 1 reports all fall behind the best one before them by more than `min_delta`; with another pruner
/// inside, that one decides then, and only then. Optuna's `PatientPruner`.
///
/// NaN counts for nothing: a trial that reported only NaN before or in the last reports goes on.
///
/// ```
/// use qstride_study::pruner::{Median, MedianSettings, Patience, PatienceSettings};
///
/// let settings = PatienceSettings { patience: 3, min_delta: 0.0 };
/// let alone = Patience::new(settings.clone())?;
/// let patient_median = Patience::new(settings)?.before(Median::new(MedianSettings::default())?);
/// # Ok::<(), qstride_study::PrunerError>(())
/// ```
pub struct Patience {
    settings: PatienceSettings,
    then: Option<Box<dyn Pruner>>,
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("settings", &self.settings)
            .field("then", &self.then.as_ref().map(|pruner| pruner.name()))
            .finish()
    }
}

impl Patience {
    /// Patience alone.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when `min_delta` is negative or NaN.
    pub fn new(settings: PatienceSettings) -> Result<Self, PrunerError> {
        let delta = settings.min_delta;
        PrunerError::unless(delta >= 0.0, "min_delta", delta, "at least 0")?;
        Ok(Self {
            settings,
            then: None,
        })
    }

    /// Another pruner decides when patience is at its end.
    pub fn before(mut self, pruner: impl Pruner + 'static) -> Self {
        self.then = Some(Box::new(pruner));
        self
    }
}

impl Pruner for Patience {
    fn name(&self) -> &'static str {
        "patience"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let reports = progress.reports();
        let last = usize::try_from(self.settings.patience).unwrap_or(usize::MAX);
        let Some(split) = reports.len().checked_sub(last.saturating_add(1)) else {
            return Ok(false);
        };
        let (before, after) = reports.split_at(split);
        let [before, after] = [before, after].map(|part| least(part.iter().map(|(_, v)| *v)));
        let behind = before
            .zip(after)
            .is_some_and(|(before, after)| before + self.settings.min_delta < after);
        match &mut self.then {
            _ if !behind => Ok(false),
            None => Ok(true),
            Some(pruner) => pruner.should_prune(progress),
        }
    }

    fn cohort(&self, study: &str, history: &History, number: u64) -> Option<Vec<u64>> {
        self.then.as_ref()?.cohort(study, history, number)
    }
}
