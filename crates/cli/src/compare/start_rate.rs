//! The words of `--start-rates`.

use qstride_control::StartRate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// `auto` or a number above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StartRateWord(pub StartRate);

impl StartRateWord {
    /// Reads one word.
    ///
    /// # Errors
    /// A sentence that says what a start rate is.
    pub fn parse(word: &str) -> Result<Self, String> {
        if word.trim() == "auto" {
            return Ok(Self(StartRate::Auto));
        }
        match word.trim().parse::<f64>() {
            Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Self(StartRate::Given(rate))),
            _ => Err("a start rate is `auto` or a number above 0".to_owned()),
        }
    }
}

impl std::fmt::Display for StartRateWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            StartRate::Auto => f.write_str("auto"),
            StartRate::Given(rate) | StartRate::Times(rate) => write!(f, "{rate:e}"),
        }
    }
}

/// As the word `auto`, or as a number.
impl Serialize for StartRateWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            StartRate::Auto => serializer.serialize_str("auto"),
            StartRate::Given(rate) | StartRate::Times(rate) => serializer.serialize_f64(rate),
        }
    }
}

impl<'de> Deserialize<'de> for StartRateWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Word {
            Number(f64),
            Text(String),
        }
        let word = match Word::deserialize(deserializer)? {
            Word::Number(number) => number.to_string(),
            Word::Text(text) => text,
        };
        Self::parse(&word).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(
            StartRateWord::parse("auto"),
            Ok(StartRateWord(StartRate::Auto))
        );
        assert_eq!(
            StartRateWord::parse(" 1e-4"),
            Ok(StartRateWord(StartRate::Given(1e-4)))
        );
        assert_eq!(StartRateWord(StartRate::Given(1e-4)).to_string(), "1e-4");
        for wrong in ["-1", "0", "inf", "NaN", "", "fast"] {
            assert!(StartRateWord::parse(wrong).is_err(), "{wrong}");
        }
    }
}
