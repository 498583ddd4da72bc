//! The stratified percentile bootstrap.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::{StatisticsError, same_shape};
use crate::score::{compare, difference, or_worst};

/// A statistic with its confidence interval. An end may be infinite where failures are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the data themselves.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A percentile bootstrap with a level and a number of draws.
///
/// Each draw resamples every stratum (a family of problems, or the runs of a task) to its own size, with replacement, and computes the statistic of
/// the whole; the interval of level 1 − α runs from the α/2 to the 1 − α/2 quantile of the draws (linear interpolation, as `numpy.percentile`
/// has it). Strata keep a family from being drawn more often than it occurs in the suite.
///
/// A statistic is a function of one draw, the strata one after the other, which it may reorder ([`interquartile_mean`](crate::interquartile_mean()),
/// [`median`](crate::median)). NaN in the data becomes +∞ before it is drawn; a statistic of `None` or NaN counts as +∞.
///
/// Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, ch. 13; stratified as in Agarwal et al., NeurIPS 2021 (rliable).
///
/// ```
/// use qstride_statistics::{Bootstrap, interquartile_mean};
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
///
/// let scores = [vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![11.0, 12.0, 13.0]];
/// let bootstrap = Bootstrap::new(0.95, 2000)?;
/// let interval = bootstrap.interval(&scores, interquartile_mean, &mut ChaCha8Rng::seed_from_u64(1))?;
/// assert_eq!(interval.estimate, 5.75);
/// assert!(interval.low < 5.75 && 5.75 < interval.high);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    level: f64,
    draws: usize,
}

impl Bootstrap {
    /// A bootstrap whose intervals have this confidence `level`, 0.95 for instance, from so many `draws`.
    ///
    /// # Errors
    ///
    /// [`StatisticsError::Probability`] unless 0 < level < 1; [`StatisticsError::TooFew`] without draws.
    pub fn new(level: f64, draws: usize) -> Result<Self, StatisticsError> {
        let level = StatisticsError::probability("level", level)?;
        StatisticsError::at_least("the bootstrap", "draws", draws, 1)?;
        Ok(Self { level, draws })
    }

    /// The interval of a `statistic` of values in strata.
    ///
    /// # Errors
    ///
    /// [`StatisticsError::TooFew`] where there are no values. An empty stratum counts for nothing.
    pub fn interval(
        &self,
        strata: &[Vec<f64>],
        statistic: impl Fn(&mut [f64]) -> Option<f64>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Interval, StatisticsError> {
        let values = pooled(strata)?;
        let statistic = |sample: &mut [f64]| or_worst(statistic(sample).unwrap_or(f64::NAN));
        let mut sample = values.clone();
        let estimate = statistic(&mut sample);
        let mut indices = vec![0; values.len()];
        Ok(self.percentiles(estimate, || {
            resample(strata, &mut indices, rng);
            gather(&values, &indices, &mut sample);
            statistic(&mut sample)
        }))
    }

    /// The interval of statistic(x) − statistic(y) for two methods on the same cases, in strata: every draw takes the same cases for both.
    ///
    /// What makes a case hard for both methods cancels, so that the interval is narrower than those of the two methods suggest. Below zero x is better. Where both
    /// statistics are infinite alike (both methods fail too often) their difference is 0, a tie.
    ///
    /// ```
    /// use qstride_statistics::{Bootstrap, mean};
    /// use rand::SeedableRng;
    /// use rand_chacha::ChaCha8Rng;
    ///
    /// // x is better by 1 to 3 on cases that differ by a thousand.
    /// let x = [vec![10.0, 1010.0, 2010.0, 3010.0]];
    /// let y = [vec![11.0, 1013.0, 2012.0, 3012.0]];
    /// let bootstrap = Bootstrap::new(0.95, 2000)?;
    /// let interval = bootstrap.paired_interval(&x, &y, |s| mean(s), &mut ChaCha8Rng::seed_from_u64(1))?;
    /// assert_eq!(interval.estimate, -2.0);
    /// assert!(-3.0 <= interval.low && interval.high <= -1.0);
    /// # Ok::<(), qstride_statistics::StatisticsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StatisticsError::Length`] where the strata of x and y differ in number or size; [`StatisticsError::TooFew`] where there are no values.
    pub fn paired_interval(
        &self,
        x: &[Vec<f64>],
        y: &[Vec<f64>],
        statistic: impl Fn(&mut [f64]) -> Option<f64>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Interval, StatisticsError> {
        same_shape("stratum", x, y)?;
        let (x_values, y_values) = (pooled(x)?, pooled(y)?);
        let contrast = |x: &mut [f64], y: &mut [f64]| {
            let [x, y] = [x, y].map(|s| statistic(s).unwrap_or(f64::NAN));
            difference(x, y)
        };
        let (mut x_sample, mut y_sample) = (x_values.clone(), y_values.clone());
        let estimate = contrast(&mut x_sample, &mut y_sample);
        let mut indices = vec![0; x_values.len()];
        Ok(self.percentiles(estimate, || {
            resample(x, &mut indices, rng);
            gather(&x_values, &indices, &mut x_sample);
            gather(&y_values, &indices, &mut y_sample);
            contrast(&mut x_sample, &mut y_sample)
        }))
    }

    /// The interval from as many draws as were asked for.
    pub(crate) fn percentiles(&self, estimate: f64, mut draw: impl FnMut() -> f64) -> Interval {
        let mut drawn: Vec<f64> = (0..self.draws).map(|_| draw()).collect();
        drawn.sort_unstable_by(|a, b| compare(*a, *b));
        let tail = (1.0 - self.level) / 2.0;
        Interval {
            estimate,
            low: quantile(&drawn, tail),
            high: quantile(&drawn, 1.0 - tail),
        }
    }
}

/// All values, stratum after stratum, failures as +∞.
fn pooled(strata: &[Vec<f64>]) -> Result<Vec<f64>, StatisticsError> {
    let values: Vec<f64> = strata.iter().flatten().map(|&v| or_worst(v)).collect();
    StatisticsError::at_least("the bootstrap", "values", values.len(), 1)?;
    Ok(values)
}

/// Draws an index for every value, with replacement, each from its own stratum.
fn resample(strata: &[Vec<f64>], indices: &mut [usize], rng: &mut ChaCha8Rng) {
    let mut start = 0;
    for stratum in strata {
        let end = start + stratum.len();
        for index in &mut indices[start..end] {
            *index = rng.random_range(start..end);
        }
        start = end;
    }
}

/// `sample[i] = values[indices[i]]`.
fn gather(values: &[f64], indices: &[usize], sample: &mut [f64]) {
    for (drawn, &index) in sample.iter_mut().zip(indices) {
        *drawn = values[index];
    }
}

/// The p-quantile of sorted values, interpolated linearly between the order statistics around p (n − 1).
///
/// Between a finite and an infinite value it is infinite; between −∞ and +∞ it is +∞.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let weight = position.fract();
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    if weight == 0.0 || below == above {
        return below;
    }
    or_worst(below * (1.0 - weight) + above * weight).clamp(below, above)
}
