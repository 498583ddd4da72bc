//! Backtracking on one minibatch.

use super::Minibatch;
use crate::update::gradient_step;

/// The most trials of a search.
const MOST_TRIALS: u32 = 100;

/// The step where a search found none, as in the codes of SLS and PoNoS.
const LAST_RESORT: f64 = 1e-6;

/// Where a search starts, and which way it goes: x - η g.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// x.
    pub x: &'a [f64],
    /// g.
    pub gradient: &'a [f64],
    /// |g|².
    pub squared_gradient: f64,
}

/// What a search ended with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The step size to take.
    pub step: f64,
    /// η, from which the next search goes on: `step`, unless no trial was good enough.
    pub size: f64,
    /// How often η was multiplied before the last trial.
    pub backtracks: u32,
}

/// η ← β η until f_i(x - η g) ≤ `reference` - c η |g|²: Armijo's rule on the minibatch of g, at most 100 trials.
#[derive(Clone, Copy, Debug)]
pub struct MinibatchSearch {
    /// c.
    pub c: f64,
    /// β.
    pub shrink: f64,
}

impl MinibatchSearch {
    /// Searches along `line` from η = `size` down; `trial` has room for a point.
    pub fn search(
        &self,
        size: f64,
        reference: f64,
        line: Line<'_>,
        trial: &mut [f64],
        batch: &mut dyn Minibatch,
    ) -> Found {
        let mut size = size;
        for backtracks in 0..MOST_TRIALS {
            gradient_step(line.x, size, line.gradient, trial);
            let wanted = reference - size * self.c * line.squared_gradient;
            if batch.value(trial) <= wanted {
                return Found {
                    step: size,
                    size,
                    backtracks,
                };
            }
            size *= self.shrink;
        }
        Found {
            step: LAST_RESORT,
            size,
            backtracks: MOST_TRIALS - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ½ c x².
    struct Parabola {
        curvature: f64,
        values: u32,
    }

    impl Minibatch for Parabola {
        fn value(&mut self, x: &[f64]) -> f64 {
            self.values += 1;
            0.5 * self.curvature * x[0] * x[0]
        }
        fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            gradient[0] = self.curvature * x[0];
            self.value(x)
        }
    }

    fn search(batch: &mut Parabola, size: f64, search: MinibatchSearch) -> Found {
        let (x, gradient) = ([1.0], [batch.curvature]);
        let line = Line {
            x: &x,
            gradient: &gradient,
            squared_gradient: gradient[0].powi(2),
        };
        search.search(size, 0.5 * batch.curvature, line, &mut [0.0], batch)
    }

    proptest! {
        /// On ½ c x² the rule holds exactly for η ≤ 2 (1 - c₁) / c.
        #[test]
        fn the_first_good_size_is_taken(
            curvature in 1e-3..1e3f64,
            size in 1e-3..1e3f64,
            c in 0.01..0.9f64,
            shrink in 0.3..0.95f64,
        ) {
            let mut batch = Parabola { curvature, values: 0 };
            let largest = 2.0 * (1.0 - c) / curvature;
            let found = search(&mut batch, size, MinibatchSearch { c, shrink });
            if found.step == LAST_RESORT {
                // The last trial was one size larger, and still too large.
                prop_assert!(found.size / shrink > largest * (1.0 - 1e-9));
                prop_assert_eq!(batch.values, MOST_TRIALS);
            } else {
                prop_assert!(found.step <= largest * (1.0 + 1e-9));
                prop_assert!(found.backtracks == 0 || found.step > largest * shrink * (1.0 - 1e-9));
                prop_assert_eq!(batch.values, found.backtracks + 1);
                prop_assert_eq!(found.size, found.step);
            }
        }
    }

    #[test]
    fn a_hundred_trials_are_the_most() {
        let mut batch = Parabola {
            curvature: f64::NAN,
            values: 0,
        };
        let rule = MinibatchSearch {
            c: 0.1,
            shrink: 0.5,
        };
        let found = search(&mut batch, 1.0, rule);
        assert_eq!(
            (batch.values, found.step, found.backtracks),
            (100, 1e-6, 99)
        );
        assert_eq!(found.size, 0.5f64.powi(100));
    }
}
