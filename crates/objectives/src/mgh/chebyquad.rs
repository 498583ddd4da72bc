//! Chebyquad.

use crate::{Formula, Instance};

struct Chebyquad;

/// The residuals rᵢ = (1/n) Σⱼ Tᵢ(xⱼ) − ∫ Tᵢ, i = 1 … n.
fn residuals(x: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mut sums = vec![0.0; x.len()];
    for v in x {
        let y = 2.0 * v - 1.0;
        let (mut before, mut t) = (1.0, y);
        for sum in &mut sums {
            *sum += t / n;
            (before, t) = (t, 2.0 * y * t - before);
        }
    }
    // ∫ Tᵢ over [0, 1] is −1/(i² − 1) for even i and 0 for odd i.
    for (r, i) in sums.iter_mut().zip(1..).skip(1).step_by(2) {
        *r += 1.0 / f64::from(i * i - 1);
    }
    sums
}

impl Formula for Chebyquad {
    fn value(&self, x: &[f64]) -> f64 {
        residuals(x).iter().map(|r| r * r).sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let residuals = residuals(x);
        let n = x.len() as f64;
        for (g, v) in gradient.iter_mut().zip(x) {
            let y = 2.0 * v - 1.0;
            let (mut before, mut t) = (1.0, y);
            let (mut slope_before, mut slope) = (0.0, 2.0);
            let mut sum = 0.0;
            for r in &residuals {
                sum += r * slope;
                let next_slope = 4.0 * t + 2.0 * y * slope - slope_before;
                (before, t) = (t, 2.0 * y * t - before);
                (slope_before, slope) = (slope, next_slope);
            }
            *g = 2.0 * sum / n;
        }
    }
}

/// Chebyquad with m = n: rᵢ = (1/n) Σⱼ Tᵢ(xⱼ) − ∫₀¹ Tᵢ with Tᵢ the i-th Chebyshev polynomial shifted to [0, 1].
///
/// Minimum 0 for n = 1 … 7 and 9, 3.51687·10⁻³ for n = 8. For n = 10 the paper gives 6.50395·10⁻³, which is a local minimum (the
/// one below the standard start); the least value found from 120 random starts is 4.77271·10⁻³. Start xⱼ = j/(n + 1).
///
/// Problem 18 (35 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Fletcher, 1965.
pub fn chebyquad(n: usize) -> Instance {
    let start = (1..=n).map(|j| j as f64 / (n + 1) as f64).collect();
    let chebyquad = Instance::new("chebyquad", Chebyquad, start);
    match n {
        1..=7 | 9 => chebyquad.with_minimum(0.0),
        8 => chebyquad.with_minimum(0.003_516_873_725_677_931_6),
        10 => chebyquad.with_minimum(0.004_772_713_696_375_349),
        _ => chebyquad,
    }
}
