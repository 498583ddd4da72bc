//! A learning-rate scheduler for Burn that sees the loss, and no rate to choose. The policies that ship are embedded: no file system,
//! no network, and no backend: whichever of Burn's the program uses.
//!
//! # In a hand-written loop: three lines
//!
//! ```
//! # use burn::{lr_scheduler::LrScheduler, module::{Module, Param}, optim::{GradientsParams, ModuleOptimizer, SgdConfig}, tensor::{Device, Tensor}};
//! # #[derive(Module, Debug)] struct Model { x: Param<Tensor<1>> }
//! # impl Model { fn loss(&self) -> Tensor<1> { (self.x.val() - 3.0).powf_scalar(2.0).mean() } }
//! # let device = Device::flex().autodiff();
//! # let mut model = Model { x: Param::from_tensor(Tensor::from_floats([0.0, 9.0], &device)) };
//! # let mut optim: ModuleOptimizer = SgdConfig::new().init().into();
//! use qstride::{OptimizerFamily, Scheduler};
//!
//! let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(200); // 1: instead of a rate or another scheduler
//! let probe = scheduler.probe();
//! for _ in 0..200 {
//!     let loss = model.loss();
//!     let grads = GradientsParams::from_grads(loss.backward(), &model);
//!     probe.record(loss.into_scalar::<f64>())?;                       // 2: the loss, before the step
//!     let rate = scheduler.step();                                    // 3: the rate
//!     model = optim.step(rate, model, grads);
//! }
//! # assert!(model.loss().into_scalar::<f64>() < 1e-2);
//! # Ok::<(), qstride::ProbeError>(())
//! ```
//!
//! `OptimizerFamily::Momentum` is for SGD, with momentum or without, `OptimizerFamily::Adaptive` for Adam and all optimizers that divide the
//! gradient by its own size. [`Scheduler::rule`] is the scripted rule alone; [`Scheduler::pretrained_for`] puts a learned policy on it, which
//! was not ahead of the rule on tasks that it never saw.
//!
//! # In burn-train's learner: three lines (feature `train`)
//!
//! ```text
//! let scheduler = Scheduler::rule(OptimizerFamily::Adaptive).steps(steps); // 1
//! let model = Observed::new(model, &scheduler);                       // 2
//! let learner = Learner::new(model, optim, scheduler);                // 3
//! ```
//!
//! # With the guard: six
//!
//! The guard keeps the best parameters and returns to them when training blows up. It is what makes a rate that is far too large
//! harmless, so use it where the memory for one more copy of the parameters is there.
//!
//! ```
//! # use burn::{lr_scheduler::LrScheduler, module::{Module, Param}, optim::{GradientsParams, ModuleOptimizer, SgdConfig}, tensor::{Device, Tensor}};
//! # #[derive(Module, Debug)] struct Model { x: Param<Tensor<1>> }
//! # impl Model { fn loss(&self) -> Tensor<1> { (self.x.val() - 3.0).powf_scalar(2.0).mean() } }
//! # let device = Device::flex().autodiff();
//! # let mut model = Model { x: Param::from_tensor(Tensor::from_floats([0.0, 9.0], &device)) };
//! # let mut optim: ModuleOptimizer = SgdConfig::new().init().into();
//! use qstride::{Guard, OptimizerFamily, Scheduler};
//!
//! let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(200); // 1
//! let probe = scheduler.probe();                                      // 2
//! let mut guard = Guard::new(&scheduler, &model);                     // 3
//! for _ in 0..200 {
//!     let loss = model.loss();
//!     let grads = GradientsParams::from_grads(loss.backward(), &model);
//!     probe.record(loss.into_scalar::<f64>()).ok();                   // 4: a loss that is not finite is the guard's business
//!     let rate = scheduler.step();                                    // 5
//!     model = guard.step(rate, model, &mut optim, grads);             // 6: instead of optim.step
//! }
//! # assert!(model.loss().into_scalar::<f64>() < 1e-2);
//! ```
//!
//! In the learner it is one call more: `Observed::new(model, &scheduler).guarded()`.
//!
//! # What it does
//!
//! A scripted rule, [ramp, hold, decay](qstride_control::ramp_hold_decay), finds the rate's scale in the first steps, follows the loss and anneals
//! to the end; where a policy was asked for, a frozen Q-network adjusts its rate, within a factor of two, once a window. [`Scheduler::last_decision`] shows features,
//! q-values, action and rate, [`Scheduler::audit`] writes every decision to a file of JSON lines, [`Monitor`] looks at a scheduler that a
//! learner owns, also as metrics of its dashboard. `step` never panics and returns no error: [`Scheduler::health`] says what is missing.
//!
//! What happens with a loss that is not finite, constant or negative, a probe that nobody fills, more steps than announced, or a record of
//! another version: see [`Scheduler`].
//!
//! # Trust it step by step
//!
//! [`Scheduler::shadow`]`(base)`: an ordinary schedule acts, the controller only logs what it would have done. [`Scheduler::bounded`]`(base, factor)`: it acts
//! within a factor of that schedule. Then alone.
//!
//! # Parameter groups, several devices, GPUs
//!
//! - One controller for all groups: the scheduler as the base of Burn's `ModuleLrScheduler`, [`Scheduler::follower`] for each group with a rate of its own.
//!   One each: several schedulers [`watching`](Scheduler::watching) one probe; only the one that the guard was made from rolls back.
//! - Gradient accumulation needs nothing: `Scheduler::steps` counts optimizer steps, and the losses in between are averaged.
//! - Reading a loss waits for the device. [`Probe::record_tensor`] with [`Scheduler::late_loss`] reads it one step later instead; every decision then comes one
//!   step later too.
//! - Several devices: the scheduler is one object on the thread that steps. With Burn's multi-device strategies record the mean over the devices; under
//!   distributed training every process needs the same loss, so that all processes decide alike.
//!
//! # Besides
//!
//! [`Plateau`] (reduce on plateau), [`WarmUp`] in front of any scheduler, [`find_rate`] (a range test with its plot); and the deterministic
//! controllers, which choose step sizes where f is exact:
//!
//! ```
//! use std::sync::Arc;
//! use qstride::{DeterministicEpisode, DeterministicSettings, pretrained, run};
//! use qstride_objectives::rosenbrock::chained_rosenbrock;
//!
//! let mut controller = pretrained("proposals")?.controller();
//! let objective = Arc::new(chained_rosenbrock(2));
//! let mut episode = DeterministicEpisode::start(objective, DeterministicSettings::default(), &controller);
//! let record = run(&mut episode, &mut controller);
//! assert!(record.best_value < 1e-3);
//! # Ok::<(), qstride::PretrainedError>(())
//! ```

mod audit;
#[cfg(feature = "train")]
mod dashboard;
mod follower;
mod gradient_meter;
mod guard;
mod health;
mod monitor;
#[cfg(feature = "train")]
mod observed;
mod optimizer_family;
mod plateau;
mod pretrained;
mod probe;
mod rate_curve;
mod rate_finder;
mod rate_plot;
mod roll_out;
mod scheduler;
mod scheduler_record;
mod warm_up;

pub use audit::AuditError;
#[cfg(feature = "train")]
pub use dashboard::MonitorMetric;
pub use follower::Follower;
pub use gradient_meter::GradientMeter;
pub use guard::Guard;
pub use health::Health;
pub use monitor::{LastDecision, Monitor};
#[cfg(feature = "train")]
pub use observed::Observed;
pub use optimizer_family::OptimizerFamily;
pub use plateau::{Plateau, PlateauBuilder, PlateauError, PlateauMode, ThresholdMode};
pub use pretrained::{PRETRAINED, PRETRAINED_SCHEDULES, PretrainedError, pretrained};
pub use probe::{Probe, ProbeError};
pub use qstride_control::{
    Checkpoint, Controller, DeterministicEpisode, DeterministicSettings, Learned, Record,
    StartRate, run,
};
pub use rate_curve::{NoSuggestion, RateCurve};
pub use rate_finder::{RangeTest, RangeTestError, Stopped, find_rate, find_rate_on};
pub use rate_plot::RatePlotError;
pub use scheduler::{Scheduler, SchedulerError};
pub use warm_up::WarmUp;
