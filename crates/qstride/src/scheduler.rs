//! The scheduler: a frozen policy on a scripted anchor, driven by the losses of somebody's training run.

use std::path::Path;
use std::sync::Arc;

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::optim::LearningRate;
use qstride_control::checkpoint::Regime;
use qstride_control::features::Features;
use qstride_control::ramp_hold_decay::Phase;
use qstride_control::schedule::{Command, Run, Schedule, ScheduleSettings};
use qstride_control::state::StateMemory;
use qstride_control::window::GradientStatistics;
use qstride_control::{Checkpoint, CheckpointError, Controller, Learned};
use serde::{Deserialize, Serialize};

use crate::audit::{AuditError, AuditLog};
use crate::follower::Follower;
use crate::health::Health;
use crate::monitor::{LastDecision, Monitor, Names, Noted};
use crate::optimizer_family::OptimizerFamily;
use crate::pretrained::pretrained;
use crate::probe::Probe;
use crate::roll_out::RollOut;
use crate::scheduler_record;

/// A scheduler that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The checkpoint cannot be loaded.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It was trained for line searches.
    #[error(
        "checkpoint {name}: field `regime` is deterministic; a scheduler needs a stochastic policy (`qstride train --regime stochastic`)"
    )]
    Regime {
        /// The policy's name.
        name: String,
    },
    /// A number that cannot be.
    #[error("scheduler: {setting} is {value}, but it must be {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it was set to.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
}

/// A learning-rate scheduler that sees the loss.
///
/// It seeks a rate, climbs until the loss gets worse, goes back, holds and anneals; a learned policy adjusts the rate within a
/// factor of two meanwhile. See [`RampHoldDecay`](qstride_control::ramp_hold_decay) for the rule and
/// [`Schedule`](qstride_control::schedule) for what happens at each loss.
///
/// - Call [`Probe::record`] with the loss before each [`step`](LrScheduler::step).
/// - Say the number of optimizer steps if you know it ([`steps`](Self::steps)).
/// - `step` returns no error and never panics. Where it does not get what it needs it holds the last safe rate, logs once which line to
///   add, and [`health`](Self::health) says it.
/// - Hard bounds: a rate lies in \[1e-12, 1e4\], and no decision changes it by more than x10 or x1/100.
///
/// What a run may do wrong, and what happens:
///
/// | input | behaviour | [`Health`] |
/// |---|---|---|
/// | a loss that is NaN, infinite or beyond 1e100 | a guard rolls back and the rate falls, or, at the snapshot itself, skips the batch; without one the rate falls once and is held | `NotFinite` |
/// | the same loss to the last bit, zero too | the rate is not raised above 1e-2 | `ConstantLoss` |
/// | negative losses | as good as others: losses are compared above a floor that falls with them | `Fine` |
/// | no loss since the last step | the rate is held | `NoLoss` |
/// | several losses since the last step | their mean counts | `Fine` |
/// | a probe filled from another thread | the same as from this one | `Fine` |
/// | `steps(0)` | as if not known | `Fine` |
/// | `steps(1)`, `steps(2)` | the first, tiny rate | `Fine` |
/// | more steps than announced | the last, smallest rate is the most | `Overrun` |
/// | more than 20 roll-backs | a tenth of the best rate is held and annealed, the policy is not asked any more | `FallenBack` |
/// | a guard whose `step` is not called | nothing is rolled back until it is | `GuardIdle` |
/// | a record of another version or policy | the scheduler starts anew | `RecordRefused` |
/// | a policy of the deterministic regime, a rough rate that is no rate | an error before training | |
#[derive(Clone)]
pub struct Scheduler {
    probe: Probe,
    monitor: Monitor,
    schedule: Schedule,
    policy: Option<Learned>,
    policy_name: String,
    names: Arc<Names>,
    roll_out: RollOut,
    audit: Option<AuditLog>,
    late: bool,
    /// The first loss of the probe that was not read yet, and the end of the probe at the step before.
    cursor: u64,
    end_before: u64,
    /// With late reading: the loss that waited when the record was made.
    waiting: Option<f64>,
    counts: Counts,
    warned: Vec<&'static str>,
}

/// What is counted from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts {
    steps: u64,
    without_loss: u64,
    not_finite: u64,
    same_loss: u64,
    last_loss: u64,
    guard_idle: bool,
    without_gradients: bool,
    refused: bool,
}

/// All that a resumed run needs.
#[derive(Serialize, Deserialize)]
struct State {
    policy: String,
    schedule: Schedule,
    memory: Option<StateMemory>,
    counts: Counts,
    pending: Option<Command>,
    /// What the last update did, not taken in yet.
    gradient: Option<GradientStatistics>,
    /// The bits of the loss that is read at the next step, with late reading; JSON has no NaN.
    waiting: Option<u64>,
    /// The rate of the last step.
    rate: Option<f64>,
    decisions: u64,
}

impl Scheduler {
    /// The policy that ships for SGD, with momentum or without. No file system, no network.
    pub fn pretrained() -> Self {
        Self::pretrained_for(OptimizerFamily::Momentum)
    }

    /// The policy that ships for a family of optimizers.
    pub fn pretrained_for(family: OptimizerFamily) -> Self {
        match pretrained(family.policy()) {
            Ok(checkpoint) => Self::of(&checkpoint, family.settings()),
            Err(error) => {
                // A test of this crate rules it out.
                tracing::error!(%error, "the embedded policy is damaged: the anchor acts alone");
                Self::rule(family)
            }
        }
    }

    /// The scripted rule alone: ramp, hold, decay.
    pub fn rule(family: OptimizerFamily) -> Self {
        Self::new(None, "rule".to_owned(), family.settings())
    }

    /// A policy of one's own, from a checkpoint folder.
    ///
    /// # Errors
    /// Whatever is wrong with the folder, by name of the field; a policy of the deterministic regime.
    pub fn from_checkpoint(folder: impl AsRef<Path>) -> Result<Self, SchedulerError> {
        let checkpoint = Checkpoint::load_with(folder.as_ref(), &Features::builtin())?;
        Self::from_loaded(&checkpoint)
    }

    /// A policy of one's own that is loaded already, with statistics of one's own perhaps.
    ///
    /// # Errors
    /// A policy of the deterministic regime.
    pub fn from_loaded(checkpoint: &Checkpoint) -> Result<Self, SchedulerError> {
        match (checkpoint.manifest.regime, checkpoint.manifest.schedule) {
            (Regime::Stochastic, Some(settings)) => Ok(Self::of(checkpoint, settings)),
            _ => Err(SchedulerError::Regime {
                name: checkpoint.manifest.name.clone(),
            }),
        }
    }

    fn of(checkpoint: &Checkpoint, otherwise: ScheduleSettings) -> Self {
        let settings = checkpoint.manifest.schedule.unwrap_or(otherwise);
        let name = checkpoint.manifest.name.clone();
        Self::new(Some(checkpoint.controller()), name, settings)
    }

    fn new(policy: Option<Learned>, policy_name: String, settings: ScheduleSettings) -> Self {
        let names = policy.as_ref().map(|policy| Names {
            features: policy.spec().labels(),
            actions: policy
                .actions()
                .actions
                .iter()
                .map(ToString::to_string)
                .collect(),
        });
        Self {
            names: Arc::new(names.unwrap_or_default()),
            probe: Probe::new(),
            monitor: Monitor::default(),
            schedule: Schedule::start(settings, Run::default()),
            policy,
            policy_name,
            roll_out: RollOut::Alone,
            audit: None,
            late: false,
            cursor: 0,
            end_before: 0,
            waiting: None,
            counts: Counts::default(),
            warned: Vec::new(),
        }
    }

    /// The number of optimizer steps of the whole run: the rate is annealed to the end of it. Without it the rate falls a little after each
    /// window that is not the best so far. With more steps than announced the last, smallest rate is held; 0 steps count as not known.
    pub fn steps(mut self, steps: u64) -> Self {
        self.restart(Run {
            steps: (steps > 0).then_some(steps),
            ..*self.schedule.run()
        });
        self
    }

    /// A rough learning rate, which may be wrong by a factor of 100 either way. It is not needed: the search starts far below any usual rate
    /// (1e-7, for Adam 1e-6), and a rough rate only lowers that, to a thousandth of it (a hundredth), where it is smaller still.
    ///
    /// # Errors
    /// A rate that is not positive or not finite.
    pub fn rough_rate(mut self, rate: f64) -> Result<Self, SchedulerError> {
        if !(rate > 0.0 && rate.is_finite()) {
            return Err(SchedulerError::Setting {
                setting: "rough_rate",
                value: rate,
                expected: "positive and finite",
            });
        }
        self.restart(Run {
            rough_rate: Some(rate),
            ..*self.schedule.run()
        });
        Ok(self)
    }

    /// Reads the losses of a probe that exists already, such as another parameter group's.
    pub fn watching(mut self, probe: &Probe) -> Self {
        self.probe = probe.clone();
        self.cursor = probe.end();
        self.end_before = self.cursor;
        self
    }

    /// Reads each loss one step late, so that a GPU is never waited for: together with [`Probe::record_tensor`]. The effect: every
    /// decision and every roll-back comes one step later, and a guard keeps one more copy of the parameters, those of the step before.
    pub fn late_loss(mut self) -> Self {
        self.late = true;
        self.monitor.contents(|c| c.late = true);
        self
    }

    /// The ordinary schedule acts, be it Burn's or one's own; the controller only logs what it would have done, and nothing is rolled back.
    pub fn shadow(mut self, base: impl Into<ModuleLrScheduler>) -> Self {
        self.roll_out = RollOut::Shadow(base.into());
        self
    }

    /// The controller acts within a factor of an ordinary schedule.
    ///
    /// # Errors
    /// A factor below 1, or not finite.
    pub fn bounded(
        mut self,
        base: impl Into<ModuleLrScheduler>,
        factor: f64,
    ) -> Result<Self, SchedulerError> {
        if !(factor >= 1.0 && factor.is_finite()) {
            return Err(SchedulerError::Setting {
                setting: "bounded: factor",
                value: factor,
                expected: "at least 1",
            });
        }
        self.roll_out = RollOut::Bounded(base.into(), factor);
        Ok(self)
    }

    /// Appends every decision to a file of JSON lines ([`LastDecision`]).
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn audit(mut self, path: impl AsRef<Path>) -> Result<Self, AuditError> {
        self.audit = Some(AuditLog::open(path.as_ref())?);
        Ok(self)
    }

    /// The probe that it reads.
    pub fn probe(&self) -> Probe {
        self.probe.clone()
    }

    /// A handle to look at it while a learner owns it.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// A rate for a parameter group: `factor` times this scheduler's.
    pub fn follower(&self, factor: f64) -> Follower {
        Follower::new(self.monitor(), factor)
    }

    /// How it fares.
    pub fn health(&self) -> Health {
        self.monitor.health()
    }

    /// The last decision: features, q-values, action, rate.
    pub fn last_decision(&self) -> Option<LastDecision> {
        self.monitor.last_decision()
    }

    /// Whether the policy needs gradient statistics besides the loss; see [`GradientMeter`](crate::GradientMeter).
    pub fn needs_gradients(&self) -> bool {
        self.policy
            .as_ref()
            .is_some_and(|policy| policy.spec().wants_gradients())
    }

    fn restart(&mut self, run: Run) {
        self.schedule = Schedule::start(*self.schedule.settings(), run);
    }

    /// The losses since the last step, averaged; with late reading those that were there at the step before.
    fn read_loss(&mut self) -> Option<f64> {
        let end = self.probe.end();
        let to = if self.late { self.end_before } else { end };
        let loss = self.probe.mean_between(self.cursor, to);
        self.cursor = to.max(self.cursor);
        self.end_before = end;
        self.waiting.take().or(loss)
    }

    /// Takes what the guard and the gradient meter left, before a loss is looked at.
    fn meet_guard(&mut self) {
        let shadow = self.roll_out.is_shadow();
        let idle = &mut self.counts.guard_idle;
        let (guarded, gradient) = self.monitor.contents(|c| {
            // A command that was left is the sign; once there is it stays until the guard looks.
            *idle = c.guarded && (c.command.take().is_some() || (*idle && !c.attended));
            c.attended = false;
            c.steps = self.counts.steps;
            (c.guarded, c.gradient.take())
        });
        let can_roll_back = guarded && !*idle && !shadow;
        self.schedule.set_can_roll_back(can_roll_back);
        if let Some(gradient) = gradient {
            self.schedule.update(&gradient);
        }
    }

    fn take_in(&mut self, loss: f64) {
        let counts = &mut self.counts;
        counts.without_loss = 0;
        counts.not_finite = if loss.is_finite() {
            0
        } else {
            counts.not_finite + 1
        };
        counts.same_loss = if loss.to_bits() == counts.last_loss {
            counts.same_loss + 1
        } else {
            0
        };
        counts.last_loss = loss.to_bits();
        let due = self.schedule.measure(loss);
        if !self.schedule.decided() {
            return;
        }
        let asked = due && self.ask_policy();
        self.note_decision(loss, asked);
    }

    /// The policy's adjustment, where it has what it needs.
    fn ask_policy(&mut self) -> bool {
        let Some(policy) = &mut self.policy else {
            return false;
        };
        let observation = self.schedule.observation();
        self.counts.without_gradients =
            policy.spec().wants_gradients() && observation.window.gradients == 0;
        if self.counts.without_gradients {
            return false;
        }
        let decision = policy.decide(observation);
        self.schedule.decide(&decision);
        true
    }

    /// Leaves the decision for whoever looks. Its numbers go where the last one's were: this runs within a training step.
    fn note_decision(&mut self, loss: f64, asked: bool) {
        let o = self.schedule.observation();
        let roll_back = self.schedule.command().roll_back;
        let (features, q_values) = match &self.policy {
            Some(policy) if asked => (policy.last_state(), policy.last_q_values()),
            _ => (&[][..], &[][..]),
        };
        self.monitor.contents(|c| {
            let noted = c.decision.get_or_insert_with(|| Noted {
                names: self.names.clone(),
                step: 0,
                loss: None,
                phase: Phase::Seek,
                features: Vec::with_capacity(self.names.features.len()),
                q_values: Vec::with_capacity(self.names.actions.len()),
                action: None,
                anchor_rate: 0.0,
                rate: 0.0,
                roll_back: false,
                staged: None,
            });
            noted.step = self.counts.steps;
            noted.loss = loss.is_finite().then_some(o.value);
            noted.phase = self.schedule.phase();
            noted.features.clear();
            noted.features.extend_from_slice(features);
            noted.q_values.clear();
            noted.q_values.extend_from_slice(q_values);
            noted.action = o.last_action.filter(|_| asked);
            noted.anchor_rate = o.window.anchor_rate;
            noted.roll_back = roll_back;
            c.decisions += 1;
        });
        if roll_back {
            tracing::warn!(
                step = self.counts.steps,
                loss,
                rate = o.rate,
                rollbacks = o.window.rollbacks,
                "rolled back to the best parameters, the rate is lowered"
            );
        }
    }

    fn present_health(&self) -> Health {
        let counts = &self.counts;
        let o = self.schedule.observation();
        if counts.without_loss > 0 {
            Health::NoLoss {
                steps: counts.without_loss,
            }
        } else if counts.not_finite > 0 {
            Health::NotFinite {
                steps: counts.not_finite,
            }
        } else if counts.guard_idle {
            Health::GuardIdle
        } else if self.schedule.fallen_back() {
            Health::FallenBack {
                rollbacks: o.window.rollbacks,
            }
        } else if counts.refused {
            Health::RecordRefused
        } else if counts.same_loss >= 32 {
            Health::ConstantLoss {
                steps: counts.same_loss,
            }
        } else if counts.without_gradients {
            Health::NoGradients
        } else if let (true, Some(steps)) = (self.schedule.overrun(), self.schedule.run().steps) {
            Health::Overrun {
                steps: self.schedule.measured() - steps,
            }
        } else {
            Health::Fine
        }
    }

    /// Logs a state of health once, with the way out.
    fn warn_once(&mut self, health: Health) {
        if let Some((name, remedy)) = health.remedy()
            && !self.warned.contains(&name)
        {
            self.warned.push(name);
            tracing::warn!("{remedy}");
        }
    }
}

impl LrScheduler for Scheduler {
    /// The rate of this step's update, from the losses recorded since the last step.
    fn step(&mut self) -> LearningRate {
        let base = self.roll_out.step();
        self.counts.steps += 1;
        self.meet_guard();
        let loss = self.read_loss();
        match loss {
            Some(loss) => self.take_in(loss),
            // The first loss comes late, and so does the one after a roll-back.
            None if self.late => {}
            None => self.counts.without_loss += 1,
        }
        let command = self.schedule.command();
        let rate = self.roll_out.rate(base, command.rate);
        if self.late && loss.is_some() && command.roll_back {
            // The loss that waits was measured at the parameters that are gone.
            self.cursor = self.end_before;
        }
        let health = self.present_health();
        self.warn_once(health);
        let decided = loss.is_some() && self.schedule.decided();
        let staged = base.map(|base| (base, command.rate));
        let noted = self.monitor.contents(|c| {
            c.health = health;
            c.rate = rate;
            c.rollbacks = self.schedule.observation().window.rollbacks;
            c.command = (c.guarded && loss.is_some()).then_some(command);
            let noted = c.decision.as_mut().filter(|_| decided)?;
            noted.rate = rate;
            noted.staged = staged;
            self.audit.is_some().then(|| noted.decision())
        });
        if let (Some(audit), Some(decision)) = (&self.audit, noted) {
            audit.write(&decision);
        }
        rate
    }

    /// Everything: windows, counts, the anchor, a roll-back that the guard has not carried out yet, and the record of the base
    /// schedule of a staged roll-out, the loss that waits where losses are read late. The policy draws no random numbers. A loss that was
    /// recorded after the last step is not part of it: make the record after a step, before the next loss.
    fn to_record(&self) -> LrSchedulerRecord {
        let (pending, gradient, rate, decisions) = self
            .monitor
            .contents(|c| (c.command, c.gradient, c.rate, c.decisions));
        let late = if self.late {
            self.probe.mean_between(self.cursor, self.end_before)
        } else {
            None
        };
        let state = State {
            policy: self.policy_name.clone(),
            schedule: self.schedule.clone(),
            memory: self.policy.as_ref().map(Learned::memory),
            counts: self.counts,
            pending,
            gradient,
            waiting: self.waiting.or(late).map(f64::to_bits),
            rate: Some(rate),
            decisions,
        };
        let record = scheduler_record::pack(&state).unwrap_or_default();
        match self.roll_out.to_record() {
            Some(base) => record.with_record("base", base),
            None => record,
        }
    }

    /// Goes on from a record of [`to_record`](Self::to_record). One of another version or another policy is refused: the scheduler
    /// starts anew, says so in the log and in [`health`](Self::health). The number of steps is the one of this scheduler, where it
    /// has one.
    fn load_record(&mut self, record: LrSchedulerRecord) {
        let state = scheduler_record::unpack::<State>(&record)
            .filter(|state| state.policy == self.policy_name);
        let Some(state) = state else {
            tracing::warn!(
                policy = self.policy_name,
                version = scheduler_record::VERSION,
                "the scheduler's record is of another version or another policy: the scheduler starts anew"
            );
            self.counts.refused = true;
            self.monitor.contents(|c| c.health = Health::RecordRefused);
            return;
        };
        let steps = self.schedule.run().steps;
        self.schedule = state.schedule;
        if steps.is_some() {
            self.schedule.set_steps(steps);
        }
        if let (Some(policy), Some(memory)) = (&mut self.policy, state.memory) {
            policy.restore(memory);
        }
        self.counts = state.counts;
        self.roll_out.load_record(record.record("base"));
        self.cursor = self.probe.end();
        self.end_before = self.cursor;
        self.waiting = state.waiting.map(f64::from_bits);
        self.monitor.contents(|c| {
            c.steps = state.counts.steps;
            c.rate = state.rate.unwrap_or_default();
            c.command = state.pending;
            c.gradient = state.gradient;
            c.decisions = state.decisions;
            c.rollbacks = self.schedule.observation().window.rollbacks;
        });
    }
}
