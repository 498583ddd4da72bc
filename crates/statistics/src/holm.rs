//! Holm's correction for several tests.

use crate::score::compare;

/// Holm's step-down adjusted p-values, in the order of the raw ones.
///
/// With p_(1) ≤ … ≤ p_(m): p̃_(i) = max_{j ≤ i} min(1, (m − j + 1) p_(j)). To reject where p̃ ≤ α keeps the probability of any
/// false rejection at or below α, however the tests depend on each other. Equal to R's `p.adjust(p, method = "holm")`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_in_r() {
        let close = |found: Vec<f64>, expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-15, "{found:?}");
            }
        };
        // R 4.2: p.adjust(c(.01, .02, .03, .04, .05), "holm")
        close(
            holm(&[0.01, 0.02, 0.03, 0.04, 0.05]),
            &[0.05, 0.08, 0.09, 0.09, 0.09],
        );
        // R 4.2: p.adjust(c(.001, .04, .03, .005, .04, .9, .6), "holm"); statsmodels 0.15 multipletests agrees
        let raw = [0.001, 0.04, 0.03, 0.005, 0.04, 0.9, 0.6];
        close(holm(&raw), &[0.007, 0.16, 0.15, 0.03, 0.16, 1.0, 1.0]);
    }

    #[test]
    fn a_test_that_failed_was_made_all_the_same() {
        assert_eq!(holm(&[0.01, f64::NAN]), [0.02, 1.0]);
        assert_eq!(holm(&[-1.0, 2.0, f64::INFINITY]), [0.0, 1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn never_below_the_raw_value_and_in_its_order(raw in proptest::collection::vec(0.0_f64..1.0, 1..30)) {
            let adjusted = holm(&raw);
            for (i, (&p, &a)) in raw.iter().zip(&adjusted).enumerate() {
                prop_assert!(p <= a && a <= 1.0);
                for (&q, &b) in raw[i..].iter().zip(&adjusted[i..]) {
                    prop_assert!(p == q && a == b || (p < q && a <= b) || (p > q && a >= b));
                }
            }
            let least = raw.iter().copied().fold(1.0, f64::min);
            let least_adjusted = adjusted.iter().copied().fold(1.0, f64::min);
            prop_assert_eq!(least_adjusted, (raw.len() as f64 * least).min(1.0));
        }
    }
}
