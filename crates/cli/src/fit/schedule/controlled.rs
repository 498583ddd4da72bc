//! The schedules that find their own rate: the scheduler of the crate `qstride`, with its guard.

use std::fs;

use anyhow::{Context, Result};
use burn::lr_scheduler::LrScheduler;
use qstride::{GradientMeter, Guard, Scheduler};

use super::{Schedule, ScheduleSettings};
use crate::fit::model::Network;
use crate::fit::update::Update;

/// The interval of gradient statistics for a policy that needs them, where none is given.
const GRADIENTS_EVERY: u64 = 10;

/// A scheduler that sees every loss.
pub struct Controlled {
    scheduler: Scheduler,
    guard: bool,
    gradients_every: u64,
}

impl Controlled {
    /// This scheduler at the beginning of a run; the rate is a rough one, and not needed.
    ///
    /// # Errors
    /// An audit log that cannot be written.
    pub fn new(
        scheduler: Scheduler,
        rate: Option<f64>,
        settings: &ScheduleSettings,
    ) -> Result<Self> {
        let mut scheduler = scheduler.steps(settings.steps);
        if let Some(rate) = rate {
            scheduler = scheduler.rough_rate(rate)?;
        }
        if let Some(path) = &settings.audit {
            // A scheduler appends, but this is a new run.
            fs::write(path, "").with_context(|| format!("cannot write {}", path.display()))?;
            scheduler = scheduler.audit(path)?;
        }
        let needed = if scheduler.needs_gradients() {
            GRADIENTS_EVERY
        } else {
            0
        };
        Ok(Self {
            gradients_every: settings.gradients_every.unwrap_or(needed),
            guard: settings.guard,
            scheduler,
        })
    }
}

impl Schedule for Controlled {
    fn record(&mut self, loss: f64) {
        // A loss that is not finite is the guard's business; without a guard the loop sees it too.
        self.scheduler.probe().record(loss).ok();
    }

    fn rate(&mut self) -> f64 {
        self.scheduler.step()
    }

    fn update(&self, network: &Network) -> Update {
        let (scheduler, every) = (&self.scheduler, self.gradients_every);
        match (self.guard, every) {
            (false, 0) => Update::Plain,
            (false, _) => Update::Measured(GradientMeter::new(scheduler, every)),
            (true, 0) => Update::Guarded(Box::new(Guard::new(scheduler, network))),
            (true, _) => Update::Guarded(Box::new(
                Guard::new(scheduler, network).measuring_gradients(scheduler, every),
            )),
        }
    }

    fn rollbacks(&self) -> u64 {
        // Without a guard they were asked for only.
        if self.guard {
            u64::from(self.scheduler.monitor().rollbacks())
        } else {
            0
        }
    }
}
