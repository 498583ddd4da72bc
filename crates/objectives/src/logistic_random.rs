//! Small random logistic regressions whose minimum is found by Newton's method when they are drawn.

use rand::{Rng, RngExt};

use crate::cholesky;
use crate::inner_product::{add_scaled, dot};
use crate::normal::{normal, normals};
use crate::{Formula, Instance};

/// Newton's method doubles the correct digits of the solution in each step; from any start it is done well before this many.
const NEWTON_STEPS: usize = 100;

/// f(x) = (1/m) Σᵢ log(1 + exp(−yᵢ aᵢ·x)) + ½ ρ|x|² with labels yᵢ = ±1 and ridge ρ.
pub(crate) struct RandomLogistic {
    /// The rows yᵢaᵢ.
    signed_rows: Vec<f64>,
    ridge: f64,
}

impl RandomLogistic {
    /// The regression over `rows` (m rows, one after the other) with `labels` ±1.
    pub(crate) fn new(mut rows: Vec<f64>, labels: &[f64], ridge: f64) -> Self {
        let n = rows.len() / labels.len().max(1);
        for (row, y) in rows.chunks_exact_mut(n.max(1)).zip(labels) {
            row.iter_mut().for_each(|a| *a *= y);
        }
        Self {
            signed_rows: rows,
            ridge,
        }
    }

    fn samples(&self, n: usize) -> f64 {
        (self.signed_rows.len() / n) as f64
    }

    /// The minimiser and the minimum, by Newton's method from the origin with the step halved until f decreases.
    pub(crate) fn solve(&self, n: usize) -> (Vec<f64>, f64) {
        let mut x = vec![0.0; n];
        let mut f = self.value(&x);
        let mut step = vec![0.0; n];
        let mut hessian = vec![0.0; n * n];
        for _ in 0..NEWTON_STEPS {
            self.gradient(&x, &mut step);
            self.hessian(&x, &mut hessian);
            if !cholesky::solve(&mut hessian, &mut step) {
                break;
            }
            let improved = (0..30).map(|k| 0.5f64.powi(k)).find_map(|t| {
                let mut trial = x.clone();
                add_scaled(&mut trial, -t, &step);
                let value = self.value(&trial);
                (value < f).then_some((trial, value))
            });
            match improved {
                Some(better) => (x, f) = better,
                None => break,
            }
        }
        (x, f)
    }

    fn hessian(&self, x: &[f64], hessian: &mut [f64]) {
        let n = x.len();
        hessian.fill(0.0);
        for a in self.signed_rows.chunks_exact(n) {
            let p = sigmoid(-dot(a, x));
            let weight = p * (1.0 - p) / self.samples(n);
            for (row, a_i) in hessian.chunks_exact_mut(n).zip(a) {
                add_scaled(row, weight * a_i, a);
            }
        }
        for i in 0..n {
            hessian[i * n + i] += self.ridge;
        }
    }
}

impl Formula for RandomLogistic {
    fn value(&self, x: &[f64]) -> f64 {
        let rows = self.signed_rows.chunks_exact(x.len());
        let loss: f64 = rows.map(|a| softplus(-dot(a, x))).sum();
        loss / self.samples(x.len()) + 0.5 * self.ridge * dot(x, x)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let m = self.samples(x.len());
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = self.ridge * v;
        }
        for a in self.signed_rows.chunks_exact(x.len()) {
            add_scaled(gradient, -sigmoid(-dot(a, x)) / m, a);
        }
    }
}

/// log(1 + eᶻ) without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// 1/(1 + e⁻ᶻ); where e⁻ᶻ overflows, the limit 0.
fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// A random logistic regression of the training distribution: n from 2 to 12, m from 20 to 60.
pub fn random_logistic(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(2..=12);
    let m = rng.random_range(20..=60);
    random_logistic_of(n, m, rng)
}

/// A random logistic regression beyond the training distribution: n from 30 to 120, m from 2n to 4n.
pub fn random_large_logistic(rng: &mut impl Rng) -> Instance {
    let n = rng.random_range(30..=120);
    let m = n * rng.random_range(2..=4);
    random_logistic_of(n, m, rng)
}

/// A random logistic regression of n weights over m samples.
///
/// aᵢⱼ ~ N(0, cⱼ²) with log₁₀ cⱼ uniform in [−0.7, 0.7]; yᵢ = sign(aᵢ·w + ½ noise) for w and the noise N(0, 1); log₁₀ ρ uniform
/// in [−4, −1]; the start is N(0, I).
fn random_logistic_of(n: usize, m: usize, rng: &mut impl Rng) -> Instance {
    let scales: Vec<f64> = (0..n)
        .map(|_| 10f64.powf(rng.random_range(-0.7..=0.7)))
        .collect();
    let rows: Vec<f64> = (0..m * n).map(|k| scales[k % n] * normal(rng)).collect();
    let weights = normals(n, rng);
    let labels: Vec<f64> = rows
        .chunks_exact(n)
        .map(|a| (dot(a, &weights) + 0.5 * normal(rng)).signum())
        .collect();
    let ridge = 10f64.powf(rng.random_range(-4.0..=-1.0));
    let start = normals(n, rng);
    let formula = RandomLogistic::new(rows, &labels, ridge);
    let (_, minimum) = formula.solve(n);
    Instance::new("logistic", formula, start).with_minimum(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    #[test]
    fn values_by_hand() {
        let f = RandomLogistic::new(vec![1.0, 2.0], &[1.0, -1.0], 0.5);
        // ½ (log(1 + e⁻¹) + log(1 + e²)) + ¼
        let expected = 0.5 * ((-1f64).exp().ln_1p() + 2f64.exp().ln_1p()) + 0.25;
        assert!((f.value(&[1.0]) - expected).abs() < 1e-15);
        assert_eq!(f.value(&[0.0]), 2f64.ln());
    }

    #[test]
    fn far_from_the_origin_nothing_overflows() {
        let f = RandomLogistic::new(vec![1.0], &[1.0], 0.0);
        let mut g = [0.0];
        f.gradient(&[-1e4], &mut g);
        assert_eq!((f.value(&[-1e4]), g[0]), (1e4, -1.0));
        f.gradient(&[1e4], &mut g);
        assert_eq!((f.value(&[1e4]), g[0]), (0.0, 0.0));
    }

    #[test]
    fn newton_finds_the_minimum_to_full_precision() {
        let mut rng = Streams::new(5).stream("logistic");
        for _ in 0..20 {
            let rows = normals(200, &mut rng);
            let labels: Vec<f64> = (0..50)
                .map(|_| if rng.random() { 1.0 } else { -1.0 })
                .collect();
            let f = RandomLogistic::new(rows, &labels, 1e-3);
            let (x, minimum) = f.solve(4);
            let mut g = [0.0; 4];
            f.gradient(&x, &mut g);
            assert!(dot(&g, &g).sqrt() < 1e-7, "{g:?}");
            assert!(minimum < 2f64.ln());
            // The gap left is about |g|²/(2 × the least curvature), far below the rounding of f.
            assert!(dot(&g, &g) / 2e-3 < 1e-10);
        }
    }
}
