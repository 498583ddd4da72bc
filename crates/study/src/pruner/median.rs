//! The best report so far against the median of what complete trials reported at the same step.

use serde::{Deserialize, Serialize};

use super::{JudgeError, Percentile, PercentileSettings, Progress, Pruner};
use crate::PrunerError;

/// Settings of [`Median`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MedianSettings {
    /// Nothing is pruned before so many trials are complete.
    pub startup_trials: u64,
    /// Nothing is pruned before this step.
    pub warmup_steps: u64,
    /// Steps from one look to the next, counted from the warm-up; at least 1.
    pub interval_steps: u64,
    /// So many complete trials must have reported at the step; at least 1.
    pub min_trials: u64,
}

impl Default for MedianSettings {
    fn default() -> Self {
        Self {
            startup_trials: 5,
            warmup_steps: 0,
            interval_steps: 1,
            min_trials: 1,
        }
    }
}

/// Prunes a trial whose best report so far is worse than the median of what the complete trials reported at its last step: [`Percentile`]
/// with 50, Optuna's `MedianPruner` and its default.
#[derive(Clone, Debug)]
pub struct Median(Percentile);

impl Median {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when one is out of its range.
    pub fn new(settings: MedianSettings) -> Result<Self, PrunerError> {
        Percentile::new(PercentileSettings {
            percentile: 50.0,
            startup_trials: settings.startup_trials,
            warmup_steps: settings.warmup_steps,
            interval_steps: settings.interval_steps,
            min_trials: settings.min_trials,
        })
        .map(Self)
    }
}

impl Pruner for Median {
    fn name(&self) -> &'static str {
        "median"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        self.0.should_prune(progress)
    }
}
