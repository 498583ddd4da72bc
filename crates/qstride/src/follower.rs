//! One controller for several parameter groups.

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::optim::LearningRate;

use crate::monitor::Monitor;

/// A parameter group's rate as a fixed multiple of a scheduler's: made by [`Scheduler::follower`](crate::Scheduler::follower).
///
/// It returns the rate of the leader's last step, so the leader has to be the base group, which steps first.
#[derive(Clone)]
pub struct Follower {
    leader: Monitor,
    factor: f64,
}

impl Follower {
    pub(crate) fn new(leader: Monitor, factor: f64) -> Self {
        Self { leader, factor }
    }
}

impl LrScheduler for Follower {
    fn step(&mut self) -> LearningRate {
        self.factor * self.leader.rate()
    }

    /// Nothing: all there is to know is the leader's.
    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
    }

    fn load_record(&mut self, _record: LrSchedulerRecord) {}
}
