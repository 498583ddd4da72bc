//! A regression tree as what it does to the space: boxes with a value each.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::axis::Axis;

/// A regression tree, as boxes that part the unit cube, with a value each.
pub(super) struct Partition {
    leaves: Vec<Leaf>,
    mean: f64,
    variance: f64,
}

struct Leaf {
    value: f64,
    /// Low and high on every axis.
    sides: Vec<(f64, f64)>,
}

impl Leaf {
    fn volume(&self) -> f64 {
        self.sides.iter().map(|(low, high)| high - low).product()
    }
}

/// The places of trials on all axes, and their values.
pub(super) struct Table<'a> {
    pub(super) axes: &'a [Axis],
    /// By axis, then by trial.
    pub(super) places: Vec<Vec<f64>>,
    pub(super) values: Vec<f64>,
}

impl Partition {
    /// Grows a tree on some rows of a table (with repetition): each split is the one that leaves the least sum of squares, down to leaves of
    /// one value.
    pub(super) fn grow(
        table: &Table<'_>,
        rows: Vec<usize>,
        max_depth: usize,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut leaves = Vec::new();
        let sides = vec![(0.0, 1.0); table.axes.len()];
        let mut open = vec![(rows, sides, max_depth)];
        while let Some((mut rows, sides, depth)) = open.pop() {
            let split = if depth > 0 {
                best_split(table, &mut rows, rng)
            } else {
                None
            };
            let Some((axis, at)) = split else {
                let sum: f64 = rows.iter().map(|&row| table.values[row]).sum();
                let value = sum / rows.len() as f64;
                leaves.push(Leaf { value, sides });
                continue;
            };
            let (left, right) = rows
                .into_iter()
                .partition(|&row| table.places[axis][row] <= at);
            let (mut left_sides, mut right_sides) = (sides.clone(), sides);
            left_sides[axis].1 = at;
            right_sides[axis].0 = at;
            open.push((left, left_sides, depth - 1));
            open.push((right, right_sides, depth - 1));
        }
        let mean: f64 = leaves.iter().map(|leaf| leaf.volume() * leaf.value).sum();
        let spread = leaves
            .iter()
            .map(|leaf| leaf.volume() * (leaf.value - mean).powi(2));
        Self {
            mean,
            variance: spread.sum(),
            leaves,
        }
    }

    /// The variance of the prediction over the unit cube.
    pub(super) fn variance(&self) -> f64 {
        self.variance
    }

    /// The variance of the mean prediction given the place on one axis.
    pub(super) fn marginal_variance(&self, axis: usize) -> f64 {
        let bounds = self.bounds(axis);
        let mut steps = vec![0.0; bounds.len()];
        for leaf in &self.leaves {
            let (low, high) = leaf.sides[axis];
            let part = leaf.value * leaf.volume() / (high - low);
            steps[index(&bounds, low)] += part;
            steps[index(&bounds, high)] -= part;
        }
        let mut prediction = 0.0;
        let cells = bounds.windows(2).zip(&steps).map(|(cell, step)| {
            prediction += step;
            (cell[1] - cell[0]) * (prediction - self.mean).powi(2)
        });
        cells.sum()
    }

    /// The variance of the mean prediction given the places on two axes.
    pub(super) fn pair_variance(&self, [a, b]: [usize; 2]) -> f64 {
        let (rows, columns) = (self.bounds(a), self.bounds(b));
        let width = columns.len();
        let mut steps = vec![0.0; rows.len() * width];
        for leaf in &self.leaves {
            let ((top, bottom), (left, right)) = (leaf.sides[a], leaf.sides[b]);
            let part = leaf.value * leaf.volume() / ((bottom - top) * (right - left));
            let (top, bottom) = (index(&rows, top) * width, index(&rows, bottom) * width);
            let (left, right) = (index(&columns, left), index(&columns, right));
            steps[top + left] += part;
            steps[top + right] -= part;
            steps[bottom + left] -= part;
            steps[bottom + right] += part;
        }
        let mut above = vec![0.0; width];
        let mut variance = 0.0;
        for (row, steps) in rows.windows(2).zip(steps.chunks(width)) {
            let mut along = 0.0;
            for (column, (above, step)) in above.iter_mut().zip(steps).enumerate() {
                along += step;
                *above += along;
                let next = columns.get(column + 1).unwrap_or(&columns[column]);
                let area = (row[1] - row[0]) * (next - columns[column]);
                variance += area * (*above - self.mean).powi(2);
            }
        }
        variance
    }

    /// Where boxes begin and end on an axis, ascending.
    fn bounds(&self, axis: usize) -> Vec<f64> {
        let sides = self.leaves.iter().map(|leaf| leaf.sides[axis]);
        let mut bounds: Vec<f64> = sides.flat_map(|(low, high)| [low, high]).collect();
        bounds.sort_unstable_by(f64::total_cmp);
        bounds.dedup();
        bounds
    }
}

/// Where a bound stands among the bounds.
fn index(bounds: &[f64], bound: f64) -> usize {
    bounds.partition_point(|b| *b < bound)
}

/// Axis and place of the split after which the sum of squares about the two means is least; nothing where no split lowers it. Axes come
/// in a random order, so that none is preferred where several part the rows alike, as every axis does with two rows.
fn best_split(table: &Table<'_>, rows: &mut [usize], rng: &mut ChaCha8Rng) -> Option<(usize, f64)> {
    let values = rows.iter().map(|&row| table.values[row]);
    let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| {
        (least.min(v), most.max(v))
    });
    if least == most {
        return None;
    }
    let total: f64 = rows.iter().map(|&row| table.values[row]).sum();
    let mut axes: Vec<usize> = (0..table.axes.len()).collect();
    axes.shuffle(rng);
    let mut best = None;
    let mut highest = f64::NEG_INFINITY;
    for axis in axes {
        let places = &table.places[axis];
        // By row where places are equal, so that the sums do not depend on earlier sorting.
        rows.sort_unstable_by(|a, b| places[*a].total_cmp(&places[*b]).then(a.cmp(b)));
        let mut left = 0.0;
        for (at, pair) in rows.windows(2).enumerate() {
            left += table.values[pair[0]];
            let [here, next] = [pair[0], pair[1]].map(|row| places[row]);
            let split = table.axes[axis].between(here, next);
            // Neighbours that are too close for a place between them stay together.
            if !(here <= split && split < next) {
                continue;
            }
            let (n, m) = ((at + 1) as f64, (rows.len() - at - 1) as f64);
            let right = total - left;
            let score = left * left / n + right * right / m;
            if score > highest {
                highest = score;
                best = Some((axis, split));
            }
        }
    }
    best
}
