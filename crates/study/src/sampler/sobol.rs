//! A sequence of points that fills the space evenly.

use rand_chacha::ChaCha8Rng;
use sobol_burley::{NUM_DIMENSIONS, sample};

use super::{Draw, Sampler};
use crate::{Attributes, History, SamplerError};

/// The length of a sequence; after it comes another one.
const LENGTH: u64 = 1 << 16;

/// Sobol's sequence, Owen-scrambled (Burley 2020, *Practical hash-based Owen scrambling*, JCGT 9; directions of Joe and Kuo): any 2^k
/// trials in a row from a multiple of 2^k cover every parameter's range evenly, and pairs of parameters nearly so. Only the number of a
/// trial matters, so that any number of workers share one sequence.
///
/// The parameters of the [joint space](History::joint_space) are the dimensions, in the order of their names. Until a trial is finished
/// there is none, and the trials are random; so are parameters that only some trials ask for, and those beyond the 256th.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sobol {
    seed: u64,
}

impl Sobol {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Coordinate `dimension` of the point with this number, in [0, 1).
    fn coordinate(&self, number: u64, dimension: u32) -> f64 {
        // Another seed for each sequence; 64 bits to 32 by a multiplicative hash (splitmix64's).
        let mut hash = (self.seed ^ (number / LENGTH).rotate_left(32))
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^= hash >> 31;
        let seed = (hash ^ (hash >> 32)) as u32;
        sample((number % LENGTH) as u32, dimension, seed).into()
    }
}

impl Sampler for Sobol {
    fn name(&self) -> &'static str {
        "sobol"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        number: u64,
        _: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        let space = history.joint_space().into_iter().zip(0..NUM_DIMENSIONS);
        let values = space.map(|((name, distribution), dimension)| {
            let value = distribution.from_unit(self.coordinate(number, dimension));
            (name, value)
        });
        Ok(Draw {
            values: values.collect(),
            attributes: Attributes::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_of_a_power_of_two_is_even_in_every_dimension() {
        for (seed, start, dimension) in [(0, 0, 0), (7, 64, 3), (1 << 40, 65_536 + 128, 255)] {
            let sobol = Sobol::new(seed);
            let mut counts = [0; 64];
            for number in start..start + 64 {
                counts[(sobol.coordinate(number, dimension) * 64.0) as usize] += 1;
            }
            assert_eq!(counts, [1; 64], "seed {seed}, from {start}");
        }
    }

    #[test]
    fn pairs_of_dimensions_are_more_even_than_dice() {
        // The centred L2 discrepancy of random points has the mean of squares (5/4)^2/n - (13/12)^2/n (Hickernell 1998).
        let discrepancy = |points: &[[f64; 2]]| {
            let n = points.len() as f64;
            let off = |x: f64| (x - 0.5).abs();
            let single = |p: &[f64; 2]| -> f64 {
                p.iter()
                    .map(|x| 1.0 + 0.5 * off(*x) - 0.5 * off(*x).powi(2))
                    .product()
            };
            let pair = |p: &[f64; 2], q: &[f64; 2]| -> f64 {
                let terms = p.iter().zip(q);
                terms
                    .map(|(x, y)| 1.0 + 0.5 * off(*x) + 0.5 * off(*y) - 0.5 * (x - y).abs())
                    .product()
            };
            let singles: f64 = points.iter().map(single).sum();
            let pairs = points
                .iter()
                .flat_map(|p| points.iter().map(move |q| pair(p, q)));
            (13.0_f64 / 12.0).powi(2) - 2.0 / n * singles + pairs.sum::<f64>() / (n * n)
        };
        let random = ((5.0_f64 / 4.0).powi(2) - (13.0_f64 / 12.0).powi(2)) / 128.0;
        let mut worst: f64 = 0.0;
        for seed in 0..5 {
            let sobol = Sobol::new(seed);
            for (a, b) in [(0, 1), (2, 5), (0, 9), (6, 7), (30, 101)] {
                let points: Vec<[f64; 2]> = (0..128)
                    .map(|i| [sobol.coordinate(i, a), sobol.coordinate(i, b)])
                    .collect();
                worst = worst.max(discrepancy(&points) / random);
            }
        }
        assert!(worst < 0.5, "{worst} of the random one");
    }
}
