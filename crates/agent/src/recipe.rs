//! The recipe: everything that decides what a training run does, checked once.

use qstride_control::action::AfterAccept;
use qstride_control::checkpoint::Regime;
use qstride_control::features::Features;
use qstride_control::schedule::ScheduleSettings;
use qstride_control::update::OptimizerKind;
use qstride_control::{Acceptance, Action, ActionSet, FeatureSpec, Reward, StateSpec};
use serde::{Deserialize, Serialize};

use crate::problems::DataTask;
use crate::{EpsilonSchedule, LearnerSettings, ReplaySettings};

/// A training recipe. As JSON every field may be left out; unknown fields are refused by name.
///
/// ```
/// use qstride_agent::Recipe;
///
/// let recipe: Recipe = serde_json::from_str(r#"{"actions": "multiplicative", "steps": 100000}"#).unwrap();
/// assert_eq!(recipe.check().unwrap().actions.actions.len(), 3);
/// let error = serde_json::from_str::<Recipe>(r#"{"stepz": 1}"#).unwrap_err();
/// assert!(error.to_string().contains("stepz"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// A name for tables.
    pub name: String,
    /// The master seed.
    pub seed: u64,
    /// Which loop is learnt.
    pub regime: Regime,
    /// The families that instances are drawn from; see `qstride list families`. One that is named twice counts twice.
    pub families: Vec<String>,
    /// Training tasks on data of one's own, besides the families.
    pub data: Vec<DataTask>,
    /// Instances drawn of each family.
    pub instances_per_family: usize,
    /// Every training instance in random units of f and x, and rotated: for features that depend on units, as the paper's do.
    pub randomised: bool,
    /// A feature preset (`auto`, `default`, `scalar`, `span`, `paper`, `peer`, `schedule`, `schedule-gradients`); `auto` fits the actions.
    pub feature_set: String,
    /// Features of one's own choice instead of a preset.
    pub features: Option<Vec<FeatureSpec>>,
    /// An action set by name.
    pub actions: String,
    /// An action set of one's own instead of a named one.
    pub action_set: Option<ActionSet>,
    /// What a step is worth.
    pub reward: Reward,
    /// Values plus gradients of an episode (deterministic regime).
    pub budget: u64,
    /// Decades around the automatic start rate from which half of the episodes start.
    pub start_rate_decades: [f64; 2],
    /// Environment steps, that is decisions, over all environments.
    pub steps: u64,
    /// Episodes stepped side by side.
    pub environments: usize,
    /// Random steps before the first update.
    pub learning_starts: u64,
    /// Environment steps for each update.
    pub steps_per_update: u64,
    /// Transitions an update.
    pub batch: usize,
    /// γ; 1 is no discount.
    pub discount: f64,
    /// Rewards summed before the bootstrap.
    pub n_step: usize,
    /// A spent budget ends the problem (the remaining budget is in the state) instead of cutting it short.
    pub budget_is_terminal: bool,
    /// What is remembered.
    pub replay: ReplaySettings,
    /// How often the agent acts at random.
    pub exploration: EpsilonSchedule,
    /// The network and its updates.
    pub learner: LearnerSettings,
    /// How many policies are trained, one after another, each from a seed of its own; what comes of it chooses by the mean of their
    /// q-values.
    pub members: usize,
    /// How often and on what the policy is validated; the best one is kept.
    pub validation: ValidationRecipe,
    /// The stochastic regime's own settings.
    pub stochastic: StochasticRecipe,
}

/// Validation during training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationRecipe {
    /// How often.
    pub times: u64,
    /// Fresh instances of each training family.
    pub per_family: usize,
}

/// What only the stochastic regime uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StochasticRecipe {
    /// What the rate drives.
    pub optimizer: OptimizerKind,
    /// Optimizer steps of an episode, drawn log-uniformly between these.
    pub horizon: [u64; 2],
    /// Gradient statistics are taken at every so many steps; 0 = never.
    pub gradients_every: u64,
    /// Decades of the rough rate that half of the episodes are given, drawn log-uniformly.
    pub rough_rate_decades: [f64; 2],
    /// The schedule around the policy; where not given, the one that fits the optimizer.
    pub schedule: Option<ScheduleSettings>,
    /// Synthetic tasks in the pool.
    pub tasks: usize,
    /// Whether the reward looks at a moving average of the iterates instead of the last one.
    pub averaged_reward: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "controller".to_owned(),
            seed: 0,
            regime: Regime::Deterministic,
            families: [
                "quadratic",
                "logistic",
                "tanh-least-squares",
                "quadratic-least-squares",
                "small-mlp",
            ]
            .map(str::to_owned)
            .to_vec(),
            data: Vec::new(),
            instances_per_family: 400,
            randomised: false,
            feature_set: "auto".to_owned(),
            features: None,
            actions: "proposals".to_owned(),
            action_set: None,
            reward: Reward::LogGradient {
                scale: 0.2,
                floor: 1e-9,
            },
            budget: 202,
            start_rate_decades: [-3.0, 1.0],
            steps: 400_000,
            environments: 64,
            learning_starts: 5_000,
            steps_per_update: 16,
            batch: 256,
            discount: 0.9,
            n_step: 3,
            budget_is_terminal: false,
            replay: ReplaySettings {
                capacity: 400_000,
                recent_and_best: 0,
            },
            exploration: EpsilonSchedule::default(),
            learner: LearnerSettings {
                final_learning_rate: 1e-5,
                average: 0.002,
                ..LearnerSettings::default()
            },
            members: 1,
            validation: ValidationRecipe::default(),
            stochastic: StochasticRecipe::default(),
        }
    }
}

impl Default for ValidationRecipe {
    fn default() -> Self {
        Self {
            times: 12,
            per_family: 40,
        }
    }
}

impl Default for StochasticRecipe {
    fn default() -> Self {
        Self {
            optimizer: OptimizerKind::Momentum,
            horizon: [200, 2000],
            gradients_every: 0,
            rough_rate_decades: [-8.0, 0.0],
            schedule: None,
            tasks: 600,
            averaged_reward: true,
        }
    }
}

impl StochasticRecipe {
    /// The schedule around the policy.
    pub fn schedule(&self) -> ScheduleSettings {
        self.schedule.unwrap_or(match self.optimizer {
            OptimizerKind::Adam => ScheduleSettings::ADAPTIVE,
            OptimizerKind::Momentum | OptimizerKind::Sgd => ScheduleSettings::MOMENTUM,
        })
    }
}

/// A recipe that cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RecipeError {
    /// A number out of its range.
    #[error("recipe field `{field}` is {found}: it must be {expected}")]
    Range {
        /// Which.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The schedule around a stochastic policy.
    #[error("recipe field `stochastic.schedule`: {0}")]
    Schedule(#[from] qstride_control::schedule::ScheduleError),
    /// A feature list that does not resolve.
    #[error("recipe field `features`: {0}")]
    Features(#[from] qstride_control::features::FeatureError),
    /// An action set that does not work.
    #[error("recipe field `actions`: {0}")]
    Actions(#[from] qstride_control::action::ActionError),
    /// The learner's settings.
    #[error("recipe field `learner`: {0}")]
    Learner(#[from] crate::InvalidSetting),
}

/// A recipe whose names are resolved and whose numbers are in range.
#[derive(Clone)]
pub struct CheckedRecipe {
    /// As it was given.
    pub recipe: Recipe,
    /// The actions.
    pub actions: ActionSet,
    /// The features.
    pub state: StateSpec,
    /// The statistics that the features are made of, the user's own among them.
    pub features: Features,
}

impl Recipe {
    /// Reads a recipe. What it leaves out, in its groups too, is as in [`Recipe::default`] or, where it says
    /// `"regime": "stochastic"`, as in [`Recipe::stochastic`].
    ///
    /// # Errors
    /// What serde_json says, with line, column and field.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        // Strictly from the text first: only so have errors a line and a column.
        let strict: Self = serde_json::from_str(text)?;
        let base = match strict.regime {
            Regime::Deterministic => Self::default(),
            Regime::Stochastic => Self::stochastic(),
        };
        let mut merged = serde_json::to_value(base)?;
        let given: serde_json::Value = serde_json::from_str(text)?;
        for (name, value) in given.as_object().into_iter().flatten() {
            let is_group = [
                "learner",
                "replay",
                "exploration",
                "validation",
                "stochastic",
            ]
            .contains(&name.as_str());
            match value.as_object() {
                Some(fields) if is_group => {
                    for (field, value) in fields {
                        merged[name][field] = value.clone();
                    }
                }
                _ => merged[name] = value.clone(),
            }
        }
        serde_json::from_value(merged)
    }

    /// The recipe of the stochastic regime: no discount, the remaining budget in the state, a dueling network (see
    /// docs/deviations.md for each number).
    pub fn stochastic() -> Self {
        Self {
            regime: Regime::Stochastic,
            actions: "residual".to_owned(),
            discount: 1.0,
            budget_is_terminal: true,
            n_step: 8,
            steps: 300_000,
            learner: LearnerSettings {
                hidden: vec![64, 64],
                dueling: true,
                learning_rate: 5e-4,
                final_learning_rate: 2e-5,
                average: 0.001,
                ..LearnerSettings::default()
            },
            ..Self::default()
        }
    }

    /// The paper's agent with the actions `v1` or `v2`: its six features, its reward, replay of the recent and the best episodes,
    /// plain Q-learning.
    pub fn published(actions: &str) -> Self {
        Self {
            name: format!("published-{actions}"),
            actions: actions.to_owned(),
            feature_set: "paper".to_owned(),
            reward: Reward::Paper {
                accept: 2.0,
                other: 1.0,
                most: 100.0,
            },
            discount: 0.99,
            n_step: 1,
            replay: ReplaySettings {
                recent_and_best: 200,
                ..ReplaySettings::default()
            },
            learner: LearnerSettings {
                double: false,
                average: 0.0,
                ..LearnerSettings::default()
            },
            ..Self::default()
        }
    }

    /// The peer task, on which trainers are timed: {x0.5, x1, x2} over twelve features, a 64-64 network, batches of 64.
    pub fn peer(steps: u64, steps_per_update: u64) -> Self {
        Self {
            name: "peer".to_owned(),
            families: vec!["peer200".to_owned()],
            feature_set: "peer".to_owned(),
            action_set: Some(ActionSet {
                name: "peer".to_owned(),
                actions: vec![Action::Scale(0.5), Action::Scale(1.0), Action::Scale(2.0)],
                acceptance: Acceptance::Nonmonotone { memory: 5, c: 0.0 },
                backtrack: None,
                after_accept: AfterAccept::default(),
            }),
            budget: 202,
            reward: Reward::default(),
            discount: 0.97,
            steps,
            steps_per_update,
            environments: 128,
            learning_starts: 0,
            batch: 64,
            replay: ReplaySettings {
                capacity: 50_000,
                recent_and_best: 0,
            },
            learner: LearnerSettings {
                hidden: vec![64, 64],
                ..LearnerSettings::default()
            },
            validation: ValidationRecipe {
                times: 0,
                per_family: 1,
            },
            ..Self::default()
        }
    }

    /// The recipe of one of the [`members`](Self::members): the same with the seed members · seed + index, so that no two runs share one.
    pub fn member(&self, index: usize) -> Self {
        let first = self.seed.wrapping_mul(self.members as u64);
        Self {
            seed: first.wrapping_add(index as u64),
            members: 1,
            ..self.clone()
        }
    }

    /// Checks every number and resolves every name, with the built-in statistics.
    ///
    /// # Errors
    /// [`RecipeError`] names the field.
    pub fn check(&self) -> Result<CheckedRecipe, RecipeError> {
        self.check_with(&Features::builtin())
    }

    /// Checks a recipe whose features may be the user's own.
    ///
    /// # Errors
    /// [`RecipeError`] names the field.
    pub fn check_with(&self, features: &Features) -> Result<CheckedRecipe, RecipeError> {
        let at_least = |field, found: u64, least: u64, expected| {
            if found >= least {
                Ok(())
            } else {
                Err(RecipeError::Range {
                    field,
                    found: found.to_string(),
                    expected,
                })
            }
        };
        let within = |field, found: f64, low: f64, high: f64, expected| {
            if found >= low && found <= high {
                Ok(())
            } else {
                Err(RecipeError::Range {
                    field,
                    found: found.to_string(),
                    expected,
                })
            }
        };
        at_least(
            "instances_per_family",
            self.instances_per_family as u64,
            1,
            "at least 1",
        )?;
        at_least(
            "families",
            (self.families.len() + self.data.len()) as u64,
            1,
            "a list of at least one family, unless `data` names a task",
        )?;
        at_least(
            "budget",
            self.budget,
            4,
            "at least 4: the start costs 2, a step 2",
        )?;
        at_least("steps", self.steps, 1, "at least 1")?;
        at_least("members", self.members as u64, 1, "at least 1")?;
        at_least("environments", self.environments as u64, 1, "at least 1")?;
        at_least("steps_per_update", self.steps_per_update, 1, "at least 1")?;
        at_least("batch", self.batch as u64, 1, "at least 1")?;
        at_least("n_step", self.n_step as u64, 1, "at least 1")?;
        at_least(
            "replay.capacity",
            self.replay.capacity as u64,
            self.batch as u64,
            "at least the batch",
        )?;
        at_least(
            "validation.per_family",
            self.validation.per_family as u64,
            1,
            "at least 1",
        )?;
        within("discount", self.discount, 0.0, 1.0, "from 0 to 1")?;
        within(
            "exploration.from",
            self.exploration.from,
            0.0,
            1.0,
            "from 0 to 1",
        )?;
        within(
            "exploration.to",
            self.exploration.to,
            0.0,
            1.0,
            "from 0 to 1",
        )?;
        within(
            "exploration.fraction",
            self.exploration.fraction,
            0.0,
            1.0,
            "from 0 to 1",
        )?;
        for (field, [low, high]) in [
            ("start_rate_decades", self.start_rate_decades),
            (
                "stochastic.rough_rate_decades",
                self.stochastic.rough_rate_decades,
            ),
        ] {
            within(
                field,
                low,
                -20.0,
                high,
                "two numbers in order, from -20 to 20",
            )?;
            within(
                field,
                high,
                low,
                20.0,
                "two numbers in order, from -20 to 20",
            )?;
        }
        at_least(
            "stochastic.horizon",
            self.stochastic.horizon[0],
            1,
            "two numbers in order, at least 1",
        )?;
        at_least(
            "stochastic.horizon",
            self.stochastic.horizon[1],
            self.stochastic.horizon[0],
            "two numbers in order",
        )?;
        self.stochastic.schedule().check()?;
        at_least(
            "stochastic.tasks",
            self.stochastic.tasks as u64,
            1,
            "at least 1",
        )?;
        self.learner.validate()?;
        let actions = match &self.action_set {
            Some(set) => set.clone(),
            None => ActionSet::preset(&self.actions)?,
        };
        actions.validate()?;
        self.check_regime(&actions)?;
        let names = match &self.features {
            Some(list) => list.clone(),
            None => self.feature_preset(&actions)?,
        };
        let state = StateSpec::new(names, features)?;
        Ok(CheckedRecipe {
            recipe: self.clone(),
            actions,
            state,
            features: features.clone(),
        })
    }

    /// Each regime has its own kinds of actions.
    fn check_regime(&self, actions: &ActionSet) -> Result<(), RecipeError> {
        let stochastic = self.regime == Regime::Stochastic;
        let fits = |action: &Action| match action {
            Action::Scale(_) => true,
            Action::RollBack(_) | Action::Residual(_) => stochastic,
            _ => !stochastic,
        };
        match actions.actions.iter().find(|action| !fits(action)) {
            None => Ok(()),
            Some(action) => Err(RecipeError::Range {
                field: "actions",
                found: format!("`{}` with the action {action}", actions.name),
                expected: "xF, residual-xF and roll-back-xF in the stochastic regime (the set `residual`), anything but \
                           residual-xF and roll-back-xF in the deterministic one",
            }),
        }
    }

    fn feature_preset(&self, actions: &ActionSet) -> Result<Vec<FeatureSpec>, RecipeError> {
        Ok(match self.feature_set.as_str() {
            "auto" if self.regime == Regime::Stochastic && self.stochastic.gradients_every > 0 => {
                StateSpec::schedule_gradient_features()
            }
            "auto" if self.regime == Regime::Stochastic => StateSpec::schedule_features(),
            "auto" if actions.spans() => StateSpec::span_features(),
            "auto" if actions.wants_ritz() => StateSpec::default_features(),
            "auto" | "scalar" => StateSpec::scalar_features(),
            "default" => StateSpec::default_features(),
            "span" => StateSpec::span_features(),
            "paper" => StateSpec::paper_features(),
            "peer" => StateSpec::peer_features(),
            "schedule" => StateSpec::schedule_features(),
            "schedule-gradients" => StateSpec::schedule_gradient_features(),
            other => {
                return Err(RecipeError::Range {
                    field: "feature_set",
                    found: format!("`{other}`"),
                    expected: "auto, default, scalar, span, paper, peer, schedule or schedule-gradients",
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_carried_out() {
        assert_eq!(Recipe::default().check().unwrap().state.width(), 38);
        let span = Recipe {
            actions: "span".to_owned(),
            ..Recipe::default()
        };
        assert_eq!(span.check().unwrap().state.width(), 40);
        assert_eq!(Recipe::published("v2").check().unwrap().state.width(), 6);
        let stochastic = Recipe::stochastic().check().unwrap();
        assert_eq!(
            (stochastic.state.width(), stochastic.actions.actions.len()),
            (23, 3)
        );
    }

    #[test]
    fn a_recipe_survives_json() {
        let recipe = Recipe::stochastic();
        let json = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
    }

    #[test]
    fn a_recipe_file_needs_to_say_only_what_differs() {
        let huber =
            Recipe::from_json(r#"{"learner": {"huber": 0.0}, "replay": {"recent_and_best": 3}}"#)
                .unwrap();
        assert_eq!(
            (
                huber.learner.huber,
                huber.learner.average,
                huber.replay.capacity
            ),
            (0.0, 0.002, 400_000)
        );
        let noisy =
            Recipe::from_json(r#"{"regime": "stochastic", "learner": {"huber": 2.0}}"#).unwrap();
        assert_eq!(
            (
                noisy.actions.as_str(),
                noisy.discount,
                noisy.learner.dueling
            ),
            ("residual", 1.0, true)
        );
        let reward =
            Recipe::from_json(r#"{"reward": {"log-gradient": {"scale": 1.0, "floor": 1e-9}}}"#)
                .unwrap();
        assert!(matches!(reward.reward, Reward::LogGradient { .. }));
        let error = Recipe::from_json("{\n \"learner\": {\"hubber\": 1}}")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("hubber") && error.contains("line 2"),
            "{error}"
        );
    }

    #[test]
    fn actions_of_the_other_regime_are_refused() {
        let mixed = Recipe {
            actions: "proposals".to_owned(),
            ..Recipe::stochastic()
        };
        assert!(mixed.check().is_err());
        assert!(
            Recipe {
                actions: "residual".to_owned(),
                ..Recipe::default()
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn a_number_out_of_range_is_named() {
        let fault = |change: fn(&mut Recipe)| {
            let mut recipe = Recipe::default();
            change(&mut recipe);
            recipe
                .check()
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default()
        };
        assert!(fault(|r| r.budget = 0).contains("`budget` is 0"));
        assert!(fault(|r| r.discount = f64::NAN).contains("`discount` is NaN"));
        assert!(fault(|r| r.learner.learning_rate = -1.0).contains("learning_rate"));
        assert!(fault(|r| r.feature_set = "papers".to_owned()).contains("papers"));
        assert!(fault(|r| r.actions = "proposal".to_owned()).contains("did you mean `proposals`"));
        assert!(fault(|r| r.start_rate_decades = [1.0, -1.0]).contains("start_rate_decades"));
    }
}
