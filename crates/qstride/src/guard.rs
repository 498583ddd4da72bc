//! The guard: keeps the best parameters and returns to them when the scheduler asks for it.

use std::path::Path;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Bytes;
use qstride_control::schedule::Command;

use crate::gradient_meter::GradientMeter;
use crate::monitor::Monitor;
use crate::scheduler::Scheduler;

/// Rolls a model back when training blows up, in a hand-written loop; in burn-train's learner
/// `Observed::guarded` (feature `train`) is the same.
///
/// The snapshot holds the parameters at which the best loss was measured, not those after the next update. A roll-back restores it, puts
/// the optimizer's state back to what it was before the first step, and makes no update with the gradients at hand. What the scheduler
/// has learnt stays: it lowers the rate, counts and, after [`most_rollbacks`](qstride_control::schedule::ScheduleSettings), falls back to
/// a small annealed rate. The snapshot shares its memory with the model until the next update: one more copy of the parameters in all.
///
/// ```no_run
/// # use burn::{lr_scheduler::LrScheduler, nn::Linear, optim::{GradientsParams, ModuleOptimizer}, tensor::Tensor};
/// # fn batch(model: &Linear) -> Tensor<1> { model.forward(Tensor::<2>::ones([1, 2], &model.weight.device())).mean() }
/// # fn train(mut model: Linear, mut optim: ModuleOptimizer) -> Result<(), Box<dyn std::error::Error>> {
/// use qstride::{Guard, Scheduler};
///
/// let mut scheduler = Scheduler::pretrained().steps(1000);
/// let mut guard = Guard::new(&scheduler, &model);
/// for _ in 0..1000 {
///     let loss = batch(&model);
///     let grads = GradientsParams::from_grads(loss.backward(), &model);
///     scheduler.probe().record(loss.into_scalar::<f64>()).ok(); // a loss that is not finite is the guard's business
///     let rate = scheduler.step();
///     model = guard.step(rate, model, &mut optim, grads);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Guard<M> {
    monitor: Monitor,
    snapshot: M,
    /// The parameters of the step before, where losses are read late.
    previous: Option<M>,
    meter: Option<GradientMeter>,
}

impl<M: Module> Guard<M> {
    /// Guards this model under this scheduler, whose roll-backs are possible from now on.
    pub fn new(scheduler: &Scheduler, model: &M) -> Self {
        let monitor = scheduler.monitor();
        let late = monitor.contents(|c| {
            c.guarded = true;
            c.late
        });
        Self {
            monitor,
            snapshot: model.clone(),
            previous: late.then(|| model.clone()),
            meter: None,
        }
    }

    /// Measures gradient statistics at every so many steps besides.
    pub fn measuring_gradients(mut self, scheduler: &Scheduler, every: u64) -> Self {
        self.meter = Some(GradientMeter::new(scheduler, every));
        self
    }

    /// In place of `optim.step(rate, model, grads)`, after the scheduler's step: keeps a snapshot, rolls back, or updates.
    pub fn step(
        &mut self,
        rate: impl Into<ModuleLearningRate>,
        model: M,
        optim: &mut ModuleOptimizer,
        grads: GradientsParams,
    ) -> M {
        let command = self.monitor.take_command();
        match obey(
            command,
            model,
            &mut self.snapshot,
            &mut self.previous,
            optim,
        ) {
            Next::RolledBack(model) => model,
            Next::Update(model) => match &mut self.meter {
                Some(meter) => meter.step(rate, model, optim, grads),
                None => optim.step(rate, model, grads),
            },
        }
    }

    /// The best parameters so far.
    pub fn snapshot(&self) -> &M {
        &self.snapshot
    }

    /// Saves the snapshot, which holds tensors and so is not part of the scheduler's record, beside a checkpoint: `guard.bpk` in
    /// `folder`, written to a temporary name and renamed.
    ///
    /// # Errors
    /// Whatever Burn says of the file.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), RecordError> {
        let folder = folder.as_ref();
        save(self.snapshot.clone(), folder, SNAPSHOT)?;
        match &self.previous {
            Some(previous) => save(previous.clone(), folder, PREVIOUS),
            None => Ok(()),
        }
    }

    /// Loads what [`save`](Self::save) has written.
    ///
    /// # Errors
    /// A file that is missing, broken, or of another model.
    pub fn load(mut self, folder: impl AsRef<Path>) -> Result<Self, RecordError> {
        // Burn reads a record's file when a tensor is first used: by then it may be gone, or hold another snapshot.
        let load = |model: M, name: &str| {
            let path = folder.as_ref().join(name);
            let bytes = std::fs::read(&path).map_err(|error| {
                RecordError::Io(format!("cannot read {}: {error}", path.display()))
            })?;
            let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))?;
            model.try_load_record(record)
        };
        self.snapshot = load(self.snapshot, SNAPSHOT)?;
        self.previous = match self.previous {
            Some(previous) => Some(load(previous, PREVIOUS)?),
            None => None,
        };
        Ok(self)
    }
}

const SNAPSHOT: &str = "guard.bpk";
const PREVIOUS: &str = "guard-previous.bpk";

fn save<M: Module>(model: M, folder: &Path, name: &str) -> Result<(), RecordError> {
    let temporary = folder.join(format!("{name}.tmp"));
    model.into_record().save(&temporary)?;
    std::fs::rename(&temporary, folder.join(name))
        .map_err(|error| RecordError::Io(format!("cannot rename {}: {error}", temporary.display())))
}

/// What is left to do once a command was obeyed.
pub(crate) enum Next<M> {
    /// The update.
    Update(M),
    /// Nothing: this is the snapshot.
    RolledBack(M),
}

/// Keeps or restores the snapshot. `previous` holds the model of the step before where losses are read late: those are the parameters
/// that the loss belongs to.
pub(crate) fn obey<M: Module>(
    command: Option<Command>,
    model: M,
    snapshot: &mut M,
    previous: &mut Option<M>,
    optim: &mut ModuleOptimizer,
) -> Next<M> {
    let measured = match previous {
        Some(previous) => Some(std::mem::replace(previous, model.clone())),
        None => None,
    };
    match command {
        Some(command) if command.roll_back => {
            *optim = optim.clone().load_record(OptimizerRecord::default());
            if let Some(previous) = previous {
                *previous = snapshot.clone();
            }
            Next::RolledBack(snapshot.clone())
        }
        Some(command) if command.snapshot => {
            *snapshot = measured.unwrap_or_else(|| model.clone());
            Next::Update(model)
        }
        _ => Next::Update(model),
    }
}
