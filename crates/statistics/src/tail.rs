//! Upper tails of the distributions under the tests; statrs has the special functions.

use std::f64::consts::SQRT_2;

use statrs::function::{beta::checked_beta_reg, erf::erfc, gamma::checked_gamma_ur};

/// P(Z > z) of the standard normal distribution: erfc(z/√2)/2.
pub(crate) fn normal(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// P(X > x) of the chi-square distribution: the regularised upper gamma function Q(ν/2, x/2).
pub(crate) fn chi_square(x: f64, freedom: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    checked_gamma_ur(freedom / 2.0, x / 2.0).unwrap_or(0.0)
}

/// P(X > x) of the F distribution: the regularised beta function I_t(ν₂/2, ν₁/2) at t = ν₂ / (ν₂ + ν₁ x).
pub(crate) fn f(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let t = denominator / (denominator + numerator * x);
    checked_beta_reg(denominator / 2.0, numerator / 2.0, t).unwrap_or(0.0)
}

