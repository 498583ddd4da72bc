//! Asynchronous successive halving: at every rung the best 1/η of those that came so far go on.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::resource::last_step;
use super::{JudgeError, Progress, Pruner, positive, steps};
use crate::{PrunerError, StorageError};

/// Settings of [`SuccessiveHalving`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuccessiveHalvingSettings {
    /// r, the step of the first rung, at least 1. Nothing: a hundredth of the last step of the trial that is complete first, at least 1; nothing is
    /// pruned before that.
    pub min_resource: Option<u64>,
    /// η: one of so many goes on, and the next rung is so many times as far; at least 2.
    pub reduction_factor: u64,
    /// s: the first rung is at r ηˢ.
    pub min_early_stopping_rate: u32,
    /// So many trials end at a rung before the first one goes on; 0 together with a `min_resource` of nothing.
    pub bootstrap_count: u64,
}

impl Default for SuccessiveHalvingSettings {
    fn default() -> Self {
        Self {
            min_resource: None,
            reduction_factor: 4,
            min_early_stopping_rate: 0,
            bootstrap_count: 0,
        }
    }
}

/// Judges a trial at the rungs r ηˢ, r ηˢ⁺¹, ...: it goes on if its report is among the best ⌊n/η⌋ (one at least) of the n trials that
/// came to the rung so far, itself among them.
///
/// Where the trial reports nothing at the very step of a rung, its next report counts, for several rungs if it has passed several. NaN at a
/// rung ends the trial. A trial that was stopped is not taken up again when those after it turn out worse: that is the price of no waiting, and
/// [`SynchronousHalving`](super::SynchronousHalving) does not pay it.
///
/// Source: Li et al. 2020, arXiv 1810.05934 (ASHA); Optuna's `SuccessiveHalvingPruner`, whose system attributes `completed_rung_0`, ... these are,
/// so that either program continues the other's tournament.
#[derive(Clone, Debug)]
pub struct SuccessiveHalving {
    settings: SuccessiveHalvingSettings,
}

impl SuccessiveHalving {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when one is out of its range.
    pub fn new(settings: SuccessiveHalvingSettings) -> Result<Self, PrunerError> {
        if let Some(resource) = settings.min_resource {
            positive("min_resource", resource)?;
        }
        check_reduction(settings.reduction_factor)?;
        let bootstrap = settings.bootstrap_count;
        PrunerError::unless(
            bootstrap == 0 || settings.min_resource.is_some(),
            "bootstrap_count",
            bootstrap as f64,
            "0 where min_resource is not given",
        )?;
        Ok(Self { settings })
    }
}

impl Pruner for SuccessiveHalving {
    fn name(&self) -> &'static str {
        "successive-halving"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let min_resource = match self.settings.min_resource {
            Some(resource) => steps(resource),
            None => match last_step(progress)? {
                Some(last) => (last / 100).max(1),
                None => return Ok(false),
            },
        };
        let ladder = Ladder {
            min_resource,
            reduction_factor: self.settings.reduction_factor,
            rate: self.settings.min_early_stopping_rate,
            bootstrap_count: self.settings.bootstrap_count,
        };
        Ok(ladder.should_prune(progress, |_| true)?)
    }
}

/// An error unless η makes sense.
pub(super) fn check_reduction(factor: u64) -> Result<(), PrunerError> {
    PrunerError::unless(factor >= 2, "reduction_factor", factor as f64, "at least 2")
}

/// The step r ηᵏ; nothing where it is beyond all steps.
pub(super) fn rung_step(min_resource: i64, factor: u64, rung: u32) -> Option<i64> {
    let power = i64::try_from(factor).ok()?.checked_pow(rung)?;
    min_resource.checked_mul(power)
}

/// The rungs of one tournament.
pub(super) struct Ladder {
    pub(super) min_resource: i64,
    pub(super) reduction_factor: u64,
    pub(super) rate: u32,
    pub(super) bootstrap_count: u64,
}

impl Ladder {
    /// Judges the trial at every rung that it has come to, among the trials whose numbers compete with it.
    pub(super) fn should_prune(
        &self,
        progress: &mut Progress<'_>,
        competes: impl Fn(u64) -> bool,
    ) -> Result<bool, StorageError> {
        let history = progress.history();
        let Some((step, value)) = progress.last() else {
            return Ok(false);
        };
        let own = history.trials().get(progress.number() as usize);
        let passed = |rung: &u32| own.is_some_and(|own| own.system.contains_key(&key(*rung)));
        let first = (0..).take_while(passed).count() as u32;
        for rung in first.. {
            let power = self.rate.saturating_add(rung);
            match rung_step(self.min_resource, self.reduction_factor, power) {
                Some(reached) if step >= reached => {}
                _ => return Ok(false),
            }
            if value.is_nan() {
                return Ok(true);
            }
            // JSON has no infinities. Optuna keeps the report as it was made, whatever the direction.
            let value = value.clamp(f64::MIN, f64::MAX);
            let direction = history.direction();
            progress.set_attribute(&key(rung), &json!(direction.loss(value)))?;
            let others = history
                .trials()
                .iter()
                .filter(|trial| competes(trial.number));
            let mut values: Vec<f64> = others
                .filter_map(|trial| trial.system.get(&key(rung))?.as_f64())
                .map(|value| direction.loss(value))
                .collect();
            values.push(value);
            let come = values.len() as u64;
            let places = (come / self.reduction_factor).max(1) as usize;
            let (_, &mut limit, _) = values.select_nth_unstable_by(places - 1, f64::total_cmp);
            if come <= self.bootstrap_count || value > limit {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn key(rung: u32) -> String {
    format!("completed_rung_{rung}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused() {
        let with = |min_resource, reduction_factor, bootstrap_count| {
            SuccessiveHalving::new(SuccessiveHalvingSettings {
                min_resource,
                reduction_factor,
                min_early_stopping_rate: 0,
                bootstrap_count,
            })
        };
        assert!(with(Some(1), 2, 3).is_ok());
        for (refused, setting) in [
            (with(Some(0), 2, 0), "min_resource is 0"),
            (with(None, 1, 0), "reduction_factor is 1"),
            (with(None, 2, 3), "bootstrap_count is 3"),
        ] {
            let message = refused.unwrap_err().to_string();
            assert!(message.contains(setting), "{message}");
        }
    }

    #[test]
    fn rungs_beyond_all_steps_are_never_reached() {
        assert_eq!(rung_step(3, 4, 2), Some(48));
        assert_eq!(rung_step(i64::MAX, 2, 1), None);
        assert_eq!(rung_step(1, u64::MAX, 1), None);
        assert_eq!(rung_step(1, 2, 64), None);
    }
}
