//! Penalty function II.

use crate::{Formula, Instance};

/// The weight of the exponential residuals.
const A: f64 = 1e-5;

struct PenaltyTwo;

/// Σⱼ (n − j + 1) xⱼ² − 1.
fn excess(x: &[f64]) -> f64 {
    let n = x.len();
    let squares = x.iter().enumerate().map(|(j, v)| (n - j) as f64 * v * v);
    squares.sum::<f64>() - 1.0
}

/// The residuals of xᵢ₋₁ and xᵢ, i counted from 2, without their weight: the one on the sum of both, and the one on xᵢ alone.
fn exponentials(pair: &[f64], i: usize) -> (f64, f64) {
    let (before, here) = ((0.1 * pair[0]).exp(), (0.1 * pair[1]).exp());
    let i = i as f64;
    let y = (0.1 * i).exp() + (0.1 * (i - 1.0)).exp();
    (here + before - y, here - (-0.1f64).exp())
}

impl Formula for PenaltyTwo {
    fn value(&self, x: &[f64]) -> f64 {
        let exponential: f64 = x
            .windows(2)
            .zip(2..)
            .map(|(pair, i)| {
                let (both, alone) = exponentials(pair, i);
                both * both + alone * alone
            })
            .sum();
        (x[0] - 0.2).powi(2) + A * exponential + excess(x).powi(2)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let n = x.len();
        let slope = 4.0 * excess(x);
        for (j, (g, v)) in gradient.iter_mut().zip(x).enumerate() {
            *g = slope * (n - j) as f64 * v;
        }
        gradient[0] += 2.0 * (x[0] - 0.2);
        for (k, pair) in x.windows(2).enumerate() {
            let (both, alone) = exponentials(pair, k + 2);
            gradient[k] += 0.2 * A * both * (0.1 * pair[0]).exp();
            gradient[k + 1] += 0.2 * A * (both + alone) * (0.1 * pair[1]).exp();
        }
    }
}

/// Penalty function II of n variables: residuals x₁ − 0.2; √a (e^(xᵢ/10) + e^(xᵢ₋₁/10) − e^(i/10) − e^((i−1)/10)) and
/// √a (e^(xᵢ/10) − e^(−1/10)) for i = 2 … n; and Σ (n − j + 1) xⱼ² − 1, with a = 10⁻⁵.
///
/// Minimum 9.37629·10⁻⁶ for n = 4 and 2.93660·10⁻⁴ for n = 10. Start (½, …, ½).
///
/// Problem 9 (24 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Gill, Murray and Pitfield, 1972.
pub fn penalty_2(n: usize) -> Instance {
    let penalty = Instance::new("penalty-2", PenaltyTwo, vec![0.5; n]);
    match n {
        4 => penalty.with_minimum(9.376_293_007_355_442e-6),
        10 => penalty.with_minimum(0.000_293_660_537_456_745_94),
        _ => penalty,
    }
}
