//! Optuna's tables in a relational database.
//!
//! One set of SQL over a small [driver](driver::Driver); what SQLite and PostgreSQL spell differently stands in their two files. The tables
//! are those that Optuna 3.2 and all later versions make, so that Python's `optuna.load_study` and optuna-dashboard open them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Begun, Claim, Retry, Setter, Storage, StudyEntry};
use crate::{Attributes, Direction, FrozenTrial, Param, StorageError, TrialState};
use claim::{Beginning, SET_SYSTEM, SET_USER};
use content::{Distributions, cells, value};
use driver::{Datum, Driver, Failure};
use link::{Link, Task};
use read::CLAIM;

mod claim;
mod content;
mod driver;
#[cfg(test)]
mod forgetful;
mod link;
mod postgres;
mod read;
mod schema;
mod sqlite;

const ADD_STUDY: &str = "INSERT INTO studies (study_name) VALUES (?1) ON CONFLICT (study_name) DO NOTHING RETURNING study_id";
const ADD_DIRECTION: &str =
    "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, 0)";
const CLAIMED_STUDY: &str = r#"
    SELECT s.study_id FROM studies s JOIN study_system_attributes a ON a.study_id = s.study_id
    WHERE s.study_name = ?1 AND a."key" = ?2 AND a.value_json = ?3"#;

const SET_STUDY_SYSTEM: &str = r#"
    INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (?1, ?2, ?3)
    ON CONFLICT (study_id, "key") DO UPDATE SET value_json = excluded.value_json"#;
const SET_STUDY_USER: &str = r#"
    INSERT INTO study_user_attributes (study_id, "key", value_json) VALUES (?1, ?2, ?3)
    ON CONFLICT (study_id, "key") DO UPDATE SET value_json = excluded.value_json"#;

const LOCK_TRIALS: &str = "SELECT trial_id FROM trials WHERE study_id = ?1 {lock}";
// Everything of a study, in an order that leaves nothing without its owner.
const DELETE_STUDY: [&str; 11] = [
    "DELETE FROM trial_heartbeats WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trial_intermediate_values WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trial_values WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trial_params WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trial_user_attributes WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trial_system_attributes WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)",
    "DELETE FROM trials WHERE study_id = ?1",
    "DELETE FROM study_user_attributes WHERE study_id = ?1",
    "DELETE FROM study_system_attributes WHERE study_id = ?1",
    "DELETE FROM study_directions WHERE study_id = ?1",
    "DELETE FROM studies WHERE study_id = ?1",
];

const SET_PARAM: &str = "
    INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (trial_id, param_name)
    DO UPDATE SET param_value = excluded.param_value, distribution_json = excluded.distribution_json";

const REPORT: &str = "
    INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (trial_id, step) DO UPDATE SET
        intermediate_value = excluded.intermediate_value, intermediate_value_type = excluded.intermediate_value_type";
const REPORTS: &str = "
    SELECT step, intermediate_value, CAST(intermediate_value_type AS TEXT)
    FROM trial_intermediate_values WHERE trial_id = ?1 ORDER BY step";
const REPORTS_AT: &str = "
    SELECT t.number, v.intermediate_value, CAST(v.intermediate_value_type AS TEXT)
    FROM trials t JOIN trial_intermediate_values v ON v.trial_id = t.trial_id
    WHERE t.study_id = ?1 AND v.step = ?2 ORDER BY t.number";

const HEARTBEAT: &str = "
    INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?1, {alive})
    ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat";

/// What Optuna's columns of names hold.
const NAME_LENGTH: usize = 512;

/// Optuna's tables behind a driver.
struct Rdb<D> {
    link: Link<D>,
    tokens: Tokens,
    /// The tokens of the trials that were begun here and are not over.
    claims: BTreeMap<i64, String>,
    known: Distributions,
}

/// Tokens that no other process ever makes, without a generator that experiments could depend on.
struct Tokens {
    prefix: String,
    count: u64,
}

impl Tokens {
    fn new() -> Self {
        // The hasher's keys come from the operating system.
        let keys = RandomState::new();
        let (a, b) = (keys.hash_one(0), keys.hash_one(1));
        let process = std::process::id();
        Self {
            prefix: format!("{a:016x}{b:016x}-{process}"),
            count: 0,
        }
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.prefix, self.count)
    }
}

/// A SQLite file, made where there is none.
pub(super) fn sqlite(
    file: &Path,
    address: &str,
    patience: Duration,
) -> Result<Box<dyn Storage>, StorageError> {
    let driver = sqlite::Sqlite::new(file, address, patience);
    let driver = driver.map_err(|error| StorageError::Address {
        address: address.to_owned(),
        reason: format!("{error:?}"),
    })?;
    Ok(Box::new(Rdb::over(driver)?))
}

/// A PostgreSQL server.
pub(super) fn postgres(
    config: &::postgres::Config,
    address: &str,
    patience: Duration,
) -> Result<Box<dyn Storage>, StorageError> {
    let driver = postgres::Postgres::new(config, address, patience);
    Ok(Box::new(Rdb::over(driver)?))
}

impl<D: Driver> Rdb<D> {
    fn over(driver: D) -> Result<Self, StorageError> {
        let mut link = Link::new(driver);
        schema::prepare(&mut link)?;
        Ok(Self {
            link,
            tokens: Tokens::new(),
            claims: BTreeMap::new(),
            known: Distributions::default(),
        })
    }

    fn fits(&self, what: &'static str, name: &str) -> Result<(), StorageError> {
        let length = name.chars().count();
        if length <= NAME_LENGTH {
            return Ok(());
        }
        Err(StorageError::TooLong {
            storage: self.address(),
            what,
            length,
            limit: NAME_LENGTH,
        })
    }
}

impl<D: Driver> Storage for Rdb<D> {
    fn address(&self) -> String {
        self.link.driver.address().to_owned()
    }

    fn studies(&mut self) -> Result<Vec<StudyEntry>, StorageError> {
        let task = Task::new("listing studies");
        self.link.persist(task, |driver, _| read::studies(driver))
    }

    fn create_study(
        &mut self,
        name: &str,
        direction: Direction,
    ) -> Result<StudyEntry, StorageError> {
        self.fits("name of a study", name)?;
        let token = claim::in_json(&self.tokens.next());
        let id = self
            .link
            .write(Task::new("creating a study"), |driver, _| {
                let added = driver.query(ADD_STUDY, &[name.into()])?;
                let Some(id) = added.first() else {
                    // Taken, perhaps by ourselves: the answer of an earlier try may have been lost.
                    let claim = [name.into(), CLAIM.into(), token.as_str().into()];
                    let ours = driver.query(CLAIMED_STUDY, &claim)?;
                    return ours.first().map(|row| row.int(0)).transpose();
                };
                let id = id.int(0)?;
                driver.query(ADD_DIRECTION, &[direction.name().into(), id.into()])?;
                driver.query(
                    SET_STUDY_SYSTEM,
                    &[id.into(), CLAIM.into(), token.as_str().into()],
                )?;
                Ok(Some(id))
            })?;
        match id {
            Some(id) => Ok(StudyEntry {
                id,
                name: name.to_owned(),
                direction,
                objectives: 1,
            }),
            None => Err(StorageError::NameTaken {
                storage: self.address(),
                name: name.to_owned(),
            }),
        }
    }

    fn delete_study(&mut self, study: i64) -> Result<(), StorageError> {
        let task = Task::study(study, "deleting a study");
        self.link.write(task, |driver, again| {
            match claim::lock_study(driver, study) {
                Err(Failure::Missing) if again => return Ok(()),
                locked => locked?,
            }
            // Workers that still write to them wait, and are told then that there is no such trial.
            driver.query(LOCK_TRIALS, &[study.into()])?;
            for sql in DELETE_STUDY {
                driver.query(sql, &[study.into()])?;
            }
            Ok(())
        })
    }

    fn study_attributes(&mut self, study: i64, by: Setter) -> Result<Attributes, StorageError> {
        let task = Task::study(study, "reading a study's attributes");
        self.link
            .persist(task, |driver, _| read::study_attributes(driver, study, by))
    }

    fn set_study_attribute(
        &mut self,
        study: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError> {
        self.fits("key of an attribute", key)?;
        let sql = match by {
            Setter::User => SET_STUDY_USER,
            Setter::System => SET_STUDY_SYSTEM,
        };
        let task = Task::study(study, "setting a study's attribute");
        let values = [study.into(), key.into(), value.to_string().as_str().into()];
        self.link.once(task, sql, &values).map(|_| ())
    }

    fn begin_trial(&mut self, study: i64, claim: Claim) -> Result<Begun, StorageError> {
        let token = self.tokens.next();
        let task = Task::study(study, "beginning a trial");
        let begun = self.link.write(task, |driver, again| {
            claim::begin(driver, again, study, claim, &token)
        })?;
        let id = match begun {
            Beginning::Full { running } => return Ok(Begun::Full { running }),
            Beginning::Trial(id) => id,
        };
        self.claims.insert(id, token);
        let trial = self.read_trials(study, &[id], Some(i64::MAX))?.pop();
        let trial = trial.ok_or(StorageError::UnknownTrial { trial: id })?;
        Ok(Begun::Trial(trial))
    }

    fn enqueue(
        &mut self,
        study: i64,
        system: &Attributes,
        user: &Attributes,
    ) -> Result<u64, StorageError> {
        for key in system.keys().chain(user.keys()) {
            self.fits("key of an attribute", key)?;
        }
        let token = self.tokens.next();
        let attributes = [(SET_SYSTEM, system), (SET_USER, user)];
        let task = Task::study(study, "enqueueing a trial");
        self.link.write(task, |driver, again| {
            claim::enqueue(driver, again, study, attributes, &token)
        })
    }

    fn read_trials(
        &mut self,
        study: i64,
        ids: &[i64],
        after: Option<i64>,
    ) -> Result<Vec<FrozenTrial>, StorageError> {
        let task = Task::study(study, "reading trials");
        let known = &mut self.known;
        self.link.persist(task, |driver, _| {
            read::trials(driver, known, study, ids, after)
        })
    }

    fn set_param(&mut self, trial: i64, name: &str, param: &Param) -> Result<(), StorageError> {
        self.fits("name of a parameter", name)?;
        let task = Task::trial(trial, "setting a parameter");
        let distribution = json!(*param.distribution).to_string();
        let values = [
            trial.into(),
            name.into(),
            param.value.into(),
            distribution.as_str().into(),
        ];
        self.link.once(task, SET_PARAM, &values).map(|_| ())
    }

    fn set_attribute(
        &mut self,
        trial: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError> {
        self.fits("key of an attribute", key)?;
        let sql = match by {
            Setter::User => SET_USER,
            Setter::System => SET_SYSTEM,
        };
        let task = Task::trial(trial, "setting an attribute");
        let values = [trial.into(), key.into(), value.to_string().as_str().into()];
        self.link.once(task, sql, &values).map(|_| ())
    }

    fn report(&mut self, trial: i64, step: i64, value: f64) -> Result<(), StorageError> {
        let task = Task::trial(trial, "reporting a value");
        let (value, kind) = cells(value);
        let values = [trial.into(), step.into(), value, kind];
        self.link.once(task, REPORT, &values).map(|_| ())
    }

    fn reports(&mut self, trial: i64) -> Result<Vec<(i64, f64)>, StorageError> {
        let task = Task::trial(trial, "reading reports");
        self.link
            .persist(task, |driver, _| series(driver, REPORTS, &[trial.into()]))
    }

    fn reports_at(&mut self, study: i64, step: i64) -> Result<Vec<(u64, f64)>, StorageError> {
        let task = Task::study(study, "reading reports");
        let values = [study.into(), step.into()];
        let found = self
            .link
            .persist(task, |driver, _| series(driver, REPORTS_AT, &values))?;
        Ok(found.into_iter().map(|(n, v)| (n as u64, v)).collect())
    }

    fn end_trial(
        &mut self,
        trial: i64,
        state: TrialState,
        value: Option<f64>,
    ) -> Result<bool, StorageError> {
        let token = self.claims.get(&trial).map(String::as_str);
        let task = Task::trial(trial, "ending a trial");
        let ended = self.link.write(task, |driver, again| {
            let outcome = (state, value.map(cells));
            claim::end(driver, again, trial, token, outcome)
        })?;
        self.claims.remove(&trial);
        Ok(ended)
    }

    fn hand_back(&mut self, trial: i64) -> Result<bool, StorageError> {
        let token = self.claims.get(&trial).map(String::as_str);
        let task = Task::trial(trial, "handing back a trial");
        let back = self.link.write(task, |driver, again| {
            claim::hand_back(driver, again, trial, token)
        })?;
        self.claims.remove(&trial);
        Ok(back)
    }

    fn heartbeat(&mut self, trial: i64) -> Result<(), StorageError> {
        let task = Task::trial(trial, "giving a sign of life");
        self.link.once(task, HEARTBEAT, &[trial.into()]).map(|_| ())
    }

    fn end_dead(
        &mut self,
        study: i64,
        grace: Duration,
        retry: Retry<'_>,
    ) -> Result<Vec<FrozenTrial>, StorageError> {
        let token = self.tokens.next();
        let grace = grace.as_secs_f64();
        let task = Task::study(study, "looking for dead workers");
        let known = &mut self.known;
        let dead = self.link.write(task, |driver, again| {
            let dead = claim::end_dead(driver, again, study, grace, &token)?;
            for trial in read::trials(driver, known, study, &dead.new, Some(i64::MAX))? {
                if let Some((system, user)) = retry(&trial) {
                    claim::add_waiting(driver, study, [(SET_SYSTEM, &system), (SET_USER, &user)])?;
                }
            }
            Ok(dead.all)
        })?;
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        self.read_trials(study, &dead, Some(i64::MAX))
    }
}

/// Rows of a whole number, a value and its kind.
fn series(
    driver: &mut impl Driver,
    sql: &'static str,
    values: &[Datum],
) -> Result<Vec<(i64, f64)>, Failure> {
    let rows = driver.query(sql, values)?;
    let pairs = rows.iter().map(|row| {
        let value = value(row.real(1)?, row.text(2)?);
        Ok((row.int(0)?, value.unwrap_or(f64::NAN)))
    });
    pairs.collect()
}
