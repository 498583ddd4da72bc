//! The outer study: tune what is left when the learning rate takes care of itself, or any black box at all.
//!
//! A [`Study`] asks a [sampler](sampler::Sampler) for the parameters of a [`Trial`], runs it, lets a [pruner](pruner::Pruner) cut it short,
//! and keeps it in a [storage](storage::Storage). The search space is defined by running the objective, as Optuna's users know it, and the
//! words are Optuna's (Akiba et al. 2019, arXiv 1907.10902).
//!
//! The modules stand in the order in which a trial goes through them. Around the loop in [`study`](Study): a [`Space`] that is written down, any
//! [`Command`] as the objective, [`work`] for many processes at once, and at the end [`importance()`] of parameters and [finalists](compare_finalists) on fresh
//! seeds.

mod distribution;
mod space;

mod study;

pub mod sampler;

mod trial;

pub mod pruner;

mod frozen_trial;
mod trial_state;

pub mod storage;

mod history;

pub mod command;
pub mod named;
mod worker;

mod finalists;
mod importance;

pub mod problems;

mod error;

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
