//! Nemenyi's test: which of many methods differ, by their mean ranks.

use std::f64::consts::SQRT_2;

use crate::error::StatisticsError;
use crate::score::{compare, difference};
use crate::studentized_range::upper_quantile;

/// The critical difference of mean ranks: two of `methods` that differ by at least so much over `cases` differ at level `alpha`.
///
/// CD = q_α √(k (k + 1)/(6 N)), with q_α the upper α-quantile of the studentized range of k values with infinitely many degrees
/// of freedom, divided by √2. The level holds for all pairs together.
///
/// Sources: Nemenyi, Distribution-free multiple comparisons, 1963; Demšar, Statistical comparisons of classifiers over multiple
/// data sets, JMLR 7, 2006.
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
/// Each group holds indices of methods, the best first; groups stand in the order of their best method and may overlap. A method
/// that differs from all others is a group of its own, so that every method is in at least one. A mean rank of NaN is worst.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studentized_range::survival;
    use proptest::prelude::*;

    /// q_α of k methods: a critical difference without its root.
    fn q(alpha: f64, k: usize) -> f64 {
        critical_difference(k, 1, alpha).unwrap() / ((k * (k + 1)) as f64 / 6.0).sqrt()
    }

    #[test]
    fn critical_values_as_published_and_as_in_scipy() {
        // Demšar 2006, table 5 (a)
        let five = [
            1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164,
        ];
        let ten = [
            1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920,
        ];
        // scipy 1.17: scipy.stats.studentized_range.ppf(.95, k, inf) / sqrt(2)
        let scipy = [
            1.9599639845400534,
            2.343700586378409,
            2.569031772546482,
            2.7277743708703763,
            2.8497054196100016,
            2.9483200175296744,
            3.030878449614413,
            3.1017303413033805,
            3.163683577053373,
        ];
        for k in 2..=10 {
            assert!((q(0.05, k) - five[k - 2]).abs() < 1.01e-3);
            assert!((q(0.10, k) - ten[k - 2]).abs() < 1.01e-3);
            assert!((q(0.05, k) - scipy[k - 2]).abs() < 1e-9);
        }
        assert!((q(0.05, 20) - 3.5437991315177815).abs() < 1e-9);
        assert!((q(0.10, 50) - 3.7877496141945874).abs() < 1e-9);
        assert!((q(0.01, 100) - 4.692036679599385).abs() < 1e-9);
    }

    #[test]
    fn the_papers_example() {
        // Demšar 2006, section 3.2.4 and figure 1: mean ranks, and CD = 1.25 at 0.05, 1.12 at 0.10.
        let ranks = [3.143, 2.000, 2.893, 1.964];
        let cd = critical_difference(4, 14, 0.10).unwrap();
        assert!((cd - 1.12).abs() < 0.005);
        // 'C4.5 and C4.5+m+cf differ at 0.10 (3.143 - 1.964 > 1.12), and C4.5 and C4.5+m (3.143 - 2.000 > 1.12).'
        assert_eq!(groups(&ranks, cd), [vec![3, 1, 2], vec![2, 0]]);
        let cd = critical_difference(4, 14, 0.05).unwrap();
        assert_eq!(groups(&ranks, cd), [vec![3, 1, 2, 0]]);
    }

    #[test]
    fn p_values_of_pairs_as_in_scikit_posthocs() {
        // The difference is critical at the level that is its p-value. scikit-posthocs 0.17: posthoc_nemenyi_friedman(-auc) of Demšar's table 6,
        // mean ranks 44/14, 28/14, 41/14, 27/14.
        for (difference, p) in [
            (16.0, 0.088673),
            (13.0, 0.226697),
            (17.0, 0.061683),
            (14.0, 0.170052),
        ] {
            let scaled = difference / 14.0 / (20.0_f64 / 84.0).sqrt();
            assert!((survival(scaled * SQRT_2, 4) - p).abs() < 5e-7);
            let cd = critical_difference(4, 14, p).unwrap();
            assert!((cd - difference / 14.0).abs() < 1e-4);
        }
    }

    #[test]
    fn groups_hold_everyone() {
        assert_eq!(groups(&[2.0, 1.0], 1.0), [vec![1], vec![0]]);
        assert_eq!(groups(&[1.5, 1.5], 0.1), [vec![0, 1]]);
        assert_eq!(groups(&[f64::NAN, 1.0], 5.0), [vec![1], vec![0]]);
        assert_eq!(groups(&[1.0, 2.0], f64::NAN), [vec![0], vec![1]]);
        assert!(groups(&[], 1.0).is_empty());
        assert!(critical_difference(1, 14, 0.05).is_err());
        assert!(critical_difference(4, 0, 0.05).is_err());
        assert!(critical_difference(4, 14, 1.0).is_err());
    }

    proptest! {
        #[test]
        fn groups_are_the_largest_that_do_not_differ(
            ranks in proptest::collection::vec(1.0_f64..9.0, 1..12),
            cd in 0.1_f64..4.0,
        ) {
            let found = groups(&ranks, cd);
            let spread = |group: &[usize]| {
                ranks[group[group.len() - 1]] - ranks[group[0]]
            };
            for (i, group) in found.iter().enumerate() {
                prop_assert!(spread(group) < cd);
                for (j, other) in found.iter().enumerate() {
                    prop_assert!(i == j || !group.iter().all(|m| other.contains(m)));
                }
            }
            for a in 0..ranks.len() {
                for b in 0..ranks.len() {
                    let together = found.iter().any(|g| g.contains(&a) && g.contains(&b));
                    prop_assert_eq!(together, (ranks[a] - ranks[b]).abs() < cd);
                }
            }
        }
    }
}
