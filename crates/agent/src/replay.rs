//! Experience replay: which transitions are kept, and which are drawn.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::{Batch, EpisodeReplay, RingReplay, Transition};

/// What the replay keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplaySettings {
    /// The number of transitions of the uniform replay.
    pub capacity: usize,
    /// If above 0: the paper's replay instead, of that many recent and as many best episodes.
    pub recent_and_best: usize,
}

impl Default for ReplaySettings {
    fn default() -> Self {
        Self {
            capacity: 50_000,
            recent_and_best: 0,
        }
    }
}

/// Why nothing could be drawn or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nothing has been pushed, or no episode has ended.
    #[error("the replay is empty: nothing can be drawn from it yet")]
    Empty,
    /// A segment whose length is wrong.
    #[error("a replay segment of {bytes} bytes is cut short or of another shape")]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// A segment that does not follow the one before.
    #[error(
        "a replay segment begins with transition {found}, but {expected} comes next: one is missing or out of order"
    )]
    Order {
        /// The number of the transition that comes next.
        expected: u64,
        /// The number with which the segment begins.
        found: u64,
    },
    /// A segment that names an environment that does not exist.
    #[error("a replay segment names environment {environment}, but there are {environments}")]
    Environment {
        /// Its index.
        environment: usize,
        /// How many there are.
        environments: usize,
    },
}

/// One of the two replays.
///
/// Both can be saved as segments that are only ever appended: [`Replay::drain_unsaved`] gives what is new, and a fresh replay
/// that is extended by all segments draws the same batches from the same generator.
#[derive(Clone, Debug)]
pub enum Replay {
    /// The last transitions, all alike.
    Uniform(RingReplay),
    /// Recent and good episodes, half and half.
    RecentAndBest(EpisodeReplay),
}

impl Replay {
    /// An empty replay for states of this length, filled from this many environments.
    pub fn new(settings: &ReplaySettings, dimension: usize, environments: usize) -> Self {
        match settings.recent_and_best {
            0 => Self::Uniform(RingReplay::new(settings.capacity, dimension)),
            keep => Self::RecentAndBest(EpisodeReplay::new(keep, dimension, environments)),
        }
    }

    /// Number of transitions that can be drawn.
    pub fn len(&self) -> usize {
        match self {
            Self::Uniform(ring) => ring.len(),
            Self::RecentAndBest(episodes) => episodes.len(),
        }
    }

    /// Whether there is nothing to draw from.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a transition of an environment.
    pub fn push(&mut self, environment: usize, transition: Transition<'_>) {
        match self {
            Self::Uniform(ring) => ring.push(transition),
            Self::RecentAndBest(episodes) => episodes.push(environment, transition),
        }
    }

    /// Tells that the episode of an environment is over, after its last transition, with its undiscounted return.
    pub fn end_episode(&mut self, environment: usize, score: f64) {
        match self {
            Self::Uniform(_) => {}
            Self::RecentAndBest(episodes) => episodes.end_episode(environment, score),
        }
    }

    /// Fills all rows of the batch.
    ///
    /// # Errors
    /// [`ReplayError::Empty`]
    pub fn sample(&self, rng: &mut impl Rng, batch: &mut Batch) -> Result<(), ReplayError> {
        match self {
            Self::Uniform(ring) => ring.sample(rng, batch),
            Self::RecentAndBest(episodes) => episodes.sample(rng, batch),
        }
    }

    /// Everything new since the last call, as one segment.
    pub fn drain_unsaved(&mut self) -> Vec<u8> {
        match self {
            Self::Uniform(ring) => ring.drain_unsaved(),
            Self::RecentAndBest(episodes) => episodes.drain_unsaved(),
        }
    }

    /// Adds what a segment holds, in the order in which the segments were made.
    ///
    /// # Errors
    /// [`ReplayError`] for a segment that is cut, foreign or out of order.
    pub fn extend_from_bytes(&mut self, bytes: &[u8]) -> Result<(), ReplayError> {
        match self {
            Self::Uniform(ring) => ring.extend_from_bytes(bytes),
            Self::RecentAndBest(episodes) => episodes.extend_from_bytes(bytes),
        }
    }
}
