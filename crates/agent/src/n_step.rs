//! n-step returns: from steps to transitions.

use serde::{Deserialize, Serialize};

use crate::{ActionMask, Transition};

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The last state has no future: its value is 0.
    Terminal,
    /// The episode was cut off; the last state would have gone on, so its value counts.
    Truncated,
}

/// The steps of one environment that wait for their n-step return.
///
/// R = r_1 + gamma r_2 + ... + gamma^(k-1) r_k with k = n, or fewer at the end of an episode. The value of the state after
/// the k steps counts gamma^k, or 0 when that state is terminal (Sutton and Barto, 'Reinforcement learning', 2018, 7.1).
///
/// ```
/// use qstride_agent::{ActionMask, End, NStep};
///
/// let mut steps = NStep::new(2, 0.5, 1);
/// let mut seen = Vec::new();
/// let mut emit = |t: qstride_agent::Transition| seen.push((t.state[0], t.n_step_return, t.discount, t.next_state[0]));
/// steps.push(&[0.0], 0, 1.0, &[1.0], ActionMask::ALL, None, &mut emit);
/// steps.push(&[1.0], 0, 2.0, &[2.0], ActionMask::ALL, Some(End::Truncated), &mut emit);
/// assert_eq!(seen, [(0.0, 2.0, 0.25, 2.0), (1.0, 2.0, 0.5, 2.0)]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NStep {
    steps: usize,
    gamma: f64,
    dimension: usize,
    states: Vec<f32>,
    actions: Vec<u32>,
    rewards: Vec<f64>,
}

impl NStep {
    /// Returns over `steps` steps (at least 1), discounted by gamma, for states of this length.
    pub fn new(steps: usize, gamma: f64, dimension: usize) -> Self {
        Self {
            steps: steps.max(1),
            gamma,
            dimension,
            states: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
        }
    }

    /// Takes one step (s, a, r, s') and hands every transition that it completes to `emit`, the oldest first.
    #[allow(clippy::too_many_arguments)]
    pub fn push(
        &mut self,
        state: &[f32],
        action: usize,
        reward: f64,
        next_state: &[f32],
        next_mask: ActionMask,
        end: Option<End>,
        mut emit: impl FnMut(Transition<'_>),
    ) {
        self.states.extend_from_slice(state);
        self.actions.push(action as u32);
        self.rewards.push(reward);
        while !self.actions.is_empty() && (end.is_some() || self.actions.len() == self.steps) {
            let n_step_return = self
                .rewards
                .iter()
                .rev()
                .fold(0.0, |sum, r| r + self.gamma * sum);
            let discount = match end {
                Some(End::Terminal) => 0.0,
                Some(End::Truncated) | None => self.gamma.powi(self.rewards.len() as i32),
            };
            emit(Transition {
                state: &self.states[..self.dimension],
                action: self.actions[0],
                n_step_return: n_step_return as f32,
                discount: discount as f32,
                next_state,
                next_mask,
            });
            self.states.drain(..self.dimension);
            self.actions.remove(0);
            self.rewards.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (state, R, discount, next state) of all transitions of an episode with rewards 1, 2, 3, 4 from states 0, 1, 2, 3.
    fn episode(steps: usize, end: End) -> Vec<(f32, f32, f32, f32)> {
        let mut n_step = NStep::new(steps, 0.5, 1);
        let mut seen = Vec::new();
        for i in 0..4 {
            let s = i as f32;
            let end = (i == 3).then_some(end);
            n_step.push(
                &[s],
                0,
                f64::from(s) + 1.0,
                &[s + 1.0],
                ActionMask::ALL,
                end,
                |t| {
                    seen.push((t.state[0], t.n_step_return, t.discount, t.next_state[0]));
                },
            );
        }
        assert_eq!(n_step, NStep::new(steps, 0.5, 1), "nothing is left over");
        seen
    }

    #[test]
    fn returns_by_hand() {
        assert_eq!(
            episode(1, End::Terminal),
            [
                (0.0, 1.0, 0.5, 1.0),
                (1.0, 2.0, 0.5, 2.0),
                (2.0, 3.0, 0.5, 3.0),
                (3.0, 4.0, 0.0, 4.0)
            ]
        );
        assert_eq!(
            episode(3, End::Terminal),
            [
                (0.0, 2.75, 0.125, 3.0),
                (1.0, 4.5, 0.0, 4.0),
                (2.0, 5.0, 0.0, 4.0),
                (3.0, 4.0, 0.0, 4.0)
            ]
        );
        assert_eq!(
            episode(3, End::Truncated),
            [
                (0.0, 2.75, 0.125, 3.0),
                (1.0, 4.5, 0.125, 4.0),
                (2.0, 5.0, 0.25, 4.0),
                (3.0, 4.0, 0.5, 4.0)
            ]
        );
        assert_eq!(episode(9, End::Truncated)[0], (0.0, 3.25, 0.0625, 4.0));
    }
}
