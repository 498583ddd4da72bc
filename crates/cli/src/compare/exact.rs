//! Numbers in JSON that come back to the last bit, those that are not finite included: they are written as words.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Finite(f64),
    Word(&'a str),
}

fn write(value: f64) -> Number<'static> {
    match value {
        v if v.is_finite() => Number::Finite(v),
        v if v.is_nan() => Number::Word("NaN"),
        v if v > 0.0 => Number::Word("inf"),
        _ => Number::Word("-inf"),
    }
}

fn read<E: Error>(number: Number<'_>) -> Result<f64, E> {
    match number {
        Number::Finite(value) => Ok(value),
        Number::Word("NaN") => Ok(f64::NAN),
        Number::Word("inf") => Ok(f64::INFINITY),
        Number::Word("-inf") => Ok(f64::NEG_INFINITY),
        Number::Word(word) => Err(E::custom(format!("`{word}` is no number"))),
    }
}

/// Writes one number.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    write(*value).serialize(serializer)
}

/// Reads one number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    read(Number::deserialize(deserializer)?)
}

/// A number or none.
pub mod optional {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer, read, write};

    /// Writes it.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(write).serialize(serializer)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Option::<Number<'_>>::deserialize(deserializer)?
            .map(read)
            .transpose()
    }
}

/// Points of a curve.
pub mod pairs {
    use super::{Deserialize, Deserializer, Number, Serializer, read, write};

    /// Writes them.
    pub fn serialize<S: Serializer>(
        pairs: &[(u64, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(pairs.iter().map(|&(cost, value)| (cost, write(value))))
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(u64, f64)>, D::Error> {
        let pairs = Vec::<(u64, Number<'_>)>::deserialize(deserializer)?;
        pairs
            .into_iter()
            .map(|(cost, value)| Ok((cost, read(value)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Row {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "optional")]
        maybe: Option<f64>,
        #[serde(with = "pairs")]
        curve: Vec<(u64, f64)>,
    }

    #[test]
    fn every_number_comes_back() {
        for value in [
            0.1 + 0.2,
            -0.0,
            5e-324,
            f64::MAX,
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
        ] {
            let row = Row {
                one: value,
                maybe: Some(value),
                curve: vec![(3, value)],
            };
            let text = serde_json::to_string(&row).unwrap();
            let back: Row = serde_json::from_str(&text).unwrap();
            for read in [back.one, back.maybe.unwrap(), back.curve[0].1] {
                assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            }
        }
        let none = r#"{"one": 1, "maybe": null, "curve": []}"#;
        assert_eq!(serde_json::from_str::<Row>(none).unwrap().maybe, None);
        let wrong = r#"{"one": "one", "maybe": null, "curve": []}"#;
        let error = serde_json::from_str::<Row>(wrong).err().unwrap();
        assert!(error.to_string().contains("`one` is no number"));
    }
}
