//! Exploration: epsilon-greedy choice and its schedule.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::ActionMask;

/// epsilon falls linearly over the first part of training and then stays.
///
/// ```
/// use qstride_agent::EpsilonSchedule;
///
/// let schedule = EpsilonSchedule { from: 1.0, to: 0.1, fraction: 0.3 };
/// assert_eq!(schedule.at(0.0), 1.0);
/// assert!((schedule.at(0.15) - 0.55).abs() < 1e-12);
/// assert_eq!(schedule.at(0.9), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpsilonSchedule {
    /// At the first step.
    pub from: f64,
    /// At the end of the fall, and after it.
    pub to: f64,
    /// The part of all steps over which it falls.
    pub fraction: f64,
}

impl Default for EpsilonSchedule {
    fn default() -> Self {
        Self {
            from: 1.0,
            to: 0.1,
            fraction: 0.3,
        }
    }
}

impl EpsilonSchedule {
    /// epsilon at this progress (steps done / all steps).
    pub fn at(&self, progress: f64) -> f64 {
        if progress >= self.fraction {
            self.to
        } else {
            self.from + (self.to - self.from) * progress / self.fraction
        }
    }
}

/// With probability epsilon one of the allowed actions, all alike; else the greedy one (see [`ActionMask::greedy`]).
///
/// It draws two numbers whatever comes out, so that the generator's place depends on the count of choices only.
pub fn epsilon_greedy(q: &[f32], mask: ActionMask, epsilon: f64, rng: &mut impl Rng) -> usize {
    let explore = rng.random::<f64>() < epsilon;
    let pick = rng.random::<f64>();
    if !explore {
        return mask.greedy(q);
    }
    let mask = mask.or_all(q.len());
    let allowed = (0..q.len()).filter(|&a| mask.allows(a));
    let count = allowed.clone().count();
    allowed
        .clone()
        .nth((pick * count as f64) as usize)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_objectives::Streams;

    #[test]
    fn schedule_numbers() {
        let schedule = EpsilonSchedule {
            from: 0.9,
            to: 0.1,
            fraction: 0.5,
        };
        for (progress, epsilon) in [
            (0.0, 0.9),
            (0.125, 0.7),
            (0.25, 0.5),
            (0.5, 0.1),
            (1.0, 0.1),
        ] {
            assert!((schedule.at(progress) - epsilon).abs() < 1e-12);
        }
        assert_eq!(
            EpsilonSchedule {
                fraction: 0.0,
                ..schedule
            }
            .at(0.0),
            0.1
        );
    }

    #[test]
    fn shares_of_the_actions() {
        let mut rng = Streams::new(5).stream("exploration");
        let mask = ActionMask::ALL.without(2);
        let mut counts = [0; 4];
        for _ in 0..40_000 {
            counts[epsilon_greedy(&[0.0, 1.0, 5.0, 0.5], mask, 0.3, &mut rng)] += 1;
        }
        // explored: 0.1 each of three; greedy among the allowed: action 1
        for (count, share) in counts.into_iter().zip([0.1, 0.8, 0.0, 0.1]) {
            assert!(
                (f64::from(count) / 40_000.0 - share).abs() < 0.01,
                "{counts:?}"
            );
        }
        assert_eq!(
            epsilon_greedy(&[f32::NAN, 0.0], ActionMask::ALL, 0.0, &mut rng),
            1
        );
    }
}
