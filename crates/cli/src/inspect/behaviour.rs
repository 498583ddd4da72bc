//! What a policy does on problems like those it was trained on: which actions it takes, in which states.

use anyhow::Result;
use qstride_agent::environment::{Environment, EpisodeStart, Setup};
use qstride_agent::recipe::StochasticRecipe;
use qstride_agent::{CheckedRecipe, Problem, Problems, Recipe};
use qstride_control::Checkpoint;
use qstride_control::checkpoint::Regime;

/// Instances of each family, or synthetic tasks, that it is watched on.
const PER_FAMILY: usize = 10;

/// Counts and states of the watched episodes.
pub struct Behaviour {
    /// Share of each action.
    pub shares: Vec<f64>,
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
    let mut policy = checkpoint.policy.clone();
    let mut state = vec![0.0; width];
    for (index, problem) in problems.iter().enumerate() {
        let start = start_of(index, problem);
        let mut environment = Environment::begin(&setup, problem, start, &mut state);
        while !environment.over() {
            let action = policy.greedy(&state);
            counts[action] += 1;
            for (column, value) in columns.iter_mut().zip(&state) {
                column.push(*value);
            }
            environment.step(action, &mut state);
        }
    }
    let decisions = counts.iter().sum::<usize>().max(1);
    let (typical, ranges) = columns.iter_mut().map(|column| summary(column)).unzip();
    Ok(Behaviour {
        shares: counts
            .iter()
            .map(|c| *c as f64 / decisions as f64)
            .collect(),
        typical,
        ranges,
        decisions,
    })
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
