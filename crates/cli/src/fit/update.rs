//! Who carries out a step: the optimizer alone, a meter of gradients around it, or a guard that can roll back.

use burn::optim::{GradientsParams, ModuleOptimizer};
use qstride::{GradientMeter, Guard};

use super::model::Network;

/// What stands between the rate and the new weights.
pub enum Update {
    /// The optimizer.
    Plain,
    /// The optimizer, whose steps are measured now and then.
    Measured(GradientMeter),
    /// The optimizer, unless the schedule asks for an earlier state.
    Guarded(Box<Guard<Network>>),
}

impl Update {
    /// The network after this step.
    pub fn step(
        &mut self,
        rate: f64,
        network: Network,
        optimizer: &mut ModuleOptimizer,
        gradients: GradientsParams,
    ) -> Network {
        match self {
            Self::Plain => optimizer.step(rate, network, gradients),
            Self::Measured(meter) => meter.step(rate, network, optimizer, gradients),
            Self::Guarded(guard) => guard.step(rate, network, optimizer, gradients),
        }
    }

    /// Whether weights that are lost come back.
    pub fn can_roll_back(&self) -> bool {
        matches!(self, Self::Guarded(_))
    }
}
