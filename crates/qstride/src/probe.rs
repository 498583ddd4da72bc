//! Where a training loop leaves what a scheduler has to see: `LrScheduler::step` takes no arguments.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

/// Losses that no scheduler has read yet; older ones are dropped beyond this number.
const MOST_UNREAD: usize = 4096;

/// A mailbox that a training loop and its schedulers share; clones are the same mailbox, on any thread.
///
/// Several losses between two steps of a scheduler are averaged: that is gradient accumulation. Several schedulers may read one
/// probe; each reads every loss once.
///
/// ```
/// use burn::lr_scheduler::LrScheduler;
/// use qstride::Scheduler;
///
/// let mut scheduler = Scheduler::pretrained().steps(1000);
/// let probe = scheduler.probe();
/// probe.record(2.3)?; // the loss of this batch
/// let rate = scheduler.step();
/// assert!(rate > 0.0);
/// # Ok::<(), qstride::ProbeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probe {
    shared: Arc<Mutex<Contents>>,
}

/// A loss that is no use to a scheduler. It is kept all the same: a guard has to see it.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// NaN or infinite.
    #[error(
        "the loss is {loss}: with a Guard the parameters are rolled back and the rate is lowered; without one the parameters are lost"
    )]
    NotFinite {
        /// The loss.
        loss: f64,
    },
    /// Nobody reads the probe.
    #[error(
        "{MOST_UNREAD} losses were recorded and none was read: is it the probe of the scheduler that steps? Take it from `scheduler.probe()`, \
         or make the scheduler with `.watching(&probe)`"
    )]
    Unread,
}

#[derive(Debug, Default)]
struct Contents {
    metrics: Vec<f64>,
    losses: VecDeque<Loss>,
    /// Losses dropped from the front of the queue, which is the index of its first.
    dropped: u64,
    /// The first index that some scheduler has not read yet.
    read: u64,
}

#[derive(Clone, Debug)]
enum Loss {
    Read(f64),
    /// Still on the device.
    Tensor(Box<Tensor<1>>),
}

impl Probe {
    /// An empty probe.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands in the loss of one batch, before the scheduler's `step`.
    ///
    /// # Errors
    /// [`ProbeError`] for a loss that is not finite, and where nobody reads the probe. The loss is taken in all the same.
    pub fn record(&self, loss: impl Into<f64>) -> Result<(), ProbeError> {
        let loss = loss.into();
        self.push(Loss::Read(loss))?;
        if loss.is_finite() {
            Ok(())
        } else {
            Err(ProbeError::NotFinite { loss })
        }
    }

    /// Hands in the loss of one batch as a tensor, its mean being the loss. It is read from the device when the scheduler steps; with
    /// [`Scheduler::late_loss`](crate::Scheduler::late_loss) one step later, when the device has it ready.
    ///
    /// # Errors
    /// [`ProbeError::Unread`] where nobody reads the probe.
    pub fn record_tensor<const D: usize>(&self, loss: &Tensor<D>) -> Result<(), ProbeError> {
        self.push(Loss::Tensor(Box::new(loss.clone().detach().mean())))
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

    /// The index of the next loss to be recorded.
    pub(crate) fn end(&self) -> u64 {
        self.contents(|contents| contents.dropped + contents.losses.len() as u64)
    }

    /// The mean of the losses with an index in `from..to`; none where there are none. A tensor that cannot be read counts as NaN.
    pub(crate) fn mean_between(&self, from: u64, to: u64) -> Option<f64> {
        // Tensors are read after the lock is gone: a device may take its time.
        let losses: Vec<Loss> = self.contents(|contents| {
            contents.read = contents.read.max(to);
            let skip = from.saturating_sub(contents.dropped) as usize;
            let count = to.saturating_sub(from.max(contents.dropped)) as usize;
            let losses = contents
                .losses
                .iter()
                .skip(skip)
                .take(count)
                .cloned()
                .collect();
            // What every scheduler of today has read is needed no more; a second scheduler reads within the same step.
            while contents.losses.len() > 64 && contents.dropped < contents.read.saturating_sub(64)
            {
                contents.losses.pop_front();
                contents.dropped += 1;
            }
            losses
        });
        let values = losses.iter().map(|loss| match loss {
            Loss::Read(value) => *value,
            Loss::Tensor(tensor) => tensor.clone().try_into_scalar::<f64>().unwrap_or(f64::NAN),
        });
        (!losses.is_empty()).then(|| values.sum::<f64>() / losses.len() as f64)
    }

    fn push(&self, loss: Loss) -> Result<(), ProbeError> {
        self.contents(|contents| {
            contents.losses.push_back(loss);
            if contents.losses.len() <= MOST_UNREAD {
                return Ok(());
            }
            contents.losses.pop_front();
            contents.dropped += 1;
            if contents.read < contents.dropped {
                Err(ProbeError::Unread)
            } else {
                Ok(())
            }
        })
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

    #[test]
    fn losses_between_two_readings_are_averaged_and_every_reader_reads_all() {
        let probe = Probe::new();
        assert_eq!(probe.mean_between(0, probe.end()), None);
        probe.record(1.0f32).unwrap();
        probe.record(2.0).unwrap();
        assert_eq!(probe.mean_between(0, 2), Some(1.5));
        probe.record(4.0).unwrap();
        assert_eq!(probe.mean_between(2, 3), Some(4.0));
        assert_eq!(probe.mean_between(0, 3), Some(7.0 / 3.0));
    }

    #[test]
    fn a_bad_loss_is_an_error_and_kept() {
        let probe = Probe::new();
        let error = probe.record(f64::NAN).unwrap_err();
        assert!(matches!(error, ProbeError::NotFinite { loss } if loss.is_nan()));
        assert!(probe.mean_between(0, 1).unwrap().is_nan());
    }

    #[test]
    fn a_probe_that_nobody_reads_says_so_and_does_not_grow() {
        let probe = Probe::new();
        for _ in 0..MOST_UNREAD {
            probe.record(1.0).unwrap();
        }
        assert_eq!(probe.record(1.0), Err(ProbeError::Unread));
        assert_eq!(probe.contents(|c| c.losses.len()), MOST_UNREAD);
        // Read, it keeps little.
        let end = probe.end();
        probe.mean_between(end - 1, end);
        assert!(probe.contents(|c| c.losses.len()) <= 64);
        assert_eq!(probe.record(1.0), Ok(()));
    }

    #[test]
    fn a_tensor_is_read_on_demand() {
        let device = burn::tensor::Device::flex();
        let probe = Probe::new();
        probe
            .record_tensor(&Tensor::<1>::from_floats([1.0, 2.0], &device))
            .unwrap();
        assert_eq!(probe.mean_between(0, 1), Some(1.5));
    }
}
