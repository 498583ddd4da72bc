//! What is remembered of a step, many of them stored flat, and a batch of them.

use crate::ActionMask;

/// From one state to the state n steps later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition<'a> {
    /// s, \[D\]
    pub state: &'a [f32],
    /// a
    pub action: u32,
    /// R = r_1 + gamma r_2 + ... + gamma^(k-1) r_k
    pub n_step_return: f32,
    /// gamma^k, by which the value of the next state counts; 0 only when the episode ended in a terminal state.
    pub discount: f32,
    /// s', \[D\]
    pub next_state: &'a [f32],
    /// The actions allowed in s'.
    pub next_mask: ActionMask,
}

/// Transitions drawn for one update; the buffers are filled anew by every draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of transitions, B.
    pub rows: usize,
    /// s, \[B, D\]
    pub states: Vec<f32>,
    /// a, \[B\]
    pub actions: Vec<u32>,
    /// R, \[B\]
    pub returns: Vec<f32>,
    /// gamma^k or 0, \[B\]
    pub discounts: Vec<f32>,
    /// s', \[B, D\]
    pub next_states: Vec<f32>,
    /// \[B\]
    pub next_masks: Vec<ActionMask>,
}

impl Batch {
    /// A batch of `rows` zeros.
    pub fn new(rows: usize, dimension: usize) -> Self {
        Self {
            rows,
            states: vec![0.0; rows * dimension],
            actions: vec![0; rows],
            returns: vec![0.0; rows],
            discounts: vec![0.0; rows],
            next_states: vec![0.0; rows * dimension],
            next_masks: vec![ActionMask::ALL; rows],
        }
    }

    /// Row `row` becomes this transition.
    pub fn set(&mut self, row: usize, transition: Transition<'_>) {
        let at = row * transition.state.len()..(row + 1) * transition.state.len();
        self.states[at.clone()].copy_from_slice(transition.state);
        self.actions[row] = transition.action;
        self.returns[row] = transition.n_step_return;
        self.discounts[row] = transition.discount;
        self.next_states[at].copy_from_slice(transition.next_state);
        self.next_masks[row] = transition.next_mask;
    }

    /// The transition in row `row`, for states of length `dimension`.
    pub(crate) fn get(&self, row: usize, dimension: usize) -> Transition<'_> {
        let at = row * dimension..(row + 1) * dimension;
        Transition {
            state: &self.states[at.clone()],
            action: self.actions[row],
            n_step_return: self.returns[row],
            discount: self.discounts[row],
            next_state: &self.next_states[at],
            next_mask: self.next_masks[row],
        }
    }

    /// One more row at the end.
    pub(crate) fn push(&mut self, transition: Transition<'_>) {
        self.rows += 1;
        self.states.extend_from_slice(transition.state);
        self.actions.push(transition.action);
        self.returns.push(transition.n_step_return);
        self.discounts.push(transition.discount);
        self.next_states.extend_from_slice(transition.next_state);
        self.next_masks.push(transition.next_mask);
    }
}

/// Bytes of one transition of states of this length.
pub(crate) fn byte_length(dimension: usize) -> usize {
    4 * (2 * dimension + 4)
}

/// Appends action, return, discount, mask, state and next state, little endian.
pub(crate) fn write(transition: Transition<'_>, bytes: &mut Vec<u8>) {
    bytes.extend(transition.action.to_le_bytes());
    bytes.extend(transition.n_step_return.to_le_bytes());
    bytes.extend(transition.discount.to_le_bytes());
    bytes.extend(transition.next_mask.0.to_le_bytes());
    for value in transition.state.iter().chain(transition.next_state) {
        bytes.extend(value.to_le_bytes());
    }
}

/// Reads what [`write`] wrote into row 0 of `row`; `bytes` are exactly [`byte_length`] long.
pub(crate) fn read(bytes: &[u8], row: &mut Batch) {
    let mut words = bytes.as_chunks::<4>().0.iter().copied();
    let mut word = || words.next().unwrap_or_default();
    row.actions[0] = u32::from_le_bytes(word());
    row.returns[0] = f32::from_le_bytes(word());
    row.discounts[0] = f32::from_le_bytes(word());
    row.next_masks[0] = ActionMask(u32::from_le_bytes(word()));
    for value in row.states.iter_mut().chain(&mut row.next_states) {
        *value = f32::from_le_bytes(word());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_both_ways() {
        let transition = Transition {
            state: &[1.5, f32::MIN_POSITIVE, -0.0],
            action: 7,
            n_step_return: -3.25,
            discount: 0.97,
            next_state: &[f32::INFINITY, 2.0, 3.0],
            next_mask: ActionMask(5),
        };
        let mut bytes = Vec::new();
        write(transition, &mut bytes);
        assert_eq!(bytes.len(), byte_length(3));
        let mut row = Batch::new(1, 3);
        read(&bytes, &mut row);
        assert_eq!(row.get(0, 3), transition);
    }
}
