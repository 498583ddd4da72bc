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

mod pretrained;

pub use pretrained::{PRETRAINED, PretrainedError, pretrained};
pub use qstride_control::{
    Checkpoint, Controller, DeterministicEpisode, DeterministicSettings, Learned, Record,
    StartRate, run,
};
