//! PostgreSQL: a server for workers on many machines.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use bytes::BytesMut;
use postgres::error::SqlState;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use super::driver::{Datum, Dialect, Driver, Failure, Row};

const DIALECT: Dialect = Dialect {
    now: "(clock_timestamp() AT TIME ZONE 'utc')",
    // What Optuna's now() becomes in a column without a time zone: the time of the server's zone. Optuna compares it with its own.
    alive: "CAST(clock_timestamp() AS TIMESTAMP)",
    silence: "CAST(EXTRACT(EPOCH FROM CAST(clock_timestamp() AS TIMESTAMP) - h.heartbeat) AS DOUBLE PRECISION)",
    lock: "FOR UPDATE",
    any: ("= ANY(", ")"),
    parameter: "$",
};

/// The advisory lock of who makes the tables; any number that others hardly take.
const SCHEMA_LOCK: &str = "SELECT 1 FROM pg_advisory_xact_lock(7168301265)";

type Fault = Box<dyn std::error::Error + Sync + Send>;

/// A PostgreSQL server.
pub(super) struct Postgres {
    config: Config,
    address: String,
    patience: Duration,
    link: Option<Link>,
}

struct Link {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Postgres {
    pub fn new(config: &Config, address: &str, patience: Duration) -> Self {
        Self {
            config: config.clone(),
            address: address.to_owned(),
            patience,
            link: None,
        }
    }

    fn link(&mut self) -> Result<&mut Link, Failure> {
        match &mut self.link {
            Some(link) => Ok(link),
            absent => {
                let mut client = self.config.connect(NoTls).map_err(|e| failure(&e))?;
                client
                    .batch_execute("SET DateStyle = 'ISO'")
                    .map_err(|e| failure(&e))?;
                Ok(absent.insert(Link {
                    client,
                    statements: HashMap::new(),
                }))
            }
        }
    }

    fn simple(&mut self, sql: &str) -> Result<(), Failure> {
        let done = self.link()?.client.batch_execute(sql);
        done.map_err(|e| failure(&e))
    }
}

impl Driver for Postgres {
    fn address(&self) -> &str {
        &self.address
    }

    fn query(&mut self, sql: &'static str, values: &[Datum]) -> Result<Vec<Row>, Failure> {
        let Link { client, statements } = self.link()?;
        let statement = match statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let prepared = client.prepare(&DIALECT.spell(sql));
                let prepared = prepared.map_err(|e| failure(&e))?;
                statements.insert(sql, prepared.clone());
                prepared
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        let rows = client.query(&statement, &values).map_err(|e| failure(&e))?;
        rows.iter()
            .map(|row| {
                let data = (0..row.len()).map(|column| row.try_get(column));
                data.collect::<Result<_, _>>()
                    .map(Row)
                    .map_err(|e| failure(&e))
            })
            .collect()
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.simple("BEGIN")
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.simple("COMMIT")
    }

    fn rollback(&mut self) {
        if let Some(link) = &mut self.link
            && link.client.batch_execute("ROLLBACK").is_err()
        {
            self.link = None;
        }
    }

    fn disconnect(&mut self) {
        self.link = None;
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn tables(&mut self) -> Result<Vec<Row>, Failure> {
        self.query(
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = ANY(current_schemas(false))",
            &[],
        )
    }

    fn lock_schema(&mut self) -> Result<(), Failure> {
        self.query(SCHEMA_LOCK, &[]).map(|_| ())
    }

    fn create_tables(&mut self) -> Result<(), Failure> {
        self.simple(include_str!("postgres.sql"))
    }
}

impl ToSql for Datum {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT4 => narrow(*value)?.to_sql(ty, out),
            Self::Int(value) if *ty == Type::FLOAT8 => (*value as f64).to_sql(ty, out),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Real(value) => value.to_sql(ty, out),
            // Enumerations travel as their names.
            Self::Text(text) => text.to_sql(ty, out),
            Self::Ids(ids) => {
                let ids: Result<Vec<i32>, Fault> = ids.iter().copied().map(narrow).collect();
                ids?.to_sql(ty, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn narrow(value: i64) -> Result<i32, Fault> {
    i32::try_from(value).map_err(|_| {
        format!("{value} is beyond the 32 bits that Optuna's tables have for ids and steps").into()
    })
}

impl<'a> FromSql<'a> for Datum {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        Ok(match *ty {
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            _ => Self::Text(String::from_utf8(raw.to_vec())?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What the server says, or what lies below.
fn reason(error: &postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn failure(error: &postgres::Error) -> Failure {
    let reason = reason(error);
    let Some(code) = error.code() else {
        let below = error.source().is_some_and(|s| s.is::<std::io::Error>());
        return if error.is_closed() || below {
            Failure::Lost(reason)
        } else {
            Failure::Other(reason)
        };
    };
    match *code {
        // A class of codes for broken connections, and those of a server that stops, starts or has no room for another client.
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS => Failure::Lost(reason),
        _ if code.code().starts_with("08") => Failure::Lost(reason),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            Failure::Conflict(reason)
        }
        SqlState::LOCK_NOT_AVAILABLE => Failure::Locked,
        SqlState::FOREIGN_KEY_VIOLATION => Failure::Missing,
        SqlState::INVALID_CATALOG_NAME => {
            Failure::Absent(format!("{reason}; make it with createdb"))
        }
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            Failure::Absent(reason)
        }
        _ => Failure::Other(reason),
    }
}
