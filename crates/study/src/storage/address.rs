//! Where a storage is, in one line, and the same line without its password.

use std::path::PathBuf;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode};

use crate::StorageError;

/// An address that was understood.
pub(super) enum Address {
    Memory,
    Sqlite(PathBuf),
    Postgres(Box<Config>),
}

/// What stands for a whole address that cannot be shown.
const HIDDEN: &str = "***";

impl Address {
    /// The address in parts, and as it may be shown to anybody.
    pub fn read(text: &str) -> Result<(Self, String), StorageError> {
        if text == "memory" {
            return Ok((Self::Memory, text.to_owned()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return bare(text);
        };
        let (scheme, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        let wrong = |reason: &str| {
            let shown = format!("{scheme}://{HIDDEN}");
            Err(address(shown, reason))
        };
        match (scheme, driver) {
            ("sqlite", "" | "pysqlite") => sqlite(rest),
            ("postgres" | "postgresql", _) => server(rest),
            ("mysql" | "mariadb" | "oracle" | "mssql", _) => {
                wrong("only SQLite and PostgreSQL are supported")
            }
            _ => wrong("the part before :// is unknown"),
        }
    }
}

fn address(address: String, reason: &str) -> StorageError {
    let reason = reason.to_owned();
    StorageError::Address { address, reason }
}

/// A path without a scheme.
fn bare(text: &str) -> Result<(Address, String), StorageError> {
    let endings = [".db", ".sqlite", ".sqlite3"];
    if endings.iter().any(|ending| text.ends_with(ending)) {
        return Ok((Address::Sqlite(text.into()), text.to_owned()));
    }
    // The key=value form of libpq, for one, may hold a password.
    let harmless = !text.contains(['=', '@', ':']);
    let shown = if harmless { text } else { HIDDEN };
    Err(address(
        shown.to_owned(),
        "a file without sqlite:/// before it must end in .db, .sqlite or .sqlite3",
    ))
}

fn sqlite(rest: &str) -> Result<(Address, String), StorageError> {
    let shown = format!("sqlite://{rest}");
    let Some(file) = rest.strip_prefix('/') else {
        let reason =
            "it takes three slashes before a relative path, and four in all before an absolute one";
        return Err(address(shown, reason));
    };
    match file {
        "" | ":memory:" => Err(address(shown, "a study in memory is called memory")),
        file if file.contains('?') => Err(address(shown, "options after ? are not supported")),
        file => Ok((Address::Sqlite(file.into()), shown)),
    }
}

fn server(rest: &str) -> Result<(Address, String), StorageError> {
    let wrong = |reason: &str| address(format!("postgresql://{HIDDEN}"), reason);
    // What is not encoded could end up in the wrong part, and be shown.
    let credentials = rest.rsplit_once('@').map_or("", |(before, _)| before);
    if credentials.contains(['@', '/', '?', '#']) {
        return Err(wrong(
            "the characters @ / ? # in a user's name or password must be written as %40 %2F %3F %23",
        ));
    }
    let parsed = format!("postgresql://{rest}").parse::<Config>();
    // The parser names the option that is wrong, never its value.
    let mut config = parsed.map_err(|error| {
        let below = std::error::Error::source(&error).map(ToString::to_string);
        wrong(&below.unwrap_or_else(|| error.to_string()))
    })?;
    let shown = shown(&config);
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_ssl_mode() == SslMode::Require {
        let reason = "encrypted connections (sslmode=require) are not supported: use a tunnel (ssh -L 5432:localhost:5432 HOST) or a private network, without sslmode";
        return Err(address(shown, reason));
    }
    if config.get_password().is_none()
        && let Some(password) = std::env::var_os("PGPASSWORD")
    {
        config.password(password.as_encoded_bytes());
    }
    if config.get_application_name().is_none() {
        config.application_name("qstride");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    // A connection that a network forgot is noticed after a minute, not after hours.
    config.keepalives_idle(Duration::from_secs(30));
    config.keepalives_interval(Duration::from_secs(10));
    config.keepalives_retries(3);
    config.tcp_user_timeout(Duration::from_secs(60));
    Ok((Address::Postgres(Box::new(config)), shown))
}

/// Made from the parts that may be seen.
fn shown(config: &Config) -> String {
    let user = config.get_user().map_or(String::new(), |u| format!("{u}@"));
    let ports = config.get_ports();
    let host = |(at, host): (usize, &Host)| {
        let port = ports.get(at).or(ports.first());
        let port = port.filter(|&&port| port != 5432);
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        match host {
            Host::Tcp(name) => format!("{name}{port}"),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{}{port}", folder.display()),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    let database = config.get_dbname().unwrap_or_default();
    format!("postgresql://{user}{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Address, String) {
        Address::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        match Address::read(text) {
            Ok((_, shown)) => panic!("{text} was taken for {shown}"),
            Err(error) => format!("{error} {error:?}"),
        }
    }

    #[test]
    fn files_are_relative_or_absolute() {
        let file = |text: &str| match read(text) {
            (Address::Sqlite(file), shown) => {
                assert_eq!(shown, text);
                file
            }
            _ => panic!("{text} is no file"),
        };
        assert_eq!(file("sqlite:///a.db"), PathBuf::from("a.db"));
        assert_eq!(file("sqlite:////a/b"), PathBuf::from("/a/b"));
        assert_eq!(file("a/b.sqlite3"), PathBuf::from("a/b.sqlite3"));
        assert!(matches!(read("memory").0, Address::Memory));
    }

    #[test]
    fn no_password_is_ever_shown() {
        let secret = "se%40cret";
        let taken = [
            format!("postgres://me:{secret}@db.example:5433/studies"),
            format!("postgresql+psycopg2://me:{secret}@db.example:5433/studies"),
            format!("postgresql://me@db.example:5433/studies?password={secret}"),
            format!("postgresql://me@db.example:5433/studies?p%61ssword={secret}"),
        ];
        for text in &taken {
            let (parsed, shown) = read(text);
            assert_eq!(shown, "postgresql://me@db.example:5433/studies");
            let Address::Postgres(config) = parsed else {
                panic!("{text} is no server");
            };
            assert_eq!(config.get_password(), Some("se@cret".as_bytes()));
            assert!(!format!("{config:?}").contains("cret"));
        }
        for text in [
            "postgres://me:se@cret@db/studies",
            "postgres://me:se/cret@db/studies",
            "postgres://me:se?cret@db/studies",
            "postgres://db/studies?password=se@cret",
            "postgres://me:secret@db:port/studies",
            "postgres://me:secret@db/studies?sslmode=cret",
            "postgres://me:secret@db/studies?no_such_option=secret",
            "postgres://me:secret@db/studies?sslmode=require",
            "postgrse://me:secret@db/studies",
            "mysql://me:secret@db/studies",
            "host=db user=me password=secret",
        ] {
            let said = refused(text);
            assert!(!said.contains("cret"), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_has_a_way_out() {
        for (text, says) in [
            ("sqlite://a.db", "three slashes"),
            ("sqlite:///:memory:", "called memory"),
            ("study.txt", ".sqlite3"),
            ("mysql://h/d", "only SQLite and PostgreSQL"),
            ("redis://h", "unknown"),
            ("postgres://h/d?sslmode=require", "tunnel"),
            ("postgres://a:b@c@h/d", "%40"),
        ] {
            let said = refused(text);
            assert!(said.contains(says), "{said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn sockets_are_shown_as_their_folder() {
        let (_, shown) = read("postgresql:///d?host=/run/postgresql&user=me&password=secret");
        assert_eq!(shown, "postgresql://me@/run/postgresql/d");
    }
}
