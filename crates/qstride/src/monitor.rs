//! What a scheduler shows of itself while a learner owns it, and what it asks of its guard.

use std::sync::{Arc, Mutex, PoisonError};

use qstride_control::ramp_hold_decay::Phase;
use qstride_control::schedule::Command;
use qstride_control::window::GradientStatistics;
use serde::{Deserialize, Serialize};

use crate::health::Health;

/// Why and how a rate was chosen at the end of a window, or after a blow-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastDecision {
    /// Optimizer steps so far.
    pub step: u64,
    /// The mean loss of the window, or the loss that blew up; none where it was not finite.
    pub loss: Option<f64>,
    /// `seek`, `climb` or `hold`: where the anchor is.
    pub phase: String,
    /// What the policy saw, by name; empty where only the anchor acted.
    pub features: Vec<(String, f32)>,
    /// One value for each action, by name; empty where only the anchor acted.
    pub q_values: Vec<(String, f32)>,
    /// The policy's choice.
    pub action: Option<String>,
    /// The rate that the anchor asks for.
    pub anchor_rate: f64,
    /// The rate that acts: after the policy, the annealing and the roll-out.
    pub rate: f64,
    /// Whether the guard was asked to roll back.
    pub roll_back: bool,
    /// What an ordinary schedule would have done, in a staged roll-out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_rate: Option<f64>,
    /// The rate of the controller alone, in a staged roll-out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub controller_rate: Option<f64>,
}

/// A decision as numbers; the names are put to them when somebody looks.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub(crate) names: Arc<Names>,
    pub(crate) step: u64,
    pub(crate) loss: Option<f64>,
    pub(crate) phase: Phase,
    pub(crate) features: Vec<f32>,
    pub(crate) q_values: Vec<f32>,
    pub(crate) action: Option<usize>,
    pub(crate) anchor_rate: f64,
    pub(crate) rate: f64,
    pub(crate) roll_back: bool,
    /// In a staged roll-out: the ordinary schedule's rate and the controller's.
    pub(crate) staged: Option<(f64, f64)>,
}

/// The names of a policy's features and actions.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) features: Vec<String>,
    pub(crate) actions: Vec<String>,
}

impl Noted {
    pub(crate) fn decision(&self) -> LastDecision {
        let named = |names: &[String], values: &[f32]| {
            names.iter().cloned().zip(values.iter().copied()).collect()
        };
        LastDecision {
            step: self.step,
            loss: self.loss,
            phase: match self.phase {
                Phase::Seek => "seek",
                Phase::Climb => "climb",
                Phase::Hold => "hold",
            }
            .to_owned(),
            features: named(&self.names.features, &self.features),
            q_values: named(&self.names.actions, &self.q_values),
            action: self
                .action
                .and_then(|index| self.names.actions.get(index).cloned()),
            anchor_rate: self.anchor_rate,
            rate: self.rate,
            roll_back: self.roll_back,
            base_rate: self.staged.map(|(base, _)| base),
            controller_rate: self.staged.map(|(_, controller)| controller),
        }
    }
}

/// A handle on a scheduler that a learner owns: clones look at the same scheduler.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    shared: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) health: Health,
    pub(crate) decision: Option<Noted>,
    /// Counts decisions, so that whoever looks can tell a new one.
    pub(crate) decisions: u64,
    pub(crate) rate: f64,
    pub(crate) rollbacks: u32,
    pub(crate) late: bool,
    /// What the guard has to do; it takes it.
    pub(crate) command: Option<Command>,
    pub(crate) guarded: bool,
    /// The guard has looked for a command since the last step.
    pub(crate) attended: bool,
    /// Steps of the scheduler so far.
    pub(crate) steps: u64,
    /// What the last update did, for the scheduler to take.
    pub(crate) gradient: Option<GradientStatistics>,
}

impl Monitor {
    /// How the scheduler fares.
    pub fn health(&self) -> Health {
        self.contents(|c| c.health)
    }

    /// The last decision: features, q-values, action, rate.
    pub fn last_decision(&self) -> Option<LastDecision> {
        self.contents(|c| c.decision.clone())
            .map(|noted| noted.decision())
    }

    /// How many decisions there were.
    pub fn decisions(&self) -> u64 {
        self.contents(|c| c.decisions)
    }

    /// The rate of the last step.
    pub fn rate(&self) -> f64 {
        self.contents(|c| c.rate)
    }

    /// Roll-backs so far, those included that were asked for without a guard.
    pub fn rollbacks(&self) -> u32 {
        self.contents(|c| c.rollbacks)
    }

    /// The guard's side: what there is to do.
    pub(crate) fn take_command(&self) -> Option<Command> {
        self.contents(|c| {
            c.attended = true;
            c.command.take()
        })
    }

    pub(crate) fn contents<T>(&self, look: impl FnOnce(&mut Contents) -> T) -> T {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
