//! The probability that one method beats another.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::bootstrap::{Bootstrap, Interval};
use crate::error::{StatisticsError, same_shape};
use crate::interquartile_mean::mean;
use crate::score::compare;

/// The probability of improvement: P(X < Y) + P(X = Y)/2 for a run of x and a run of y on a task chosen at random.
///
/// P = (1/T) Σ_t U_t / (m_t n_t), with U_t = #{i, j : x_ti < y_tj} + #{i, j : x_ti = y_tj}/2, the Mann-Whitney statistic of the
/// runs on task t. `x[task][run]` are the scores of one method and `y[task][run]` those of the other, which may have another
/// number of runs. Above 1/2, x is the better one. Two failures tie.
///
/// rliable has it for scores of which higher is better: this is its `probability_of_improvement(-x, -y)`.
///
/// Source: Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice, NeurIPS 2021, section 4.3.
///
/// ```
/// use qstride_statistics::probability_of_improvement;
/// let x = [vec![1.0, 3.0], vec![5.0]];
/// let y = [vec![2.0, 3.0, f64::NAN], vec![5.0]];
/// // 3 + 1.5 of 6 pairs on the first task, half of 1 on the second.
/// assert_eq!(probability_of_improvement(&x, &y)?, (0.75 + 0.5) / 2.0);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where x and y have different numbers of tasks; [`StatisticsError::TooFew`] without a task, or
/// where a task has no run of one method.
pub fn probability_of_improvement(x: &[Vec<f64>], y: &[Vec<f64>]) -> Result<f64, StatisticsError> {
    let tasks = Task::all(x, y)?;
    Ok(mean_win_share(&tasks, &mut Vec::new(), |run, _| run))
}

/// The [`probability_of_improvement`] with its interval: each draw resamples the runs of every task, those of x and those of y independently.
///
/// The tasks are fixed. With one run of each method on every task nothing is left to draw, and the interval is a point;
/// [`share_won_interval`] resamples cases.
///
/// # Errors
///
/// As [`probability_of_improvement`].
pub fn probability_of_improvement_interval(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    bootstrap: Bootstrap,
    rng: &mut ChaCha8Rng,
) -> Result<Interval, StatisticsError> {
    let tasks = Task::all(x, y)?;
    let mut half_wins = Vec::new();
    let estimate = mean_win_share(&tasks, &mut half_wins, |run, _| run);
    Ok(bootstrap.percentiles(estimate, || {
        mean_win_share(&tasks, &mut half_wins, |_, runs| rng.random_range(0..runs))
    }))
}

/// The share of paired cases that x wins, ties counted half: P(X < Y) + P(X = Y)/2 on the same case.
///
/// NaN is +∞; a case on which both fail is a tie.
///
/// ```
/// use qstride_statistics::share_won;
/// assert_eq!(share_won(&[1.0, 2.0, f64::NAN, 5.0], &[2.0, 2.0, 7.0, 9.0])?, 2.5 / 4.0);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where x and y have different lengths; [`StatisticsError::TooFew`] where they are empty.
pub fn share_won(x: &[f64], y: &[f64]) -> Result<f64, StatisticsError> {
    StatisticsError::length("sample", 1, y.len(), x.len())?;
    StatisticsError::at_least("the share won", "cases", x.len(), 1)?;
    Ok(wins(x, y).iter().sum::<f64>() / x.len() as f64)
}

/// The [`share_won`] of all cases with its interval, the cases resampled within the strata `x[stratum][case]` and `y[stratum][case]`.
///
/// # Errors
///
/// [`StatisticsError::Length`] where the strata of x and y differ in number or size; [`StatisticsError::TooFew`] where there are no cases.
pub fn share_won_interval(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    bootstrap: Bootstrap,
    rng: &mut ChaCha8Rng,
) -> Result<Interval, StatisticsError> {
    same_shape("stratum", x, y)?;
    let strata: Vec<Vec<f64>> = x.iter().zip(y).map(|(x, y)| wins(x, y)).collect();
    bootstrap.interval(&strata, |sample| mean(sample), rng)
}

/// 1 for a case that x wins, 1/2 for a tie, 0 for a case that it loses.
fn wins(x: &[f64], y: &[f64]) -> Vec<f64> {
    let win = |(&x, &y): (&f64, &f64)| match compare(x, y) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    x.iter().zip(y).map(win).collect()
}

/// The runs of two methods on one task, each as its place among the distinct scores: 0 for the best score of either method.
struct Task {
    x: Vec<usize>,
    y: Vec<usize>,
    places: usize,
}

impl Task {
    /// All tasks, checked.
    fn all(x: &[Vec<f64>], y: &[Vec<f64>]) -> Result<Vec<Self>, StatisticsError> {
        const NAME: &str = "the probability of improvement";
        StatisticsError::length("sample", 1, y.len(), x.len())?;
        StatisticsError::at_least(NAME, "tasks", x.len(), 1)?;
        for runs in x.iter().chain(y) {
            StatisticsError::at_least(NAME, "runs on each task", runs.len(), 1)?;
        }
        Ok(x.iter().zip(y).map(|(x, y)| Self::new(x, y)).collect())
    }

    fn new(x: &[f64], y: &[f64]) -> Self {
        let mut scores = [x, y].concat();
        scores.sort_by(|a, b| compare(*a, *b));
        scores.dedup_by(|a, b| compare(*a, *b).is_eq());
        let place = |&score: &f64| scores.partition_point(|&other| compare(other, score).is_lt());
        Self {
            x: x.iter().map(place).collect(),
            y: y.iter().map(place).collect(),
            places: scores.len(),
        }
    }

    /// U/(m n) for runs that `pick(run, runs)` chooses, in time linear in their number. `half_wins` is scratch.
    fn win_share(
        &self,
        half_wins: &mut Vec<u64>,
        mut pick: impl FnMut(usize, usize) -> usize,
    ) -> f64 {
        half_wins.clear();
        half_wins.resize(self.places, 0);
        for run in 0..self.y.len() {
            half_wins[self.y[pick(run, self.y.len())]] += 1;
        }
        // From how many runs of y are at a place to 2 #{worse} + #{equal}, what a run of x there wins in halves.
        let mut worse = 0;
        for place in half_wins.iter_mut().rev() {
            let equal = *place;
            *place = 2 * worse + equal;
            worse += equal;
        }
        let won: u64 = (0..self.x.len())
            .map(|run| half_wins[self.x[pick(run, self.x.len())]])
            .sum();
        won as f64 / (2 * self.x.len() * self.y.len()) as f64
    }
}

/// The mean over tasks of the share of pairs that x wins.
fn mean_win_share(
    tasks: &[Task],
    half_wins: &mut Vec<u64>,
    mut pick: impl FnMut(usize, usize) -> usize,
) -> f64 {
    let sum: f64 = tasks
        .iter()
        .map(|task| task.win_share(half_wins, &mut pick))
        .sum();
    sum / tasks.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    fn x() -> [Vec<f64>; 3] {
        [
            vec![1.2, 1.5, 1.1, 1.9],
            vec![3.0, 2.5, 2.5, 2.7],
            vec![0.4, 0.6, 0.5, 0.5],
        ]
    }

    fn y() -> [Vec<f64>; 3] {
        [
            vec![1.4, 1.5, 1.8, 2.0, 1.3],
            vec![2.5, 2.6, 2.4, 2.9, 2.5],
            vec![0.7, 0.6, 0.5, 0.9, 0.8],
        ]
    }

    #[test]
    fn as_in_rliable() {
        // rliable metrics.probability_of_improvement(-x, -y) by its formula, scipy 1.17:
        // np.mean([mannwhitneyu(-a, -b, alternative='greater')[0] / (len(a) * len(b)) for a, b in zip(x, y)])
        let found = probability_of_improvement(&x(), &y()).unwrap();
        assert!((found - 0.6333333333333333).abs() < 1e-15);
    }

    #[test]
    fn interval_as_in_numpy() {
        let bootstrap = Bootstrap::new(0.95, 100_000).unwrap();
        let found = probability_of_improvement_interval(&x(), &y(), bootstrap, &mut rng()).unwrap();
        // numpy 2.4: the 2.25, 2.75, 97.25 and 97.75 percentiles of 2,000,000 draws, runs of x and y drawn independently within each
        // task; the probability of an end has a standard error of 0.05 % here.
        assert!((found.estimate - 0.6333333333333333).abs() < 1e-15);
        assert!(
            0.433333333 <= found.low && found.low <= 0.441666667,
            "{found:?}"
        );
        assert!((found.high - 0.816666667).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn share_won_with_its_interval() {
        // A binomial share: 3 of 4 in each of 25 strata has a standard error of sqrt(.75 * .25 / 100) = 0.0433.
        let x = vec![vec![0.0, 0.0, 0.0, 2.0]; 25];
        let y = vec![vec![1.0; 4]; 25];
        let bootstrap = Bootstrap::new(0.95, 20_000).unwrap();
        let found = share_won_interval(&x, &y, bootstrap, &mut rng()).unwrap();
        assert_eq!(found.estimate, 0.75);
        assert!(
            (found.low - (0.75 - 1.96 * 0.0433)).abs() < 0.011,
            "{found:?}"
        );
        assert!(
            (found.high - (0.75 + 1.96 * 0.0433)).abs() < 0.011,
            "{found:?}"
        );
    }

    #[test]
    fn failures_lose_and_tie() {
        let nan = f64::NAN;
        assert_eq!(
            share_won(&[nan, 1.0, nan, nan], &[1.0, nan, nan, f64::INFINITY]).unwrap(),
            0.5
        );
        assert_eq!(share_won(&[nan], &[f64::MAX]).unwrap(), 0.0);
        let p = |x: f64, y: f64| probability_of_improvement(&[vec![x]], &[vec![y]]).unwrap();
        assert_eq!(
            [p(nan, 1.0), p(1.0, -nan), p(nan, f64::INFINITY)],
            [0.0, 1.0, 0.5]
        );
    }

    #[test]
    fn nothing_and_what_does_not_fit() {
        let (none, one): (&[Vec<f64>], &[Vec<f64>]) = (&[], &[vec![1.0]]);
        assert!(probability_of_improvement(none, none).is_err());
        assert!(probability_of_improvement(one, none).is_err());
        assert!(probability_of_improvement(one, &[vec![]]).is_err());
        assert!(share_won(&[], &[]).is_err());
        assert!(share_won(&[1.0], &[]).is_err());
        let bootstrap = Bootstrap::new(0.95, 10).unwrap();
        assert!(share_won_interval(none, none, bootstrap, &mut rng()).is_err());
        assert!(share_won_interval(one, &[vec![]], bootstrap, &mut rng()).is_err());
        assert!(probability_of_improvement_interval(none, none, bootstrap, &mut rng()).is_err());
        // One run each: nothing to draw.
        let found = probability_of_improvement_interval(one, one, bootstrap, &mut rng()).unwrap();
        assert_eq!((found.low, found.high), (0.5, 0.5));
    }

    proptest! {
        #[test]
        fn counts_every_pair_and_the_two_sides_sum_to_one(
            tasks in proptest::collection::vec(
                (
                    proptest::collection::vec(0_u8..6, 1..7),
                    proptest::collection::vec(0_u8..6, 1..7),
                ),
                1..6,
            ),
        ) {
            let scores = |runs: &Vec<u8>| runs.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
            let (x, y): (Vec<_>, Vec<_>) = tasks.iter().map(|(x, y)| (scores(x), scores(y))).unzip();
            let found = probability_of_improvement(&x, &y).unwrap();
            prop_assert!((found + probability_of_improvement(&y, &x).unwrap() - 1.0).abs() < 1e-12);
            let task = |(x, y): (&Vec<f64>, &Vec<f64>)| {
                let pairs = x.iter().flat_map(|&a| y.iter().map(move |&b| (a, b)));
                let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
                share_won(&a, &b).unwrap()
            };
            let by_pairs = x.iter().zip(&y).map(task).sum::<f64>() / x.len() as f64;
            prop_assert!((found - by_pairs).abs() < 1e-12);
            let backwards: Vec<Vec<f64>> = x.iter().map(|r| r.iter().rev().copied().collect()).collect();
            prop_assert_eq!(found, probability_of_improvement(&backwards, &y).unwrap());
        }
    }
}
