//! What a policy does on problems like those it was trained on: which actions it takes, in which states.

use anyhow::Result;
use qstride_agent::environment::{Environment, EpisodeStart, Setup};
use qstride_agent::recipe::StochasticRecipe;
use qstride_agent::{CheckedRecipe, Problem, Problems, Recipe};
use qstride_control::Checkpoint;
use qstride_control::checkpoint::Regime;

/// Instances of each family, or synthetic tasks, that it is watched on.
const PER_FAMILY: usize = 10;

/// A situation: its name, the feature that tells it, and when.
type Situation = (&'static str, &'static str, fn(f32) -> bool);

/// Where a policy may act differently, as far as its state shows it.
const SITUATIONS: &[Situation] = &[
    ("after a rejected trial", "rejected", |v| v > 0.5),
    (
        "against the curvature (s'y <= 0)",
        "negative_curvature",
        |v| v > 0.5,
    ),
    ("in the first tenth of the budget", "budget_left", |v| {
        v > 0.9
    }),
    ("with |g| down to 1e-6 |g_0|", "gradient_progress", |v| {
        v < -2.0
    }),
    (
        "curvature alike along the path (BB2 > BB1 / 2)",
        "bb2_over_bb1",
        |v| v > -0.2,
    ),
    ("curvature varied (BB2 < BB1 / 10)", "bb2_over_bb1", |v| {
        v < -0.667
    }),
    ("gradients agree (cosine > 0.2)", "gradient_cosine", |v| {
        v > 0.2
    }),
    ("gradients oppose (cosine < -0.2)", "gradient_cosine", |v| {
        v < -0.2
    }),
    ("f above the last three", "rank_3", |v| v > 0.99),
    (
        "the last step was long (rate > 3 BB1)",
        "rate_over_bb1",
        |v| v > 0.477,
    ),
    (
        "the last step was short (rate < BB1 / 3)",
        "rate_over_bb1",
        |v| v < -0.477,
    ),
    ("its factor on the rule's rate is 1/2", "residual", |v| {
        v < -0.49
    }),
    ("its factor is 1", "residual", |v| v.abs() < 0.01),
    ("its factor is 2", "residual", |v| v > 0.49),
    (
        "the loss fell by a fifth over four windows",
        "log_loss_change_4",
        |v| v < -0.223,
    ),
    (
        "the loss rose by a fifth over four windows",
        "log_loss_change_4",
        |v| v > 0.182,
    ),
    ("the last window was the best", "windows_since_best", |v| {
        v > 0.99
    }),
    (
        "the loss is a third above the best window's",
        "log_loss_over_best",
        |v| v > 0.288,
    ),
    (
        "in the first window after a roll-back",
        "rollback_recency",
        |v| v > 0.79,
    ),
];

/// What is chosen in one situation.
pub struct Choices {
    /// The situation.
    pub name: &'static str,
    /// Decisions in it.
    pub decisions: usize,
    /// Share of each action.
    pub shares: Vec<f64>,
}

/// Counts and states of the watched episodes.
pub struct Behaviour {
    /// Share of each action.
    pub shares: Vec<f64>,
    /// The same by situation, for those that the state shows.
    pub choices: Vec<Choices>,
    /// Mean of each number of the state.
    pub typical: Vec<f32>,
    /// Least and largest of each number of the state, without the outer percent.
    pub ranges: Vec<(f32, f32)>,
    /// Decisions.
    pub decisions: usize,
}

/// Runs the policy greedily and watches.
pub fn watch(checkpoint: &Checkpoint) -> Result<Behaviour> {
    let manifest = &checkpoint.manifest;
    let mut recipe = match manifest.regime {
        Regime::Deterministic => Recipe::default(),
        Regime::Stochastic => Recipe {
            stochastic: stochastic_part(checkpoint),
            ..Recipe::stochastic()
        },
    };
    recipe.features = Some(manifest.features.clone());
    recipe.action_set = Some(manifest.action_set.clone());
    recipe.instances_per_family = 1;
    recipe.stochastic.tasks = 1;
    recipe.validation.per_family = PER_FAMILY;
    let recipe: CheckedRecipe = recipe.check()?;
    let problems = Problems::draw(&recipe)?.validation;
    let setup = Setup::new(&recipe);
    let width = recipe.state.width();
    let mut counts = vec![0usize; recipe.actions.actions.len()];
    let mut columns: Vec<Vec<f32>> = vec![Vec::new(); width];
    let mut taken: Vec<usize> = Vec::new();
    let mut policy = checkpoint.policy.clone();
    let mut state = vec![0.0; width];
    for (index, problem) in problems.iter().enumerate() {
        let start = start_of(index, problem);
        let mut environment = Environment::begin(&setup, problem, start, &mut state);
        while !environment.over() {
            let action = policy.greedy(&state);
            counts[action] += 1;
            taken.push(action);
            for (column, value) in columns.iter_mut().zip(&state) {
                column.push(*value);
            }
            environment.step(action, &mut state);
        }
    }
    let decisions = counts.iter().sum::<usize>().max(1);
    let labels = checkpoint.state().labels();
    let choices = SITUATIONS
        .iter()
        .filter_map(|(name, feature, holds)| {
            let column = &columns[labels.iter().position(|label| label == feature)?];
            let there = column.iter().zip(&taken).filter(|(v, _)| holds(**v));
            Some(choices(
                name,
                there.map(|(_, action)| *action),
                counts.len(),
            ))
        })
        .filter(|choices| choices.decisions > 0)
        .collect();
    let (typical, ranges) = columns.iter_mut().map(|column| summary(column)).unzip();
    Ok(Behaviour {
        shares: counts
            .iter()
            .map(|c| *c as f64 / decisions as f64)
            .collect(),
        choices,
        typical,
        ranges,
        decisions,
    })
}

fn choices(name: &'static str, taken: impl Iterator<Item = usize>, actions: usize) -> Choices {
    let mut counts = vec![0usize; actions];
    for action in taken {
        counts[action] += 1;
    }
    let decisions = counts.iter().sum::<usize>();
    let share = |count: &usize| *count as f64 / decisions.max(1) as f64;
    Choices {
        name,
        decisions,
        shares: counts.iter().map(share).collect(),
    }
}

/// Mean, and the range without the outer percent on each side.
fn summary(column: &mut [f32]) -> (f32, (f32, f32)) {
    column.sort_by(f32::total_cmp);
    let count = column.len();
    if count == 0 {
        return (0.0, (0.0, 0.0));
    }
    let mean = column.iter().map(|v| f64::from(*v)).sum::<f64>() / count as f64;
    let cut = count / 100;
    (mean as f32, (column[cut], column[count - 1 - cut]))
}

fn stochastic_part(checkpoint: &Checkpoint) -> StochasticRecipe {
    let recipe: Option<Recipe> = serde_json::from_value(checkpoint.manifest.recipe.clone()).ok();
    StochasticRecipe {
        schedule: checkpoint.manifest.schedule,
        ..recipe.map(|r| r.stochastic).unwrap_or_default()
    }
}

fn start_of(index: usize, problem: &Problem) -> EpisodeStart {
    let rate = match problem {
        Problem::Exact(_) => 1.0,
        // No rough rate.
        Problem::Sampled(_) => 0.0,
    };
    EpisodeStart {
        problem: index,
        rate,
        steps: 400,
        batch: 16,
        // With a guard and a known horizon.
        seed: 16 * index as u64 + 5,
    }
}
