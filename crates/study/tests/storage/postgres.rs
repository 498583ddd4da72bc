//! What a server can do to its clients.

use std::thread;
use std::time::{Duration, Instant};

use qstride_study::{StorageError, storage};

use crate::Place;
use crate::conformance::{begin, read, study};
use crate::server::Database;
use crate::workers::workers_survive;

/// Every other connection to the database ends.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
fn cut_connections_lose_and_double_nothing() {
    let Some(place) = Database::new() else { return };
    workers_survive(
        || place.open(),
        100,
        || {
            thread::sleep(Duration::from_millis(150));
            place.execute(CUT);
            true
        },
    );
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let start = Instant::now();
    let address = "postgresql://me:geheim@127.0.0.1:1/studies";
    let Err(error) = storage::open_with_patience(address, Duration::from_millis(300)) else {
        panic!("port 1 answers");
    };
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(
        matches!(error, StorageError::Unreachable { .. }),
        "{error:?}"
    );
    let said = format!("{error} {error:?}");
    assert!(
        said.contains("postgresql://me@127.0.0.1:1/studies"),
        "{said}"
    );
    assert!(!said.contains("geheim"), "{said}");
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let Some(place) = Database::new() else { return };
    let Err(error) = storage::open(&format!("{}_gone", place.address)) else {
        panic!("the database is there");
    };
    assert!(error.to_string().contains("createdb"), "{error}");
}

#[test]
fn other_schemas_are_refused() {
    let Some(place) = Database::new() else { return };
    drop(place.open());
    for (change, found) in [
        (
            "UPDATE alembic_version SET version_num = 'v3.0.0.d'",
            "v3.0.0.d",
        ),
        ("DROP TABLE alembic_version", "without a version"),
    ] {
        place.execute(change);
        let Err(error) = storage::open(&place.address) else {
            panic!("{change} was not noticed");
        };
        assert!(matches!(error, StorageError::Schema { .. }), "{error:?}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn steps_beyond_the_tables_are_refused() {
    let Some(place) = Database::new() else { return };
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    let said = storage.report(trial.id, 1 << 40, 1.0).unwrap_err();
    assert!(said.to_string().contains("32 bits"), "{said}");
    // The connection is as good as before.
    storage.report(trial.id, 1, 1.0).unwrap();
    assert_eq!(
        read(storage.as_mut(), study, trial.id).last_report,
        Some((1, 1.0))
    );
}
