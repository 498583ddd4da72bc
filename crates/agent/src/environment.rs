//! One episode as the trainer sees it: steps of (state, action, reward, next state), and a description from which it can be made again.

use std::sync::Arc;

use qstride_control::learning_rate::StartRate;
use qstride_control::{
    ActionSet, DeterministicEpisode, DeterministicSettings, Episode, Outcome, Record, Reward,
    State, StateSpec, StochasticEpisode, StochasticSettings,
};
use qstride_objectives::{Objective, StochasticObjective, Streams};
use serde::{Deserialize, Serialize};

use crate::recipe::CheckedRecipe;

/// Something to minimise in training, in one of the two regimes.
#[derive(Clone)]
pub enum Problem {
    /// An exact objective.
    Exact(Arc<dyn Objective>),
    /// One with minibatches.
    Sampled(Arc<dyn StochasticObjective>),
}

impl Problem {
    /// The objective's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Exact(objective) => objective.name(),
            Self::Sampled(objective) => objective.name(),
        }
    }

    /// f*, where it is known.
    pub fn minimum(&self) -> Option<f64> {
        match self {
            Self::Exact(objective) => objective.minimum(),
            Self::Sampled(objective) => objective.minimum(),
        }
    }
}

/// Everything that an episode depends on besides the actions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeStart {
    /// Index into the problems.
    pub problem: usize,
    /// Factor on the automatic start rate (deterministic), or a rough rate, 0 for none (stochastic).
    pub rate: f64,
    /// Optimizer steps (stochastic).
    pub steps: u64,
    /// Samples a minibatch (stochastic).
    pub batch: usize,
    /// Seed of the minibatches (stochastic).
    pub seed: u64,
}

/// How episodes are set up: what all environments share.
#[derive(Clone)]
pub struct Setup {
    actions: Arc<ActionSet>,
    state: StateSpec,
    reward: Reward,
    budget: u64,
    stochastic: StochasticSettings,
}

impl Setup {
    /// From a checked recipe.
    pub fn new(recipe: &CheckedRecipe) -> Self {
        Self {
            actions: Arc::new(recipe.actions.clone()),
            state: recipe.state.clone(),
            reward: recipe.recipe.reward,
            budget: recipe.recipe.budget,
            stochastic: StochasticSettings {
                schedule: recipe.recipe.stochastic.schedule(),
                optimizer: recipe.recipe.stochastic.optimizer,
                gradients_every: recipe.recipe.stochastic.gradients_every,
                rewarded: true,
                averaged: recipe.recipe.stochastic.averaged_reward,
                ..StochasticSettings::default()
            },
        }
    }

    /// The actions.
    pub fn actions(&self) -> &Arc<ActionSet> {
        &self.actions
    }

    /// The features.
    pub fn state(&self) -> &StateSpec {
        &self.state
    }

    fn episode(&self, problem: &Problem, start: &EpisodeStart) -> Box<dyn Episode> {
        match problem {
            Problem::Exact(objective) => {
                let settings = DeterministicSettings {
                    budget: self.budget,
                    start_rate: StartRate::Times(start.rate),
                    reward: self.reward,
                    ..DeterministicSettings::default()
                };
                let wants_ritz = self.actions.wants_ritz() || self.state.wants_ritz();
                Box::new(DeterministicEpisode::under(
                    self.actions.acceptance,
                    wants_ritz,
                    objective.clone(),
                    settings,
                ))
            }
            Problem::Sampled(objective) => {
                let settings = StochasticSettings {
                    steps: start.steps,
                    batch: start.batch,
                    rough_rate: (start.rate > 0.0).then_some(start.rate),
                    // One episode in four cannot roll back, one in four does not know its horizon: users have both.
                    can_roll_back: !start.seed.is_multiple_of(4),
                    horizon_known: !(start.seed / 4).is_multiple_of(4),
                    ..self.stochastic.clone()
                };
                let batches = Streams::new(start.seed).stream("minibatches");
                Box::new(StochasticEpisode::start(
                    objective.clone(),
                    settings,
                    batches,
                ))
            }
        }
    }
}

/// An episode with its state and its history of actions.
pub struct Environment {
    start: EpisodeStart,
    taken: Vec<u8>,
    actions: Arc<ActionSet>,
    episode: Box<dyn Episode>,
    state: State,
}

impl Environment {
    /// Begins an episode and writes its first state into `state`.
    pub fn begin(setup: &Setup, problem: &Problem, start: EpisodeStart, state: &mut [f32]) -> Self {
        let mut environment = Self {
            episode: setup.episode(problem, &start),
            state: setup.state.start(),
            actions: setup.actions.clone(),
            taken: Vec::new(),
            start,
        };
        environment
            .state
            .observe(environment.episode.observation(), state);
        environment
    }

    /// Begins an episode and takes these actions: the same bits as when they were taken first.
    pub fn replay(
        setup: &Setup,
        problem: &Problem,
        start: EpisodeStart,
        taken: &[u8],
        state: &mut [f32],
    ) -> Self {
        let mut environment = Self::begin(setup, problem, start, state);
        for &action in taken {
            environment.step(usize::from(action), state);
        }
        environment
    }

    /// Takes an action and writes the next state into `state`.
    pub fn step(&mut self, action: usize, state: &mut [f32]) -> Outcome {
        let decision = self.actions.decide(action, self.episode.observation());
        let outcome = self.episode.step(&decision);
        self.taken.push(action as u8);
        self.state.observe(self.episode.observation(), state);
        outcome
    }

    /// Whether the episode is over.
    pub fn over(&self) -> bool {
        self.episode.end().is_some()
    }

    /// What came of it so far.
    pub fn record(&mut self) -> Record {
        self.episode.finish()
    }

    /// What it began from.
    pub fn start(&self) -> EpisodeStart {
        self.start
    }

    /// The actions taken so far.
    pub fn taken(&self) -> &[u8] {
        &self.taken
    }
}
