//! SQLite: one file for the workers of one machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::driver::{Datum, Dialect, Driver, Failure, Row};

const DIALECT: Dialect = Dialect {
    now: "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    // Optuna's CURRENT_TIMESTAMP, with the fraction of the second.
    alive: "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    silence: "(unixepoch('now', 'subsec') - unixepoch(h.heartbeat, 'subsec'))",
    // The transaction has locked the whole file.
    lock: "",
    any: ("IN (SELECT value FROM json_each(", "))"),
    parameter: "?",
};

/// How many prepared statements are kept: more than there are.
const STATEMENTS: usize = 64;

/// A file with SQLite's tables.
///
/// Its journal is a write-ahead log, so that readers and the writer do not wait for each other; every transaction that writes begins with
/// `BEGIN IMMEDIATE`, so that it never has to be given up half-way.
pub(super) struct Sqlite {
    path: PathBuf,
    address: String,
    patience: Duration,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    identity: Option<Identity>,
}

/// Which file it is, whatever its name.
type Identity = (u64, u64);

impl Sqlite {
    pub fn new(path: &Path, address: &str, patience: Duration) -> Result<Self, Failure> {
        // Whoever changes the working folder later keeps the file.
        let path = std::path::absolute(path).map_err(|e| Failure::Absent(e.to_string()))?;
        Ok(Self {
            path,
            address: address.to_owned(),
            patience,
            open: None,
        })
    }

    fn open(&mut self) -> Result<&Open, Failure> {
        if self.open.is_none() {
            self.open = Some(self.connect()?);
        }
        let open = self.open.as_ref();
        let open = open.ok_or_else(|| Failure::Other("no connection".to_owned()))?;
        // SQLite would go on writing to a file that nobody can ever open again.
        if open.connection.is_autocommit() && identity(&self.path) != open.identity {
            return Err(Failure::Absent(
                "the file was moved, deleted or replaced while it was in use; start again to make a new one".to_owned(),
            ));
        }
        Ok(open)
    }

    fn connect(&self) -> Result<Open, Failure> {
        if let Some(folder) = self.path.parent()
            && !folder.is_dir()
        {
            let folder = folder.display();
            return Err(Failure::Absent(format!("there is no folder {folder}")));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failure)?;
        connection.busy_timeout(self.patience).map_err(failure)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        self.write_ahead(&connection)?;
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
            .map_err(failure)?;
        Ok(Open {
            identity: identity(&self.path),
            connection,
        })
    }

    /// Sets the journal mode, which the file keeps. SQLite does not wait for a lock here when several processes do this to a new file at
    /// once. A file that cannot be written stays as it is.
    fn write_ahead(&self, connection: &Connection) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            match connection
                .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
                .map_err(failure)
            {
                Ok(()) | Err(Failure::ReadOnly) => return Ok(()),
                Err(Failure::Locked) if start.elapsed() < self.patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Driver for Sqlite {
    fn address(&self) -> &str {
        &self.address
    }

    fn query(&mut self, sql: &'static str, values: &[Datum]) -> Result<Vec<Row>, Failure> {
        let open = self.open()?;
        let sql = DIALECT.spell(sql);
        let mut statement = open.connection.prepare_cached(&sql).map_err(failure)?;
        let columns = statement.column_count();
        let values = rusqlite::params_from_iter(values.iter().map(value));
        let mut found = statement.query(values).map_err(failure)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failure)? {
            let data = (0..columns).map(|column| row.get_ref(column).map(datum));
            rows.push(Row(data.collect::<Result<_, _>>().map_err(failure)?));
        }
        Ok(rows)
    }

    fn begin(&mut self) -> Result<(), Failure> {
        let open = self.open()?;
        open.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(failure)
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let open = self.open()?;
        open.connection.execute_batch("COMMIT").map_err(failure)
    }

    fn rollback(&mut self) {
        if let Some(open) = &self.open
            && !open.connection.is_autocommit()
            && open.connection.execute_batch("ROLLBACK").is_err()
        {
            self.open = None;
        }
    }

    fn disconnect(&mut self) {
        self.open = None;
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn tables(&mut self) -> Result<Vec<Row>, Failure> {
        self.query("SELECT name FROM sqlite_master WHERE type = 'table'", &[])
    }

    fn lock_schema(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn create_tables(&mut self) -> Result<(), Failure> {
        let open = self.open()?;
        open.connection
            .execute_batch(include_str!("sqlite.sql"))
            .map_err(failure)
    }
}

fn value(datum: &Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Int(value) => Value::Integer(*value),
        Datum::Real(value) => Value::Real(*value),
        Datum::Text(text) => Value::Text(text.clone()),
        // For json_each.
        Datum::Ids(ids) => Value::Text(format!("{ids:?}")),
    }
}

fn datum(value: ValueRef<'_>) -> Datum {
    match value {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(value) => Datum::Int(value),
        ValueRef::Real(value) => Datum::Real(value),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Datum::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some((0, 0))
}

fn failure(error: rusqlite::Error) -> Failure {
    let rusqlite::Error::SqliteFailure(code, text) = &error else {
        return Failure::Other(error.to_string());
    };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Failure::Locked,
        ErrorCode::ReadOnly => Failure::ReadOnly,
        ErrorCode::CannotOpen => Failure::Absent(error.to_string()),
        ErrorCode::NotADatabase => Failure::Content {
            what: "the file".to_owned(),
            found: "no SQLite database".to_owned(),
        },
        ErrorCode::DatabaseCorrupt => Failure::Content {
            what: "the file".to_owned(),
            found: text.clone().unwrap_or_else(|| "damaged".to_owned()),
        },
        ErrorCode::ConstraintViolation => match code.extended_code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Failure::Missing,
            _ => Failure::Other(error.to_string()),
        },
        _ => Failure::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32) -> Failure {
        failure(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn every_code_has_its_failure() {
        assert!(matches!(of(ffi::SQLITE_BUSY), Failure::Locked));
        assert!(matches!(of(ffi::SQLITE_LOCKED), Failure::Locked));
        assert!(matches!(of(ffi::SQLITE_READONLY), Failure::ReadOnly));
        assert!(matches!(
            of(ffi::SQLITE_READONLY_DIRECTORY),
            Failure::ReadOnly
        ));
        assert!(matches!(of(ffi::SQLITE_CANTOPEN), Failure::Absent(_)));
        assert!(matches!(of(ffi::SQLITE_NOTADB), Failure::Content { .. }));
        assert!(matches!(of(ffi::SQLITE_CORRUPT), Failure::Content { .. }));
        assert!(matches!(of(ffi::SQLITE_FULL), Failure::Other(_)));
    }
}
