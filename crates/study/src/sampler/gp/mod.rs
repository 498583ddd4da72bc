//! Bayesian optimisation with a Gaussian process.

mod acquisition;
mod cholesky;
mod descent;
mod expected_improvement;
mod fit;
mod kernel;
mod posterior;
mod space;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::acquisition::most_promising;
use self::fit::fit;
use self::kernel::Hyperparameters;
use self::posterior::{Observations, Posterior};
use self::space::Space;
use super::{Draw, Sampler, Values};
use crate::{Attributes, History, SamplerError, SearchSpace, TrialState};

/// The system attribute with the hyperparameters that were fitted at the beginning of a trial.
const FIT: &str = "gp:fit";

/// Bayesian optimisation with a Gaussian process and the logarithm of the expected improvement.
///
/// The values of the completed trials, standardised, are thought of as a function with the covariance s m(r) (Matérn 5/2 with a length
/// scale for each parameter, the Hamming distance for choices) and noise. The next trial stands where the expected improvement is greatest
/// (Jones et al. 1998; its logarithm as by Ament et al. 2023, arXiv 2310.20708). The first [startup trials](GpSettings::startup), and
/// parameters that not every trial has, are random.
///
/// * An improvement is one over the least mean at the places of the trials, not over the least value seen: with noise (and with ripples that
///   look like it) the latter waits for luck to repeat itself ("plug-in", Vazquez et al. 2008, Picheny et al. 2013).
/// * Infinite values count as the worst (or best) finite one. Pruned and failed trials are not looked at. Running ones are believed to turn
///   out as the mean says, so that many workers spread.
/// * Length scales, signal and noise are the most probable ones under the priors of Optuna's `GPSampler`. They are fitted again when the
///   number of completed trials has grown by 1 + n/50 since the last fit, starting from it. A fit is kept with the trial that it was made
///   for (system attribute `gp:fit`): it belongs to the history, so a study that is loaded and continued goes on as the one that never
///   stopped, and many workers share their fits. The covariance is factored anew at every ask, from the trials in the order of their numbers.
/// * All trials are used, however many; an ask costs O(n³).
///
/// ```
/// use qstride_study::sampler::Gp;
/// use qstride_study::{Direction, Study};
///
/// let study = Study::new("valley", Direction::Minimize)?.with_sampler(Gp::default());
/// study.optimize(30, |trial| {
///     let x = trial.suggest_float("x", -10.0..=10.0).linear()?;
///     let y = trial.suggest_float("y", 0.1..=1000.0).log()?;
///     Ok((x - 2.0).powi(2) + y.log10().powi(2))
/// })?;
/// assert!(study.best()?.value.unwrap() < 0.01);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gp {
    settings: GpSettings,
}

/// What [`Gp`] can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GpSettings {
    /// So many completed trials are random, at least one.
    pub startup: usize,
}

impl Default for GpSettings {
    fn default() -> Self {
        Self { startup: 10 }
    }
}

impl Gp {
    /// With these settings.
    pub fn new(settings: GpSettings) -> Self {
        Self { settings }
    }
}

impl Sampler for Gp {
    fn name(&self) -> &'static str {
        "gp"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        _: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        let defined = history.joint_space();
        let data = Data::of(history, &defined);
        if defined.is_empty() || data.losses.len() < self.settings.startup.max(1) {
            return Ok(Draw::default());
        }
        let space = Space::of(&defined);
        let mut places: Vec<Vec<f64>> = data
            .values
            .iter()
            .map(|values| space.place(values.iter().copied()))
            .collect();
        let losses = standardised(&data.losses);
        let mut attributes = Attributes::new();
        let known = Fit::last(history, &defined);
        let hyper = match known {
            Some(known) if !known.is_old(losses.len()) => known.hyper,
            _ => {
                let start = known.map_or_else(
                    || Hyperparameters::start(space.axes.len()),
                    |known| known.hyper,
                );
                let hyper = fit(&Observations::new(&space, &places, losses.clone()), &start);
                let made = Fit {
                    parameters: defined.keys().cloned().collect(),
                    trials: losses.len(),
                    hyper: hyper.clone(),
                };
                attributes.insert(FIT.to_owned(), json!(made));
                hyper
            }
        };
        let complete = places.len();
        let running = running(history, &defined);
        places.extend(running.into_iter().map(|values| space.place(values)));
        let observations = Observations::new(&space, &places, losses);
        let values = Posterior::new(&observations, &hyper).map_or_else(Values::new, |posterior| {
            // The best value without its noise: the least of the means where trials were.
            let means = posterior.predict(&places[..complete]);
            let means = means
                .into_iter()
                .zip(&places)
                .map(|((mean, _), place)| (mean, place));
            let best = means.min_by(|a, b| a.0.total_cmp(&b.0));
            best.map_or_else(Values::new, |(best, place)| {
                space.values(&most_promising(&space, &posterior, best, place, rng))
            })
        });
        Ok(Draw { values, attributes })
    }
}

/// The completed trials, in the order of their numbers whatever the order of their ends: values of the joint space's parameters, and losses.
struct Data {
    values: Vec<Vec<f64>>,
    losses: Vec<f64>,
}

impl Data {
    fn of(history: &History, space: &SearchSpace) -> Self {
        let mut numbers = history.finished().to_vec();
        numbers.sort_unstable();
        let columns: Vec<&[f64]> = space.keys().map(|name| history.column(name)).collect();
        let mut data = Self {
            values: Vec::new(),
            losses: Vec::new(),
        };
        for number in numbers {
            let cells = columns
                .iter()
                .map(|column| column.get(number as usize).copied());
            let values: Option<Vec<f64>> = cells.collect();
            if let (Some(values), Some(loss)) = (values, history.loss(number)) {
                data.values.push(values);
                data.losses.push(loss);
            }
        }
        data
    }
}

/// The values of the running trials that have all of the joint space's parameters already.
fn running(history: &History, space: &SearchSpace) -> Vec<Vec<f64>> {
    let running = history.in_state(TrialState::Running);
    running
        .filter_map(|trial| {
            let values = space.keys().map(|name| Some(trial.params.get(name)?.value));
            values.collect()
        })
        .collect()
}

/// Losses with mean 0 and variance 1; an infinite one counts as the greatest or least finite one.
fn standardised(losses: &[f64]) -> Vec<f64> {
    let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
    let (least, greatest) = (
        finite().fold(f64::INFINITY, f64::min),
        finite().fold(f64::NEG_INFINITY, f64::max),
    );
    if least > greatest {
        return vec![0.0; losses.len()];
    }
    // By the greatest size first, so that no sum overflows.
    let size = least.abs().max(greatest.abs()).max(f64::MIN_POSITIVE);
    let scaled = losses.iter().map(|loss| loss.clamp(least, greatest) / size);
    let scaled: Vec<f64> = scaled.collect();
    let count = scaled.len() as f64;
    let mean = scaled.iter().sum::<f64>() / count;
    let variance = scaled.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt().max(1e-10);
    scaled.iter().map(|x| (x - mean) / deviation).collect()
}

/// A fit as it is kept with its trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fit {
    parameters: Vec<String>,
    trials: usize,
    #[serde(flatten)]
    hyper: Hyperparameters,
}

impl Fit {
    /// The one kept with the latest trial, if it is one for this space.
    fn last(history: &History, space: &SearchSpace) -> Option<Self> {
        let mut trials = history.trials().iter().rev();
        let kept = trials.find_map(|trial| trial.system.get(FIT))?;
        let fit = Self::deserialize(kept).ok()?;
        let same = fit.parameters.len() == space.len() && fit.parameters.iter().eq(space.keys());
        let Hyperparameters {
            weights,
            signal,
            noise,
        } = &fit.hyper;
        let positive = |x: &f64| x.is_finite() && *x > 0.0;
        let sound = weights.len() == space.len()
            && weights.iter().all(positive)
            && positive(signal)
            && positive(noise);
        (same && sound).then_some(fit)
    }

    /// Whether a fit is due when there are so many completed trials.
    fn is_old(&self, trials: usize) -> bool {
        trials < self.trials || trials > self.trials + self.trials / 50
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::Problem;
    use crate::{Direction, FrozenTrial, Outcome, Study, StudyError, Trial};

    #[test]
    fn losses_are_standardised_and_infinite_ones_count_as_the_worst_and_best() {
        let losses = [-1.0, 1.0, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(standardised(&losses), [-1.0, 1.0, 1.0, -1.0]);
        assert_eq!(standardised(&[f64::INFINITY; 2]), [0.0; 2]);
        assert_eq!(standardised(&[2.5; 3]), [0.0; 3]);
        let huge = standardised(&[1e308, -1e308, 1e308, -1e308]);
        assert_eq!(huge, [1.0, -1.0, 1.0, -1.0]);
        assert!(standardised(&[]).is_empty());
    }

    #[test]
    fn a_fit_is_kept_with_its_trial_and_made_again_when_it_is_old() {
        let problem = Problem::of_name("branin").unwrap();
        let study = Study::new("branin", Direction::Minimize).unwrap();
        let study = study.with_sampler(Gp::default());
        study
            .optimize(60, |trial| Ok((problem.objective)(trial)?))
            .unwrap();
        let history = study.history().unwrap();
        let has_fit = |trial: &&FrozenTrial| trial.system.contains_key(FIT);
        let fitted: Vec<u64> = history
            .trials()
            .iter()
            .filter(has_fit)
            .map(|t| t.number)
            .collect();
        let expected: Vec<u64> = (10..=50).chain([52, 54, 56, 58]).collect();
        assert_eq!(fitted, expected);
        let last = Fit::last(&history, &history.joint_space()).unwrap();
        assert_eq!(
            (last.trials, last.parameters),
            (58, vec!["x1".to_owned(), "x2".to_owned()])
        );
        // Of no use in another space.
        let mut other = history.joint_space();
        other.pop_first();
        assert_eq!(Fit::last(&history, &other), None);
    }

    #[test]
    fn who_is_asked_while_others_run_goes_elsewhere() {
        // The function of Forrester et al. 2008.
        let study = Study::new("waves", Direction::Minimize).unwrap();
        let study = study.with_sampler(Gp::default());
        let run = |trial: &mut Trial<'_>| -> Result<(f64, f64), StudyError> {
            let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
            Ok(((6.0 * x - 2.0).powi(2) * (12.0 * x - 4.0).sin(), x))
        };
        study.optimize(12, |trial| Ok(run(trial)?.0)).unwrap();
        let mut places = Vec::new();
        let mut trials = Vec::new();
        for _ in 0..4 {
            let mut trial = study.ask().unwrap();
            let (value, x) = run(&mut trial).unwrap();
            for other in &places {
                let distance: f64 = x - other;
                assert!(distance.abs() > 1e-5, "{x} {places:?}");
            }
            places.push(x);
            trials.push((trial, value));
        }
        for (trial, value) in trials {
            study.tell(&trial, &Outcome::Complete(value)).unwrap();
        }
    }
}
