//! Reports against fixed limits.

use serde::{Deserialize, Serialize};

use super::check_steps::CheckSteps;
use super::{JudgeError, Progress, Pruner};
use crate::PrunerError;

/// Settings of [`Threshold`]. The limits are those of the reports as they were made, whatever the study's direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThresholdSettings {
    /// A report below it prunes.
    pub lower: f64,
    /// A report above it prunes.
    pub upper: f64,
    /// Nothing is pruned before this step.
    pub warmup_steps: u64,
    /// Steps from one look to the next, counted from the warm-up; at least 1.
    pub interval_steps: u64,
}

impl Default for ThresholdSettings {
    /// No limits: only NaN is pruned.
    fn default() -> Self {
        Self {
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            warmup_steps: 0,
            interval_steps: 1,
        }
    }
}

/// Prunes a trial whose last report is NaN, below one limit or above another: what diverges or cannot be. Optuna's `ThresholdPruner`.
#[derive(Clone, Debug)]
pub struct Threshold {
    settings: ThresholdSettings,
    check: CheckSteps,
}

impl Threshold {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when lower > upper or one of them is NaN, or there are no steps between two looks.
    pub fn new(settings: ThresholdSettings) -> Result<Self, PrunerError> {
        let ThresholdSettings { lower, upper, .. } = settings;
        PrunerError::unless(
            lower <= upper,
            "lower",
            lower,
            "at most upper, and neither NaN",
        )?;
        Ok(Self {
            check: CheckSteps::new(settings.warmup_steps, settings.interval_steps)?,
            settings,
        })
    }
}

impl Pruner for Threshold {
    fn name(&self) -> &'static str {
        "threshold"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        if !self.check.is_due(progress.reports()) {
            return Ok(false);
        }
        let direction = progress.history().direction();
        Ok(progress.last().is_some_and(|(_, loss)| {
            let value = direction.loss(loss);
            !(self.settings.lower..=self.settings.upper).contains(&value)
        }))
    }
}
