//! One suite over every storage, and what each of them must do besides.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect"
)]

mod conformance;
mod postgres;
mod server;
mod sharing;
mod sqlite;
mod workers;

use qstride_study::storage::{self, Storage};

/// Where a test keeps its trials.
pub trait Place: Sync {
    fn open(&self) -> Box<dyn Storage>;

    /// Another program's statement.
    fn execute(&self, sql: &str);
}

/// In memory.
pub struct Memory;

impl Place for Memory {
    fn open(&self) -> Box<dyn Storage> {
        storage::open("memory").unwrap()
    }

    fn execute(&self, sql: &str) {
        panic!("memory knows no {sql}");
    }
}

/// A file in a folder of its own.
pub struct File(pub tempfile::TempDir);

impl File {
    pub fn new() -> Option<Self> {
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.0.path().join("study.db")
    }

    pub fn address(&self) -> String {
        format!("sqlite:///{}", self.path().display())
    }
}

impl Place for File {
    fn open(&self) -> Box<dyn Storage> {
        storage::open(&self.address()).unwrap()
    }

    fn execute(&self, sql: &str) {
        let file = rusqlite::Connection::open(self.path()).unwrap();
        file.execute_batch(sql).unwrap();
    }
}

impl Place for server::Database {
    fn open(&self) -> Box<dyn Storage> {
        storage::open(&self.address).unwrap()
    }

    fn execute(&self, sql: &str) {
        let mut client = ::postgres::Client::connect(&self.address, ::postgres::NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }
}

macro_rules! over {
    ($place:expr, $suite:ident: $($test:ident),+ $(,)?) => {
        $(#[test]
        fn $test() {
            if let Some(place) = $place {
                crate::$suite::$test(&place);
            }
        })+
    };
}

macro_rules! suite {
    ($module:ident, $place:expr) => {
        mod $module {
            over!($place, conformance:
                studies_come_and_go,
                names_of_all_kinds,
                attributes_come_back,
                a_life_of_a_trial,
                every_kind_of_parameter_is_exact,
                values_that_are_not_finite,
                reports_ascend_and_replace,
                the_waiting_go_first,
                the_cap_counts_what_counts,
                handing_back_keeps_the_parameters,
                the_dead_are_given_once,
                trials_are_read_by_id_and_after_one,
                what_is_unknown_is_named,
                two_studies_do_not_meet,
            );
        }
    };
}

suite!(in_memory, Some(crate::Memory));
suite!(in_sqlite, crate::File::new());
suite!(in_postgres, crate::server::Database::new());

macro_rules! shared {
    ($module:ident, $place:expr) => {
        mod $module {
            over!($place, sharing:
                the_cap_is_exact,
                every_waiting_trial_is_taken_once,
                every_dead_trial_is_given_once,
                enqueueing_at_once_gives_distinct_numbers,
                opening_at_once_makes_the_tables_once,
                a_study_is_created_once,
                a_study_deleted_under_its_workers_is_gone,
                names_that_are_too_long_are_refused,
                a_handed_back_trial_is_the_next_workers_alone,
                several_objectives_are_listed_but_not_opened,
            );
        }
    };
}

shared!(sharing_sqlite, crate::File::new());
shared!(sharing_postgres, crate::server::Database::new());
