//! Which actions are allowed in a state.

use serde::{Deserialize, Serialize};

/// A set of at most 32 actions.
///
/// ```
/// use qstride_agent::ActionMask;
///
/// let mask = ActionMask::ALL.without(1);
/// assert!(mask.allows(0) && !mask.allows(1));
/// assert_eq!(mask.greedy(&[0.0, 9.0, 1.0]), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionMask(pub u32);

impl Default for ActionMask {
    fn default() -> Self {
        Self::ALL
    }
}

impl ActionMask {
    /// The most actions that a mask can tell apart.
    pub const MOST: usize = 32;
    /// Every action is allowed.
    pub const ALL: Self = Self(u32::MAX);

    /// This set without one action.
    #[must_use]
    pub fn without(self, action: usize) -> Self {
        Self(self.0 & !1u32.checked_shl(action as u32).unwrap_or(0))
    }

    /// Whether the action is in the set.
    pub fn allows(self, action: usize) -> bool {
        self.0.checked_shr(action as u32).unwrap_or(0) & 1 == 1
    }

    /// The allowed action with the largest q-value; the lowest index of equals, and of all when none is a number. A set that
    /// allows nothing is taken to allow everything.
    pub fn greedy(self, q: &[f32]) -> usize {
        let mask = self.or_all(q.len());
        let mut best = None;
        for (action, &value) in q.iter().enumerate().filter(|(a, _)| mask.allows(*a)) {
            match best {
                Some((_, top)) if !(value > top) => {}
                _ if value.is_nan() => {}
                _ => best = Some((action, value)),
            }
        }
        best.map_or_else(|| mask.0.trailing_zeros() as usize, |(action, _)| action)
    }

    /// This set if it allows any of the first `actions`, else every action.
    pub(crate) fn or_all(self, actions: usize) -> Self {
        if (0..actions).any(|a| self.allows(a)) {
            self
        } else {
            Self::ALL
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_ties_masks_and_nan() {
        let all = ActionMask::ALL;
        assert_eq!(all.greedy(&[1.0, 2.0, 2.0]), 1);
        assert_eq!(all.greedy(&[f32::NAN, -2.0, f32::NEG_INFINITY]), 1);
        assert_eq!(all.greedy(&[f32::NAN, f32::NAN]), 0);
        assert_eq!(all.without(0).greedy(&[f32::NAN, f32::NAN]), 1);
        assert_eq!(all.without(1).without(2).greedy(&[1.0, 2.0, 2.0]), 0);
        assert_eq!(ActionMask(0).greedy(&[1.0, 2.0]), 1);
        assert_eq!(all.greedy(&[f32::NEG_INFINITY; 2]), 0);
        assert!(!all.allows(32));
    }
}
