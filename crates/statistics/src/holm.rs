//! Holm's correction for several tests.

use crate::score::compare;

/// Holm's step-down adjusted p-values, in the order of the raw ones.
///
/// With p_(1) ≤ … ≤ p_(m): p̃_(i) = max_{j ≤ i} min(1, (m − j + 1) p_(j)). To reject where p̃ ≤ α keeps the probability of any false rejection at or below α, however
/// the tests depend on each other. Equal to R's `p.adjust(p, method = "holm")`.
///
/// A p-value of NaN counts as 1, and as a test that was made; what is outside \[0, 1\] is clamped to it. No tests give nothing.
///
/// Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6, 1979.
///
/// ```
/// use qstride_statistics::holm;
/// assert_eq!(holm(&[0.5, 0.01, 0.02]), [0.5, 0.03, 0.04]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let raw: Vec<f64> = p_values
        .iter()
        .map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) })
        .collect();
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|&a, &b| compare(raw[a], raw[b]));
    let mut adjusted = raw.clone();
    let mut largest: f64 = 0.0;
    for (step, &test) in order.iter().enumerate() {
        largest = largest.max((raw.len() - step) as f64 * raw[test]);
        adjusted[test] = largest.min(1.0);
    }
    adjusted
}
