//! The server is restarted under its workers. A program of its own, for no other test can use the server meanwhile.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect"
)]

#[path = "storage/server.rs"]
mod server;
#[path = "storage/workers.rs"]
mod workers;

use std::process::Command;
use std::thread;
use std::time::Duration;

use qstride_study::storage;
use server::{Database, needed};

#[test]
fn a_restart_loses_and_doubles_nothing() {
    let Some(restart) = needed("QSTRIDE_TEST_POSTGRES_RESTART") else {
        return;
    };
    let Some(place) = Database::new() else { return };
    let mut restarted = false;
    workers::workers_survive(
        || storage::open(&place.address).unwrap(),
        300,
        || {
            thread::sleep(Duration::from_millis(300));
            if restarted {
                return false;
            }
            let status = Command::new("sh").args(["-c", &restart]).status().unwrap();
            assert!(status.success());
            restarted = true;
            true
        },
    );
}
