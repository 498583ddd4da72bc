//! The trait that learned policies and classic methods share.

use crate::acceptance::Acceptance;
use crate::action::AfterAccept;
use crate::observation::Observation;

/// What a controller wants next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The rate α of the next trial; after an `accept`, what [`AfterAccept`] says holds instead.
    pub rate: f64,
    /// The momentum β of the next trial x - αg + βs, where s is the last accepted step; 0 steps along -g (deterministic regime only).
    pub momentum: f64,
    /// The waiting trial becomes the base point (only under [`Acceptance::Chosen`]).
    pub accept: Option<AfterAccept>,
    /// Return to the last snapshot first (only in the stochastic regime).
    pub roll_back: bool,
    /// The index of the action, where a policy chose.
    pub action: Option<usize>,
}

impl Decision {
    /// Just a rate, along -g.
    pub fn rate(rate: f64, action: Option<usize>) -> Self {
        Self {
            rate,
            momentum: 0.0,
            accept: None,
            roll_back: false,
            action,
        }
    }
}

/// Anything that chooses learning rates.
pub trait Controller: Send {
    /// Who accepts trial points.
    fn acceptance(&self) -> Acceptance;

    /// Whether it reads [`Curvature::ritz`](crate::curvature::Curvature::ritz).
    fn wants_ritz(&self) -> bool {
        false
    }

    /// A new episode begins with this observation.
    fn begin(&mut self, _observation: &Observation) {}

    /// Chooses what to do next.
    fn decide(&mut self, observation: &Observation) -> Decision;
}

impl<C: Controller + ?Sized> Controller for Box<C> {
    fn acceptance(&self) -> Acceptance {
        (**self).acceptance()
    }

    fn wants_ritz(&self) -> bool {
        (**self).wants_ritz()
    }

    fn begin(&mut self, observation: &Observation) {
        (**self).begin(observation);
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        (**self).decide(observation)
    }
}
