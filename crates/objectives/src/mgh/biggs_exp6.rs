//! Biggs' EXP6 function.

use crate::Instance;
use crate::residuals::Residuals;

struct BiggsExp6;

fn time(i: usize) -> f64 {
    0.1 * (i + 1) as f64
}

impl Residuals for BiggsExp6 {
    fn count(&self) -> usize {
        13
    }

    fn residual(&self, i: usize, x: &[f64]) -> f64 {
        let t = time(i);
        let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
        x[2] * (-t * x[0]).exp() - x[3] * (-t * x[1]).exp() + x[5] * (-t * x[4]).exp() - y
    }

    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]) {
        let t = time(i);
        for (rate, factor, sign) in [(0, 2, 1.0), (1, 3, -1.0), (4, 5, 1.0)] {
            let e = sign * weight * (-t * x[rate]).exp();
            gradient[rate] -= t * x[factor] * e;
            gradient[factor] += e;
        }
    }
}

/// Biggs' EXP6 function, n = 6: rᵢ = x₃ e^(−tᵢx₁) − x₄ e^(−tᵢx₂) + x₆ e^(−tᵢx₅) − yᵢ with tᵢ = i/10 and
/// yᵢ = e^(−tᵢ) − 5 e^(−10tᵢ) + 3 e^(−4tᵢ), i = 1 … 13.
///
/// Minimum 0 at (1, 10, 1, 5, 4, 3); a local minimum 5.65565·10⁻³. Start (1, 2, 1, 1, 1, 1).
///
/// Problem 2 (18 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Biggs, 1971.
pub fn biggs_exp6() -> Instance {
    let start = vec![1.0, 2.0, 1.0, 1.0, 1.0, 1.0];
    Instance::new("biggs-exp6", BiggsExp6, start).with_minimum(0.0)
}
