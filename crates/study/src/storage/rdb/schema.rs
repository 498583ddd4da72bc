//! The tables of Optuna 3.2 to 5, made or recognised.

use super::driver::{Driver, Failure, Row};
use super::link::{Link, Task};
use crate::StorageError;

/// The revision that Optuna's migrations ended with.
const REVISION: &str = "v3.2.0.a";
/// The version of the schema that goes with it.
const VERSION: i64 = 12;
/// What tells Optuna's tables from others.
const TABLES: [&str; 14] = [
    "alembic_version",
    "studies",
    "study_directions",
    "study_system_attributes",
    "study_user_attributes",
    "trial_heartbeats",
    "trial_intermediate_values",
    "trial_params",
    "trial_system_attributes",
    "trial_user_attributes",
    "trial_values",
    "trials",
    "version_info",
    "version",
];

const NAME_REVISION: &str = "INSERT INTO alembic_version (version_num) VALUES ('v3.2.0.a')";
const NAME_VERSION: &str = "INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, 12, ?1)";

/// Makes the tables where there are none; where there are, they must be those that this program writes.
pub(super) fn prepare<D: Driver>(link: &mut Link<D>) -> Result<(), StorageError> {
    let task = Task::new("looking for Optuna's tables");
    let mut found = link.persist(task, |driver, _| optunas(driver))?;
    if found.is_empty() {
        found = link.write(Task::new("making Optuna's tables"), |driver, _| {
            driver.lock_schema()?;
            // Another worker may have been faster.
            let found = optunas(driver)?;
            if found.is_empty() {
                driver.create_tables()?;
                driver.query(NAME_REVISION, &[])?;
                let us = concat!("qstride ", env!("CARGO_PKG_VERSION"));
                driver.query(NAME_VERSION, &[us.into()])?;
            }
            optunas(driver)
        })?;
    }
    recognise(link, &found)
}

fn optunas(driver: &mut impl Driver) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for row in driver.tables()? {
        names.push(row.text(0)?.to_owned());
    }
    names.retain(|name| TABLES.contains(&name.as_str()));
    Ok(names)
}

fn recognise<D: Driver>(link: &mut Link<D>, tables: &[String]) -> Result<(), StorageError> {
    let storage = link.0.address().to_owned();
    let refuse = |found: String, way_out| StorageError::Schema {
        storage: storage.clone(),
        found,
        expected: format!("{REVISION} (version {VERSION})"),
        way_out,
    };
    let has = |name: &str| tables.iter().any(|table| table == name);
    if !has("alembic_version") || !has("version_info") {
        return Err(refuse(
            format!(
                "without a version, but with the tables {}",
                tables.join(", ")
            ),
            "use another file or database, or let Optuna bring its own up to date with `optuna storage upgrade`",
        ));
    }
    let task = Task::new("reading the schema's version");
    let revisions = link.once(task, "SELECT version_num FROM alembic_version", &[])?;
    let versions = link.once(task, "SELECT schema_version FROM version_info", &[])?;
    let told = |failure| link.explain(failure, task);
    let revision = revisions
        .first()
        .map_or(Ok("none"), |row: &Row| row.text(0));
    let revision = revision.map_err(told)?;
    let version = versions.first().map_or(Ok(0), |row| row.int(0));
    let version = version.map_err(told)?;
    if revision == REVISION && version == VERSION {
        return Ok(());
    }
    Err(refuse(
        format!("{revision} (version {version})"),
        "bring it up to date with `optuna storage upgrade`, or use another file or database",
    ))
}
