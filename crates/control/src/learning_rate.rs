//! The first learning rate and the hard bounds on every later one.

use serde::{Deserialize, Serialize};

use crate::vector::norm_inf;

/// Every rate lies within these bounds, whatever chose it.
pub const LEAST_RATE: f64 = 1e-30;
/// See [`LEAST_RATE`].
pub const LARGEST_RATE: f64 = 1e30;

/// α within the hard bounds; the lower one where it is not a number.
pub fn bounded(rate: f64) -> f64 {
    if rate.is_nan() {
        LEAST_RATE
    } else {
        rate.clamp(LEAST_RATE, LARGEST_RATE)
    }
}

/// Rates stay within these bounds in the stochastic regime.
pub const SCHEDULE_BOUNDS: (f64, f64) = (1e-12, 1e4);

/// Where α₀ comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartRate {
    /// The instance's own where it has one, else min(1, 1 / max |gᵢ|).
    #[default]
    Auto,
    /// This one.
    Given(f64),
    /// The automatic one times this factor.
    Times(f64),
}

impl StartRate {
    /// α₀ at a start with this gradient.
    pub fn resolve(self, own: Option<f64>, gradient: &[f64]) -> f64 {
        let auto = || own.unwrap_or_else(|| (1.0 / norm_inf(gradient)).min(1.0));
        bounded(match self {
            Self::Auto => auto(),
            Self::Given(rate) => rate,
            Self::Times(factor) => auto() * factor,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automatic_rate_moves_no_coordinate_by_more_than_one() {
        assert_eq!(StartRate::Auto.resolve(None, &[3.0, -4.0]), 0.25);
        assert_eq!(StartRate::Auto.resolve(None, &[0.1]), 1.0);
        assert_eq!(StartRate::Auto.resolve(Some(0.5), &[3.0]), 0.5);
        assert_eq!(StartRate::Times(1e-2).resolve(Some(0.5), &[3.0]), 0.005);
        assert_eq!(StartRate::Given(f64::NAN).resolve(None, &[1.0]), LEAST_RATE);
    }
}
