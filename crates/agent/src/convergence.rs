//! Do the q-values converge, and to what? Fixed states are looked at again and again while training goes on.

use qstride_control::Policy;
use qstride_objectives::Streams;
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, EpisodeStart, Problem, Setup};

/// How many fixed states.
const PROBES: usize = 256;
/// The longest prefix of random actions that leads to one.
const LONGEST_PREFIX: usize = 40;

/// A state that can be reached again: an episode's start and the actions taken since.
struct Probe {
    start: EpisodeStart,
    prefix: Vec<u8>,
}

/// Fixed states, drawn once before training.
pub struct Probes {
    probes: Vec<Probe>,
    states: Vec<f32>,
}

/// The q-value of the best action at each fixed state, at one point of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Environment steps done.
    pub step: u64,
    /// max over actions of q, one a state.
    pub values: Vec<f32>,
}

/// What the snapshots say at the end of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// Largest root mean square change of the q-values over the last tenth of training, over their standard deviation over the states.
    pub late_change: f64,
    /// Spearman's rank correlation between the q-values and the discounted returns that the greedy policy then has.
    pub rank_correlation: f64,
    /// How many states.
    pub states: usize,
}

impl Probes {
    /// Draws the fixed states: validation episodes after up to 40 random actions.
    pub fn draw(setup: &Setup, problems: &[Problem], starts: &[EpisodeStart], seed: u64) -> Self {
        let mut generator = Streams::new(seed).stream("probes");
        let width = setup.state().width();
        let actions = setup.actions().actions.len();
        let mut probes = Self {
            probes: Vec::new(),
            states: Vec::new(),
        };
        if starts.is_empty() {
            return probes;
        }
        // Some episodes end within their prefix: those are passed over.
        for attempt in 0..4 * PROBES {
            if probes.probes.len() == PROBES {
                break;
            }
            let start = starts[attempt % starts.len()];
            let length = generator.random_range(0..=LONGEST_PREFIX);
            let prefix: Vec<u8> = (0..length)
                .map(|_| generator.random_range(0..actions) as u8)
                .collect();
            let mut state = vec![0.0; width];
            let environment =
                Environment::replay(setup, &problems[start.problem], start, &prefix, &mut state);
            if !environment.over() {
                probes.states.extend_from_slice(&state);
                probes.probes.push(Probe { start, prefix });
            }
        }
        probes
    }

    /// The q-values of the best actions now.
    pub fn look(&self, step: u64, policy: &Policy) -> Snapshot {
        let mut policy = policy.clone();
        let width = policy.shape().inputs;
        let values = self
            .states
            .chunks_exact(width)
            .map(|state| {
                policy
                    .q_values(state)
                    .iter()
                    .copied()
                    .fold(f32::NEG_INFINITY, f32::max)
            })
            .collect();
        Snapshot { step, values }
    }

    /// Compares the snapshots of the last tenth with the last one, and the last one with the returns had from there on.
    /// None without snapshots.
    pub fn conclude(
        &self,
        snapshots: &[Snapshot],
        policy: &Policy,
        setup: &Setup,
        problems: &[Problem],
        discount: f64,
    ) -> Option<Convergence> {
        let last = snapshots.last()?;
        let values: Vec<f64> = last.values.iter().map(|v| f64::from(*v)).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        let change = |snapshot: &Snapshot| {
            let squares = snapshot
                .values
                .iter()
                .zip(&values)
                .map(|(a, b)| (f64::from(*a) - b).powi(2));
            (squares.sum::<f64>() / count).sqrt() / deviation.max(f64::MIN_POSITIVE)
        };
        let late = snapshots
            .iter()
            .filter(|s| s.step as f64 >= 0.9 * last.step as f64);
        let returns: Vec<f64> = self
            .probes
            .par_iter()
            .map(|probe| probe.greedy_return(policy, setup, problems, discount))
            .collect();
        Some(Convergence {
            late_change: late.map(change).fold(0.0, f64::max),
            rank_correlation: spearman(&values, &returns),
            states: values.len(),
        })
    }
}

impl Probe {
    /// Σ γᵏ rₖ of the greedy policy from this state to the end of the episode.
    fn greedy_return(
        &self,
        policy: &Policy,
        setup: &Setup,
        problems: &[Problem],
        discount: f64,
    ) -> f64 {
        let mut policy = policy.clone();
        let mut state = vec![0.0; setup.state().width()];
        let problem = &problems[self.start.problem];
        let mut environment =
            Environment::replay(setup, problem, self.start, &self.prefix, &mut state);
        let (mut total, mut factor) = (0.0, 1.0);
        while !environment.over() {
            total += factor * environment.step(policy.greedy(&state), &mut state).reward;
            factor *= discount;
        }
        total
    }
}

/// Spearman's rank correlation, ties by their mean rank; 0 where one side is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let sum = |f: &dyn Fn(f64, f64) -> f64| {
        a.iter()
            .zip(&b)
            .map(|(x, y)| f(x - mean, y - mean))
            .sum::<f64>()
    };
    let (xy, xx, yy) = (sum(&|x, y| x * y), sum(&|x, _| x * x), sum(&|_, y| y * y));
    if xx > 0.0 && yy > 0.0 {
        xy / (xx * yy).sqrt()
    } else {
        0.0
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|i, j| values[*i] == values[*j]) {
        let first = order.iter().position(|i| i == &group[0]).unwrap_or(0);
        for i in group {
            ranks[*i] = first as f64 + (group.len() as f64 - 1.0) / 2.0;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_by_hand() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]), 1.0);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(spearman(&[1.0, 1.0], &[3.0, 2.0]), 0.0);
        // ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 · 5)
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
        assert!((tied - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-15);
    }
}
