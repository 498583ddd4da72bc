//! What a file can be besides a study.

use std::path::Path;
use std::time::{Duration, Instant};

use qstride_study::storage::{self, Claim, Setter};
use qstride_study::{Direction, StorageError, TrialState};
use serde_json::json;

use crate::conformance::{begin, read, study};
use crate::{File, Place};

fn refused(path: &Path) -> StorageError {
    match storage::open(&format!("sqlite:///{}", path.display())) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db");
    let text = "these are my notes, and they are longer than a header of 100 bytes. ".repeat(4);
    std::fs::write(&file, &text).unwrap();
    let error = refused(&file);
    assert!(matches!(error, StorageError::Content { .. }), "{error:?}");
    assert!(error.to_string().contains("no SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&folder.path().join("gone/study.db"));
    assert!(
        matches!(error, StorageError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("there is no folder"), "{error}");
}

#[test]
fn other_schemas_are_refused() {
    let place = File::new().unwrap();
    drop(place.open());
    for (change, found) in [
        (
            "UPDATE alembic_version SET version_num = 'v3.0.0.d'",
            "v3.0.0.d",
        ),
        (
            "UPDATE alembic_version SET version_num = 'v3.2.0.a'; UPDATE version_info SET schema_version = 11",
            "(version 11)",
        ),
        (
            "UPDATE version_info SET schema_version = 12; DELETE FROM alembic_version",
            "none",
        ),
        ("DROP TABLE alembic_version", "without a version"),
    ] {
        place.execute(change);
        let error = refused(&place.path());
        assert!(matches!(error, StorageError::Schema { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.contains(found) && said.contains("optuna storage upgrade"),
            "{said}"
        );
    }
}

#[test]
fn other_tables_beside_ours_do_not_matter() {
    let place = File::new().unwrap();
    place.execute("CREATE TABLE recipes (name TEXT)");
    study(place.open().as_mut(), "s");
    assert_eq!(place.open().studies().unwrap().len(), 1);
}

#[test]
fn a_locked_file_says_for_how_long_it_was_tried() {
    let place = File::new().unwrap();
    drop(place.open());
    let mut storage =
        storage::open_with_patience(&place.address(), Duration::from_millis(200)).unwrap();
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let error = storage.create_study("s", Direction::Minimize).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(matches!(error, StorageError::Locked { .. }), "{error:?}");
    // Readers do not wait for writers.
    assert!(storage.studies().unwrap().is_empty());
    other.execute_batch("COMMIT").unwrap();
    storage.create_study("s", Direction::Minimize).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_vanished_is_noticed() {
    let place = File::new().unwrap();
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    std::fs::rename(place.path(), place.0.path().join("elsewhere")).unwrap();
    let error = storage.report(trial.id, 1, 1.0).unwrap_err();
    assert!(
        matches!(error, StorageError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("moved, deleted or replaced"),
        "{error}"
    );
    // Another file in its place is not the study either.
    drop(place.open());
    assert!(storage.begin_trial(study, Claim::default()).is_err());
}

#[cfg(unix)]
#[test]
fn a_read_only_file_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = File::new().unwrap();
    let study = study(place.open().as_mut(), "s");
    let set = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(place.path(), permissions).unwrap();
    };
    set(0o444);
    if std::fs::OpenOptions::new()
        .append(true)
        .open(place.path())
        .is_ok()
    {
        println!("skipped: this user may write to everything");
        return;
    }
    let mut storage = place.open();
    assert_eq!(storage.studies().unwrap().len(), 1);
    let error = storage.begin_trial(study, Claim::default()).unwrap_err();
    assert!(matches!(error, StorageError::ReadOnly { .. }), "{error:?}");
    set(0o644);
}

#[test]
fn the_journal_is_written_ahead() {
    let place = File::new().unwrap();
    drop(place.open());
    let file = rusqlite::Connection::open(place.path()).unwrap();
    let mode = file.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
    assert_eq!(mode.unwrap(), "wal");
}

#[test]
fn what_cannot_be_read_is_named() {
    let place = File::new().unwrap();
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    let set = |sql: &str| place.execute(sql);
    set(
        "INSERT INTO trial_params VALUES (1, 1, 'x', 0.5, '{\"name\": \"NewDistribution\", \"attributes\": {}}')",
    );
    let said = storage
        .read_trials(study, &[], None)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("trial_params, trial_id 1, param_name x"),
        "{said}"
    );
    set("DELETE FROM trial_params; INSERT INTO trial_user_attributes VALUES (1, 1, 'k', '{')");
    let said = storage
        .read_trials(study, &[], None)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("trial_user_attributes") && said.contains("key k"),
        "{said}"
    );
    set("DELETE FROM trial_user_attributes; UPDATE trials SET state = 'ASLEEP'");
    let said = storage
        .read_trials(study, &[], None)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("table trials, trial_id 1, state is ASLEEP"),
        "{said}"
    );
    set("UPDATE trials SET state = 'RUNNING'");
    // What Python writes for a number that JSON has not.
    set("INSERT INTO trial_user_attributes VALUES (1, 1, 'k', 'NaN')");
    assert_eq!(
        read(storage.as_mut(), study, trial.id).user["k"],
        json!("NaN")
    );
}

#[test]
fn claims_are_nobodys_business() {
    let place = File::new().unwrap();
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    storage.end_trial(trial.id, TrialState::Fail, None).unwrap();
    let none = storage.study_attributes(study, Setter::System).unwrap();
    assert!(none.is_empty());
    assert!(read(storage.as_mut(), study, trial.id).system.is_empty());
}
