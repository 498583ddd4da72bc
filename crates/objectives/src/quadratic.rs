//! Convex quadratics f(x) = ½ xᵀHx, minimum 0 at the origin.

use rand::{Rng, RngExt};

use crate::inner_product::{add_scaled, dot};
use crate::normal::normal;
use crate::rotation::Rotation;
use crate::{Formula, Instance};

/// From this dimension on a random quadratic keeps H as reflections and eigenvalues instead of a matrix.
const DENSE_BELOW: usize = 65;

/// How many reflections rotate a large quadratic.
const REFLECTIONS: usize = 8;

/// f(x) = ½ xᵀHx with H symmetric and positive semidefinite; x* = 0, f* = 0.
pub enum Quadratic {
    /// H = diag(h).
    Diagonal(Vec<f64>),
    /// H as n rows of n entries.
    Dense(Vec<f64>),
    /// H = Qᵀ diag(h) Q, a product with which costs O(n k) for k reflections in Q.
    Rotated(Vec<f64>, Rotation),
}

impl Quadratic {
    /// H = Qᵀ diag(`eigenvalues`) Q with a random Q.
    pub fn rotated(eigenvalues: Vec<f64>, rng: &mut impl Rng) -> Self {
        let n = eigenvalues.len();
        if n >= DENSE_BELOW {
            let rotation = Rotation::random(n, REFLECTIONS, rng);
            return Self::Rotated(eigenvalues, rotation);
        }
        let rotation = Rotation::random(n, n, rng);
        let mut axis = vec![0.0; n];
        let mut h = vec![0.0; n * n];
        for (k, eigenvalue) in eigenvalues.iter().enumerate() {
            axis.fill(0.0);
            axis[k] = 1.0;
            rotation.apply_transpose(&mut axis);
            for (row, a) in h.chunks_exact_mut(n).zip(&axis) {
                add_scaled(row, eigenvalue * a, &axis);
            }
        }
        Self::Dense(h)
    }
}

impl Formula for Quadratic {
    fn value(&self, x: &[f64]) -> f64 {
        0.5 * match self {
            Self::Diagonal(h) => weighted_square(h, x),
            Self::Dense(h) => h
                .chunks_exact(x.len().max(1))
                .zip(x)
                .map(|(row, v)| v * dot(row, x))
                .sum(),
            Self::Rotated(h, rotation) => {
                let mut y = x.to_vec();
                rotation.apply(&mut y);
                weighted_square(h, &y)
            }
        }
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        match self {
            Self::Diagonal(h) => {
                for ((g, h), v) in gradient.iter_mut().zip(h).zip(x) {
                    *g = h * v;
                }
            }
            Self::Dense(h) => {
                for (g, row) in gradient.iter_mut().zip(h.chunks_exact(x.len().max(1))) {
                    *g = dot(row, x);
                }
            }
            Self::Rotated(h, rotation) => {
                gradient.copy_from_slice(x);
                rotation.apply(gradient);
                for (g, h) in gradient.iter_mut().zip(h) {
                    *g *= h;
                }
                rotation.apply_transpose(gradient);
            }
        }
    }
}

/// Σ hᵢ xᵢ².
fn weighted_square(h: &[f64], x: &[f64]) -> f64 {
    h.iter().zip(x).map(|(h, v)| h * v * v).sum()
}

/// A random quadratic of the training distribution: n from 2 to 30, condition up to 10^4.5, any rotation.
pub fn random_quadratic(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(2..=30);
    random_quadratic_of(n, 4.5, rng)
}

/// A random quadratic beyond the training distribution: n from 31 to 1000 (log-uniform), condition up to 10⁶.
pub fn random_large_quadratic(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(31f64.ln()..=1000f64.ln()).exp().round() as usize;
    random_quadratic_of(n, 6.0, rng)
}

/// A random quadratic of dimension `n` ≥ 2 with a condition number 10^c, c uniform in [0, `log10_condition`].
///
/// The extreme eigenvalues are s and s·10^−c, s log-uniform in [10⁻², 10²]; the others lie between them, log-uniform in two
/// thirds of the instances and uniform in the rest. The start is N(0, 9 I).
fn random_quadratic_of(n: usize, log10_condition: f64, rng: &mut impl Rng) -> Instance {
    let exponent = rng.random_range(0.0..=log10_condition);
    let scale = 10f64.powf(rng.random_range(-2.0..=2.0));
    let smallest = 10f64.powf(-exponent);
    let log_uniform = rng.random_range(0..3) < 2;
    let mut eigenvalues: Vec<f64> = (0..n)
        .map(|_| {
            let u: f64 = rng.random();
            scale
                * if log_uniform {
                    10f64.powf(-exponent * u)
                } else {
                    smallest + (1.0 - smallest) * u
                }
        })
        .collect();
    eigenvalues[0] = scale;
    eigenvalues[n - 1] = scale * smallest;
    let start = (0..n).map(|_| 3.0 * normal(rng)).collect();
    Instance::new("quadratic", Quadratic::rotated(eigenvalues, rng), start).with_minimum(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::normals;
    use crate::{Objective, Streams};

    #[test]
    fn a_diagonal_quadratic_is_what_the_formula_says() {
        let f = Quadratic::Diagonal(vec![1.0, 4.0]);
        let mut g = [0.0; 2];
        f.gradient(&[3.0, 0.5], &mut g);
        assert_eq!(f.value(&[3.0, 0.5]), 5.0);
        assert_eq!(g, [3.0, 2.0]);
    }

    #[test]
    fn rotation_keeps_the_trace_and_the_largest_eigenvalue() {
        let mut rng = Streams::new(3).stream("quadratic");
        for n in [3, 64, 65, 200] {
            let eigenvalues: Vec<f64> = (1..=n).map(|k| k as f64).collect();
            let f = Quadratic::rotated(eigenvalues, &mut rng);
            let (mut trace, mut x, mut g) = (0.0, vec![0.0; n], vec![0.0; n]);
            for i in 0..n {
                x.fill(0.0);
                x[i] = 1.0;
                trace += 2.0 * f.value(&x);
            }
            assert!((trace / (n * (n + 1) / 2) as f64 - 1.0).abs() < 1e-12);
            x = normals(n, &mut rng);
            for _ in 0..2000 {
                f.gradient(&x, &mut g);
                let length = dot(&g, &g).sqrt();
                x.iter_mut().zip(&g).for_each(|(x, g)| *x = g / length);
            }
            assert!((2.0 * f.value(&x) / n as f64 - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn large_quadratics_have_their_dimension() {
        let mut rng = Streams::new(1).stream("large");
        let dimensions: Vec<usize> = (0..50)
            .map(|_| random_large_quadratic(&mut rng).dimension())
            .collect();
        assert!(dimensions.iter().all(|n| (31..=1000).contains(n)));
        assert!(dimensions.iter().any(|n| *n > 500));
    }
}
