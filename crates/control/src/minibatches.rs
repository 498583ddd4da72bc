//! Minibatches without replacement.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The samples of each step: every epoch is a new order of all samples (Fisher and Yates), taken in portions. The last portion
/// of an epoch may be smaller.
///
/// ```
/// use qstride_control::Minibatches;
/// use qstride_objectives::Streams;
///
/// let mut batches = Minibatches::new(5, 2, Streams::new(1).stream("minibatches"));
/// let sizes = [0; 4].map(|_| batches.draw().len());
/// assert_eq!(sizes, [2, 2, 1, 2]);
/// assert_eq!(batches.steps_an_epoch(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Minibatches {
    /// The samples of the present epoch in their order, and how many of them were used.
    order: Vec<usize>,
    used: usize,
    batch: usize,
    generator: ChaCha8Rng,
}

impl Minibatches {
    /// Of `samples` samples, `batch` at a time (at least 1), before the first epoch.
    pub fn new(samples: usize, batch: usize, generator: ChaCha8Rng) -> Self {
        Self {
            order: (0..samples).collect(),
            used: samples,
            batch: batch.max(1),
            generator,
        }
    }

    /// The samples of the next step.
    pub fn draw(&mut self) -> &[usize] {
        if self.used >= self.order.len() {
            for last in (1..self.order.len()).rev() {
                self.order.swap(last, self.generator.random_range(0..=last));
            }
            self.used = 0;
        }
        let begin = self.used;
        self.used = (begin + self.batch).min(self.order.len());
        &self.order[begin..self.used]
    }

    /// Whether every sample of the epoch was drawn.
    pub fn epoch_ended(&self) -> bool {
        self.used >= self.order.len()
    }

    /// ⌈samples / batch⌉, at least 1.
    pub fn steps_an_epoch(&self) -> usize {
        self.order.len().div_ceil(self.batch).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_objectives::Streams;

    #[test]
    fn an_epoch_has_every_sample_once_in_a_new_order() {
        let mut batches = Minibatches::new(10, 3, Streams::new(4).stream("minibatches"));
        let mut epoch = || -> Vec<usize> {
            let mut drawn = Vec::new();
            for step in 0..4 {
                drawn.extend_from_slice(batches.draw());
                assert_eq!(batches.epoch_ended(), step == 3);
            }
            drawn
        };
        let (first, second) = (epoch(), epoch());
        assert_ne!(first, second);
        for mut drawn in [first, second] {
            drawn.sort_unstable();
            assert_eq!(drawn, (0..10).collect::<Vec<_>>());
        }
    }
}
