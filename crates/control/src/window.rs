//! Measures one window of stochastic optimizer steps.

use crate::observation::Observation;
use crate::vector::dot;

/// Sums over the steps of the present window.
#[derive(Clone, Debug)]
pub struct WindowMeter {
    first_loss: f64,
    losses: f64,
    log_losses: f64,
    squared_log_losses: f64,
    gradient_norms: f64,
    gradient_cosines: f64,
    step_cosines: f64,
    promised: f64,
    relative_steps: f64,
    steps: u32,
    pairs: u32,
    previous_gradient: Vec<f64>,
    previous_step: Vec<f64>,
    has_previous: bool,
}

impl WindowMeter {
    /// For `dimension` parameters; the first loss sets the scale of the loss.
    pub fn new(dimension: usize, first_loss: f64) -> Self {
        Self {
            first_loss,
            losses: 0.0,
            log_losses: 0.0,
            squared_log_losses: 0.0,
            gradient_norms: 0.0,
            gradient_cosines: 0.0,
            step_cosines: 0.0,
            promised: 0.0,
            relative_steps: 0.0,
            steps: 0,
            pairs: 0,
            previous_gradient: vec![0.0; dimension],
            previous_step: vec![0.0; dimension],
            has_previous: false,
        }
    }

    /// ln(loss + 1e-6 · first loss), defined for every loss that the guard lets through.
    fn log(&self, loss: f64) -> f64 {
        (loss.max(0.0) + 1e-6 * self.first_loss.abs() + f64::MIN_POSITIVE).ln()
    }

    /// One step that the guard let through: the loss and gradient at x, and the update that was made of them.
    pub fn measure(&mut self, loss: f64, x: &[f64], gradient: &[f64], step: &[f64]) {
        let cosine = |ab: f64, aa: f64, bb: f64| {
            let value = ab / (aa.sqrt() * bb.sqrt());
            if value.is_finite() {
                value.clamp(-1.0, 1.0)
            } else {
                0.0
            }
        };
        let (gg, ss) = (dot(gradient, gradient), dot(step, step));
        let log = self.log(loss);
        self.losses += loss;
        self.log_losses += log;
        self.squared_log_losses += log * log;
        self.gradient_norms += gg.sqrt();
        self.promised += -dot(gradient, step)
            / loss
                .abs()
                .max(1e-6 * self.first_loss.abs())
                .max(f64::MIN_POSITIVE);
        self.relative_steps += ss.sqrt() / (dot(x, x).sqrt() + f64::MIN_POSITIVE);
        if self.has_previous {
            let previous = dot(&self.previous_gradient, &self.previous_gradient);
            self.gradient_cosines += cosine(dot(gradient, &self.previous_gradient), gg, previous);
            let previous = dot(&self.previous_step, &self.previous_step);
            self.step_cosines += cosine(-dot(gradient, &self.previous_step), gg, previous);
            self.pairs += 1;
        }
        self.previous_gradient.copy_from_slice(gradient);
        self.previous_step.copy_from_slice(step);
        self.has_previous = true;
        self.steps += 1;
    }

    /// Ends the window: writes it into the observation and starts the next. True where its mean loss is the best so far.
    /// A window in which the guard rejected every step changes nothing but the counts.
    pub fn close(&mut self, o: &mut Observation, rate_before: f64) -> bool {
        let w = &mut o.window;
        w.since_rollback += 1;
        w.since_change = if o.rate == rate_before {
            w.since_change + 1
        } else {
            0
        };
        w.largest_rate = w.largest_rate.max(o.rate);
        o.accepted += 1;
        let steps = f64::from(self.steps);
        if self.steps == 0 {
            return false;
        }
        let mean = self.losses / steps;
        let log = self.log(mean);
        let first = w.log_losses.is_empty();
        if first {
            w.start_log_loss = self.log(self.first_loss);
            w.best_log_loss = f64::INFINITY;
            w.average_log_loss = log;
        }
        w.average_log_loss = 0.8 * w.average_log_loss + 0.2 * log;
        w.log_losses.push(log);
        let variance = self.squared_log_losses / steps - (self.log_losses / steps).powi(2);
        w.spread.push(variance.max(0.0).sqrt());
        let pairs = f64::from(self.pairs.max(1));
        w.gradient_cosine.push(self.gradient_cosines / pairs);
        w.step_cosine.push(self.step_cosines / pairs);
        w.promised_decrease.push(self.promised / steps);
        w.log_relative_step = (self.relative_steps / steps + f64::MIN_POSITIVE).log10();
        w.previous_log_gradient = w.log_gradient.now;
        w.log_gradient
            .push((self.gradient_norms / steps + f64::MIN_POSITIVE).ln());
        if first {
            w.start_log_gradient = w.log_gradient.now;
            w.previous_log_gradient = w.log_gradient.now;
        }
        let best = log < w.best_log_loss;
        if best {
            w.best_log_loss = log;
            w.best_rate = o.rate;
        }
        o.value = mean;
        o.trial_value = mean;
        o.values.push(mean);
        o.best_value = o.best_value.min(mean);
        o.cosine = w.gradient_cosine.now;
        self.reset();
        best
    }

    fn reset(&mut self) {
        self.losses = 0.0;
        self.log_losses = 0.0;
        self.squared_log_losses = 0.0;
        self.gradient_norms = 0.0;
        self.gradient_cosines = 0.0;
        self.step_cosines = 0.0;
        self.promised = 0.0;
        self.relative_steps = 0.0;
        self.steps = 0;
        self.pairs = 0;
    }
}
