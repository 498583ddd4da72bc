//! What a database must be able to do, so that one set of SQL serves them all.

use std::time::Duration;

/// A value on its way into or out of a database.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    /// Only on the way in, for `{any}?1{end}`.
    Ids(Vec<i64>),
}

/// What a database answers with.
#[derive(Debug)]
pub(super) struct Row(pub Vec<Datum>);

/// What goes wrong in a database.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is gone, and whether the last commit was made is unknown: try again.
    Lost(String),
    /// The database chose this transaction to make room for another (a deadlock): try again.
    Conflict(String),
    /// Others kept the lock for too long.
    Locked,
    /// It cannot be written.
    ReadOnly,
    /// It cannot be reached, and it makes no sense to wait for it.
    Absent(String),
    /// What a row refers to is not there.
    Missing,
    /// Something that cannot be.
    Content { what: String, found: String },
    /// Everything else.
    Other(String),
}

/// How a database spells what SQL has no common word for. Statements hold the names in braces; parameters are `?1`, `?2`, ...
pub(super) struct Dialect {
    /// `{now}`: UTC, without a time zone.
    pub now: &'static str,
    /// `{alive}`: the clock of heartbeats, Optuna's.
    pub alive: &'static str,
    /// `{silence}`: seconds since `h.heartbeat`.
    pub silence: &'static str,
    /// `{lock}` after a SELECT: its rows of the first table stay locked until the end of the transaction.
    pub lock: &'static str,
    /// `{any}?1{end}` after a column: it is one of these ids.
    pub any: (&'static str, &'static str),
    /// What stands before the number of a parameter.
    pub parameter: &'static str,
}

impl Dialect {
    pub fn spell(&self, sql: &str) -> String {
        sql.replace("{now}", self.now)
            .replace("{alive}", self.alive)
            .replace("{silence}", self.silence)
            .replace("{lock}", self.lock)
            .replace("{any}", self.any.0)
            .replace("{end}", self.any.1)
            .replace('?', self.parameter)
    }
}

/// A database. It connects when it is first needed, and again after [`disconnect`](Self::disconnect).
pub(super) trait Driver: Send {
    /// The address without the password.
    fn address(&self) -> &str;

    /// One statement, prepared once for a connection: in the open transaction, or as one of its own.
    fn query(&mut self, sql: &'static str, values: &[Datum]) -> Result<Vec<Row>, Failure>;

    /// A transaction that will write.
    fn begin(&mut self) -> Result<(), Failure>;

    fn commit(&mut self) -> Result<(), Failure>;

    /// Takes the open transaction back, if there is one.
    fn rollback(&mut self);

    fn disconnect(&mut self);

    /// For how long to wait for locks and lost servers.
    fn patience(&self) -> Duration;

    /// The names of all tables.
    fn tables(&mut self) -> Result<Vec<Row>, Failure>;

    /// Inside a transaction: nobody else makes tables now.
    fn lock_schema(&mut self) -> Result<(), Failure>;

    /// Makes the tables.
    fn create_tables(&mut self) -> Result<(), Failure>;
}

impl Row {
    fn at(&self, column: usize) -> &Datum {
        self.0.get(column).unwrap_or(&Datum::Null)
    }

    fn unexpected(&self, column: usize, expected: &str) -> Failure {
        Failure::Content {
            what: format!(
                "column {} of the row {:?}, which should be {expected},",
                column + 1,
                self.0
            ),
            found: format!("{:?}", self.at(column)),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64, Failure> {
        match self.at(column) {
            Datum::Int(value) => Ok(*value),
            _ => Err(self.unexpected(column, "a whole number")),
        }
    }

    pub fn real(&self, column: usize) -> Result<Option<f64>, Failure> {
        match self.at(column) {
            Datum::Null => Ok(None),
            Datum::Real(value) => Ok(Some(*value)),
            Datum::Int(value) => Ok(Some(*value as f64)),
            _ => Err(self.unexpected(column, "a number")),
        }
    }

    pub fn text(&self, column: usize) -> Result<&str, Failure> {
        match self.at(column) {
            Datum::Text(text) => Ok(text),
            _ => Err(self.unexpected(column, "a text")),
        }
    }

    pub fn text_if_any(&self, column: usize) -> Result<Option<&str>, Failure> {
        match self.at(column) {
            Datum::Null => Ok(None),
            _ => self.text(column).map(Some),
        }
    }
}

impl From<i64> for Datum {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Datum {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Datum {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Option<f64>> for Datum {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Null, Self::Real)
    }
}
