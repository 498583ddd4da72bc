//! Transactions that survive a server's restart.

use std::time::{Duration, Instant};

use super::driver::{Datum, Driver, Failure, Row};
use crate::StorageError;

/// The first and the longest pause before another try.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What is being done, to what: for the words of an error.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub doing: &'static str,
    pub subject: Subject,
}

/// What a task is about.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Storage,
    Study(i64),
    Trial(i64),
}

impl Task {
    pub fn new(doing: &'static str) -> Self {
        let subject = Subject::Storage;
        Self { doing, subject }
    }

    pub fn study(id: i64, doing: &'static str) -> Self {
        let subject = Subject::Study(id);
        Self { doing, subject }
    }

    pub fn trial(id: i64, doing: &'static str) -> Self {
        let subject = Subject::Trial(id);
        Self { doing, subject }
    }
}

/// A driver with patience.
pub(super) struct Link<D>(pub D);

impl<D: Driver> Link<D> {
    /// A transaction that may be made several times over: `work` learns whether an earlier try may have been committed without our
    /// hearing of it, and must then change nothing twice.
    pub fn write<T>(
        &mut self,
        task: Task,
        mut work: impl FnMut(&mut D, bool) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        self.persist(task, |driver, again| {
            driver.begin()?;
            let done = work(driver, again).and_then(|done| driver.commit().map(|()| done));
            if done.is_err() {
                driver.rollback();
            }
            done
        })
    }

    /// One statement that may be made several times over, a transaction of its own.
    pub fn once(
        &mut self,
        task: Task,
        sql: &'static str,
        values: &[Datum],
    ) -> Result<Vec<Row>, StorageError> {
        self.persist(task, |driver, _| driver.query(sql, values))
    }

    /// Tries until it works or patience ends.
    pub fn persist<T>(
        &mut self,
        task: Task,
        mut work: impl FnMut(&mut D, bool) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        let patience = self.0.patience();
        let start = Instant::now();
        let mut pause = PAUSES.0;
        let mut again = false;
        loop {
            let failure = match work(&mut self.0, again) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let reason = match &failure {
                Failure::Lost(reason) => {
                    again = true;
                    self.0.disconnect();
                    reason
                }
                Failure::Conflict(reason) => reason,
                _ => return Err(self.explain(failure, task)),
            };
            if start.elapsed() + pause > patience {
                return Err(self.explain(failure, task));
            }
            if pause == PAUSES.0 {
                let (storage, doing) = (self.0.address(), task.doing);
                tracing::warn!("{storage} was lost while {doing} ({reason}): trying again");
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// The failure in words, with the names of things.
    pub fn explain(&self, failure: Failure, task: Task) -> StorageError {
        let storage = self.0.address().to_owned();
        let doing = task.doing;
        match failure {
            Failure::Lost(reason) => StorageError::Unreachable {
                storage,
                doing,
                reason: format!("{reason} (tried for {} s)", self.0.patience().as_secs()),
            },
            Failure::Absent(reason) => StorageError::Unreachable {
                storage,
                doing,
                reason,
            },
            Failure::Locked => StorageError::Locked {
                storage,
                seconds: self.0.patience().as_secs(),
                doing,
            },
            Failure::ReadOnly => StorageError::ReadOnly { storage, doing },
            Failure::Content { what, found } => StorageError::Content {
                storage,
                what,
                found,
            },
            Failure::Missing => match task.subject {
                Subject::Trial(trial) => StorageError::UnknownTrial { trial },
                Subject::Study(id) => StorageError::UnknownStudy {
                    storage,
                    name: format!("with the id {id}"),
                    near: Vec::new(),
                },
                Subject::Storage => StorageError::Failed {
                    storage,
                    doing,
                    reason: "a row is missing".to_owned(),
                },
            },
            Failure::Conflict(reason) | Failure::Other(reason) => StorageError::Failed {
                storage,
                doing,
                reason,
            },
        }
    }
}
