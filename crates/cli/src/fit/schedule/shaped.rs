//! The schedules that follow a shape: the same ones that rivals are compared under.

use qstride_control::{RateShape, ShapedRate};

use super::Schedule;

/// The rate of a shape at steps 0, 1, ...; of all losses only a plateau sees any, the mean of each epoch.
pub struct Shaped {
    rate: ShapedRate,
    step: u64,
}

impl Shaped {
    /// From `rate` over `steps` optimizer steps.
    pub fn new(shape: RateShape, rate: f64, steps: u64) -> Self {
        Self {
            rate: ShapedRate::new(shape, rate, steps),
            step: 0,
        }
    }
}

impl Schedule for Shaped {
    fn rate(&mut self) -> f64 {
        let rate = self.rate.at(self.step as f64);
        self.step += 1;
        rate
    }

    fn end_epoch(&mut self, mean_loss: f64) {
        self.rate.end_epoch(mean_loss);
    }
}
