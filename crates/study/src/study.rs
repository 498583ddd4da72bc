//! THE STUDY, read downwards: ask for a trial, run it, tell its value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qstride_objectives::Streams;
use serde_json::{Value, json};

use crate::pruner::{JudgeError, NoPruner, Progress, Pruner, continued_by};
use crate::sampler::{Draw, Random, Sampler};
use crate::storage::{Begun, Claim, Memory, Setter, Storage, StudyEntry};
use crate::{
    Attributes, Choice, Direction, Distribution, FrozenTrial, History, Outcome, SamplerError,
    SpaceError, Stop, StorageError, StudyError, Trial, TrialState,
};

/// The system attribute with the values that an enqueued trial must take.
const FIXED: &str = "fixed_params";
/// The system attribute with the reason of a failure.
const REASON: &str = "fail_reason";
/// The system attributes of a trial that is tried again: the number of the first one, and those of all before it.
const FIRST_TRY: &str = "failed_trial";
const EARLIER_TRIES: &str = "retry_history";
/// How many trials may fail before the first one does not.
const HOPELESS: u64 = 10;

/// A search for the parameters that make an objective best: a sampler proposes, the objective answers, a pruner cuts short, a storage
/// remembers.
///
/// ```
/// use qstride_study::{Direction, Study};
///
/// let study = Study::new("parabola", Direction::Minimize)?;
/// study.optimize(50, |trial| {
///     let x = trial.suggest_float("x", -10.0..=10.0).linear()?;
///     Ok((x - 2.0).powi(2))
/// })?;
/// let best = study.best()?;
/// assert!(best.value.unwrap() < 1.0);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
pub struct Study {
    entry: StudyEntry,
    streams: Streams,
    storage: Mutex<Box<dyn Storage>>,
    // Locked in this order, before the storage.
    sampler: Mutex<Box<dyn Sampler>>,
    pruner: Mutex<Box<dyn Pruner>>,
    history: Mutex<History>,
}

impl std::fmt::Debug for Study {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Study")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// What [`Study::ask_within`] gives.
#[derive(Debug)]
pub enum Asked<'s> {
    /// A trial to run.
    Trial(Box<Trial<'s>>),
    /// Enough trials are over or running; `running` of them run, and if one of those fails there is room again.
    Full {
        /// How many run.
        running: u64,
    },
}

/// How many trials of [`Study::optimize`] ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// With a value.
    pub complete: u64,
    /// Not promising.
    pub pruned: u64,
    /// Without a value.
    pub failed: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Complete(_) => self.complete += 1,
            Outcome::Pruned => self.pruned += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }
}

impl Study {
    /// A study in memory with random search and no pruning; see [`with_sampler`](Self::with_sampler) and its neighbours.
    ///
    /// # Errors
    ///
    /// None in memory.
    pub fn new(name: &str, direction: Direction) -> Result<Self, StudyError> {
        Self::create(Box::new(Memory::new()), name, direction)
    }

    /// A new study in a storage.
    ///
    /// # Errors
    ///
    /// [`StorageError::NameTaken`], or when the storage cannot be written.
    pub fn create(
        mut storage: Box<dyn Storage>,
        name: &str,
        direction: Direction,
    ) -> Result<Self, StudyError> {
        let entry = storage.create_study(name, direction)?;
        Ok(Self::of(storage, entry))
    }

    /// A study that is there.
    ///
    /// # Errors
    ///
    /// [`StorageError::UnknownStudy`] with names much like it, [`StudyError::Objectives`], or when the storage cannot be read.
    pub fn load(mut storage: Box<dyn Storage>, name: &str) -> Result<Self, StudyError> {
        let studies = storage.studies()?;
        let Some(entry) = studies.iter().find(|study| study.name == name) else {
            let likeness = |study: &&StudyEntry| strsim::jaro_winkler(name, &study.name) > 0.8;
            let near = studies.iter().filter(likeness);
            return Err(StorageError::UnknownStudy {
                storage: storage.address(),
                name: name.to_owned(),
                near: near.map(|study| study.name.clone()).take(3).collect(),
            }
            .into());
        };
        if entry.objectives != 1 {
            return Err(StudyError::Objectives {
                name: name.to_owned(),
                objectives: entry.objectives,
            });
        }
        let study = Self::of(storage, entry.clone());
        study.refresh()?;
        Ok(study)
    }

    /// A study that is there, or a new one: for workers that start together.
    ///
    /// # Errors
    ///
    /// [`StudyError::OtherDirection`], or when the storage cannot be written.
    pub fn open(
        mut storage: Box<dyn Storage>,
        name: &str,
        direction: Direction,
    ) -> Result<Self, StudyError> {
        match storage.create_study(name, direction) {
            Ok(entry) => Ok(Self::of(storage, entry)),
            Err(StorageError::NameTaken { .. }) => {
                let study = Self::load(storage, name)?;
                if study.direction() == direction {
                    Ok(study)
                } else {
                    Err(StudyError::OtherDirection {
                        name: name.to_owned(),
                        found: study.direction(),
                        asked: direction,
                    })
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of(storage: Box<dyn Storage>, entry: StudyEntry) -> Self {
        Self {
            history: Mutex::new(History::new(entry.direction)),
            streams: Streams::new(0),
            sampler: Mutex::new(Box::new(Random)),
            pruner: Mutex::new(Box::new(NoPruner)),
            storage: Mutex::new(storage),
            entry,
        }
    }

    /// The same with another sampler.
    pub fn with_sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.sampler = Mutex::new(Box::new(sampler));
        self
    }

    /// The same with another pruner.
    pub fn with_pruner(mut self, pruner: impl Pruner + 'static) -> Self {
        self.pruner = Mutex::new(Box::new(pruner));
        self
    }

    /// The same with another master seed; it is 0 unless told. Every trial has a stream of its own by its number.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.streams = Streams::new(seed);
        self
    }

    /// Runs `trials` trials, one after another. A trial that fails is kept with its reason (system attribute `fail_reason`) and the study goes on; one that is
    /// handed back ends the call.
    ///
    /// # Errors
    ///
    /// [`StudyError::OnlyFailures`] when the first ten of them fail, and when the storage does.
    pub fn optimize(
        &self,
        trials: u64,
        mut objective: impl FnMut(&mut Trial<'_>) -> Result<f64, Stop>,
    ) -> Result<Tally, StudyError> {
        let mut tally = Tally::default();
        for _ in 0..trials {
            let mut trial = self.ask()?;
            let outcome = match Outcome::of(objective(&mut trial)) {
                Some(outcome) => outcome,
                None => {
                    self.hand_back(&trial)?;
                    return Ok(tally);
                }
            };
            self.tell(&trial, &outcome)?;
            tally.count(&outcome);
            self.hopeful(&tally, &outcome)?;
        }
        Ok(tally)
    }

    /// A trial to run: an enqueued one if there is any, else a new one.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written or the sampler cannot serve the study.
    pub fn ask(&self) -> Result<Trial<'_>, StudyError> {
        loop {
            if let Asked::Trial(trial) = self.ask_within(Claim::default())? {
                return Ok(*trial);
            }
        }
    }

    /// A trial to run, unless as many as the claim's cap allows are complete, pruned or running, in whatever processes.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn ask_within(&self, claim: Claim) -> Result<Asked<'_>, StudyError> {
        self.refresh()?;
        let begun = self.lock_storage().begin_trial(self.entry.id, claim)?;
        let trial = match begun {
            Begun::Full { running } => return Ok(Asked::Full { running }),
            Begun::Trial(trial) => trial,
        };
        let rng = self.streams.stream(&format!("trial {}", trial.number));
        let mut asked = Trial {
            study: self,
            id: trial.id,
            number: trial.number,
            drawn: BTreeMap::new(),
            fixed: fixed(&trial.system),
            continues: continued_by(&trial),
            params: BTreeMap::new(),
            values: BTreeMap::new(),
            reports: Vec::new(),
            rng,
        };
        let draw = match self.draw_joint(&mut asked) {
            Ok(draw) => draw,
            Err(error) => {
                // Nobody will run it.
                self.tell(&asked, &Outcome::Failed(error.to_string()))?;
                return Err(error.into());
            }
        };
        for (key, value) in &draw.attributes {
            let mut storage = self.lock_storage();
            storage.set_attribute(asked.id, Setter::System, key, value)?;
        }
        for (name, value) in fixed(&draw.attributes) {
            asked.fixed.entry(name).or_insert(value);
        }
        asked.drawn = draw.values;
        Ok(Asked::Trial(Box::new(asked)))
    }

    /// Ends a trial.
    ///
    /// # Errors
    ///
    /// [`StudyError::NotANumber`]; [`StudyError::Over`] when the trial is over already, or was taken for dead; when the storage cannot be
    /// written.
    pub fn tell(&self, trial: &Trial<'_>, outcome: &Outcome) -> Result<(), StudyError> {
        let value = match outcome {
            Outcome::Complete(value) if value.is_nan() => {
                return Err(StudyError::NotANumber {
                    number: trial.number,
                    value: *value,
                });
            }
            Outcome::Complete(value) => Some(*value),
            // Optuna's dashboard shows it, and so does its own study: the last report of a pruned trial.
            Outcome::Pruned => trial
                .reports
                .last()
                .map(|(_, value)| *value)
                .filter(|v| !v.is_nan()),
            Outcome::Failed(reason) => {
                let mut storage = self.lock_storage();
                storage.set_attribute(trial.id, Setter::System, REASON, &json!(reason))?;
                None
            }
        };
        let mut storage = self.lock_storage();
        if storage.end_trial(trial.id, outcome.state(), value)? {
            return Ok(());
        }
        let found = storage.read_trials(self.entry.id, &[trial.id], Some(i64::MAX))?;
        let state = found.first().map_or(outcome.state(), |found| found.state);
        Err(StudyError::Over {
            number: trial.number,
            state,
            taken: state == TrialState::Fail,
        })
    }

    /// Enqueues a trial with these values; the other parameters are sampled. Its number.
    ///
    /// # Errors
    ///
    /// When a value is none of a known parameter's, or the storage cannot be written.
    pub fn enqueue(&self, params: &BTreeMap<String, Choice>) -> Result<u64, StudyError> {
        self.refresh()?;
        for (name, value) in params {
            let history = lock(&self.history);
            let known = history
                .trials()
                .iter()
                .rev()
                .find_map(|t| t.params.get(name));
            if let Some(param) = known {
                param.distribution.internal(name, value)?;
            }
        }
        let system = Attributes::from([(FIXED.to_owned(), json!(params))]);
        let mut storage = self.lock_storage();
        Ok(storage.enqueue(self.entry.id, &system, &Attributes::new())?)
    }

    /// Gives a running trial back: another worker will run it from its beginning with the same parameters.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn hand_back(&self, trial: &Trial<'_>) -> Result<(), StudyError> {
        self.lock_storage().hand_back(trial.id)?;
        Ok(())
    }

    /// Ends as failed the running trials whose workers gave no sign of life within `grace`, and enqueues each again with the same
    /// parameters unless it was tried `retries` times again already; the numbers of the dead. Optuna's `RetryFailedTrialCallback` keeps the same book.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn retry_dead(&self, grace: Duration, retries: usize) -> Result<Vec<u64>, StudyError> {
        let again = |trial: &FrozenTrial| retried(trial, retries);
        let mut storage = self.lock_storage();
        let dead = storage.end_dead(self.entry.id, grace, &again)?;
        for trial in &dead {
            let reason = json!("its worker gave no sign of life");
            storage.set_attribute(trial.id, Setter::System, REASON, &reason)?;
        }
        Ok(dead.iter().map(|trial| trial.number).collect())
    }

    /// Enqueues a failed trial again with the same parameters, unless it was tried `retries` times again already; the new number.
    ///
    /// # Errors
    ///
    /// When the storage cannot be written.
    pub fn retry(&self, trial: &FrozenTrial, retries: usize) -> Result<Option<u64>, StudyError> {
        let Some((system, user)) = retried(trial, retries) else {
            return Ok(None);
        };
        let mut storage = self.lock_storage();
        Ok(Some(storage.enqueue(self.entry.id, &system, &user)?))
    }

    /// An error if nothing but failures has been seen for long.
    pub(crate) fn hopeful(&self, tally: &Tally, last: &Outcome) -> Result<(), StudyError> {
        match last {
            Outcome::Failed(reason)
                if tally.failed >= HOPELESS && tally.complete + tally.pruned == 0 =>
            {
                Err(StudyError::OnlyFailures {
                    name: self.entry.name.clone(),
                    trials: tally.failed,
                    reason: reason.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The completed trial with the best value.
    ///
    /// # Errors
    ///
    /// [`StudyError::NoBest`], or when the storage cannot be read.
    pub fn best(&self) -> Result<FrozenTrial, StudyError> {
        self.refresh()?;
        lock(&self.history)
            .best()
            .cloned()
            .ok_or_else(|| StudyError::NoBest {
                name: self.entry.name.clone(),
            })
    }

    /// All trials as they stand now.
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    pub fn history(&self) -> Result<History, StudyError> {
        self.refresh()?;
        Ok(lock(&self.history).clone())
    }

    /// The study's name.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// The study's id in the storage.
    pub fn id(&self) -> i64 {
        self.entry.id
    }

    /// Where the study wants to go.
    pub fn direction(&self) -> Direction {
        self.entry.direction
    }

    /// The storage, for what the study has no words for; nobody else gets at it meanwhile.
    pub fn lock_storage(&self) -> MutexGuard<'_, Box<dyn Storage>> {
        lock(&self.storage)
    }

    /// The storage: whoever is done with the study may load another one from it.
    pub fn into_storage(self) -> Box<dyn Storage> {
        self.storage
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_joint(&self, trial: &mut Trial<'_>) -> Result<Draw, SamplerError> {
        let mut sampler = lock(&self.sampler);
        let pruner = lock(&self.pruner);
        let history = lock(&self.history);
        let lessons = self.lessons(pruner.as_ref(), &history, trial.number);
        sampler.draw_joint(&lessons, trial.number, &mut trial.rng)
    }

    /// What the sampler learns from for this trial: the history, or what the pruner leaves of it.
    fn lessons<'h>(
        &self,
        pruner: &dyn Pruner,
        history: &'h History,
        number: u64,
    ) -> Cow<'h, History> {
        match pruner.cohort(&self.entry.name, history, number) {
            None => Cow::Borrowed(history),
            Some(cohort) => Cow::Owned(history.restricted(&cohort)),
        }
    }

    /// The value of a parameter: the fixed one, the one drawn with others, or one of its own.
    pub(crate) fn draw(
        &self,
        trial: &mut Trial<'_>,
        name: &str,
        distribution: &Distribution,
    ) -> Result<f64, StudyError> {
        let mut sampler = lock(&self.sampler);
        let pruner = lock(&self.pruner);
        let history = lock(&self.history);
        // A name keeps its meaning over the whole study.
        let known = history
            .trials()
            .iter()
            .rev()
            .find_map(|t| t.params.get(name));
        if let Some(known) = known {
            known.distribution.check_compatible(name, distribution)?;
        }
        if let Some(fixed) = trial.fixed.get(name) {
            return Ok(distribution.internal(name, fixed)?);
        }
        if let Some(&value) = trial.drawn.get(name)
            && distribution.contains(value)
        {
            return Ok(value);
        }
        if distribution.is_single() {
            return Ok(distribution.from_unit(0.5));
        }
        let lessons = self.lessons(pruner.as_ref(), &history, trial.number);
        let value =
            sampler.draw_one(&lessons, &trial.values, name, distribution, &mut trial.rng)?;
        if distribution.contains(value) {
            Ok(value)
        } else {
            Err(SpaceError::NotContained {
                name: name.to_owned(),
                value: value.to_string(),
                distribution: distribution.to_string(),
            }
            .into())
        }
    }

    pub(crate) fn should_prune(&self, trial: &Trial<'_>) -> Result<bool, StudyError> {
        if trial.reports.is_empty() {
            return Ok(false);
        }
        self.refresh()?;
        let direction = self.direction();
        let losses = trial.reports.iter();
        let losses: Vec<(i64, f64)> = losses.map(|(s, v)| (*s, direction.loss(*v))).collect();
        let mut pruner = lock(&self.pruner);
        let history = lock(&self.history);
        let mut storage = self.lock_storage();
        let verdict = pruner.should_prune(&mut Progress {
            history: &history,
            storage: storage.as_mut(),
            study: &self.entry,
            trial: trial.id,
            number: trial.number,
            reports: &losses,
        });
        verdict.map_err(|error| match error {
            JudgeError::Pruner(error) => error.into(),
            JudgeError::Storage(error) => error.into(),
        })
    }

    /// Reads what has changed in the storage.
    fn refresh(&self) -> Result<(), StudyError> {
        let mut history = lock(&self.history);
        let unfinished = history.unfinished();
        let last = history.last_id();
        let trials = self
            .lock_storage()
            .read_trials(self.entry.id, &unfinished, last)?;
        for trial in trials {
            history.take_in(trial);
        }
        Ok(())
    }
}

/// The values that a trial must take, as its enqueueing says, or a sampler that names values before it has seen what is asked for.
fn fixed(system: &Attributes) -> BTreeMap<String, Choice> {
    let Some(Value::Object(fixed)) = system.get(FIXED) else {
        return BTreeMap::new();
    };
    let values = fixed.iter().filter_map(|(name, value)| {
        Some((name.clone(), serde_json::from_value(value.clone()).ok()?))
    });
    values.collect()
}

/// System and user attributes of a trial that is tried again; none where it was tried `retries` times again already.
fn retried(trial: &FrozenTrial, retries: usize) -> Option<(Attributes, Attributes)> {
    let earlier = trial.system.get(EARLIER_TRIES).and_then(Value::as_array);
    let mut earlier = earlier.cloned().unwrap_or_default();
    if earlier.len() >= retries {
        return None;
    }
    earlier.push(json!(trial.number));
    let first = trial.system.get(FIRST_TRY).cloned();
    let mut system = trial.system.clone();
    system.remove(REASON);
    system.insert(FIRST_TRY.to_owned(), first.unwrap_or(json!(trial.number)));
    system.insert(EARLIER_TRIES.to_owned(), json!(earlier));
    system.insert(FIXED.to_owned(), trial.fixed_params());
    Some((system, trial.user.clone()))
}

/// A panic of an objective on another thread does not spoil what is behind the lock: every change is made at once.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
