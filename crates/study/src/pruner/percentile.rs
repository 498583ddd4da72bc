//! The best report so far against a percentile of what complete trials reported at the same step.

use serde::{Deserialize, Serialize};

use super::check_steps::CheckSteps;
use super::{JudgeError, Progress, Pruner, least, positive};
use crate::{PrunerError, TrialState};

/// Settings of [`Percentile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PercentileSettings {
    /// The best so many percent go on, in \[0, 100\].
    pub percentile: f64,
    /// Nothing is pruned before so many trials are complete.
    pub startup_trials: u64,
    /// Nothing is pruned before this step.
    pub warmup_steps: u64,
    /// Steps from one look to the next, counted from the warm-up; at least 1.
    pub interval_steps: u64,
    /// So many complete trials must have reported at the step; at least 1.
    pub min_trials: u64,
}

impl Default for PercentileSettings {
    fn default() -> Self {
        Self {
            percentile: 25.0,
            startup_trials: 5,
            warmup_steps: 0,
            interval_steps: 1,
            min_trials: 1,
        }
    }
}

/// Prunes a trial whose best report so far is worse than the given percentile of what the complete trials reported at its last step.
///
/// NaN counts for nothing; a trial that has reported nothing else is pruned. The rule is that of Optuna's `PercentilePruner`; the median
/// (percentile 50) is the median stopping rule of Golovin et al. 2017 (Vizier), with the step's own value in place of a running average.
#[derive(Clone, Debug)]
pub struct Percentile {
    settings: PercentileSettings,
    check: CheckSteps,
}

impl Percentile {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when one is out of its range.
    pub fn new(settings: PercentileSettings) -> Result<Self, PrunerError> {
        let percentile = settings.percentile;
        let inside = (0.0..=100.0).contains(&percentile);
        PrunerError::unless(inside, "percentile", percentile, "from 0 to 100")?;
        positive("min_trials", settings.min_trials)?;
        Ok(Self {
            check: CheckSteps::new(settings.warmup_steps, settings.interval_steps)?,
            settings,
        })
    }
}

impl Pruner for Percentile {
    fn name(&self) -> &'static str {
        "percentile"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let history = progress.history();
        let complete = history.complete().count() as u64;
        if complete < self.settings.startup_trials.max(1) || !self.check.is_due(progress.reports())
        {
            return Ok(false);
        }
        let Some((step, _)) = progress.last() else {
            return Ok(false);
        };
        let Some(best) = least(progress.reports().iter().map(|(_, value)| *value)) else {
            return Ok(true);
        };
        let mut others = progress.others_at(step)?;
        others.retain(|(number, _)| {
            let trial = history.trials().get(*number as usize);
            trial.is_some_and(|trial| trial.state == TrialState::Complete)
        });
        if (others.len() as u64) < self.settings.min_trials {
            return Ok(false);
        }
        let values = others.into_iter().map(|(_, value)| value);
        let limit = percentile(values.collect(), self.settings.percentile);
        Ok(limit.is_some_and(|limit| best > limit))
    }
}

/// The percentile of some values, NaN aside, linear between neighbours as NumPy's `nanpercentile`.
fn percentile(mut values: Vec<f64>, percent: f64) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    let at = percent / 100.0 * values.len().checked_sub(1)? as f64;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    // The nearer end leads, so that the percentile of the negatives is the negative of its mirror image. Equal ends may be infinite.
    Some(match at.fract() {
        _ if below == above => below,
        share if share < 0.5 => below + (above - below) * share,
        share => above - (above - below) * (1.0 - share),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_as_numpy_has_them() {
        // numpy.nanpercentile([3, 1, nan, 2, 10], [0, 25, 40, 50, 90, 100])
        let values = vec![3.0, 1.0, f64::NAN, 2.0, 10.0];
        let found = [0.0, 25.0, 40.0, 50.0, 90.0, 100.0].map(|p| percentile(values.clone(), p));
        let expected = [1.0, 1.75, 2.2, 2.5, 7.9, 10.0];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(percentile(vec![f64::NAN], 50.0), None);
        assert_eq!(
            percentile(vec![f64::INFINITY; 2], 50.0),
            Some(f64::INFINITY)
        );
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let with = |percentile, min_trials, interval_steps| {
            Percentile::new(PercentileSettings {
                percentile,
                min_trials,
                interval_steps,
                ..PercentileSettings::default()
            })
        };
        assert!(with(25.0, 1, 1).is_ok());
        for refused in [
            with(101.0, 1, 1),
            with(f64::NAN, 1, 1),
            with(5.0, 0, 1),
            with(5.0, 1, 0),
        ] {
            assert!(refused.unwrap_err().to_string().contains("must be"));
        }
    }
}
