//! The replay of the last transitions, all alike.

use rand::{Rng, RngExt};

use crate::replay::ReplayError;
use crate::transition::{self, Batch, Transition};

/// The last `capacity` transitions; a batch is drawn uniformly, with replacement (Mnih et al., 2015).
#[derive(Clone, Debug)]
pub struct RingReplay {
    dimension: usize,
    capacity: usize,
    /// Transition number i stands in slot i modulo capacity.
    slots: Batch,
    /// Transitions ever pushed.
    pushed: u64,
    length: usize,
    /// How many of `pushed` have been handed out as bytes.
    saved: u64,
}

impl RingReplay {
    /// An empty replay.
    pub fn new(capacity: usize, dimension: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            dimension,
            capacity,
            slots: Batch::new(capacity, dimension),
            pushed: 0,
            length: 0,
            saved: 0,
        }
    }

    /// Number of transitions held.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing to draw from.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a transition, over the oldest one when full.
    pub fn push(&mut self, transition: Transition<'_>) {
        self.slots.set(self.slot(self.pushed), transition);
        self.pushed += 1;
        self.length = (self.length + 1).min(self.capacity);
    }

    /// Fills the batch.
    ///
    /// # Errors
    /// [`ReplayError::Empty`]
    pub fn sample(&self, rng: &mut impl Rng, batch: &mut Batch) -> Result<(), ReplayError> {
        if self.is_empty() {
            return Err(ReplayError::Empty);
        }
        let oldest = self.pushed - self.length as u64;
        for row in 0..batch.rows {
            let number = oldest + rng.random_range(0..self.length as u64);
            batch.set(row, self.slots.get(self.slot(number), self.dimension));
        }
        Ok(())
    }

    /// The transitions pushed since the last call, or as many of them as are still held: number of the first, count, and
    /// the transitions, little endian.
    pub fn drain_unsaved(&mut self) -> Vec<u8> {
        let first = self.saved.max(self.pushed - self.length as u64);
        let count = self.pushed - first;
        let mut bytes =
            Vec::with_capacity(16 + count as usize * transition::byte_length(self.dimension));
        bytes.extend(first.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        for number in first..self.pushed {
            transition::write(
                self.slots.get(self.slot(number), self.dimension),
                &mut bytes,
            );
        }
        self.saved = self.pushed;
        bytes
    }

    /// Pushes the transitions of one segment. The segments must come in the order of their making; an empty replay may begin
    /// with a later one, so only those that cover the last `capacity` transitions need be kept.
    ///
    /// # Errors
    /// [`ReplayError::Length`] for a cut segment, [`ReplayError::Order`] for a missing one; nothing is changed then.
    pub fn extend_from_bytes(&mut self, bytes: &[u8]) -> Result<(), ReplayError> {
        let size = transition::byte_length(self.dimension);
        let cut = ReplayError::Length { bytes: bytes.len() };
        let Some(([first, count], records)) = split_header(bytes) else {
            return Err(cut);
        };
        if (records.len() / size) as u64 != count || !records.len().is_multiple_of(size) {
            return Err(cut);
        }
        let overwrites_all = first > self.pushed && count >= self.capacity as u64;
        if first != self.pushed && !overwrites_all && self.pushed > 0 {
            return Err(ReplayError::Order {
                expected: self.pushed,
                found: first,
            });
        }
        self.pushed = first;
        let mut row = Batch::new(1, self.dimension);
        for record in records.chunks_exact(size) {
            transition::read(record, &mut row);
            self.push(row.get(0, self.dimension));
        }
        self.saved = self.pushed;
        Ok(())
    }

    fn slot(&self, number: u64) -> usize {
        (number % self.capacity as u64) as usize
    }
}

fn split_header(bytes: &[u8]) -> Option<([u64; 2], &[u8])> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    Some((
        [u64::from_le_bytes(*first), u64::from_le_bytes(*count)],
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActionMask;
    use qstride_objectives::Streams;

    fn push(replay: &mut RingReplay, numbers: std::ops::Range<u32>) {
        for i in numbers {
            let (s, next) = ([i as f32, 1.0], [i as f32 + 1.0, -1.0]);
            replay.push(Transition {
                state: &s,
                action: i % 3,
                n_step_return: i as f32 * 0.5,
                discount: 0.9,
                next_state: &next,
                next_mask: ActionMask::ALL.without(i as usize % 2),
            });
        }
    }

    fn drawn(replay: &RingReplay, rows: usize) -> Batch {
        let mut batch = Batch::new(rows, 2);
        replay
            .sample(&mut Streams::new(1).stream("replay"), &mut batch)
            .unwrap();
        batch
    }

    #[test]
    fn the_oldest_are_overwritten() {
        let mut replay = RingReplay::new(10, 2);
        let mut batch = Batch::new(1, 2);
        let empty = replay.sample(&mut Streams::new(1).stream("replay"), &mut batch);
        assert!(matches!(empty, Err(ReplayError::Empty)));
        push(&mut replay, 0..23);
        assert_eq!(replay.len(), 10);
        let batch = drawn(&replay, 1000);
        let mut counts = [0; 23];
        for row in 0..1000 {
            let i = batch.states[2 * row];
            assert_eq!(
                (batch.returns[row], batch.next_states[2 * row]),
                (0.5 * i, i + 1.0)
            );
            assert_eq!(batch.actions[row], i as u32 % 3);
            assert!(!batch.next_masks[row].allows(i as usize % 2));
            counts[i as usize] += 1;
        }
        assert_eq!(counts[..13], [0; 13]);
        assert!(
            counts[13..].iter().all(|&c| (60..150).contains(&c)),
            "{counts:?}"
        );
    }

    #[test]
    fn segments_rebuild_it() {
        let mut replay = RingReplay::new(10, 2);
        let mut segments = Vec::new();
        for (from, to) in [(0, 4), (4, 4), (4, 12), (12, 17), (17, 40), (40, 43)] {
            push(&mut replay, from..to);
            segments.push(replay.drain_unsaved());
            let mut rebuilt = RingReplay::new(10, 2);
            for segment in &segments {
                rebuilt.extend_from_bytes(segment).unwrap();
            }
            assert_eq!(drawn(&rebuilt, 50), drawn(&replay, 50));
        }
        let mut tail = RingReplay::new(10, 2);
        for segment in &segments[4..] {
            tail.extend_from_bytes(segment).unwrap();
        }
        assert_eq!(drawn(&tail, 50), drawn(&replay, 50));
        assert!(matches!(
            tail.extend_from_bytes(&segments[0]),
            Err(ReplayError::Order {
                expected: 43,
                found: 0
            })
        ));
        let cut = &segments[2][..segments[2].len() - 1];
        assert!(matches!(
            tail.extend_from_bytes(cut),
            Err(ReplayError::Length { .. })
        ));
    }
}
