//! The typical score: interquartile mean, median, mean.
//!
//! All of them work in place, so that the bootstrap's inner loop allocates nothing: they may reorder the values and write +∞ over NaN.

use crate::score::{compare, or_worst};

/// The interquartile mean: the mean of what is left when the ⌊n/4⌋ lowest and the ⌊n/4⌋ highest values are cut off.
///
/// IQM = Σ_{i=⌊n/4⌋}^{n−⌊n/4⌋−1} x_(i) / (n − 2⌊n/4⌋), which is `scipy.stats.trim_mean(x, 0.25)`. More robust than the mean, and more efficient than the median.
///
/// NaN is +∞. Up to ⌊n/4⌋ failures are trimmed with the highest values, where they count as any bad score does; with one more the result is +∞. −∞ likewise
/// gives −∞, and both together +∞. No values give `None`.
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
