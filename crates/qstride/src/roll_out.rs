//! A staged roll-out: a controller beside an ordinary schedule before it acts alone.

use burn::lr_scheduler::LrSchedulerRecord;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;

/// Who acts. Burn hands out its own schedules as [`ModuleLrScheduler`] only; the rate of their base group counts.
#[derive(Clone, Default)]
pub(crate) enum RollOut {
    /// The controller.
    #[default]
    Alone,
    /// The ordinary schedule; the controller only says what it would do.
    Shadow(ModuleLrScheduler),
    /// The controller, within a factor of the ordinary schedule.
    Bounded(ModuleLrScheduler, f64),
}

impl RollOut {
    /// The rate of the ordinary schedule for this step, if there is one.
    pub(crate) fn step(&mut self) -> Option<f64> {
        match self {
            Self::Alone => None,
            Self::Shadow(base) | Self::Bounded(base, _) => Some(base.step().base()),
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

    /// The state of the ordinary schedule.
    pub(crate) fn to_record(&self) -> Option<LrSchedulerRecord> {
        match self {
            Self::Alone => None,
            Self::Shadow(base) | Self::Bounded(base, _) => Some(base.to_record()),
        }
    }

    pub(crate) fn load_record(&mut self, record: LrSchedulerRecord) {
        if let Self::Shadow(base) | Self::Bounded(base, _) = self {
            *base = base.clone().load_record(record);
        }
    }
}
