//! Wilcoxon's signed-rank test: do two methods differ on the same cases?

use crate::error::StatisticsError;
use crate::ranks::ranks;
use crate::score::difference;
use crate::tail;

/// The most differences for which the distribution without ties is computed exactly; as in SciPy.
const EXACT_UP_TO: usize = 50;

/// Whether the normal approximation moves W by half a unit towards its mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// No: the default of `scipy.stats.wilcoxon`.
    Uncorrected,
    /// Yes: the default of R's `wilcox.test`.
    Corrected,
}

/// The result of [`signed_rank_test`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRankTest {
    /// The sum of the ranks of the cases on which x is higher, that is worse.
    pub positive: f64,
    /// The sum of the ranks of the cases on which x is lower, that is better.
    pub negative: f64,
    /// The number of cases on which the methods differ, n.
    pub pairs: usize,
    /// Whether the p-value is exact, not a normal approximation.
    pub exact: bool,
    /// The two-sided p-value.
    pub p_value: f64,
}

/// Wilcoxon's signed-rank test of the hypothesis that x − y is symmetric about 0, two-sided.
///
/// The n differences other than 0 are ranked by their absolute values, average ranks for ties. W⁺ is the sum of the ranks of the positive ones.
///
/// - With n ≤ 50 and no ties the p-value is exact: min(1, 2 P(W ≤ min(W⁺, W⁻))), where each rank is positive with probability 1/2. Equal to R's `wilcox.test(x, y, paired = TRUE,
///   exact = TRUE)` and SciPy's `wilcoxon(x, y, method = "exact")`, zeros removed beforehand.
/// - Otherwise W⁺ is normal with mean n (n + 1)/4 and variance n (n + 1)(2n + 1)/24 − Σ (t³ − t)/48, the sum over groups of t ties. Equal to SciPy's
///   `wilcoxon(x, y, zero_method = "wilcox", method = "approx", correction = ...)` and R's `wilcox.test(x, y, paired = TRUE, exact = FALSE, correct = ...)`.
///
/// A failure (NaN or +∞) is a loss larger than any finite one; failures tie with each other, so that more than one makes the p-value a normal approximation, and a case on which both
/// fail is a difference of 0. Where no case differs, the p-value is 1.
///
/// Sources: Wilcoxon, Biometrics Bulletin 1, 1945; Hollander and Wolfe, Nonparametric statistical methods, 1999, section 3.1.
///
/// ```
/// use qstride_statistics::{Continuity, signed_rank_test};
///
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0];
/// let y = [1.5, 2.8, 4.1, 5.4, f64::NAN];
/// let test = signed_rank_test(&x, &y, Continuity::Uncorrected)?;
/// assert_eq!((test.negative, test.pairs, test.exact), (15.0, 5, true));
/// assert_eq!(test.p_value, 2.0 / 32.0);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where x and y have different lengths; [`StatisticsError::TooFew`] where they are empty.
pub fn signed_rank_test(
    x: &[f64],
    y: &[f64],
    continuity: Continuity,
) -> Result<SignedRankTest, StatisticsError> {
    StatisticsError::length("sample", 1, y.len(), x.len())?;
    StatisticsError::at_least("Wilcoxon's test", "cases", x.len(), 1)?;
    let differences: Vec<f64> = x
        .iter()
        .zip(y)
        .map(|(&x, &y)| difference(x, y))
        .filter(|&d| d != 0.0)
        .collect();
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = ranks(&sizes);
    let n = ranks.len();
    let total = (n * (n + 1)) as f64 / 2.0;
    let positive: f64 = differences
        .iter()
        .zip(&ranks)
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, rank)| rank)
        .sum();
    let ties = tie_term(ranks);
    let exact = n <= EXACT_UP_TO && ties == 0.0;
    let p_value = if exact {
        exact_p_value(positive.min(total - positive) as usize, n)
    } else {
        normal_p_value(positive, n as f64, ties, continuity)
    };
    Ok(SignedRankTest {
        positive,
        negative: total - positive,
        pairs: n,
        exact,
        p_value,
    })
}

/// Σ (t³ − t) over the groups of t equal ranks.
fn tie_term(mut ranks: Vec<f64>) -> f64 {
    ranks.sort_by(f64::total_cmp);
    ranks
        .chunk_by(|a, b| a == b)
        .map(|group| group.len() as f64)
        .map(|t| t * t * t - t)
        .sum()
}

/// min(1, 2 P(W ≤ w)), W the sum of those of the ranks 1..=n that a fair coin chooses.
fn exact_p_value(w: usize, n: usize) -> f64 {
    // How many subsets of the ranks sum to each value; at most 2⁵⁰, so that f64 counts them exactly.
    let mut subsets = vec![0.0; n * (n + 1) / 2 + 1];
    subsets[0] = 1.0;
    let mut largest = 0;
    for rank in 1..=n {
        for sum in (0..=largest).rev() {
            subsets[sum + rank] += subsets[sum];
        }
        largest += rank;
    }
    let at_most: f64 = subsets.iter().take(w + 1).sum();
    (2.0 * at_most / 2f64.powi(n as i32)).min(1.0)
}

/// 2 P(Z > |z|), z the standardised W⁺.
fn normal_p_value(positive: f64, n: f64, ties: f64, continuity: Continuity) -> f64 {
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let away = (positive - n * (n + 1.0) / 4.0).abs();
    let away = match continuity {
        Continuity::Uncorrected => away,
        Continuity::Corrected => (away - 0.5).max(0.0),
    };
    2.0 * tail::normal(away / variance.sqrt())
}
