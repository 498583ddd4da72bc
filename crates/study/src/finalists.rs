//! Finalists measured again on fresh seeds, against the default.

use qstride_statistics::{
    Bootstrap, Continuity, Interval, StatisticsError, holm, mean, median, signed_rank_test,
};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Direction;

/// What stands for the values of a configuration over the seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Center {
    /// The mean; one failed seed makes it the worst there is.
    Mean,
    /// The median.
    #[default]
    Median,
}

impl Center {
    fn of(self, values: &mut [f64]) -> Option<f64> {
        match self {
            Self::Mean => mean(values),
            Self::Median => median(values),
        }
    }
}

/// Settings of [`compare_finalists`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinalistSettings {
    /// Mean or median.
    pub center: Center,
    /// The confidence of the intervals, strictly between 0 and 1.
    pub level: f64,
    /// Draws of the bootstrap, at least 1.
    pub draws: usize,
    /// A finalist is better than the default where its adjusted p-value is at most this; strictly between 0 and 1.
    pub alpha: f64,
}

impl Default for FinalistSettings {
    fn default() -> Self {
        Self {
            center: Center::Median,
            level: 0.95,
            draws: 10_000,
            alpha: 0.05,
        }
    }
}

/// A configuration over fresh seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Its mean or median with a bootstrap interval, in the units of the objective; an end is infinite where failed seeds make it so.
    pub center: Interval,
    /// The seeds without a number.
    pub failures: usize,
}

/// A finalist against the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Finalist {
    /// The finalist itself.
    pub measured: Measured,
    /// Its mean or median less that of the default, the same seeds drawn for both.
    pub difference: Interval,
    /// The two-sided p-value of Wilcoxon's signed-rank test, seed by seed.
    pub p_value: f64,
    /// The same after Holm's correction for the number of finalists.
    pub adjusted_p_value: f64,
    /// What can be said.
    pub verdict: Verdict,
}

/// What can be said of a finalist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better than the default.
    Better,
    /// Worse than the default.
    Worse,
    /// The seeds do not tell.
    Undecided,
}

/// Finalists against the default on the same fresh seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The default.
    pub default: Measured,
    /// The finalists, in the order in which they were given.
    pub finalists: Vec<Finalist>,
    /// The number of seeds.
    pub seeds: usize,
    /// The least p-value that so many seeds and finalists can give, 2ᵐ⁻ⁿ adjusted: above `alpha` nothing can be decided, however good a finalist is.
    pub least_p_value: f64,
}

/// Compares finalists with the default configuration over fresh seeds: `finalists[i][s]` and `default[s]` are values of the same seed s.
///
/// A value of NaN is a seed that failed, the worst there is. Fresh means: none of the seeds by which the finalists were chosen; the values by which they won are
/// too good, for the luckiest win. A finalist is better where Wilcoxon's signed-rank test, corrected for the number of finalists, says that it
/// differs and the greater part of the ranks is in its favour.
///
/// ```
/// use qstride_objectives::Streams;
/// use qstride_study::{Direction, FinalistSettings, Verdict, compare_finalists};
///
/// let default = [0.30, 0.34, 0.32, 0.37, 0.31, 0.33, 0.36, 0.35];
/// let tuned = [0.24, 0.29, 0.25, 0.30, 0.26, 0.27, 0.29, 0.31];
/// let lucky = [0.29, 0.35, 0.30, 0.39, 0.32, 0.30, 0.37, 0.34];
/// let compared = compare_finalists(
///     Direction::Minimize,
///     &default,
///     &[tuned.to_vec(), lucky.to_vec()],
///     &FinalistSettings::default(),
///     &mut Streams::new(1).stream("finalists"),
/// )?;
/// assert_eq!(compared.finalists[0].verdict, Verdict::Better);
/// assert_eq!(compared.finalists[1].verdict, Verdict::Undecided);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where a finalist was not measured on as many seeds as the default; [`StatisticsError::TooFew`] without seeds or
/// draws; [`StatisticsError::Probability`] where `level` or `alpha` is none.
pub fn compare_finalists(
    direction: Direction,
    default: &[f64],
    finalists: &[Vec<f64>],
    settings: &FinalistSettings,
    rng: &mut ChaCha8Rng,
) -> Result<Comparison, StatisticsError> {
    let bootstrap = Bootstrap::new(settings.level, settings.draws)?;
    if !(settings.alpha > 0.0 && settings.alpha < 1.0) {
        return Err(StatisticsError::Probability {
            name: "alpha",
            value: settings.alpha,
        });
    }
    let center = |values: &mut [f64]| settings.center.of(values);
    let losses = |values: &[f64]| values.iter().map(|v| direction.loss(*v)).collect();
    let base: Vec<f64> = losses(default);
    let measure = |losses: &Vec<f64>, rng: &mut ChaCha8Rng| -> Result<_, StatisticsError> {
        let interval = bootstrap.interval(std::slice::from_ref(losses), center, rng)?;
        Ok(Measured {
            center: turned(direction, interval),
            failures: losses.iter().filter(|value| value.is_nan()).count(),
        })
    };

    let default = measure(&base, rng)?;
    let mut compared = Vec::with_capacity(finalists.len());
    for (index, finalist) in finalists.iter().enumerate() {
        if finalist.len() != base.len() {
            return Err(StatisticsError::Length {
                what: "finalist",
                index,
                found: finalist.len(),
                expected: base.len(),
            });
        }
        let losses: Vec<f64> = losses(finalist);
        // Corrected, for with few seeds and ties the normal approximation is too sure of itself.
        let test = signed_rank_test(&losses, &base, Continuity::Corrected)?;
        let [x, y] = [&losses, &base].map(std::slice::from_ref);
        let difference = bootstrap.paired_interval(x, y, center, rng)?;
        let verdict = if test.negative > test.positive {
            Verdict::Better
        } else {
            Verdict::Worse
        };
        compared.push(Finalist {
            measured: measure(&losses, rng)?,
            difference: turned(direction, difference),
            p_value: test.p_value,
            adjusted_p_value: test.p_value,
            verdict,
        });
    }
    let raw: Vec<f64> = compared.iter().map(|finalist| finalist.p_value).collect();
    for (finalist, adjusted) in compared.iter_mut().zip(holm(&raw)) {
        finalist.adjusted_p_value = adjusted;
        if adjusted > settings.alpha {
            finalist.verdict = Verdict::Undecided;
        }
    }
    let least = 2.0 * 0.5_f64.powi(i32::try_from(base.len()).unwrap_or(i32::MAX));
    Ok(Comparison {
        default,
        seeds: base.len(),
        least_p_value: (least * finalists.len().max(1) as f64).min(1.0),
        finalists: compared,
    })
}

/// An interval of losses as one of values.
fn turned(direction: Direction, interval: Interval) -> Interval {
    match direction {
        Direction::Minimize => interval,
        Direction::Maximize => Interval {
            estimate: -interval.estimate,
            low: -interval.high,
            high: -interval.low,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_objectives::Streams;

    const DEFAULT: [f64; 10] = [0.52, 0.47, 0.61, 0.55, 0.49, 0.58, 0.50, 0.63, 0.45, 0.57];

    fn compare(direction: Direction, default: &[f64], finalists: &[Vec<f64>]) -> Comparison {
        let mut rng = Streams::new(1).stream("finalists");
        let settings = FinalistSettings::default();
        compare_finalists(direction, default, finalists, &settings, &mut rng).unwrap()
    }

    #[test]
    fn a_better_one_is_better_in_both_directions() {
        let better: Vec<f64> = (0..10)
            .map(|i| DEFAULT[i] - 0.05 - 0.001 * i as f64)
            .collect();
        let found = compare(
            Direction::Minimize,
            &DEFAULT,
            &[better.clone(), DEFAULT.to_vec()],
        );
        let [first, same] = found.finalists.as_slice() else {
            panic!("{found:?}");
        };
        // All ten ranks on one side: 2/2¹⁰, doubled by Holm.
        assert_eq!(first.p_value, 2.0 / 1024.0);
        assert_eq!(first.adjusted_p_value, 4.0 / 1024.0);
        assert_eq!(found.least_p_value, 4.0 / 1024.0);
        assert_eq!(
            (first.verdict, same.verdict),
            (Verdict::Better, Verdict::Undecided)
        );
        assert!(first.difference.low <= first.difference.estimate && first.difference.high < 0.0);
        assert_eq!(same.difference.estimate, 0.0);
        assert_eq!(same.p_value, 1.0);

        let negative = |values: &[f64]| values.iter().map(|v| -v).collect::<Vec<f64>>();
        let turned = compare(
            Direction::Maximize,
            &negative(&DEFAULT),
            &[negative(&better), negative(&DEFAULT)],
        );
        assert_eq!(turned.finalists[0].verdict, Verdict::Better);
        assert_eq!(turned.finalists[0].difference.high, -first.difference.low);
        assert_eq!(
            turned.default.center.estimate,
            -found.default.center.estimate
        );

        let worse = compare(Direction::Maximize, &DEFAULT, &[better]);
        assert_eq!(worse.finalists[0].verdict, Verdict::Worse);
    }

    #[test]
    fn failed_seeds_count_as_worst_whatever_the_direction() {
        for direction in [Direction::Minimize, Direction::Maximize] {
            let mut some = DEFAULT.to_vec();
            some[0] = f64::NAN;
            let found = compare(direction, &DEFAULT, &[some, vec![f64::NAN; 10]]);
            assert_eq!(found.default.failures, 0);
            assert_eq!(found.finalists[0].measured.failures, 1);
            assert!(found.finalists[0].measured.center.estimate.is_finite());
            let none = &found.finalists[1];
            assert_eq!(none.measured.failures, 10);
            assert_eq!(direction.loss(none.measured.center.estimate), f64::INFINITY);
            assert_eq!(none.verdict, Verdict::Worse);
        }
    }

    #[test]
    fn five_seeds_can_never_decide() {
        let better: Vec<f64> = DEFAULT[..5].iter().map(|v| 0.1 * v).collect();
        let found = compare(Direction::Minimize, &DEFAULT[..5], &[better]);
        assert_eq!(found.least_p_value, 0.0625);
        assert_eq!(found.finalists[0].verdict, Verdict::Undecided);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut rng = Streams::new(1).stream("finalists");
        let settings = FinalistSettings::default();
        let mut compare = |default: &[f64], finalist: Vec<f64>, settings: &FinalistSettings| {
            compare_finalists(
                Direction::Minimize,
                default,
                &[finalist],
                settings,
                &mut rng,
            )
        };
        let short = compare(&DEFAULT, vec![0.5; 9], &settings).unwrap_err();
        assert!(
            short
                .to_string()
                .starts_with("finalist 0 has length 9, expected 10")
        );
        assert!(compare(&[], vec![], &settings).is_err());
        let alpha = FinalistSettings {
            alpha: 1.0,
            ..settings
        };
        assert!(compare(&DEFAULT, DEFAULT.to_vec(), &alpha).is_err());
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let better: Vec<f64> = DEFAULT.iter().map(|v| 0.9 * v).collect();
        let once = compare(Direction::Minimize, &DEFAULT, std::slice::from_ref(&better));
        assert_eq!(once, compare(Direction::Minimize, &DEFAULT, &[better]));
    }
}
