//! The search space as the Gaussian process sees it: columns of numbers.

use std::ops::Range;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::sampler::Values;
use crate::{Distribution, SearchSpace};

/// A discrete parameter with more values than this is searched like a continuous one and rounded at the end.
const MANY: f64 = 1_000.0;

/// The search space as columns of numbers: one column in [0, 1] for a number, on its (logarithmic) scale; for a categorical parameter one
/// column for each choice, which holds 1/√2 for the one that is chosen and 0 for the others, so that two different choices lie at distance 1.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) axes: Vec<Axis>,
    pub(super) width: usize,
}

/// One parameter.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) columns: Range<usize>,
    pub(super) kind: Kind,
    distribution: Arc<Distribution>,
}

/// What the values of a parameter are like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Any place in [0, 1].
    Continuous,
    /// These places, ascending.
    Ordered(Vec<f64>),
    /// So many choices.
    Choices(usize),
}

impl Space {
    pub(super) fn of(space: &SearchSpace) -> Self {
        let mut width = 0;
        let axes = space.iter().map(|(name, distribution)| {
            let kind = Kind::of(distribution);
            let first = width;
            width += match kind {
                Kind::Choices(count) => count,
                _ => 1,
            };
            Axis {
                name: name.clone(),
                columns: first..width,
                kind,
                distribution: distribution.clone(),
            }
        });
        let axes = axes.collect();
        Self { axes, width }
    }

    /// The place of values, one for each axis in order. Values outside the range, from a time when it was another, lie outside [0, 1].
    pub(super) fn place(&self, values: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut place = vec![0.0; self.width];
        for (axis, value) in self.axes.iter().zip(values) {
            match axis.kind {
                Kind::Choices(_) => axis.choose(&mut place, value as usize),
                _ => place[axis.columns.start] = axis.share(value),
            }
        }
        place
    }

    /// The values at a place.
    pub(super) fn values(&self, place: &[f64]) -> Values {
        let values = self.axes.iter().map(|axis| {
            let value = match axis.kind {
                Kind::Choices(_) => axis.chosen(place) as f64,
                _ => axis.distribution.from_unit(place[axis.columns.start]),
            };
            (axis.name.clone(), value)
        });
        values.collect()
    }

    /// A uniform place.
    pub(super) fn random(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut place = vec![0.0; self.width];
        for axis in &self.axes {
            axis.set(&mut place, rng.random());
        }
        place
    }

    /// The nearest place of the space: inside the range, on the grid.
    pub(super) fn snap(&self, place: &mut [f64]) {
        for axis in &self.axes {
            if !matches!(axis.kind, Kind::Choices(_)) {
                let share = place[axis.columns.start];
                axis.set(place, share.clamp(0.0, 1.0));
            }
        }
    }
}

impl Axis {
    /// The share of the range below a value; unlike [`Distribution::to_unit`] not clamped.
    fn share(&self, value: f64) -> f64 {
        let (low, high) = self.distribution.scaled_range();
        let share = (self.distribution.to_scaled(value) - low) / (high - low);
        if share.is_finite() { share } else { 0.5 }
    }

    /// Moves a place along the axis to the value at a share of the range.
    pub(super) fn set(&self, place: &mut [f64], share: f64) {
        match &self.kind {
            Kind::Continuous => place[self.columns.start] = share,
            Kind::Ordered(places) => {
                place[self.columns.start] = places[nearest(places, share)];
            }
            Kind::Choices(count) => {
                let choice = (share * *count as f64) as usize;
                self.choose(place, choice.min(count - 1));
            }
        }
    }

    /// Where a place stands on a discrete axis: the index of its value.
    pub(super) fn index(&self, place: &[f64]) -> usize {
        match &self.kind {
            Kind::Continuous => 0,
            Kind::Ordered(places) => nearest(places, place[self.columns.start]),
            Kind::Choices(_) => self.chosen(place),
        }
    }

    /// Moves a place to the value with this index on a discrete axis.
    pub(super) fn set_index(&self, place: &mut [f64], index: usize) {
        match &self.kind {
            Kind::Continuous => {}
            Kind::Ordered(places) => place[self.columns.start] = places[index],
            Kind::Choices(_) => self.choose(place, index),
        }
    }

    fn chosen(&self, place: &[f64]) -> usize {
        let columns = place[self.columns.clone()].iter();
        columns.clone().position(|&x| x > 0.0).unwrap_or(0)
    }

    fn choose(&self, place: &mut [f64], choice: usize) {
        for (at, column) in place[self.columns.clone()].iter_mut().enumerate() {
            *column = if at == choice {
                std::f64::consts::FRAC_1_SQRT_2
            } else {
                0.0
            };
        }
    }
}

impl Kind {
    fn of(distribution: &Distribution) -> Self {
        let (low, high, step) = match *distribution {
            Distribution::Categorical { ref choices } => return Self::Choices(choices.len()),
            Distribution::Float { step: None, .. } => return Self::Continuous,
            Distribution::Float {
                low,
                high,
                step: Some(step),
                ..
            } => (low, high, step),
            Distribution::Int {
                low, high, step, ..
            } => (low as f64, high as f64, step as f64),
        };
        let last = ((high - low) / step).round();
        if last >= MANY {
            return Self::Continuous;
        }
        let place = |i| distribution.to_unit(low + f64::from(i) * step);
        Self::Ordered((0..=last as u32).map(place).collect())
    }
}

/// The index of the nearest of several places; there is at least one.
fn nearest(places: &[f64], to: f64) -> usize {
    let above = places.partition_point(|&place| place < to);
    let last = places.len() - 1;
    let (below, above) = (above.saturating_sub(1), above.min(last));
    if to - places[below] <= places[above] - to {
        below
    } else {
        above
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::Choice;

    fn space() -> SearchSpace {
        let d = |name: &str, distribution| (name.to_owned(), Arc::new(distribution));
        SearchSpace::from([
            d(
                "a",
                Distribution::float("a", 1e-5, 0.1)
                    .unwrap()
                    .log("a")
                    .unwrap(),
            ),
            d("b", Distribution::int("b", 1, 8).unwrap()),
            d(
                "c",
                Distribution::categorical("c", ["x", "y", "z"].map(Choice::from).to_vec()).unwrap(),
            ),
            d(
                "d",
                Distribution::float("d", 0.0, 1.0)
                    .unwrap()
                    .step("d", 0.3)
                    .unwrap(),
            ),
            d(
                "e",
                Distribution::int("e", 1, 1 << 40)
                    .unwrap()
                    .log("e")
                    .unwrap(),
            ),
        ])
    }

    #[test]
    fn values_come_back() {
        let space = Space::of(&space());
        assert_eq!(space.width, 7);
        let values = [1e-3, 5.0, 2.0, 0.6, 1024.0];
        let place = space.place(values);
        let back: Vec<f64> = space.values(&place).into_values().collect();
        for (value, back) in values.into_iter().zip(back) {
            assert!((value - back).abs() <= 1e-9 * value, "{back} for {value}");
        }
        let mut snapped = place.clone();
        space.snap(&mut snapped);
        assert_eq!(snapped, place);
    }

    #[test]
    fn random_places_are_of_the_space_and_different_choices_at_distance_one() {
        let defined = space();
        let space = Space::of(&defined);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let place = space.random(&mut rng);
            for (name, value) in space.values(&place) {
                assert!(defined[&name].contains(value), "{name} {value}");
            }
        }
        let (x, z) = (
            space.place([1e-3, 5.0, 0.0, 0.6, 2.0]),
            space.place([1e-3, 5.0, 2.0, 0.6, 2.0]),
        );
        let squared: f64 = x.iter().zip(&z).map(|(x, z)| (x - z).powi(2)).sum();
        assert!((squared - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_nearest_is_the_nearest() {
        let places = [0.1, 0.3, 0.7];
        assert_eq!(
            [-1.0, 0.1, 0.19, 0.21, 0.6, 2.0].map(|x| nearest(&places, x)),
            [0, 0, 0, 1, 2, 2]
        );
    }
}
