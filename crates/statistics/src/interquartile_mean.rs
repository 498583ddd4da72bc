//! The typical score: interquartile mean, median, mean.
//!
//! All of them work in place, so that the bootstrap's inner loop allocates nothing: they may reorder the values and write +∞ over NaN.

use crate::score::{compare, or_worst};

/// The interquartile mean: the mean of what is left when the ⌊n/4⌋ lowest and the ⌊n/4⌋ highest values are cut off.
///
/// IQM = Σ_{i=⌊n/4⌋}^{n−⌊n/4⌋−1} x_(i) / (n − 2⌊n/4⌋), which is `scipy.stats.trim_mean(x, 0.25)`. More robust than the mean, and
/// more efficient than the median.
///
/// NaN is +∞. Up to ⌊n/4⌋ failures are trimmed with the highest values, where they count as any bad score does; with one more the
/// result is +∞. −∞ likewise gives −∞, and both together +∞. No values give `None`.
///
/// Source: Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice, NeurIPS 2021 (rliable).
///
/// ```
/// use qstride_statistics::interquartile_mean;
///
/// assert_eq!(interquartile_mean(&mut [9.0, 2.0, 1.0, 4.0]), Some(3.0));
/// assert_eq!(interquartile_mean(&mut [f64::NAN, 2.0, 1.0, 4.0]), Some(3.0));
/// assert_eq!(interquartile_mean(&mut []), None);
/// ```
pub fn interquartile_mean(values: &mut [f64]) -> Option<f64> {
    let cut = values.len() / 4;
    let kept = values.len() - 2 * cut;
    if cut == 0 {
        return mean(values);
    }
    values.iter_mut().for_each(|v| *v = or_worst(*v));
    let (_, _, upper) = values.select_nth_unstable_by(cut - 1, f64::total_cmp);
    let (middle, _, _) = upper.select_nth_unstable_by(kept, f64::total_cmp);
    mean(middle)
}

/// The median: the middle value, or the mean of the two middle values.
///
/// NaN is +∞: half of the values must be failures before the median is one. No values give `None`.
///
/// ```
/// use qstride_statistics::median;
/// assert_eq!(median(&mut [5.0, 1.0, f64::NAN]), Some(5.0));
/// assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]), Some(3.0));
/// ```
pub fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (lower, &mut upper_middle, _) = values.select_nth_unstable_by(half, |a, b| compare(*a, *b));
    if !even {
        return Some(or_worst(upper_middle));
    }
    let lower_middle = lower.iter().copied().max_by(|a, b| compare(*a, *b))?;
    mean(&[lower_middle, upper_middle])
}

/// The arithmetic mean.
///
/// NaN is +∞, and one failure makes the mean +∞, whatever the other values; without a failure, −∞ gives −∞. No values give `None`.
///
/// ```
/// use qstride_statistics::mean;
/// assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
/// assert_eq!(mean(&[1.0, f64::NAN]), Some(f64::INFINITY));
/// ```
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    if sum.is_finite() {
        return Some(sum / n);
    }
    // Terms that are divided first cannot overflow; what is not finite now is a failure, or −∞ by right.
    Some(or_worst(values.iter().map(|v| v / n).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_in_scipy() {
        // v = [(i * i * 7) % 11 - .5 * i for i in range(n)]
        // scipy 1.17: scipy.stats.trim_mean(v, .25), numpy: np.median(v), np.mean(v)
        for (n, trimmed, middle, average) in [
            (1, 0.0, 0.0, 0.0),
            (3, 3.8333333333333335, 5.0, 3.8333333333333335),
            (4, 5.75, 5.75, 4.5),
            (7, 5.0, 6.5, 4.642857142857143),
            (8, 4.5, 5.75, 3.875),
            (10, 3.9166666666666665, 4.5, 3.65),
            (23, 0.46153846153846156, 1.0, 0.2391304347826087),
        ] {
            let values: Vec<f64> = (0..n)
                .map(|i| f64::from(i * i * 7 % 11) - 0.5 * f64::from(i))
                .collect();
            assert!((interquartile_mean(&mut values.clone()).unwrap() - trimmed).abs() < 1e-14);
            assert_eq!(median(&mut values.clone()), Some(middle));
            assert!((mean(&values).unwrap() - average).abs() < 1e-14);
        }
    }

    #[test]
    fn failures_are_worst() {
        const INF: f64 = f64::INFINITY;
        let nan = -f64::NAN;
        // One failure of four is trimmed; the second is not.
        assert_eq!(interquartile_mean(&mut [nan, 2.0, 1.0, 4.0]), Some(3.0));
        assert_eq!(interquartile_mean(&mut [nan, 2.0, INF, 4.0]), Some(INF));
        assert_eq!(interquartile_mean(&mut [nan, 2.0, 1.0]), Some(INF));
        assert_eq!(interquartile_mean(&mut [-INF, -INF, 1.0, 4.0]), Some(-INF));
        assert_eq!(interquartile_mean(&mut [-INF, -INF, nan, nan]), Some(INF));
        assert_eq!(median(&mut [nan, 2.0, INF, 4.0]), Some(INF));
        assert_eq!(median(&mut [nan, 2.0, 3.0, 4.0]), Some(3.5));
        assert_eq!(median(&mut [nan]), Some(INF));
        assert_eq!(median(&mut [-INF, INF]), Some(INF));
        assert_eq!(mean(&[-INF, nan]), Some(INF));
        assert_eq!(mean(&[-INF, 1.0]), Some(-INF));
        assert_eq!(
            (mean(&[]), median(&mut []), interquartile_mean(&mut [])),
            (None, None, None)
        );
    }

    #[test]
    fn a_sum_that_overflows_is_no_failure() {
        let most = f64::MAX;
        assert!((mean(&[most, most, -most, most]).unwrap() / (0.5 * most) - 1.0).abs() < 1e-15);
        assert!((mean(&[-most, -most]).unwrap() / -most - 1.0).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn lies_between_the_quartiles(mut values in proptest::collection::vec(-1e6_f64..1e6, 1..60)) {
            let found = interquartile_mean(&mut values.clone()).unwrap();
            let reversed = interquartile_mean(&mut values.iter().rev().copied().collect::<Vec<_>>());
            prop_assert!((found - reversed.unwrap()).abs() < 1e-9);
            let middle = median(&mut values.clone()).unwrap();
            values.sort_by(f64::total_cmp);
            let cut = values.len() / 4;
            let (low, high) = (values[cut], values[values.len() - 1 - cut]);
            prop_assert!(low - 1e-9 <= found && found <= high + 1e-9);
            prop_assert!(low <= middle && middle <= high);
        }
    }
}
