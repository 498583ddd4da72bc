//! Rosenbrock's function, chained and extended, in any dimension.

use crate::{Formula, Instance};

/// f(x) = Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², over every i (chained) or over i = 0, 2, 4, … (extended).
struct Rosenbrock {
    stride: usize,
}

impl Formula for Rosenbrock {
    fn value(&self, x: &[f64]) -> f64 {
        let pairs = x.windows(2).step_by(self.stride);
        pairs
            .map(|p| {
                let (r, s) = (p[1] - p[0] * p[0], 1.0 - p[0]);
                100.0 * r * r + s * s
            })
            .sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        for (i, p) in x.windows(2).enumerate().step_by(self.stride) {
            let r = p[1] - p[0] * p[0];
            gradient[i] += -400.0 * p[0] * r - 2.0 * (1.0 - p[0]);
            gradient[i + 1] += 200.0 * r;
        }
    }
}

/// The chained Rosenbrock function of n ≥ 2 variables, f(x) = Σ_{i<n} 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
///
/// Minimum 0 at (1, …, 1); for n ≥ 4 there is a local minimum near (−1, 1, …, 1). Start (−1.2, 1, −1.2, 1, …).
///
/// Rosenbrock, *The Computer Journal* 3, 1960; Toint, "Some numerical results using a sparse matrix updating formula",
/// *Mathematics of Computation* 32, 1978.
pub fn chained_rosenbrock(n: usize) -> Instance {
    rosenbrock("rosenbrock-chained", n, 1)
}

/// The extended Rosenbrock function of an even number n of variables: n/2 independent two-dimensional ones.
///
/// f(x) = Σ 100 (x₂ᵢ − x₂ᵢ₋₁²)² + (1 − x₂ᵢ₋₁)², minimum 0 at (1, …, 1), start (−1.2, 1, −1.2, 1, …).
///
/// Problem 14 (21 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981.
pub fn extended_rosenbrock(n: usize) -> Instance {
    rosenbrock("rosenbrock-extended", n, 2)
}

fn rosenbrock(name: &str, n: usize, stride: usize) -> Instance {
    let start = [-1.2, 1.0].into_iter().cycle().take(n).collect();
    Instance::new(name, Rosenbrock { stride }, start).with_minimum(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Objective;

    #[test]
    fn both_forms_agree_in_two_dimensions() {
        let (chained, extended) = (chained_rosenbrock(2), extended_rosenbrock(2));
        for x in [[-1.2, 1.0], [0.3, -2.0], [1.0, 1.0]] {
            assert_eq!(chained.value(&x), extended.value(&x));
        }
        assert!((chained.value(&[-1.2, 1.0]) - 24.2).abs() < 1e-12);
    }

    #[test]
    fn extended_is_separable_and_chained_is_not() {
        let x = extended_rosenbrock(6).start();
        assert!((extended_rosenbrock(6).value(&x) - 3.0 * 24.2).abs() < 1e-11);
        // Two pairs (1, −1.2) add 100 · 2.2² each.
        assert!((chained_rosenbrock(6).value(&x) - 3.0 * 24.2 - 2.0 * 484.0).abs() < 1e-10);
    }
}
