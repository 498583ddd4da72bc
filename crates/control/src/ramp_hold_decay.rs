//! Ramp, hold, decay: a scripted rule that finds a learning rate by itself. It is the anchor of learned schedules, and their fallback.
//!
//! 1. Seek: from a rate that is too small to matter, x8 a window until the loss moves beyond its noise or by a twentieth.
//! 2. Climb: x2 a window until the loss has become worse, or has come down and no window has been the best for a while; then back to
//!    the best parameters, at a rate below the one that failed and the one that was best.
//! 3. Hold: up a little after each window that is the best so far, down a little after any other. A loss far above the best one
//!    halves the rate, a blow-up quarters it, from the best parameters on. Where nothing comes of the rate for some windows, seek again
//!    from there: the climb was ended by chance.
//! 4. Decay: linearly to zero over the last steps, where their number is known.
//!
//! It looks at the loss alone, with gradient statistics too: they are for the policy on it. How the constants were found is in
//! docs/deviations.md.

use serde::{Deserialize, Serialize};

use crate::controller::Decision;
use crate::learning_rate::SCHEDULE_BOUNDS;
use crate::observation::Observation;

/// The constants of the rule; they depend on how an optimizer's step grows with the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RampSettings {
    /// Windows of a known number of steps.
    pub windows: u64,
    /// The first rate where no rough rate is given.
    pub first_rate: f64,
    /// A rough rate lowers the first one to this share of it, and never raises it: it may be far too large, and what the seek
    /// takes from a rate that is far too small is little.
    pub rough_share: f64,
    /// The loss is looked at every √T times this many steps while nothing moves,
    pub seek_share: f64,
    /// and this many while the rate climbs.
    pub climb_share: f64,
    /// The factor of a window in which nothing moves.
    pub seek_factor: f64,
    /// How many standard errors the loss must move by.
    pub seek_errors: f64,
    /// Worse is more than this above the best, in ln loss,
    pub worse: f64,
    /// and more than this share of what ln loss has come down since the start.
    pub worse_share: f64,
    /// While climbing, once the loss has come down, so many windows in a row without a best one are a failure too: units that die take
    /// the loss down to that of a constant prediction and keep it there.
    pub climb_patience: u32,
    /// The rate held is `back` · failed^(1 - `by_best`) · best^`by_best` with the largest rate that failed,
    pub back: f64,
    /// and that of the best window.
    pub by_best: f64,
    /// The ramp ends at this share of the steps at the latest.
    pub ramp_end: f64,
    /// While holding: more than this above the best, in ln loss, rolls back.
    pub late_worse: f64,
    /// While holding: the factor of the rate after a window that is the best.
    pub grow: f64,
    /// and after one that is not,
    pub shrink: f64,
    /// and where the number of steps is not known: nothing else anneals the rate then.
    pub shrink_unknown: f64,
    /// The share of the steps over which the rate falls to zero.
    pub decay: f64,
}

impl RampSettings {
    /// For optimizers whose step grows with the gradient: SGD, with momentum or without.
    pub const MOMENTUM: Self = Self {
        windows: 41,
        first_rate: 1e-7,
        rough_share: 1e-3,
        seek_share: 0.27,
        climb_share: 0.35,
        seek_factor: 8.0,
        seek_errors: 6.0,
        worse: 0.97,
        worse_share: 0.35,
        climb_patience: 4,
        back: 0.35,
        by_best: 0.95,
        ramp_end: 0.6,
        late_worse: 0.6,
        grow: 1.2,
        shrink: 0.9,
        shrink_unknown: 0.9,
        decay: 0.1,
    };

    /// For optimizers that divide the gradient by its own size: Adam and its kin.
    pub const ADAPTIVE: Self = Self {
        windows: 45,
        first_rate: 1e-6,
        rough_share: 1e-2,
        seek_share: 0.28,
        climb_share: 0.52,
        seek_errors: 3.3,
        worse: 0.73,
        worse_share: 0.5,
        climb_patience: 2,
        back: 0.24,
        by_best: 1.14,
        ramp_end: 0.62,
        late_worse: 0.5,
        decay: 0.15,
        ..Self::MOMENTUM
    };
}

/// The loss has come down when its logarithm is this far below that of the first window. Before that a climb without best windows says
/// nothing against its rate: noise passes for movement now and then.
const GAIN: f64 = 0.1;

/// A held rate of which nothing has come for so many windows since the last roll-back is sought again, once.
const SEEK_AGAIN: u32 = 6;

/// No loss is worse than the best within so many standard errors of a window's mean.
const WORSE_ERRORS: f64 = 2.0;

/// The rate is not raised above this while the loss is the same to the last bit.
const CONSTANT_LOSS_BOUND: f64 = 1e-2;

/// Where the rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The rate is too small to matter.
    Seek,
    /// The rate rises until the loss gets worse.
    Climb,
    /// The rate is found.
    Hold,
}

/// The rule, in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RampHoldDecay {
    settings: RampSettings,
    phase: Phase,
    rate: f64,
    /// The largest rate that failed; 0 = none.
    failed: f64,
    /// No rate above this.
    most: f64,
    /// Losses seen while nothing moved: count, mean, sum of squared deviations.
    still: (f64, f64, f64),
    /// The last window differed from those.
    stood_out: bool,
    /// Windows of this climb.
    climbed: u32,
    sought_again: bool,
}

impl RampHoldDecay {
    /// At the start of a run; `rough_rate` is the user's guess.
    pub fn start(settings: RampSettings, rough_rate: Option<f64>) -> Self {
        let first = rough_rate.map_or(settings.first_rate, |rate| {
            settings.first_rate.min(settings.rough_share * rate)
        });
        Self {
            settings,
            phase: Phase::Seek,
            rate: bounded(first),
            failed: 0.0,
            most: SCHEDULE_BOUNDS.1,
            still: (0.0, 0.0, 0.0),
            stood_out: false,
            climbed: 0,
            sought_again: false,
        }
    }

    /// The constants.
    pub fn settings(&self) -> &RampSettings {
        &self.settings
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The rate it asks for, before the decay.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The share of a window after which it wants to see the loss.
    pub fn window_share(&self) -> f64 {
        match self.phase {
            Phase::Seek => self.settings.seek_share,
            Phase::Climb => self.settings.climb_share,
            Phase::Hold => 1.0,
        }
    }

    /// The factor of the linear decay for update `step` of `steps`, counted from 0: 1, then down to 1 / (steps · decay) at the last and after it.
    pub fn decay(&self, step: u64, steps: u64) -> f64 {
        let length = self.settings.decay * steps as f64;
        if length < 1.0 {
            return 1.0;
        }
        (steps.saturating_sub(step).max(1) as f64 / length).min(1.0)
    }

    /// The rate for the next window, and whether to go back to the best parameters first. `horizon_known` says whether
    /// `budget_left` means anything.
    pub fn decide(&mut self, o: &Observation, horizon_known: bool) -> Decision {
        let roll_back = match self.phase {
            Phase::Seek | Phase::Climb => self.ramp(o, horizon_known),
            Phase::Hold => self.hold(o, horizon_known),
        };
        Decision {
            roll_back,
            ..Decision::rate(self.rate, None)
        }
    }

    /// Upwards, until it was too much or takes too long.
    fn ramp(&mut self, o: &Observation, horizon_known: bool) -> bool {
        if o.window.fired || self.became_worse(o) {
            self.fail(o);
            return true;
        }
        if self.is_too_late(o, horizon_known) {
            self.phase = Phase::Hold;
        } else if self.phase == Phase::Seek {
            self.seek(o);
        } else {
            self.climbed += 1;
            self.set_rate(2.0 * self.rate);
        }
        false
    }

    /// Up a little after each best window, down a little after any other, far down from a loss that is too high.
    fn hold(&mut self, o: &Observation, horizon_known: bool) -> bool {
        let w = &o.window;
        if self.came_to_nothing(o) && !self.is_too_late(o, horizon_known) {
            self.phase = Phase::Seek;
            (self.still, self.stood_out) = ((0.0, 0.0, 0.0), false);
            self.sought_again = true;
            return false;
        }
        let too_high = worse_by(o, self.settings.late_worse) && w.since_rollback > 4;
        let factor = if w.fired {
            0.25
        } else if too_high {
            0.5
        } else if horizon_known && o.budget_left <= self.settings.decay {
            1.0
        } else if w.since_best == 0 {
            self.settings.grow
        } else if down_on_average(o) < GAIN {
            // A plateau at the start is no sign of a rate that is too high.
            1.0
        } else if horizon_known {
            self.settings.shrink
        } else {
            self.settings.shrink_unknown
        };
        self.set_rate(factor * self.rate);
        w.fired || too_high
    }

    /// The held rate has had its time and the loss has not come down. Another climb needs somewhere to go back to.
    fn came_to_nothing(&self, o: &Observation) -> bool {
        let w = &o.window;
        let may_seek = w.can_roll_back && !self.sought_again && self.most == SCHEDULE_BOUNDS.1;
        may_seek && !w.fired && w.since_rollback >= SEEK_AGAIN && down_on_average(o) < GAIN
    }

    /// One window that stands out may be chance: the loss has moved when a second one does.
    fn seek(&mut self, o: &Observation) {
        if self.moved(o) {
            self.set_rate(2.0 * self.rate);
            if self.stood_out {
                self.climb();
            }
            self.stood_out = true;
        } else {
            let next = bounded(self.settings.seek_factor * self.rate);
            // A loss that is the same to the last bit may be the wrong number: it is no reason to go far.
            let constant = o.window.deviation == 0.0 && o.value == o.start_value;
            if !constant || next <= CONSTANT_LOSS_BOUND {
                self.set_rate(next);
            }
            self.stood_out = false;
        }
    }

    fn climb(&mut self) {
        self.phase = Phase::Climb;
        self.climbed = 0;
    }

    /// The rest of the steps is for a rate that is held.
    fn is_too_late(&self, o: &Observation, horizon_known: bool) -> bool {
        horizon_known && 1.0 - o.budget_left > self.settings.ramp_end
    }

    /// From now on the rate is held, at the given one at most.
    pub fn hold_at_most(&mut self, rate: f64) {
        self.phase = Phase::Hold;
        self.most = rate;
        self.set_rate(self.rate);
    }

    /// The loss got worse at the present rate. A jump of the seek may have left out the right one, and the jump before it too: climb from
    /// below both.
    fn fail(&mut self, o: &Observation) {
        self.failed = self.failed.max(self.rate);
        if self.phase == Phase::Seek {
            self.climb();
            self.set_rate(self.rate / self.settings.seek_factor.powi(2));
        } else {
            self.phase = Phase::Hold;
            // Without a best window yet there is only the failure to go by.
            let best = match o.window.best_rate {
                rate if rate > 0.0 => rate,
                _ => self.failed,
            };
            let share = (best / self.failed).powf(self.settings.by_best);
            self.set_rate(self.settings.back * share * self.failed);
        }
    }

    fn became_worse(&self, o: &Observation) -> bool {
        let (w, s) = (&o.window, &self.settings);
        let down = w.start_log_loss - w.best_log_loss;
        let without_best = w.since_best.min(self.climbed);
        if self.phase == Phase::Climb && without_best >= s.climb_patience && down > GAIN {
            return true;
        }
        worse_by(o, s.worse.max(s.worse_share * down))
    }

    fn set_rate(&mut self, rate: f64) {
        self.rate = bounded(rate.min(self.most));
    }

    /// Whether the last window's mean lies outside the noise of the windows before it.
    fn moved(&mut self, o: &Observation) -> bool {
        let w = &o.window;
        let (n, x) = (f64::from(w.steps), o.value);
        let (count, mean, squares) = self.still;
        if count == 0.0 {
            self.still = (n, x, n * w.deviation * w.deviation);
            return false;
        }
        let pooled = (squares + n * w.deviation * w.deviation) / (count + n - 2.0).max(1.0);
        let error = (pooled * (1.0 / n + 1.0 / count)).sqrt();
        // Without any noise, rounding is no movement.
        let least = 3e-3 * w.best_log_loss.exp();
        let change = (x - mean).abs();
        // A twentieth of the loss is a movement that matters, even where it is less sure.
        let moved = change > (self.settings.seek_errors * error).max(least)
            || change > (2.0 * error).max(0.05 * w.best_log_loss.exp());
        if !moved {
            let total = count + n;
            self.still = (
                total,
                mean + (x - mean) * n / total,
                squares + n * w.deviation * w.deviation + (x - mean).powi(2) * count * n / total,
            );
        }
        moved
    }
}

/// Whether ln of the last window's loss over that of the best ones is above the threshold, and above its noise.
fn worse_by(o: &Observation, threshold: f64) -> bool {
    let w = &o.window;
    let above_best = w.log_losses.last().unwrap_or(0.0) - w.best_log_loss;
    let error = w.spread.now / f64::from(w.steps.max(1)).sqrt();
    above_best > threshold.max(WORSE_ERRORS * error)
}

/// What ln loss has come down since the first window, by a moving average.
fn down_on_average(o: &Observation) -> f64 {
    o.window.start_log_loss - o.window.average_log_loss
}

fn bounded(rate: f64) -> f64 {
    rate.max(SCHEDULE_BOUNDS.0).min(SCHEDULE_BOUNDS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of 16 losses with this mean and deviation has ended.
    fn close(o: &mut Observation, mean: f64, deviation: f64) {
        o.value = mean;
        o.window.steps = 16;
        o.window.deviation = deviation;
        o.window.spread.push(deviation / mean);
        o.window.log_losses.push(mean.ln());
        o.window.best_log_loss = o.window.best_log_loss.min(mean.ln());
    }

    fn start(first_loss: f64) -> Observation {
        let mut o = Observation::at_start(first_loss, 0.0, 1e-7, false);
        o.window.start_log_loss = first_loss.ln();
        o.window.best_log_loss = first_loss.ln();
        o
    }

    #[test]
    fn seeks_climbs_goes_back_and_holds() {
        let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        let mut o = start(2.0);
        let mut decide = |o: &Observation| {
            let decision = rule.decide(o, true);
            (decision.rate, decision.roll_back, rule.phase())
        };
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        // Within the noise of 0.1 / 4 a window: x8.
        for (power, mean) in [(1, 2.01), (2, 1.99), (3, 2.02)] {
            close(&mut o, mean, 0.1);
            let (rate, roll_back, phase) = decide(&o);
            assert!(near(rate, 1e-7 * 8f64.powi(power)) && !roll_back && phase == Phase::Seek);
        }
        // One window that stands out may be chance, two are not.
        let sought = 1e-7 * 512.0;
        close(&mut o, 1.8, 0.1);
        assert_eq!(decide(&o), (2.0 * sought, false, Phase::Seek));
        close(&mut o, 1.5, 0.1);
        assert_eq!(decide(&o), (4.0 * sought, false, Phase::Climb));
        close(&mut o, 1.0, 0.1);
        assert_eq!(decide(&o), (8.0 * sought, false, Phase::Climb));
        // Much worse than the best, which was had at half of this rate: back, below both.
        close(&mut o, 3.0, 0.1);
        o.window.best_rate = 4.0 * sought;
        o.window.since_best = 1;
        let held = 0.35 * 0.5f64.powf(0.95) * 8.0 * sought;
        let (rate, roll_back, phase) = decide(&o);
        assert!(near(rate, held) && roll_back && phase == Phase::Hold);
        // Down a little after a window that is not the best, up after one that is, and neither while the rate falls anyway.
        close(&mut o, 1.2, 0.1);
        assert!(near(decide(&o).0, 0.9 * held));
        close(&mut o, 0.9, 0.1);
        o.window.since_best = 0;
        assert!(near(decide(&o).0, 0.9 * 1.2 * held));
        o.budget_left = 0.09;
        assert!(near(decide(&o).0, 0.9 * 1.2 * held));
        // A blow-up quarters.
        o.window.fired = true;
        let (rate, roll_back, _) = decide(&o);
        assert!(near(rate, 0.25 * 0.9 * 1.2 * held) && roll_back);
    }

    #[test]
    fn gradient_statistics_change_nothing() {
        let rates = |gradients, promised| {
            let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
            let mut o = start(2.0);
            [2.01, 1.8, 1.5, 1.0, 3.0, 1.2].map(|mean| {
                close(&mut o, mean, 0.1);
                o.window.gradients = gradients;
                o.window.promised_decrease.push(promised);
                rule.decide(&o, true).rate
            })
        };
        assert_eq!(rates(2, 0.5), rates(0, 0.0));
        assert_eq!(rates(2, 1e-9), rates(0, 0.0));
    }

    #[test]
    fn a_jump_that_fails_is_followed_by_a_climb_from_below() {
        let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, Some(1.0));
        let mut o = start(2.0);
        o.window.fired = true;
        let decision = rule.decide(&o, true);
        assert_eq!((decision.rate, decision.roll_back), (1e-7 / 64.0, true));
        assert_eq!(rule.phase(), Phase::Climb);
    }

    #[test]
    fn a_loss_that_never_changes_is_no_reason_to_go_far() {
        let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        let mut o = start(2.0);
        for _ in 0..100 {
            close(&mut o, 2.0, 0.0);
            assert!(rule.decide(&o, false).rate <= CONSTANT_LOSS_BOUND);
        }
        assert!(rule.rate() > 1e-3);
    }

    #[test]
    fn a_climb_without_a_best_window_is_a_failure() {
        let mut rule = RampHoldDecay::start(RampSettings::ADAPTIVE, None);
        let mut o = start(2.0);
        for mean in [2.0, 1.5, 1.0] {
            close(&mut o, mean, 0.1);
            rule.decide(&o, true);
        }
        assert_eq!(rule.phase(), Phase::Climb);
        // As good as the best within the noise, but nothing better, in two windows of this climb.
        for since_best in [1, 2] {
            close(&mut o, 1.05, 0.1);
            o.window.since_best = since_best;
            assert!(!rule.decide(&o, true).roll_back);
        }
        let failing = rule.rate();
        close(&mut o, 1.05, 0.1);
        (o.window.since_best, o.window.best_rate) = (3, 0.25 * failing);
        assert!(rule.decide(&o, true).roll_back);
        assert_eq!(rule.phase(), Phase::Hold);
        let held = 0.24 * 0.25f64.powf(1.14) * failing;
        assert!((rule.rate() / held - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_held_rate_of_which_nothing_comes_is_sought_again_once() {
        let phase_after = |windows: u32, can_roll_back: bool, average: f64| {
            let mut rule = RampHoldDecay::start(RampSettings::ADAPTIVE, None);
            let mut o = start(2.0);
            o.window.can_roll_back = can_roll_back;
            o.window.fired = true;
            rule.decide(&o, false);
            rule.decide(&o, false);
            assert_eq!(rule.phase(), Phase::Hold);
            o.window.fired = false;
            for since_rollback in 1..=windows {
                close(&mut o, average, 0.1);
                o.window.average_log_loss = average.ln();
                o.window.since_rollback = since_rollback;
                rule.decide(&o, false);
            }
            (rule.phase(), rule)
        };
        assert_eq!(phase_after(5, true, 1.9).0, Phase::Hold);
        assert_eq!(phase_after(20, true, 1.7).0, Phase::Hold);
        // Without somewhere to go back to it stays.
        assert_eq!(phase_after(20, false, 1.9).0, Phase::Hold);
        let (phase, mut rule) = phase_after(6, true, 1.9);
        assert_eq!(phase, Phase::Seek);
        let mut o = start(2.0);
        o.window.can_roll_back = true;
        o.window.fired = true;
        rule.decide(&o, false);
        rule.decide(&o, false);
        o.window.fired = false;
        o.window.average_log_loss = 2f64.ln();
        for since_rollback in 1..=20 {
            o.window.since_rollback = since_rollback;
            rule.decide(&o, false);
        }
        assert_eq!(rule.phase(), Phase::Hold);
    }

    #[test]
    fn noise_that_passed_for_movement_does_not_end_the_climb() {
        let mut rule = RampHoldDecay::start(RampSettings::ADAPTIVE, None);
        let mut o = start(2.0);
        for mean in [2.0, 2.2, 2.2] {
            close(&mut o, mean, 0.1);
            rule.decide(&o, true);
        }
        assert_eq!((rule.phase(), o.window.best_rate), (Phase::Climb, 0.0));
        for since_best in 4..20 {
            let before = rule.rate();
            close(&mut o, 2.1, 0.1);
            o.window.since_best = since_best;
            assert!(!rule.decide(&o, true).roll_back);
            assert_eq!((rule.phase(), rule.rate()), (Phase::Climb, 2.0 * before));
        }
    }

    #[test]
    fn while_holding_a_loss_within_the_noise_of_its_window_is_not_too_high() {
        let held = |deviation: f64| {
            let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
            rule.hold_at_most(1.0);
            let mut o = start(1.0);
            o.window.since_rollback = 5;
            o.window.since_best = 1;
            close(&mut o, 2.0, deviation);
            rule.decide(&o, true).roll_back
        };
        // ln 2 = .69 is above .6; two standard errors of 16 losses are .1 and .75 of the mean.
        assert!(held(0.4) && !held(3.0));
    }

    #[test]
    fn a_rough_rate_lowers_the_first_one_and_never_raises_it() {
        let first = |rough| RampHoldDecay::start(RampSettings::ADAPTIVE, rough).rate();
        assert_eq!(first(None), 1e-6);
        for rough in [1e-4, 1.0, 10.0, f64::INFINITY] {
            assert_eq!(first(Some(rough)), 1e-6);
        }
        assert_eq!(first(Some(1e-6)), 1e-8);
    }

    #[test]
    fn without_a_horizon_the_rate_falls_while_nothing_is_the_best() {
        let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        rule.hold_at_most(1.0);
        let (mut o, rate) = (start(2.0), rule.rate());
        o.window.since_best = 3;
        let mut falls_to = |share: f64, left: f64, known: bool| {
            o.budget_left = left;
            let falls = rule.decide(&o, known).rate / rate;
            assert!((falls - share).abs() < 1e-12, "{falls} at {left}");
        };
        falls_to(0.9, 0.5, true);
        falls_to(0.81, 0.5, false);
        // Known to end, it is annealed anyway.
        falls_to(0.81, 0.01, true);
        falls_to(0.729, 0.01, false);
        // On a plateau at the start it stays.
        let before = rule.rate();
        o.window.average_log_loss = 1.9f64.ln();
        o.budget_left = 0.5;
        assert_eq!(rule.decide(&o, true).rate, before);
        assert_eq!(rule.decide(&o, false).rate, before);
    }

    #[test]
    fn held_at_most_the_rate_does_not_grow_any_more() {
        let mut rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        rule.hold_at_most(1e-8);
        let mut o = start(2.0);
        for step in 1..20 {
            close(&mut o, 2.0 / f64::from(step), 0.1);
            o.window.since_best = 0;
            assert_eq!(rule.decide(&o, true).rate, 1e-8);
        }
    }

    #[test]
    fn the_decay_is_linear_and_never_zero() {
        let rule = RampHoldDecay::start(RampSettings::MOMENTUM, None);
        let factors = [0, 90, 95, 99, 100, 1000].map(|step| rule.decay(step, 100));
        for (factor, wanted) in factors.iter().zip([1.0, 1.0, 0.5, 0.1, 0.1, 0.1]) {
            assert!((factor - wanted).abs() < 1e-12, "{factors:?}");
        }
        assert_eq!((rule.decay(0, 0), rule.decay(0, 1)), (1.0, 1.0));
    }
}
