//! Where trials are kept.

use std::time::Duration;

use serde_json::Value;

use crate::{Attributes, Direction, FrozenTrial, Param, StorageError, TrialState};

mod address;
mod memory;
mod rdb;

use address::Address;
pub use memory::Memory;

/// For how long a locked database or a lost server is waited for, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The storage at an address:
///
/// | address | storage |
/// |---|---|
/// | `sqlite:///FILE`, `sqlite:////absolute/FILE`, `FILE.db`, `FILE.sqlite`, `FILE.sqlite3` | a SQLite file on this machine's own disk |
/// | `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, also `postgres://` and `postgresql+psycopg2://` | a PostgreSQL server; the password may stand in the environment variable `PGPASSWORD` instead |
/// | `memory` | [`Memory`] |
///
/// A file is made where there is none, and Optuna's tables where there are none. What other programs wrote is opened if it has the
/// schema of Optuna 3.2 or later.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use qstride_study::{Direction, Study, storage};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("study.db");
/// let study = Study::open(storage::open(&file.to_string_lossy())?, "parabola", Direction::Minimize)?;
/// study.optimize(3, |trial| Ok(trial.suggest_float("x", -1.0..=1.0).linear()?.powi(2)))?;
/// drop(study);
///
/// let study = Study::load(storage::open(&file.to_string_lossy())?, "parabola")?;
/// assert_eq!(study.history()?.complete().count(), 3);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StorageError::Address`] for an address that cannot be read, [`StorageError::Schema`] for tables of another kind, and whatever keeps the
/// database from being opened. No message holds the password.
pub fn open(address: &str) -> Result<Box<dyn Storage>, StorageError> {
    open_with_patience(address, PATIENCE)
}

/// The same with another time for which to wait for a locked database or a lost server: in every call, before it fails.
///
/// # Errors
///
/// As [`open`].
pub fn open_with_patience(
    address: &str,
    patience: Duration,
) -> Result<Box<dyn Storage>, StorageError> {
    match Address::read(address)? {
        (Address::Memory, _) => Ok(Box::new(Memory::new())),
        (Address::Sqlite(file), shown) => rdb::sqlite(&file, &shown, patience),
        (Address::Postgres(config), shown) => rdb::postgres(&config, &shown, patience),
    }
}

/// An address without its password: for logs and reports.
///
/// ```
/// let shown = qstride_study::storage::redacted("postgresql://me:secret@db.example/studies");
/// assert_eq!(shown, "postgresql://me@db.example/studies");
/// ```
pub fn redacted(address: &str) -> String {
    match Address::read(address) {
        Ok((_, shown)) | Err(StorageError::Address { address: shown, .. }) => shown,
        Err(_) => "***".to_owned(),
    }
}

/// Who set an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setter {
    /// A user.
    User,
    /// A sampler, a pruner or the study itself.
    System,
}

/// A study as the storage lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyEntry {
    /// Its id in the storage.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Where it wants to go; of several objectives, one of them.
    pub direction: Direction,
    /// How many objectives it has. A [`Study`](crate::Study) has one; others are only listed.
    pub objectives: usize,
}

/// What is asked of [`Storage::begin_trial`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// No trial, if so many of the study are complete, pruned or running.
    pub cap: Option<u64>,
    /// The trial begins with a sign of life, so that it is dead when no other follows: not even a worker that is killed at once leaves it running for ever.
    pub heartbeat: bool,
}

impl Claim {
    /// A trial, if fewer than `cap` of the study are complete, pruned or running.
    pub fn within(cap: u64) -> Self {
        Self {
            cap: Some(cap),
            heartbeat: false,
        }
    }
}

/// What [`Storage::begin_trial`] gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// A trial to run, RUNNING and this worker's alone: a waiting one (with its system attribute `fixed_params`) or a new one.
    Trial(FrozenTrial),
    /// As many trials as the cap allows are over or running; `running` of them run, and if one of those fails there is room again.
    Full {
        /// How many run.
        running: u64,
    },
}

/// System and user attributes with which a dead trial is enqueued again; none where it is not.
pub type Retry<'a> = &'a dyn Fn(&FrozenTrial) -> Option<(Attributes, Attributes)>;

/// Where trials are kept. Every call is one transaction: after it, all processes that use the storage see the change.
///
/// One storage serves one process; many of them, in many processes, may share a database. Errors name the storage without its password.
pub trait Storage: Send {
    /// The address without the password.
    fn address(&self) -> String;

    /// All studies, in the order of their creation.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn studies(&mut self) -> Result<Vec<StudyEntry>, StorageError>;

    /// A new study.
    ///
    /// # Errors
    ///
    /// [`StorageError::NameTaken`], or when the database cannot be written.
    fn create_study(
        &mut self,
        name: &str,
        direction: Direction,
    ) -> Result<StudyEntry, StorageError>;

    /// A study and all its trials are gone.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn delete_study(&mut self, study: i64) -> Result<(), StorageError>;

    /// The attributes of a study.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn study_attributes(&mut self, study: i64, by: Setter) -> Result<Attributes, StorageError>;

    /// Sets an attribute of a study.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn set_study_attribute(
        &mut self,
        study: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError>;

    /// A trial to run: the waiting one with the least number, else a new one, unless as many as the cap allows are complete, pruned or running. Cap
    /// and number are decided under a lock of the study, so that any number of workers ends with exactly `cap` trials.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn begin_trial(&mut self, study: i64, claim: Claim) -> Result<Begun, StorageError>;

    /// A new waiting trial with these system and user attributes; its number.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn enqueue(
        &mut self,
        study: i64,
        system: &Attributes,
        user: &Attributes,
    ) -> Result<u64, StorageError>;

    /// The trials with these ids, and all with an id above `after`, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn read_trials(
        &mut self,
        study: i64,
        ids: &[i64],
        after: Option<i64>,
    ) -> Result<Vec<FrozenTrial>, StorageError>;

    /// Sets a parameter of a running trial.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn set_param(&mut self, trial: i64, name: &str, param: &Param) -> Result<(), StorageError>;

    /// Sets an attribute of a trial.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn set_attribute(
        &mut self,
        trial: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError>;

    /// Sets the intermediate value of a step, which may be any number, NaN and infinities too; a second value of a step replaces the first.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn report(&mut self, trial: i64, step: i64, value: f64) -> Result<(), StorageError>;

    /// The intermediate values of a trial as (step, value), steps ascending.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn reports(&mut self, trial: i64) -> Result<Vec<(i64, f64)>, StorageError>;

    /// The intermediate values of all trials of a study at one step as (trial number, value), numbers ascending.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn reports_at(&mut self, study: i64, step: i64) -> Result<Vec<(u64, f64)>, StorageError>;

    /// Ends a running trial. `false`, and nothing happens, if it is not running any more: another process took it for dead.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn end_trial(
        &mut self,
        trial: i64,
        state: TrialState,
        value: Option<f64>,
    ) -> Result<bool, StorageError>;

    /// A running trial waits again, its parameters as they were (they stay as `fixed_params`, its reports go); `false` if it is not running
    /// any more.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn hand_back(&mut self, trial: i64) -> Result<bool, StorageError>;

    /// A sign of life of a running trial, by the database's clock.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn heartbeat(&mut self, trial: i64) -> Result<(), StorageError>;

    /// Ends as failed the running trials that gave signs of life, but none within `grace`, by the database's clock; each is given to one
    /// caller only. A trial that never gave one (Optuna's without heartbeats) is left alone. In the same transaction those are enqueued again
    /// for which `retry` gives the system and user attributes: not even a worker that is killed meanwhile loses one.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    fn end_dead(
        &mut self,
        study: i64,
        grace: Duration,
        retry: Retry<'_>,
    ) -> Result<Vec<FrozenTrial>, StorageError>;
}
