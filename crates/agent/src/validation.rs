//! Validation: the greedy policy, frozen, on problems that it was not trained on.

use qstride_control::Policy;
use qstride_control::outcome::FLOOR;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, EpisodeStart, Problem, Setup};

/// How a greedy policy did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Mean log10 gap (deterministic), or mean log10 of the final over the first loss (stochastic); lower is better.
    pub mean_log10_gap: f64,
    /// Mean share of the budget spent; one and a half budgets where the problem was not solved.
    pub mean_cost: f64,
    /// Problems.
    pub count: usize,
}

impl Validation {
    /// What the best policy is chosen by: the gap in decades, plus two decades for one budget of cost, which tells policies
    /// apart that solve the same problems. Lower is better.
    pub fn score(&self) -> f64 {
        self.mean_log10_gap + 2.0 * self.mean_cost
    }
}

/// Runs the policy greedily from each start; the same numbers on any number of threads.
pub fn validate(
    policy: &Policy,
    setup: &Setup,
    problems: &[Problem],
    starts: &[EpisodeStart],
    budget: u64,
) -> Validation {
    let results: Vec<(f64, f64)> = starts
        .par_iter()
        .map(|start| {
            let problem = &problems[start.problem];
            let mut policy = policy.clone();
            let mut state = vec![0.0; setup.state().width()];
            let mut environment = Environment::begin(setup, problem, *start, &mut state);
            while !environment.over() {
                let action = policy.greedy(&state);
                environment.step(action, &mut state);
            }
            let record = environment.record();
            let gap = match problem {
                Problem::Exact(_) => record.log10_gap(problem.minimum()),
                Problem::Sampled(_) => None,
            };
            let gap = gap.unwrap_or_else(|| {
                let ratio = record.best_value / record.start_value;
                if ratio > 0.0 {
                    ratio.log10().clamp(FLOOR, -FLOOR)
                } else {
                    0.0
                }
            });
            let spent = record.evaluations.cost(1.0) / budget as f64;
            let cost = match problem {
                Problem::Exact(_) if gap <= FLOOR => spent,
                Problem::Exact(_) => 1.5,
                Problem::Sampled(_) => 0.0,
            };
            (gap, cost)
        })
        .collect();
    let count = results.len();
    let mean =
        |part: fn(&(f64, f64)) -> f64| results.iter().map(part).sum::<f64>() / count.max(1) as f64;
    Validation {
        mean_log10_gap: mean(|r| r.0),
        mean_cost: mean(|r| r.1),
        count,
    }
}
