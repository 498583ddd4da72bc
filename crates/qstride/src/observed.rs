//! A model that shows its training loss to a scheduler, for burn-train's learner.

use burn::data::dataloader::Progress;
use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, ModuleOptimizer, MultiGradientsParams};
use burn::tensor::{Bool, Int, Tensor};
use burn::train::metric::{Adaptor, LossInput, LossMetric, Metric, MetricMetadata, Numeric};
use burn::train::{InferenceStep, TrainOutput, TrainStep};

use crate::gradient_meter::GradientMeter;
use crate::guard::{Next, obey};
use crate::monitor::Monitor;
use crate::probe::Probe;
use crate::scheduler::Scheduler;

/// The user's model with a probe in its training step: the loss reaches the scheduler in the same step, on the same thread, the same
/// in every run. Any model whose training output adapts to Burn's `LossInput` will do, as for Burn's own `LossMetric`.
///
/// ```no_run
/// # use burn::{optim::ModuleOptimizer, train::{Learner, LearnerModel, TrainStep}, train::metric::{Adaptor, LossInput}};
/// # fn learner<M>(model: M, optim: ModuleOptimizer) -> Learner<qstride::Observed<M>>
/// # where M: LearnerModel + burn::module::ModuleDisplay, <M as TrainStep>::Output: Adaptor<LossInput> {
/// use qstride::{Observed, Scheduler};
///
/// let scheduler = Scheduler::pretrained().steps(1000);
/// let model = Observed::new(model, &scheduler).guarded();
/// Learner::new(model, optim, scheduler)
/// # }
/// ```
///
/// The guard's snapshot is part of the module, under `snapshot.`, so that burn-train's checkpoints hold it; the user's parameters are
/// under `inner.`. With several devices the learner optimizes on one of them, whose loss is the one seen last: hand the scheduler a loss that is
/// averaged over devices if they differ much.
#[derive(Module, Debug)]
pub struct Observed<M: Module> {
    inner: M,
    snapshot: Option<M>,
    previous: Option<M>,
    #[module(skip)]
    probe: Probe,
    #[module(skip)]
    monitor: Monitor,
    #[module(skip)]
    meter: Option<GradientMeter>,
    #[module(skip)]
    in_memory: bool,
}

impl<M: Module> Observed<M> {
    /// Shows the loss of this model to this scheduler.
    pub fn new(model: M, scheduler: &Scheduler) -> Self {
        Self {
            inner: model,
            snapshot: None,
            previous: None,
            probe: scheduler.probe(),
            monitor: scheduler.monitor(),
            meter: None,
            in_memory: false,
        }
    }

    /// With a [guard](crate::Guard): the model rolls back to its best parameters when training blows up.
    pub fn guarded(mut self) -> Self {
        let late = self.monitor.contents(|c| {
            c.guarded = true;
            c.late
        });
        self.snapshot = Some(self.inner.clone());
        self.previous = late.then(|| self.inner.clone());
        self
    }

    /// Measures gradient statistics at every so many steps, on one device; see [`GradientMeter`].
    pub fn measuring_gradients(mut self, every: u64) -> Self {
        self.meter = Some(GradientMeter::of(self.monitor.clone(), every));
        self
    }

    /// The user's model.
    pub fn into_inner(self) -> M {
        self.inner
    }

    /// The user's model.
    pub fn inner(&self) -> &M {
        &self.inner
    }

    fn guarded_update(
        mut self,
        optim: &mut ModuleOptimizer,
        update: impl FnOnce(M, &mut ModuleOptimizer) -> M,
    ) -> Self {
        if !std::mem::replace(&mut self.in_memory, true) {
            self.snapshot.visit(&mut ReadIn);
            self.previous.visit(&mut ReadIn);
        }
        let next = match &mut self.snapshot {
            Some(snapshot) => {
                let command = self.monitor.take_command();
                obey(command, self.inner, snapshot, &mut self.previous, optim)
            }
            None => Next::Update(self.inner),
        };
        self.inner = match next {
            Next::Update(model) => update(model, optim),
            Next::RolledBack(model) => model,
        };
        self
    }
}

/// Burn reads a checkpoint's file when a tensor is first used. A snapshot may be used long after its checkpoint was deleted, so it is used
/// at once.
struct ReadIn;

impl ModuleVisitor for ReadIn {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val().detach().sum();
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        param.val().sum();
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        param.val().any();
    }
}

impl<M> TrainStep for Observed<M>
where
    M: TrainStep + Module,
    M::Output: Adaptor<LossInput>,
{
    type Input = M::Input;
    type Output = M::Output;

    fn step(&self, item: Self::Input) -> TrainOutput<Self::Output> {
        let output = self.inner.step(item);
        // The tensor of a `LossInput` is private; Burn's own metric reads it.
        let mut metric = LossMetric::new();
        let progress = Progress {
            items_processed: 0,
            items_total: 0,
            unit: None,
        };
        let metadata = MetricMetadata {
            progress,
            iteration: None,
            lr: None,
        };
        let loss = match metric.update(&output.item.adapt(), &metadata) {
            Ok(_) => metric.value().map_or(f64::NAN, |value| value.current()),
            Err(_) => f64::NAN,
        };
        // What is wrong with a loss the scheduler says in its log and its health.
        self.probe.record(loss).ok();
        output
    }

    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        rate: ModuleLearningRate,
        grads: GradientsParams,
    ) -> Self {
        let meter = self.meter.clone();
        self.guarded_update(optim, |model, optim| match meter {
            Some(meter) => {
                let update = |model: M, grads| model.optimize(optim, rate, grads);
                meter.around(model, grads, update)
            }
            None => model.optimize(optim, rate, grads),
        })
    }

    fn optimize_multi(
        self,
        optim: &mut ModuleOptimizer,
        rate: ModuleLearningRate,
        grads: MultiGradientsParams,
    ) -> Self {
        self.guarded_update(optim, |model, optim| {
            model.optimize_multi(optim, rate, grads)
        })
    }
}

impl<M> InferenceStep for Observed<M>
where
    M: InferenceStep + Module,
{
    type Input = M::Input;
    type Output = M::Output;

    fn step(&self, item: Self::Input) -> Self::Output {
        self.inner.step(item)
    }
}
