//! Warm-up in front of any other scheduler.

use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::optim::LearningRate;

/// Multiplies another scheduler's rate by a ramp that ends at 1:
///
/// rate_t = inner_t min(1, (t + 1) / steps), t = 0, 1, ...
///
/// (Goyal et al., 2017, arXiv 1706.02677, section 2.2: 'gradual warmup'.) The inner scheduler steps from the first step on: it
/// is damped, not delayed, so that a cosine over 1,000 steps still ends at step 1,000.
///
/// The inner scheduler is whatever Burn's learner takes: [`Plateau`](crate::Plateau), a constant, any other [`LrScheduler`], or
/// the [`ModuleLrScheduler`] that Burn's own configurations make. Of the latter's parameter groups only the base rate comes
/// through, because an [`LrScheduler`] returns one rate; to warm up several groups, give each a `WarmUp` of its own.
///
/// ```
/// use burn::lr_scheduler::LrScheduler;
/// use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
/// use qstride::WarmUp;
///
/// let mut constant = WarmUp::linear(4, 0.1);
/// let rates: Vec<f64> = (0..6).map(|_| constant.step()).collect();
/// assert_eq!(rates, [0.025, 0.05, 0.1 * 0.75, 0.1, 0.1, 0.1]);
///
/// let mut cosine = WarmUp::linear(100, CosineAnnealingLrSchedulerConfig::new(0.1, 1000).init()?);
/// assert_eq!(cosine.step(), 0.1 * 0.01);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct WarmUp {
    inner: ModuleLrScheduler,
    steps: usize,
    /// Steps taken, counted no further than `steps`.
    taken: usize,
}

const TAKEN: &str = "taken";
const INNER: &str = "inner";

impl WarmUp {
    /// A linear ramp over the first `steps` optimizer steps; 0 steps are no warm-up.
    pub fn linear(steps: usize, inner: impl Into<ModuleLrScheduler>) -> Self {
        Self {
            inner: inner.into(),
            steps,
            taken: 0,
        }
    }
}

impl LrScheduler for WarmUp {
    fn step(&mut self) -> LearningRate {
        let rate = self.inner.step().base();
        if self.taken >= self.steps {
            return rate;
        }
        self.taken += 1;
        rate * (self.taken as f64 / self.steps as f64)
    }

    /// The steps taken, and the inner scheduler's record under `inner`.
    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
            .with_scalar(TAKEN, self.taken as u64)
            .with_record(INNER, self.inner.to_record())
    }

    /// Continues from a record of [`to_record`](Self::to_record). Anything else is ignored, with a warning: there is no error to
    /// return.
    fn load_record(&mut self, record: LrSchedulerRecord) {
        let Some(taken) = record.scalar::<usize>(TAKEN) else {
            tracing::warn!("not a record of a WarmUp: it goes on from where it stood");
            return;
        };
        self.taken = taken;
        self.inner = self.inner.clone().load_record(record.record(INNER));
    }
}

#[cfg(test)]
mod tests {
    use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::{Plateau, Probe};

    fn rates(scheduler: &mut WarmUp, steps: usize) -> Vec<f64> {
        (0..steps).map(|_| scheduler.step()).collect()
    }

    /// 0.5, 0.4, 0.3, 0.2, 0.1, 0.1 ...
    fn falling() -> ModuleLrScheduler {
        LinearLrSchedulerConfig::new(0.5, 0.1, 4).init().unwrap()
    }

    #[test]
    fn the_inner_scheduler_steps_from_the_first_step_on() {
        let found = rates(&mut WarmUp::linear(3, falling()), 6);
        let expected = [0.5 / 3.0, 0.4 * 2.0 / 3.0, 0.3, 0.2, 0.1, 0.1];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn no_steps_are_no_warm_up_and_one_step_is_none_either() {
        assert_eq!(rates(&mut WarmUp::linear(0, 0.3), 3), [0.3; 3]);
        assert_eq!(rates(&mut WarmUp::linear(1, 0.3), 3), [0.3; 3]);
    }

    #[test]
    fn a_metric_reaches_the_plateau_inside() {
        let probe = Probe::new();
        let plateau = Plateau::new(1.0, &probe).patience(0).build().unwrap();
        let mut scheduler = WarmUp::linear(4, plateau);
        assert_eq!(rates(&mut scheduler, 2), [0.25, 0.5]);
        probe.metric(1.0);
        probe.metric(1.0);
        assert_eq!(rates(&mut scheduler, 3), [0.1 * 0.75, 0.1, 0.1]);
    }

    #[test]
    fn the_record_nests_the_inner_one_also_through_bytes() {
        for steps_before in [0, 2, 3, 5] {
            let mut whole = WarmUp::linear(4, falling());
            rates(&mut whole, steps_before);
            let bytes = whole.to_record().into_bytes().unwrap();
            let mut resumed = WarmUp::linear(4, falling());
            resumed.load_record(LrSchedulerRecord::from_bytes(bytes).unwrap());
            assert_eq!(rates(&mut resumed, 8), rates(&mut whole, 8));
        }
    }

    #[test]
    fn a_foreign_record_is_ignored() {
        let mut scheduler = WarmUp::linear(4, 0.4);
        scheduler.step();
        scheduler.load_record(LrSchedulerRecord::new().with_scalar("other", 7_u64));
        assert_eq!(scheduler.step(), 0.2);
    }

    proptest! {
        #[test]
        fn never_above_the_inner_rate_never_falling_and_equal_after_the_ramp(steps in 0_usize..50, rate in 1e-6..10.0) {
            let found = rates(&mut WarmUp::linear(steps, rate), steps + 3);
            prop_assert!(found.iter().all(|&r| r > 0.0 && r <= rate));
            prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(found[steps.saturating_sub(1)..].iter().all(|&r| r == rate));
        }
    }
}
