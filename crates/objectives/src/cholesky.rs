//! The solution of a symmetric positive definite system.

use crate::inner_product::dot;

/// Overwrites `right` with A⁻¹ `right`, where `matrix` holds the n rows of A, and `matrix` with the factor L of A = LLᵀ (its
/// lower triangle). `false`, with both arguments spoilt, when A is not positive definite to working precision.
pub(crate) fn solve(matrix: &mut [f64], right: &mut [f64]) -> bool {
    let n = right.len();
    for i in 0..n {
        let (above, rest) = matrix.split_at_mut(i * n);
        let row = &mut rest[..n];
        for (j, upper) in above.chunks_exact(n).enumerate() {
            row[j] = (row[j] - dot(&row[..j], &upper[..j])) / upper[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        if pivot.is_nan() || pivot <= 0.0 {
            return false;
        }
        row[i] = pivot.sqrt();
        right[i] = (right[i] - dot(&row[..i], &right[..i])) / row[i];
    }
    for i in (0..n).rev() {
        let row = &matrix[i * n..(i + 1) * n];
        right[i] /= row[i];
        for j in 0..i {
            right[j] -= row[j] * right[i];
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn solves_what_was_multiplied(entries in prop::collection::vec(-1.0f64..1.0, 25), x in prop::collection::vec(-3.0f64..3.0, 5)) {
            // A = BBᵀ + I
            let mut a = vec![0.0; 25];
            for i in 0..5 {
                for j in 0..5 {
                    a[5 * i + j] = dot(&entries[5 * i..5 * i + 5], &entries[5 * j..5 * j + 5]) + f64::from(u8::from(i == j));
                }
            }
            let mut b: Vec<f64> = a.chunks_exact(5).map(|row| dot(row, &x)).collect();
            prop_assert!(solve(&mut a, &mut b));
            for (u, v) in b.iter().zip(&x) {
                prop_assert!((u - v).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        assert!(!solve(&mut [1.0, 2.0, 2.0, 1.0], &mut [1.0, 1.0]));
        assert!(!solve(&mut [f64::NAN], &mut [1.0]));
    }
}
