//! A frozen policy as a controller, and the ablations of one: a random, a fixed, a blind choice among the same actions.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::acceptance::Acceptance;
use crate::action::ActionSet;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;
use crate::policy::Policy;
use crate::state::{State, StateMemory, StateSpec};

/// A Q-network that looks at a state and takes the best action.
#[derive(Clone)]
pub struct Learned {
    policy: Policy,
    spec: StateSpec,
    actions: Arc<ActionSet>,
    state: State,
    input: Vec<f32>,
    blind: bool,
}

impl Learned {
    /// The policy must have as many inputs as the state has numbers and as many outputs as the set has actions, which
    /// [`Checkpoint`](crate::Checkpoint) has checked for what it loads.
    pub fn new(policy: Policy, spec: StateSpec, actions: Arc<ActionSet>) -> Self {
        let state = spec.start();
        Self {
            input: vec![0.0; state.width()],
            policy,
            spec,
            actions,
            state,
            blind: false,
        }
    }

    /// The same policy with every number of its state held at 0: an ablation.
    pub fn blindfolded(mut self) -> Self {
        self.blind = true;
        self
    }

    /// The state that the last decision was made on.
    pub fn last_state(&self) -> &[f32] {
        &self.input
    }

    /// The q-values of the last decision.
    pub fn last_q_values(&self) -> &[f32] {
        self.policy.last_q_values()
    }

    /// The features.
    pub fn spec(&self) -> &StateSpec {
        &self.spec
    }

    /// The actions.
    pub fn actions(&self) -> &ActionSet {
        &self.actions
    }

    /// What it remembers between decisions: the past values that features show.
    pub fn memory(&self) -> StateMemory {
        self.state.memory()
    }

    /// Goes on from such a memory. False, and nothing changed, where it is of other features.
    pub fn restore(&mut self, memory: StateMemory) -> bool {
        self.state.restore(memory)
    }
}

impl Controller for Learned {
    fn acceptance(&self) -> Acceptance {
        self.actions.acceptance
    }

    fn wants_ritz(&self) -> bool {
        self.actions.wants_ritz() || self.spec.wants_ritz()
    }

    fn begin(&mut self, _observation: &Observation) {
        self.state = self.spec.start();
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        self.state.observe(observation, &mut self.input);
        if self.blind {
            self.input.fill(0.0);
        }
        let q = self.policy.q_values(&self.input);
        let action = self.actions.greedy(q, observation);
        self.actions.decide(action, observation)
    }
}

/// Always the same action, the same ones in turn, or a random one each time: what a policy has to beat.
pub struct Blind {
    actions: Arc<ActionSet>,
    choice: Choice,
}

enum Choice {
    Fixed(usize),
    Cycle(Vec<usize>, usize),
    Random(Box<ChaCha8Rng>),
}

impl Blind {
    /// Always the action at this index.
    pub fn fixed(actions: Arc<ActionSet>, index: usize) -> Self {
        Self {
            actions,
            choice: Choice::Fixed(index),
        }
    }

    /// Always the action that changes least.
    pub fn keeping(actions: Arc<ActionSet>) -> Self {
        let keep = actions.keep();
        Self::fixed(actions, keep)
    }

    /// The actions at these indices in turn, from the first one in every episode; none is action 0.
    pub fn cycle(actions: Arc<ActionSet>, sequence: Vec<usize>) -> Self {
        Self {
            actions,
            choice: Choice::Cycle(sequence, 0),
        }
    }

    /// Each action equally often, drawn from `generator`.
    pub fn random(actions: Arc<ActionSet>, generator: ChaCha8Rng) -> Self {
        Self {
            actions,
            choice: Choice::Random(Box::new(generator)),
        }
    }
}

impl Controller for Blind {
    fn acceptance(&self) -> Acceptance {
        self.actions.acceptance
    }

    fn wants_ritz(&self) -> bool {
        self.actions.wants_ritz()
    }

    fn begin(&mut self, _observation: &Observation) {
        if let Choice::Cycle(_, next) = &mut self.choice {
            *next = 0;
        }
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let index = match &mut self.choice {
            Choice::Fixed(index) => *index,
            Choice::Cycle(sequence, next) => {
                let index = sequence.get(*next).copied().unwrap_or(0);
                *next = (*next + 1) % sequence.len().max(1);
                index
            }
            Choice::Random(generator) => generator.random_range(0..self.actions.actions.len()),
        };
        self.actions.decide(index, observation)
    }
}
