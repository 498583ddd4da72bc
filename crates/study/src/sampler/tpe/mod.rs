//! The tree-structured Parzen estimator, read downwards: split, two densities, the candidate where good is likelier than bad.

mod column;
mod groups;
mod lie;
mod parzen;
mod split;
mod trials;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Draw, Sampler, Values};
use crate::{Attributes, Distribution, History, SamplerError};
use groups::Groups;
use trials::Trials;

/// What [`Tpe`] can be told. The defaults are Optuna's, but for the groups of conditional parameters, which Optuna has on request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TpeSettings {
    /// So many finished trials are random.
    pub startup: u64,
    /// So many candidates are drawn from the density of the good trials.
    pub candidates: usize,
    /// The share of trials that is good, rounded up to whole trials; in (0, 1].
    pub good_share: f64,
    /// The greatest number of good trials.
    pub good_at_most: usize,
    /// So many of the newest trials have full weight; the weight of older ones falls to 1/n.
    pub recent: usize,
    /// The weight of the prior, in trials; above 0.
    pub prior_weight: f64,
    /// Whether running trials count as bad, so that workers do not all try the same.
    pub constant_liar: bool,
}

impl Default for TpeSettings {
    fn default() -> Self {
        Self {
            startup: 10,
            candidates: 24,
            good_share: 0.1,
            good_at_most: 25,
            recent: 25,
            prior_weight: 1.0,
            constant_liar: true,
        }
    }
}

impl TpeSettings {
    fn check(&self) -> Result<(), SamplerError> {
        let settings = [
            (
                "candidates",
                self.candidates as f64,
                self.candidates > 0,
                "at least 1",
            ),
            (
                "good_share",
                self.good_share,
                self.good_share > 0.0 && self.good_share <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "good_at_most",
                self.good_at_most as f64,
                self.good_at_most > 0,
                "at least 1",
            ),
            (
                "prior_weight",
                self.prior_weight,
                self.prior_weight > 0.0 && self.prior_weight.is_finite(),
                "above 0 and finite",
            ),
        ];
        let wrong = settings.into_iter().find(|(_, _, fine, _)| !fine);
        wrong.map_or(Ok(()), |(setting, value, _, must)| {
            Err(SamplerError::Setting {
                setting,
                value,
                must,
            })
        })
    }
}

/// The tree-structured Parzen estimator: of candidates drawn from l(x), the density of the good trials, the one with the greatest
/// l(x)/g(x), g being the density of all others. That ratio is greatest where the expected improvement is.
///
/// Bergstra et al. 2011, *Algorithms for hyper-parameter optimization* (NIPS); several parameters together as in Falkner et al. 2018
/// (arXiv 1807.01774); what the details are worth: Watanabe 2023 (arXiv 2304.11127). Parameters that are always asked for together are
/// drawn together, others apart from them. Trials outside the range that is asked for now are left out. Infinite values are the worst or
/// the best; failed trials teach nothing.
///
/// ```
/// use qstride_study::sampler::Tpe;
/// use qstride_study::{Direction, Study};
///
/// let study = Study::new("valley", Direction::Minimize)?.with_sampler(Tpe::default());
/// study.optimize(60, |trial| {
///     let x = trial.suggest_float("x", -10.0..=10.0).linear()?;
///     let y = trial.suggest_float("y", -10.0..=10.0).linear()?;
///     Ok((x - 3.0).powi(2) + (y - x).powi(2))
/// })?;
/// assert!(study.best()?.value.unwrap() < 1.0);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
#[derive(Debug, Default)]
pub struct Tpe {
    settings: TpeSettings,
    groups: Groups,
}

impl Tpe {
    /// With these settings.
    ///
    /// # Errors
    ///
    /// [`SamplerError::Setting`] when one is out of its range.
    pub fn new(settings: TpeSettings) -> Result<Self, SamplerError> {
        settings.check()?;
        Ok(Self {
            settings,
            groups: Groups::default(),
        })
    }

    fn is_starting(&self, history: &History) -> bool {
        (history.finished().len() as u64) < self.settings.startup.max(1)
    }
}

impl Sampler for Tpe {
    fn name(&self) -> &'static str {
        "tpe"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        _: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        if self.is_starting(history) {
            return Ok(Draw::default());
        }
        let mut values = Values::new();
        let mut shared = serde_json::Map::new();
        let trials = Trials::of(history, &self.settings);
        for space in self.groups.of(history) {
            let named: Vec<(&str, &Distribution)> = space
                .iter()
                .map(|(name, d)| (name.as_str(), d.as_ref()))
                .collect();
            let drawn = trials.draw(&named, &self.settings, rng);
            for ((name, distribution), value) in named.into_iter().zip(drawn) {
                shared.insert(name.to_owned(), json!(distribution.external(value)));
                values.insert(name.to_owned(), value);
            }
        }
        let attributes = if self.settings.constant_liar {
            lie::attributes(shared)
        } else {
            Attributes::new()
        };
        Ok(Draw { values, attributes })
    }

    fn draw_one(
        &mut self,
        history: &History,
        _: &Values,
        name: &str,
        distribution: &Distribution,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64, SamplerError> {
        let uniform = distribution.from_unit(rng.random());
        if self.is_starting(history) {
            return Ok(uniform);
        }
        let trials = Trials::of(history, &self.settings);
        let drawn = trials.draw(&[(name, distribution)], &self.settings, rng);
        Ok(drawn.first().copied().unwrap_or(uniform))
    }
}
