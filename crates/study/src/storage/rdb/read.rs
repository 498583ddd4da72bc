//! Trials and studies out of their tables.

use std::collections::BTreeMap;

use super::content::{Distributions, json, time, value};
use super::driver::{Datum, Driver, Failure, Row};
use crate::storage::{Setter, StudyEntry};
use crate::{Attributes, Direction, FrozenTrial, Param, TrialState};

const STUDIES: &str = "
    SELECT s.study_id, s.study_name, COUNT(d.objective), MIN(CAST(d.direction AS TEXT))
    FROM studies s LEFT JOIN study_directions d ON d.study_id = s.study_id
    GROUP BY s.study_id, s.study_name ORDER BY s.study_id";

const TRIALS: &str = "
    SELECT trial_id, number, CAST(state AS TEXT), CAST(datetime_start AS TEXT), CAST(datetime_complete AS TEXT)
    FROM trials WHERE study_id = ?1 AND (trial_id {any}?2{end} OR trial_id > CAST(?3 AS BIGINT))
    ORDER BY number";

// Everything else about these trials, of all kinds, in one answer: the kind, the trial, a name or kind of value, a number, a text. Of the
// intermediate values only the last one, and only where somebody may ask for it.
const DETAILS: &str = r#"
    SELECT 0, trial_id, param_name, param_value, distribution_json
        FROM trial_params WHERE trial_id {any}?1{end}
    UNION ALL SELECT 1, trial_id, CAST(value_type AS TEXT), value, NULL
        FROM trial_values WHERE objective = 0 AND trial_id {any}?1{end}
    UNION ALL SELECT 2, trial_id, "key", NULL, value_json
        FROM trial_user_attributes WHERE trial_id {any}?1{end}
    UNION ALL SELECT 3, trial_id, "key", NULL, value_json
        FROM trial_system_attributes WHERE trial_id {any}?1{end}
    UNION ALL SELECT 4, t.trial_id, CAST(v.intermediate_value_type AS TEXT), v.intermediate_value, CAST(v.step AS TEXT)
        FROM trials t JOIN trial_intermediate_values v ON v.trial_id = t.trial_id
            AND v.step = (SELECT MAX(w.step) FROM trial_intermediate_values w WHERE w.trial_id = t.trial_id)
        WHERE t.state IN ('RUNNING', 'PRUNED') AND t.trial_id {any}?1{end}"#;

const STUDY_USER: &str =
    r#"SELECT "key", value_json FROM study_user_attributes WHERE study_id = ?1"#;
const STUDY_SYSTEM: &str =
    r#"SELECT "key", value_json FROM study_system_attributes WHERE study_id = ?1"#;

/// Attributes that this storage keeps for itself; nobody else sees them.
pub(super) const CLAIM: &str = "qstride:claim";
pub(super) const ENQUEUED: &str = "qstride:enqueued";

pub(super) fn studies(driver: &mut impl Driver) -> Result<Vec<StudyEntry>, Failure> {
    let rows = driver.query(STUDIES, &[])?;
    rows.iter()
        .map(|row| {
            let (id, direction) = (row.int(0)?, row.text_if_any(3)?);
            Ok(StudyEntry {
                id,
                name: row.text(1)?.to_owned(),
                direction: match direction {
                    Some("MAXIMIZE") => Direction::Maximize,
                    _ => Direction::Minimize,
                },
                objectives: row.int(2)? as usize,
            })
        })
        .collect()
}

pub(super) fn study_attributes(
    driver: &mut impl Driver,
    study: i64,
    by: Setter,
) -> Result<Attributes, Failure> {
    let (sql, table) = match by {
        Setter::User => (STUDY_USER, "study_user_attributes"),
        Setter::System => (STUDY_SYSTEM, "study_system_attributes"),
    };
    let mut attributes = Attributes::new();
    for row in driver.query(sql, &[study.into()])? {
        let key = row.text(0)?;
        if key != CLAIM {
            attributes.insert(key.to_owned(), attribute(table, study, key, &row, 1)?);
        }
    }
    Ok(attributes)
}

/// The trials with these ids and those above `after`. Trials are read before what belongs to them: one that is over has it all by then, and
/// one that is not will be read again.
pub(super) fn trials(
    driver: &mut impl Driver,
    known: &mut Distributions,
    study: i64,
    ids: &[i64],
    after: Option<i64>,
) -> Result<Vec<FrozenTrial>, Failure> {
    let wanted = [
        study.into(),
        Datum::Ids(ids.to_vec()),
        after.unwrap_or(-1).into(),
    ];
    let rows = driver.query(TRIALS, &wanted)?;
    let mut trials = rows
        .iter()
        .map(bare)
        .collect::<Result<Vec<FrozenTrial>, _>>()?;
    if trials.is_empty() {
        return Ok(trials);
    }
    let found: Vec<i64> = trials.iter().map(|trial| trial.id).collect();
    let places: BTreeMap<i64, usize> = found.iter().copied().zip(0..).collect();
    for row in driver.query(DETAILS, &[Datum::Ids(found)])? {
        if let Some(trial) = places
            .get(&row.int(1)?)
            .and_then(|&place| trials.get_mut(place))
        {
            complete(trial, known, &row)?;
        }
    }
    Ok(trials)
}

/// A trial without what stands in other tables.
fn bare(row: &Row) -> Result<FrozenTrial, Failure> {
    let id = row.int(0)?;
    let cell = |column: &str, found: &str| Failure::Content {
        what: format!("table trials, trial_id {id}, {column}"),
        found: found.to_owned(),
    };
    let when = |at: usize, column: &str| match row.text_if_any(at)? {
        None => Ok(None),
        Some(text) => time(text).map(Some).ok_or_else(|| cell(column, text)),
    };
    let state = row.text(2)?;
    Ok(FrozenTrial {
        id,
        number: row.int(1)? as u64,
        state: TrialState::of_name(state).ok_or_else(|| cell("state", state))?,
        value: None,
        start: when(3, "datetime_start")?,
        end: when(4, "datetime_complete")?,
        params: BTreeMap::new(),
        last_report: None,
        user: Attributes::new(),
        system: Attributes::new(),
    })
}

/// Adds what one row of the details says.
fn complete(trial: &mut FrozenTrial, known: &mut Distributions, row: &Row) -> Result<(), Failure> {
    let name = row.text(2)?;
    match row.int(0)? {
        0 => {
            let cell = |column: &str, found: String| Failure::Content {
                what: format!(
                    "table trial_params, trial_id {}, param_name {name}, {column}",
                    trial.id
                ),
                found,
            };
            let text = row.text(4)?;
            let distribution = known
                .get(name, text)
                .map_err(|found| cell("distribution_json", found))?;
            let value = row
                .real(3)?
                .ok_or_else(|| cell("param_value", "empty".to_owned()))?;
            let param = Param {
                distribution,
                value,
            };
            trial.params.insert(name.to_owned(), param);
        }
        1 => trial.value = value(row.real(3)?, name),
        2 => {
            let set = attribute("trial_user_attributes", trial.id, name, row, 4)?;
            trial.user.insert(name.to_owned(), set);
        }
        3 if name == CLAIM || name == ENQUEUED => {}
        3 => {
            let set = attribute("trial_system_attributes", trial.id, name, row, 4)?;
            trial.system.insert(name.to_owned(), set);
        }
        _ => {
            let step = row.text(4)?.parse().ok();
            trial.last_report = step.zip(value(row.real(3)?, name));
        }
    }
    Ok(())
}

fn attribute(
    table: &str,
    owner: i64,
    key: &str,
    row: &Row,
    column: usize,
) -> Result<serde_json::Value, Failure> {
    let text = row.text(column)?;
    json(text).map_err(|error| Failure::Content {
        what: format!("table {table}, row of {owner} with the key {key}, value_json"),
        found: format!("no JSON ({error})"),
    })
}
