//! Who may do what with a trial: beginning, ending, handing back, taking from the dead. All of it inside one transaction, and such that a
//! transaction whose answer was lost can be made again without counting twice: every call has a token of its own, which it leaves behind in
//! the trial's system attribute `qstride:claim`.

use super::HEARTBEAT;
use super::content::Distributions;
use super::driver::{Datum, Driver, Failure};
use super::read::{self, CLAIM};
use crate::storage::Claim;
use crate::{Attributes, TrialState};

const LOCK_STUDY: &str = "SELECT study_id FROM studies WHERE study_id = ?1 {lock}";

const CENSUS: &str = "
    SELECT CAST(state AS TEXT), COUNT(*), MAX(number), MIN(trial_id) FROM trials WHERE study_id = ?1 GROUP BY state";

const TAKE_WAITING: &str = "
    UPDATE trials SET state = 'RUNNING', datetime_start = {now}
    WHERE trial_id = ?1 AND state = 'WAITING' RETURNING trial_id";

const ADD_RUNNING: &str = "
    INSERT INTO trials (number, study_id, state, datetime_start) VALUES (?1, ?2, 'RUNNING', {now}) RETURNING trial_id";

const ADD_WAITING: &str =
    "INSERT INTO trials (number, study_id, state) VALUES (?1, ?2, 'WAITING') RETURNING trial_id";

const MARKED: &str = r#"
    SELECT t.trial_id, t.number FROM trials t JOIN trial_system_attributes a ON a.trial_id = t.trial_id
    WHERE t.study_id = ?1 AND a."key" = ?2 AND a.value_json = ?3 ORDER BY t.number"#;

const STANDING: &str =
    "SELECT CAST(state AS TEXT), study_id FROM trials WHERE trial_id = ?1 {lock}";

const CLAIMED_BY: &str =
    r#"SELECT value_json FROM trial_system_attributes WHERE trial_id = ?1 AND "key" = ?2"#;

const END: &str = "UPDATE trials SET state = ?2, datetime_complete = {now} WHERE trial_id = ?1";

const SET_VALUE: &str = "
    INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, 0, ?2, ?3)
    ON CONFLICT (trial_id, objective) DO UPDATE SET value = excluded.value, value_type = excluded.value_type";

const WAIT_AGAIN: &str =
    "UPDATE trials SET state = 'WAITING', datetime_start = NULL WHERE trial_id = ?1";

const FORGET: [&str; 3] = [
    "DELETE FROM trial_params WHERE trial_id = ?1",
    "DELETE FROM trial_intermediate_values WHERE trial_id = ?1",
    "DELETE FROM trial_heartbeats WHERE trial_id = ?1",
];

const END_DEAD: &str = "
    UPDATE trials SET state = 'FAIL', datetime_complete = {now}
    WHERE study_id = ?1 AND state = 'RUNNING'
        AND trial_id IN (SELECT h.trial_id FROM trial_heartbeats h WHERE {silence} > CAST(?2 AS DOUBLE PRECISION))
    RETURNING trial_id";

pub(super) const SET_SYSTEM: &str = r#"
    INSERT INTO trial_system_attributes (trial_id, "key", value_json) VALUES (?1, ?2, ?3)
    ON CONFLICT (trial_id, "key") DO UPDATE SET value_json = excluded.value_json"#;

pub(super) const SET_USER: &str = r#"
    INSERT INTO trial_user_attributes (trial_id, "key", value_json) VALUES (?1, ?2, ?3)
    ON CONFLICT (trial_id, "key") DO UPDATE SET value_json = excluded.value_json"#;

/// The attribute with the values that a waiting trial must take.
const FIXED: &str = "fixed_params";

/// Nobody else begins, enqueues or ends trials of the study until the end of the transaction.
pub(super) fn lock_study(driver: &mut impl Driver, study: i64) -> Result<(), Failure> {
    let found = driver.query(LOCK_STUDY, &[study.into()])?;
    found.first().map(|_| ()).ok_or(Failure::Missing)
}

/// How many trials there are of each kind.
#[derive(Default)]
struct Census {
    next_number: i64,
    running: u64,
    /// Complete, pruned or running.
    counted: u64,
    first_waiting: Option<i64>,
}

impl Census {
    fn of(driver: &mut impl Driver, study: i64) -> Result<Self, Failure> {
        let mut census = Self::default();
        for row in driver.query(CENSUS, &[study.into()])? {
            let count = row.int(1)? as u64;
            census.next_number = census.next_number.max(row.int(2)? + 1);
            match TrialState::of_name(row.text(0)?) {
                Some(TrialState::Waiting) => census.first_waiting = Some(row.int(3)?),
                Some(TrialState::Running) => {
                    census.running = count;
                    census.counted += count;
                }
                Some(TrialState::Complete | TrialState::Pruned) => census.counted += count,
                Some(TrialState::Fail) | None => {}
            }
        }
        Ok(census)
    }
}

/// What [`begin`] came to.
pub(super) enum Beginning {
    Trial(i64),
    Full { running: u64 },
}

/// A trial to run: its id.
pub(super) fn begin(
    driver: &mut impl Driver,
    again: bool,
    study: i64,
    claim: Claim,
    token: &str,
) -> Result<Beginning, Failure> {
    lock_study(driver, study)?;
    if again && let Some(&(id, _)) = marked(driver, study, CLAIM, token)?.first() {
        return Ok(Beginning::Trial(id));
    }
    let id = loop {
        let census = Census::of(driver, study)?;
        if claim.cap.is_some_and(|cap| census.counted >= cap) {
            let running = census.running;
            return Ok(Beginning::Full { running });
        }
        let taken = match census.first_waiting {
            Some(waiting) => driver.query(TAKE_WAITING, &[waiting.into()])?,
            None => driver.query(ADD_RUNNING, &[census.next_number.into(), study.into()])?,
        };
        // Optuna takes waiting trials without the lock of the study, so one may be gone by now.
        if let Some(row) = taken.first() {
            break row.int(0)?;
        }
    };
    mark(driver, id, CLAIM, token)?;
    if claim.heartbeat {
        driver.query(HEARTBEAT, &[id.into()])?;
    }
    Ok(Beginning::Trial(id))
}

/// A new waiting trial: its number.
pub(super) fn enqueue(
    driver: &mut impl Driver,
    again: bool,
    study: i64,
    attributes: [(&'static str, &Attributes); 2],
    token: &str,
) -> Result<u64, Failure> {
    lock_study(driver, study)?;
    if again && let Some(&(_, number)) = marked(driver, study, read::ENQUEUED, token)?.first() {
        return Ok(number);
    }
    let (id, number) = add_waiting(driver, study, attributes)?;
    mark(driver, id, read::ENQUEUED, token)?;
    Ok(number)
}

/// The same where the study is locked already: its id and its number.
pub(super) fn add_waiting(
    driver: &mut impl Driver,
    study: i64,
    attributes: [(&'static str, &Attributes); 2],
) -> Result<(i64, u64), Failure> {
    let number = Census::of(driver, study)?.next_number;
    let added = driver.query(ADD_WAITING, &[number.into(), study.into()])?;
    let id = added.first().ok_or(Failure::Missing)?.int(0)?;
    for (sql, attributes) in attributes {
        for (key, value) in attributes {
            let value = value.to_string();
            driver.query(
                sql,
                &[id.into(), key.as_str().into(), value.as_str().into()],
            )?;
        }
    }
    Ok((id, number as u64))
}

/// Ends a running trial, unless it is not running any more or `token`, where we have one, is not its claim.
pub(super) fn end(
    driver: &mut impl Driver,
    again: bool,
    trial: i64,
    token: Option<&str>,
    (state, cells): (TrialState, Option<(Datum, Datum)>),
) -> Result<bool, Failure> {
    let standing = Standing::of(driver, trial, token)?;
    if standing.state != TrialState::Running || standing.others {
        // The answer of an earlier try may have been lost.
        return Ok(again && standing.ours && standing.state == state);
    }
    driver.query(END, &[trial.into(), state.name().into()])?;
    if let Some((value, kind)) = cells {
        driver.query(SET_VALUE, &[trial.into(), value, kind])?;
    }
    Ok(true)
}

/// Makes a running trial wait again, on the same terms.
pub(super) fn hand_back(
    driver: &mut impl Driver,
    again: bool,
    trial: i64,
    token: Option<&str>,
) -> Result<bool, Failure> {
    let standing = Standing::of(driver, trial, token)?;
    if standing.state != TrialState::Running || standing.others {
        // Either it waits since an earlier try, or has gone on to another worker since.
        let waits = standing.ours && standing.state == TrialState::Waiting;
        let went_on = standing.others && standing.state != TrialState::Fail;
        return Ok(again && (waits || went_on));
    }
    let mut known = Distributions::default();
    let found = read::trials(driver, &mut known, standing.study, &[trial], Some(i64::MAX))?;
    let found = found.first().ok_or(Failure::Missing)?;
    let fixed = found.fixed_params().to_string();
    driver.query(
        SET_SYSTEM,
        &[trial.into(), FIXED.into(), fixed.as_str().into()],
    )?;
    for sql in FORGET {
        driver.query(sql, &[trial.into()])?;
    }
    driver.query(WAIT_AGAIN, &[trial.into()])?;
    Ok(true)
}

/// Trials that were ended as dead: all of this call, and those of this attempt, which alone are still to be enqueued again.
#[derive(Default)]
pub(super) struct Dead {
    pub all: Vec<i64>,
    pub new: Vec<i64>,
}

/// Ends the trials without a sign of life for `grace` seconds: their ids.
pub(super) fn end_dead(
    driver: &mut impl Driver,
    again: bool,
    study: i64,
    grace: f64,
    token: &str,
) -> Result<Dead, Failure> {
    lock_study(driver, study)?;
    let mut dead = Dead::default();
    if again {
        let marked = marked(driver, study, CLAIM, token)?;
        dead.all.extend(marked.into_iter().map(|(id, _)| id));
    }
    for row in driver.query(END_DEAD, &[study.into(), grace.into()])? {
        let id = row.int(0)?;
        mark(driver, id, CLAIM, token)?;
        dead.all.push(id);
        dead.new.push(id);
    }
    Ok(dead)
}

/// Where a trial stands, its row locked, and whose it is.
struct Standing {
    state: TrialState,
    study: i64,
    /// Our token is its claim.
    ours: bool,
    /// We have a token, and it is not its claim.
    others: bool,
}

impl Standing {
    fn of(driver: &mut impl Driver, trial: i64, token: Option<&str>) -> Result<Self, Failure> {
        let found = driver.query(STANDING, &[trial.into()])?;
        let row = found.first().ok_or(Failure::Missing)?;
        let name = row.text(0)?;
        let state = TrialState::of_name(name).ok_or_else(|| Failure::Content {
            what: format!("table trials, trial_id {trial}, state"),
            found: name.to_owned(),
        })?;
        let claims = driver.query(CLAIMED_BY, &[trial.into(), CLAIM.into()])?;
        let claim = claims.first().map(|row| row.text(0)).transpose()?;
        let written = token.map(in_json);
        let ours = written.is_some() && written.as_deref() == claim;
        Ok(Self {
            state,
            study: row.int(1)?,
            ours,
            others: written.is_some() && !ours,
        })
    }
}

/// The trials of a study that a token was left in: ids and numbers.
fn marked(
    driver: &mut impl Driver,
    study: i64,
    key: &str,
    token: &str,
) -> Result<Vec<(i64, u64)>, Failure> {
    let wanted = [study.into(), key.into(), in_json(token).as_str().into()];
    let rows = driver.query(MARKED, &wanted)?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, row.int(1)? as u64)))
        .collect()
}

fn mark(driver: &mut impl Driver, trial: i64, key: &str, token: &str) -> Result<(), Failure> {
    let values = [trial.into(), key.into(), in_json(token).as_str().into()];
    driver.query(SET_SYSTEM, &values).map(|_| ())
}

/// A token has nothing that JSON would escape.
pub(super) fn in_json(token: &str) -> String {
    format!("\"{token}\"")
}
