//! Where a training loop leaves what a scheduler has to see: `LrScheduler::step` takes no arguments.

use std::sync::{Arc, Mutex, PoisonError};

/// A mailbox that a training loop and a scheduler share; clones are the same mailbox, on any thread.
///
/// ```
/// use qstride::{Plateau, Probe};
///
/// let probe = Probe::new();
/// let scheduler = Plateau::new(0.1, &probe).build()?;
/// probe.metric(0.72); // after every epoch
/// # let _ = scheduler;
/// # Ok::<(), qstride::PlateauError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probe {
    shared: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    metrics: Vec<f64>,
}

impl Probe {
    /// An empty probe.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands in the metric of one epoch, usually the loss on held-out data. NaN is allowed: [`Plateau`](crate::Plateau) counts
    /// it as no improvement.
    pub fn metric(&self, value: f64) {
        self.contents(|contents| contents.metrics.push(value));
    }

    /// The metrics from the one with this index (from 0, in the order of arrival) to the latest.
    pub(crate) fn metrics_from(&self, index: usize) -> Vec<f64> {
        self.contents(|contents| contents.metrics.get(index..).unwrap_or_default().to_vec())
    }

    /// A thread that panicked while it held the lock leaves whole numbers behind: nothing here can be half written.
    fn contents<T>(&self, look: impl FnOnce(&mut Contents) -> T) -> T {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_their_metrics_also_across_threads() {
        let probe = Probe::new();
        let other = probe.clone();
        std::thread::spawn(move || other.metric(2.0))
            .join()
            .unwrap();
        probe.metric(1.0);
        assert_eq!(probe.metrics_from(0), [2.0, 1.0]);
        assert_eq!(probe.metrics_from(1), [1.0]);
        assert!(probe.metrics_from(2).is_empty() && probe.metrics_from(9).is_empty());
    }

    #[test]
    fn a_poisoned_lock_is_no_reason_to_stop() {
        let probe = Probe::new();
        let other = probe.clone();
        let panicked = std::thread::spawn(move || other.contents(|_| panic!("on purpose"))).join();
        assert!(panicked.is_err());
        probe.metric(3.0);
        assert_eq!(probe.metrics_from(0), [3.0]);
    }
}
