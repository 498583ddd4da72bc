//! The learning half of qstride: Q-learning with experience replay, on Burn.
//!
//! The modules stand in the order in which data flows: a [`Device`](burn::tensor::Device) carries a [`QNetwork`], [`explore`]
//! chooses actions from its q-values, [`NStep`] turns steps into transitions, a [`Replay`] keeps them and fills a [`Batch`],
//! [`td_target`] says what the q-values should have been, and the [`Learner`] moves the weights there.
//!
//! ```
//! use qstride_agent::{Batch, DeviceKind, Learner, LearnerSettings, QNetworkShape};
//! use qstride_objectives::Streams;
//!
//! let device = DeviceKind::Flex.device();
//! let settings = LearnerSettings::default();
//! let shape = QNetworkShape::new(4, &settings.hidden, 3, settings.dueling);
//! let mut learner = Learner::new(settings, shape, &mut Streams::new(1).stream("weights"), &device)?;
//!
//! let mut q = Vec::new();
//! learner.q_values(&[0.1, -0.2, 0.3, 0.0, 1.0, 0.5, -0.5, 0.2], &mut q);
//! assert_eq!(q.len(), 2 * 3);
//!
//! let mut batch = Batch::new(8, 4);
//! batch.returns.fill(1.0); // eight terminal transitions, all with return 1 from the zero state
//! let first = learner.update(&batch, 0.0).loss;
//! for _ in 0..200 {
//!     learner.update(&batch, 0.0);
//! }
//! assert!(learner.update(&batch, 1.0).loss < 0.7 * first);
//! # Ok::<(), qstride_agent::LearnerError>(())
//! ```

pub mod problems;
pub mod recipe;

pub mod environment;
pub mod module_objective;

pub mod device;
pub mod q_network;

pub mod action_mask;
pub mod explore;

pub mod transition;

pub mod n_step;

pub mod episode_replay;
pub mod replay;
pub mod ring_replay;

pub mod td_target;

pub mod learner;
pub mod learner_settings;

pub mod train_state;
pub mod trainer;
pub mod validation;

pub mod convergence;
pub mod export;

pub use action_mask::ActionMask;
pub use device::DeviceKind;
pub use environment::Problem;
pub use episode_replay::EpisodeReplay;
pub use explore::EpsilonSchedule;
pub use learner::{Learner, LearnerError, LearnerState, UpdateStats};
pub use learner_settings::{InvalidSetting, LearnerSettings};
pub use module_objective::{ModuleObjective, ModuleObjectiveError};
pub use n_step::{End, NStep};
pub use problems::{DataTask, ProblemsError};
pub use q_network::{DenseLayer, QNetwork, QNetworkShape};
pub use recipe::{CheckedRecipe, Recipe, RecipeError};
pub use replay::{Replay, ReplayError, ReplaySettings};
pub use ring_replay::RingReplay;
pub use train_state::{StateError, TrainState};
pub use trainer::{Problems, TrainError, Trainer};
pub use transition::{Batch, Transition};
