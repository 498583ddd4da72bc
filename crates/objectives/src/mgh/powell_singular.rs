//! Powell's singular function, extended.

use crate::{Formula, Instance};

struct PowellSingular;

impl Formula for PowellSingular {
    fn value(&self, x: &[f64]) -> f64 {
        let (blocks, _) = x.as_chunks::<4>();
        blocks
            .iter()
            .map(|[a, b, c, d]| {
                (a + 10.0 * b).powi(2)
                    + 5.0 * (c - d).powi(2)
                    + (b - 2.0 * c).powi(4)
                    + 10.0 * (a - d).powi(4)
            })
            .sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let (blocks, _) = x.as_chunks::<4>();
        let (rows, unused) = gradient.as_chunks_mut::<4>();
        unused.fill(0.0);
        for (row, [a, b, c, d]) in rows.iter_mut().zip(blocks) {
            let first = 2.0 * (a + 10.0 * b);
            let second = 10.0 * (c - d);
            let third = 4.0 * (b - 2.0 * c).powi(3);
            let fourth = 40.0 * (a - d).powi(3);
            *row = [
                first + fourth,
                10.0 * first + third,
                second - 2.0 * third,
                -second - fourth,
            ];
        }
    }
}

/// The extended Powell singular function of n variables, n a multiple of 4 (f does not depend on any left over): the sum
/// over blocks of four of (x₁ + 10x₂)² + 5 (x₃ − x₄)² + (x₂ − 2x₃)⁴ + 10 (x₁ − x₄)⁴.
///
/// Minimum 0 at the origin, where the Hessian is singular. Start (3, −1, 0, 1, 3, −1, 0, 1, …).
///
/// Problem 15 (22 in the description) of Moré, Garbow and Hillstrom, *ACM TOMS* 7, 1981; Powell, 1962.
pub fn powell_singular(n: usize) -> Instance {
    let start = [3.0, -1.0, 0.0, 1.0].into_iter().cycle().take(n).collect();
    Instance::new("powell-singular", PowellSingular, start).with_minimum(0.0)
}
