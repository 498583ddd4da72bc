//! Learning-rate schedules: what `--schedule` names, and the one interface through which the training loop asks for a rate.

mod controlled;
mod shaped;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use qstride::Scheduler;
use qstride_control::RateShape;
use qstride_objectives::near_match::hint;

use self::controlled::Controlled;
use self::shaped::Shaped;
use super::model::Network;
use super::optimizer::OptimizerKind;
use super::update::Update;

/// The rate of a run, step by step.
pub trait Schedule: Send {
    /// Takes the loss of the batch of this step, before [`rate`](Self::rate) is asked for.
    fn record(&mut self, _loss: f64) {}

    /// The rate of this step; asked once a step.
    fn rate(&mut self) -> f64;

    /// Takes the mean training loss of the epoch that has ended.
    fn end_epoch(&mut self, _mean_loss: f64) {}

    /// What carries out its steps on this network, which is at its start.
    fn update(&self, _network: &Network) -> Update {
        Update::Plain
    }

    /// Times that it went back to an earlier state.
    fn rollbacks(&self) -> u64 {
        0
    }
}

/// What a schedule is made of besides its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleSettings {
    /// Optimizer steps of the whole training.
    pub steps: u64,
    /// The optimizer that it drives.
    pub optimizer: OptimizerKind,
    /// The shares of them at which step decay falls.
    pub step_at: Vec<f64>,
    /// What it is then multiplied by.
    pub step_factor: f64,
    /// The epochs without improvement that a plateau may last.
    pub patience: usize,
    /// What the rate is multiplied by when it has lasted longer.
    pub plateau_factor: f64,
    /// The checkpoint folder of the policy, where it is not the one that ships.
    pub policy: Option<PathBuf>,
    /// Whether a guard rolls back when training blows up.
    pub guard: bool,
    /// The interval of gradient statistics, 0 for none; where it is not given, what the policy needs.
    pub gradients_every: Option<u64>,
    /// The file that takes every decision as a JSON line.
    pub audit: Option<PathBuf>,
}

/// A schedule by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScheduleKind {
    /// The same rate all the time.
    Constant,
    /// [`RateShape::Cosine`]
    Cosine,
    /// [`RateShape::Step`]
    Step,
    /// [`RateShape::Plateau`]
    Plateau,
    /// [`RateShape::OneCycle`]
    OneCycle,
    /// [`RateShape::WarmUpStableDecay`]
    Wsd,
    /// [`Scheduler::rule`]
    Rule,
    /// [`Scheduler::pretrained_for`], or a policy of one's own.
    Qstride,
}

impl ScheduleKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Constant,
        Self::Cosine,
        Self::Step,
        Self::Plateau,
        Self::OneCycle,
        Self::Wsd,
        Self::Rule,
        Self::Qstride,
    ];

    /// What the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
            Self::Step => "step",
            Self::Plateau => "plateau",
            Self::OneCycle => "one-cycle",
            Self::Wsd => "wsd",
            Self::Rule => "rule",
            Self::Qstride => "qstride",
        }
    }

    /// What it does.
    pub fn about(self) -> &'static str {
        match self {
            Self::Constant => "the same rate all the time",
            Self::Cosine => "from the rate to 0 along half a cosine wave",
            Self::Step => "times 0.1 at 1/2 and 3/4 of training (--step-at, --step-factor)",
            Self::Plateau => {
                "times 0.1 after more than 10 epochs without a lower mean loss (--patience)"
            }
            Self::OneCycle => {
                "up to the rate from a 25th of it in the first 0.3, then down to nearly 0"
            }
            Self::Wsd => {
                "up to the rate in the first 0.05, stable, down to 0 along a line in the last 0.3"
            }
            Self::Rule => {
                "the default of the crate `qstride`: a scripted rule finds the rate (ramp, hold, decay)"
            }
            Self::Qstride => {
                "a learned policy that adjusts that rule (--policy), and is not reliably ahead of it"
            }
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// The near matches, or else all names.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let names = Self::ALL.map(Self::name);
        found.ok_or_else(|| format!("unknown schedule '{name}'; {}", hint(name, &names, 20)))
    }

    /// Whether it finds its own rate; one that is given is a rough one.
    pub fn finds_its_rate(self) -> bool {
        matches!(self, Self::Rule | Self::Qstride)
    }

    /// The rate where none is given; `None` for a schedule that finds its own. One-cycle visits its peak only briefly, which
    /// lies half a decade higher.
    pub fn default_rate(self, optimizer: OptimizerKind) -> Option<f64> {
        match self {
            Self::Rule | Self::Qstride => None,
            Self::OneCycle => Some(3.0 * optimizer.default_rate()),
            _ => Some(optimizer.default_rate()),
        }
    }

    /// The schedule at its beginning.
    ///
    /// # Errors
    /// A shape without a rate, a policy that cannot be loaded, an audit log that cannot be written.
    pub fn start(
        self,
        rate: Option<f64>,
        settings: &ScheduleSettings,
    ) -> Result<Box<dyn Schedule>> {
        let family = settings.optimizer.family();
        let shape = match self {
            Self::Constant => RateShape::Constant,
            Self::Cosine => RateShape::Cosine,
            Self::Step => RateShape::Step {
                at: settings.step_at.clone(),
                factor: settings.step_factor,
            },
            Self::Plateau => RateShape::Plateau {
                factor: settings.plateau_factor,
                patience: settings.patience as u64,
            },
            Self::OneCycle => RateShape::OneCycle,
            Self::Wsd => RateShape::WarmUpStableDecay,
            Self::Rule => {
                let scheduler = Scheduler::rule(family);
                return Ok(Box::new(Controlled::new(scheduler, rate, settings)?));
            }
            Self::Qstride => {
                let scheduler = match &settings.policy {
                    Some(folder) => Scheduler::from_checkpoint(folder)?,
                    None => Scheduler::pretrained_for(family),
                };
                return Ok(Box::new(Controlled::new(scheduler, rate, settings)?));
            }
        };
        let rate = rate.with_context(|| format!("the schedule {self} needs a rate"))?;
        Ok(Box::new(Shaped::new(shape, rate, settings.steps)))
    }
}

impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ScheduleSettings {
        ScheduleSettings {
            steps: 100,
            optimizer: OptimizerKind::Sgd,
            step_at: vec![0.5, 0.75],
            step_factor: 0.1,
            patience: 2,
            plateau_factor: 0.5,
            policy: None,
            guard: true,
            gradients_every: None,
            audit: None,
        }
    }

    #[test]
    fn no_schedule_goes_above_its_rate_or_to_nothing() {
        for kind in ScheduleKind::ALL {
            assert_eq!(ScheduleKind::parse(kind.name()), Ok(kind));
            if kind.finds_its_rate() {
                continue;
            }
            let mut schedule = kind.start(Some(5.0), &settings()).unwrap();
            let rates: Vec<f64> = (0..100)
                .map(|_| {
                    schedule.record(1.0);
                    schedule.rate()
                })
                .collect();
            let largest = rates.iter().copied().fold(0.0, f64::max);
            assert!((largest - 5.0).abs() < 1e-12, "{kind}: {largest}");
            assert!(rates.iter().all(|r| *r > 0.0));
        }
        let fault = ScheduleKind::parse("cosin").unwrap_err();
        assert_eq!(fault, "unknown schedule 'cosin'; did you mean 'cosine'?");
    }

    #[test]
    fn shapes_have_the_settings_and_are_asked_step_by_step() {
        let settings = ScheduleSettings {
            steps: 4,
            step_factor: 0.5,
            ..settings()
        };
        let rates = |kind: ScheduleKind| {
            let mut schedule = kind.start(Some(4.0), &settings).unwrap();
            [0; 5].map(|_| schedule.rate())
        };
        assert_eq!(rates(ScheduleKind::Constant), [4.0; 5]);
        assert_eq!(rates(ScheduleKind::Step), [4.0, 4.0, 2.0, 1.0, 1.0]);
        let cosine = rates(ScheduleKind::Cosine);
        assert_eq!([cosine[0], cosine[2], cosine[4]], [4.0, 2.0, 0.0]);
        assert!((cosine[1] - 2.0 * (1.0 + 0.5f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn what_finds_its_rate_needs_none_and_starts_far_below_a_rough_one() {
        for kind in ScheduleKind::ALL {
            let without = kind.start(None, &settings());
            assert_eq!(without.is_ok(), kind.finds_its_rate(), "{kind}");
            let Ok(mut without) = without else { continue };
            let mut rough = kind.start(Some(5.0), &settings()).unwrap();
            let mut tiny = kind.start(Some(1e-6), &settings()).unwrap();
            for schedule in [&mut without, &mut rough, &mut tiny] {
                schedule.record(1.0);
            }
            assert_eq!((without.rate(), rough.rate()), (1e-7, 1e-7));
            assert!((tiny.rate() - 1e-9).abs() < 1e-20);
            assert_eq!(without.rollbacks(), 0);
        }
    }

    #[test]
    fn a_plateau_is_noticed_at_the_end_of_an_epoch() {
        let mut schedule = ScheduleKind::Plateau.start(Some(4.0), &settings()).unwrap();
        let rates = [3.0, 2.0, 2.0, 2.0, 2.0, 1.0].map(|loss| {
            let rate = schedule.rate();
            assert_eq!(schedule.rate(), rate);
            schedule.end_epoch(loss);
            rate
        });
        // Three epochs no better than 2.0 are more than the patience of two.
        assert_eq!(rates, [4.0, 4.0, 4.0, 4.0, 4.0, 2.0]);
    }
}
