//! Q-learning: from a batch of transitions to new weights.

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::q_network::floats;
use crate::td_target::td_targets;
use crate::{ActionMask, Batch, InvalidSetting, LearnerSettings, QNetwork, QNetworkShape};

/// Deep Q-learning (Mnih et al., 2015): an online network that learns and a target network that follows it.
///
/// The gradients are written out on the plain device ([`QNetwork`]): for networks this small an autodiff graph costs as much
/// as the arithmetic. Everything that depends on actions or is one number a row happens on slices.
pub struct Learner {
    settings: LearnerSettings,
    device: Device,
    online: QNetwork,
    target: QNetwork,
    averaged: Option<QNetwork>,
    adam: Adam,
    moments: Option<AdamState<1>>,
    updates: u64,
    targets: Vec<f32>,
}

/// What one update saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateStats {
    /// Mean loss over the batch, before the update.
    pub loss: f64,
    /// Mean q-value of the actions taken.
    pub mean_q: f64,
    /// Norm of the whole gradient, before clipping.
    pub gradient_norm: f64,
}

/// Why there is no learner.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LearnerError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// Too many actions, or none.
    #[error("a learner can have 1 to {most} actions, not {actions}", most = ActionMask::MOST)]
    Actions {
        /// How many were asked for.
        actions: usize,
    },
    /// A saved vector has the wrong length.
    #[error("the saved {field} has {found} numbers, the network {expected}")]
    Length {
        /// The name of the vector.
        field: &'static str,
        /// How many numbers it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
}

/// All that a learner needs to go on: flat vectors, layer after layer, weights before bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerState {
    /// Parameters of the network that learns.
    pub online: Vec<f32>,
    /// Parameters of the network that gives the targets.
    pub target: Vec<f32>,
    /// Averaged parameters; empty when averaging is off.
    pub averaged: Vec<f32>,
    /// Adam's first moment; empty before the first update.
    pub moment_1: Vec<f32>,
    /// Adam's second moment; empty before the first update.
    pub moment_2: Vec<f32>,
    /// Updates done.
    pub updates: u64,
}

impl Learner {
    /// A learner with initial weights from the generator.
    ///
    /// # Errors
    /// [`LearnerError`] for a setting out of range or too many actions.
    pub fn new(
        settings: LearnerSettings,
        shape: QNetworkShape,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self, LearnerError> {
        settings.validate()?;
        if !(1..=ActionMask::MOST).contains(&shape.actions) {
            return Err(LearnerError::Actions {
                actions: shape.actions,
            });
        }
        let online = QNetwork::init(shape, rng, device);
        Ok(Self {
            device: device.clone(),
            target: online.clone(),
            averaged: (settings.average > 0.0).then(|| online.clone()),
            online,
            adam: AdamConfig::new()
                .with_epsilon(settings.adam_epsilon as f32)
                .build(),
            moments: None,
            updates: 0,
            targets: Vec::new(),
            settings,
        })
    }

    /// The network that learns.
    pub fn online(&self) -> &QNetwork {
        &self.online
    }

    /// The network that gives the targets.
    pub fn target(&self) -> &QNetwork {
        &self.target
    }

    /// The network to export: the averaged one if averaging is on, else the online one.
    pub fn deployed(&self) -> &QNetwork {
        self.averaged.as_ref().unwrap_or(&self.online)
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Adam's rate at this progress (0 at the beginning of training, 1 at its end).
    pub fn learning_rate(&self, progress: f64) -> f64 {
        let (progress, settings) = (progress.clamp(0.0, 1.0), &self.settings);
        (1.0 - progress) * settings.learning_rate + progress * settings.final_learning_rate
    }

    /// The online network's q-values \[B, A\] of states \[B, D\], into `q`.
    pub fn q_values(&self, states: &[f32], q: &mut Vec<f32>) {
        *q = floats(self.online.forward(self.rows(states.to_vec())));
    }

    /// One step of Q-learning on a batch, at this progress (0 to 1) of the training.
    pub fn update(&mut self, batch: &Batch, progress: f64) -> UpdateStats {
        let gradient = self.loss_gradient(batch);
        let (stats, gradient) = self.clip(gradient);

        let rate = self.learning_rate(progress);
        let (parameters, moments) = self.adam.step(
            rate,
            self.online.parameters(),
            gradient,
            self.moments.take(),
        );
        self.moments = moments;
        self.online = QNetwork::from_tensor(self.online.shape().clone(), parameters);
        self.updates += 1;

        match self.settings.target_copy_every {
            0 => self.target = follow(&self.target, &self.online, self.settings.polyak),
            every if self.updates.is_multiple_of(every) => self.target = self.online.clone(),
            _ => {}
        }
        if let Some(averaged) = &mut self.averaged {
            *averaged = follow(averaged, &self.online, self.settings.average);
        }
        stats
    }

    /// The mean loss, the mean q-value, and the gradient of the mean loss with respect to the flat parameters.
    fn loss_gradient(&mut self, batch: &Batch) -> (f64, f64, Tensor<1>) {
        let (rows, actions) = (batch.rows, self.online.shape().actions);
        let next_states = self.rows(batch.next_states.clone());
        let next_target = floats(self.target.forward(next_states.clone()));
        if self.settings.double {
            let next_online = floats(self.online.forward(next_states));
            td_targets(
                batch,
                &next_online,
                &next_target,
                actions,
                &mut self.targets,
            );
        } else {
            td_targets(
                batch,
                &next_target,
                &next_target,
                actions,
                &mut self.targets,
            );
        }

        let (inputs, q) = self.online.forward_q(self.rows(batch.states.clone()));
        let q = floats(q);
        let mut q_gradient = vec![0.0; rows * actions];
        let (mut loss, mut sum_q) = (0.0, 0.0);
        for (row, &target) in self.targets.iter().enumerate() {
            let taken = row * actions + batch.actions[row] as usize;
            let (row_loss, slope) =
                huber(f64::from(q[taken]) - f64::from(target), self.settings.huber);
            q_gradient[taken] = (slope / rows as f64) as f32;
            loss += row_loss / rows as f64;
            sum_q += f64::from(q[taken]) / rows as f64;
        }
        let q_gradient =
            Tensor::from_data(TensorData::new(q_gradient, [rows, actions]), &self.device);
        (loss, sum_q, self.online.backward(inputs, q_gradient))
    }

    /// Shortens the gradient to the norm `gradient_clip` if it is longer.
    fn clip(&self, (loss, mean_q, gradient): (f64, f64, Tensor<1>)) -> (UpdateStats, Tensor<1>) {
        let square = floats((gradient.clone() * gradient.clone()).sum());
        let gradient_norm = square.iter().map(|&s| f64::from(s)).sum::<f64>().sqrt();
        let longest = self.settings.gradient_clip;
        let gradient = match gradient_norm > longest {
            true => gradient.mul_scalar(longest / gradient_norm),
            false => gradient,
        };
        let stats = UpdateStats {
            loss,
            mean_q,
            gradient_norm,
        };
        (stats, gradient)
    }

    /// States as a tensor \[B, D\].
    fn rows(&self, states: Vec<f32>) -> Tensor<2> {
        let inputs = self.online.shape().inputs;
        let rows = states.len() / inputs;
        Tensor::from_data(TensorData::new(states, [rows, inputs]), &self.device)
    }

    /// Everything, as plain numbers.
    pub fn state(&self) -> LearnerState {
        let network = |network: &QNetwork| floats(network.parameters());
        let moments = self.moments.as_ref().map(|state| &state.momentum);
        LearnerState {
            online: network(&self.online),
            target: network(&self.target),
            averaged: self.averaged.as_ref().map(network).unwrap_or_default(),
            moment_1: moments
                .map(|m| floats(m.moment_1.clone()))
                .unwrap_or_default(),
            moment_2: moments
                .map(|m| floats(m.moment_2.clone()))
                .unwrap_or_default(),
            updates: self.updates,
        }
    }

    /// Goes on from a saved state, bit for bit.
    ///
    /// # Errors
    /// [`LearnerError::Length`] for a state of another network; nothing is changed then.
    pub fn restore(&mut self, state: &LearnerState) -> Result<(), LearnerError> {
        let parameters = self.online.shape().parameters();
        let averaged = if self.averaged.is_some() {
            parameters
        } else {
            0
        };
        let moments = if state.updates > 0 { parameters } else { 0 };
        for (field, values, expected) in [
            ("online", &state.online, parameters),
            ("target", &state.target, parameters),
            ("averaged", &state.averaged, averaged),
            ("moment_1", &state.moment_1, moments),
            ("moment_2", &state.moment_2, moments),
        ] {
            let found = values.len();
            if found != expected {
                return Err(LearnerError::Length {
                    field,
                    found,
                    expected,
                });
            }
        }
        let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, &self.device);
        let network =
            |values: &[f32]| QNetwork::from_tensor(self.online.shape().clone(), tensor(values));
        let online = network(&state.online);
        self.target = network(&state.target);
        self.averaged = (averaged > 0).then(|| network(&state.averaged));
        self.moments = (state.updates > 0).then(|| {
            let (moment_1, moment_2) = (tensor(&state.moment_1), tensor(&state.moment_2));
            AdamState::new(AdaptiveMomentumState::new(
                state.updates as usize,
                moment_1,
                moment_2,
            ))
        });
        self.online = online;
        self.updates = state.updates;
        Ok(())
    }
}

/// Loss and slope at an error: e^2 / 2 up to |e| = delta and delta (|e| - delta / 2) beyond (Huber, 1964); delta 0 for e^2 / 2.
fn huber(error: f64, delta: f64) -> (f64, f64) {
    if delta > 0.0 && error.abs() > delta {
        (delta * (error.abs() - 0.5 * delta), delta * error.signum())
    } else {
        (0.5 * error * error, error)
    }
}

/// follower + share (leader - follower)
fn follow(follower: &QNetwork, leader: &QNetwork, share: f64) -> QNetwork {
    let parameters =
        follower.parameters().mul_scalar(1.0 - share) + leader.parameters().mul_scalar(share);
    QNetwork::from_tensor(follower.shape().clone(), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DenseLayer, DeviceKind, End, NStep, Replay, ReplaySettings};
    use qstride_objectives::Streams;
    use rand::RngExt;

    fn learner(settings: LearnerSettings, inputs: usize, actions: usize) -> Learner {
        let shape = QNetworkShape::new(inputs, &settings.hidden, actions, settings.dueling);
        let mut rng = Streams::new(2).stream("weights");
        Learner::new(settings, shape, &mut rng, &DeviceKind::Flex.device()).unwrap()
    }

    /// A linear network without bias from these weights, row major \[inputs, actions\].
    fn linear(inputs: usize, outputs: usize, weights: &[f32]) -> QNetwork {
        let (weights, bias) = (weights.to_vec(), vec![0.0; outputs]);
        let layer = DenseLayer {
            inputs,
            outputs,
            weights,
            bias,
        };
        QNetwork::from_layers(&[layer], &DeviceKind::Flex.device()).unwrap()
    }

    fn small() -> LearnerSettings {
        LearnerSettings {
            hidden: vec![],
            ..LearnerSettings::default()
        }
    }

    /// q-values \[5, A\] after learning from a replay of episodes on five one-hot states. `step` gives reward, next state and
    /// end from state, action and the number of steps done.
    fn learnt(
        settings: LearnerSettings,
        actions: usize,
        n: usize,
        gamma: f64,
        step: impl Fn(usize, usize, usize) -> (f64, usize, Option<End>),
    ) -> Vec<f32> {
        let one_hot = |s: usize| std::array::from_fn::<f32, 5, _>(|i| f32::from(u8::from(i == s)));
        let mut rng = Streams::new(4).stream("chain");
        let mut replay = Replay::new(
            &ReplaySettings {
                capacity: 2000,
                recent_and_best: 0,
            },
            5,
            1,
        );
        let mut steps = NStep::new(n, gamma, 5);
        while replay.len() < 2000 {
            let (mut state, mut time) = (rng.random_range(0..5), 0);
            loop {
                let action = rng.random_range(0..actions);
                time += 1;
                let (reward, next, end) = step(state, action, time);
                let emit = |t: crate::Transition<'_>| replay.push(0, t);
                steps.push(
                    &one_hot(state),
                    action,
                    reward,
                    &one_hot(next),
                    ActionMask::ALL,
                    end,
                    emit,
                );
                state = next;
                if end.is_some() {
                    break;
                }
            }
        }
        let mut learner = learner(settings, 5, actions);
        let mut batch = Batch::new(64, 5);
        for update in 0..3000 {
            replay.sample(&mut rng, &mut batch).unwrap();
            learner.update(&batch, f64::from(update) / 3000.0);
        }
        let states: Vec<f32> = (0..5).flat_map(one_hot).collect();
        let mut q = Vec::new();
        learner.q_values(&states, &mut q);
        q
    }

    fn chain_settings(hidden: &[usize], double: bool) -> LearnerSettings {
        LearnerSettings {
            hidden: hidden.to_vec(),
            double,
            dueling: hidden.len() == 2,
            learning_rate: 0.01,
            polyak: 0.05,
            ..LearnerSettings::default()
        }
    }

    #[test]
    fn a_chain_is_solved() {
        // left and right; the step to the right of state 4 pays 1 and ends: V(s) = .8^(4 - s)
        for (hidden, double) in [
            (vec![], true),
            (vec![], false),
            (vec![24], true),
            (vec![16, 16], true),
        ] {
            let q = learnt(
                chain_settings(&hidden, double),
                2,
                1,
                0.8,
                |s, a, _| match (s, a) {
                    (4, 1) => (1.0, 4, Some(End::Terminal)),
                    (s, 1) => (0.0, s + 1, None),
                    (s, _) => (0.0, s.saturating_sub(1), None),
                },
            );
            for s in 0..5usize {
                let value = |s: usize| 0.8f32.powi(4 - s as i32);
                let exact = [0.8 * value(s.saturating_sub(1)), value(s)];
                for a in 0..2 {
                    assert!(
                        (q[2 * s + a] - exact[a]).abs() < 0.02,
                        "{hidden:?} {double} {s} {a}: {q:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn truncation_keeps_the_future_and_a_terminal_state_does_not() {
        // a ring that pays 1 a step, cut after 4 steps: q = 1 / (1 - .5) = 2 everywhere
        for n in [1, 3] {
            let ring = |end| {
                let settings = chain_settings(&[], n == 1);
                learnt(settings, 1, n, 0.5, move |s, _, time| {
                    (1.0, (s + 1) % 5, (time == 4).then_some(end))
                })
            };
            let truncated = ring(End::Truncated);
            assert!(
                truncated.iter().all(|q| (q - 2.0).abs() < 0.02),
                "{truncated:?}"
            );
            let terminal = ring(End::Terminal);
            assert!(terminal.iter().all(|&q| q < 1.85), "{terminal:?}");
        }
    }

    #[test]
    fn huber_loss_and_slope() {
        assert_eq!(huber(0.5, 1.0), (0.125, 0.5));
        assert_eq!(huber(-3.0, 1.0), (2.5, -1.0));
        assert_eq!(huber(3.0, 2.0), (4.0, 2.0));
        assert_eq!(huber(-3.0, 0.0), (4.5, -3.0));
    }

    #[test]
    fn one_update_by_hand() {
        // q = 2 x for x = 1; y = 5 + .5 * 3 * 2 = 8: error -6, slope -1 (Huber), gradient (-1, -1) for weight and bias
        let mut learner = learner(
            LearnerSettings {
                polyak: 0.25,
                average: 0.5,
                gradient_clip: 0.1,
                ..small()
            },
            1,
            1,
        );
        learner.online = linear(1, 1, &[2.0]);
        learner.averaged = Some(linear(1, 1, &[2.0]));
        learner.target = linear(1, 1, &[3.0]);
        let mut batch = Batch::new(1, 1);
        batch.states[0] = 1.0;
        batch.next_states[0] = 2.0;
        batch.returns[0] = 5.0;
        batch.discounts[0] = 0.5;
        let (inputs, gradient) = (learner.loss_gradient(&batch), [-1.0, -1.0]);
        assert_eq!(floats(inputs.2.clone()), gradient);
        let (_, clipped) = learner.clip(inputs);
        assert!(
            floats(clipped)
                .iter()
                .all(|g| (g + 0.1 / 2f32.sqrt()).abs() < 1e-6)
        );
        let stats = learner.update(&batch, 0.0);
        assert_eq!((stats.loss, stats.mean_q), (5.5, 2.0));
        assert!((stats.gradient_norm - 2f64.sqrt()).abs() < 1e-6);
        // Adam's first step is the rate: g / (|g| + eps)
        let state = learner.state();
        assert!((state.online[0] - 2.001).abs() < 1e-6 && (state.online[1] - 0.001).abs() < 1e-6);
        assert!((state.target[0] - (3.0 + 0.25 * (2.001 - 3.0))).abs() < 1e-6);
        assert!((state.averaged[0] - 2.0005).abs() < 1e-6);
        assert_eq!(floats(learner.deployed().parameters()), state.averaged);
    }

    #[test]
    fn double_q_chooses_online_and_evaluates_by_the_target() {
        for (double, y) in [(true, 1.0 + 0.5 * 10.0), (false, 1.0 + 0.5 * 20.0)] {
            let mut learner = learner(LearnerSettings { double, ..small() }, 1, 2);
            learner.online = linear(1, 2, &[3.0, 2.0]);
            learner.target = linear(1, 2, &[10.0, 20.0]);
            let mut batch = Batch::new(1, 1);
            batch.next_states[0] = 1.0;
            batch.returns[0] = 1.0;
            batch.discounts[0] = 0.5;
            learner.update(&batch, 0.0);
            assert_eq!(learner.targets, [y]);
        }
    }

    #[test]
    fn a_hard_copy_lags() {
        let mut learner = learner(
            LearnerSettings {
                target_copy_every: 3,
                ..small()
            },
            1,
            2,
        );
        let first = learner.state().target;
        let mut batch = Batch::new(4, 1);
        batch.returns.fill(1.0);
        for update in 1..=6 {
            learner.update(&batch, 0.0);
            let state = learner.state();
            assert_eq!(state.target == state.online, update % 3 == 0);
            assert_eq!(state.target == first, update < 3);
        }
    }

    #[test]
    fn restored_it_goes_on_bit_for_bit() {
        let settings = LearnerSettings {
            hidden: vec![13, 9],
            dueling: true,
            average: 0.01,
            ..LearnerSettings::default()
        };
        let mut rng = Streams::new(8).stream("batches");
        let mut batch = Batch::new(10, 6);
        let mut draw = |batch: &mut Batch| {
            batch.states.fill_with(|| rng.random());
            batch.next_states.fill_with(|| rng.random());
            batch.returns.fill_with(|| rng.random());
            batch.discounts.fill(0.9);
        };
        let mut first = learner(settings.clone(), 6, 3);
        for _ in 0..20 {
            draw(&mut batch);
            first.update(&batch, 0.1);
        }
        let saved = serde_json::to_string(&first.state()).unwrap();
        let mut second = learner(settings.clone(), 6, 3);
        second
            .restore(&serde_json::from_str(&saved).unwrap())
            .unwrap();
        for _ in 0..20 {
            draw(&mut batch);
            assert_eq!(first.update(&batch, 0.5), second.update(&batch, 0.5));
        }
        assert_eq!(first.state(), second.state());
        let message = learner(small(), 6, 3)
            .restore(&first.state())
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("the saved online has"), "{message}");
    }

    #[test]
    fn the_rate_falls_linearly_and_actions_are_counted() {
        let learner = learner(small(), 1, 2);
        assert!((learner.learning_rate(0.5) - 5.5e-4).abs() < 1e-12);
        assert_eq!(learner.learning_rate(2.0), 1e-4);
        let mut rng = Streams::new(2).stream("weights");
        let shape = QNetworkShape::new(1, &[], 33, false);
        let refused = Learner::new(small(), shape, &mut rng, &DeviceKind::Flex.device());
        assert!(matches!(
            refused,
            Err(LearnerError::Actions { actions: 33 })
        ));
    }
}
