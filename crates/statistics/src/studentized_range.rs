//! The distribution of the range of k standard normal values: the studentized range with infinitely many degrees of freedom.

use std::f64::consts::TAU;

use crate::error::StatisticsError;
use crate::tail::normal;

/// P(max − min > q) for k independent standard normal values; 1 for q ≤ 0, 0 for fewer than two values.
///
/// 1 − k ∫ φ(z) [Φ(z + q) − Φ(z)]^{k−1} dz, where z is the least of the values. Computed as k ∫ φ(z) (a^{k−1} − (a − b)^{k−1}) dz with the upper tails
/// a = 1 − Φ(z) and b = 1 − Φ(z + q), which keeps the relative precision of small probabilities. The trapezoidal rule with 16 nodes a unit is exact to rounding here,
/// since the integrand is analytic and decays at both ends. Equal to R's `ptukey(q, k, Inf, lower = FALSE)`.
///
/// NaN gives NaN.
///
/// ```
/// use qstride_statistics::studentized_range::survival;
/// // Two values: the difference is normal with variance 2.
/// assert!((survival(1.959963984540054 * 2f64.sqrt(), 2) - 0.05).abs() < 1e-14);
/// ```
pub fn survival(q: f64, k: usize) -> f64 {
    if k < 2 || q == f64::INFINITY {
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
