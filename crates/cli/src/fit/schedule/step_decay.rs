//! Step decay.

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};

/// α_t = α₀ γᵏ, with k the number of milestones mᵢ T that t has reached: PyTorch's `MultiStepLR`.
///
/// Burn's own falls every so many steps; here the falls may stand anywhere.
#[derive(Clone, Debug)]
pub struct StepDecay {
    rate: f64,
    /// The steps before which the rate falls.
    milestones: Vec<f64>,
    factor: f64,
    step: u64,
}

impl StepDecay {
    /// `rate`, times `factor` (γ) at each of these `shares` (mᵢ) of `steps` (T).
    pub fn new(rate: f64, steps: u64, shares: &[f64], factor: f64) -> Self {
        Self {
            rate,
            milestones: shares.iter().map(|share| share * steps as f64).collect(),
            factor,
            step: 0,
        }
    }
}

impl LrScheduler for StepDecay {
    fn step(&mut self) -> f64 {
        let now = self.step as f64;
        let reached = self.milestones.iter().filter(|m| now >= **m).count();
        self.step += 1;
        self.rate * self.factor.powf(reached as f64)
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
    fn it_falls_at_the_milestones() {
        let wanted = [2.0, 2.0, 2.0, 2.0, 0.2, 0.2, 0.02, 0.02, 0.02];
        assert_rates(StepDecay::new(2.0, 8, &[0.5, 0.75], 0.1), &wanted);
        assert_rates(StepDecay::new(2.0, 3, &[0.5], 0.5), &[2.0, 2.0, 1.0]);
        assert_rates(StepDecay::new(2.0, 3, &[], 0.5), &[2.0, 2.0, 2.0]);
    }
}
