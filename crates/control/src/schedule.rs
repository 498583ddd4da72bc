//! A learning-rate schedule that sees the loss: the stochastic regime, step by step, for whoever owns the parameters.
//!
//! ```text
//! loss -> guard -> window -> anchor -> (decision of the policy) -> rate of this step -> [update] -> next loss
//! ```
//!
//! [`Schedule`] holds no parameters and draws no random number. [`StochasticEpisode`](crate::StochasticEpisode) drives it on
//! slices, to train and to compare; a scheduler for a deep-learning framework drives it with the losses of somebody's training run. Fed the
//! same losses both get the same commands.

use serde::{Deserialize, Serialize};

use crate::controller::Decision;
use crate::learning_rate::{SCHEDULE_BOUNDS, bounded};
use crate::observation::Observation;
use crate::ramp_hold_decay::{Phase, RampHoldDecay};
pub use crate::schedule_settings::{CHANGE_BOUNDS, ScheduleError, ScheduleSettings};
use crate::window::{GradientStatistics, LossScale, WindowMeter};

/// What one run adds to the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// T, the number of optimizer steps; none where it is not known.
    pub steps: Option<u64>,
    /// A rough learning rate that may be wrong by a factor of 100 either way.
    pub rough_rate: Option<f64>,
    /// Whether the parameters can be rolled back.
    pub can_roll_back: bool,
}

/// What to do after a loss was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The rate of this step's update.
    pub rate: f64,
    /// Keep the present parameters, at which this loss was measured: they are the best so far. Before the update.
    pub snapshot: bool,
    /// Return to the snapshot, forget the optimizer's state, and make no update.
    pub roll_back: bool,
}

/// One training run as its controller sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedule {
    settings: ScheduleSettings,
    run: Run,
    anchor: RampHoldDecay,
    observation: Observation,
    scale: Option<LossScale>,
    meter: WindowMeter,
    /// Losses measured, which is one more than the updates made or rolled back.
    measured: u64,
    last_loss: f64,
    /// The largest loss in the first two windows.
    largest: f64,
    /// The last loss was too large: a second one in a row is a blow-up, a single one a bad batch.
    suspect: bool,
    /// No update was made since the last roll-back.
    at_snapshot: bool,
    /// The last loss was a blow-up.
    blown_up: bool,
    fallen_back: bool,
    decided: bool,
    /// The rate before the last loss, without the annealing: a decision changes it within bounds.
    rate_before: f64,
    command: Command,
}

impl Schedule {
    /// Before the first loss.
    pub fn start(settings: ScheduleSettings, run: Run) -> Self {
        let anchor = RampHoldDecay::start(settings.anchor, run.rough_rate);
        let rate = anchor.rate();
        let mut observation = Observation::at_start(0.0, 0.0, rate, false);
        observation.window.can_roll_back = run.can_roll_back;
        observation.window.anchor_rate = rate;
        observation.window.residual = 1.0;
        if run.steps.is_none() {
            observation.budget_left = 0.5;
        }
        Self {
            settings,
            run,
            anchor,
            observation,
            scale: None,
            meter: WindowMeter::default(),
            measured: 0,
            last_loss: 0.0,
            largest: 0.0,
            suspect: false,
            at_snapshot: true,
            blown_up: false,
            fallen_back: false,
            decided: false,
            rate_before: rate,
            command: Command {
                rate,
                snapshot: false,
                roll_back: false,
            },
        }
    }

    /// What was measured so far.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// The settings.
    pub fn settings(&self) -> &ScheduleSettings {
        &self.settings
    }

    /// What the run added to them.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Whether parameters can be rolled back from now on.
    pub fn set_can_roll_back(&mut self, can: bool) {
        self.run.can_roll_back = can;
        self.observation.window.can_roll_back = can;
    }

    /// Where the anchor is.
    pub fn phase(&self) -> Phase {
        self.anchor.phase()
    }

    /// Losses measured so far.
    pub fn measured(&self) -> u64 {
        self.measured
    }

    /// Whether there were too many roll-backs, so that the anchor holds a small rate to the end.
    pub fn fallen_back(&self) -> bool {
        self.fallen_back
    }

    /// Whether more steps were made than announced.
    pub fn overrun(&self) -> bool {
        self.run.steps.is_some_and(|steps| self.measured > steps)
    }

    /// What to do now.
    pub fn command(&self) -> Command {
        self.command
    }

    /// Whether the last loss led to a decision of the anchor: a window ended, or a loss blew up.
    pub fn decided(&self) -> bool {
        self.decided
    }

    /// The number of steps, where it is known, from now on.
    pub fn set_steps(&mut self, steps: Option<u64>) {
        self.run.steps = steps;
    }

    /// The loss at the present parameters. True where a window has ended and the policy may adjust the anchor's rate: then
    /// [`decide`](Self::decide) may follow, before [`command`](Self::command) is carried out.
    pub fn measure(&mut self, loss: f64) -> bool {
        self.measured += 1;
        self.decided = false;
        self.rate_before = self.observation.rate;
        self.command.snapshot = false;
        self.command.roll_back = false;
        if let Some(steps) = self.run.steps {
            self.observation.budget_left =
                (1.0 - self.measured as f64 / steps.max(1) as f64).max(0.0);
        }
        let due = if self.is_blow_up(loss) {
            self.blow_up(loss);
            false
        } else {
            self.blown_up = false;
            self.last_loss = loss;
            self.take_in(loss)
        };
        self.at_snapshot = self.command.roll_back;
        self.command.rate = self.annealed(self.observation.rate);
        due
    }

    /// The policy's decision on the window that has just ended.
    pub fn decide(&mut self, decision: &Decision) {
        let o = &mut self.observation;
        o.last_action = decision.action;
        let before = o.rate;
        let residual = bounded(decision.rate) / self.anchor.rate();
        o.window.residual = residual.clamp(
            1.0 / self.settings.most_residual,
            self.settings.most_residual,
        );
        o.rate = within_bounds(self.rate_before, self.anchor.rate() * o.window.residual);
        if o.rate != before {
            o.window.since_change = 0;
        }
        if decision.roll_back && o.window.can_roll_back {
            self.command.snapshot = false;
            self.roll_back();
            self.at_snapshot = true;
        }
        self.command.rate = self.annealed(self.observation.rate);
    }

    /// What the update after the last loss did, where that was measured.
    pub fn update(&mut self, gradient: &GradientStatistics) {
        if let (Some(scale), true) = (&self.scale, gradient.is_finite()) {
            self.meter.update(scale, self.last_loss, gradient);
        }
    }

    /// A loss that the guard let through.
    fn take_in(&mut self, loss: f64) -> bool {
        let length = self.window_length();
        let o = &mut self.observation;
        let scale = self.scale.get_or_insert_with(|| {
            let scale = LossScale::starting_at(loss);
            o.start_value = loss;
            (o.value, o.trial_value, o.best_value) = (loss, loss, loss);
            o.values = Default::default();
            o.window.best_loss = loss;
            o.window.best_log_loss = scale.log(loss);
            o.window.start_log_loss = scale.log(loss);
            scale
        });
        scale.rescale(loss);
        if scale.include(loss) {
            o.rescale(scale);
        }
        if o.window.log_losses.len() < 2 {
            self.largest = self.largest.max(scale.above(loss));
        }
        self.meter.measure(scale, loss);
        if self.meter.steps() < length {
            return false;
        }
        self.command.snapshot = self.meter.close(scale, &mut self.observation);
        self.follow_anchor();
        self.anchor.phase() == Phase::Hold
            && !self.command.roll_back
            && !self.fallen_back
            && !self.overrun()
    }

    /// Asks the anchor at the end of a window, or after a blow-up.
    fn follow_anchor(&mut self) {
        self.decided = true;
        let sought = self.anchor.phase() == Phase::Seek;
        let decision = self
            .anchor
            .decide(&self.observation, self.run.steps.is_some());
        let o = &mut self.observation;
        if sought && self.anchor.phase() != Phase::Seek {
            o.window.moved_rate = o.rate;
        }
        let rate = within_bounds(self.rate_before, decision.rate * o.window.residual);
        o.window.anchor_rate = decision.rate;
        if decision.roll_back {
            self.command.snapshot = false;
            self.roll_back();
        }
        let o = &mut self.observation;
        if self.anchor.phase() != Phase::Hold || decision.roll_back {
            o.window.since_change = 0;
        }
        o.rate = rate;
    }

    fn roll_back(&mut self) {
        let o = &mut self.observation;
        o.window.failed_rate = o.rate;
        o.window.rollbacks += 1;
        o.window.since_rollback = 0;
        if o.window.can_roll_back {
            self.command.roll_back = true;
        } else if let Some(scale) = &self.scale {
            // The loss stays where it is: what was best before is not reached any more, and later windows are held against this one.
            o.window.best_loss = o.value;
            o.window.best_log_loss = scale.log(o.value);
        }
    }

    /// Not finite, far above all that the first windows held, or twice in a row above it. Where nothing was updated since the last
    /// roll-back a finite loss is no fault of the rate.
    fn is_blow_up(&mut self, loss: f64) -> bool {
        if !is_usable(loss) {
            return true;
        }
        let Some(scale) = &self.scale else {
            return false;
        };
        let (above, limit) = (scale.above(loss), self.settings.guard * self.largest);
        let high = self.largest > 0.0 && above > limit;
        if high && self.at_snapshot {
            self.largest = above;
            self.suspect = false;
            return false;
        }
        let blow_up = high && (self.suspect || above > 10.0 * limit);
        self.suspect = high && !blow_up;
        blow_up
    }

    fn blow_up(&mut self, loss: f64) {
        self.meter.discard();
        let o = &mut self.observation;
        let repeated = std::mem::replace(&mut self.blown_up, true);
        if !o.window.can_roll_back {
            // Nothing mends the parameters: the rate falls once, and what comes next is held against this loss.
            if let Some(scale) = &self.scale
                && is_usable(loss)
            {
                self.largest = self.largest.max(scale.above(loss));
            } else if repeated {
                return;
            }
        }
        // Nothing was updated: the rate is not to blame for a loss that is not finite here, the batch or the model is.
        if self.at_snapshot {
            o.window.rollbacks += 1;
            self.command.roll_back = o.window.can_roll_back;
        } else {
            o.window.fired = true;
            o.window.residual = 1.0;
            self.follow_anchor();
            self.observation.window.fired = false;
        }
        let o = &self.observation;
        if o.window.rollbacks >= self.settings.most_rollbacks && !self.fallen_back {
            self.fallen_back = true;
            let best = if o.window.best_rate > 0.0 {
                o.window.best_rate
            } else {
                o.rate
            };
            self.anchor.hold_at_most(0.1 * best);
            self.observation.window.anchor_rate = self.anchor.rate();
            self.observation.window.residual = 1.0;
            self.observation.rate = within_bounds(self.rate_before, self.anchor.rate());
        }
    }

    /// Losses in a window of the present phase: ⌈T / windows⌉ while holding, √T times a share before, since what the noise of a
    /// window needs grows slower than T. Of an unknown T a fortieth of the steps so far, at least 24, or a share of that.
    pub fn window_length(&self) -> u32 {
        let share = self.anchor.window_share();
        let length = match (self.run.steps, self.anchor.phase()) {
            (Some(steps), Phase::Hold) => steps as f64 / self.settings.anchor.windows.max(1) as f64,
            (Some(steps), _) => share * (steps as f64).sqrt(),
            (None, _) => share * (self.measured / 40).max(24) as f64,
        };
        (length.ceil() as u32).max(2)
    }

    fn annealed(&self, rate: f64) -> f64 {
        match self.run.steps {
            Some(steps) => {
                let decay = self.anchor.decay(self.measured.saturating_sub(1), steps);
                (rate * decay).max(SCHEDULE_BOUNDS.0)
            }
            None => rate,
        }
    }
}

/// Finite, and so that its square is too.
fn is_usable(loss: f64) -> bool {
    loss.abs() < 1e100
}

/// The new rate within the hard bounds on rates and on their change.
fn within_bounds(before: f64, rate: f64) -> f64 {
    bounded(rate)
        .clamp(CHANGE_BOUNDS.0 * before, CHANGE_BOUNDS.1 * before)
        .clamp(SCHEDULE_BOUNDS.0, SCHEDULE_BOUNDS.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionSet;
    use proptest::prelude::*;

    fn guarded(steps: Option<u64>) -> Schedule {
        let run = Run {
            steps,
            rough_rate: Some(100.0),
            can_roll_back: true,
        };
        Schedule::start(ScheduleSettings::MOMENTUM, run)
    }

    /// Losses that fall a little, with some noise.
    fn falling(step: u64) -> f64 {
        2.0 * (-0.01 * step as f64).exp() + 0.01 * ((step * 7919 % 13) as f64 - 6.0) / 6.0
    }

    #[test]
    fn a_first_minibatch_that_is_an_outlier_does_not_pass_for_movement() {
        for first in [0.5, 3.8, 6.4] {
            let mut schedule = guarded(Some(1000));
            schedule.measure(first);
            for step in 1..90u64 {
                schedule.measure(3.8 + 0.3 * ((step * 7919 % 13) as f64 - 6.0) / 6.0);
            }
            assert_eq!(schedule.phase(), Phase::Seek, "from {first}");
            assert!(schedule.observation().rate > 1e-2);
            assert!(schedule.observation().start_value > 3.0);
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_rolls_back_and_lowers_the_rate() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut schedule = guarded(Some(1000));
            for step in 0..60 {
                schedule.measure(falling(step));
            }
            let before = schedule.observation().rate;
            assert!(!schedule.measure(bad));
            let command = schedule.command();
            assert!(command.roll_back && !command.snapshot && schedule.decided());
            assert!(schedule.observation().rate < before);
            // At the snapshot again a finite loss, however large, is no fault of the rate.
            let lowered = schedule.observation().rate;
            schedule.measure(1e6);
            assert!(!schedule.command().roll_back);
            assert_eq!(schedule.observation().rate, lowered);
        }
    }

    #[test]
    fn one_bad_batch_is_no_blow_up_but_two_are() {
        let mut schedule = guarded(Some(1000));
        // To the middle of a window, so that the guard judges these losses and no end of a window does.
        for step in 0..155 {
            schedule.measure(falling(step));
        }
        schedule.measure(10.0);
        assert!(!schedule.command().roll_back);
        schedule.measure(0.5);
        schedule.measure(10.0);
        assert!(!schedule.command().roll_back);
        schedule.measure(10.0);
        assert!(schedule.command().roll_back);
        // Far beyond all that was seen one is enough.
        schedule.measure(0.5);
        schedule.measure(0.5);
        schedule.measure(1e3);
        assert!(schedule.command().roll_back);
    }

    #[test]
    fn without_a_guard_the_rate_falls_once_and_is_then_held() {
        let mut schedule = guarded(Some(1000));
        schedule.set_can_roll_back(false);
        for step in 0..60 {
            schedule.measure(falling(step));
        }
        schedule.measure(f64::NAN);
        let rate = schedule.command().rate;
        for _ in 0..50 {
            schedule.measure(f64::NAN);
            assert!(!schedule.command().roll_back);
        }
        assert_eq!(schedule.command().rate, rate);
        assert_eq!(schedule.observation().window.rollbacks, 1);
    }

    #[test]
    fn too_many_roll_backs_end_in_a_small_rate() {
        let mut schedule = guarded(Some(10_000));
        for step in 0..400 {
            schedule.measure(falling(step));
        }
        let most = schedule.settings().most_rollbacks;
        for _ in 0..most {
            assert!(!schedule.fallen_back());
            schedule.measure(f64::NAN);
            schedule.measure(1.0);
        }
        assert!(schedule.fallen_back());
        assert!(schedule.observation().rate <= 0.1 * schedule.observation().window.best_rate);
        for _ in 0..2000 {
            assert!(!schedule.measure(1.0), "the policy is not asked any more");
        }
    }

    #[test]
    fn a_snapshot_is_asked_for_where_a_window_is_the_best_so_far() {
        let mut schedule = guarded(Some(1000));
        let snapshots = (0..300).filter(|step| {
            schedule.measure(falling(*step));
            schedule.command().snapshot
        });
        assert!(snapshots.count() >= 5);
    }

    #[test]
    fn few_steps_and_more_than_announced() {
        for steps in [1, 2, 3] {
            let mut schedule = guarded(Some(steps));
            for step in 0..10 {
                schedule.measure(falling(step));
                assert!(schedule.command().rate > 0.0);
                assert_eq!(schedule.overrun(), step + 1 > steps);
            }
        }
        let mut schedule = guarded(Some(100));
        for step in 0..100 {
            schedule.measure(falling(step));
        }
        let last = schedule.command().rate;
        schedule.measure(0.5);
        assert!(schedule.command().rate <= last);
    }

    #[test]
    fn a_policy_acts_within_its_bounds() {
        let actions = ActionSet::preset("residual").unwrap();
        let mut schedule = guarded(Some(400));
        let mut decisions = 0;
        for step in 0..400 {
            if schedule.measure(falling(step.min(100))) {
                let twice = actions.decide(2, schedule.observation());
                schedule.decide(&twice);
                decisions += 1;
                let w = &schedule.observation().window;
                assert_eq!(w.residual, 2f64.powi(decisions).min(2.0));
                let rate = (w.residual * w.anchor_rate).min(SCHEDULE_BOUNDS.1);
                assert_eq!(schedule.observation().rate, rate);
            }
        }
        assert!(decisions > 3);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let mut settings = ScheduleSettings::ADAPTIVE;
        assert_eq!(settings.check(), Ok(()));
        settings.anchor.back = 1.5;
        let error = settings.check().map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("`back` is 1.5: it must be between 0 and 1".to_owned())
        );
    }

    fn any_loss() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => 0.0..10.0,
            2 => -1e3..1e3,
            1 => prop_oneof![
                Just(0.0),
                Just(f64::NAN),
                Just(f64::INFINITY),
                Just(f64::NEG_INFINITY),
                Just(f64::MAX),
                Just(f64::MIN),
                Just(1e-300),
            ],
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_losses_the_bounds_hold(
            losses in proptest::collection::vec(any_loss(), 1..300),
            steps in proptest::option::of(0..400u64),
            can_roll_back: bool,
        ) {
            let run = Run { steps, rough_rate: None, can_roll_back };
            let mut schedule = Schedule::start(ScheduleSettings::ADAPTIVE, run);
            let mut before = schedule.observation().rate;
            for loss in losses {
                schedule.measure(loss);
                let rate = schedule.observation().rate;
                prop_assert!((SCHEDULE_BOUNDS.0..=SCHEDULE_BOUNDS.1).contains(&rate));
                let change = rate / before;
                prop_assert!(
                    change >= CHANGE_BOUNDS.0 * 0.999 && change <= CHANGE_BOUNDS.1 * 1.001
                        || rate == SCHEDULE_BOUNDS.0
                );
                let acting = schedule.command().rate;
                prop_assert!(acting.is_finite() && acting > 0.0 && acting <= rate);
                prop_assert!(can_roll_back || !schedule.command().roll_back);
                before = rate;
            }
        }

        #[test]
        fn a_schedule_goes_on_from_its_json_as_if_nothing_was(
            losses in proptest::collection::vec(any_loss(), 1..300),
            at in 0..300usize,
        ) {
            let mut schedule = guarded(Some(250));
            for (step, loss) in losses.iter().enumerate() {
                if step == at {
                    let text = serde_json::to_string(&schedule).unwrap();
                    let resumed: Schedule = serde_json::from_str(&text).unwrap();
                    let mut twin = resumed;
                    for loss in &losses[at..] {
                        twin.measure(*loss);
                    }
                    for loss in &losses[at..] {
                        schedule.measure(*loss);
                    }
                    prop_assert_eq!(schedule.command(), twin.command());
                    prop_assert_eq!(schedule.observation().rate, twin.observation().rate);
                    return Ok(());
                }
                schedule.measure(*loss);
            }
        }
    }
}
