//! Measures one window of stochastic optimizer steps.

use serde::{Deserialize, Serialize};

use crate::observation::Observation;

/// Ratios of gradient statistics beyond this say no more than this.
const MOST_RATIO: f64 = 1e100;

/// What losses are compared by: ln(loss - floor + 1e-6 · scale), defined for every loss above the floor.
///
/// The scale is |first loss - floor|. The floor is 0 until a loss is negative; then it falls below the lowest loss, by half of what the
/// loss has come down from the first one, so that the logarithm goes on to tell better from worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    first: f64,
    floor: f64,
}

impl LossScale {
    /// The first loss sets the scale. It must be finite.
    pub fn starting_at(first: f64) -> Self {
        let mut scale = Self { first, floor: 0.0 };
        scale.include(first);
        scale
    }

    /// Lowers the floor where this loss is negative and below it. True where that changed the scale.
    pub fn include(&mut self, loss: f64) -> bool {
        let below = loss < 0.0 && loss <= self.floor;
        if below {
            self.floor = loss - 0.5 * (self.first - loss).max(self.first.abs());
        }
        below
    }

    /// A first loss of exactly zero has no scale: the next one sets it.
    pub fn rescale(&mut self, loss: f64) {
        if self.first == 0.0 {
            self.first = loss;
        }
    }

    /// The loss above the floor.
    pub fn above(&self, loss: f64) -> f64 {
        (loss - self.floor).max(0.0)
    }

    /// The logarithm that windows are compared by.
    pub fn log(&self, loss: f64) -> f64 {
        (self.above(loss) + 1e-6 * self.above(self.first) + f64::MIN_POSITIVE).ln()
    }
}

/// What one optimizer step Δ did beside the loss: four numbers that need a pass over all parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientStatistics {
    /// |g|.
    pub gradient_norm: f64,
    /// g · Δ; negative where the step goes downhill.
    pub slope: f64,
    /// |Δ|.
    pub step_norm: f64,
    /// |x|.
    pub parameter_norm: f64,
}

impl GradientStatistics {
    /// Whether they can be used: four finite numbers.
    pub fn is_finite(&self) -> bool {
        [
            self.gradient_norm,
            self.slope,
            self.step_norm,
            self.parameter_norm,
        ]
        .iter()
        .all(|v| v.is_finite())
    }
}

/// Sums over the steps of the present window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowMeter {
    /// Losses are summed up as differences from the first: a constant one stays the same to the last bit.
    first: f64,
    losses: f64,
    squared_losses: f64,
    log_losses: f64,
    squared_log_losses: f64,
    steps: u32,
    gradient_norms: f64,
    cosines: f64,
    promised: f64,
    relative_steps: f64,
    gradients: u32,
}

impl WindowMeter {
    /// How many losses it has taken in.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// A loss that the guard let through.
    pub fn measure(&mut self, scale: &LossScale, loss: f64) {
        let log = scale.log(loss);
        if self.steps == 0 {
            self.first = loss;
        }
        let above_first = loss - self.first;
        self.losses += above_first;
        self.squared_losses += above_first * above_first;
        self.log_losses += log;
        self.squared_log_losses += log * log;
        self.steps += 1;
    }

    /// What the update after a loss did.
    pub fn update(&mut self, scale: &LossScale, loss: f64, gradient: &GradientStatistics) {
        let tiny = 1e-6 * scale.above(scale.first) + f64::MIN_POSITIVE;
        let cosine =
            -gradient.slope / (gradient.gradient_norm * gradient.step_norm + f64::MIN_POSITIVE);
        // Parameters that start at zero, or a loss of zero, make a ratio infinite.
        let within = |ratio: f64| ratio.clamp(-MOST_RATIO, MOST_RATIO);
        self.gradient_norms += within(gradient.gradient_norm);
        self.cosines += cosine.clamp(-1.0, 1.0);
        self.promised += within(-gradient.slope / (scale.above(loss) + tiny));
        self.relative_steps +=
            within(gradient.step_norm / (gradient.parameter_norm + f64::MIN_POSITIVE));
        self.gradients += 1;
    }

    /// Ends the window: writes it into the observation and starts the next. True where the mean over it and the window before is the
    /// best so far.
    pub fn close(&mut self, scale: &LossScale, o: &mut Observation) -> bool {
        let sums = std::mem::take(self);
        let w = &mut o.window;
        w.since_rollback += 1;
        w.since_change += 1;
        w.since_best += 1;
        w.largest_rate = w.largest_rate.max(o.rate);
        w.fired = false;
        o.accepted += 1;
        if sums.steps == 0 {
            return false;
        }
        let steps = f64::from(sums.steps);
        let first = w.log_losses.is_empty();
        let mean = sums.first + sums.losses / steps;
        let log = scale.log(mean);
        if first {
            // What later windows are held against is a whole window: a single minibatch may be an outlier.
            o.start_value = mean;
            w.start_log_loss = log;
            w.best_loss = mean;
            w.best_log_loss = log;
            w.average_log_loss = log;
        }
        w.average_log_loss = 0.8 * w.average_log_loss + 0.2 * log;
        w.steps = sums.steps;
        w.deviation = deviation(sums.losses, sums.squared_losses, steps);
        w.spread
            .push(deviation(sums.log_losses, sums.squared_log_losses, steps));
        w.gradients = sums.gradients;
        if sums.gradients > 0 {
            let count = f64::from(sums.gradients);
            w.step_cosine.push(sums.cosines / count);
            w.promised_decrease.push(sums.promised / count);
            w.log_relative_step = (sums.relative_steps / count + f64::MIN_POSITIVE).log10();
            let log_gradient = (sums.gradient_norms / count + f64::MIN_POSITIVE).ln();
            if w.start_log_gradient == 0.0 {
                w.start_log_gradient = log_gradient;
                w.log_gradient.now = log_gradient;
            }
            w.previous_log_gradient = w.log_gradient.now;
            w.log_gradient.push(log_gradient);
        }
        let two_windows = match o.values.last() {
            Some(before) if !first => 0.5 * (mean + before),
            _ => mean,
        };
        w.log_losses.push(log);
        o.value = mean;
        o.trial_value = mean;
        o.values.push(mean);
        o.best_value = o.best_value.min(mean);
        let best = two_windows < w.best_loss;
        if best {
            w.best_loss = two_windows;
            w.best_log_loss = scale.log(two_windows);
            w.best_rate = o.rate;
            w.since_best = 0;
        }
        best
    }

    /// Forgets the present window.
    pub fn discard(&mut self) {
        *self = Self::default();
    }
}

/// √(mean of squares - square of mean).
fn deviation(sum: f64, squares: f64, count: f64) -> f64 {
    (squares / count - (sum / count).powi(2)).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_windows_by_hand() {
        let scale = LossScale::starting_at(4.0);
        let mut o = Observation::at_start(4.0, 0.0, 0.1, false);
        o.window.best_loss = 4.0;
        let mut meter = WindowMeter::default();
        for loss in [4.0, 2.0] {
            meter.measure(&scale, loss);
        }
        let gradient = GradientStatistics {
            gradient_norm: 2.0,
            slope: -0.3,
            step_norm: 0.25,
            parameter_norm: 2.5,
        };
        meter.update(&scale, 2.0, &gradient);
        // The first window is the yardstick, not the first loss.
        assert!(!meter.close(&scale, &mut o));
        assert_eq!((o.start_value, o.window.best_loss), (3.0, 3.0));
        assert!((o.window.start_log_loss - 3.000_004f64.ln()).abs() < 1e-12);
        let w = &o.window;
        assert_eq!((o.value, w.steps, w.deviation), (3.0, 2, 1.0));
        assert!((w.log_losses.get(0).unwrap() - 3.000_004f64.ln()).abs() < 1e-12);
        assert!((w.spread.now - 0.5 * 2f64.ln()).abs() < 1e-6);
        assert_eq!(w.gradients, 1);
        assert!((w.promised_decrease.now - 0.15).abs() < 1e-6);
        assert!((w.step_cosine.now - 0.6).abs() < 1e-12);
        assert!((w.log_relative_step + 1.0).abs() < 1e-12);
        meter.measure(&scale, 5.0);
        assert!(!meter.close(&scale, &mut o));
        assert_eq!((o.window.best_loss, o.window.since_best), (3.0, 2));
        meter.measure(&scale, 0.5);
        assert!(meter.close(&scale, &mut o));
        assert_eq!((o.window.best_loss, o.window.since_best), (2.75, 0));
        // No gradient statistics came: what was known stays.
        assert_eq!(o.window.gradients, 0);
        assert!((o.window.promised_decrease.now - 0.15).abs() < 1e-6);
    }

    #[test]
    fn a_constant_loss_stays_the_same_to_the_last_bit() {
        for loss in [2.3, 0.1, -1e90, 1e-300] {
            let mut o = Observation::at_start(loss, 0.0, 0.1, false);
            let mut meter = WindowMeter::default();
            let scale = LossScale::starting_at(loss);
            (0..7).for_each(|_| meter.measure(&scale, loss));
            meter.close(&scale, &mut o);
            assert_eq!((o.value, o.window.deviation), (loss, 0.0));
        }
    }

    #[test]
    fn ratios_stay_finite_where_parameters_and_loss_are_zero() {
        let scale = LossScale::starting_at(0.0);
        let mut o = Observation::at_start(0.0, 0.0, 0.1, false);
        let mut meter = WindowMeter::default();
        meter.measure(&scale, 0.0);
        let gradient = GradientStatistics {
            gradient_norm: 1e30,
            slope: -1e38,
            step_norm: 1e30,
            parameter_norm: 0.0,
        };
        meter.update(&scale, 0.0, &gradient);
        meter.close(&scale, &mut o);
        let w = &o.window;
        assert!(w.promised_decrease.now.is_finite() && w.log_relative_step.is_finite());
    }

    #[test]
    fn a_negative_loss_lowers_the_floor_and_lower_stays_better() {
        let mut scale = LossScale::starting_at(1.0);
        assert!(!scale.include(0.5));
        assert!(scale.include(-1.0));
        assert_eq!(scale.floor, -2.0);
        assert!(scale.log(-1.5) < scale.log(-1.0));
        assert!(!scale.include(-1.9) && scale.include(-2.0));
        let zero = LossScale::starting_at(0.0);
        assert!(zero.log(0.0).is_finite());
        assert!(LossScale::starting_at(-3.0).log(-3.0) < LossScale::starting_at(-3.0).log(-2.0));
    }
}
