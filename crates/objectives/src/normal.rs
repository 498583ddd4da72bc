//! Draws from the standard normal distribution.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// One draw from N(0, 1).
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// `count` draws from N(0, 1).
pub(crate) fn normals(count: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..count).map(|_| normal(rng)).collect()
}
