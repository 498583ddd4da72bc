//! The logarithm of the expected improvement, without under- and overflow.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// ln EI where the model says mean μ and variance σ², and its derivatives with respect to μ and σ².
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogImprovement {
    pub(super) value: f64,
    pub(super) by_mean: f64,
    pub(super) by_variance: f64,
}

/// ln E[max(0, best − y)] for y ~ N(μ, σ²) = ln h((best − μ)/σ) + ln σ, with h(z) = φ(z) + z Φ(z).
///
/// Ament et al. 2023, *Unexpected Improvements to Expected Improvement for Bayesian Optimization*, arXiv 2310.20708.
pub(super) fn log_improvement(best: f64, mean: f64, variance: f64) -> LogImprovement {
    let sigma = variance.sqrt();
    let z = (best - mean) / sigma;
    let (value, slope) = log_h(z);
    LogImprovement {
        value: value + sigma.ln(),
        by_mean: -slope / sigma,
        by_variance: (1.0 - z * slope) / (2.0 * variance),
    }
}

/// ln h(z) and its derivative Φ(z) / h(z).
///
/// Below −5 the two terms of h cancel. There, with t = −z and Mills' ratio (1 − Φ(t)) / φ(t) = 1 / (t + q), q = 1 / (t + 2 / (t + 3 / ...)),
/// a continued fraction of positive terms (Abramowitz and Stegun 26.2.14), h = φ q / (t + q) and Φ / h = 1 / q.
fn log_h(z: f64) -> (f64, f64) {
    let log_density = -0.5 * z * z - 0.5 * (2.0 * PI).ln();
    if z > -5.0 {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let h = log_density.exp() + z * below;
        return (h.ln(), below / h);
    }
    let t = -z;
    let mut rest = t;
    for k in (2..=TERMS).rev() {
        rest = t + f64::from(k) / rest;
    }
    let q = 1.0 / rest;
    (log_density + (q / (t + q)).ln(), rest)
}

/// Terms of the continued fraction: at t = 5 it is exact to the last digits with 60.
const TERMS: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ln_h_is_that_of_mpmath() {
        // mpmath 1.4.1, 60 digits: log(npdf(z) + z * ncdf(z)).
        let expected = [
            (-1e5, -5_000_000_023.944_789_46),
            (-300.0, -45_012.326_536_814_554_2),
            (-30.0, -457.724_653_760_598_004),
            (-8.0, -37.122_364_261_692_633),
            (-5.5, -19.543_071_452_824_105_4),
            (-5.0, -16.744_301_162_660_990_1),
            (-4.9, -16.212_816_407_897_734),
            (-2.0, -4.768_783_523_917_114_16),
            (-0.5, -1.620_516_264_387_319_92),
            (0.0, -0.918_938_533_204_672_742),
            (1.0, 0.080_026_218_849_306_94),
            (6.0, 1.791_759_469_254_114_5),
            (40.0, 3.688_879_454_113_936_3),
        ];
        for (z, expected) in expected {
            let (value, _) = log_h(z);
            assert!(
                (value - expected).abs() <= 4e-14 * expected.abs().max(1.0),
                "{z}: {value} {expected}"
            );
        }
    }

    #[test]
    fn both_formulas_meet() {
        let (above, below) = (log_h(-5.0 + 1e-12), log_h(-5.0));
        assert!(
            (above.0 - below.0).abs() < 1e-10 && (above.1 - below.1).abs() < 1e-10,
            "{above:?} {below:?}"
        );
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        for (best, mean, variance) in [
            (0.0, 0.5, 1.0),
            (-1.0, 3.0, 0.01),
            (0.3, -2.0, 4.0),
            (0.0, 9.0, 1e-3),
        ] {
            let there = log_improvement(best, mean, variance);
            let step = 1e-6;
            let by_mean = (log_improvement(best, mean + step, variance).value
                - log_improvement(best, mean - step, variance).value)
                / (2.0 * step);
            let step = 1e-6 * variance;
            let by_variance = (log_improvement(best, mean, variance + step).value
                - log_improvement(best, mean, variance - step).value)
                / (2.0 * step);
            assert!(
                (there.by_mean / by_mean - 1.0).abs() < 1e-6,
                "{there:?} {by_mean}"
            );
            assert!(
                (there.by_variance / by_variance - 1.0).abs() < 1e-5,
                "{there:?} {by_variance}"
            );
        }
    }

    #[test]
    fn it_is_the_expected_improvement_where_that_is_a_number() {
        // With mean 0.2, variance 0.25 and best 0.1: 0.5 (φ(-0.2) - 0.2 Φ(-0.2)).
        let value = log_improvement(0.1, 0.2, 0.25).value;
        assert!(
            (value - (0.5_f64 * (0.391_042_693_975_455_9 - 0.2 * 0.420_740_290_560_896_9)).ln())
                .abs()
                < 1e-12
        );
        assert!(log_improvement(0.0, 1e9, 1e-12).value.is_finite());
    }
}
