//! Learned learning-rate controllers, ready to decide: the policies that ship are embedded in this crate. No file system, no
//! network, no Burn.
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

mod plateau;
mod pretrained;
mod probe;
mod rate_curve;
mod rate_finder;
mod rate_plot;
mod warm_up;

pub use plateau::{Plateau, PlateauBuilder, PlateauError, PlateauMode, ThresholdMode};
pub use pretrained::{PRETRAINED, PretrainedError, pretrained};
pub use probe::Probe;
pub use qstride_control::{
    Checkpoint, Controller, DeterministicEpisode, DeterministicSettings, Learned, Record,
    StartRate, run,
};
pub use rate_curve::{NoSuggestion, RateCurve};
pub use rate_finder::{RangeTest, RangeTestError, Stopped, find_rate, find_rate_on};
pub use rate_plot::RatePlotError;
pub use warm_up::WarmUp;
