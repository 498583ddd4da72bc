//! Several tournaments of successive halving side by side, from cautious to bold.

use serde::{Deserialize, Serialize};

use super::resource::{known_last_step, last_step};
use super::successive_halving::{Ladder, check_reduction, rung_step};
use super::{JudgeError, Progress, Pruner, positive, steps};
use crate::{History, PrunerError};

/// Settings of [`Hyperband`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HyperbandSettings {
    /// r, the least step at which a trial may end; at least 1.
    pub min_resource: u64,
    /// R, the number of steps of a whole trial, at least `min_resource`. Nothing: one more than the last step of the trial that is complete
    /// first; nothing is pruned before that.
    pub max_resource: Option<u64>,
    /// η; at least 2.
    pub reduction_factor: u64,
    /// So many trials end at a rung before the first one goes on; 0 together with a `max_resource` of nothing.
    pub bootstrap_count: u64,
}

impl Default for HyperbandSettings {
    fn default() -> Self {
        Self {
            min_resource: 1,
            max_resource: None,
            reduction_factor: 3,
            bootstrap_count: 0,
        }
    }
}

/// Plays ⌊log_η(R/r)⌋ + 1 tournaments of [successive halving](super::SuccessiveHalving) side by side, the first rung of bracket s at r ηˢ, so
/// that nobody need know how early a bad trial shows itself.
///
/// Trials fall into brackets by a hash of the study's name and their number, as often as their shares in Hyperband's budget say: Optuna's
/// `HyperbandPruner`, the same hash. With TPE, which then learns within each bracket, it is the scheme of BOHB.
///
/// Sources: Li et al. 2018, JMLR 18(185); Falkner et al. 2018, arXiv 1807.01774 (BOHB).
#[derive(Clone, Debug)]
pub struct Hyperband {
    settings: HyperbandSettings,
}

impl Hyperband {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when one is out of its range.
    pub fn new(settings: HyperbandSettings) -> Result<Self, PrunerError> {
        positive("min_resource", settings.min_resource)?;
        check_reduction(settings.reduction_factor)?;
        if let Some(max) = settings.max_resource {
            let enough = max >= settings.min_resource;
            PrunerError::unless(enough, "max_resource", max as f64, "at least min_resource")?;
        }
        let bootstrap = settings.bootstrap_count;
        PrunerError::unless(
            bootstrap == 0 || settings.max_resource.is_some(),
            "bootstrap_count",
            bootstrap as f64,
            "0 where max_resource is not given",
        )?;
        Ok(Self { settings })
    }

    fn brackets(&self, last_step: Option<i64>) -> Option<Brackets> {
        let given = self.settings.max_resource.map(steps);
        let max_resource = given.or(last_step.map(|step| step.saturating_add(1)))?;
        let (min, factor) = (
            steps(self.settings.min_resource),
            self.settings.reduction_factor,
        );
        let reached =
            |rung: &u32| rung_step(min, factor, *rung).is_some_and(|step| step <= max_resource);
        let count = (0..).take_while(reached).count().max(1) as u64;
        let budget = |bracket: u64| {
            let rungs = count - bracket;
            let power = factor.saturating_pow((rungs - 1) as u32);
            count.saturating_mul(power).div_ceil(rungs)
        };
        Some(Brackets {
            budgets: (0..count).map(budget).collect(),
        })
    }
}

/// The tournaments and how much of the budget each has.
struct Brackets {
    budgets: Vec<u64>,
}

impl Brackets {
    /// The bracket of a trial.
    fn of(&self, study: &str, number: u64) -> u32 {
        let total = self
            .budgets
            .iter()
            .fold(0, |sum: u64, b| sum.saturating_add(*b));
        let mut left = u64::from(crc32(format!("{study}_{number}").as_bytes())) % total.max(1);
        let passed = self.budgets.iter().take_while(|budget| {
            let here = left < **budget;
            left = left.saturating_sub(**budget);
            !here
        });
        passed.count() as u32
    }
}

impl Pruner for Hyperband {
    fn name(&self) -> &'static str {
        "hyperband"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let last = match self.settings.max_resource {
            Some(_) => None,
            None => last_step(progress)?,
        };
        let Some(brackets) = self.brackets(last) else {
            return Ok(false);
        };
        let (study, number) = (progress.study(), progress.number());
        let bracket = brackets.of(study, number);
        let ladder = Ladder {
            min_resource: steps(self.settings.min_resource),
            reduction_factor: self.settings.reduction_factor,
            rate: bracket,
            bootstrap_count: self.settings.bootstrap_count,
        };
        Ok(ladder.should_prune(progress, |other| brackets.of(study, other) == bracket)?)
    }

    fn cohort(&self, study: &str, history: &History, number: u64) -> Option<Vec<u64>> {
        let brackets = self.brackets(known_last_step(history))?;
        let bracket = brackets.of(study, number);
        let numbers = history.trials().iter().map(|trial| trial.number);
        Some(
            numbers
                .filter(|other| brackets.of(study, *other) == bracket)
                .collect(),
        )
    }
}

/// The checksum of ISO 3309, as zlib and Python's `binascii` have it.
fn crc32(bytes: &[u8]) -> u32 {
    let remainder = bytes.iter().fold(u32::MAX, |remainder, byte| {
        (0..8).fold(remainder ^ u32::from(*byte), |r, _| {
            (r >> 1) ^ if r & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    !remainder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(min_resource: u64, max_resource: u64, reduction_factor: u64) -> Vec<u64> {
        let settings = HyperbandSettings {
            min_resource,
            max_resource: Some(max_resource),
            reduction_factor,
            bootstrap_count: 0,
        };
        let pruner = Hyperband::new(settings).unwrap();
        pruner.brackets(None).unwrap().budgets
    }

    #[test]
    fn brackets_of_the_paper() {
        // Table 1 of the paper, R = 81 and η = 3: 81, 34, 15, 8, 5 trials at the start of brackets s = 4, ..., 0.
        assert_eq!(budgets(1, 81, 3), [81, 34, 15, 8, 5]);
        // A floating-point logarithm loses the last one here: ln 243 / ln 3 < 5.
        assert_eq!(budgets(1, 243, 3).len(), 6);
        assert_eq!(budgets(7, 7, 3), [1]);
        assert_eq!(budgets(1, u64::MAX, 2).len(), 63);
    }

    #[test]
    fn checksum_as_zlib() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn trials_fall_into_brackets_by_their_share() {
        let brackets = Brackets {
            budgets: budgets(1, 81, 3),
        };
        let mut counts = [0.0; 5];
        for number in 0..20_000 {
            counts[brackets.of("study", number) as usize] += 1.0 / 20_000.0;
        }
        for (count, budget) in counts.iter().zip(&brackets.budgets) {
            assert!((count - *budget as f64 / 143.0).abs() < 0.01, "{counts:?}");
        }
    }
}
