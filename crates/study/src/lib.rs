//! The outer study: tune what is left when the learning rate takes care of itself, or any black box at all.
//!
//! A [`Study`] asks a [sampler](sampler::Sampler) for the parameters of a [`Trial`], runs it, lets a [pruner](pruner::Pruner) cut it short,
//! and keeps it in a [storage](storage::Storage). The search space is defined by running the objective, as Optuna's users know it, and the
//! words are Optuna's (Akiba et al. 2019, arXiv 1907.10902).
//!
//! The files in the order in which a trial goes through them: [`study`](Study), [`sampler`], [`trial`](Trial), [`pruner`], [`storage`],
//! [`history`](History).

pub mod command;
mod distribution;
mod error;
mod finalists;
mod frozen_trial;
mod history;
mod importance;
pub mod named;
pub mod problems;
pub mod pruner;
pub mod sampler;
mod space;
pub mod storage;
mod study;
mod trial;
mod trial_state;
mod worker;

pub use command::{Command, CommandError};
pub use distribution::{Choice, Distribution};
pub use error::{PrunerError, SamplerError, SpaceError, StorageError, StudyError};
pub use finalists::{
    Center, Comparison, Finalist, FinalistSettings, Measured, Verdict, compare_finalists,
};
pub use frozen_trial::{Attributes, FrozenTrial, Param};
pub use history::{History, SearchSpace};
pub use importance::{
    Importance, ImportanceError, ImportanceSettings, PairImportance, ParamImportance, importance,
};
pub use space::{NamedParameter, Parameter, Space};
pub use study::{Asked, Study, Tally};
pub use trial::{Outcome, Stop, SuggestFloat, SuggestInt, Trial};
pub use trial_state::{Direction, TrialState};
pub use worker::{Event, WorkerSettings, work};
