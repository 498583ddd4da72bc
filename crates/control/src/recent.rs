//! The last few numbers of a series, without allocation.

use serde::{Deserialize, Serialize};

/// The last `N` numbers that were pushed, newest first.
///
/// ```
/// use qstride_control::recent::Recent;
///
/// let mut losses = Recent::<3>::default();
/// for loss in [4.0, 3.0, 2.0, 1.0] {
///     losses.push(loss);
/// }
/// assert_eq!(losses.get(0), Some(1.0));
/// assert_eq!(losses.max_of(3), Some(3.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<f64>", into = "Vec<f64>")]
pub struct Recent<const N: usize> {
    ring: [f64; N],
    next: usize,
    len: usize,
}

impl<const N: usize> Default for Recent<N> {
    fn default() -> Self {
        Self {
            ring: [0.0; N],
            next: 0,
            len: 0,
        }
    }
}

impl<const N: usize> Recent<N> {
    /// Adds a number and forgets the oldest one when there are more than `N`.
    pub fn push(&mut self, value: f64) {
        self.ring[self.next] = value;
        self.next = (self.next + 1) % N;
        self.len = (self.len + 1).min(N);
    }

    /// The number pushed `age` pushes before the newest.
    pub fn get(&self, age: usize) -> Option<f64> {
        (age < self.len).then(|| self.ring[(self.next + N - 1 - age) % N])
    }

    /// The newest number.
    pub fn last(&self) -> Option<f64> {
        self.get(0)
    }

    /// How many numbers are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// From the newest to the oldest.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len).filter_map(|age| self.get(age))
    }

    /// The largest of the newest `count`.
    pub fn max_of(&self, count: usize) -> Option<f64> {
        self.iter().take(count).reduce(f64::max)
    }

    /// The least of the newest `count`.
    pub fn min_of(&self, count: usize) -> Option<f64> {
        self.iter().take(count).reduce(f64::min)
    }
}

/// From the oldest to the newest; of more than `N` the newest.
impl<const N: usize> From<Vec<f64>> for Recent<N> {
    fn from(values: Vec<f64>) -> Self {
        let mut recent = Self::default();
        for value in values {
            recent.push(value);
        }
        recent
    }
}

impl<const N: usize> From<Recent<N>> for Vec<f64> {
    fn from(recent: Recent<N>) -> Self {
        let mut values: Self = recent.iter().collect();
        values.reverse();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let mut recent = Recent::<2>::default();
        assert_eq!(recent.max_of(2), None);
        for value in [5.0, 1.0, 2.0] {
            recent.push(value);
        }
        assert_eq!(recent.iter().collect::<Vec<_>>(), [2.0, 1.0]);
        assert_eq!(
            (recent.max_of(9), recent.min_of(1), recent.get(2)),
            (Some(2.0), Some(2.0), None)
        );
    }
}
