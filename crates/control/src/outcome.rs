//! What came of a decision, and of an episode.

use serde::{Deserialize, Serialize};

use crate::evaluator::Evaluations;

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The gap to the known minimum fell to the floor.
    Solved,
    /// The gradient is zero.
    Stationary,
    /// The value or the gradient at a base point is not finite.
    Failed,
    /// The announced number of steps is done; the state knew it, so nothing follows.
    Horizon,
    /// The budget is spent. Nothing in the problem ended.
    Budget,
}

impl End {
    /// Whether nothing can follow, so that no value may be bootstrapped. A spent budget only cuts the episode short.
    pub fn terminal(self) -> bool {
        self != Self::Budget
    }
}

/// What came of one decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The reward.
    pub reward: f64,
    /// Whether a trial point became the base point.
    pub accepted: bool,
    /// Whether the episode is over, and why.
    pub end: Option<End>,
}

/// One trial, for plots and logs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TraceStep {
    /// values + gradients spent so far.
    pub cost: f64,
    /// The learning rate that was tried; of a step d with momentum |d|/|g|.
    pub rate: f64,
    /// The momentum β that was tried; 0 along -g, and for methods that own their loop.
    pub momentum: f64,
    /// f at the trial point.
    pub trial_value: f64,
    /// The least f so far.
    pub best_value: f64,
    /// Whether the trial point became the base point.
    pub accepted: bool,
    /// The index of the policy's action.
    pub action: Option<usize>,
}

/// A whole minimisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// What was spent.
    pub evaluations: Evaluations,
    /// f(x₀).
    pub start_value: f64,
    /// The least f that was found.
    pub best_value: f64,
    /// Why it ended.
    pub end: End,
    /// Sum of the rewards.
    pub total_reward: f64,
    /// Each trial, where a trace was asked for.
    pub trace: Vec<TraceStep>,
}

impl Record {
    /// log10((f_best - f*)/(f₀ - f*)), not below `floor` (12 decades unless said otherwise); none without f*.
    pub fn log10_gap(&self, minimum: Option<f64>) -> Option<f64> {
        minimum.map(|minimum| log10_gap(self.start_value, self.best_value, minimum))
    }

    /// Not finite, or the budget went without any progress.
    pub fn failed(&self) -> bool {
        let no_progress = !(self.best_value < self.start_value);
        self.end == End::Failed || (no_progress && matches!(self.end, End::Budget | End::Horizon))
    }
}

/// The decades below which gaps count as equal: f itself is known to about 16.
pub const FLOOR: f64 = -12.0;

/// log10((best - minimum)/(start - minimum)), from [`FLOOR`]; 0 where nothing was gained or the start is not finite.
pub fn log10_gap(start: f64, best: f64, minimum: f64) -> f64 {
    let gap = (best - minimum) / (start - minimum);
    if !gap.is_finite() {
        return 0.0;
    }
    if gap <= 0.0 {
        FLOOR
    } else {
        gap.log10().max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_by_hand() {
        assert_eq!(log10_gap(101.0, 2.0, 1.0), -2.0);
        assert_eq!(log10_gap(101.0, 1.0, 1.0), FLOOR);
        assert_eq!(log10_gap(101.0, 0.9, 1.0), FLOOR);
        assert_eq!(log10_gap(f64::NAN, 2.0, 1.0), 0.0);
        assert_eq!(log10_gap(2.0, f64::INFINITY, 1.0), 0.0);
    }

    #[test]
    fn only_a_spent_budget_is_not_terminal() {
        assert!(!End::Budget.terminal());
        assert!(
            End::Solved.terminal()
                && End::Horizon.terminal()
                && End::Stationary.terminal()
                && End::Failed.terminal()
        );
    }
}
