//! How good a step was.

use serde::{Deserialize, Serialize};

/// The reward of one decision.
///
/// The scale-free ones telescope: their sum over an episode depends on its ends alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reward {
    /// scale · log10(gap before / gap after), gap = (f_best - f_lb) / (f₀ - f_lb), not below `floor`. Needs the lower bound f_lb.
    LogGap {
        /// Factor.
        scale: f64,
        /// The gap at which a problem counts as solved.
        floor: f64,
    },
    /// scale · log10(least |g| before / least |g| after), relative to |g₀| and not below `floor`. Needs no bound.
    LogGradient {
        /// Factor.
        scale: f64,
        /// The relative gradient norm at which a problem counts as solved.
        floor: f64,
    },
    /// The paper's: c / (f - f_lb), with c = `accept` after an accepted trial and `other` else; at most `most`. Depends on the scale of f.
    Paper {
        /// c after an accepted trial.
        accept: f64,
        /// c otherwise.
        other: f64,
        /// Upper bound, as f may reach f_lb.
        most: f64,
    },
}

impl Default for Reward {
    fn default() -> Self {
        Self::LogGap {
            scale: 0.2,
            floor: 1e-12,
        }
    }
}

/// What a reward is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// (f_best - f_lb) / (f₀ - f_lb).
    pub gap: f64,
    /// Least |g| / |g₀|.
    pub gradient: f64,
    /// f - f_lb at the base point.
    pub excess: f64,
}

impl Reward {
    /// The reward of a decision that led from `before` to `after`; 0 where it is not a number.
    pub fn of(&self, before: &Progress, after: &Progress, accepted: bool) -> f64 {
        let reward = match *self {
            Self::LogGap { scale, floor } => {
                scale * (before.gap.max(floor) / after.gap.max(floor)).log10()
            }
            Self::LogGradient { scale, floor } => {
                scale * (before.gradient.max(floor) / after.gradient.max(floor)).log10()
            }
            Self::Paper {
                accept,
                other,
                most,
            } => {
                let c = if accepted { accept } else { other };
                (c / after.excess.max(f64::MIN_POSITIVE)).min(most)
            }
        };
        if reward.is_finite() { reward } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn progress(gap: f64, gradient: f64, excess: f64) -> Progress {
        Progress {
            gap,
            gradient,
            excess,
        }
    }

    #[test]
    fn rewards_by_hand() {
        let (before, after) = (progress(1.0, 1.0, 5.0), progress(0.01, 0.1, 4.0));
        assert!((Reward::default().of(&before, &after, true) - 0.4).abs() < 1e-15);
        let gradient = Reward::LogGradient {
            scale: 1.0,
            floor: 1e-12,
        };
        assert!((gradient.of(&before, &after, true) - 1.0).abs() < 1e-15);
        let paper = Reward::Paper {
            accept: 2.0,
            other: 1.0,
            most: 100.0,
        };
        assert_eq!(
            (
                paper.of(&before, &after, true),
                paper.of(&before, &after, false)
            ),
            (0.5, 0.25)
        );
        assert_eq!(paper.of(&before, &progress(0.0, 0.0, 0.0), true), 100.0);
    }

    #[test]
    fn the_floor_ends_the_reward_and_nonsense_gives_none() {
        let solved = progress(1e-12, 0.0, 0.0);
        assert_eq!(
            Reward::default().of(&solved, &progress(1e-15, 0.0, 0.0), true),
            0.0
        );
        assert_eq!(
            Reward::default().of(&progress(f64::NAN, 1.0, 1.0), &solved, true),
            0.0
        );
    }
}
