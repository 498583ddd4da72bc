//! Random least-squares problems with a known solution: tanh residuals and quadratic residuals.

use rand::{Rng, RngExt};

use crate::inner_product::{add_scaled, dot};
use crate::normal::{normal, normals};
use crate::{Formula, Instance};

/// f(x) = ½ Σᵢ (tanh(aᵢ·x) − tᵢ)², one neuron fitted to a teacher; f* = 0 at the teacher's weights.
struct TanhLeastSquares {
    rows: Vec<f64>,
    targets: Vec<f64>,
}

impl Formula for TanhLeastSquares {
    fn value(&self, x: &[f64]) -> f64 {
        let rows = self.rows.chunks_exact(x.len());
        0.5 * rows
            .zip(&self.targets)
            .map(|(a, t)| (dot(a, x).tanh() - t).powi(2))
            .sum::<f64>()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        for (a, t) in self.rows.chunks_exact(x.len()).zip(&self.targets) {
            let h = dot(a, x).tanh();
            add_scaled(gradient, (h - t) * (1.0 - h * h), a);
        }
    }
}

/// A random tanh least-squares problem of the training distribution.
///
/// n from 2 to 10, m from 2n to 4n rows aᵢⱼ ~ N(0, cⱼ²/n) with log₁₀ cⱼ uniform in [−0.7, 0.5]; the teacher is N(0, I) and the
/// start lies N(0, I) from it.
pub fn random_tanh_least_squares(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(2..=10);
    let m = n * rng.random_range(2..=4);
    let scales: Vec<f64> = (0..n)
        .map(|_| 10f64.powf(rng.random_range(-0.7..=0.5)) / (n as f64).sqrt())
        .collect();
    let rows: Vec<f64> = (0..m * n).map(|k| scales[k % n] * normal(rng)).collect();
    let teacher = normals(n, rng);
    let targets = rows
        .chunks_exact(n)
        .map(|a| dot(a, &teacher).tanh())
        .collect();
    let start = teacher.iter().map(|w| w + normal(rng)).collect();
    let formula = TanhLeastSquares { rows, targets };
    Instance::new("tanh-least-squares", formula, start).with_minimum(0.0)
}

/// f(x) = ½ Σᵢ (aᵢ·x + ½ (qᵢ·x)² − bᵢ)², a nonconvex quartic; f* = 0 at the solution that b was made from.
struct QuadraticLeastSquares {
    linear: Vec<f64>,
    curved: Vec<f64>,
    targets: Vec<f64>,
}

impl Formula for QuadraticLeastSquares {
    fn value(&self, x: &[f64]) -> f64 {
        0.5 * self
            .rows(x.len())
            .map(|(a, q, b)| (dot(a, x) + 0.5 * dot(q, x).powi(2) - b).powi(2))
            .sum::<f64>()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        for (a, q, b) in self.rows(x.len()) {
            let w = dot(q, x);
            let r = dot(a, x) + 0.5 * w * w - b;
            add_scaled(gradient, r, a);
            add_scaled(gradient, r * w, q);
        }
    }
}

impl QuadraticLeastSquares {
    /// (aᵢ, qᵢ, bᵢ) for every i.
    fn rows(&self, n: usize) -> impl Iterator<Item = (&[f64], &[f64], f64)> {
        let rows = self.linear.chunks_exact(n).zip(self.curved.chunks_exact(n));
        rows.zip(&self.targets).map(|((a, q), b)| (a, q, *b))
    }
}

/// A random quadratic-residual least-squares problem of the training distribution.
///
/// n from 2 to 10, m from n to 2n rows aᵢ ~ N(0, rᵢ² I) with log₁₀ rᵢ uniform in [−1.2, 0.5]; qᵢ ~ N(0, rᵢ s²/n I) with log₁₀ s
/// uniform in [−1, 0.5]; the solution is N(0, I) and the start lies N(0, I) from it.
pub fn random_quadratic_least_squares(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(2..=10);
    let m = n + rng.random_range(0..=n);
    let scales: Vec<f64> = (0..m)
        .map(|_| 10f64.powf(rng.random_range(-1.2..=0.5)))
        .collect();
    let curvature = 10f64.powf(rng.random_range(-1.0..=0.5)) / (n as f64).sqrt();
    let linear: Vec<f64> = (0..m * n).map(|k| scales[k / n] * normal(rng)).collect();
    let curved = (0..m * n)
        .map(|k| scales[k / n].sqrt() * curvature * normal(rng))
        .collect();
    let solution = normals(n, rng);
    let mut formula = QuadraticLeastSquares {
        linear,
        curved,
        targets: vec![0.0; m],
    };
    formula.targets = formula
        .rows(n)
        .map(|(a, q, _)| dot(a, &solution) + 0.5 * dot(q, &solution).powi(2))
        .collect();
    let start = solution.iter().map(|w| w + normal(rng)).collect();
    Instance::new("quadratic-least-squares", formula, start).with_minimum(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand() {
        let f = TanhLeastSquares {
            rows: vec![1.0, 0.0, 0.0, 1.0],
            targets: vec![0.0, 1.0],
        };
        assert_eq!(f.value(&[0.0, 0.0]), 0.5);
        let f = QuadraticLeastSquares {
            linear: vec![1.0, 2.0],
            curved: vec![2.0, 0.0],
            targets: vec![1.0],
        };
        // r = 1 + 2 + ½·4 − 1 = 4
        let mut g = [0.0; 2];
        f.gradient(&[1.0, 1.0], &mut g);
        assert_eq!(f.value(&[1.0, 1.0]), 8.0);
        assert_eq!(g, [4.0 * (1.0 + 2.0 * 2.0), 8.0]);
    }
}
