//! Friedman's test: do any of the methods differ?

use crate::error::StatisticsError;
use crate::ranks::ranks_by_case;
use crate::tail;

/// The result of [`friedman()`].
#[derive(Clone, Debug, PartialEq)]
pub struct Friedman {
    /// The mean rank of each method, 1 the best.
    pub mean_ranks: Vec<f64>,
    /// The number of cases, N.
    pub cases: usize,
    /// Friedman's χ², corrected for ties.
    pub chi_square: f64,
    /// P(χ²_{k−1} > χ²).
    pub p_value: f64,
    /// Iman and Davenport's F; +∞ where all cases order the methods alike.
    pub f: f64,
    /// P(F_{k−1, (k−1)(N−1)} > F).
    pub f_p_value: f64,
}

/// Friedman's test of the hypothesis that k methods do not differ on N cases, `scores[method][case]`, with Iman and Davenport's improvement.
///
/// With r_mc the ranks on each case (average ranks for ties; failures last, tied), R_m = Σ_c r_mc, A = Σ r_mc², and C = N k (k + 1)²/4:
///
/// - χ² = (k − 1) (Σ_m R_m² − N C)/(A − C), the tie-corrected statistic of R's `friedman.test` and `scipy.stats.friedmanchisquare`;
/// - F = (N − 1) χ² / (N (k − 1) − χ²), which is less conservative.
///
/// Where all methods tie on all cases, both statistics are 0 and both p-values 1.
///
/// Sources: Friedman, JASA 32, 1937; Conover, Practical nonparametric statistics, 1999, section 5.8; Iman and Davenport, Commun.
/// Stat. 9, 1980; Demšar, JMLR 7, 2006.
///
/// ```
/// use qstride_statistics::friedman;
/// let scores = [
///     vec![1.0, 1.2, 0.9, 1.1, 3.0],
///     vec![1.4, 1.3, 1.0, 1.5, 1.0],
///     vec![2.0, 1.9, f64::NAN, 2.2, 2.5],
/// ];
/// let test = friedman(&scores)?;
/// assert_eq!(test.mean_ranks, [1.4, 1.8, 2.8]);
/// assert!((test.chi_square - 5.2).abs() < 1e-12);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where methods have different numbers of cases; [`StatisticsError::TooFew`] with fewer than two
/// methods or two cases.
pub fn friedman(scores: &[Vec<f64>]) -> Result<Friedman, StatisticsError> {
    let by_case = ranks_by_case(scores)?;
    StatisticsError::at_least("Friedman's test", "methods", scores.len(), 2)?;
    StatisticsError::at_least("Friedman's test", "cases", by_case.len(), 2)?;

    let (k, n) = (scores.len() as f64, by_case.len() as f64);
    let rank_sums: Vec<f64> = (0..scores.len())
        .map(|method| by_case.iter().map(|ranks| ranks[method]).sum())
        .collect();
    // Four times these sums are whole numbers, so that differences of them are exact and 0 means 0.
    let a = 4.0 * by_case.iter().flatten().map(|r| r * r).sum::<f64>();
    let b = 4.0 * rank_sums.iter().map(|r| r * r).sum::<f64>();
    let c = n * k * (k + 1.0).powi(2);

    let between = b - n * c;
    let (chi_square, f) = if between == 0.0 {
        (0.0, 0.0)
    } else {
        (
            (k - 1.0) * between / (a - c),
            (n - 1.0) * between / (n * a - b),
        )
    };
    Ok(Friedman {
        mean_ranks: rank_sums.iter().map(|sum| sum / n).collect(),
        cases: by_case.len(),
        chi_square,
        p_value: tail::chi_square(chi_square, scores.len() - 1),
        f,
        f_p_value: tail::f(f, k - 1.0, (k - 1.0) * (n - 1.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 1 − AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets: Demšar 2006, table 6. On the last but one the paper ranks
    /// 0.975 of the third before 0.975 of the fourth, by digits that it does not print: `third`.
    fn demsar(third: f64) -> [Vec<f64>; 4] {
        let auc = [
            [0.763, 0.768, 0.771, 0.798],
            [0.599, 0.591, 0.590, 0.569],
            [0.954, 0.971, 0.968, 0.967],
            [0.628, 0.661, 0.654, 0.657],
            [0.882, 0.888, 0.886, 0.898],
            [0.936, 0.931, 0.916, 0.931],
            [0.661, 0.668, 0.609, 0.685],
            [0.583, 0.583, 0.563, 0.625],
            [0.775, 0.838, 0.866, 0.875],
            [1.000, 1.000, 1.000, 1.000],
            [0.940, 0.962, 0.965, 0.962],
            [0.619, 0.666, 0.614, 0.669],
            [0.972, 0.981, third, 0.975],
            [0.957, 0.978, 0.946, 0.970],
        ];
        [0, 1, 2, 3].map(|method| auc.iter().map(|case| 1.0 - case[method]).collect())
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn as_in_r_and_scipy() {
        // R 4.2: friedman.test(-auc); scipy 1.17: scipy.stats.friedmanchisquare(*(-auc.T)) agrees.
        let test = friedman(&demsar(0.975)).unwrap();
        close(test.chi_square, 10.952380952380953);
        close(test.p_value, 0.011986176325417815);
        // R 4.2: F <- (N - 1) * c / (N * (k - 1) - c); pf(F, k - 1, (k - 1) * (N - 1), lower = FALSE)
        close(test.f, 4.585889570552148);
        close(test.f_p_value, 0.007628838730725762);

        let test = friedman(&demsar(0.97501)).unwrap();
        close(test.chi_square, 10.228346456692913);
        close(test.p_value, 0.01672158032844141);
        close(test.f, 4.185130111524163);
        close(test.f_p_value, 0.01162065951531106);
        // Demšar 2006, section 3.2.4: mean ranks 3.143, 2.000, 2.893, 1.964.
        for (found, paper) in test.mean_ranks.iter().zip([3.143, 2.0, 2.893, 1.964]) {
            assert!((found - paper).abs() < 5e-4);
        }
        assert_eq!(test.cases, 14);
    }

    #[test]
    fn all_alike_and_all_agreed() {
        let alike = friedman(&[vec![1.0, f64::NAN], vec![1.0, f64::INFINITY]]).unwrap();
        assert_eq!((alike.chi_square, alike.f), (0.0, 0.0));
        assert_eq!((alike.p_value, alike.f_p_value), (1.0, 1.0));
        // The largest value is N (k - 1).
        let agreed = friedman(&[vec![1.0; 7], vec![2.0; 7], vec![f64::NAN; 7]]).unwrap();
        assert_eq!((agreed.chi_square, agreed.f), (14.0, f64::INFINITY));
        close(agreed.p_value, (-7.0_f64).exp());
        assert_eq!(agreed.f_p_value, 0.0);
        assert_eq!(agreed.mean_ranks, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn too_little_data() {
        for scores in [
            vec![],
            vec![vec![], vec![]],
            vec![vec![1.0, 2.0]],
            vec![vec![1.0], vec![2.0]],
            vec![vec![1.0, 2.0], vec![2.0]],
        ] {
            assert!(friedman(&scores).is_err(), "{scores:?}");
        }
    }

    proptest! {
        #[test]
        fn neither_the_order_of_cases_nor_a_monotone_map_matters(
            cases in proptest::collection::vec([0_u8..5, 0..5, 0..5, 0..5], 2..20),
        ) {
            let table = |cases: &[[u8; 4]], map: fn(f64) -> f64| {
                [0, 1, 2, 3].map(|m| cases.iter().map(|c| map(f64::from(c[m]))).collect::<Vec<_>>())
            };
            let test = friedman(&table(&cases, |v| v)).unwrap();
            let mut reversed = cases.clone();
            reversed.reverse();
            prop_assert_eq!(&test, &friedman(&table(&reversed, f64::exp)).unwrap());
            prop_assert_eq!(&test.mean_ranks, &crate::mean_ranks(&table(&cases, |v| v)).unwrap());
            prop_assert!(0.0 <= test.chi_square && test.chi_square <= 3.0 * cases.len() as f64);
            prop_assert!((0.0..=1.0).contains(&test.p_value) && (0.0..=1.0).contains(&test.f_p_value));
        }
    }
}
