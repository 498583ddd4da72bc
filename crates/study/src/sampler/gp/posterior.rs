//! What the Gaussian process says about places where nobody has been.

use faer::Mat;

use super::cholesky::Cholesky;
use super::kernel::{Hyperparameters, matern, matern_with_slope};
use super::space::Space;

/// What was observed: places of the space and values there.
#[derive(Clone, Debug)]
pub(super) struct Observations {
    /// Column by column, each with one number an observation; the weights scale them for [`Posterior`].
    columns: Vec<Vec<f64>>,
    /// For each column the parameter that it belongs to.
    owners: Vec<usize>,
    /// The values; there may be fewer than places, whose last ones are running trials then.
    values: Vec<f64>,
}

impl Observations {
    pub(super) fn new(space: &Space, places: &[Vec<f64>], values: Vec<f64>) -> Self {
        let column = |c: usize| places.iter().map(|place| place[c]).collect();
        let mut owners = vec![0; space.width];
        for (parameter, axis) in space.axes.iter().enumerate() {
            owners[axis.columns.clone()].fill(parameter);
        }
        Self {
            columns: (0..space.width).map(column).collect(),
            owners,
            values,
        }
    }

    pub(super) fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    pub(super) fn owners(&self) -> &[usize] {
        &self.owners
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

/// Adds (x − z)² to each of several squared distances, for the numbers x of a column.
pub(super) fn add_squares(squared: &mut [f64], column: &[f64], z: f64) {
    for (squared, x) in squared.iter_mut().zip(column) {
        let difference = x - z;
        *squared += difference * difference;
    }
}

/// The Gaussian process after the observations: mean μ(x) = k(x)ᵀ C⁻¹ y and variance σ²(x) = s − k(x)ᵀ C⁻¹ k(x), without the noise
/// (Rasmussen and Williams 2006, equations 2.25 and 2.26), where C = k(X, X) + ν I.
///
/// Places with no value, those of running trials, count as if they had turned out as the mean says ("kriging believer", Ginsbourger et
/// al. 2010): the mean stays as it is, the variance next to them goes.
#[derive(Clone, Debug)]
pub(super) struct Posterior {
    roots: Vec<f64>,
    // Times the roots of the weights.
    columns: Vec<Vec<f64>>,
    signal: f64,
    cholesky: Cholesky,
    // C⁻¹ y, with 0 for places without a value.
    pulls: Vec<f64>,
}

/// Mean and variance at a place, and their derivatives with respect to its columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prediction {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) mean_gradient: Vec<f64>,
    pub(super) variance_gradient: Vec<f64>,
}

/// No variance is less: the logarithm of an improvement needs one.
const LEAST_VARIANCE: f64 = 1e-12;

impl Posterior {
    /// Nothing when the covariance is not positive definite to working precision.
    pub(super) fn new(observations: &Observations, hyper: &Hyperparameters) -> Option<Self> {
        let owners = observations.owners.iter();
        let roots: Vec<f64> = owners.map(|&owner| hyper.weights[owner].sqrt()).collect();
        let columns: Vec<Vec<f64>> = observations
            .columns
            .iter()
            .zip(&roots)
            .map(|(column, root)| column.iter().map(|x| x * root).collect())
            .collect();
        let size = observations.len();
        let mut covariance = Mat::zeros(size, size);
        let mut squared = vec![0.0; size];
        for j in 0..size {
            let squared = &mut squared[j..];
            squared.fill(0.0);
            for column in &columns {
                add_squares(squared, &column[j..], column[j]);
            }
            for (i, squared) in squared.iter().enumerate() {
                covariance[(j + i, j)] = hyper.signal * matern(*squared);
            }
            covariance[(j, j)] += hyper.noise;
        }
        let cholesky = Cholesky::of(covariance)?;
        let mut pulls = cholesky.solve(&observations.values);
        pulls.resize(size, 0.0);
        Some(Self {
            roots,
            columns,
            signal: hyper.signal,
            cholesky,
            pulls,
        })
    }

    /// The square root of each column's weight: places times these are what the kernel sees.
    pub(super) fn roots(&self) -> &[f64] {
        &self.roots
    }

    /// Mean and variance at each of several places.
    pub(super) fn predict(&self, places: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let size = self.pulls.len();
        let mut squared = vec![0.0; size];
        let mut cross = Mat::zeros(size, places.len());
        for (j, place) in places.iter().enumerate() {
            self.squared_distances(place, &mut squared);
            for (k, squared) in cross.col_as_slice_mut(j).iter_mut().zip(&squared) {
                *k = self.signal * matern(*squared);
            }
        }
        let column = |j| cross.col_as_slice(j);
        let means: Vec<f64> = (0..places.len())
            .map(|j| dot(column(j), &self.pulls))
            .collect();
        self.cholesky.solve_lower(cross.as_mut());
        let means = means.into_iter().enumerate();
        means
            .map(|(j, mean)| (mean, self.variance(cross.col_as_slice(j))))
            .collect()
    }

    /// The same with derivatives.
    pub(super) fn predict_with_gradients(&self, places: &[Vec<f64>]) -> Vec<Prediction> {
        let size = self.pulls.len();
        let mut squared = vec![0.0; size];
        let mut slopes = Mat::zeros(size, places.len());
        let mut cross = Mat::zeros(size, places.len());
        for (j, place) in places.iter().enumerate() {
            self.squared_distances(place, &mut squared);
            let slopes = slopes.col_as_slice_mut(j);
            for (i, k) in cross.col_as_slice_mut(j).iter_mut().enumerate() {
                let (value, slope) = matern_with_slope(squared[i]);
                *k = self.signal * value;
                slopes[i] = self.signal * slope;
            }
        }
        let column = |j| cross.col_as_slice(j);
        let means: Vec<f64> = (0..places.len())
            .map(|j| dot(column(j), &self.pulls))
            .collect();
        self.cholesky.solve_lower(cross.as_mut());
        let variances: Vec<f64> = (0..places.len())
            .map(|j| self.variance(cross.col_as_slice(j)))
            .collect();
        self.cholesky.solve_upper(cross.as_mut());
        let predictions = places.iter().enumerate().map(|(j, place)| {
            let (slopes, solved) = (slopes.col_as_slice(j), cross.col_as_slice(j));
            let mut mean_gradient = vec![0.0; place.len()];
            let mut variance_gradient = vec![0.0; place.len()];
            for (c, column) in self.columns.iter().enumerate() {
                let z = place[c] * self.roots[c];
                let (mut by_mean, mut by_variance) = (0.0, 0.0);
                for i in 0..size {
                    let pull = slopes[i] * (z - column[i]);
                    by_mean += pull * self.pulls[i];
                    by_variance += pull * solved[i];
                }
                mean_gradient[c] = 2.0 * self.roots[c] * by_mean;
                variance_gradient[c] = -4.0 * self.roots[c] * by_variance;
            }
            Prediction {
                mean: means[j],
                variance: variances[j],
                mean_gradient,
                variance_gradient,
            }
        });
        predictions.collect()
    }

    fn squared_distances(&self, place: &[f64], squared: &mut [f64]) {
        squared.fill(0.0);
        for ((column, root), x) in self.columns.iter().zip(&self.roots).zip(place) {
            add_squares(squared, column, x * root);
        }
    }

    fn variance(&self, half_solved: &[f64]) -> f64 {
        (self.signal - dot(half_solved, half_solved)).max(LEAST_VARIANCE)
    }
}

/// The scalar product, summed in four lanes.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a.zip(b) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Choice, Distribution, SearchSpace};

    /// Two numbers and three choices.
    pub(in super::super) fn space() -> Space {
        let unit = Arc::new(Distribution::float("u", 0.0, 1.0).unwrap());
        let choices = ["x", "y", "z"].map(Choice::from).to_vec();
        let choices = Arc::new(Distribution::categorical("w", choices).unwrap());
        let space = [("u", unit.clone()), ("v", unit), ("w", choices)];
        Space::of(&SearchSpace::from(
            space.map(|(name, d)| (name.to_owned(), d)),
        ))
    }

    const SEEN: [([f64; 3], f64); 6] = [
        ([0.1, 0.2, 0.0], -1.2),
        ([0.9, 0.4, 1.0], 0.3),
        ([0.5, 0.8, 2.0], 1.4),
        ([0.3, 0.6, 0.0], -0.6),
        ([0.7, 0.1, 1.0], 0.9),
        ([0.2, 0.9, 2.0], -0.8),
    ];

    pub(in super::super) fn observed() -> Observations {
        let space = space();
        let places: Vec<Vec<f64>> = SEEN
            .iter()
            .map(|(values, _)| space.place(*values))
            .collect();
        Observations::new(&space, &places, SEEN.iter().map(|(_, y)| *y).collect())
    }

    fn hyper() -> Hyperparameters {
        Hyperparameters {
            weights: vec![4.0, 1.5, 0.7],
            signal: 1.3,
            noise: 0.01,
        }
    }

    #[test]
    fn mean_and_variance_are_numpys() {
        // numpy 2: the textbook's formulas with np.linalg.solve and the Hamming distance for the third parameter. scikit-learn's
        // GaussianProcessRegressor says the same to 2e-15.
        let expected = [
            (
                [0.35, 0.55, 1.0],
                0.140_572_715_787_773_97,
                0.546_917_181_833_437_1,
            ),
            (
                [0.1, 0.2, 0.0],
                -1.190_287_751_181_003_3,
                0.009_821_933_617_806_7,
            ),
            (
                [1.0, 1.0, 2.0],
                0.960_369_980_969_631,
                0.790_476_201_229_045_8,
            ),
        ];
        let space = space();
        let posterior = Posterior::new(&observed(), &hyper()).unwrap();
        for (at, mean, variance) in expected {
            let place = [space.place(at)];
            let predicted = posterior.predict(&place)[0];
            assert!((predicted.0 - mean).abs() < 1e-13, "{predicted:?} {mean}");
            assert!(
                (predicted.1 - variance).abs() < 1e-13,
                "{predicted:?} {variance}"
            );
            let with = &posterior.predict_with_gradients(&place)[0];
            assert_eq!((with.mean, with.variance), predicted);
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let space = space();
        let posterior = Posterior::new(&observed(), &hyper()).unwrap();
        let place = space.place([0.35, 0.55, 1.0]);
        let there = &posterior.predict_with_gradients(std::slice::from_ref(&place))[0];
        for c in 0..space.width {
            let step = 1e-6;
            let (mut above, mut below) = (place.clone(), place.clone());
            above[c] += step;
            below[c] -= step;
            let both = posterior.predict(&[above, below]);
            let by_mean = (both[0].0 - both[1].0) / (2.0 * step);
            let by_variance = (both[0].1 - both[1].1) / (2.0 * step);
            assert!((there.mean_gradient[c] - by_mean).abs() < 1e-8);
            assert!((there.variance_gradient[c] - by_variance).abs() < 1e-8);
        }
    }

    #[test]
    fn a_running_trial_takes_variance_and_leaves_the_mean() {
        let space = space();
        let running = space.place([0.35, 0.55, 1.0]);
        let mut places: Vec<Vec<f64>> = SEEN
            .iter()
            .map(|(values, _)| space.place(*values))
            .collect();
        places.push(running.clone());
        let values = SEEN.iter().map(|(_, y)| *y).collect();
        let with = Observations::new(&space, &places, values);
        let (before, after) = (
            Posterior::new(&observed(), &hyper()).unwrap(),
            Posterior::new(&with, &hyper()).unwrap(),
        );
        let near = [
            running,
            space.place([0.4, 0.5, 1.0]),
            space.place([0.1, 0.9, 0.0]),
        ];
        for (before, after) in before.predict(&near).into_iter().zip(after.predict(&near)) {
            assert!((before.0 - after.0).abs() < 1e-12);
            assert!(after.1 < before.1);
        }
        assert!(after.predict(&near)[0].1 < 0.011);
    }
}
