//! Random orthogonal matrices as products of Householder reflections.

use rand::Rng;

use crate::inner_product::{add_scaled, dot};
use crate::normal::normals;

/// Q = H₁ H₂ … H_k with Hⱼ = I − 2 vⱼvⱼᵀ, each vⱼ uniform on the unit sphere of Rⁿ.
///
/// A product of n reflections mixes all directions; a few are enough to hide the axes, and cost O(n k) a product
/// (Householder, *Journal of the ACM* 5, 1958).
#[derive(Clone, Debug)]
pub struct Rotation {
    normals: Vec<Vec<f64>>,
}

impl Rotation {
    /// `reflections` random reflections of R^`dimension`.
    pub fn random(dimension: usize, reflections: usize, rng: &mut impl Rng) -> Self {
        let normals = (0..reflections)
            .map(|_| unit_vector(dimension, rng))
            .collect();
        Self { normals }
    }

    /// x ← Q x.
    pub fn apply(&self, x: &mut [f64]) {
        self.normals.iter().rev().for_each(|v| reflect(v, x));
    }

    /// x ← Qᵀ x, the inverse of [`apply`](Self::apply).
    pub fn apply_transpose(&self, x: &mut [f64]) {
        self.normals.iter().for_each(|v| reflect(v, x));
    }
}

/// x ← x − 2 v (v·x).
fn reflect(v: &[f64], x: &mut [f64]) {
    add_scaled(x, -2.0 * dot(v, x), v);
}

fn unit_vector(dimension: usize, rng: &mut impl Rng) -> Vec<f64> {
    let mut v = normals(dimension, rng);
    let length = dot(&v, &v).sqrt();
    v.iter_mut().for_each(|c| *c /= length);
    v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keeps_lengths_and_is_undone_by_its_transpose(seed in 0u64..1000, n in 1usize..20, k in 0usize..6) {
            let mut rng = Streams::new(seed).stream("rotation");
            let q = Rotation::random(n, k, &mut rng);
            let x = normals(n, &mut rng);
            let mut y = x.clone();
            q.apply(&mut y);
            prop_assert!((dot(&x, &x) - dot(&y, &y)).abs() < 1e-12 * (1.0 + dot(&x, &x)));
            q.apply_transpose(&mut y);
            for (a, b) in x.iter().zip(&y) {
                prop_assert!((a - b).abs() < 1e-12);
            }
        }
    }
}
