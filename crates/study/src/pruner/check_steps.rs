//! At which steps a pruner looks.

use super::{positive, steps};
use crate::PrunerError;

/// The steps at which a pruner looks: warmup, warmup + interval, warmup + 2 interval, ... Where nothing is reported at such a step, it looks
/// at the next report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CheckSteps {
    warmup: i64,
    interval: i64,
}

impl CheckSteps {
    pub(super) fn new(warmup_steps: u64, interval_steps: u64) -> Result<Self, PrunerError> {
        positive("interval_steps", interval_steps)?;
        Ok(Self {
            warmup: steps(warmup_steps),
            interval: steps(interval_steps),
        })
    }

    /// Whether the last report is the first one at or after one of the steps.
    pub(super) fn is_due(&self, reports: &[(i64, f64)]) -> bool {
        let Some(((step, _), earlier)) = reports.split_last() else {
            return false;
        };
        let since = step.saturating_sub(self.warmup);
        if since < 0 {
            return false;
        }
        let due = step - since % self.interval;
        // A negative step counts as before the first one, as with Optuna.
        earlier
            .last()
            .is_none_or(|(before, _)| (*before).max(-1) < due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_report_at_or_after_every_check() {
        let check = CheckSteps::new(3, 4).unwrap();
        let looked = |steps: &[i64]| {
            let reports: Vec<(i64, f64)> = steps.iter().map(|s| (*s, 0.0)).collect();
            let due = (1..=steps.len()).filter(|n| check.is_due(&reports[..*n]));
            due.map(|n| steps[n - 1]).collect::<Vec<_>>()
        };
        let all: Vec<i64> = (0..=12).collect();
        assert_eq!(looked(&all), [3, 7, 11]);
        assert_eq!(looked(&[1, 2, 5, 6, 8, 9, 100, 101, 103]), [5, 8, 100, 103]);
        assert_eq!(looked(&[-5, 0, 2]), Vec::<i64>::new());
        assert_eq!(looked(&[i64::MIN, i64::MAX]), [i64::MAX]);
        assert!(CheckSteps::new(0, 0).is_err());
    }
}
