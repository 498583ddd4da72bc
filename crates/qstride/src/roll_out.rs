//! A staged roll-out: a controller beside an ordinary schedule before it acts alone.

use burn::lr_scheduler::LrScheduler;

/// Who acts.
#[derive(Clone, Default)]
pub(crate) enum RollOut {
    /// The controller.
    #[default]
    Alone,
    /// The ordinary schedule; the controller only says what it would do.
    Shadow(Box<dyn LrScheduler>),
    /// The controller, within a factor of the ordinary schedule.
    Bounded(Box<dyn LrScheduler>, f64),
}

impl RollOut {
    /// The rate of the ordinary schedule for this step, if there is one.
    pub(crate) fn step(&mut self) -> Option<f64> {
        match self {
            Self::Alone => None,
            Self::Shadow(base) | Self::Bounded(base, _) => Some(base.step()),
        }
    }

    /// The rate that acts.
    pub(crate) fn rate(&self, base: Option<f64>, controller: f64) -> f64 {
        match (self, base) {
            (Self::Shadow(_), Some(base)) => base,
            (Self::Bounded(_, factor), Some(base)) => {
                controller.max(base / factor).min(base * factor)
            }
            _ => controller,
        }
    }

    pub(crate) fn is_shadow(&self) -> bool {
        matches!(self, Self::Shadow(_))
    }

    pub(crate) fn base(&self) -> Option<&dyn LrScheduler> {
        match self {
            Self::Alone => None,
            Self::Shadow(base) | Self::Bounded(base, _) => Some(base.as_ref()),
        }
    }

    pub(crate) fn base_mut(&mut self) -> Option<&mut Box<dyn LrScheduler>> {
        match self {
            Self::Alone => None,
            Self::Shadow(base) | Self::Bounded(base, _) => Some(base),
        }
    }
}
