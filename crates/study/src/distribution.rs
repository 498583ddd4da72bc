//! What values a parameter may take, as Optuna writes it down.

use serde::{Deserialize, Serialize};

use crate::SpaceError;

/// One of the choices of a categorical parameter: what JSON has besides arrays and objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
}

/// What values a parameter may take. As JSON it is what Optuna stores:
///
/// ```
/// use qstride_study::Distribution;
///
/// let rate = Distribution::float("lr", 1e-5, 0.1).unwrap().log("lr").unwrap();
/// let json = serde_json::to_string(&rate).unwrap();
/// assert_eq!(json, r#"{"name":"FloatDistribution","attributes":{"step":null,"low":0.00001,"high":0.1,"log":true}}"#);
/// assert_eq!(serde_json::from_str::<Distribution>(&json).unwrap(), rate);
/// ```
///
/// Every value is kept as one `f64`, Optuna's internal representation: a float as itself, an int as a float, a choice as its index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "attributes")]
pub enum Distribution {
    /// A real number in [low, high]; with a step one of low, low + step, ...
    #[serde(rename = "FloatDistribution")]
    Float {
        /// Distance of neighbouring values, or none. Not together with `log`.
        step: Option<f64>,
        /// The least value.
        low: f64,
        /// The greatest value; one that the step reaches.
        high: f64,
        /// Searched on a logarithmic scale.
        log: bool,
    },
    /// A whole number in [low, high].
    #[serde(rename = "IntDistribution")]
    Int {
        /// Searched on a logarithmic scale.
        log: bool,
        /// Distance of neighbouring values, 1 or more; 1 together with `log`.
        step: i64,
        /// The least value.
        low: i64,
        /// The greatest value; one that the step reaches.
        high: i64,
    },
    /// One of several choices without an order.
    #[serde(rename = "CategoricalDistribution")]
    Categorical {
        /// The choices.
        choices: Vec<Choice>,
    },
}

/// Whole numbers beyond this are not exact as `f64`.
const EXACT: i64 = 1 << 53;

impl Distribution {
    /// The real numbers of [low, high]; `name` is for the message of an error.
    ///
    /// # Errors
    ///
    /// When low > high or one of them is not finite.
    pub fn float(name: &str, low: f64, high: f64) -> Result<Self, SpaceError> {
        let distribution = Self::Float {
            step: None,
            low,
            high,
            log: false,
        };
        distribution.checked(name)
    }

    /// The whole numbers of [low, high].
    ///
    /// # Errors
    ///
    /// When low > high, or beyond ±2^53.
    pub fn int(name: &str, low: i64, high: i64) -> Result<Self, SpaceError> {
        let distribution = Self::Int {
            log: false,
            step: 1,
            low,
            high,
        };
        distribution.checked(name)
    }

    /// One of these choices.
    ///
    /// # Errors
    ///
    /// When there is none, or one twice.
    pub fn categorical(name: &str, choices: Vec<Choice>) -> Result<Self, SpaceError> {
        Self::Categorical { choices }.checked(name)
    }

    /// The same on a logarithmic scale.
    ///
    /// # Errors
    ///
    /// When low <= 0 (floats) or low < 1 (ints), with a step, or for choices.
    pub fn log(mut self, name: &str) -> Result<Self, SpaceError> {
        match &mut self {
            Self::Float { log, .. } | Self::Int { log, .. } => *log = true,
            Self::Categorical { .. } => {
                return Err(SpaceError::NoScale {
                    name: name.to_owned(),
                });
            }
        }
        self.checked(name)
    }

    /// The same in steps from `low`. As with Optuna, `high` is lowered to the last value that a step reaches.
    ///
    /// # Errors
    ///
    /// When the step is not above 0, with `log`, for choices, or for an int when it is not whole.
    pub fn step(mut self, name: &str, by: f64) -> Result<Self, SpaceError> {
        let bad = || SpaceError::BadStep {
            name: name.to_owned(),
            step: by,
        };
        if !(by > 0.0) || !by.is_finite() {
            return Err(bad());
        }
        match &mut self {
            Self::Float {
                step, low, high, ..
            } => {
                *step = Some(by);
                *high = last_reached(*low, *high, by);
            }
            Self::Int {
                step, low, high, ..
            } => {
                if by.fract() != 0.0 || by > EXACT as f64 {
                    return Err(bad());
                }
                *step = by as i64;
                *high = *low + (*high - *low) / *step * *step;
            }
            Self::Categorical { .. } => {
                return Err(SpaceError::NoScale {
                    name: name.to_owned(),
                });
            }
        }
        self.checked(name)
    }

    /// Itself, if it makes sense: for what was read from a file or a database.
    ///
    /// # Errors
    ///
    /// As the constructors.
    pub fn checked(self, name: &str) -> Result<Self, SpaceError> {
        let name = || name.to_owned();
        match &self {
            Self::Float {
                step,
                low,
                high,
                log,
            } => {
                if !(low <= high) || !low.is_finite() || !high.is_finite() {
                    return Err(SpaceError::Range {
                        name: name(),
                        low: *low,
                        high: *high,
                    });
                }
                if *log && *low <= 0.0 {
                    return Err(SpaceError::LogOfNothing {
                        name: name(),
                        low: *low,
                    });
                }
                match step {
                    Some(_) if *log => return Err(SpaceError::LogAndStep { name: name() }),
                    Some(step) if !(*step > 0.0) => {
                        return Err(SpaceError::BadStep {
                            name: name(),
                            step: *step,
                        });
                    }
                    _ => {}
                }
            }
            Self::Int {
                log,
                step,
                low,
                high,
            } => {
                if low > high || low.abs() > EXACT || high.abs() > EXACT {
                    return Err(SpaceError::Range {
                        name: name(),
                        low: *low as f64,
                        high: *high as f64,
                    });
                }
                if *log && *low < 1 {
                    return Err(SpaceError::LogOfNothing {
                        name: name(),
                        low: *low as f64,
                    });
                }
                if *log && *step != 1 {
                    return Err(SpaceError::LogAndStep { name: name() });
                }
                if *step < 1 {
                    return Err(SpaceError::BadStep {
                        name: name(),
                        step: *step as f64,
                    });
                }
            }
            Self::Categorical { choices } => {
                if choices.is_empty() {
                    return Err(SpaceError::NoChoice { name: name() });
                }
                for (i, choice) in choices.iter().enumerate() {
                    if choices[..i].contains(choice) {
                        return Err(SpaceError::ChoiceTwice {
                            name: name(),
                            choice: choice.to_string(),
                        });
                    }
                }
            }
        }
        Ok(self)
    }

    /// Whether only one value is possible, so that there is nothing to search.
    pub fn is_single(&self) -> bool {
        match self {
            Self::Float {
                low, high, step, ..
            } => low == high || step.is_some_and(|step| high - low < step),
            Self::Int {
                low, high, step, ..
            } => high - low < *step,
            Self::Categorical { choices } => choices.len() == 1,
        }
    }

    /// Whether this value (internal representation) is one of the distribution's.
    pub fn contains(&self, value: f64) -> bool {
        match self {
            Self::Float {
                low, high, step, ..
            } => {
                (*low..=*high).contains(&value)
                    && step.is_none_or(|step| {
                        let k = (value - low) / step;
                        (k - k.round()).abs() < 1e-8
                    })
            }
            Self::Int {
                low, high, step, ..
            } => {
                value.fract() == 0.0
                    && (*low as f64..=*high as f64).contains(&value)
                    && (value as i64 - low) % step == 0
            }
            Self::Categorical { choices } => {
                value.fract() == 0.0 && value >= 0.0 && (value as usize) < choices.len()
            }
        }
    }

    /// Whether two distributions may belong to one name in one study. Optuna's rule: the same kind, the same scale, the same choices in
    /// the same order; ranges may differ.
    ///
    /// # Errors
    ///
    /// With both of them, in words.
    pub fn check_compatible(&self, name: &str, now: &Self) -> Result<(), SpaceError> {
        let same = match (self, now) {
            (Self::Float { log: a, .. }, Self::Float { log: b, .. })
            | (Self::Int { log: a, .. }, Self::Int { log: b, .. }) => a == b,
            (Self::Categorical { choices: a }, Self::Categorical { choices: b }) => a == b,
            _ => false,
        };
        if same {
            Ok(())
        } else {
            Err(SpaceError::Changed {
                name: name.to_owned(),
                before: self.to_string(),
                now: now.to_string(),
            })
        }
    }

    /// The range as the samplers see it: [low, high] in logarithms where `log`, widened by half a step where values are discrete, so that
    /// the first and the last one are as likely as the others; [0, number of choices] for choices.
    pub fn scaled_range(&self) -> (f64, f64) {
        match *self {
            Self::Float {
                low,
                high,
                log,
                step,
            } => match step {
                _ if log => (libm::log(low), libm::log(high)),
                Some(step) => (low - step / 2.0, high + step / 2.0),
                None => (low, high),
            },
            Self::Int {
                low,
                high,
                log,
                step,
            } => {
                let half = step as f64 / 2.0;
                let (low, high) = (low as f64 - half, high as f64 + half);
                if log {
                    (libm::log(low), libm::log(high))
                } else {
                    (low, high)
                }
            }
            Self::Categorical { ref choices } => (0.0, choices.len() as f64),
        }
    }

    /// A value on the scale of [`scaled_range`](Self::scaled_range): its logarithm where `log`; the middle of its cell for a choice.
    pub fn to_scaled(&self, value: f64) -> f64 {
        match self {
            Self::Float { log: true, .. } | Self::Int { log: true, .. } => libm::log(value),
            Self::Categorical { .. } => value + 0.5,
            _ => value,
        }
    }

    /// The value nearest to a place on the scale, inside the range.
    pub fn from_scaled(&self, scaled: f64) -> f64 {
        match *self {
            Self::Float {
                low,
                high,
                log,
                step,
            } => {
                let value = if log { libm::exp(scaled) } else { scaled };
                let value = match step {
                    Some(step) => low + ((value - low) / step).round() * step,
                    None => value,
                };
                value.clamp(low, high)
            }
            Self::Int {
                low,
                high,
                log,
                step,
            } => {
                let value = if log { libm::exp(scaled) } else { scaled };
                let (low, step) = (low as f64, step as f64);
                (low + ((value - low) / step).round() * step).clamp(low, high as f64)
            }
            Self::Categorical { ref choices } => {
                scaled.floor().clamp(0.0, choices.len() as f64 - 1.0)
            }
        }
    }

    /// The value at a share u in [0, 1] of the scaled range; a uniform u gives a uniform value.
    pub fn from_unit(&self, unit: f64) -> f64 {
        let (low, high) = self.scaled_range();
        self.from_scaled(low + unit * (high - low))
    }

    /// The share of the scaled range below a value; 0.5 where there is only one.
    pub fn to_unit(&self, value: f64) -> f64 {
        let (low, high) = self.scaled_range();
        if high > low {
            ((self.to_scaled(value) - low) / (high - low)).clamp(0.0, 1.0)
        } else {
            0.5
        }
    }

    /// A value as people know it.
    pub fn external(&self, value: f64) -> Choice {
        match self {
            Self::Float { .. } => Choice::Float(value),
            Self::Int { .. } => Choice::Int(value as i64),
            Self::Categorical { choices } => {
                choices.get(value as usize).cloned().unwrap_or(Choice::Null)
            }
        }
    }

    /// The internal representation of a value, if it is one of the distribution's.
    ///
    /// # Errors
    ///
    /// With the name, the value and what is possible.
    pub fn internal(&self, name: &str, value: &Choice) -> Result<f64, SpaceError> {
        let number = match (self, value) {
            (Self::Categorical { choices }, value) => choices
                .iter()
                .position(|choice| choice.same(value))
                .map(|at| at as f64),
            (_, Choice::Int(value)) => Some(*value as f64),
            (_, Choice::Float(value)) => Some(*value),
            _ => None,
        };
        number
            .filter(|number| self.contains(*number))
            .ok_or_else(|| SpaceError::NotContained {
                name: name.to_owned(),
                value: value.to_string(),
                distribution: self.to_string(),
            })
    }
}

/// The last of low, low + step, ... that does not exceed `high`; what a rounding error away from it counts as reached.
fn last_reached(low: f64, high: f64, step: f64) -> f64 {
    let steps = (high - low) / step;
    let whole = if (steps - steps.round()).abs() < 1e-8 {
        steps.round()
    } else {
        steps.floor()
    };
    if whole == steps {
        high
    } else {
        low + whole * step
    }
}

impl Choice {
    /// Whether two choices are one value: 1 and 1.0 are.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            _ => self == other,
        }
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) if *value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => {
                write!(f, "{value:e}")
            }
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl std::fmt::Display for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float {
                low,
                high,
                log,
                step,
            } => {
                write!(
                    f,
                    "a float in [{}, {}]",
                    Choice::Float(*low),
                    Choice::Float(*high)
                )?;
                match step {
                    Some(step) => write!(f, " in steps of {step}"),
                    None if *log => f.write_str(", logarithmic"),
                    None => Ok(()),
                }
            }
            Self::Int {
                low,
                high,
                log,
                step,
            } => {
                write!(f, "a whole number in [{low}, {high}]")?;
                match step {
                    _ if *log => f.write_str(", logarithmic"),
                    1 => Ok(()),
                    step => write!(f, " in steps of {step}"),
                }
            }
            Self::Categorical { choices } => {
                let choices: Vec<String> = choices.iter().map(Choice::to_string).collect();
                write!(f, "one of {}", choices.join(", "))
            }
        }
    }
}

impl From<bool> for Choice {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Choice {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Choice {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Choice {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Choice {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Choice {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any() -> impl Strategy<Value = Distribution> {
        let float = (-1e3..1e3, 1e-3..1e3)
            .prop_map(|(low, width)| Distribution::float("x", low, low + width).unwrap());
        let log = (1e-9..1e3, 1.01..1e6).prop_map(|(low, factor)| {
            let high = low * factor;
            Distribution::float("x", low, high)
                .unwrap()
                .log("x")
                .unwrap()
        });
        let stepped = (-10.0..10.0, 1e-2..10.0, 0.1..3.0).prop_map(|(low, width, step)| {
            Distribution::float("x", low, low + width)
                .unwrap()
                .step("x", step)
                .unwrap()
        });
        let int = (-100_i64..100, 0_i64..100, 1_i64..7).prop_map(|(low, width, step)| {
            Distribution::int("x", low, low + width)
                .unwrap()
                .step("x", step as f64)
                .unwrap()
        });
        let choice = (1_i64..9).prop_map(|n| {
            Distribution::categorical("x", (0..n).map(Choice::Int).collect()).unwrap()
        });
        prop_oneof![float, log, stepped, int, choice]
    }

    proptest! {
        #[test]
        fn every_share_of_the_range_is_a_value_and_back(d in any(), unit in 0.0..=1.0) {
            let value = d.from_unit(unit);
            prop_assert!(d.contains(value), "{value} in {d}");
            let again = d.from_unit(d.to_unit(value));
            prop_assert!((again - value).abs() <= 1e-9 * (1.0 + value.abs()), "{again} for {value}");
            prop_assert_eq!(d.internal("x", &d.external(value)).unwrap(), value);
        }

        #[test]
        fn json_gives_the_same_back(d in any()) {
            let json = serde_json::to_string(&d).unwrap();
            prop_assert_eq!(serde_json::from_str::<Distribution>(&json).unwrap(), d);
        }
    }

    #[test]
    fn discrete_values_are_equally_likely() {
        let depth = Distribution::int("depth", 1, 4).unwrap();
        let drawn: Vec<f64> = [0.0, 0.2499, 0.2501, 0.4999, 0.7499, 0.7501, 1.0]
            .map(|u| depth.from_unit(u))
            .to_vec();
        assert_eq!(drawn, [1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn spaces_that_make_no_sense_are_refused_by_name() {
        let errors = [
            Distribution::float("lr", 1.0, 0.1).unwrap_err(),
            Distribution::float("lr", f64::NAN, 0.1).unwrap_err(),
            Distribution::float("lr", 0.0, 0.1)
                .unwrap()
                .log("lr")
                .unwrap_err(),
            Distribution::int("lr", 0, 5)
                .unwrap()
                .log("lr")
                .unwrap_err(),
            Distribution::int("lr", 0, 5)
                .unwrap()
                .step("lr", 1.5)
                .unwrap_err(),
            Distribution::float("lr", 0.0, 1.0)
                .unwrap()
                .step("lr", 0.0)
                .unwrap_err(),
            Distribution::categorical("lr", vec![]).unwrap_err(),
            Distribution::categorical("lr", vec![1.into(), 1.into()]).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("lr"), "{error}");
        }
        let unit = Distribution::float("lr", 0.0, 1.0).unwrap();
        let error = unit.check_compatible("lr", &Distribution::int("lr", 0, 1).unwrap());
        assert_eq!(
            error.unwrap_err().to_string(),
            "the parameter lr was a float in [0, 1] and is now a whole number in [0, 1]: give the new one another name"
        );
    }

    #[test]
    fn python_writes_the_same() {
        let choices =
            r#"{"name":"CategoricalDistribution","attributes":{"choices":[16,"auto",null,true]}}"#;
        let read: Distribution = serde_json::from_str(choices).unwrap();
        let expected = vec![16.into(), "auto".into(), Choice::Null, true.into()];
        assert_eq!(read, Distribution::Categorical { choices: expected });
        let int = r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 1, "high": 9}}"#;
        let read: Distribution = serde_json::from_str(int).unwrap();
        assert_eq!(read.to_string(), "a whole number in [1, 9] in steps of 2");
        let step = Distribution::float("x", 0.0, 1.0)
            .unwrap()
            .step("x", 0.3)
            .unwrap();
        assert!(matches!(step, Distribution::Float { high, .. } if (high - 0.9).abs() < 1e-12));
    }
}
