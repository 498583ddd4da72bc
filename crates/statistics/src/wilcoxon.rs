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
/// - With n ≤ 50 and no ties the p-value is exact: min(1, 2 P(W ≤ min(W⁺, W⁻))), where each rank is positive with probability
///   1/2. Equal to R's `wilcox.test(x, y, paired = TRUE, exact = TRUE)` and SciPy's `wilcoxon(x, y, method = "exact")`, zeros
///   removed beforehand.
/// - Otherwise W⁺ is normal with mean n (n + 1)/4 and variance n (n + 1)(2n + 1)/24 − Σ (t³ − t)/48, the sum over groups of t
///   ties. Equal to SciPy's `wilcoxon(x, y, zero_method = "wilcox", method = "approx", correction = ...)` and R's
///   `wilcox.test(x, y, paired = TRUE, exact = FALSE, correct = ...)`.
///
/// A failure (NaN or +∞) is a loss larger than any finite one; failures tie with each other, so that more than one makes the
/// p-value a normal approximation, and a case on which both fail is a difference of 0. Where no case differs, the p-value is 1.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn test(x: &[f64], y: &[f64], continuity: Continuity) -> SignedRankTest {
        signed_rank_test(x, y, continuity).unwrap()
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    #[allow(clippy::approx_constant, reason = "3.14 is a measurement")]
    fn exact_as_in_r_and_scipy() {
        // Hollander and Wolfe 1973, p. 29, the example of R's wilcox.test.
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let found = test(&x, &y, Continuity::Corrected);
        // R 4.2: wilcox.test(x, y, paired = TRUE, exact = TRUE): V = 40, p = 0.0390625; scipy 1.17 wilcoxon(x, y, method='exact'): 5.0, 0.0390625
        assert_eq!(
            (found.positive, found.negative, found.pairs),
            (40.0, 5.0, 9)
        );
        assert_eq!((found.exact, found.p_value), (true, 0.0390625));
    }

    /// x = 2 sin i + 1/2 and y = cos 1.7 i for i = 1..=n.
    fn waves(n: usize) -> (Vec<f64>, Vec<f64>) {
        let wave = |i: usize| (2.0 * (i as f64).sin() + 0.5, (1.7 * i as f64).cos());
        (1..=n).map(wave).unzip()
    }

    #[test]
    fn exact_up_to_fifty_pairs() {
        let (x, y) = waves(50);
        let found = test(&x, &y, Continuity::Uncorrected);
        // i <- 1:50; R 4.2: wilcox.test(2*sin(i)+.5, cos(1.7*i), paired = TRUE, exact = TRUE); scipy 1.17: wilcoxon(..., method='exact')
        assert_eq!((found.positive, found.exact), (850.0, true));
        close(found.p_value, 0.03996834652842373);

        let (x, y) = waves(51);
        let found = test(&x, &y, Continuity::Uncorrected);
        // i <- 1:51; R 4.2: wilcox.test(..., paired = TRUE, exact = FALSE, correct = FALSE); scipy 1.17: wilcoxon(..., method='approx')
        assert_eq!((found.positive, found.exact), (895.0, false));
        close(found.p_value, 0.029656780886083225);
        // R 4.2: correct = TRUE; scipy 1.17: correction=True
        close(
            test(&x, &y, Continuity::Corrected).p_value,
            0.030010059659775042,
        );
    }

    #[test]
    fn ties_and_zeros_as_in_r_and_scipy() {
        let x = [
            125.0, 115.0, 130.0, 140.0, 140.0, 115.0, 140.0, 125.0, 140.0, 135.0,
        ];
        let y = [
            110.0, 122.0, 125.0, 120.0, 140.0, 124.0, 123.0, 137.0, 135.0, 145.0,
        ];
        let found = test(&x, &y, Continuity::Uncorrected);
        // R 4.2: wilcox.test(x, y, paired = TRUE, exact = FALSE, correct = FALSE): V = 27
        // scipy 1.17: wilcoxon(x, y, zero_method='wilcox', method='approx', correction=False): 18.0
        assert_eq!(
            (found.positive, found.negative, found.pairs),
            (27.0, 18.0, 9)
        );
        assert!(!found.exact);
        close(found.p_value, 0.5936305914425295);
        // R 4.2: correct = TRUE; scipy 1.17: correction=True
        close(
            test(&x, &y, Continuity::Corrected).p_value,
            0.6352893188352069,
        );
    }

    #[test]
    fn a_failure_is_the_largest_loss() {
        let nan = f64::NAN;
        let found = test(
            &[nan, 1.0, 1.0, nan],
            &[1.0, 2.0, 1e300, f64::INFINITY],
            Continuity::Uncorrected,
        );
        // Both fail on the last case, which drops out.
        assert_eq!((found.positive, found.negative, found.pairs), (3.0, 3.0, 3));
        let found = test(&[nan, nan, 5.0], &[1.0, 2.0, 1.0], Continuity::Uncorrected);
        assert_eq!((found.positive, found.pairs, found.exact), (6.0, 3, false));
    }

    #[test]
    fn nothing_and_no_difference() {
        assert!(signed_rank_test(&[], &[], Continuity::Corrected).is_err());
        assert!(signed_rank_test(&[1.0], &[], Continuity::Corrected).is_err());
        let same = test(&[1.0, f64::NAN], &[1.0, f64::NAN], Continuity::Corrected);
        assert_eq!((same.pairs, same.p_value), (0, 1.0));
        // W at its mean, with ties: no correction beyond it.
        let even = test(&[1.0, 0.0], &[0.0, 1.0], Continuity::Corrected);
        assert_eq!((even.exact, even.p_value), (false, 1.0));
    }

    proptest! {
        #[test]
        fn who_is_first_and_the_order_of_cases_do_not_matter(
            pairs in proptest::collection::vec((0_u8..12, 0_u8..12), 1..70),
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).unzip();
            let (back_x, back_y): (Vec<f64>, Vec<f64>) =
                pairs.iter().rev().map(|&(x, y)| (f64::from(x), f64::from(y))).unzip();
            for continuity in [Continuity::Uncorrected, Continuity::Corrected] {
                let found = test(&x, &y, continuity);
                prop_assert_eq!(found, test(&back_x, &back_y, continuity));
                let swapped = test(&y, &x, continuity);
                prop_assert_eq!((found.positive, found.p_value), (swapped.negative, swapped.p_value));
                prop_assert!(found.p_value > 0.0 && found.p_value <= 1.0);
            }
        }

        #[test]
        fn exact_is_what_all_signs_give(signs in proptest::collection::vec(any::<bool>(), 1..11)) {
            let x: Vec<f64> = signs
                .iter()
                .enumerate()
                .map(|(i, &up)| if up { i as f64 + 1.0 } else { -(i as f64) - 1.0 })
                .collect();
            let n = signs.len();
            let found = test(&x, &vec![0.0; n], Continuity::Uncorrected);
            let w = |mask: usize| (0..n).filter(|i| mask >> i & 1 == 1).map(|i| i as f64 + 1.0).sum::<f64>();
            let least = found.positive.min(found.negative);
            let extreme = (0..1_usize << n).filter(|&mask| w(mask) <= least).count();
            prop_assert_eq!(found.p_value, (2.0 * extreme as f64 / (1_usize << n) as f64).min(1.0));
        }
    }
}
