//! What a controller has to know of an optimizer.

use qstride_control::schedule::ScheduleSettings;

/// How an optimizer's step grows with the gradient, which is what a controller has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerFamily {
    /// In proportion: Burn's `Sgd` and `Momentum`, with Nesterov or without.
    Momentum,
    /// Not at all, because the gradient is divided by its own size: `Adam`, `AdamW`, `RmsProp`, `AdaGrad`, `Adan`, `Lamb`, `Lion`,
    /// `Adafactor`, `Muon`.
    Adaptive,
}

impl OptimizerFamily {
    /// The name of the policy that ships for it.
    pub fn policy(self) -> &'static str {
        match self {
            Self::Momentum => "schedule-momentum",
            Self::Adaptive => "schedule-adam",
        }
    }

    pub(crate) fn settings(self) -> ScheduleSettings {
        match self {
            Self::Momentum => ScheduleSettings::MOMENTUM,
            Self::Adaptive => ScheduleSettings::ADAPTIVE,
        }
    }
}
