//! Friedman's test: do any of the methods differ?

use crate::error::StatisticsError;
use crate::ranks::ranks_by_case;
use crate::tail;

/// The result of [`friedman`].
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
/// Sources: Friedman, JASA 32, 1937; Conover, Practical nonparametric statistics, 1999, section 5.8; Iman and Davenport, Commun. Stat. 9, 1980; Demšar, JMLR 7, 2006.
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
/// [`StatisticsError::Length`] where methods have different numbers of cases; [`StatisticsError::TooFew`] with fewer than two methods or two cases.
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
        p_value: tail::chi_square(chi_square, k - 1.0),
        f,
        f_p_value: tail::f(f, k - 1.0, (k - 1.0) * (n - 1.0)),
    })
}
