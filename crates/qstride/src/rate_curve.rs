//! What a range test found: the loss over the rate, and the rate that it suggests.

use crate::Stopped;

/// The loss over the learning rate, as [`find_rate`](crate::find_rate) measured it. The three lists are equally long.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateCurve {
    /// The rates, rising by a constant factor.
    pub rates: Vec<f64>,
    /// The loss at each rate; all finite.
    pub losses: Vec<f64>,
    /// The bias-corrected exponential average of the losses.
    pub smoothed: Vec<f64>,
    /// What [`suggest`](Self::suggest) gives, which also says why there is none.
    pub suggestion: Option<f64>,
    /// What ended the test.
    pub stopped: Stopped,
}

/// Why a curve suggests no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuggestion {
    /// Too few rates were tried before the test ended.
    #[error(
        "too short: {found} finite losses, at least {needed} are needed; take more steps or begin at a smaller rate"
    )]
    TooShort {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        needed: usize,
    },
    /// The loss falls nowhere by more than its noise.
    #[error(
        "flat: the loss falls at no rate by more than its noise; end at a larger rate or take more steps"
    )]
    Flat,
    /// The loss grew without having fallen first.
    #[error("diverging: the loss grew before it had fallen; begin at a smaller rate")]
    Diverging,
    /// The loss falls, but only at rates within a factor of 10 of the one at which it is lowest.
    #[error(
        "too near the edge: the loss falls only within a factor of 10 of its lowest point; begin at a smaller rate"
    )]
    NearTheEdge,
}

/// The fewest points that make a slope with an error of its own.
const SHORTEST_WINDOW: usize = 7;
/// A slope counts when it is this many standard errors below zero.
const SIGNIFICANT: f64 = 4.0;
/// How far a suggestion stays below the rate at which the smoothed loss is lowest.
const MARGIN: f64 = 10.0;

impl RateCurve {
    pub(crate) fn new(
        rates: Vec<f64>,
        losses: Vec<f64>,
        smoothed: Vec<f64>,
        stopped: Stopped,
    ) -> Self {
        let mut curve = Self {
            rates,
            losses,
            smoothed,
            suggestion: None,
            stopped,
        };
        curve.suggestion = curve.suggest().ok();
        curve
    }

    /// The rate of steepest descent: where the loss falls fastest over log(rate), among the rates up to a tenth of that at
    /// which the smoothed loss is lowest.
    ///
    /// The slope at a rate is that of the least-squares line through the losses of a window around it, a tenth of the curve
    /// wide (at least 7 points); it counts if it is more than 4 of its standard errors below zero. The window is centred on the
    /// unsmoothed losses because the exponential average lags by up to 1 / (1 - beta) steps, which would move the steepest point
    /// to the edge of divergence (fastai's `steep` takes the difference of the averaged losses). The tenth is the customary
    /// margin (fastai's `minimum`).
    ///
    /// # Errors
    /// [`NoSuggestion`] says why there is none and what to change.
    pub fn suggest(&self) -> Result<f64, NoSuggestion> {
        let found = self.losses.len();
        let window = (found / 10).max(SHORTEST_WINDOW) | 1;
        if found < window {
            let needed = window;
            return Err(NoSuggestion::TooShort { found, needed });
        }
        let centres = self.rates.iter().skip(window / 2);
        let falling: Vec<(f64, f64)> = centres
            .zip(self.losses.windows(window))
            .map(|(&rate, losses)| (rate, line(losses)))
            .filter(|(_, line)| line.slope < -SIGNIFICANT * line.standard_error)
            .map(|(rate, line)| (rate, line.slope))
            .collect();
        if falling.is_empty() {
            return Err(match self.stopped {
                Stopped::Exploded | Stopped::NotFinite => NoSuggestion::Diverging,
                Stopped::Largest | Stopped::OutOfBatches => NoSuggestion::Flat,
            });
        }
        let bound = self.lowest().unwrap_or_default() / MARGIN;
        falling
            .into_iter()
            .filter(|(rate, _)| *rate <= bound)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(rate, _)| rate)
            .ok_or(NoSuggestion::NearTheEdge)
    }

    /// The rate at which the smoothed loss is lowest, the first of them; None for an empty curve.
    pub fn lowest(&self) -> Option<f64> {
        let points = self.rates.iter().zip(&self.smoothed);
        points
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map(|(&rate, _)| rate)
    }
}

struct Line {
    slope: f64,
    standard_error: f64,
}

/// The least-squares line through equally spaced values; slopes are per spacing.
fn line(values: &[f64]) -> Line {
    let n = values.len() as f64;
    // Differences to the first value, so that equal values give exactly zero.
    let origin = values.first().copied().unwrap_or_default();
    let mean = values.iter().map(|v| v - origin).sum::<f64>() / n;
    let points = || {
        values
            .iter()
            .enumerate()
            .map(|(k, v)| (k as f64 - 0.5 * (n - 1.0), v - origin - mean))
    };
    let spread: f64 = points().map(|(x, _)| x * x).sum();
    let slope = points().map(|(x, y)| x * y).sum::<f64>() / spread;
    let residual: f64 = points().map(|(x, y)| (y - slope * x).powi(2)).sum();
    Line {
        slope,
        standard_error: (residual / ((n - 2.0) * spread)).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use qstride_objectives::Streams;
    use rand::RngExt;

    use super::*;
    use crate::{RangeTest, find_rate};

    /// A curve over the rates 1e-7 to 10 whose loss is a function of log10(rate).
    fn curve(loss: impl Fn(f64) -> f64) -> RateCurve {
        find_rate(&RangeTest::default(), |rate| loss(rate.log10())).unwrap()
    }

    /// 2.3, falling to 0.3 between 1e-4 and 1e-1 as a cosine, fastest at 10^-2.5.
    fn valley(log_rate: f64) -> f64 {
        let part = ((log_rate + 4.0) / 3.0).clamp(0.0, 1.0);
        1.3 + (std::f64::consts::PI * part).cos()
    }

    #[test]
    fn the_steepest_descent_is_found_within_a_step() {
        let suggestion = curve(valley).suggest().unwrap();
        assert!((suggestion.log10() + 2.5).abs() < 0.09, "{suggestion}");
    }

    #[test]
    fn noise_moves_it_little() {
        let streams = Streams::new(1);
        for seed in 0..20 {
            let mut rng = streams.stream(&format!("noise {seed}"));
            let noisy = |rate: f64| valley(rate.log10()) + 0.2 * (rng.random::<f64>() - 0.5);
            let suggestion = find_rate(&RangeTest::default(), noisy)
                .unwrap()
                .suggest()
                .unwrap();
            assert!((suggestion.log10() + 2.5).abs() < 0.75, "{suggestion}");
        }
    }

    #[test]
    fn the_suggestion_stays_a_tenth_below_the_lowest_point() {
        // Falls ever faster up to 1e-1, then explodes.
        let found = curve(|x| {
            if x < -1.0 {
                10.0 - 10_f64.powf(x + 1.9)
            } else {
                1e3
            }
        });
        assert_eq!(found.stopped, Stopped::Exploded);
        let (lowest, suggestion) = (found.lowest().unwrap(), found.suggest().unwrap());
        assert!(0.08 < lowest && lowest < 0.1, "{lowest}");
        assert!(
            suggestion <= lowest / 10.0 && suggestion > lowest / 13.0,
            "{suggestion}"
        );
    }

    #[test]
    fn a_constant_is_flat() {
        assert_eq!(curve(|_| 0.1).suggest(), Err(NoSuggestion::Flat));
    }

    #[test]
    fn pure_noise_is_rarely_taken_for_descent() {
        let streams = Streams::new(2);
        let suggested = (0..200).filter(|seed| {
            let mut rng = streams.stream(&format!("noise {seed}"));
            let noise = find_rate(&RangeTest::default(), |_| 1.0 + 0.1 * rng.random::<f64>());
            noise.unwrap().suggestion.is_some()
        });
        let suggested = suggested.count();
        assert!(suggested <= 2, "{suggested} of 200");
    }

    #[test]
    fn growth_from_the_first_step_is_divergence() {
        let found = curve(|x| 1.0 + 10_f64.powf(x + 4.0));
        assert_eq!(found.stopped, Stopped::Exploded);
        assert_eq!(found.suggest(), Err(NoSuggestion::Diverging));
        assert!(found.suggestion.is_none());
    }

    #[test]
    fn a_range_that_begins_too_high_is_said_to_be_so() {
        let test = RangeTest {
            least: 0.05,
            largest: 0.4,
            ..RangeTest::default()
        };
        let found = find_rate(&test, |rate| valley(rate.log10() - 0.5)).unwrap();
        assert_eq!(found.suggest(), Err(NoSuggestion::NearTheEdge));
    }

    #[test]
    fn fewer_than_seven_points_are_too_few() {
        let test = |steps| RangeTest {
            steps,
            ..RangeTest::default()
        };
        let short = find_rate(&test(6), |rate| valley(rate.log10())).unwrap();
        assert_eq!(
            short.suggest(),
            Err(NoSuggestion::TooShort {
                found: 6,
                needed: 7
            })
        );
        assert!(
            find_rate(&test(30), |rate| valley(rate.log10()))
                .unwrap()
                .suggest()
                .is_ok()
        );
    }

    #[test]
    fn slopes_and_their_errors_by_hand() {
        // y = 1, 2, 4: slope 1.5, residuals 1/6, -1/3, 1/6, error sqrt((1/6) / (1 * 2)).
        let found = line(&[1.0, 2.0, 4.0]);
        assert!((found.slope - 1.5).abs() < 1e-15);
        assert!((found.standard_error - (1.0_f64 / 12.0).sqrt()).abs() < 1e-15);
    }
}
