//! The learning-rate range test: raise the rate from tiny to huge within one short run and watch the loss.

use burn::module::Module;
use burn::optim::ModuleOptimizer;

use crate::RateCurve;

/// The settings of a range test. The defaults are those of fastai.
///
/// The rate of step i = 0 .. steps - 1 is least (largest / least)^(i / (steps - 1)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeTest {
    /// The rate of the first step; 1e-7 unless set.
    pub least: f64,
    /// The rate of the last step; 10 unless set.
    pub largest: f64,
    /// Number of steps; 100 unless set.
    pub steps: usize,
    /// Weight beta of the past in the smoothed loss, in \[0, 1); 0.98 unless set.
    pub smoothing: f64,
    /// The test stops when the smoothed loss exceeds its best by this factor, above 1; 4 unless set.
    pub stop: f64,
}

impl Default for RangeTest {
    fn default() -> Self {
        Self {
            least: 1e-7,
            largest: 10.0,
            steps: 100,
            smoothing: 0.98,
            stop: 4.0,
        }
    }
}

/// Why a range test cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RangeTestError {
    /// The rates do not span a range.
    #[error(
        "range test: rates from {least} to {largest}; they have to be finite and rise from above 0"
    )]
    Rates {
        /// [`RangeTest::least`]
        least: f64,
        /// [`RangeTest::largest`]
        largest: f64,
    },
    /// There are not two steps.
    #[error("range test: {steps} steps, but it takes at least 2 to raise a rate")]
    Steps {
        /// [`RangeTest::steps`]
        steps: usize,
    },
    /// The weight of the past is out of range.
    #[error("range test: smoothing is {smoothing}, but it has to be at least 0 and below 1")]
    Smoothing {
        /// [`RangeTest::smoothing`]
        smoothing: f64,
    },
    /// The factor would stop every test at once.
    #[error("range test: stop is {stop}, but it has to be above 1")]
    Stop {
        /// [`RangeTest::stop`]
        stop: f64,
    },
}

/// What ended a range test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The largest rate was tried.
    Largest,
    /// The smoothed loss exceeded its best by the factor [`RangeTest::stop`].
    Exploded,
    /// A loss was infinite, not a number or too large to be averaged; it is not part of the curve.
    NotFinite,
    /// There were no more batches.
    OutOfBatches,
}

impl RangeTest {
    fn check(&self) -> Result<(), RangeTestError> {
        let &Self {
            least,
            largest,
            steps,
            smoothing,
            stop,
        } = self;
        if !(0.0 < least && least < largest && largest.is_finite()) {
            return Err(RangeTestError::Rates { least, largest });
        }
        if steps < 2 {
            return Err(RangeTestError::Steps { steps });
        }
        if !(0.0..1.0).contains(&smoothing) {
            return Err(RangeTestError::Smoothing { smoothing });
        }
        if !(stop > 1.0) {
            return Err(RangeTestError::Stop { stop });
        }
        Ok(())
    }

    fn rate(&self, step: usize) -> f64 {
        let part = step as f64 / (self.steps - 1) as f64;
        // In logarithms, because the quotient of the two may overflow; the ends are met exactly.
        let rate = (self.least.ln() * (1.0 - part) + self.largest.ln() * part).exp();
        match step {
            0 => self.least,
            _ if step + 1 == self.steps => self.largest,
            _ => rate.clamp(self.least, self.largest),
        }
    }

    /// The test; a step that returns None ends it.
    fn run(&self, mut step: impl FnMut(f64) -> Option<f64>) -> Result<RateCurve, RangeTestError> {
        self.check()?;
        let (mut rates, mut losses, mut smoothed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut level, mut past, mut best) = (0.0_f64, 1.0, f64::INFINITY);
        let mut stopped = Stopped::Largest;
        for rate in (0..self.steps).map(|i| self.rate(i)) {
            let Some(loss) = step(rate) else {
                stopped = Stopped::OutOfBatches;
                break;
            };
            // The corrected average as an update of itself, so that a constant loss stays exactly what it is.
            past *= self.smoothing;
            level += (1.0 - self.smoothing) / (1.0 - past) * (loss - level);
            if !level.is_finite() {
                stopped = Stopped::NotFinite;
                break;
            }
            rates.push(rate);
            losses.push(loss);
            smoothed.push(level);
            best = level.min(best);
            // As level > stop best, for a best below zero too; a best of exactly zero stops nothing.
            if level - best > (self.stop - 1.0) * best.abs() && best != 0.0 {
                stopped = Stopped::Exploded;
                break;
            }
        }
        Ok(RateCurve::new(rates, losses, smoothed, stopped))
    }
}

/// A learning-rate range test (Smith, 2017, 'Cyclical learning rates for training neural networks', arXiv 1506.01186, section
/// 3.3).
///
/// `step` does one training step at the rate that it is given and returns the loss of its batch before that step, so that a
/// rate shows one step later. It starts from untrained (or otherwise wanted) weights and leaves them spoilt: use copies, or
/// [`find_rate_on`], which makes them. A step that fails returns NaN, which ends the test.
///
/// The smoothed loss is the bias-corrected exponential average (1 - beta) sum_k beta^(i - k) loss_k / (1 - beta^(i + 1)). The test
/// ends when it exceeds `stop` times its best (for a best below zero: when it is more than (stop - 1) times the best's size above
/// it; a best of exactly zero stops nothing), or at a loss that is not finite. How the suggestion is made is said at [`RateCurve::suggest`].
///
/// # Errors
/// [`RangeTestError`] names the setting that cannot be. A test without a suggestion is no error.
///
/// ```
/// use qstride::{RangeTest, find_rate};
///
/// // Gradient descent on f(x) = 2 x^2 is stable up to the rate 2 / 4 = 0.5.
/// let mut x = 1.0;
/// let curve = find_rate(&RangeTest::default(), |rate| {
///     let loss = 2.0 * x * x;
///     x -= rate * 4.0 * x;
///     loss
/// })?;
/// let suggestion = curve.suggest()?;
/// assert!(0.005 < suggestion && suggestion < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn find_rate(
    test: &RangeTest,
    mut step: impl FnMut(f64) -> f64,
) -> Result<RateCurve, RangeTestError> {
    test.run(|rate| Some(step(rate)))
}

/// [`find_rate`] on copies of a Burn model and its optimizer, which are left as they are.
///
/// `step` takes the model, the optimizer, a batch and the rate; it returns the updated model and the loss of the batch before
/// the update. The test ends early when the batches do: `batches.iter().cycle()` goes round.
///
/// # Errors
/// As [`find_rate`].
///
/// ```
/// use burn::module::Param;
/// use burn::nn::Linear;
/// use burn::optim::{GradientsParams, SgdConfig};
/// use burn::tensor::{Device, Tensor};
/// use qstride::{RangeTest, find_rate_on};
///
/// let device = Device::flex().autodiff();
/// let model = Linear {
///     weight: Param::from_tensor(Tensor::from_floats([[1.0], [-2.0]], &device)),
///     bias: None,
/// };
/// let batch = Tensor::<2>::from_floats([[1.0, 0.5], [-1.0, 1.0]], &device);
/// let curve = find_rate_on(
///     &RangeTest::default(),
///     &model,
///     &SgdConfig::new().init(),
///     std::iter::repeat(batch),
///     |model, optimizer, batch, rate| {
///         let loss = model.forward(batch).square().mean();
///         let value = loss.clone().into_scalar::<f64>();
///         let gradients = GradientsParams::from_grads(loss.backward(), &model);
///         (optimizer.step(rate, model, gradients), value)
///     },
/// )?;
/// assert!(curve.suggestion.is_some());
/// assert_eq!(model.weight.val().into_data().try_to_vec::<f32>()?, [1.0, -2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn find_rate_on<M: Module, B>(
    test: &RangeTest,
    model: &M,
    optimizer: &ModuleOptimizer,
    batches: impl IntoIterator<Item = B>,
    mut step: impl FnMut(M, &mut ModuleOptimizer, B, f64) -> (M, f64),
) -> Result<RateCurve, RangeTestError> {
    let mut optimizer = optimizer.clone();
    let mut held = Some(model.clone());
    let mut batches = batches.into_iter();
    test.run(|rate| {
        let (model, loss) = step(held.take()?, &mut optimizer, batches.next()?, rate);
        held = Some(model);
        Some(loss)
    })
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::nn::Linear;
    use burn::optim::momentum::MomentumConfig;
    use burn::optim::{GradientsParams, SgdConfig};
    use burn::tensor::{Device, Tensor};
    use proptest::prelude::*;

    use super::*;
    use crate::NoSuggestion;

    /// Gradient descent on lambda / 2 x^2 from x = 1.
    fn quadratic(test: &RangeTest, lambda: f64) -> RateCurve {
        let mut x = 1.0;
        let step = |rate: f64| {
            let loss = 0.5 * lambda * x * x;
            x -= rate * lambda * x;
            loss
        };
        find_rate(test, step).unwrap()
    }

    #[test]
    fn the_rate_rises_by_a_constant_factor_between_the_ends() {
        let test = RangeTest::default();
        let curve = find_rate(&test, |_| 1.0).unwrap();
        assert_eq!((curve.rates.len(), curve.stopped), (100, Stopped::Largest));
        assert_eq!((curve.rates[0], curve.rates[99]), (1e-7, 10.0));
        let factor = 1e8_f64.powf(1.0 / 99.0);
        for pair in curve.rates.windows(2) {
            assert!((pair[1] / pair[0] / factor - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_average_is_corrected_for_its_start() {
        let test = RangeTest {
            steps: 3,
            smoothing: 0.5,
            ..RangeTest::default()
        };
        let mut losses = [4.0, 2.0, 1.0].into_iter();
        let curve = find_rate(&test, |_| losses.next().unwrap()).unwrap();
        assert_eq!(curve.losses, [4.0, 2.0, 1.0]);
        for (found, expected) in curve.smoothed.iter().zip([4.0, 8.0 / 3.0, 12.0 / 7.0]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn a_quadratic_diverges_beyond_two_over_lambda() {
        // Narrow enough that the loss does not underflow before the edge.
        let test = RangeTest {
            least: 1e-4,
            ..RangeTest::default()
        };
        for lambda in [0.5, 4.0, 100.0] {
            let curve = quadratic(&test, lambda);
            assert_eq!(
                curve.stopped,
                if lambda < 1.0 {
                    Stopped::Largest
                } else {
                    Stopped::Exploded
                }
            );
            // The loss is that before the step: the lowest one stands at the first rate above the edge.
            let edge = 2.0 / lambda;
            let lowest = (1..curve.losses.len())
                .min_by(|&a, &b| curve.losses[a].total_cmp(&curve.losses[b]))
                .unwrap();
            assert!(
                curve.rates[lowest - 1] < edge && edge <= curve.rates[lowest],
                "{lambda}"
            );
            let suggestion = curve.suggestion.unwrap();
            assert!(
                0.005 * edge < suggestion && suggestion < 0.5 * edge,
                "{suggestion} of {edge}"
            );
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_test_and_is_left_out() {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut calls = 0;
            let curve = find_rate(&RangeTest::default(), |_| {
                calls += 1;
                if calls == 41 {
                    wrong
                } else {
                    1.0 / f64::from(calls)
                }
            })
            .unwrap();
            assert_eq!(
                (calls, curve.losses.len(), curve.stopped),
                (41, 40, Stopped::NotFinite)
            );
            assert!(curve.suggestion.is_some());
        }
    }

    #[test]
    fn not_finite_from_the_first_step_on_is_an_empty_curve_with_a_reason() {
        let curve = find_rate(&RangeTest::default(), |_| f64::NAN).unwrap();
        assert!(curve.losses.is_empty() && curve.suggestion.is_none());
        assert_eq!(
            curve.suggest(),
            Err(NoSuggestion::TooShort {
                found: 0,
                needed: 7
            })
        );
    }

    #[test]
    fn the_test_stops_at_four_times_the_best_smoothed_loss() {
        let test = RangeTest {
            smoothing: 0.0,
            ..RangeTest::default()
        };
        let mut losses = [3.0, 2.0, 8.0, 8.1, 9.0].into_iter();
        let curve = find_rate(&test, |_| losses.next().unwrap()).unwrap();
        assert_eq!((curve.losses.len(), curve.stopped), (4, Stopped::Exploded));
    }

    #[test]
    fn losses_may_be_negative_or_zero() {
        let test = RangeTest {
            smoothing: 0.0,
            ..RangeTest::default()
        };
        // -5 is the best: 4 - 1 times its size above it is 10.
        let mut losses = [1.0, -5.0, 10.0, 10.1].into_iter();
        let curve = find_rate(&test, |_| losses.next().unwrap()).unwrap();
        assert_eq!((curve.losses.len(), curve.stopped), (4, Stopped::Exploded));
        let curve = find_rate(&test, |_| 0.0).unwrap();
        assert_eq!((curve.losses.len(), curve.stopped), (100, Stopped::Largest));
        assert_eq!(curve.suggest(), Err(NoSuggestion::Flat));
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        let default = RangeTest::default();
        for (test, expected) in [
            (
                RangeTest {
                    least: 0.0,
                    ..default
                },
                "rates from 0 to 10",
            ),
            (
                RangeTest {
                    least: 20.0,
                    ..default
                },
                "rates from 20 to 10",
            ),
            (
                RangeTest {
                    least: f64::NAN,
                    ..default
                },
                "rates from NaN to 10",
            ),
            (
                RangeTest {
                    largest: f64::INFINITY,
                    ..default
                },
                "to inf",
            ),
            (
                RangeTest {
                    steps: 1,
                    ..default
                },
                "1 steps",
            ),
            (
                RangeTest {
                    smoothing: 1.0,
                    ..default
                },
                "smoothing is 1",
            ),
            (
                RangeTest {
                    stop: 1.0,
                    ..default
                },
                "stop is 1",
            ),
            (
                RangeTest {
                    stop: f64::NAN,
                    ..default
                },
                "stop is NaN",
            ),
        ] {
            let error = find_rate(&test, |_| 1.0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn model_and_optimizer_are_left_as_they_are() {
        let device = Device::flex().autodiff();
        let model = Linear {
            weight: Param::from_tensor(Tensor::from_floats([[1.0], [-2.0]], &device)),
            bias: None,
        };
        let momentum = MomentumConfig::new().with_momentum(0.9);
        let optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
        let batch = Tensor::<2>::from_floats([[1.0, 0.5], [-1.0, 1.0]], &device);
        let mut last = Vec::new();
        let mut run = |batches: usize| {
            find_rate_on(
                &RangeTest::default(),
                &model,
                &optimizer,
                vec![batch.clone(); batches],
                |model, optimizer, batch, rate| {
                    let loss = model.forward(batch).square().mean();
                    let value = loss.clone().into_scalar::<f64>();
                    let gradients = GradientsParams::from_grads(loss.backward(), &model);
                    let model = optimizer.step(rate, model, gradients);
                    last = model.weight.val().into_data().try_to_vec::<f32>().unwrap();
                    (model, value)
                },
            )
            .unwrap()
        };
        let first = run(80);
        assert_eq!(
            (first.losses.len(), first.stopped),
            (80, Stopped::OutOfBatches)
        );
        assert_eq!(run(80), first);
        assert_ne!(last, [1.0, -2.0]);
        assert_eq!(
            model.weight.val().into_data().try_to_vec::<f32>().unwrap(),
            [1.0, -2.0]
        );
        assert!(optimizer.to_record().is_empty());
    }

    proptest! {
        #[test]
        fn any_losses_give_a_curve_without_panicking(
            losses in prop::collection::vec(prop_oneof![
                8 => -10.0..10.0,
                1 => Just(f64::MAX),
                1 => Just(f64::MIN),
                1 => Just(0.0),
                1 => Just(f64::NAN),
            ], 100),
            smoothing in 0.0..0.999,
        ) {
            let mut given = losses.iter().copied();
            let test = RangeTest { smoothing, ..RangeTest::default() };
            let curve = find_rate(&test, |_| given.next().unwrap_or(f64::NAN)).unwrap();
            prop_assert_eq!(&curve.losses[..], &losses[..curve.losses.len()]);
            prop_assert_eq!(curve.losses.len(), curve.smoothed.len());
            prop_assert!(!curve.to_svg().contains("NaN"));
        }

        #[test]
        fn the_suggestion_does_not_depend_on_the_unit_of_the_loss(scale in 1e-6..1e6, lambda in 0.1..100.0) {
            let test = RangeTest::default();
            let mut x: f64 = 1.0;
            let scaled = find_rate(&test, |rate| {
                let loss = scale * 0.5 * lambda * x * x;
                x -= rate * lambda * x;
                loss
            });
            prop_assert_eq!(scaled.unwrap().suggestion, quadratic(&test, lambda).suggestion);
        }
    }
}
