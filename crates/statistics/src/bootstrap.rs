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
/// Each draw resamples every stratum (a family of problems, or the runs of a task) to its own size, with replacement, and
/// computes the statistic of the whole; the interval of level 1 − α runs from the α/2 to the 1 − α/2 quantile of the draws
/// (linear interpolation, as `numpy.percentile` has it). Strata keep a family from being drawn more often than it occurs in the
/// suite.
///
/// A statistic is a function of one draw, the strata one after the other, which it may reorder
/// ([`interquartile_mean`](crate::interquartile_mean()), [`median`](crate::median)). NaN in the data becomes +∞ before it is
/// drawn; a statistic of `None` or NaN counts as +∞.
///
/// A stratum of one value never varies, and with fewer than about ten values in all a percentile interval is too narrow. The order of
/// the values decides which of them a seed draws, not how the draws are distributed.
///
/// Sources: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13; stratified as in Agarwal et al., NeurIPS 2021
/// (rliable).
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

    /// The interval of a `statistic` of values in clusters, which are themselves a sample: every draw takes as many clusters, with
    /// replacement, and of each that was drawn as many values as it has, with replacement.
    ///
    /// Where [`interval`](Self::interval) says what holds for these families, this says what holds for families like these; it is the wider
    /// one where they differ. Few clusters make few different draws: below about ten it is too narrow.
    ///
    /// Source: Davison and Hinkley, Bootstrap methods and their application, 1997, section 3.8 (the two-stage bootstrap).
    ///
    /// # Errors
    ///
    /// [`StatisticsError::TooFew`] where there are no values. An empty cluster counts for nothing.
    pub fn clustered_interval(
        &self,
        clusters: &[Vec<f64>],
        statistic: impl Fn(&mut [f64]) -> Option<f64>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Interval, StatisticsError> {
        let statistic = |sample: &mut [f64]| or_worst(statistic(sample).unwrap_or(f64::NAN));
        let mut sample = pooled(clusters)?;
        let estimate = statistic(&mut sample);
        let clusters: Vec<&Vec<f64>> = clusters.iter().filter(|c| !c.is_empty()).collect();
        Ok(self.percentiles(estimate, || {
            sample.clear();
            for _ in 0..clusters.len() {
                let cluster = clusters[rng.random_range(0..clusters.len())];
                let drawn = (0..cluster.len()).map(|_| cluster[rng.random_range(0..cluster.len())]);
                sample.extend(drawn.map(or_worst));
            }
            statistic(&mut sample)
        }))
    }

    /// The interval of statistic(x) − statistic(y) for two methods on the same cases, in strata: every draw takes the same cases for
    /// both.
    ///
    /// What makes a case hard for both methods cancels, so that the interval is narrower than those of the two methods suggest.
    /// Below zero x is better. Where both statistics are infinite alike (both methods fail too often) their difference is 0, a
    /// tie; that statistic cannot tell them apart.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interquartile_mean::{interquartile_mean, mean, median};
    use proptest::prelude::*;
    use rand::SeedableRng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn x() -> [Vec<f64>; 3] {
        [
            vec![-5.1, -4.2, -6.3, -5.8, -0.9, -5.5, -4.9],
            vec![-2.2, -1.9, -3.1, -2.7, -2.5, 0.4, -2.9, -3.3, -2.0],
            vec![-7.7, -8.1, -6.9, -7.2, -9.4],
        ]
    }

    fn y() -> [Vec<f64>; 3] {
        [
            vec![-4.6, -4.4, -5.2, -5.9, -1.1, -4.1, -4.0],
            vec![-2.1, -2.3, -2.4, -2.6, -1.5, 0.9, -2.8, -2.6, -1.2],
            vec![-7.9, -7.1, -6.0, -6.8, -8.8],
        ]
    }

    /// The 2.25, 2.75, 97.25 and 97.75 percentiles of 2,000,000 draws in numpy bracket the ends. With the 100,000 draws here the
    /// probability of an end has a standard error of 0.05 %, so that 0.25 % are five of them.
    fn check(found: Interval, estimate: f64, numpy: [f64; 4]) {
        assert!((found.estimate - estimate).abs() < 1e-12, "{found:?}");
        assert!(
            numpy[0] - 1e-9 <= found.low && found.low <= numpy[1] + 1e-9,
            "{found:?}"
        );
        assert!(
            numpy[2] - 1e-9 <= found.high && found.high <= numpy[3] + 1e-9,
            "{found:?}"
        );
    }

    // numpy 2.4, rng = np.random.default_rng(1):
    //   sx = np.concatenate([a[rng.integers(0, len(a), (n, len(a)))] for a in x], 1); np.percentile(f(sx), [2.25, 2.75, 97.25, 97.75])
    // and f(sx) - f(sy), sy with the same indices, for the differences; f over rows is mean, the 25 % trimmed mean, median.

    #[test]
    fn intervals_as_in_numpy() {
        let bootstrap = Bootstrap::new(0.95, 100_000).unwrap();
        let found = bootstrap.interval(&x(), |s| mean(s), &mut rng(1)).unwrap();
        check(
            found,
            -4.390476190476191,
            [
                -4.885714285714287,
                -4.871428571428571,
                -3.8285714285714287,
                -3.8,
            ],
        );
        let found = bootstrap
            .interval(&x(), interquartile_mean, &mut rng(2))
            .unwrap();
        check(
            found,
            -4.20909090909091,
            [
                -4.709090909090909,
                -4.6909090909090905,
                -3.5090909090909093,
                -3.472727272727273,
            ],
        );
        let found = bootstrap.interval(&x(), median, &mut rng(3)).unwrap();
        check(found, -4.2, [-5.5, -5.1, -2.9, -2.9]);
    }

    #[test]
    fn paired_intervals_as_in_numpy() {
        let bootstrap = Bootstrap::new(0.95, 100_000).unwrap();
        let found = bootstrap
            .paired_interval(&x(), &y(), |s| mean(s), &mut rng(1))
            .unwrap();
        check(
            found,
            -0.4619047619047625,
            [
                -0.6761904761904773,
                -0.6666666666666687,
                -0.25238095238095326,
                -0.24285714285714377,
            ],
        );
        let found = bootstrap
            .paired_interval(&x(), &y(), interquartile_mean, &mut rng(2))
            .unwrap();
        check(
            found,
            -0.4909090909090916,
            [
                -0.7999999999999994,
                -0.7818181818181822,
                -0.19999999999999973,
                -0.18181818181818254,
            ],
        );
    }

    /// numpy 2.4, default_rng(1), 2,000,000 draws: three clusters drawn with replacement, then the values of each, and the mean of all.
    #[test]
    fn clustered_intervals_as_in_numpy() {
        let bootstrap = Bootstrap::new(0.95, 100_000).unwrap();
        let found = bootstrap
            .clustered_interval(&x(), |s| mean(s), &mut rng(1))
            .unwrap();
        check(
            found,
            -4.390476190476191,
            [
                -7.786666666666667,
                -7.706666666666666,
                -2.3519999999999994,
                -2.2960000000000003,
            ],
        );
        // Of one cluster it is the interval of its values.
        let one = [x().concat()];
        let same = bootstrap
            .clustered_interval(&one, |s| mean(s), &mut rng(2))
            .unwrap();
        let plain = bootstrap.interval(&one, |s| mean(s), &mut rng(3)).unwrap();
        assert!((same.low - plain.low).abs() < 0.02 && (same.high - plain.high).abs() < 0.02);
        assert!(
            bootstrap
                .clustered_interval(&[Vec::new()], |s| mean(s), &mut rng(1))
                .is_err()
        );
    }

    #[test]
    fn quantiles_as_in_numpy() {
        // numpy 2.4: np.percentile([1, 2, 4, 8], [0, 2.5, 50, 90, 100])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (p, q) in [
            (0.0, 1.0),
            (0.025, 1.075),
            (0.5, 3.0),
            (0.9, 6.8),
            (1.0, 8.0),
        ] {
            assert!((quantile(&sorted, p) - q).abs() < 1e-14);
        }
        const INF: f64 = f64::INFINITY;
        assert_eq!(quantile(&[1.0, INF], 0.1), INF);
        assert_eq!(quantile(&[-INF, 1.0], 0.9), -INF);
        assert_eq!(quantile(&[-INF, INF], 0.5), INF);
        assert_eq!(quantile(&[INF, INF], 0.5), INF);
        assert_eq!(quantile(&[3.0], 0.7), 3.0);
    }

    #[test]
    fn a_stratum_is_drawn_to_its_own_size() {
        let strata = [vec![1.0; 3], vec![], vec![10.0; 2]];
        let bootstrap = Bootstrap::new(0.9, 50).unwrap();
        let found = bootstrap
            .interval(&strata, |s| mean(s), &mut rng(1))
            .unwrap();
        assert_eq!((found.low, found.estimate, found.high), (4.6, 4.6, 4.6));
    }

    #[test]
    fn failures_widen_an_interval_upwards() {
        let bootstrap = Bootstrap::new(0.95, 500).unwrap();
        let with_failure = [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -f64::NAN]];
        let found = bootstrap
            .interval(&with_failure, |s| mean(s), &mut rng(1))
            .unwrap();
        assert_eq!((found.estimate, found.high), (f64::INFINITY, f64::INFINITY));
        assert!(found.low.is_finite());
        let found = bootstrap
            .interval(&with_failure, interquartile_mean, &mut rng(1))
            .unwrap();
        assert_eq!(found.estimate, 4.5);
        // Who fails always ties with who fails always, and loses to anybody else.
        let (never, always) = ([vec![1.0; 4]], [vec![f64::NAN; 4]]);
        let found = bootstrap
            .paired_interval(&always, &always, |s| mean(s), &mut rng(1))
            .unwrap();
        assert_eq!((found.low, found.estimate, found.high), (0.0, 0.0, 0.0));
        let found = bootstrap
            .paired_interval(&never, &always, |s| mean(s), &mut rng(1))
            .unwrap();
        assert_eq!(
            (found.low, found.high),
            (f64::NEG_INFINITY, f64::NEG_INFINITY)
        );
        // A statistic that has no value counts as worst.
        let found = bootstrap.interval(&never, |_| None, &mut rng(1)).unwrap();
        assert_eq!(found.estimate, f64::INFINITY);
        assert_eq!(
            bootstrap
                .interval(&never, |_| Some(f64::NAN), &mut rng(1))
                .unwrap(),
            found
        );
    }

    #[test]
    fn nothing_and_what_does_not_fit() {
        for level in [0.0, 1.0, f64::NAN] {
            assert!(Bootstrap::new(level, 10).is_err());
        }
        assert!(Bootstrap::new(0.95, 0).is_err());
        let bootstrap = Bootstrap::new(0.95, 10).unwrap();
        assert!(bootstrap.interval(&[], |s| mean(s), &mut rng(1)).is_err());
        assert!(
            bootstrap
                .interval(&[vec![]], |s| mean(s), &mut rng(1))
                .is_err()
        );
        let (one, two) = ([vec![1.0]], [vec![1.0, 2.0]]);
        assert!(
            bootstrap
                .paired_interval(&one, &two, |s| mean(s), &mut rng(1))
                .is_err()
        );
        assert!(
            bootstrap
                .paired_interval(&one, &[], |s| mean(s), &mut rng(1))
                .is_err()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn holds_the_estimate_of_symmetric_data(
            half in proptest::collection::vec(0.0_f64..100.0, 1..20),
            seed: u64,
        ) {
            let strata = [half.iter().flat_map(|&v| [v, -v]).collect::<Vec<_>>()];
            let bootstrap = Bootstrap::new(0.95, 400).unwrap();
            for statistic in [interquartile_mean, median, |s: &mut [f64]| mean(s)] {
                let found = bootstrap.interval(&strata, statistic, &mut rng(seed)).unwrap();
                prop_assert!(found.low <= 1e-12 && found.estimate.abs() < 1e-12 && found.high >= -1e-12);
                // The same seed, the same bits.
                prop_assert_eq!(found, bootstrap.interval(&strata, statistic, &mut rng(seed)).unwrap());
            }
        }

        #[test]
        fn a_paired_difference_of_means_is_the_mean_of_differences(
            pairs in proptest::collection::vec((-9.0_f64..9.0, -9.0_f64..9.0), 1..30),
            seed: u64,
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let differences = [pairs.iter().map(|&(x, y)| difference(x, y)).collect::<Vec<_>>()];
            let bootstrap = Bootstrap::new(0.9, 100).unwrap();
            let paired = bootstrap.paired_interval(&[x], &[y], |s| mean(s), &mut rng(seed)).unwrap();
            let single = bootstrap.interval(&differences, |s| mean(s), &mut rng(seed)).unwrap();
            prop_assert!((paired.estimate - single.estimate).abs() < 1e-12);
            prop_assert!((paired.low - single.low).abs() < 1e-12);
            prop_assert!((paired.high - single.high).abs() < 1e-12);
        }
    }
}
