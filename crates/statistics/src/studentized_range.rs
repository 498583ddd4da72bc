//! The distribution of the range of k standard normal values: the studentized range with infinitely many degrees of freedom.

use std::f64::consts::TAU;

use crate::error::StatisticsError;
use crate::tail::normal;

/// P(max − min > q) for k independent standard normal values; 1 for q ≤ 0, 0 for fewer than two values.
///
/// 1 − k ∫ φ(z) [Φ(z + q) − Φ(z)]^{k−1} dz, where z is the least of the values. Computed as k ∫ φ(z) (a^{k−1} − (a − b)^{k−1}) dz
/// with the upper tails a = 1 − Φ(z) and b = 1 − Φ(z + q), which keeps the relative precision of small probabilities. The
/// trapezoidal rule with 16 nodes a unit is exact to rounding here, since the integrand is analytic and decays at both ends.
/// Equal to R's `ptukey(q, k, Inf, lower = FALSE)`.
///
/// NaN gives NaN.
///
/// ```
/// use qstride_statistics::studentized_range::survival;
/// // Two values: the difference is normal with variance 2.
/// assert!((survival(1.959963984540054 * 2f64.sqrt(), 2) - 0.05).abs() < 1e-14);
/// ```
pub fn survival(q: f64, k: usize) -> f64 {
    // Beyond 80 the probability is less than the least f64, whatever k.
    if k < 2 || q > 80.0 {
        return 0.0;
    }
    if q <= 0.0 {
        return 1.0;
    }
    if q.is_nan() {
        return f64::NAN;
    }
    const NODES_A_UNIT: f64 = 16.0;
    // For large q the integrand peaks at −q/2.
    let (low, high) = (-9.0 - q / 2.0, 9.0);
    let nodes = ((high - low) * NODES_A_UNIT) as usize;
    let others = k as f64 - 1.0;
    let term = |node: usize| {
        let z = low + node as f64 / NODES_A_UNIT;
        let (a, b) = (normal(z), normal(z + q));
        let density = (-0.5 * z * z).exp() / TAU.sqrt();
        let exceeds = -(others * (-b / a).ln_1p()).exp_m1();
        density * (others * a.ln()).exp() * exceeds
    };
    let integral: f64 = (0..=nodes).map(term).sum::<f64>() / NODES_A_UNIT;
    (k as f64 * integral).min(1.0)
}

/// The q that the range of k standard normal values exceeds with probability `alpha`, by bisection of [`survival`].
///
/// Equal to R's `qtukey(1 - alpha, k, Inf)`.
///
/// # Errors
///
/// [`StatisticsError::Probability`] unless 0 < alpha < 1; [`StatisticsError::TooFew`] for fewer than two values.
pub fn upper_quantile(alpha: f64, k: usize) -> Result<f64, StatisticsError> {
    let alpha = StatisticsError::probability("alpha", alpha)?;
    StatisticsError::at_least("the studentized range", "values", k, 2)?;
    let (mut low, mut high): (f64, f64) = (0.0, 1.0);
    while survival(high, k) > alpha {
        (low, high) = (high, 2.0 * high);
    }
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Ok(middle);
        }
        if survival(middle, k) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail;
    use proptest::prelude::*;

    #[test]
    fn as_in_high_precision() {
        // mpmath: k * quad(npdf(z) * (a(z)**(k-1) - (a(z) - a(z+q))**(k-1))) with a(z) = erfc(z/sqrt(2))/2 and 40 digits;
        // R 4.2: ptukey(q, k, Inf, lower = FALSE) and scipy 1.17: studentized_range.sf(q, k, inf) agree up to their absolute 1e-12.
        for (q, k, p) in [
            (0.5, 3, 0.933421945135287),
            (3.31, 2, 0.019256729285216018),
            (3.31, 20, 0.7058757696053337),
            (5.0, 5, 0.00373027380519444),
            (8.0, 10, 6.89462222084389e-07),
            (12.0, 4, 1.2911823485653215e-16),
            (4.5, 200, 0.9774074895891154),
        ] {
            assert!((survival(q, k) / p - 1.0).abs() < 1e-12, "{q} {k}");
        }
    }

    #[test]
    fn at_the_ends() {
        assert_eq!((survival(0.0, 5), survival(-1.0, 5)), (1.0, 1.0));
        assert!((survival(1e-3, 40) - 1.0).abs() < 1e-12);
        assert_eq!((survival(f64::INFINITY, 5), survival(1e300, 5)), (0.0, 0.0));
        assert_eq!((survival(1.0, 1), survival(1.0, 0)), (0.0, 0.0));
        assert!(survival(f64::NAN, 5).is_nan());
        assert!(upper_quantile(0.05, 1).is_err());
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(upper_quantile(alpha, 5).is_err());
        }
        // Far out the range is a matter of one pair: 6 P(Z > q/√2) for three values.
        let far = survival(30.0, 3) / (6.0 * tail::normal(30.0 / 2f64.sqrt()));
        assert!((far - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn of_two_values_is_the_normal_tail(q in 0.0_f64..40.0) {
            let expected = 2.0 * tail::normal(q / 2f64.sqrt());
            prop_assert!((survival(q, 2) / expected - 1.0).abs() < 1e-11);
        }

        #[test]
        fn the_quantile_inverts_it(log_alpha in -60.0_f64..-0.01, k in 2_usize..300) {
            let alpha = log_alpha.exp();
            let q = upper_quantile(alpha, k).unwrap();
            prop_assert!((survival(q, k) / alpha - 1.0).abs() < 1e-10);
        }
    }
}
