//! Training: many environments are stepped together, the network sees them as one batch, and learns from what it remembers.
//!
//! [`Trainer::tick`] is one turn of the loop.

use std::time::{Duration, Instant};

use burn::tensor::Device;
use qstride_control::{Checkpoint, CheckpointError, Policy};
use qstride_objectives::Streams;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::convergence::{Convergence, Probes, Snapshot};
use crate::environment::{Environment, EpisodeStart, Problem, Setup};
use crate::explore::epsilon_greedy;
use crate::export;
use crate::problems::VALIDATION_SEED;
use crate::recipe::{CheckedRecipe, RecipeError};
use crate::validation::{Validation, validate};
use crate::{
    ActionMask, Batch, End, Learner, LearnerError, NStep, QNetworkShape, Replay, ReplayError,
};

/// How often the fixed states are looked at.
const SNAPSHOTS: u64 = 40;

/// What is minimised.
pub struct Problems {
    /// For learning.
    pub train: Vec<Problem>,
    /// For choosing the best policy.
    pub validation: Vec<Problem>,
}

/// Why training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The learner.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// The replay memory.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The weights are no longer numbers.
    #[error(
        "training diverged at step {step}: {source}; lower `learner.learning_rate` or the rewards' scale"
    )]
    Diverged {
        /// Environment steps done.
        step: u64,
        /// What was found.
        source: qstride_control::policy::PolicyError,
    },
    /// Policies that cannot become one.
    #[error(transparent)]
    Members(qstride_control::policy::PolicyError),
    /// Nothing to train on.
    #[error("there is no problem to {0}: name at least one family")]
    NoProblem(&'static str),
    /// A thousand draws from the pool found nothing to start on.
    #[error(
        "problem `{name}` ends before its first step (its start value or gradient is not finite, or is zero)"
    )]
    Unusable {
        /// Its name.
        name: String,
    },
}

/// Sums for the progress display, averaged over about the last hundred episodes or updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Undiscounted return of an episode.
    pub episode_return: f64,
    /// Loss of an update.
    pub loss: f64,
    /// Mean q-value of an update's batch.
    pub q: f64,
    /// Norm of an update's gradient.
    pub gradient_norm: f64,
}

/// The best policy so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its validation.
    pub validation: Validation,
    /// Environment steps at which it was found.
    pub step: u64,
    /// Its weights.
    pub weights: Vec<f32>,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Stepping the environments and making states.
    pub environment: Duration,
    /// The network's choice of actions.
    pub selection: Duration,
    /// Replay and learning.
    pub update: Duration,
}

/// A training run.
pub struct Trainer {
    pub(crate) recipe: CheckedRecipe,
    pub(crate) setup: Setup,
    pub(crate) problems: Problems,
    pub(crate) learner: Learner,
    pub(crate) replay: Replay,
    pub(crate) environments: Vec<Environment>,
    pub(crate) returns: Vec<f64>,
    pub(crate) n_steps: Vec<NStep>,
    /// The present states, [environments, width].
    pub(crate) states: Vec<f32>,
    pub(crate) starts: ChaCha8Rng,
    pub(crate) exploration: ChaCha8Rng,
    pub(crate) sampling: ChaCha8Rng,
    pub(crate) steps: u64,
    pub(crate) episodes: u64,
    pub(crate) averages: Averages,
    pub(crate) validations: Vec<(u64, Validation)>,
    pub(crate) best: Option<Best>,
    pub(crate) snapshots: Vec<Snapshot>,
    validation_starts: Vec<EpisodeStart>,
    probes: Probes,
    batch: Batch,
    q: Vec<f32>,
    spent: Spent,
}

impl Trainer {
    /// A run at its beginning.
    ///
    /// # Errors
    /// No problems, problems that cannot be started, or settings that the learner refuses.
    pub fn new(
        recipe: CheckedRecipe,
        problems: Problems,
        device: &Device,
    ) -> Result<Self, TrainError> {
        for (what, set) in [
            ("train on", &problems.train),
            ("validate on", &problems.validation),
        ] {
            if set.is_empty() {
                return Err(TrainError::NoProblem(what));
            }
        }
        let settings = &recipe.recipe;
        let streams = Streams::new(settings.seed);
        let setup = Setup::new(&recipe);
        let width = recipe.state.width();
        let shape = QNetworkShape::new(
            width,
            &settings.learner.hidden,
            recipe.actions.actions.len(),
            settings.learner.dueling,
        );
        let learner = Learner::new(
            settings.learner.clone(),
            shape,
            &mut streams.stream("weights"),
            device,
        )?;
        let mut drawing = Streams::new(VALIDATION_SEED).stream("starts");
        let validation_starts: Vec<EpisodeStart> = (0..problems.validation.len())
            .map(|problem| {
                let mut start = draw_start(&recipe, problem, &mut drawing);
                if matches!(problems.validation[problem], Problem::Exact(_)) {
                    start.rate = 1.0;
                }
                start
            })
            .collect();
        let probes = Probes::draw(
            &setup,
            &problems.validation,
            &validation_starts,
            VALIDATION_SEED,
        );
        let mut trainer = Self {
            replay: Replay::new(&settings.replay, width, settings.environments),
            n_steps: vec![
                NStep::new(settings.n_step, settings.discount, width);
                settings.environments
            ],
            environments: Vec::with_capacity(settings.environments),
            returns: vec![0.0; settings.environments],
            states: vec![0.0; settings.environments * width],
            starts: streams.stream("episodes"),
            exploration: streams.stream("exploration"),
            sampling: streams.stream("replay"),
            steps: 0,
            episodes: 0,
            averages: Averages::default(),
            validations: Vec::new(),
            best: None,
            snapshots: Vec::new(),
            batch: Batch::new(settings.batch, width),
            q: Vec::new(),
            spent: Spent::default(),
            validation_starts,
            probes,
            learner,
            setup,
            problems,
            recipe,
        };
        for index in 0..trainer.recipe.recipe.environments {
            let environment = trainer.begin_episode(index)?;
            trainer.environments.push(environment);
        }
        Ok(trainer)
    }

    /// One turn: choose an action in every environment, step them all, remember, learn, and from time to time validate.
    ///
    /// # Errors
    /// Weights that are no longer numbers, or a pool of problems that cannot be started.
    pub fn tick(&mut self) -> Result<(), TrainError> {
        let width = self.recipe.state.width();
        let actions = self.recipe.actions.actions.len();
        let settings = &self.recipe.recipe;
        let before = self.steps;

        let clock = Instant::now();
        self.learner.q_values(&self.states, &mut self.q);
        let epsilon = self.epsilon();
        let chosen: Vec<usize> = self
            .q
            .chunks_exact(actions)
            .map(|q| epsilon_greedy(q, ActionMask::ALL, epsilon, &mut self.exploration))
            .collect();
        self.spent.selection += clock.elapsed();

        let clock = Instant::now();
        let budget_is_terminal = settings.budget_is_terminal;
        for (index, &action) in chosen.iter().enumerate() {
            let state = &mut self.states[index * width..(index + 1) * width];
            let old = state.to_vec();
            let outcome = self.environments[index].step(action, state);
            self.returns[index] += outcome.reward;
            // Only what ends the problem itself ends its value; a spent budget cuts the episode short.
            let end = outcome.end.map(|end| {
                if end.terminal() || budget_is_terminal {
                    End::Terminal
                } else {
                    End::Truncated
                }
            });
            let replay = &mut self.replay;
            self.n_steps[index].push(
                &old,
                action,
                outcome.reward,
                state,
                ActionMask::ALL,
                end,
                |transition| {
                    replay.push(index, transition);
                },
            );
            if end.is_some() {
                self.finish_episode(index)?;
            }
        }
        self.steps += self.environments.len() as u64;
        self.spent.environment += clock.elapsed();

        let clock = Instant::now();
        self.learn()?;
        self.spent.update += clock.elapsed();

        self.look(before)
    }

    fn learn(&mut self) -> Result<(), TrainError> {
        let settings = &self.recipe.recipe;
        if self.replay.is_empty() {
            return Ok(());
        }
        let due = self.steps.saturating_sub(settings.learning_starts) / settings.steps_per_update;
        let progress = self.steps as f64 / settings.steps as f64;
        while self.learner.updates() < due {
            self.replay.sample(&mut self.sampling, &mut self.batch)?;
            let stats = self.learner.update(&self.batch, progress);
            let weight = 1.0 / (self.learner.updates().min(100) as f64);
            let average = |old: &mut f64, new: f64| *old += weight * (new - *old);
            average(&mut self.averages.loss, stats.loss);
            average(&mut self.averages.q, stats.mean_q);
            average(&mut self.averages.gradient_norm, stats.gradient_norm);
        }
        Ok(())
    }

    fn finish_episode(&mut self, index: usize) -> Result<(), TrainError> {
        let episode_return = std::mem::take(&mut self.returns[index]);
        self.episodes += 1;
        self.averages.episode_return +=
            (episode_return - self.averages.episode_return) / self.episodes.min(100) as f64;
        self.replay.end_episode(index, episode_return);
        self.environments[index] = self.begin_episode(index)?;
        Ok(())
    }

    /// Draws problems until one can be started: an instance may be solved, or not finite, where it begins.
    fn begin_episode(&mut self, index: usize) -> Result<Environment, TrainError> {
        let width = self.recipe.state.width();
        let state = &mut self.states[index * width..(index + 1) * width];
        let mut name = String::new();
        for _ in 0..1_000 {
            let problem = self.starts.random_range(0..self.problems.train.len());
            let start = draw_start(&self.recipe, problem, &mut self.starts);
            let environment =
                Environment::begin(&self.setup, &self.problems.train[problem], start, state);
            if !environment.over() {
                return Ok(environment);
            }
            name = self.problems.train[problem].name().to_owned();
        }
        Err(TrainError::Unusable { name })
    }

    /// Looks at the fixed states and validates, each when it is due.
    fn look(&mut self, before: u64) -> Result<(), TrainError> {
        let settings = &self.recipe.recipe;
        let passed = |times: u64| {
            let slot = |steps: u64| steps.min(settings.steps) * times / settings.steps;
            slot(self.steps) > slot(before)
        };
        let (snapshot_due, validation_due) = (passed(SNAPSHOTS), passed(settings.validation.times));
        if !snapshot_due && !validation_due {
            return Ok(());
        }
        let policy = self.policy()?;
        if snapshot_due {
            self.snapshots.push(self.probes.look(self.steps, &policy));
        }
        if validation_due {
            let validation = validate(
                &policy,
                &self.setup,
                &self.problems.validation,
                &self.validation_starts,
                settings.budget,
            );
            tracing::info!(
                step = self.steps,
                gap = validation.mean_log10_gap,
                cost = validation.mean_cost,
                "validated"
            );
            self.validations.push((self.steps, validation));
            if self
                .best
                .as_ref()
                .is_none_or(|best| validation.score() < best.validation.score())
            {
                self.best = Some(Best {
                    validation,
                    step: self.steps,
                    weights: policy.to_flat(),
                });
            }
        }
        Ok(())
    }

    /// The policy as it is now, frozen.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] where a weight is not finite.
    pub fn policy(&self) -> Result<Policy, TrainError> {
        export::freeze(&self.learner, &self.recipe).map_err(|source| TrainError::Diverged {
            step: self.steps,
            source,
        })
    }

    /// The best policy on validation with its description; the present one before the first validation.
    ///
    /// # Errors
    /// As [`policy`](Self::policy).
    pub fn checkpoint(&self, commit: &str) -> Result<Checkpoint, TrainError> {
        let policy = match &self.best {
            Some(best) => Policy::from_flat(export::network_shape(&self.recipe), &best.weights)
                .map_err(|source| TrainError::Diverged {
                    step: best.step,
                    source,
                })?,
            None => self.policy()?,
        };
        let evaluation = serde_json::json!({
            "validation": self.best.as_ref().map(|best| &best.validation),
            "best_at_step": self.best.as_ref().map(|best| best.step),
            "steps": self.steps,
            "updates": self.learner.updates(),
            "episodes": self.episodes,
        });
        Ok(export::checkpoint(
            &self.recipe,
            policy,
            evaluation,
            commit,
        )?)
    }

    /// Whether the q-values converged; none before the first look.
    ///
    /// # Errors
    /// As [`policy`](Self::policy).
    pub fn convergence(&self) -> Result<Option<Convergence>, TrainError> {
        let policy = self.policy()?;
        let discount = self.recipe.recipe.discount;
        Ok(self.probes.conclude(
            &self.snapshots,
            &policy,
            &self.setup,
            &self.problems.validation,
            discount,
        ))
    }

    /// Whether all steps are done.
    pub fn finished(&self) -> bool {
        self.steps >= self.recipe.recipe.steps
    }

    /// ε now.
    pub fn epsilon(&self) -> f64 {
        self.recipe
            .recipe
            .exploration
            .at(self.steps as f64 / self.recipe.recipe.steps as f64)
    }

    /// Environment steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Episodes ended.
    pub fn episodes(&self) -> u64 {
        self.episodes
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.learner.updates()
    }

    /// Transitions remembered.
    pub fn remembered(&self) -> usize {
        self.replay.len()
    }

    /// For the progress display.
    pub fn averages(&self) -> Averages {
        self.averages
    }

    /// All validations with the steps at which they were made.
    pub fn validations(&self) -> &[(u64, Validation)] {
        &self.validations
    }

    /// The best policy so far.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// The q-values of fixed states over training.
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// The recipe.
    pub fn recipe(&self) -> &CheckedRecipe {
        &self.recipe
    }

    /// Where the time went.
    pub fn spent(&self) -> Spent {
        self.spent
    }
}

/// A random start on a problem: half of the deterministic episodes begin at the automatic rate, half decades away from it.
fn draw_start(recipe: &CheckedRecipe, problem: usize, generator: &mut ChaCha8Rng) -> EpisodeStart {
    let recipe = &recipe.recipe;
    let stochastic = recipe.regime == qstride_control::checkpoint::Regime::Stochastic;
    let [low, high] = if stochastic {
        recipe.stochastic.rough_rate_decades
    } else {
        recipe.start_rate_decades
    };
    let decade = low + (high - low) * generator.random::<f64>();
    // Half of the episodes start from the automatic rate, or without any.
    let exact = generator.random::<bool>();
    let [shortest, longest] = recipe.stochastic.horizon.map(|h| h as f64);
    let steps = shortest * (longest / shortest).powf(generator.random());
    EpisodeStart {
        problem,
        rate: match (exact, stochastic) {
            (true, true) => 0.0,
            (true, false) => 1.0,
            (false, _) => 10f64.powf(decade),
        },
        steps: steps.round() as u64,
        batch: [8, 16, 32][generator.random_range(0..3)],
        seed: generator.random(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::ValidationRecipe;
    use crate::{DeviceKind, Recipe};

    fn trained(budget_is_terminal: bool) -> Trainer {
        let recipe = Recipe {
            families: vec!["rosenbrock-large".to_owned()],
            instances_per_family: 3,
            // Two or three decisions an episode: nothing is solved, every episode ends with its budget.
            budget: 8,
            budget_is_terminal,
            steps: 1_200,
            environments: 8,
            learning_starts: 100,
            batch: 32,
            validation: ValidationRecipe {
                times: 6,
                per_family: 2,
            },
            ..Recipe::default()
        };
        let recipe = recipe.check().unwrap();
        let problems = Problems::draw(&recipe).unwrap();
        let mut trainer = Trainer::new(recipe, problems, &DeviceKind::Flex.device()).unwrap();
        while !trainer.finished() {
            trainer.tick().unwrap();
        }
        trainer
    }

    #[test]
    fn a_spent_budget_cuts_the_bootstrap_only_where_the_recipe_says_so() {
        for terminal in [false, true] {
            let mut trainer = trained(terminal);
            let mut batch = Batch::new(512, trainer.recipe.state.width());
            trainer
                .replay
                .sample(&mut trainer.sampling, &mut batch)
                .unwrap();
            assert_eq!(batch.discounts.contains(&0.0), terminal);
            assert!(
                batch
                    .discounts
                    .iter()
                    .all(|d| terminal || *d >= 0.9f32.powi(3) - 1e-6)
            );
        }
    }

    #[test]
    fn the_best_policy_on_validation_is_kept() {
        let trainer = trained(false);
        let scores: Vec<f64> = trainer
            .validations()
            .iter()
            .map(|(_, v)| v.score())
            .collect();
        assert_eq!(scores.len(), 6);
        let best = trainer.best().unwrap();
        assert_eq!(
            best.validation.score(),
            scores.iter().copied().fold(f64::INFINITY, f64::min)
        );
        assert_eq!(
            trainer.checkpoint("test").unwrap().policy.to_flat(),
            best.weights
        );
    }
}
