//! The one-cycle policy.

use std::f64::consts::PI;

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};

/// The share of the steps in which the rate rises.
const RISE: f64 = 0.3;
/// The peak over the first rate.
const START_DIVISOR: f64 = 25.0;
/// The first rate over the last one.
const END_DIVISOR: f64 = 1e4;

/// Up from α/25 to the peak α within the first 0.3 of the steps, then down to α/250,000, both along half a cosine wave.
///
/// L. N. Smith and N. Topin, 'Super-convergence', arXiv 1708.07120 (2018), as PyTorch's `OneCycleLR` has it by default, without
/// its cycle of the momentum. After the last step the rate stays.
#[derive(Clone, Debug)]
pub struct OneCycle {
    peak: f64,
    steps: u64,
    step: u64,
}

impl OneCycle {
    /// One cycle of `steps` optimizer steps with this peak.
    pub fn new(peak: f64, steps: u64) -> Self {
        Self {
            peak,
            steps,
            step: 0,
        }
    }
}

impl LrScheduler for OneCycle {
    fn step(&mut self) -> f64 {
        let first = self.peak / START_DIVISOR;
        let top = RISE * self.steps as f64 - 1.0;
        let last = self.steps as f64 - 1.0;
        let now = (self.step as f64).min(last);
        self.step += 1;
        if now <= top {
            half_wave(first, self.peak, now / top)
        } else {
            let done = (now - top) / (last - top);
            half_wave(self.peak, first / END_DIVISOR, done)
        }
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new().with_scalar("step", self.step)
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        self.step = record.scalar("step").unwrap_or(self.step);
    }
}

/// From `a` at 0 to `b` at 1.
fn half_wave(a: f64, b: f64, done: f64) -> f64 {
    b + 0.5 * (a - b) * (1.0 + (PI * done).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::schedule::tests::assert_rates;

    /// By PyTorch's formula: the phases end at the steps 0.3 T - 1 and T - 1.
    #[test]
    fn up_and_down_as_in_pytorch() {
        let down = |done: f64| half_wave(1.0, 4e-6, done);
        let wanted = [
            0.04,
            0.52,
            1.0,
            down(1.0 / 7.0),
            down(2.0 / 7.0),
            down(3.0 / 7.0),
            down(4.0 / 7.0),
            down(5.0 / 7.0),
            down(6.0 / 7.0),
            4e-6,
            4e-6,
        ];
        assert_rates(OneCycle::new(1.0, 10), &wanted);
        // cos(3 pi / 7) = 0.2225209339563144
        assert!((wanted[5] - (4e-6 + 0.5 * (1.0 - 4e-6) * 1.222_520_933_956_314_4)).abs() < 1e-15);
    }

    #[test]
    fn short_ones_only_fall() {
        for steps in 1..=3 {
            let mut short = OneCycle::new(1.0, steps);
            let rates: Vec<f64> = (0..5).map(|_| short.step()).collect();
            assert!(rates.windows(2).all(|w| w[1] <= w[0]), "{rates:?}");
            assert!((rates[4] - 4e-6).abs() < 1e-18);
        }
    }
}
