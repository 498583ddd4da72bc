//! How much shorter the next step is after a rejected one.

use serde::{Deserialize, Serialize};

use crate::observation::Observation;

/// How much shorter than a rejected step the next one is at least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Backtrack {
    /// `0.5`: by this factor.
    Share(f64),
    /// `[0.1, 0.5]`: to the minimum of the parabola through f, its slope along the rejected step and f at the rejected point, as a share of
    /// the step within these bounds (Nocedal and Wright, Numerical Optimization, section 3.5).
    Interpolation(f64, f64),
}

impl Backtrack {
    /// Whether a search by it ends: every share lies between 0 and 1.
    pub fn is_valid(self) -> bool {
        match self {
            Self::Share(share) => share > 0.0 && share < 1.0,
            Self::Interpolation(least, most) => least > 0.0 && least <= most && most < 1.0,
        }
    }

    /// The longest rate, |d|/|g| of a step d with momentum, after the rejected trial that the observation holds.
    pub fn longest(self, o: &Observation) -> f64 {
        match self {
            Self::Share(share) => share * o.rate,
            Self::Interpolation(least, most) => {
                let promised = o.promised_decrease(1.0);
                let share = 0.5 * promised / (o.trial_value - o.value + promised);
                // A trial that is not finite says nothing but that it was much too long.
                let share = if o.trial_value.is_finite() && !share.is_nan() {
                    share.max(least).min(most)
                } else {
                    least
                };
                share * o.rate
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_of_the_parabola_by_hand() {
        let mut o = Observation::at_start(10.0, 4.0, 1.0, false);
        let interpolation = Backtrack::Interpolation(0.1, 0.5);
        // The slope promises 4 at rate 1. At 12 the parabola 10 - 4t + 6t² has its minimum at 1/3.
        for (value, rate) in [
            (12.0, 1.0 / 3.0),
            (10.0, 0.5),
            (100.0, 0.1),
            (9.999, 0.5),
            (f64::NAN, 0.1),
            (f64::INFINITY, 0.1),
        ] {
            o.record_trial(1.0, value);
            assert!((interpolation.longest(&o) - rate).abs() < 1e-12, "{value}");
            assert_eq!(Backtrack::Share(0.25).longest(&o), 0.25);
        }
        // Twice as long a step promises 8: 10 - 8t + 10t².
        o.record_trial(2.0, 12.0);
        assert!((interpolation.longest(&o) - 2.0 * 0.4).abs() < 1e-12);
    }

    #[test]
    fn as_json() {
        for (json, backtrack) in [
            ("0.5", Backtrack::Share(0.5)),
            ("[0.1,0.5]", Backtrack::Interpolation(0.1, 0.5)),
        ] {
            assert_eq!(serde_json::from_str::<Backtrack>(json).unwrap(), backtrack);
            assert_eq!(serde_json::to_string(&backtrack).unwrap(), json);
        }
    }
}
