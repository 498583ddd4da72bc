//! A running trial: what the objective sees.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::sampler::Values;
use crate::storage::Setter;
use crate::{Choice, Distribution, Param, SpaceError, Study, StudyError, TrialState};

/// A running trial: what the objective sees. Parameters come to be by asking for them.
///
/// ```
/// use qstride_study::{Direction, Stop, Study};
///
/// let study = Study::new("doc", Direction::Minimize)?;
/// study.optimize(20, |trial| {
///     let lr = trial.suggest_float("lr", 1e-5..=1e-1).log()?;
///     let layers = trial.suggest_int("layers", 1..=3).linear()?;
///     let optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])?;
///     let momentum = match optimizer {
///         "sgd" => trial.suggest_float("momentum", 0.0..=0.99).linear()?, // asked for with SGD only
///         _ => 0.9,
///     };
///     Ok((lr.log10() + 3.0).powi(2) + layers as f64 + (momentum - 0.9).abs())
/// })?;
/// assert!(study.best()?.value.unwrap() < 5.0);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
#[derive(Debug)]
pub struct Trial<'s> {
    pub(crate) study: &'s Study,
    pub(crate) id: i64,
    pub(crate) number: u64,
    // Drawn together at the beginning, or fixed by who enqueued the trial.
    pub(crate) drawn: Values,
    pub(crate) fixed: BTreeMap<String, Choice>,
    pub(crate) continues: Option<u64>,
    pub(crate) params: BTreeMap<String, Param>,
    pub(crate) values: Values,
    pub(crate) reports: Vec<(i64, f64)>,
    pub(crate) rng: ChaCha8Rng,
}

impl Trial<'_> {
    /// Its number in the study, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its id in the storage.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The number of the trial that this one continues, with the same parameters, after it was stopped to wait for others:
    /// [`SynchronousHalving`](crate::pruner::SynchronousHalving). With a checkpoint of that trial the work up to its last report need not
    /// be done again.
    pub fn continues(&self) -> Option<u64> {
        self.continues
    }

    /// The parameters asked for so far.
    pub fn params(&self) -> &BTreeMap<String, Param> {
        &self.params
    }

    /// The reports so far as (step, value), steps ascending.
    pub fn reports(&self) -> &[(i64, f64)] {
        &self.reports
    }

    /// A real number; the call that follows says how its range is searched: `.linear()?`, `.log()?` or `.step(0.1)?`.
    pub fn suggest_float<'t>(
        &'t mut self,
        name: &'t str,
        range: RangeInclusive<f64>,
    ) -> SuggestFloat<'t> {
        SuggestFloat {
            trial: TrialRef::of(self),
            name,
            range,
        }
    }

    /// A whole number; the call that follows says how its range is searched: `.linear()?`, `.log()?` or `.step(2)?`.
    pub fn suggest_int<'t>(
        &'t mut self,
        name: &'t str,
        range: RangeInclusive<i64>,
    ) -> SuggestInt<'t> {
        SuggestInt {
            trial: TrialRef::of(self),
            name,
            range,
        }
    }

    /// One of several choices without an order; they must be the same at every call.
    ///
    /// # Errors
    ///
    /// When there is no choice, or not the ones of before, or the storage cannot be written.
    pub fn suggest_categorical<T, const N: usize>(
        &mut self,
        name: &str,
        choices: [T; N],
    ) -> Result<T, StudyError>
    where
        T: Clone + Into<Choice>,
    {
        let distribution =
            Distribution::categorical(name, choices.iter().cloned().map(Into::into).collect())?;
        let at = self.suggest(name, distribution.clone())?;
        let chosen = choices.into_iter().nth(at as usize);
        chosen.ok_or_else(|| {
            StudyError::Space(SpaceError::NotContained {
                name: name.to_owned(),
                value: at.to_string(),
                distribution: distribution.to_string(),
            })
        })
    }

    /// A value of any distribution, in the internal representation: what the other suggestions rest upon.
    ///
    /// # Errors
    ///
    /// When the name has another distribution in this study, the value fixed for it is none of its values, the sampler refuses it, or the
    /// storage cannot be written.
    pub fn suggest(&mut self, name: &str, distribution: Distribution) -> Result<f64, StudyError> {
        let distribution = distribution.checked(name)?;
        if let Some(known) = self.params.get(name) {
            known.distribution.check_compatible(name, &distribution)?;
            return Ok(known.value);
        }
        let value = self.study.draw(self, name, &distribution)?;
        let param = Param {
            distribution: Arc::new(distribution),
            value,
        };
        self.study.lock_storage().set_param(self.id, name, &param)?;
        self.params.insert(name.to_owned(), param);
        self.values.insert(name.to_owned(), value);
        Ok(value)
    }

    /// Reports an intermediate value, for [`should_prune`](Self::should_prune) and for plots. A second value of a step replaces the first.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn report(&mut self, step: i64, value: f64) -> Result<(), StudyError> {
        self.study.lock_storage().report(self.id, step, value)?;
        match self.reports.binary_search_by_key(&step, |(step, _)| *step) {
            Ok(at) => self.reports[at].1 = value,
            Err(at) => self.reports.insert(at, (step, value)),
        }
        Ok(())
    }

    /// Whether the trial is not promising, by the study's pruner and the reports so far; then return `Err(Stop::Pruned)`. `false` before
    /// the first report.
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    pub fn should_prune(&mut self) -> Result<bool, StudyError> {
        self.study.should_prune(self)
    }

    /// Sets a user attribute: anything that should be remembered with the trial.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn set_attribute(&mut self, key: &str, value: impl Into<Value>) -> Result<(), StudyError> {
        let value = value.into();
        let mut storage = self.study.lock_storage();
        Ok(storage.set_attribute(self.id, Setter::User, key, &value)?)
    }
}

/// How a trial ends without a value. Every error becomes `Failed` by `?`.
#[derive(Debug)]
pub enum Stop {
    /// It was not promising.
    Pruned,
    /// It must end here and now for a reason of the worker's own, which is going down: it waits again with the same parameters, for
    /// another worker.
    HandBack,
    /// It failed, with a reason.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl<E> From<E> for Stop
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The end of a trial, as [`Study::tell`] takes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It has a value.
    Complete(f64),
    /// It was not promising.
    Pruned,
    /// It failed, with a reason.
    Failed(String),
}

impl Outcome {
    /// What an objective came to; nothing where the trial is to be handed back.
    pub(crate) fn of(result: Result<f64, Stop>) -> Option<Self> {
        Some(match result {
            Ok(value) if value.is_nan() => Self::Failed("the value is NaN".to_owned()),
            Ok(value) => Self::Complete(value),
            Err(Stop::Pruned) => Self::Pruned,
            Err(Stop::Failed(reason)) => Self::Failed(reason.to_string()),
            Err(Stop::HandBack) => return None,
        })
    }

    /// The state that goes with it.
    pub fn state(&self) -> TrialState {
        match self {
            Self::Complete(_) => TrialState::Complete,
            Self::Pruned => TrialState::Pruned,
            Self::Failed(_) => TrialState::Fail,
        }
    }
}

// The trial's own lifetime does not matter to who suggests.
struct TrialRef<'t>(&'t mut dyn Suggest);

impl<'t> TrialRef<'t> {
    fn of(trial: &'t mut Trial<'_>) -> Self {
        Self(trial)
    }
}

trait Suggest {
    fn value(&mut self, name: &str, distribution: Distribution) -> Result<f64, StudyError>;
}

impl Suggest for Trial<'_> {
    fn value(&mut self, name: &str, distribution: Distribution) -> Result<f64, StudyError> {
        self.suggest(name, distribution)
    }
}

/// A real number to be; see [`Trial::suggest_float`].
#[must_use = "a parameter is drawn by linear(), log() or step()"]
pub struct SuggestFloat<'t> {
    trial: TrialRef<'t>,
    name: &'t str,
    range: RangeInclusive<f64>,
}

impl SuggestFloat<'_> {
    fn range(&self) -> Result<Distribution, SpaceError> {
        Distribution::float(self.name, *self.range.start(), *self.range.end())
    }

    /// Every value alike.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn linear(self) -> Result<f64, StudyError> {
        let distribution = self.range()?;
        self.trial.0.value(self.name, distribution)
    }

    /// Every order of magnitude alike; the range starts above 0.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn log(self) -> Result<f64, StudyError> {
        let distribution = self.range()?.log(self.name)?;
        self.trial.0.value(self.name, distribution)
    }

    /// One of low, low + step, ...
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn step(self, step: f64) -> Result<f64, StudyError> {
        let distribution = self.range()?.step(self.name, step)?;
        self.trial.0.value(self.name, distribution)
    }
}

/// A whole number to be; see [`Trial::suggest_int`].
#[must_use = "a parameter is drawn by linear(), log() or step()"]
pub struct SuggestInt<'t> {
    trial: TrialRef<'t>,
    name: &'t str,
    range: RangeInclusive<i64>,
}

impl SuggestInt<'_> {
    fn range(&self) -> Result<Distribution, SpaceError> {
        Distribution::int(self.name, *self.range.start(), *self.range.end())
    }

    /// Every value alike.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn linear(self) -> Result<i64, StudyError> {
        let distribution = self.range()?;
        Ok(self.trial.0.value(self.name, distribution)? as i64)
    }

    /// Every order of magnitude alike; the range starts at 1 or above.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn log(self) -> Result<i64, StudyError> {
        let distribution = self.range()?.log(self.name)?;
        Ok(self.trial.0.value(self.name, distribution)? as i64)
    }

    /// One of low, low + step, ...
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn step(self, step: i64) -> Result<i64, StudyError> {
        let distribution = self.range()?.step(self.name, step as f64)?;
        Ok(self.trial.0.value(self.name, distribution)? as i64)
    }
}
