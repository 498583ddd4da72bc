//! The control loop. Read it downwards: each noun is the file it names.
//!
//! ```text
//! objective -> evaluator -> observation -> state -> policy -> action -> learning rate -> update -> objective
//!                               |                                                          |
//!                               +------------------------ reward <- outcome <-------------+
//! ```
//!
//! [`run`] is the loop itself. An [`Episode`] is what stands between two decisions, in one of two regimes:
//! [`DeterministicEpisode`] (f is exact, a trial can be rejected, evaluations are the cost) and [`StochasticEpisode`] (every
//! step is taken, the loss is noisy, steps are the cost).

use std::sync::Arc;

use qstride_objectives::{Objective, StochasticObjective};
use rand_chacha::ChaCha8Rng;

use crate::acceptance::{Acceptance, Judge};
use crate::controller::{Controller, Decision};
use crate::curvature::AcceptedStep;
use crate::evaluator::{Evaluations, Evaluator};
use crate::learning_rate::{StartRate, bounded};
use crate::minibatches::Minibatches;
use crate::observation::Observation;
use crate::outcome::{End, Outcome, Record, TraceStep};
use crate::plane::PlaneStep;
use crate::reward::{Progress, Reward};
use crate::schedule::{Run, Schedule, ScheduleSettings};
use crate::update::{OptimizerKind, SliceOptimizer, gradient_step, momentum_step};
use crate::vector::dot;
use crate::window::GradientStatistics;

/// One minimisation under a budget, decision by decision.
pub trait Episode: Send {
    /// What was measured so far.
    fn observation(&self) -> &Observation;

    /// Carries out one decision. After the end it does nothing and gives no reward.
    fn step(&mut self, decision: &Decision) -> Outcome;

    /// Why it ended, once it has.
    fn end(&self) -> Option<End>;

    /// What came of it; the trace is handed out once.
    fn finish(&mut self) -> Record;
}

/// The control loop: observe, decide, step, until the episode ends.
///
/// ```
/// use std::sync::Arc;
/// use qstride_control::{DeterministicEpisode, DeterministicSettings, run, rivals::Armijo};
/// use qstride_objectives::rosenbrock::chained_rosenbrock;
///
/// let settings = DeterministicSettings { budget: 202, ..Default::default() };
/// let mut armijo = Armijo::restarting_at(1.0);
/// let mut episode = DeterministicEpisode::start(Arc::new(chained_rosenbrock(2)), settings, &armijo);
/// let record = run(&mut episode, &mut armijo);
/// assert!(record.best_value < 4.2 && record.evaluations.values + record.evaluations.gradients <= 202);
/// ```
pub fn run(episode: &mut dyn Episode, controller: &mut dyn Controller) -> Record {
    controller.begin(episode.observation());
    while episode.end().is_none() {
        let decision = controller.decide(episode.observation());
        episode.step(&decision);
    }
    episode.finish()
}

// ---------------------------------------------------------------------------------------------- deterministic regime

/// How a deterministic episode is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeterministicSettings {
    /// Values plus gradients that may be spent, the start included.
    pub budget: u64,
    /// α₀.
    pub start_rate: StartRate,
    /// What training is rewarded with.
    pub reward: Reward,
    /// The relative gap at which a problem with a known minimum is solved.
    pub floor: f64,
    /// Whether each trial is recorded.
    pub trace: bool,
}

impl Default for DeterministicSettings {
    fn default() -> Self {
        Self {
            budget: 202,
            start_rate: StartRate::Auto,
            reward: Reward::default(),
            floor: 1e-12,
            trace: false,
        }
    }
}

/// Minimisation of an exact f along -g, or in span{g, last step}: a trial point is evaluated, then accepted or rejected.
pub struct DeterministicEpisode {
    evaluator: Evaluator,
    settings: DeterministicSettings,
    judge: Judge,
    observation: Observation,
    x: Vec<f64>,
    /// The base point before; x at first.
    before: Vec<f64>,
    gradient: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    best_x: Vec<f64>,
    total_reward: f64,
    end: Option<End>,
    trace: Vec<TraceStep>,
}

impl DeterministicEpisode {
    /// Evaluates f and ∇f at the start. Where the controller gives the verdict on trials itself, the first trial is evaluated too.
    pub fn start(
        objective: Arc<dyn Objective>,
        settings: DeterministicSettings,
        controller: &dyn Controller,
    ) -> Self {
        Self::under(
            controller.acceptance(),
            controller.wants_ritz(),
            objective,
            settings,
        )
    }

    /// The same under a rule of acceptance, for whoever decides without a [`Controller`], as training does.
    pub fn under(
        acceptance: Acceptance,
        wants_ritz: bool,
        objective: Arc<dyn Objective>,
        settings: DeterministicSettings,
    ) -> Self {
        let x = objective.start();
        let own_rate = objective.start_rate();
        let mut evaluator = Evaluator::new(objective, settings.budget);
        let mut gradient = vec![0.0; x.len()];
        let value = evaluator.value(&x);
        evaluator.gradient(&x, &mut gradient);
        let squared_gradient = dot(&gradient, &gradient);
        let rate = settings.start_rate.resolve(own_rate, &gradient);
        let mut observation = Observation::at_start(value, squared_gradient, rate, wants_ritz);
        observation.budget_left = evaluator.left();
        let mut episode = Self {
            judge: acceptance.start(value),
            observation,
            before: x.clone(),
            trial: x.clone(),
            trial_gradient: gradient.clone(),
            best_x: x.clone(),
            x,
            gradient,
            total_reward: 0.0,
            end: None,
            trace: Vec::new(),
            evaluator,
            settings,
        };
        episode.end = if !value.is_finite() || !squared_gradient.is_finite() {
            Some(End::Failed)
        } else if squared_gradient == 0.0 {
            Some(End::Stationary)
        } else if episode.evaluator.exhausted() {
            Some(End::Budget)
        } else {
            None
        };
        if episode.end.is_none() && episode.judge.verdict(&episode.observation).is_none() {
            episode.try_step(&Decision::rate(rate, None));
            episode.observation.trial_waits = true;
        }
        episode
    }

    /// The point of the least value so far.
    pub fn best_point(&self) -> &[f64] {
        &self.best_x
    }

    /// What was spent so far, the budget and the objective.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// Evaluates f at x - αg + βs.
    fn try_step(&mut self, decision: &Decision) {
        let Self {
            x,
            before,
            gradient,
            trial,
            ..
        } = self;
        let momentum = decision.momentum;
        if momentum == 0.0 {
            let rate = bounded(decision.rate);
            gradient_step(x, rate, gradient, trial);
            let value = self.evaluator.value(trial);
            self.observation.record_trial(rate, value);
        } else {
            let rate = decision.rate;
            let step = PlaneStep { rate, momentum };
            momentum_step(x, before, &step, gradient, trial);
            let value = self.evaluator.value(trial);
            self.observation.record_momentum_trial(&step, value);
        }
        let value = self.observation.trial_value;
        self.observation.budget_left = self.evaluator.left();
        if value.is_finite() && value < self.observation.best_value {
            self.observation.best_value = value;
            self.best_x.copy_from_slice(&self.trial);
        }
        if self.settings.trace {
            self.trace.push(TraceStep {
                cost: self.evaluator.count().cost(1.0),
                rate: self.observation.rate,
                momentum,
                trial_value: value,
                best_value: self.observation.best_value,
                accepted: false,
                action: decision.action,
            });
        }
        let gap = self.progress().gap;
        if gap <= self.settings.floor {
            self.end = Some(End::Solved);
        } else if self.evaluator.exhausted() {
            self.end = Some(End::Budget);
        }
    }

    /// The trial becomes the base point, and its gradient is evaluated unless the episode is over.
    fn accept_trial(&mut self) {
        if let Some(step) = self.trace.last_mut() {
            step.accepted = true;
        }
        if self.end.is_some() {
            return;
        }
        self.evaluator
            .gradient(&self.trial, &mut self.trial_gradient);
        self.observation.record_acceptance(&AcceptedStep {
            rate: self.observation.rate,
            momentum: self.observation.momentum,
            from: &self.x,
            to: &self.trial,
            before: &self.gradient,
            after: &self.trial_gradient,
        });
        self.observation.budget_left = self.evaluator.left();
        self.judge.accepted(self.observation.value);
        // The trial becomes x, x the point before; the buffer of that one is free for the next trial.
        std::mem::swap(&mut self.before, &mut self.trial);
        std::mem::swap(&mut self.before, &mut self.x);
        std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
        self.end = match self.observation.squared_gradient {
            g if !g.is_finite() => Some(End::Failed),
            0.0 => Some(End::Stationary),
            _ => self.evaluator.exhausted().then_some(End::Budget),
        };
    }

    fn progress(&self) -> Progress {
        let o = &self.observation;
        let minimum = self.evaluator.objective().minimum();
        let above = |value: f64| minimum.map_or(f64::INFINITY, |minimum| value - minimum);
        let gap = if minimum.is_some() {
            above(o.best_value) / above(o.start_value)
        } else {
            f64::INFINITY
        };
        Progress {
            gap,
            gradient: (o.least_squared_gradient / o.start_squared_gradient).sqrt(),
            excess: above(o.value),
        }
    }
}

impl Episode for DeterministicEpisode {
    fn observation(&self) -> &Observation {
        &self.observation
    }

    fn step(&mut self, decision: &Decision) -> Outcome {
        if self.end.is_some() {
            return Outcome {
                reward: 0.0,
                accepted: false,
                end: self.end,
            };
        }
        let before = self.progress();
        let mut accepted = false;
        let mut next = *decision;
        self.observation.last_action = decision.action;
        // A trial that waits for the controller's verdict gets it.
        if self.observation.trial_waits {
            match decision.accept {
                Some(after) => {
                    self.accept_trial();
                    accepted = true;
                    next.rate = after.rate(&self.observation);
                    next.momentum = 0.0;
                }
                None => self.observation.record_rejection(),
            }
        }
        // The next trial; a rule gives its verdict at once.
        if self.end.is_none() {
            self.try_step(&next);
            match self.judge.verdict(&self.observation) {
                Some(true) => {
                    self.accept_trial();
                    accepted = true;
                }
                Some(false) => self.observation.record_rejection(),
                None => self.observation.trial_waits = true,
            }
        }
        let reward = self.settings.reward.of(&before, &self.progress(), accepted);
        self.total_reward += reward;
        Outcome {
            reward,
            accepted,
            end: self.end,
        }
    }

    fn end(&self) -> Option<End> {
        self.end
    }

    fn finish(&mut self) -> Record {
        Record {
            evaluations: self.evaluator.count(),
            start_value: self.observation.start_value,
            best_value: self.observation.best_value,
            end: self.end.unwrap_or(End::Budget),
            total_reward: self.total_reward,
            trace: std::mem::take(&mut self.trace),
        }
    }
}

// ------------------------------------------------------------------------------------------------- stochastic regime

/// How a stochastic episode is run.
#[derive(Clone, Debug, PartialEq)]
pub struct StochasticSettings {
    /// The anchor, the guard and the windows.
    pub schedule: ScheduleSettings,
    /// T, the number of optimizer steps.
    pub steps: u64,
    /// Whether the schedule knows T.
    pub horizon_known: bool,
    /// A rough learning rate for the schedule, if any.
    pub rough_rate: Option<f64>,
    /// Samples a minibatch.
    pub batch: usize,
    /// What the rate drives.
    pub optimizer: OptimizerKind,
    /// Gradient statistics are taken at every so many steps; 0 = never, the loss is all there is.
    pub gradients_every: u64,
    /// Whether the parameters can be rolled back.
    pub can_roll_back: bool,
    /// Whether the reward, which needs the full loss after each window, is computed. Training needs it, use does not.
    pub rewarded: bool,
    /// Whether the full loss of the reward is that of a moving average of the iterates, which foretells what annealing will bring.
    pub averaged: bool,
    /// Whether each step is recorded.
    pub trace: bool,
    /// The loss on all samples is measured, outside the count, before the first step and every so many; 0 = never.
    pub measure_every: u64,
}

impl Default for StochasticSettings {
    fn default() -> Self {
        Self {
            schedule: ScheduleSettings::MOMENTUM,
            steps: 500,
            horizon_known: true,
            rough_rate: None,
            batch: 32,
            optimizer: OptimizerKind::Momentum,
            gradients_every: 0,
            can_roll_back: true,
            rewarded: false,
            averaged: false,
            trace: false,
            measure_every: 0,
        }
    }
}

/// Training by minibatches under a [`Schedule`]: one decision a window, a guard at every step.
pub struct StochasticEpisode {
    objective: Arc<dyn StochasticObjective>,
    settings: StochasticSettings,
    batches: Minibatches,
    optimizer: SliceOptimizer,
    schedule: Schedule,
    x: Vec<f64>,
    gradient: Vec<f64>,
    step: Vec<f64>,
    snapshot: Vec<f64>,
    /// The moving average of the iterates over about a window; empty where it is not asked for.
    average: Vec<f64>,
    done: u64,
    evaluations: Evaluations,
    start_full_loss: f64,
    full_loss: f64,
    total_reward: f64,
    end: Option<End>,
    trace: Vec<TraceStep>,
    curve: Vec<(u64, f64)>,
}

impl StochasticEpisode {
    /// Trains up to the first decision, that is until the anchor has found a rate. `batches` shuffles the samples.
    pub fn start(
        objective: Arc<dyn StochasticObjective>,
        settings: StochasticSettings,
        batches: ChaCha8Rng,
    ) -> Self {
        let x = objective.start();
        let start_full_loss = objective.value(&x);
        let run = Run {
            steps: settings.horizon_known.then_some(settings.steps),
            rough_rate: settings.rough_rate,
            can_roll_back: settings.can_roll_back,
        };
        let mut episode = Self {
            optimizer: SliceOptimizer::new(settings.optimizer, x.len()),
            schedule: Schedule::start(settings.schedule, run),
            gradient: vec![0.0; x.len()],
            step: vec![0.0; x.len()],
            snapshot: x.clone(),
            average: if settings.averaged {
                x.clone()
            } else {
                Vec::new()
            },
            x,
            batches: Minibatches::new(objective.samples(), settings.batch, batches),
            done: 0,
            evaluations: Evaluations::default(),
            start_full_loss,
            full_loss: start_full_loss,
            total_reward: 0.0,
            end: if start_full_loss.is_finite() {
                None
            } else {
                Some(End::Failed)
            },
            trace: Vec::new(),
            curve: Vec::new(),
            objective,
            settings,
        };
        if episode.settings.measure_every > 0 {
            episode.curve.push((0, start_full_loss));
        }
        episode.train_to_decision();
        episode.full_loss = episode.bounded_full_loss();
        episode
    }

    /// The parameters now.
    pub fn point(&self) -> &[f64] {
        &self.x
    }

    /// (minibatch values + gradients so far, loss on all samples), where [`StochasticSettings::measure_every`] asks for it: the
    /// same curve as a [`TrainingRecord`](crate::training::TrainingRecord) has.
    pub fn curve(&self) -> &[(u64, f64)] {
        &self.curve
    }

    /// The schedule now.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Measures minibatches and steps until a decision is due or the steps are spent.
    fn train_to_decision(&mut self) {
        while self.end.is_none() {
            if self.done >= self.settings.steps {
                // With the remaining budget in the state the horizon is part of the problem: nothing follows it.
                self.end = Some(End::Horizon);
                return;
            }
            let loss = self.measure_minibatch();
            let due = self.schedule.measure(loss);
            self.done += 1;
            if self.settings.trace {
                let command = self.schedule.command();
                self.trace.push(TraceStep {
                    cost: self.done as f64,
                    rate: command.rate,
                    momentum: 0.0,
                    trial_value: loss,
                    best_value: self.schedule.observation().best_value,
                    accepted: !command.roll_back,
                    action: None,
                });
            }
            if due {
                return;
            }
            self.carry_out(loss);
        }
    }

    /// The loss and gradient of the next minibatch.
    fn measure_minibatch(&mut self) -> f64 {
        self.evaluations.values += 1;
        self.evaluations.gradients += 1;
        self.objective
            .batch_value_and_gradient(&self.x, self.batches.draw(), &mut self.gradient)
    }

    /// Snapshot, roll-back or update, as the schedule says; then the curve.
    fn carry_out(&mut self, loss: f64) {
        self.move_point(loss);
        let every = self.settings.measure_every;
        if every > 0 && self.done.is_multiple_of(every) {
            self.curve
                .push((self.cost(), self.objective.value(&self.x)));
        }
    }

    /// Minibatch values + gradients so far.
    fn cost(&self) -> u64 {
        self.evaluations.values + self.evaluations.gradients
    }

    fn move_point(&mut self, loss: f64) {
        let command = self.schedule.command();
        if command.snapshot {
            self.snapshot.copy_from_slice(&self.x);
        }
        if command.roll_back {
            self.x.copy_from_slice(&self.snapshot);
            if self.settings.averaged {
                self.average.copy_from_slice(&self.snapshot);
            }
            self.optimizer.reset();
            return;
        }
        self.optimizer
            .step(command.rate, &self.gradient, &mut self.step);
        let every = self.settings.gradients_every;
        if every > 0 && (self.done - 1).is_multiple_of(every) && loss.is_finite() {
            let norm = |v: &[f64]| dot(v, v).sqrt();
            self.schedule.update(&GradientStatistics {
                gradient_norm: norm(&self.gradient),
                slope: dot(&self.gradient, &self.step),
                step_norm: norm(&self.step),
                parameter_norm: norm(&self.x),
            });
        }
        for (x, step) in self.x.iter_mut().zip(&self.step) {
            *x += step;
        }
        let weight = 2.0 / (1.0 + f64::from(self.schedule.window_length()));
        for (average, x) in self.average.iter_mut().zip(&self.x) {
            *average += weight * (x - *average);
        }
    }

    /// The loss on all samples that the reward is made of, at most ten times the first. At the end it is that of the iterate.
    fn bounded_full_loss(&self) -> f64 {
        let most = 10.0 * self.start_full_loss;
        let point = if self.settings.averaged && self.end.is_none() {
            &self.average
        } else {
            &self.x
        };
        let loss = self.objective.value(point);
        if loss.is_finite() {
            loss.min(most)
        } else {
            most
        }
    }
}

impl Episode for StochasticEpisode {
    fn observation(&self) -> &Observation {
        self.schedule.observation()
    }

    fn step(&mut self, decision: &Decision) -> Outcome {
        if self.end.is_some() {
            return Outcome {
                reward: 0.0,
                accepted: false,
                end: self.end,
            };
        }
        self.schedule.decide(decision);
        if let Some(step) = self.trace.last_mut() {
            step.action = decision.action;
            step.rate = self.schedule.command().rate;
        }
        let loss = self.schedule.observation().value;
        self.carry_out(loss);
        self.train_to_decision();
        let mut reward = 0.0;
        if self.settings.rewarded {
            let before = self.full_loss;
            self.full_loss = self.bounded_full_loss();
            let tiny = 1e-6 * self.start_full_loss;
            reward = ((before + tiny) / (self.full_loss + tiny)).ln();
            reward = if reward.is_finite() { reward } else { 0.0 };
            self.total_reward += reward;
        }
        Outcome {
            reward,
            accepted: true,
            end: self.end,
        }
    }

    fn end(&self) -> Option<End> {
        self.end
    }

    fn finish(&mut self) -> Record {
        let loss = self.objective.value(&self.x);
        let last = self.curve.last().map(|(cost, _)| *cost);
        if last.is_some_and(|last| last != self.cost()) {
            self.curve.push((self.cost(), loss));
        }
        let end = if loss.is_finite() {
            self.end.unwrap_or(End::Budget)
        } else {
            End::Failed
        };
        Record {
            evaluations: self.evaluations,
            start_value: self.start_full_loss,
            best_value: loss,
            end,
            total_reward: self.total_reward,
            trace: std::mem::take(&mut self.trace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionSet;
    use crate::features::Features;
    use crate::learned::Blind;
    use crate::rivals::{Armijo, FixedRate, Nonmonotone};
    use crate::state::StateSpec;
    use qstride_objectives::rosenbrock::chained_rosenbrock;
    use qstride_objectives::{StochasticObjective, Streams};
    use rand_chacha::rand_core::SeedableRng;

    /// ½ x², with faults: the value is `at(x)` where that is given.
    struct Faulty {
        start: f64,
        value: fn(f64) -> f64,
        gradient: fn(f64) -> f64,
    }

    impl Objective for Faulty {
        fn name(&self) -> &str {
            "faulty"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn value(&self, x: &[f64]) -> f64 {
            (self.value)(x[0])
        }
        fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
            gradient[0] = (self.gradient)(x[0]);
        }
        fn start(&self) -> Vec<f64> {
            vec![self.start]
        }
        fn minimum(&self) -> Option<f64> {
            Some(0.0)
        }
    }

    fn minimise(objective: Faulty, mut controller: impl Controller, rate: f64) -> Record {
        let settings = DeterministicSettings {
            budget: 40,
            start_rate: StartRate::Given(rate),
            trace: true,
            ..DeterministicSettings::default()
        };
        let mut episode = DeterministicEpisode::start(Arc::new(objective), settings, &controller);
        run(&mut episode, &mut controller)
    }

    #[test]
    fn a_start_that_is_not_finite_is_a_failure() {
        for (value, gradient) in [
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
            (1.0, f64::NAN),
            (1.0, f64::INFINITY),
        ] {
            // Functions, not closures: the numbers travel in the start point.
            let objective = Faulty {
                start: if value.is_finite() { 1.0 } else { value },
                value: |x| x,
                gradient: if gradient.is_nan() {
                    |_| f64::NAN
                } else if gradient.is_infinite() {
                    |_| f64::INFINITY
                } else {
                    |_| 1.0
                },
            };
            let record = minimise(objective, Armijo::restarting_at(1.0), 1.0);
            assert_eq!(record.end, End::Failed);
            assert!(record.failed());
            assert_eq!(
                (record.evaluations.values, record.evaluations.gradients),
                (1, 1)
            );
        }
    }

    #[test]
    fn a_trial_that_is_not_finite_is_rejected_and_the_run_goes_on() {
        // Finite only within 1.5 of the origin: the first trials of rate 4 jump to -3.
        let objective = Faulty {
            start: 1.0,
            value: |x| if x.abs() > 1.5 { f64::NAN } else { 0.5 * x * x },
            gradient: |x| x,
        };
        let record = minimise(objective, Nonmonotone::restarting_at(4.0), 4.0);
        assert!(!record.trace[0].accepted && record.trace[0].trial_value.is_nan());
        assert_eq!(record.end, End::Solved);
    }

    #[test]
    fn a_gradient_that_is_lost_on_the_way_is_a_failure() {
        let objective = Faulty {
            start: 1.0,
            value: |x| 0.5 * x * x,
            gradient: |x| if x < 1.0 { f64::NAN } else { x },
        };
        assert_eq!(minimise(objective, FixedRate, 0.1).end, End::Failed);
    }

    #[test]
    fn a_flat_objective_is_stationary_and_an_ascent_spends_its_budget() {
        let flat = Faulty {
            start: 1.0,
            value: |_| 1.0,
            gradient: |_| 0.0,
        };
        assert_eq!(minimise(flat, FixedRate, 0.1).end, End::Stationary);
        // The gradient points the wrong way: no trial is ever accepted.
        let wrong = Faulty {
            start: 1.0,
            value: |x| 0.5 * x * x,
            gradient: |x| -x,
        };
        let record = minimise(wrong, Armijo::restarting_at(1.0), 1.0);
        assert_eq!(record.end, End::Budget);
        assert!(record.failed());
        assert_eq!(record.evaluations.cost(1.0), 40.0);
    }

    #[test]
    fn the_papers_actions_accept_or_retry_from_the_same_point() {
        // f = ½ x² from 1 with α₀ = 4: trials at -3, then -1, then 0 after two halvings.
        let objective = || Faulty {
            start: 1.0,
            value: |x| 0.5 * x * x,
            gradient: |x| x,
        };
        let actions = Arc::new(ActionSet::preset("v1").unwrap());
        let settings = DeterministicSettings {
            start_rate: StartRate::Given(4.0),
            floor: 0.0,
            ..Default::default()
        };
        let controller = Blind::keeping(actions.clone());
        let mut episode = DeterministicEpisode::start(Arc::new(objective()), settings, &controller);
        assert!(episode.observation().trial_waits);
        assert_eq!(
            (
                episode.observation().rate,
                episode.observation().trial_value
            ),
            (4.0, 4.5)
        );
        let act = |episode: &mut DeterministicEpisode, action| {
            let decision = actions.decide(action, episode.observation());
            episode.step(&decision)
        };
        assert!(!act(&mut episode, 1).accepted);
        let o = episode.observation();
        assert_eq!(
            (o.rate, o.trial_value, o.value, o.rejections),
            (2.0, 0.5, 0.5, 1)
        );
        // Accepting the trial at -1 costs a gradient; then the rate is α₀ again, and the next trial is at 3.
        let before = episode.evaluator().count();
        assert!(act(&mut episode, 0).accepted);
        let after = episode.evaluator().count();
        assert_eq!(
            (
                after.values - before.values,
                after.gradients - before.gradients
            ),
            (1, 1)
        );
        let o = episode.observation();
        assert_eq!(
            (o.rate, o.trial_value, o.value, o.rejections),
            (4.0, 4.5, 0.5, 0)
        );
    }

    #[test]
    fn no_step_costs_more_than_the_budget_and_the_floor_ends_it() {
        for budget in [4, 5, 17, 202] {
            let settings = DeterministicSettings {
                budget,
                floor: 1e-2,
                ..Default::default()
            };
            let mut armijo = Armijo::from_twice_the_last();
            let mut episode =
                DeterministicEpisode::start(Arc::new(chained_rosenbrock(4)), settings, &armijo);
            let record = run(&mut episode, &mut armijo);
            assert!(record.evaluations.cost(1.0) <= budget as f64);
            assert_eq!(
                record.best_value,
                episode.evaluator().objective().value(episode.best_point())
            );
            assert_eq!(
                record.end == End::Solved,
                record.log10_gap(Some(0.0)).unwrap() <= -2.0
            );
        }
    }

    /// The mean of ½ c (x - i)² over the samples 0 and 1.
    struct TwoSamples(f64);

    impl Objective for TwoSamples {
        fn name(&self) -> &str {
            "two samples"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn value(&self, x: &[f64]) -> f64 {
            self.batch_value(x, &[0, 1])
        }
        fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
            self.batch_value_and_gradient(x, &[0, 1], gradient);
        }
        fn start(&self) -> Vec<f64> {
            vec![3.0]
        }
    }

    impl StochasticObjective for TwoSamples {
        fn samples(&self) -> usize {
            2
        }
        fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
            0.5 * self.0
                * batch
                    .iter()
                    .map(|&i| (x[0] - i as f64).powi(2))
                    .sum::<f64>()
                / batch.len() as f64
        }
        fn batch_value_and_gradient(
            &self,
            x: &[f64],
            batch: &[usize],
            gradient: &mut [f64],
        ) -> f64 {
            gradient[0] =
                self.0 * batch.iter().map(|&i| x[0] - i as f64).sum::<f64>() / batch.len() as f64;
            self.batch_value(x, batch)
        }
    }

    fn stochastic(rough_rate: f64, steps: u64) -> StochasticEpisode {
        stochastic_in_units(1.0, rough_rate, steps)
    }

    fn stochastic_in_units(unit: f64, rough_rate: f64, steps: u64) -> StochasticEpisode {
        // The rough rate alone says where to start.
        let mut schedule = ScheduleSettings::MOMENTUM;
        schedule.anchor.first_rate = f64::MAX;
        let settings = StochasticSettings {
            schedule,
            steps,
            batch: 1,
            rough_rate: Some(rough_rate),
            optimizer: OptimizerKind::Sgd,
            rewarded: true,
            trace: true,
            ..StochasticSettings::default()
        };
        StochasticEpisode::start(
            Arc::new(TwoSamples(unit)),
            settings,
            Streams::new(1).stream("minibatches"),
        )
    }

    fn residual() -> Arc<ActionSet> {
        Arc::new(ActionSet::preset("residual").unwrap())
    }

    #[test]
    fn the_stochastic_regime_decides_once_a_window_and_knows_its_horizon() {
        let mut episode = stochastic(0.1, 400);
        let start = episode.full_loss;
        let record = run(&mut episode, &mut Blind::keeping(residual()));
        assert_eq!((record.trace.len(), record.end), (400, End::Horizon));
        assert_eq!(
            (record.evaluations.values, record.evaluations.gradients),
            (400, 400)
        );
        // ⌈400 / windows⌉ steps from one decision to the next.
        let decided: Vec<usize> = (0..400)
            .filter(|t| record.trace[*t].action.is_some())
            .collect();
        let window = 400u64.div_ceil(episode.settings.schedule.anchor.windows) as usize;
        assert!(
            decided.len() >= 5 && decided.windows(2).all(|two| two[1] - two[0] == window),
            "{decided:?}"
        );
        assert!(
            record.best_value < 0.2,
            "the least is 1/8: {}",
            record.best_value
        );
        // The rewards telescope to the log of the whole decrease since the first decision.
        let tiny = 1e-6 * record.start_value;
        let whole = ((start + tiny) / (record.best_value + tiny)).ln();
        assert!(
            (record.total_reward - whole).abs() < 1e-9,
            "{} {whole}",
            record.total_reward
        );
        assert_eq!(episode.observation().budget_left, 0.0);
        // Annealed to the end.
        let held = episode.observation().rate;
        let length = episode.settings.schedule.anchor.decay * 400.0;
        assert!((record.trace[399].rate - held / length).abs() < 1e-12);
    }

    #[test]
    fn the_guard_rolls_back_a_rate_that_is_far_too_large() {
        // 1,000 times too large even at the start of the search; x ← -999 x would be lost in a few steps.
        let mut episode = stochastic(1e6, 400);
        let record = run(&mut episode, &mut Blind::keeping(residual()));
        assert!(episode.observation().window.rollbacks >= 2);
        assert!(episode.observation().rate < 2.0);
        assert!(
            record.best_value < 0.5 && !record.failed(),
            "{}",
            record.best_value
        );
        assert!(record.trace.iter().any(|step| !step.accepted));
    }

    #[test]
    fn the_curve_costs_nothing_and_changes_nothing() {
        let measured = |measure_every| {
            let settings = StochasticSettings {
                steps: 250,
                batch: 1,
                rough_rate: Some(0.1),
                measure_every,
                ..StochasticSettings::default()
            };
            let batches = Streams::new(1).stream("minibatches");
            let mut episode =
                StochasticEpisode::start(Arc::new(TwoSamples(1.0)), settings, batches);
            let record = run(&mut episode, &mut Blind::keeping(residual()));
            (record, episode.curve().to_vec())
        };
        let (plain, none) = measured(0);
        let (record, curve) = measured(100);
        assert_eq!(record, plain);
        assert!(none.is_empty());
        let costs: Vec<u64> = curve.iter().map(|(cost, _)| *cost).collect();
        assert_eq!(costs, [0, 200, 400, 500]);
        assert_eq!(curve[0].1, record.start_value);
        assert_eq!(curve[3].1, record.best_value);
    }

    #[test]
    fn minibatches_depend_on_nothing_but_their_seed() {
        let random = || Blind::random(residual(), ChaCha8Rng::seed_from_u64(3));
        let (mut a, mut b) = (stochastic(0.1, 100), stochastic(0.1, 100));
        assert_eq!(run(&mut a, &mut random()), run(&mut b, &mut random()));
        assert_eq!(a.point(), b.point());
    }

    #[test]
    fn the_stochastic_state_is_indifferent_to_the_units_of_the_loss() {
        let actions = residual();
        let features = StateSpec::schedule_gradient_features();
        let spec = StateSpec::new(features, &Features::builtin()).unwrap();
        let states = |unit: f64| -> Vec<Vec<f32>> {
            let mut episode = stochastic_in_units(unit, 1.0 / unit, 400);
            let mut state = spec.start();
            let mut seen = Vec::new();
            for action in [2, 1, 0, 0, 2, 1, 1, 2, 0, 1] {
                episode.step(&actions.decide(action, episode.observation()));
                let mut out = vec![0.0; spec.width()];
                state.observe(episode.observation(), &mut out);
                seen.push(out);
            }
            seen
        };
        for unit in [1e-3, 7.0, 1e4] {
            for (plain, scaled) in states(1.0).iter().zip(&states(unit)) {
                for ((a, b), name) in plain.iter().zip(scaled).zip(spec.labels()) {
                    assert!(
                        (a - b).abs() < 1e-4,
                        "{name}: {a} against {b} at unit {unit}"
                    );
                }
            }
        }
    }
}
