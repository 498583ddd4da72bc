//! The raw numbers of an episode: what could be measured, before any feature is made of it.

use serde::{Deserialize, Serialize};

use crate::curvature::{AcceptedStep, Curvature};
use crate::plane::PlaneStep;
use crate::recent::Recent;
use crate::window::LossScale;

/// How many accepted steps (deterministic) or windows (stochastic) are kept.
pub const MEMORY: usize = 20;

/// What an episode has measured so far. Statistics ([`Statistic`](crate::statistic::Statistic)) turn it into features.
///
/// In the deterministic regime a 'step' is an accepted one; in the stochastic regime it is a window of optimizer steps, and
/// `value` is the window's mean loss.
///
/// What only the deterministic regime measures is not serialised: only the stochastic one is resumed from a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// The share of the budget that is left, in [0, 1].
    pub budget_left: f64,
    /// f(x₀), or the mean loss of the first window.
    pub start_value: f64,
    /// |∇f(x₀)|².
    pub start_squared_gradient: f64,
    /// α₀, the first learning rate.
    pub start_rate: f64,
    /// The learning rate of the last trial, accepted or not; of a step d with momentum |d|/|g|, the rate of a step along -g as long.
    pub rate: f64,
    /// The momentum β of the last trial; 0 where it was along -g.
    #[serde(skip)]
    pub momentum: f64,
    /// gᵀd of the last trial's step d, where it had momentum.
    #[serde(skip)]
    slope: f64,
    /// f at the base point.
    pub value: f64,
    /// f at the last trial point; the base value before the first trial.
    pub trial_value: f64,
    /// The least f of an accepted or evaluated point so far.
    pub best_value: f64,
    /// f of the last base points, newest first.
    pub values: Recent<MEMORY>,
    /// The ten lowest values so far, trials included.
    #[serde(skip)]
    pub lowest: Lowest,
    /// |g|² at the base point.
    pub squared_gradient: f64,
    /// |g|² at the base point before.
    pub previous_squared_gradient: f64,
    /// |g|² at the last base points, newest first.
    pub squared_gradients: Recent<MEMORY>,
    /// The least |g|² so far.
    pub least_squared_gradient: f64,
    /// cos(g, g_prev) of the last two base points; 0 before there are two.
    pub cosine: f64,
    /// (1/n) Σ sign(dᵢ d_prev,ᵢ) of the last two directions; 0 before there are two.
    pub sign_alignment: f64,
    /// (f - f_trial) / (α g·g) of the last trial, with -gᵀd for α g·g where it had momentum, within ±2; -2 where the trial was not finite.
    pub decrease_ratio: f64,
    /// Trials rejected since the last accepted one.
    pub rejections: u32,
    /// Accepted steps, or windows.
    pub accepted: u32,
    /// Whether `trial_value` belongs to a trial that still waits for the controller's verdict.
    pub trial_waits: bool,
    /// The index of the controller's last action; none before the first, and for classic methods.
    pub last_action: Option<usize>,
    /// Barzilai-Borwein and Ritz steps.
    #[serde(skip)]
    pub curvature: Curvature,
    /// What only the stochastic regime measures.
    pub window: Window,
}

/// Measured over one window of stochastic optimizer steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Steps in the last window.
    pub steps: u32,
    /// Standard deviation of the losses in the last window.
    pub deviation: f64,
    /// ln of the mean loss, newest first; see [`LossScale`].
    pub log_losses: Recent<MEMORY>,
    /// ln of the least mean over two windows so far, or of the first loss.
    pub best_log_loss: f64,
    /// The same before the logarithm.
    pub best_loss: f64,
    /// ln of the first loss.
    pub start_log_loss: f64,
    /// Moving average (weight 0.2) of the log loss.
    pub average_log_loss: f64,
    /// Standard deviation of ln loss within the window, and its moving average.
    pub spread: Averaged,
    /// How many steps of the last window had gradient statistics; the following are as they were where it is 0.
    pub gradients: u32,
    /// Mean cosine of -gradient and step.
    pub step_cosine: Averaged,
    /// Mean of -g · step / loss: the relative decrease that the step promises.
    pub promised_decrease: Averaged,
    /// log10 of mean |step| / |x|.
    pub log_relative_step: f64,
    /// ln of the mean gradient norm.
    pub log_gradient: Averaged,
    /// The same at the first window and at the one before.
    pub start_log_gradient: f64,
    /// See `start_log_gradient`.
    pub previous_log_gradient: f64,
    /// The rate of the best window, of the last failure (0 = none) and the largest one so far.
    pub best_rate: f64,
    /// See `best_rate`.
    pub failed_rate: f64,
    /// See `best_rate`.
    pub largest_rate: f64,
    /// The rate at the end of the first phase of the search: there the loss first moved, or got worse, or time ran out. 0 before it.
    pub moved_rate: f64,
    /// Windows since the last roll-back, since the search, a roll-back or the policy last changed the rate (what the anchor does by itself
    /// while it holds does not count), and since the last best one.
    pub since_rollback: u32,
    /// See `since_rollback`.
    pub since_change: u32,
    /// See `since_rollback`.
    pub since_best: u32,
    /// Roll-backs so far, by the guard or by the controller.
    pub rollbacks: u32,
    /// Whether the guard ended this window.
    pub fired: bool,
    /// Whether anything can be rolled back.
    pub can_roll_back: bool,
    /// The rate that the anchor asks for, before the policy's residual; 0 without an anchor.
    pub anchor_rate: f64,
    /// The policy's factor on it.
    pub residual: f64,
}

/// A number and its moving average with weight 0.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Averaged {
    /// The newest number.
    pub now: f64,
    /// avg ← 0.8 avg + 0.2 now; the first number starts it.
    pub average: f64,
    started: bool,
}

impl Averaged {
    /// Takes in a new number.
    pub fn push(&mut self, value: f64) {
        self.now = value;
        self.average = if self.started {
            0.8 * self.average + 0.2 * value
        } else {
            value
        };
        self.started = true;
    }
}

/// The ten lowest numbers of a series: the paper's encoding compares a candidate with them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lowest {
    /// Ascending; +∞ where fewer were seen.
    values: [f64; 10],
    len: usize,
}

impl Lowest {
    fn starting_at(value: f64) -> Self {
        let mut values = [f64::INFINITY; 10];
        values[0] = value;
        Self { values, len: 1 }
    }

    fn push(&mut self, value: f64) {
        if value.is_nan() || self.values[..self.len].contains(&value) {
            return;
        }
        let at = self.values[..self.len].partition_point(|v| *v < value);
        if at < self.values.len() {
            self.values[at..].rotate_right(1);
            self.values[at] = value;
            self.len = (self.len + 1).min(self.values.len());
        }
    }

    /// The least.
    pub fn least(&self) -> f64 {
        self.values[0]
    }

    /// The largest of them.
    pub fn largest(&self) -> f64 {
        self.values[self.len.saturating_sub(1)]
    }
}

impl Observation {
    /// At the start point, before the first trial.
    pub fn at_start(value: f64, squared_gradient: f64, rate: f64, wants_ritz: bool) -> Self {
        let (mut values, mut squared_gradients) = (Recent::default(), Recent::default());
        values.push(value);
        squared_gradients.push(squared_gradient);
        Self {
            budget_left: 1.0,
            start_value: value,
            start_squared_gradient: squared_gradient,
            start_rate: rate,
            rate,
            momentum: 0.0,
            slope: 0.0,
            value,
            trial_value: value,
            best_value: value,
            values,
            lowest: Lowest::starting_at(value),
            squared_gradient,
            previous_squared_gradient: squared_gradient,
            squared_gradients,
            least_squared_gradient: squared_gradient,
            cosine: 0.0,
            sign_alignment: 0.0,
            decrease_ratio: 0.0,
            rejections: 0,
            accepted: 0,
            trial_waits: false,
            last_action: None,
            curvature: Curvature::new(wants_ritz),
            window: Window::default(),
        }
    }

    /// A trial of rate `rate` along -g gave the value `trial_value`.
    pub fn record_trial(&mut self, rate: f64, trial_value: f64) {
        self.rate = rate;
        self.momentum = 0.0;
        self.record_trial_value(trial_value);
    }

    /// A trial of this step gave the value `trial_value`.
    pub fn record_momentum_trial(&mut self, step: &PlaneStep, trial_value: f64) {
        // Before the first step s = 0, and d is along -g.
        (self.rate, self.slope) = match self.curvature.plane() {
            Some(plane) => (plane.length(step), plane.slope(step)),
            None => (step.rate, -step.rate * self.squared_gradient),
        };
        self.momentum = step.momentum;
        self.record_trial_value(trial_value);
    }

    /// -share · gᵀd of the last trial's step d: what a line search asks of f - f_trial.
    pub fn promised_decrease(&self, share: f64) -> f64 {
        if self.momentum == 0.0 {
            share * self.rate * self.squared_gradient
        } else {
            -share * self.slope
        }
    }

    fn record_trial_value(&mut self, trial_value: f64) {
        self.lowest.push(self.trial_value);
        self.trial_value = trial_value;
        let ratio = (self.value - trial_value) / self.promised_decrease(1.0);
        self.decrease_ratio = if trial_value.is_finite() && !ratio.is_nan() {
            ratio.clamp(-2.0, 2.0)
        } else {
            -2.0
        };
    }

    /// The last trial was rejected: the base point stays.
    pub fn record_rejection(&mut self) {
        self.rejections += 1;
        self.trial_waits = false;
    }

    /// The last trial was accepted: it is the base point now.
    pub fn record_acceptance(&mut self, step: &AcceptedStep<'_>) {
        let AcceptedStep { before, after, .. } = *step;
        let (mut before_after, mut after_after, mut signs) = (0.0, 0.0, 0.0);
        for (b, a) in before.iter().zip(after) {
            before_after += b * a;
            after_after += a * a;
            signs += sign(*b) * sign(*a);
        }
        self.previous_squared_gradient = self.squared_gradient;
        self.squared_gradient = after_after;
        self.squared_gradients.push(after_after);
        self.least_squared_gradient = self.least_squared_gradient.min(after_after);
        // Two roots, not the root of a product, which over- and underflows long before the norms do.
        let cosine = before_after / (self.previous_squared_gradient.sqrt() * after_after.sqrt());
        self.cosine = if cosine.is_nan() {
            0.0
        } else {
            cosine.clamp(-1.0, 1.0)
        };
        self.sign_alignment = signs / before.len().max(1) as f64;
        self.curvature.record(step);
        self.value = self.trial_value;
        self.values.push(self.value);
        self.accepted += 1;
        self.rejections = 0;
        self.trial_waits = false;
    }

    /// The logarithms of losses again, after the scale they are taken in has changed.
    pub fn rescale(&mut self, scale: &LossScale) {
        let w = &mut self.window;
        let mut logs: Vec<f64> = self
            .values
            .iter()
            .take(w.log_losses.len())
            .map(|value| scale.log(value))
            .collect();
        logs.reverse();
        w.average_log_loss = logs.last().copied().unwrap_or(0.0);
        w.log_losses = Recent::from(logs);
        w.best_log_loss = scale.log(w.best_loss);
        w.start_log_loss = scale.log(self.start_value);
    }

    /// The largest of the last `memory` base values: the reference of the nonmonotone rule.
    pub fn largest_recent(&self, memory: usize) -> f64 {
        self.values.max_of(memory).unwrap_or(self.value)
    }
}

/// -1, 0 or 1; unlike `f64::signum`, zero has no sign.
fn sign(v: f64) -> f64 {
    if v > 0.0 {
        1.0
    } else if v < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A step from the origin.
    pub(crate) fn step<'a>(to: &'a [f64], before: &'a [f64], after: &'a [f64]) -> AcceptedStep<'a> {
        let rate = if before[0] == 0.0 {
            1.0
        } else {
            -to[0] / before[0]
        };
        AcceptedStep {
            rate,
            momentum: 0.0,
            from: &[0.0; 2][..to.len()],
            to,
            before,
            after,
        }
    }

    #[test]
    fn an_accepted_step_by_hand() {
        let mut o = Observation::at_start(10.0, 5.0, 0.1, false);
        o.record_trial(0.1, 9.75);
        assert_eq!(o.decrease_ratio, 0.5);
        o.record_acceptance(&step(&[-0.1, -0.2], &[1.0, 2.0], &[1.0, -1.0]));
        assert_eq!(
            (o.value, o.squared_gradient, o.previous_squared_gradient),
            (9.75, 2.0, 5.0)
        );
        assert!((o.cosine + 1.0 / 10f64.sqrt()).abs() < 1e-15);
        assert_eq!((o.sign_alignment, o.accepted), (0.0, 1));
        assert_eq!(o.largest_recent(10), 10.0);
        assert_eq!(o.largest_recent(1), 9.75);
    }

    #[test]
    fn a_trial_that_is_not_finite_counts_as_the_worst() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut o = Observation::at_start(10.0, 5.0, 0.1, false);
            o.record_trial(0.1, bad);
            o.record_rejection();
            assert_eq!((o.decrease_ratio, o.rejections, o.value), (-2.0, 1, 10.0));
        }
    }
}
