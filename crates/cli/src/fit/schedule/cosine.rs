//! Cosine annealing.

use std::f64::consts::PI;

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};

/// α_t = ½ α₀ (1 + cos(π t / T)) for t = 0, 1, ..., and 0 from t = T on: SGDR (Loshchilov and Hutter, arXiv 1608.03983) without
/// restarts, PyTorch's `CosineAnnealingLR`.
///
/// Burn's own refuses rates above 1, which plain gradient descent can need.
#[derive(Clone, Debug)]
pub struct Cosine {
    rate: f64,
    steps: u64,
    step: u64,
}

impl Cosine {
    /// From `rate` to 0 within `steps` optimizer steps, at least 1.
    pub fn new(rate: f64, steps: u64) -> Self {
        Self {
            rate,
            steps: steps.max(1),
            step: 0,
        }
    }
}

impl LrScheduler for Cosine {
    fn step(&mut self) -> f64 {
        let done = self.step.min(self.steps) as f64 / self.steps as f64;
        self.step += 1;
        0.5 * self.rate * (1.0 + (PI * done).cos())
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new().with_scalar("step", self.step)
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        self.step = record.scalar("step").unwrap_or(self.step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::schedule::tests::assert_rates;

    #[test]
    fn half_a_wave_and_then_nothing() {
        let half = 0.5f64.sqrt();
        let wanted = [
            4.0,
            2.0 * (1.0 + half),
            2.0,
            2.0 * (1.0 - half),
            0.0,
            0.0,
            0.0,
        ];
        assert_rates(Cosine::new(4.0, 4), &wanted);
    }
}
