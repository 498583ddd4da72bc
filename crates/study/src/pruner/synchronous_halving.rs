//! Synchronous successive halving: of a cohort at a rung the best 1/η go on, when all of it is there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::successive_halving::{check_reduction, rung_step};
use super::{JudgeError, Progress, Pruner, positive, steps};
use crate::{FrozenTrial, History, PrunerError, TrialState};

/// The system attribute of a trial that continues another one: that one's number, and the rung at which it is judged next.
const CONTINUES: &str = "halving:continues";

/// Settings of [`SynchronousHalving`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SynchronousHalvingSettings {
    /// n, the number of trials of a cohort at the first rung; at least `reduction_factor`. A power of η leaves one at the end.
    pub cohort: u64,
    /// r, the step of the first rung; at least 1.
    pub min_resource: u64,
    /// η: one of so many goes on, and the next rung is so many times as far; at least 2.
    pub reduction_factor: u64,
}

impl Default for SynchronousHalvingSettings {
    fn default() -> Self {
        Self {
            cohort: 27,
            min_resource: 1,
            reduction_factor: 3,
        }
    }
}

/// Stops every trial at a rung until ⌊n/ηᵏ⌋ of them, the cohort of rung k, have come there; then the best 1/η of the cohort go on to the rung
/// at r ηᵏ⁺¹. Those that are left after the last rung run to their end.
///
/// A trial that is defined by running it cannot pause. So it ends as pruned at the rung, and one that goes on is enqueued again with the same
/// parameters and user attributes: the new trial's [`continues`](crate::Trial::continues) is the old one's number, so that an objective that
/// keeps checkpoints resumes there; without them it starts over, which costs a share of about 1/η of the steps more. Only the trial that completes
/// the cohort goes on at once if it is among the best. Both trials stand in the history, and count in the study's cap. Enqueued trials are taken
/// first, so that one worker plays cohort after cohort.
///
/// A cohort is whoever comes: a trial that fails, or has NaN at a rung, leaves its place to the next one. Who stops asking `should_prune`
/// is not judged. When trials of several processes come to a rung in the same moment, more than one may complete the same cohort; of two trials
/// that continue the same one the later is pruned at its first report.
///
/// Source: Jamieson and Talwalkar 2016, arXiv 1502.07943.
#[derive(Clone, Debug)]
pub struct SynchronousHalving {
    settings: SynchronousHalvingSettings,
}

impl SynchronousHalving {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when one is out of its range.
    pub fn new(settings: SynchronousHalvingSettings) -> Result<Self, PrunerError> {
        positive("min_resource", settings.min_resource)?;
        check_reduction(settings.reduction_factor)?;
        let cohort = settings.cohort;
        let enough = cohort >= settings.reduction_factor;
        PrunerError::unless(enough, "cohort", cohort as f64, "at least reduction_factor")?;
        Ok(Self { settings })
    }

    /// The size of a cohort at a rung and how many of it go on; nothing after the last rung.
    fn places(&self, rung: u32) -> Option<(usize, usize)> {
        let factor = self.settings.reduction_factor;
        let places = self.settings.cohort / factor.checked_pow(rung)?;
        let promoted = places / factor;
        (promoted > 0).then_some((places as usize, promoted as usize))
    }
}

impl Pruner for SynchronousHalving {
    fn name(&self) -> &'static str {
        "synchronous-halving"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let history = progress.history();
        let number = progress.number();
        let (Some((step, value)), Some(own)) =
            (progress.last(), history.trials().get(number as usize))
        else {
            return Ok(false);
        };
        if continued_before(history, own) {
            return Ok(true);
        }
        let start = continuation(own).map_or(0, |(_, rung)| rung);
        let passed = |rung: &u32| arrival(own, *rung).is_some();
        let first = start + (start..).take_while(passed).count() as u32;
        for rung in first.. {
            let Some((places, promoted)) = self.places(rung) else {
                return Ok(false);
            };
            let min_resource = steps(self.settings.min_resource);
            match rung_step(min_resource, self.settings.reduction_factor, rung) {
                Some(reached) if step >= reached => {}
                _ => return Ok(false),
            }
            if value.is_nan() {
                return Ok(true);
            }
            // JSON has no infinities.
            let value = value.clamp(f64::MIN, f64::MAX);
            progress.set_attribute(&arrival_key(rung), &json!([number, value]))?;
            let decided = decided(history, rung);
            let mut cohort: BTreeMap<u64, f64> = history
                .trials()
                .iter()
                .filter(|trial| !decided.contains(&trial.number))
                .filter_map(|trial| Some((trial.number, arrival(trial, rung)?)))
                .collect();
            cohort.insert(number, value);
            if cohort.len() < places {
                return Ok(true);
            }
            let mut cohort: Vec<(u64, f64)> = cohort.into_iter().take(places).collect();
            let members: Vec<u64> = cohort.iter().map(|(member, _)| *member).collect();
            cohort.sort_by(|a, b| a.1.total_cmp(&b.1));
            let best: Vec<u64> = cohort[..promoted]
                .iter()
                .map(|(member, _)| *member)
                .collect();
            for &member in best.iter().filter(|member| **member != number) {
                let Some(trial) = history.trials().get(member as usize) else {
                    continue;
                };
                let to = json!({"trial": member, "rung": rung + 1});
                progress.enqueue_again(trial, BTreeMap::from([(CONTINUES.to_owned(), to)]))?;
            }
            // Last, so that a worker that dies on the way leaves the cohort to the next one.
            progress.set_attribute(&cohort_key(rung), &json!(members))?;
            if !best.contains(&number) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The number of the trial that this one continues.
pub(crate) fn continued_by(trial: &FrozenTrial) -> Option<u64> {
    continuation(trial).map(|(number, _)| number)
}

/// The trial that this one continues, and the rung at which it is judged next.
fn continuation(trial: &FrozenTrial) -> Option<(u64, u32)> {
    let continues = trial.system.get(CONTINUES)?;
    let rung = u32::try_from(continues.get("rung")?.as_u64()?).ok()?;
    Some((continues.get("trial")?.as_u64()?, rung))
}

/// Whether an earlier trial, one that did not fail, continues the same one.
fn continued_before(history: &History, own: &FrozenTrial) -> bool {
    let Some(same) = continuation(own) else {
        return false;
    };
    let earlier = history.trials().iter().take(own.number as usize);
    earlier
        .filter(|trial| trial.state != TrialState::Fail)
        .any(|trial| continuation(trial) == Some(same))
}

/// The system attribute of a trial that came to a rung: its number, so that it does not count for a trial that tries the same again and
/// has copied it, and its value.
fn arrival_key(rung: u32) -> String {
    format!("halving:arrived_{rung}")
}

fn arrival(trial: &FrozenTrial, rung: u32) -> Option<f64> {
    let [number, value] = trial.system.get(&arrival_key(rung))?.as_array()?.as_slice() else {
        return None;
    };
    (number.as_u64()? == trial.number).then_some(value.as_f64()?)
}

/// The system attribute of the trial that completed a cohort: the numbers of all of it.
fn cohort_key(rung: u32) -> String {
    format!("halving:cohort_{rung}")
}

/// The trials whose cohort at the rung is decided.
fn decided(history: &History, rung: u32) -> BTreeSet<u64> {
    let key = cohort_key(rung);
    let cohorts = history
        .trials()
        .iter()
        .filter_map(|trial| trial.system.get(&key));
    let members = cohorts.filter_map(Value::as_array).flatten();
    members.filter_map(Value::as_u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohorts_shrink_to_the_last_one() {
        let with = |cohort, reduction_factor| {
            SynchronousHalving::new(SynchronousHalvingSettings {
                cohort,
                min_resource: 1,
                reduction_factor,
            })
        };
        let nine = with(9, 3).unwrap();
        let places: Vec<_> = (0..3).map(|rung| nine.places(rung)).collect();
        assert_eq!(places, [Some((9, 3)), Some((3, 1)), None]);
        let twenty = with(20, 3).unwrap();
        let places: Vec<_> = (0..3).map(|rung| twenty.places(rung)).collect();
        assert_eq!(places, [Some((20, 6)), Some((6, 2)), None]);
        assert!(with(2, 3).is_err() && with(9, 1).is_err());
    }
}
