//! What a scheduler does, as metrics of burn-train's dashboard.

use std::sync::Arc;

use burn::tensor::TensorReadError;
use burn::train::metric::state::{FormatOptions, NumericMetricState};
use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry,
    SerializedEntry,
};

use crate::monitor::Monitor;

/// A number that a [`Monitor`] shows: its rate, its last action or its roll-backs.
///
/// ```no_run
/// # let scheduler = qstride::Scheduler::pretrained();
/// let monitor = scheduler.monitor();
/// let metrics = [monitor.rate_metric(), monitor.action_metric(), monitor.rollbacks_metric()];
/// // SupervisedTraining::new(..).metric_train_numeric(monitor.rate_metric())
/// ```
#[derive(Clone)]
pub struct MonitorMetric {
    name: MetricName,
    monitor: Monitor,
    read: fn(&Monitor) -> f64,
    state: NumericMetricState,
}

impl Monitor {
    fn metric(&self, name: &str, read: fn(&Monitor) -> f64) -> MonitorMetric {
        MonitorMetric {
            name: Arc::new(name.to_owned()),
            monitor: self.clone(),
            read,
            state: NumericMetricState::new(),
        }
    }

    /// The rate of the last step.
    pub fn rate_metric(&self) -> MonitorMetric {
        self.metric("Controller rate", Self::rate)
    }

    /// The index of the policy's last action; -1 where the anchor acted alone.
    pub fn action_metric(&self) -> MonitorMetric {
        self.metric("Controller action", |monitor| {
            let index = monitor.contents(|c| c.decision.as_ref().and_then(|noted| noted.action));
            index.map_or(-1.0, |index| index as f64)
        })
    }

    /// Roll-backs so far.
    pub fn rollbacks_metric(&self) -> MonitorMetric {
        self.metric("Controller rollbacks", |monitor| {
            f64::from(monitor.rollbacks())
        })
    }
}

impl Metric for MonitorMetric {
    type Input = ();

    fn update(
        &mut self,
        _item: &(),
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        self.state.update((self.read)(&self.monitor), 1);
        let format = FormatOptions::new(self.name()).precision(4);
        Ok(self.state.compute_update(format))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        let format = FormatOptions::new(self.name()).precision(4);
        Ok(self.state.compute_final(format))
    }

    fn clear(&mut self) {
        self.state.reset();
    }

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: None,
            higher_is_better: false,
        }
        .into()
    }
}

impl Numeric for MonitorMetric {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.state.current_value())
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.state.running_value())
    }

    fn final_value(&self) -> NumericEntry {
        self.state.final_value()
    }
}
