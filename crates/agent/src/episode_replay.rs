//! The replay of recent and of good episodes.

use rand::{Rng, RngExt};

use crate::replay::ReplayError;
use crate::transition::{self, Batch, Transition};

/// Whole episodes; half of each batch comes from the most recent ones and half from those with the best returns, after
/// Hansen, 'Using deep Q-learning to control optimization hyperparameters', 2016.
///
/// Transitions are drawn uniformly from all those of the chosen episodes. An episode counts from its end on; it is forgotten
/// when it is neither recent nor good. Of equal returns the earlier episode is the better.
#[derive(Clone, Debug)]
pub struct EpisodeReplay {
    dimension: usize,
    keep: usize,
    /// The unfinished episode of each environment.
    open: Vec<Batch>,
    /// Finished episodes, oldest first.
    finished: Vec<Episode>,
    /// Indices of `finished`, best first.
    best: Vec<usize>,
    /// What happened since the last call of `drain_unsaved`.
    unsaved: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Episode {
    score: f64,
    transitions: Batch,
}

impl EpisodeReplay {
    /// Keeps the `keep` most recent and the `keep` best episodes of this many environments.
    pub fn new(keep: usize, dimension: usize, environments: usize) -> Self {
        Self {
            dimension,
            keep: keep.max(1),
            open: vec![Batch::new(0, dimension); environments],
            finished: Vec::new(),
            best: Vec::new(),
            unsaved: Vec::new(),
        }
    }

    /// Number of transitions that can be drawn.
    pub fn len(&self) -> usize {
        self.finished.iter().map(|e| e.transitions.rows).sum()
    }

    /// Whether there is nothing to draw from.
    pub fn is_empty(&self) -> bool {
        self.finished.is_empty()
    }

    /// Adds a transition to the unfinished episode of an environment.
    pub fn push(&mut self, environment: usize, transition: Transition<'_>) {
        self.unsaved.extend((environment as u32).to_le_bytes());
        self.unsaved.push(PUSH);
        transition::write(transition, &mut self.unsaved);
        self.open[environment].push(transition);
    }

    /// The environment's episode is over, with this undiscounted return. One without transitions leaves no trace.
    pub fn end_episode(&mut self, environment: usize, score: f64) {
        self.unsaved.extend((environment as u32).to_le_bytes());
        self.unsaved.push(END);
        self.unsaved.extend(score.to_le_bytes());
        let transitions =
            std::mem::replace(&mut self.open[environment], Batch::new(0, self.dimension));
        if transitions.rows > 0 {
            self.finished.push(Episode { score, transitions });
            self.forget();
        }
    }

    /// Fills the batch: the first half, rounded up, from recent episodes, the rest from good ones.
    ///
    /// # Errors
    /// [`ReplayError::Empty`] before the first episode has ended.
    pub fn sample(&self, rng: &mut impl Rng, batch: &mut Batch) -> Result<(), ReplayError> {
        if self.is_empty() {
            return Err(ReplayError::Empty);
        }
        let half = batch.rows.div_ceil(2);
        let recent = self.finished.len().saturating_sub(self.keep)..self.finished.len();
        self.draw(recent, 0..half, rng, batch);
        self.draw(self.best.iter().copied(), half..batch.rows, rng, batch);
        Ok(())
    }

    fn draw(
        &self,
        episodes: impl Iterator<Item = usize> + Clone,
        rows: std::ops::Range<usize>,
        rng: &mut impl Rng,
        batch: &mut Batch,
    ) {
        let total: usize = episodes
            .clone()
            .map(|e| self.finished[e].transitions.rows)
            .sum();
        for row in rows {
            let mut index = rng.random_range(0..total);
            for episode in episodes.clone() {
                let transitions = &self.finished[episode].transitions;
                if index < transitions.rows {
                    batch.set(row, transitions.get(index, self.dimension));
                    break;
                }
                index -= transitions.rows;
            }
        }
    }

    /// Drops what is neither recent nor good, and ranks the rest.
    fn forget(&mut self) {
        let good = self.ranking();
        let recent = self.finished.len().saturating_sub(self.keep);
        let mut index = 0;
        self.finished.retain(|_| {
            index += 1;
            index > recent || good.contains(&(index - 1))
        });
        self.best = self.ranking();
    }

    fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.finished.len()).collect();
        let key = |&i: &usize| match self.finished[i].score {
            score if score.is_nan() => f64::NEG_INFINITY,
            score => score,
        };
        order.sort_by(|a, b| key(b).total_cmp(&key(a)));
        order.truncate(self.keep);
        order
    }

    /// What was pushed and ended since the last call. Call it now and then: until then it is kept in memory.
    pub fn drain_unsaved(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unsaved)
    }

    /// Does again what a segment tells; the segments must come in the order of their making, all of them.
    ///
    /// # Errors
    /// [`ReplayError::Length`] for a cut or foreign segment, [`ReplayError::Environment`] for one of more environments.
    pub fn extend_from_bytes(&mut self, bytes: &[u8]) -> Result<(), ReplayError> {
        let cut = || ReplayError::Length { bytes: bytes.len() };
        let mut row = Batch::new(1, self.dimension);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (environment, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            let environment = u32::from_le_bytes(*environment) as usize;
            if environment >= self.open.len() {
                return Err(ReplayError::Environment {
                    environment,
                    environments: self.open.len(),
                });
            }
            let (&kind, after) = after.split_first().ok_or_else(cut)?;
            rest = if kind == END {
                let (score, after) = after.split_first_chunk::<8>().ok_or_else(cut)?;
                self.end_episode(environment, f64::from_le_bytes(*score));
                after
            } else {
                let size = transition::byte_length(self.dimension);
                let (record, after) = after
                    .split_at_checked(size)
                    .filter(|_| kind == PUSH)
                    .ok_or_else(cut)?;
                transition::read(record, &mut row);
                self.push(environment, row.get(0, self.dimension));
                after
            };
        }
        self.unsaved.clear();
        Ok(())
    }
}

const PUSH: u8 = 0;
const END: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActionMask;
    use qstride_objectives::Streams;
    use std::collections::BTreeSet;

    /// Episode `name` of three transitions whose states say its name.
    fn episode(replay: &mut EpisodeReplay, environment: usize, name: u32, score: f64) {
        for step in 0..3 {
            replay.push(
                environment,
                Transition {
                    state: &[name as f32],
                    action: step,
                    n_step_return: 0.0,
                    discount: 0.5,
                    next_state: &[0.0],
                    next_mask: ActionMask::ALL,
                },
            );
        }
        replay.end_episode(environment, score);
    }

    fn drawn(replay: &EpisodeReplay) -> Batch {
        let mut batch = Batch::new(201, 1);
        replay
            .sample(&mut Streams::new(1).stream("replay"), &mut batch)
            .unwrap();
        batch
    }

    fn names(states: &[f32]) -> Vec<u32> {
        let set: BTreeSet<u32> = states.iter().map(|s| *s as u32).collect();
        set.into_iter().collect()
    }

    #[test]
    fn recent_and_best_episodes_and_no_other() {
        let mut replay = EpisodeReplay::new(2, 1, 2);
        for (name, score) in [1.0, 9.0, 2.0, f64::NAN, 7.0, 7.0, 3.0, 0.0, -1.0]
            .into_iter()
            .enumerate()
        {
            episode(&mut replay, name % 2, name as u32, score);
        }
        let batch = drawn(&replay);
        assert_eq!(names(&batch.states[..101]), [7, 8]);
        assert_eq!(names(&batch.states[101..]), [1, 4]);
        assert_eq!(replay.len(), 4 * 3);
    }

    #[test]
    fn open_episodes_are_not_drawn_and_segments_rebuild_everything() {
        let mut replay = EpisodeReplay::new(3, 1, 2);
        let mut rebuilt = EpisodeReplay::new(3, 1, 2);
        let other = Transition {
            state: &[99.0],
            action: 0,
            n_step_return: 0.0,
            discount: 0.0,
            next_state: &[0.0],
            next_mask: ActionMask::ALL,
        };
        replay.push(1, other);
        let mut batch = Batch::new(1, 1);
        let empty = replay.sample(&mut Streams::new(1).stream("replay"), &mut batch);
        assert!(matches!(empty, Err(ReplayError::Empty)));
        for name in 0..20 {
            episode(&mut replay, 0, name, f64::from(name * 7 % 11));
            let segment = replay.drain_unsaved();
            rebuilt.extend_from_bytes(&segment).unwrap();
            assert_eq!(drawn(&rebuilt), drawn(&replay));
            assert!(!names(&drawn(&replay).states).contains(&99));
            assert!(matches!(
                rebuilt
                    .clone()
                    .extend_from_bytes(&segment[..segment.len() - 1]),
                Err(ReplayError::Length { .. })
            ));
        }
        replay.end_episode(1, 1e9);
        rebuilt.extend_from_bytes(&replay.drain_unsaved()).unwrap();
        assert!(names(&drawn(&rebuilt).states).contains(&99));
        assert!(matches!(
            rebuilt.extend_from_bytes(&[9; 20]),
            Err(ReplayError::Environment {
                environments: 2,
                ..
            })
        ));
    }
}
