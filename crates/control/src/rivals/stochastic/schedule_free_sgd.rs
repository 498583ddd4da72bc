//! Schedule-free SGD.

use super::{Minibatch, Optimizer, ScheduleFreeAverage};

/// SGD on the three sequences of [`ScheduleFreeAverage`] (Defazio et al., arXiv 2405.15682; `SGDScheduleFree`, whose default rate
/// is 1). `x` of a step is the point of the gradient, the average is the one that counts.
#[derive(Clone, Debug)]
pub struct ScheduleFreeSgd {
    /// The sequences, with β = 0.9.
    pub average: ScheduleFreeAverage,
    gradient: Vec<f64>,
}

impl ScheduleFreeSgd {
    /// The published defaults, from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        Self {
            average: ScheduleFreeAverage::new(x0),
            gradient: vec![0.0; x0.len()],
        }
    }
}

impl Optimizer for ScheduleFreeSgd {
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64 {
        let loss = batch.value_and_gradient(x, &mut self.gradient);
        self.average.advance(rate, &self.gradient, x);
        loss
    }

    fn judged<'a>(&'a self, _x: &'a [f64]) -> &'a [f64] {
        self.average.point()
    }

    fn rate_used(&self, _rate: f64) -> f64 {
        self.average.rate_used()
    }
}
