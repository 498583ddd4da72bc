//! Databases on the PostgreSQL server that the environment names.

use std::sync::atomic::{AtomicU64, Ordering};

use postgres::{Client, NoTls};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The value of a variable of the environment that a test needs. Without it the test is skipped, or fails where all tests must run.
pub fn needed(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        assert!(
            std::env::var_os("QSTRIDE_ALL_TESTS").is_none(),
            "{variable} is not set, and all tests must run"
        );
        println!("skipped: {variable} is not set");
    }
    value
}

/// An empty database of a test's own, dropped with it.
pub struct Database {
    server: String,
    name: String,
    pub address: String,
}

impl Database {
    pub fn new() -> Option<Self> {
        let server = needed("QSTRIDE_TEST_POSTGRES")?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("qstride_test_{}_{count}", std::process::id());
        let (before, _) = server.rsplit_once('/').unwrap();
        let database = Self {
            address: format!("{before}/{name}"),
            server,
            name,
        };
        let make = format!("CREATE DATABASE {}", database.name);
        database.administer(&make);
        Some(database)
    }

    /// A statement on the server, outside of the database.
    fn administer(&self, sql: &str) {
        let mut client = Client::connect(&self.server, NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
