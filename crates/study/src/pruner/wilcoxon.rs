//! Steps are seeds, folds or problems: the trial against the best one, pair by pair.

use std::collections::BTreeMap;

use qstride_statistics::{Continuity, ranks, signed_rank_test};
use serde::{Deserialize, Serialize};

use super::{JudgeError, Progress, Pruner};
use crate::PrunerError;

/// The most pairs for which the p-value is exact.
const EXACT_UP_TO: usize = 50;

/// Settings of [`Wilcoxon`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WilcoxonSettings {
    /// A trial is pruned when its p-value falls below this, in \[0, 1\]. The test is made after each report, so that the probability of
    /// pruning a trial as good as the best is larger than this.
    pub p_threshold: f64,
    /// So many pairs are needed; never fewer than 2.
    pub startup_steps: u64,
}

impl Default for WilcoxonSettings {
    fn default() -> Self {
        Self {
            p_threshold: 0.1,
            startup_steps: 2,
        }
    }
}

/// Prunes a trial that is worse than the best complete one by Wilcoxon's signed-rank test over the steps that both have reported.
///
/// Here a step is not time: it is the seed, the fold or the problem on which the value was measured, in any order. The trial's value should be the
/// mean of its reports. A trial goes on while the mean of its reports is not above that of the best trial's, whatever the test says, and
/// where one of the two reported a value that is not finite. The rule is that of Optuna's `WilcoxonPruner`.
///
/// Up to 50 pairs the one-sided p-value is exact under all sign changes of the differences, also with ties and differences of 0, which keep
/// their ranks and favour nobody. (With more than 13 pairs and ties SciPy, hence Optuna, approximates by a normal distribution.) Beyond 50 it is
/// that of [`signed_rank_test`].
#[derive(Clone, Debug)]
pub struct Wilcoxon {
    settings: WilcoxonSettings,
}

impl Wilcoxon {
    /// A pruner with these settings.
    ///
    /// # Errors
    ///
    /// [`PrunerError::Setting`] when the threshold is none.
    pub fn new(settings: WilcoxonSettings) -> Result<Self, PrunerError> {
        let p = settings.p_threshold;
        let inside = (0.0..=1.0).contains(&p);
        PrunerError::unless(inside, "p_threshold", p, "from 0 to 1")?;
        Ok(Self { settings })
    }
}

impl Pruner for Wilcoxon {
    fn name(&self) -> &'static str {
        "wilcoxon"
    }

    fn should_prune(&mut self, progress: &mut Progress<'_>) -> Result<bool, JudgeError> {
        let own = progress.reports();
        let Some(best) = progress.history().best() else {
            return Ok(false);
        };
        let best = progress.reports_of(best.number)?;
        let finite = |reports: &[(i64, f64)]| reports.iter().all(|(_, value)| value.is_finite());
        if !finite(own) || !finite(&best) {
            return Ok(false);
        }
        let at: BTreeMap<i64, f64> = best.iter().copied().collect();
        let (x, y): (Vec<f64>, Vec<f64>) = own
            .iter()
            .filter_map(|(step, value)| Some((*value, *at.get(step)?)))
            .unzip();
        if (x.len() as u64) < self.settings.startup_steps.max(2) || mean(own) <= mean(&best) {
            return Ok(false);
        }
        Ok(p_worse(&x, &y) < self.settings.p_threshold)
    }
}

fn mean(reports: &[(i64, f64)]) -> f64 {
    reports.iter().map(|(_, value)| value).sum::<f64>() / reports.len() as f64
}

/// The probability that W⁺, the sum of the ranks of the positive differences x − y, is as large as it is when every difference has either
/// sign with probability 1/2.
fn p_worse(x: &[f64], y: &[f64]) -> f64 {
    let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
    if differences.len() > EXACT_UP_TO {
        let Ok(test) = signed_rank_test(x, y, Continuity::Uncorrected) else {
            return 1.0;
        };
        let tail = test.p_value / 2.0;
        return if test.positive > test.negative {
            tail
        } else {
            1.0 - tail
        };
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    // Twice the ranks, so that those of ties are whole.
    let doubled: Vec<usize> = ranks(&sizes).iter().map(|r| (2.0 * r) as usize).collect();
    let signed: Vec<(f64, usize)> = differences.into_iter().zip(doubled).collect();
    let positive: usize = signed
        .iter()
        .filter(|(d, _)| *d > 0.0)
        .map(|(_, r)| r)
        .sum();
    // The distribution of W⁺ over the signs, one difference after the other.
    let total: usize = signed.iter().map(|(_, rank)| rank).sum();
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    for (_, rank) in signed.iter().filter(|(d, _)| *d != 0.0) {
        for sum in (0..=total).rev() {
            let with = sum.checked_sub(*rank).map_or(0.0, |rest| probability[rest]);
            probability[sum] = 0.5 * (probability[sum] + with);
        }
    }
    probability[positive..].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_as_scipy_has_them() {
        // scipy.stats.wilcoxon(d, alternative="greater", zero_method="zsplit").pvalue, SciPy 1.17.1: exact without ties, all 2^n sign
        // changes with them.
        let cases: [(&[f64], f64); 6] = [
            (&[1.0, 2.0], 0.25),
            (&[1.0, 1.0, 1.0], 0.125),
            (&[0.3, -0.1, 0.5, 0.7, 1.1], 0.0625),
            (&[0.0, 0.0, 1.0, 1.0, 2.0, -1.0], 0.25),
            (&[-1.0, -2.0, -3.0, 0.5], 0.9375),
            (&[0.0, 0.0], 1.0),
        ];
        for (differences, expected) in cases {
            let p = p_worse(differences, &vec![0.0; differences.len()]);
            assert!((p - expected).abs() < 1e-12, "{p} for {differences:?}");
        }
        // The same, n = 60: the normal approximation.
        let many: Vec<f64> = (1..=60)
            .map(|i| f64::from(i) * if i % 3 == 0 { -1.0 } else { 1.0 })
            .collect();
        let p = p_worse(&many, &[0.0; 60]);
        assert!((p - 0.017_950_061_607_939_057).abs() < 1e-9, "{p}");
    }
}
