//! What stands in the cells: values, times, JSON as Python writes it, distributions of all of Optuna's ages.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use time::{Date, Month, OffsetDateTime, Time};

use super::driver::Datum;
use crate::{Distribution, SpaceError};

/// A value's cell and its kind: a number that is finite stands in the cell, the others in the kind. Bits are kept, but for SQLite's -0,
/// which comes back as 0.
pub(super) fn cells(value: f64) -> (Datum, Datum) {
    let kind = if value.is_nan() {
        "NAN"
    } else if value == f64::INFINITY {
        "INF_POS"
    } else if value == f64::NEG_INFINITY {
        "INF_NEG"
    } else {
        return (value.into(), "FINITE".into());
    };
    (Datum::Null, kind.into())
}

/// The value of a cell and its kind; none where it is missing or the kind unknown.
pub(super) fn value(cell: Option<f64>, kind: &str) -> Option<f64> {
    match kind {
        "FINITE" => cell,
        "INF_POS" => Some(f64::INFINITY),
        "INF_NEG" => Some(f64::NEG_INFINITY),
        "NAN" => Some(f64::NAN),
        _ => None,
    }
}

/// A time like `2026-11-23 01:33:05.504025`, with any number of decimals.
pub(super) fn time(text: &str) -> Option<OffsetDateTime> {
    let (date, clock) = text.split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-');
    let year = date.next()?.parse().ok()?;
    let month: u8 = date.next()?.parse().ok()?;
    let day = date.next()?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let (clock, decimals) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let fraction: f64 = format!("0.{decimals}").parse().ok()?;
    let micro = ((fraction * 1e6).round() as u32).min(999_999);
    let time = Time::from_hms_micro(hour, minute, second, micro).ok()?;
    Some(date.with_time(time).assume_utc())
}

/// JSON as Python writes it, where NaN and infinities stand bare: they become the texts "NaN", "Infinity" and "-Infinity", for JSON has no
/// such numbers.
pub(super) fn json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&quoted(text)))
}

/// The text with quotes around NaN and infinities outside of strings.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| !in_string && rest.starts_with(word));
        let length = match (word, first) {
            (Some(word), _) => {
                out.push('"');
                out.push_str(word);
                out.push('"');
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') => {
                let escaped = rest[1..].chars().next();
                1 + escaped.map_or(0, char::len_utf8)
            }
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, other) => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Distributions by their texts, so that each text is read once and trials share what it says.
#[derive(Default)]
pub(super) struct Distributions(HashMap<String, Arc<Distribution>>);

impl Distributions {
    pub fn get(&mut self, name: &str, text: &str) -> Result<Arc<Distribution>, String> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let read: Written = serde_json::from_str(text).map_err(|e| format!("{text} ({e})"))?;
        let read = read.understood(name).map_err(|e| e.to_string())?;
        let read = Arc::new(read);
        self.0.insert(text.to_owned(), read.clone());
        Ok(read)
    }
}

/// A distribution as it may be written: today's, or one of those that Optuna wrote before 3.0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Today(Distribution),
    Old(Old),
}

#[derive(Deserialize)]
#[serde(tag = "name", content = "attributes")]
enum Old {
    UniformDistribution {
        low: f64,
        high: f64,
    },
    LogUniformDistribution {
        low: f64,
        high: f64,
    },
    DiscreteUniformDistribution {
        low: f64,
        high: f64,
        q: f64,
    },
    IntUniformDistribution {
        low: i64,
        high: i64,
        step: Option<i64>,
    },
    IntLogUniformDistribution {
        low: i64,
        high: i64,
    },
}

impl Written {
    fn understood(self, name: &str) -> Result<Distribution, SpaceError> {
        let old = match self {
            Self::Today(distribution) => return distribution.checked(name),
            Self::Old(old) => old,
        };
        match old {
            Old::UniformDistribution { low, high } => Distribution::float(name, low, high),
            Old::LogUniformDistribution { low, high } => {
                Distribution::float(name, low, high)?.log(name)
            }
            Old::DiscreteUniformDistribution { low, high, q } => {
                Distribution::float(name, low, high)?.step(name, q)
            }
            Old::IntUniformDistribution { low, high, step } => {
                Distribution::int(name, low, high)?.step(name, step.unwrap_or(1) as f64)
            }
            Old::IntLogUniformDistribution { low, high } => {
                Distribution::int(name, low, high)?.log(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_decimals() {
        let at = |text: &str| time(text).unwrap().unix_timestamp_nanos();
        assert_eq!(at("1970-01-01 00:00:01"), 1_000_000_000);
        assert_eq!(at("1970-01-01 00:00:01.5"), 1_500_000_000);
        assert_eq!(at("1970-01-01 00:00:00.999999"), 999_999_000);
        assert_eq!(
            at("2026-11-23T01:33:05.504025") % 1_000_000_000,
            504_025_000
        );
        assert!(time("yesterday").is_none() && time("2026-13-01 00:00:00").is_none());
    }

    #[test]
    fn python_writes_numbers_that_json_has_not() {
        let text = r#"{"a": NaN, "b": [-Infinity, Infinity, "NaN \" NaN \\"], "ü\"": -1}"#;
        let expected = serde_json::json!({"a": "NaN", "b": ["-Infinity", "Infinity", "NaN \" NaN \\"], "ü\"": -1});
        assert_eq!(json(text).unwrap(), expected);
        assert!(json("{").is_err() && json("\\").is_err());
    }

    #[test]
    fn old_distributions_are_todays() {
        let mut known = Distributions::default();
        let mut read = |text: &str| known.get("x", text).map(|read| (*read).clone());
        let float = Distribution::float("x", 0.5, 2.0).unwrap();
        let int = Distribution::int("x", 1, 9).unwrap();
        let old = |name: &str, rest: &str| format!(r#"{{"name": "{name}", "attributes": {rest}}}"#);
        let floats = r#"{"low": 0.5, "high": 2}"#;
        let ints = r#"{"low": 1, "high": 9, "step": 1}"#;
        assert_eq!(read(&old("UniformDistribution", floats)), Ok(float.clone()));
        assert_eq!(
            read(&old("LogUniformDistribution", floats)),
            Ok(float.clone().log("x").unwrap())
        );
        assert_eq!(
            read(&old(
                "DiscreteUniformDistribution",
                r#"{"low": 0.5, "high": 2, "q": 0.5}"#
            )),
            Ok(float.step("x", 0.5).unwrap())
        );
        assert_eq!(read(&old("IntUniformDistribution", ints)), Ok(int.clone()));
        assert_eq!(
            read(&old("IntLogUniformDistribution", ints)),
            Ok(int.log("x").unwrap())
        );
        assert!(read(&old("NoDistribution", ints)).is_err());
        assert!(
            read(&old(
                "FloatDistribution",
                r#"{"step": null, "low": 2, "high": 1, "log": false}"#
            ))
            .is_err()
        );
    }

    #[test]
    fn every_number_has_its_cells() {
        for number in [
            0.1,
            -0.0,
            5e-324,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ] {
            let (cell, kind) = cells(number);
            let (Datum::Text(kind), cell) = (
                kind,
                if let Datum::Real(v) = cell {
                    Some(v)
                } else {
                    None
                },
            ) else {
                panic!("the kind is a text");
            };
            assert_eq!(value(cell, &kind).map(f64::to_bits), Some(number.to_bits()));
        }
    }
}
