//! Ranks of methods.

use crate::error::{StatisticsError, row_length};
use crate::score::compare;

/// The ranks of values: 1 for the lowest, equal values share the average of their ranks.
///
/// NaN and +∞ are failures: last, and tied with each other. The ranks of k values sum to k (k + 1)/2. Equal to
/// `scipy.stats.rankdata` and R's `rank` on numbers.
///
/// ```
/// use qstride_statistics::ranks;
/// assert_eq!(ranks(&[0.3, 0.1, 0.3, f64::NAN]), [2.5, 1.0, 2.5, 4.0]);
/// ```
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| compare(values[a], values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| compare(values[a], values[b]).is_eq()) {
        let average = before as f64 + (tied.len() + 1) as f64 / 2.0;
        for &value in tied {
            ranks[value] = average;
        }
        before += tied.len();
    }
    ranks
}

/// The ranks of the methods on each case: `result[case][method]`.
pub(crate) fn ranks_by_case(scores: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StatisticsError> {
    let cases = row_length("method", scores)?;
    Ok((0..cases)
        .map(|case| ranks(&scores.iter().map(|method| method[case]).collect::<Vec<_>>()))
        .collect())
}

/// The mean rank of each method over the cases of `scores[method][case]`: R̄_m = Σ_c r_mc / N.
///
/// 1 is a method that is best everywhere. On each case a failure ranks last, tied with other failures.
///
/// ```
/// use qstride_statistics::mean_ranks;
/// let scores = [vec![1.0, 1.0, 5.0], vec![2.0, 1.0, f64::NAN]];
/// assert_eq!(mean_ranks(&scores)?, [3.5 / 3.0, 5.5 / 3.0]);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where methods have different numbers of cases; [`StatisticsError::TooFew`] without a case.
pub fn mean_ranks(scores: &[Vec<f64>]) -> Result<Vec<f64>, StatisticsError> {
    let by_case = ranks_by_case(scores)?;
    StatisticsError::at_least("a mean rank", "cases", by_case.len(), 1)?;
    let sum = |method: usize| by_case.iter().map(|ranks| ranks[method]).sum::<f64>();
    Ok((0..scores.len())
        .map(|method| sum(method) / by_case.len() as f64)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn failures_rank_last_and_tie() {
        let values = [
            f64::NAN,
            1.0,
            f64::INFINITY,
            -f64::NAN,
            f64::NEG_INFINITY,
            f64::MAX,
        ];
        assert_eq!(ranks(&values), [5.0, 2.0, 5.0, 5.0, 1.0, 3.0]);
        assert_eq!(ranks(&[0.0, -0.0]), [1.5, 1.5]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn what_does_not_fit() {
        assert!(mean_ranks(&[]).is_err());
        assert!(mean_ranks(&[vec![], vec![]]).is_err());
        assert!(mean_ranks(&[vec![1.0], vec![1.0, 2.0]]).is_err());
        assert_eq!(mean_ranks(&[vec![f64::NAN]]).unwrap(), [1.0]);
    }

    proptest! {
        #[test]
        fn sum_to_what_they_should(
            values in proptest::collection::vec(
                prop_oneof![(0_i32..9).prop_map(f64::from), Just(f64::NAN), Just(f64::INFINITY)],
                1..40,
            ),
        ) {
            let k = values.len();
            let found = ranks(&values);
            prop_assert_eq!(found.iter().sum::<f64>(), (k * (k + 1)) as f64 / 2.0);
            // One plus the number that are better, and half a place for every equal.
            for (&value, &rank) in values.iter().zip(&found) {
                let better = values.iter().filter(|&&v| compare(v, value).is_lt()).count();
                let equal = values.iter().filter(|&&v| compare(v, value).is_eq()).count();
                prop_assert_eq!(rank, better as f64 + (equal + 1) as f64 / 2.0);
            }
        }
    }
}
