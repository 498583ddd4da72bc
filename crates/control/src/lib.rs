//! The control loop of qstride, without Burn: an objective is minimised, and at each step a controller chooses the learning rate.
//!
//! [`episode`] is the loop; read it first. The modules stand in the order in which the data flows. Classic methods are [`rivals`];
//! those that are more than a learning rate own their loop and work through a [`minimiser::Search`].

pub mod acceptance;
pub mod action;
pub mod backtrack;
pub mod checkpoint;
pub mod controller;
pub mod curvature;
pub mod episode;
pub mod evaluator;
pub mod features;
pub mod learned;
pub mod learning_rate;
pub mod minibatches;
pub mod minimiser;
pub mod observation;
pub mod outcome;
pub mod plane;
pub mod policy;
pub mod proposal;
pub mod ramp_hold_decay;
pub mod rate_shape;
pub mod reward;
pub mod rivals;
pub mod schedule;
pub mod schedule_settings;
pub mod state;
pub mod statistic;
pub mod training;
pub mod update;
pub mod window;
mod window_features;

pub mod near;
pub mod recent;
pub mod vector;

pub use acceptance::Acceptance;
pub use action::{Action, ActionSet};
pub use checkpoint::{Checkpoint, CheckpointError, Manifest};
pub use controller::{Controller, Decision};
pub use episode::{
    DeterministicEpisode, DeterministicSettings, Episode, StochasticEpisode, StochasticSettings,
    run,
};
pub use evaluator::{Evaluations, Evaluator};
pub use learned::Learned;
pub use learning_rate::StartRate;
pub use minibatches::Minibatches;
pub use minimiser::{Minimiser, Search};
pub use observation::Observation;
pub use outcome::{End, Outcome, Record};
pub use policy::Policy;
pub use rate_shape::{RateShape, ShapedRate};
pub use reward::Reward;
pub use state::{FeatureSpec, State, StateSpec};
pub use statistic::Statistic;
pub use training::{Equal, TrainingRecord, TrainingSettings, train};
