//! Where a trial stands, and where a study wants to go.

use serde::{Deserialize, Serialize};

/// Where a trial stands. The names are Optuna's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TrialState {
    /// Enqueued; no worker has it yet.
    Waiting,
    /// A worker has it.
    Running,
    /// Ended with a value.
    Complete,
    /// Stopped before its end, for it was not promising.
    Pruned,
    /// Ended without a value.
    Fail,
}

impl TrialState {
    /// Whether the trial is over.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// As the database has it: `RUNNING`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Pruned => "PRUNED",
            Self::Fail => "FAIL",
        }
    }

    /// The state of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Running,
            Self::Complete,
            Self::Pruned,
            Self::Fail,
        ]
        .into_iter()
        .find(|state| state.name() == name)
    }
}

impl std::fmt::Display for TrialState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Fail => "failed",
        })
    }
}

/// Whether small values are good or large ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Small values are good.
    #[default]
    Minimize,
    /// Large values are good.
    Maximize,
}

impl Direction {
    /// The value, or its negative where large ones are good: what samplers and pruners minimise.
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Minimize => value,
            Self::Maximize => -value,
        }
    }

    /// As the database has it: `MINIMIZE` or `MAXIMIZE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimize => "MINIMIZE",
            Self::Maximize => "MAXIMIZE",
        }
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Minimize => "minimize",
            Self::Maximize => "maximize",
        })
    }
}
