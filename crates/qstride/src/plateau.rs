//! Reduce on plateau: the rate falls when a metric stops improving.

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::optim::LearningRate;

use crate::Probe;

/// Whether a smaller or a larger metric is the better one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlateauMode {
    /// Smaller is better: a loss.
    #[default]
    Min,
    /// Larger is better: an accuracy.
    Max,
}

/// What the threshold is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMode {
    /// Parts of the best metric so far.
    #[default]
    Relative,
    /// Units of the metric.
    Absolute,
}

/// A setting with which there can be no [`Plateau`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("plateau: {setting} is {value}, but {rule}")]
pub struct PlateauError {
    /// The setting's name.
    pub setting: &'static str,
    /// What it was set to.
    pub value: f64,
    /// What it has to be.
    pub rule: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    mode: PlateauMode,
    factor: f64,
    patience: usize,
    threshold: f64,
    threshold_mode: ThresholdMode,
    cooldown: usize,
    min_lr: f64,
    eps: f64,
}

/// A [`Plateau`] in the making: [`Plateau::new`], the settings that differ from PyTorch's defaults, [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use = "a builder schedules nothing before `build`"]
pub struct PlateauBuilder {
    rate: f64,
    probe: Probe,
    settings: Settings,
}

impl PlateauBuilder {
    /// Whether a smaller (the default) or a larger metric is better.
    pub fn mode(mut self, mode: PlateauMode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// What the rate is multiplied by, in \[0, 1); 0.1 unless set.
    pub fn factor(mut self, factor: f64) -> Self {
        self.settings.factor = factor;
        self
    }

    /// Epochs without improvement that are borne; the one after them lowers the rate. 10 unless set.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.settings.patience = epochs;
        self
    }

    /// By how much a metric has to beat the best one, at least 0; 1e-4 unless set.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.settings.threshold = threshold;
        self
    }

    /// Whether the threshold is relative to the best metric (the default) or absolute.
    pub fn threshold_mode(mut self, mode: ThresholdMode) -> Self {
        self.settings.threshold_mode = mode;
        self
    }

    /// Epochs after a reduction during which nothing counts as lack of improvement; 0 unless set.
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.settings.cooldown = epochs;
        self
    }

    /// The rate below which none is set, at least 0; 0 unless set. A start rate below it is left alone, as in PyTorch.
    pub fn min_lr(mut self, rate: f64) -> Self {
        self.settings.min_lr = rate;
        self
    }

    /// The smallest reduction that is carried out, at least 0; 1e-8 unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.settings.eps = eps;
        self
    }

    /// The scheduler.
    ///
    /// # Errors
    /// [`PlateauError`] names the first setting that cannot be.
    pub fn build(self) -> Result<Plateau, PlateauError> {
        let Settings {
            factor,
            threshold,
            min_lr,
            eps,
            ..
        } = self.settings;
        let never_better = self.settings.threshold_mode == ThresholdMode::Relative
            && self.settings.mode == PlateauMode::Min
            && threshold >= 1.0;
        let at_least_zero = |value: f64| value >= 0.0 && value.is_finite();
        let rules = [
            (
                "rate",
                self.rate,
                self.rate > 0.0 && self.rate.is_finite(),
                "it has to be above 0 and finite",
            ),
            (
                "factor",
                factor,
                (0.0..1.0).contains(&factor),
                "it has to be at least 0 and below 1",
            ),
            (
                "threshold",
                threshold,
                at_least_zero(threshold),
                "it has to be at least 0 and finite",
            ),
            (
                "threshold",
                threshold,
                !never_better,
                "in relative mode it has to be below 1, or no loss would ever be an improvement",
            ),
            (
                "min_lr",
                min_lr,
                at_least_zero(min_lr),
                "it has to be at least 0 and finite",
            ),
            (
                "eps",
                eps,
                at_least_zero(eps),
                "it has to be at least 0 and finite",
            ),
        ];
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((setting, value, _, rule)) => Err(PlateauError {
                setting,
                value,
                rule,
            }),
            None => Ok(Plateau {
                state: State {
                    rate: self.rate,
                    best: match self.settings.mode {
                        PlateauMode::Min => f64::INFINITY,
                        PlateauMode::Max => f64::NEG_INFINITY,
                    },
                    bad_epochs: 0,
                    cooldown_left: 0,
                },
                settings: self.settings,
                seen: 0,
                probe: self.probe,
            }),
        }
    }
}

/// Lowers the rate when a metric has not improved for more than `patience` epochs: PyTorch's `ReduceLROnPlateau`, with its
/// arithmetic, its names and its defaults.
///
/// For every metric m that is handed to the probe, once an epoch:
///
/// - m is an improvement if m < best (1 - threshold) (mode min, relative), m < best - threshold (min, absolute),
///   m > best (1 + threshold) (max, relative) or m > best + threshold (max, absolute); then best = m. The first finite
///   metric always is one, NaN never;
/// - bad = 0 after an improvement, else bad + 1; during the cooldown, bad = 0;
/// - if bad > patience: rate = max(factor rate, min_lr), unless that lowers it by no more than eps; bad = 0; the cooldown begins.
///
/// [`step`](LrScheduler::step) is called before every optimizer step and takes in what has arrived since the last call. A clone
/// reads the same probe, on its own. A record holds what the metrics that arrived before it was made amount to, also those
/// that no step has taken in yet; after loading, metrics that are in the probe already count as past.
///
/// Source: `torch/optim/lr_scheduler.py`. Settings are not part of the record, as with Burn's own schedulers.
///
/// ```
/// use burn::lr_scheduler::LrScheduler;
/// use qstride::{Plateau, Probe};
///
/// let probe = Probe::new();
/// let mut scheduler = Plateau::new(0.1, &probe).patience(1).factor(0.5).build()?;
/// for validation_loss in [0.9, 0.7, 0.7, 0.7] {
///     assert_eq!(scheduler.step(), 0.1); // one step an epoch, to be short
///     probe.metric(validation_loss);
/// }
/// assert_eq!(scheduler.step(), 0.05);
/// # Ok::<(), qstride::PlateauError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plateau {
    settings: Settings,
    state: State,
    /// Number of the probe's metrics that the state has in it.
    seen: usize,
    probe: Probe,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    rate: f64,
    best: f64,
    bad_epochs: u64,
    cooldown_left: u64,
}

impl Plateau {
    /// The settings of PyTorch, from this rate on, fed by this probe.
    #[expect(
        clippy::new_ret_no_self,
        reason = "there is no scheduler before its settings are checked"
    )]
    pub fn new(rate: LearningRate, probe: &Probe) -> PlateauBuilder {
        PlateauBuilder {
            rate,
            probe: probe.clone(),
            settings: Settings {
                mode: PlateauMode::Min,
                factor: 0.1,
                patience: 10,
                threshold: 1e-4,
                threshold_mode: ThresholdMode::Relative,
                cooldown: 0,
                min_lr: 0.0,
                eps: 1e-8,
            },
        }
    }
}

impl Settings {
    fn improves(&self, metric: f64, best: f64) -> bool {
        use {PlateauMode::*, ThresholdMode::*};
        match (self.mode, self.threshold_mode) {
            (Min, Relative) => metric < best * (1.0 - self.threshold),
            (Min, Absolute) => metric < best - self.threshold,
            (Max, Relative) => metric > best * (1.0 + self.threshold),
            (Max, Absolute) => metric > best + self.threshold,
        }
    }

    /// The state after one more metric.
    fn after(&self, mut state: State, metric: f64) -> State {
        if self.improves(metric, state.best) {
            state.best = metric;
            state.bad_epochs = 0;
        } else {
            state.bad_epochs = state.bad_epochs.saturating_add(1);
        }
        if state.cooldown_left > 0 {
            state.cooldown_left -= 1;
            state.bad_epochs = 0;
        }
        if state.bad_epochs > self.patience as u64 {
            let reduced = (state.rate * self.factor).max(self.min_lr);
            if state.rate - reduced > self.eps {
                state.rate = reduced;
            }
            state.cooldown_left = self.cooldown as u64;
            state.bad_epochs = 0;
        }
        state
    }
}

impl State {
    fn to_record(self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
            .with_scalar("rate", self.rate)
            .with_scalar("best", self.best)
            .with_scalar("bad_epochs", self.bad_epochs)
            .with_scalar("cooldown_left", self.cooldown_left)
    }

    /// None unless every number is there and can be.
    fn from_record(record: &LrSchedulerRecord) -> Option<Self> {
        let state = Self {
            rate: record.scalar("rate")?,
            best: record.scalar("best")?,
            bad_epochs: record.scalar("bad_epochs")?,
            cooldown_left: record.scalar("cooldown_left")?,
        };
        (state.rate >= 0.0 && state.rate.is_finite() && !state.best.is_nan()).then_some(state)
    }
}

impl LrScheduler for Plateau {
    fn step(&mut self) -> LearningRate {
        let arrived = self.probe.metrics_from(self.seen);
        self.seen += arrived.len();
        self.state = arrived.into_iter().fold(self.state, |state, metric| {
            self.settings.after(state, metric)
        });
        self.state.rate
    }

    fn to_record(&self) -> LrSchedulerRecord {
        let mut current = self.clone();
        current.step();
        current.state.to_record()
    }

    /// Continues from a record of [`to_record`](Self::to_record). Anything else is ignored, with a warning: there is no error to
    /// return.
    fn load_record(&mut self, record: LrSchedulerRecord) {
        match State::from_record(&record) {
            Some(state) => {
                self.state = state;
                self.seen = self.probe.metrics_from(0).len();
            }
            None => tracing::warn!("not a record of a Plateau: it goes on from where it stood"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INF: f64 = f64::INFINITY;

    /// The rates after each metric, from 0.1 on.
    fn rates(set: impl Fn(PlateauBuilder) -> PlateauBuilder, metrics: &[f64]) -> Vec<f64> {
        let probe = Probe::new();
        let mut scheduler = set(Plateau::new(0.1, &probe)).build().unwrap();
        assert_eq!(scheduler.step(), 0.1);
        let after = |&metric| {
            probe.metric(metric);
            scheduler.step()
        };
        metrics.iter().map(after).collect()
    }

    fn golden(
        name: &str,
        set: impl Fn(PlateauBuilder) -> PlateauBuilder,
        metrics: &[f64],
        expected: &[f64],
    ) {
        let found = rates(set, metrics);
        assert_eq!(&found[..expected.len()], expected, "{name}");
    }

    /// The expected rates are those of the published algorithm of `torch/optim/lr_scheduler.py` in Python, to the last bit.
    #[test]
    fn the_rates_are_those_of_pytorch() {
        golden(
            "the defaults bear ten epochs and act on the eleventh",
            |b| b,
            &[1.0; 24],
            &[[0.1; 11], [0.010000000000000002; 11]].concat(),
        );
        golden(
            "no patience",
            |b| b.patience(0),
            &[1.0, 1.0, 0.9, 0.95, 0.8, 0.8],
            &[
                0.1,
                0.010000000000000002,
                0.010000000000000002,
                0.0010000000000000002,
                0.0010000000000000002,
                0.00010000000000000003,
            ],
        );
        golden(
            "an improvement clears the count",
            |b| b.patience(2).factor(0.5),
            &[3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
            &[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025],
        );
        golden(
            "a relative threshold in mode min",
            |b| b.patience(1).threshold(0.1).factor(0.5),
            &[10.0, 9.5, 9.0, 8.9, 8.2, 8.1, 8.0],
            &[0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025],
        );
        golden(
            "an absolute threshold in mode min",
            |b| {
                b.patience(0)
                    .threshold(0.5)
                    .threshold_mode(ThresholdMode::Absolute)
                    .factor(0.5)
            },
            &[2.0, 1.6, 1.5, 1.4, 0.8],
            &[0.1, 0.05, 0.025, 0.025, 0.025],
        );
        golden(
            "a relative threshold in mode max",
            |b| {
                b.mode(PlateauMode::Max)
                    .patience(0)
                    .threshold(0.1)
                    .factor(0.5)
            },
            &[0.5, 0.54, 0.56, 0.6, 0.62, 0.7],
            &[0.1, 0.05, 0.05, 0.025, 0.025, 0.025],
        );
        golden(
            "an absolute threshold in mode max",
            |b| {
                b.mode(PlateauMode::Max)
                    .patience(0)
                    .threshold(0.05)
                    .threshold_mode(ThresholdMode::Absolute)
                    .factor(0.5)
            },
            &[0.5, 0.54, 0.56, 0.6, 0.62, 0.7],
            &[0.1, 0.05, 0.05, 0.025, 0.025, 0.025],
        );
        golden(
            "a cooldown of two",
            |b| b.patience(0).cooldown(2).factor(0.5),
            &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            &[0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125],
        );
        golden(
            "a cooldown takes in improvements",
            |b| b.patience(1).cooldown(1).factor(0.5),
            &[1.0, 1.0, 1.0, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6],
            &[0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125],
        );
        golden(
            "a least rate",
            |b| b.patience(0).min_lr(0.003),
            &[1.0, 1.0, 1.0, 1.0, 1.0],
            &[0.1, 0.010000000000000002, 0.003, 0.003, 0.003],
        );
        golden(
            "a least rate above the start",
            |b| b.patience(0).min_lr(0.2),
            &[1.0, 1.0, 1.0],
            &[0.1, 0.1, 0.1],
        );
        golden(
            "reductions no larger than eps are left out",
            |b| b.patience(0).eps(0.005).factor(0.5),
            &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            &[0.1, 0.05, 0.025, 0.0125, 0.00625, 0.00625, 0.00625],
        );
        golden(
            "a factor of zero",
            |b| b.patience(0).factor(0.0).min_lr(0.001),
            &[1.0, 1.0, 1.0],
            &[0.1, 0.001, 0.001],
        );
        golden(
            "NaN and infinity are no improvement",
            |b| b.patience(1).factor(0.5),
            &[
                f64::NAN,
                INF,
                f64::NAN,
                1.0,
                f64::NAN,
                -INF,
                f64::NAN,
                -INF,
                0.5,
            ],
            &[0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025],
        );
        golden(
            "a negative best in relative mode counts equal values as better",
            |b| b.patience(0).factor(0.5),
            &[-1.0, -1.0, -0.99995, -0.99, -2.0],
            &[0.1, 0.1, 0.1, 0.05, 0.05],
        );
        golden(
            "zero as the best",
            |b| b.patience(0).factor(0.5),
            &[0.0, 0.0, -1e-9, 1.0],
            &[0.1, 0.05, 0.05, 0.025],
        );
    }

    fn error(set: impl Fn(PlateauBuilder) -> PlateauBuilder) -> String {
        let built = set(Plateau::new(0.1, &Probe::new())).build();
        built.err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        for factor in [1.0, 1.5, -0.1, f64::NAN] {
            let found = error(|b| b.factor(factor));
            assert_eq!(
                found,
                format!("plateau: factor is {factor}, but it has to be at least 0 and below 1")
            );
        }
        for wrong in [-1.0, INF, f64::NAN] {
            assert!(error(|b| b.threshold(wrong)).contains("threshold is"));
            assert!(error(|b| b.min_lr(wrong)).contains("min_lr is"));
            assert!(error(|b| b.eps(wrong)).contains("eps is"));
        }
        for rate in [0.0, -0.1, INF, f64::NAN] {
            let built = Plateau::new(rate, &Probe::new()).build();
            assert_eq!(built.err().map(|e| e.setting), Some("rate"));
        }
        assert!(error(|b| b.threshold(1.0)).contains("no loss would ever be an improvement"));
        for fine in [
            error(|b| b.threshold(1.0).threshold_mode(ThresholdMode::Absolute)),
            error(|b| b.threshold(1.0).mode(PlateauMode::Max)),
        ] {
            assert_eq!(fine, "");
        }
    }

    #[test]
    fn metrics_that_arrive_together_count_one_by_one() {
        let probe = Probe::new();
        let mut scheduler = Plateau::new(0.1, &probe)
            .patience(0)
            .factor(0.5)
            .build()
            .unwrap();
        [1.0, 1.0, 1.0]
            .into_iter()
            .for_each(|metric| probe.metric(metric));
        assert_eq!(scheduler.clone().step(), 0.025);
        assert_eq!([scheduler.step(), scheduler.step()], [0.025; 2]);
    }

    #[test]
    fn a_record_without_a_step_after_the_last_metric_has_it_in_it() {
        let (probe, fresh) = (Probe::new(), Probe::new());
        let scheduler = Plateau::new(0.1, &probe)
            .patience(0)
            .factor(0.5)
            .build()
            .unwrap();
        [1.0, 1.0]
            .into_iter()
            .for_each(|metric| probe.metric(metric));
        let mut resumed = Plateau::new(0.1, &fresh)
            .patience(0)
            .factor(0.5)
            .build()
            .unwrap();
        resumed.load_record(scheduler.to_record());
        assert_eq!(resumed.step(), 0.05);
        // Into a scheduler on the old probe: what it holds is past.
        let mut rewound = scheduler.clone();
        rewound.load_record(scheduler.to_record());
        assert_eq!(rewound.step(), 0.05);
    }

    #[test]
    fn a_foreign_or_impossible_record_is_ignored() {
        let probe = Probe::new();
        let mut scheduler = Plateau::new(0.1, &probe).patience(0).build().unwrap();
        let whole = scheduler.to_record();
        for record in [
            LrSchedulerRecord::new(),
            LrSchedulerRecord::new().with_scalar("rate", 0.5),
            whole.clone().with_scalar("rate", f64::NAN),
            whole.clone().with_scalar("rate", -1.0),
            whole.clone().with_scalar("best", f64::NAN),
            whole.clone().with_scalar("bad_epochs", -3_i64),
        ] {
            scheduler.load_record(record);
            assert_eq!(scheduler.step(), 0.1);
        }
        scheduler.load_record(whole.with_scalar("rate", 0.7));
        assert_eq!(scheduler.step(), 0.7);
    }

    proptest! {
        #[test]
        fn a_resumed_run_equals_the_one_that_never_stopped(
            metrics in prop::collection::vec(prop_oneof![4 => 0.0..1.0, 1 => Just(f64::NAN), 1 => Just(INF)], 0..60),
            cut in 0_usize..60,
            patience in 0_usize..4,
            cooldown in 0_usize..4,
        ) {
            let cut = cut.min(metrics.len());
            let set = |b: PlateauBuilder| b.patience(patience).cooldown(cooldown).factor(0.9);
            let whole = rates(set, &metrics);

            let probe = Probe::new();
            let before = set(Plateau::new(0.1, &probe)).build().unwrap();
            metrics[..cut].iter().for_each(|&metric| probe.metric(metric));
            let bytes = before.to_record().into_bytes().unwrap();
            let probe = Probe::new();
            let mut after = set(Plateau::new(0.1, &probe)).build().unwrap();
            after.load_record(LrSchedulerRecord::from_bytes(bytes).unwrap());
            for (&metric, &expected) in metrics.iter().zip(&whole).skip(cut) {
                probe.metric(metric);
                prop_assert_eq!(after.step(), expected);
            }
        }

        #[test]
        fn the_rate_never_rises_nor_falls_below_the_least(
            metrics in prop::collection::vec(-1.0..1.0, 1..60),
            factor in 0.0..0.99,
        ) {
            let found = rates(|b| b.patience(0).factor(factor).min_lr(0.004), &metrics);
            prop_assert!(found.windows(2).all(|pair| pair[1] <= pair[0]));
            prop_assert!(found.iter().all(|&rate| rate >= 0.004));
        }
    }
}
