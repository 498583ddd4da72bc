//! Nemenyi's test: which of many methods differ, by their mean ranks.

use std::f64::consts::SQRT_2;

use crate::error::StatisticsError;
use crate::score::{compare, difference};
use crate::studentized_range::upper_quantile;

/// The critical difference of mean ranks: two of `methods` that differ by at least so much over `cases` differ at level `alpha`.
///
/// CD = q_α √(k (k + 1)/(6 N)), with q_α the upper α-quantile of the studentized range of k values with infinitely many degrees of freedom, divided by √2. The level
/// holds for all pairs together.
///
/// Sources: Nemenyi, Distribution-free multiple comparisons, 1963; Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006.
///
/// ```
/// use qstride_statistics::critical_difference;
/// // Demšar 2006, section 3.2.4: four classifiers on 14 data sets.
/// assert!((critical_difference(4, 14, 0.05)? - 1.25).abs() < 0.005);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Probability`] unless 0 < alpha < 1; [`StatisticsError::TooFew`] for fewer than two methods or no case.
pub fn critical_difference(
    methods: usize,
    cases: usize,
    alpha: f64,
) -> Result<f64, StatisticsError> {
    StatisticsError::at_least("Nemenyi's test", "methods", methods, 2)?;
    StatisticsError::at_least("Nemenyi's test", "cases", cases, 1)?;
    let (k, n) = (methods as f64, cases as f64);
    let q = upper_quantile(alpha, methods)? / SQRT_2;
    Ok(q * (k * (k + 1.0) / (6.0 * n)).sqrt())
}

/// The largest groups of methods in which no two mean ranks differ by `critical_difference` or more: the bars of a critical-difference diagram.
///
/// Each group holds indices of methods, the best first; groups stand in the order of their best method and may overlap. A method that differs from all others is a
/// group of its own, so that every method is in at least one. A mean rank of NaN is worst.
///
/// ```
/// use qstride_statistics::groups;
/// assert_eq!(groups(&[3.1, 1.0, 2.0, 2.9], 1.05), [vec![1, 2], vec![2, 3], vec![3, 0]]);
/// ```
pub fn groups(mean_ranks: &[f64], critical_difference: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..mean_ranks.len()).collect();
    order.sort_by(|&a, &b| compare(mean_ranks[a], mean_ranks[b]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut covered = 0;
    for first in 0..order.len() {
        let best = mean_ranks[order[first]];
        let alike = |&&method: &&usize| difference(mean_ranks[method], best) < critical_difference;
        let end = first + order[first..].iter().take_while(alike).count().max(1);
        // A run that ends where an earlier one did lies within it.
        if end > covered {
            groups.push(order[first..end].to_vec());
            covered = end;
        }
    }
    groups
}
