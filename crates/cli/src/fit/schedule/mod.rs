//! Learning-rate schedules: what `--schedule` names, and the one interface through which the training loop asks for a rate.

mod cosine;
mod one_cycle;
mod step_decay;

use std::fmt;

use burn::lr_scheduler::LrScheduler;
use burn::lr_scheduler::constant::ConstantLr;
use qstride_objectives::near_match::hint;

use self::cosine::Cosine;
use self::one_cycle::OneCycle;
use self::step_decay::StepDecay;
use super::optimizer::OptimizerKind;

/// The rate of a run, step by step.
pub trait Schedule: Send {
    /// Takes the loss of the batch of this step, before [`rate`](Self::rate) is asked for.
    fn record(&mut self, _loss: f64) {}

    /// The rate of this step; asked once a step.
    fn rate(&mut self) -> f64;

    /// Takes the mean training loss of the epoch that has ended.
    fn end_epoch(&mut self, _mean_loss: f64) {}
}

/// A schedule that looks at nothing but the number of steps.
struct Unseeing<S>(S);

impl<S: LrScheduler> Schedule for Unseeing<S> {
    fn rate(&mut self) -> f64 {
        self.0.step()
    }
}

/// What a schedule is made of besides its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleSettings {
    /// Optimizer steps of the whole training.
    pub steps: u64,
    /// The shares of them at which step decay falls.
    pub step_at: Vec<f64>,
    /// What it is then multiplied by.
    pub step_factor: f64,
}

/// A schedule by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScheduleKind {
    /// The same rate all the time.
    Constant,
    /// [`Cosine`]
    Cosine,
    /// [`StepDecay`]
    Step,
    /// [`OneCycle`]
    OneCycle,
}

impl ScheduleKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Constant, Self::Cosine, Self::Step, Self::OneCycle];

    /// What the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
            Self::Step => "step",
            Self::OneCycle => "one-cycle",
        }
    }

    /// What it does.
    pub fn about(self) -> &'static str {
        match self {
            Self::Constant => "the same rate all the time",
            Self::Cosine => "from the rate to 0 along half a cosine wave",
            Self::Step => "times 0.1 at 1/2 and 3/4 of training (--step-at, --step-factor)",
            Self::OneCycle => {
                "up to the rate from a 25th of it in the first 0.3, then down to nearly 0"
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

    /// The rate where none is given. One-cycle visits its peak only briefly, which lies half a decade higher.
    pub fn default_rate(self, optimizer: OptimizerKind) -> f64 {
        match self {
            Self::OneCycle => 3.0 * optimizer.default_rate(),
            _ => optimizer.default_rate(),
        }
    }

    /// The schedule at its beginning.
    pub fn start(self, rate: f64, settings: &ScheduleSettings) -> Box<dyn Schedule> {
        let steps = settings.steps;
        match self {
            Self::Constant => Box::new(Unseeing(ConstantLr::new(rate))),
            Self::Cosine => Box::new(Unseeing(Cosine::new(rate, steps))),
            Self::Step => {
                let (shares, factor) = (&settings.step_at, settings.step_factor);
                Box::new(Unseeing(StepDecay::new(rate, steps, shares, factor)))
            }
            Self::OneCycle => Box::new(Unseeing(OneCycle::new(rate, steps))),
        }
    }
}

impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The rates of `scheduler`, also when it is saved and loaded in the middle.
    pub fn assert_rates<S: LrScheduler + Clone>(scheduler: S, wanted: &[f64]) {
        let mut resumed = scheduler.clone();
        let mut running = scheduler.clone();
        for (step, wanted) in wanted.iter().enumerate() {
            let record = running.to_record();
            resumed.load_record(record);
            let rate = running.step();
            assert!(
                (rate - wanted).abs() < 1e-12,
                "step {step}: {rate}, {wanted}"
            );
            assert_eq!(resumed.step(), rate);
        }
    }

    #[test]
    fn every_schedule_starts_at_or_below_its_rate_and_ends_there() {
        let settings = ScheduleSettings {
            steps: 100,
            step_at: vec![0.5, 0.75],
            step_factor: 0.1,
        };
        for kind in ScheduleKind::ALL {
            assert_eq!(ScheduleKind::parse(kind.name()), Ok(kind));
            let mut schedule = kind.start(5.0, &settings);
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
}
