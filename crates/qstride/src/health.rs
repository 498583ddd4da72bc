//! How a scheduler fares, and what to do about it.

use serde::{Deserialize, Serialize};

/// How a scheduler fares; the worst that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Health {
    /// No step was made yet.
    #[default]
    Waiting,
    /// All is well.
    Fine,
    /// No loss came for this many steps: the rate is held. `probe.record(loss)?` before `scheduler.step()` mends it, or
    /// `Observed::new(model, &scheduler)` around the learner's model.
    NoLoss {
        /// Steps without a loss.
        steps: u64,
    },
    /// The policy needs gradient statistics and none came: the anchor acts alone. `GradientMeter` mends it.
    NoGradients,
    /// The loss is the same to the last bit in every step: either nothing is learnt or the wrong number is recorded. The rate is held.
    ConstantLoss {
        /// Steps with the same loss.
        steps: u64,
    },
    /// The last loss was not finite.
    NotFinite {
        /// Steps with such a loss in a row.
        steps: u64,
    },
    /// There is a guard, but it does not take the scheduler's commands: replace `optim.step` by `guard.step`. Nothing is rolled back.
    GuardIdle,
    /// More steps were made than announced: the last, smallest rate is held.
    Overrun {
        /// Steps beyond the announced ones.
        steps: u64,
    },
    /// There were too many roll-backs: a tenth of the best rate is held, and annealed, to the end.
    FallenBack {
        /// Roll-backs so far.
        rollbacks: u32,
    },
    /// A record was not of this version and was not loaded: the scheduler starts anew.
    RecordRefused,
}

impl Health {
    /// A name for what is wrong, and the way out; none where there is nothing to do.
    pub(crate) fn remedy(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Waiting | Self::Fine | Self::RecordRefused => return None,
            Self::NoLoss { .. } => (
                "no loss",
                "no loss was recorded, the rate is held: call `probe.record(loss)?` before `scheduler.step()`, with the probe from \
                 `scheduler.probe()`, or wrap the learner's model: `Observed::new(model, &scheduler)`",
            ),
            Self::NotFinite { .. } => (
                "not finite",
                "the loss is not finite: a Guard rolls back from here; without one the parameters are lost",
            ),
            Self::GuardIdle => (
                "guard idle",
                "the guard takes no commands, nothing is rolled back: replace `optim.step(rate, model, grads)` by `guard.step(rate, \
                 model, &mut optim, grads)`",
            ),
            Self::FallenBack { .. } => (
                "fallen back",
                "too many roll-backs: a tenth of the best rate is held to the end, the policy is not asked any more",
            ),
            Self::ConstantLoss { .. } => (
                "constant loss",
                "the loss has been the same to the last bit: is it the loss of this batch that is recorded?",
            ),
            Self::NoGradients => (
                "no gradients",
                "the policy needs gradient statistics, the anchor acts alone: `GradientMeter::new(&scheduler, 10)` measures them",
            ),
            Self::Overrun { .. } => (
                "overrun",
                "more steps than announced, the smallest rate is held: give the whole number to `Scheduler::steps`",
            ),
        })
    }
}
