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
