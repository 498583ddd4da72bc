//! A search space that is written down, for who does not write Rust.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Choice, Distribution, SpaceError, StudyError, Trial};

/// A search space that is written down: parameters by name, as JSON or one by one as text.
///
/// ```
/// use qstride_study::{Direction, Space, Study};
///
/// let space: Space = serde_json::from_str(r#"{
///     "lr": {"float": [1e-5, 0.1], "log": true, "default": 1e-3},
///     "optimizer": {"choices": ["sgd", "adam"]},
///     "momentum": {"float": [0, 0.99], "when": {"optimizer": ["sgd"]}}
/// }"#)?;
/// let study = Study::new("written", Direction::Minimize)?;
/// study.optimize(5, |trial| {
///     let values = space.suggest(trial)?;
///     assert_eq!(values.contains_key("momentum"), values["optimizer"] == "sgd".into());
///     Ok(0.0)
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, Written>",
    into = "BTreeMap<String, Written>"
)]
pub struct Space {
    parameters: BTreeMap<String, Parameter>,
}

/// A parameter of a [`Space`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// What it can be.
    pub distribution: Distribution,
    /// What it is where nothing is tuned.
    pub default: Option<Choice>,
    /// The values of other parameters with which it is asked for; always where this is empty.
    pub when: BTreeMap<String, Vec<Choice>>,
}

/// A parameter as JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    float: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    int: Option<[i64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<Choice>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    log: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Choice>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    when: BTreeMap<String, Vec<Choice>>,
}

impl Space {
    /// The parameters by name.
    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// When the name is there already.
    pub fn insert(&mut self, name: String, parameter: Parameter) -> Result<(), SpaceError> {
        if self.parameters.contains_key(&name) {
            return Err(SpaceError::Twice { name });
        }
        self.parameters.insert(name, parameter);
        Ok(())
    }

    /// Whether every condition speaks of a parameter that is there and of values that it takes, and none of itself in a circle.
    ///
    /// # Errors
    ///
    /// With the parameter's name.
    pub fn check(&self) -> Result<(), SpaceError> {
        for (name, parameter) in &self.parameters {
            for (on, values) in &parameter.when {
                let Some(other) = self.parameters.get(on) else {
                    return Err(SpaceError::NoSuchCondition {
                        name: name.clone(),
                        on: on.clone(),
                    });
                };
                for value in values {
                    other.distribution.internal(on, value)?;
                }
            }
        }
        // Every round must settle one parameter at least.
        let mut settled: Vec<&String> = Vec::new();
        while settled.len() < self.parameters.len() {
            let open = self
                .parameters
                .iter()
                .filter(|(name, _)| !settled.contains(name));
            let mut next = open.filter(|(_, p)| p.when.keys().all(|on| settled.contains(&on)));
            match next.next() {
                Some((name, _)) => settled.push(name),
                None => {
                    let open = self.parameters.keys().find(|name| !settled.contains(name));
                    return Err(SpaceError::Circle {
                        name: open.cloned().unwrap_or_default(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Asks a trial for every parameter whose condition holds; the values as people know them.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn suggest(&self, trial: &mut Trial<'_>) -> Result<BTreeMap<String, Choice>, StudyError> {
        let mut values = BTreeMap::new();
        loop {
            let open = self
                .parameters
                .iter()
                .find(|(name, parameter)| !values.contains_key(*name) && parameter.holds(&values));
            let Some((name, parameter)) = open else {
                return Ok(values);
            };
            let value = trial.suggest(name, parameter.distribution.clone())?;
            values.insert(name.clone(), parameter.distribution.external(value));
        }
    }

    /// The values where nothing is tuned, if every parameter that is then asked for has a default.
    pub fn default_values(&self) -> Option<BTreeMap<String, Choice>> {
        let mut values = BTreeMap::new();
        loop {
            let open = self
                .parameters
                .iter()
                .find(|(name, parameter)| !values.contains_key(*name) && parameter.holds(&values));
            let Some((name, parameter)) = open else {
                return Some(values).filter(|values| !values.is_empty());
            };
            values.insert(name.clone(), parameter.default.clone()?);
        }
    }
}

impl Parameter {
    fn holds(&self, values: &BTreeMap<String, Choice>) -> bool {
        let mut when = self.when.iter();
        when.all(|(on, wanted)| values.get(on).is_some_and(|value| wanted.contains(value)))
    }
}

impl Written {
    fn parameter(self, name: &str) -> Result<Parameter, SpaceError> {
        let mut distribution = match (self.float, self.int, self.choices) {
            (Some([low, high]), None, None) => Distribution::float(name, low, high)?,
            (None, Some([low, high]), None) => Distribution::int(name, low, high)?,
            (None, None, Some(choices)) => Distribution::categorical(name, choices)?,
            _ => {
                return Err(SpaceError::Kind {
                    name: name.to_owned(),
                });
            }
        };
        if self.log {
            distribution = distribution.log(name)?;
        }
        if let Some(step) = self.step {
            distribution = distribution.step(name, step)?;
        }
        if let Some(default) = &self.default {
            distribution.internal(name, default)?;
        }
        Ok(Parameter {
            distribution,
            default: self.default,
            when: self.when,
        })
    }
}

impl TryFrom<BTreeMap<String, Written>> for Space {
    type Error = SpaceError;

    fn try_from(written: BTreeMap<String, Written>) -> Result<Self, SpaceError> {
        let parameters = written.into_iter().map(|(name, written)| {
            let parameter = written.parameter(&name)?;
            Ok((name, parameter))
        });
        let space = Self {
            parameters: parameters.collect::<Result<_, SpaceError>>()?,
        };
        space.check()?;
        Ok(space)
    }
}

impl From<Space> for BTreeMap<String, Written> {
    fn from(space: Space) -> Self {
        let written = |parameter: Parameter| {
            let rest = Written {
                default: parameter.default,
                when: parameter.when,
                ..Written::default()
            };
            match parameter.distribution {
                Distribution::Float {
                    step,
                    low,
                    high,
                    log,
                } => Written {
                    float: Some([low, high]),
                    log,
                    step,
                    ..rest
                },
                Distribution::Int {
                    log,
                    step,
                    low,
                    high,
                } => Written {
                    int: Some([low, high]),
                    log,
                    step: (step != 1).then_some(step as f64),
                    ..rest
                },
                Distribution::Categorical { choices } => Written {
                    choices: Some(choices),
                    ..rest
                },
            }
        };
        let parameters = space.parameters.into_iter();
        parameters
            .map(|(name, parameter)| (name, written(parameter)))
            .collect()
    }
}

/// A parameter as text, NAME=RANGE: `lr=1e-5..1e-1:log`, `depth=1..8`, `dropout=0..0.5:step=0.1`, `optimizer=sgd|adam`, each with
/// `:default=VALUE` where wanted. Whole bounds make whole numbers; write `0.0..1.0` for real ones.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedParameter {
    /// The name.
    pub name: String,
    /// What it can be.
    pub parameter: Parameter,
}

impl FromStr for NamedParameter {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        let unreadable = |part: &str| SpaceError::Text {
            text: text.to_owned(),
            part: part.to_owned(),
        };
        let (name, rest) = text.split_once('=').ok_or_else(|| unreadable(text))?;
        let mut parts = rest.split(':');
        let range = parts.next().unwrap_or_default();
        let mut written = Written::default();
        if let Some((low, high)) = range.split_once("..") {
            match (low.trim().parse::<i64>(), high.trim().parse::<i64>()) {
                (Ok(low), Ok(high)) => written.int = Some([low, high]),
                _ => {
                    let bound = |part: &str| part.trim().parse().map_err(|_| unreadable(range));
                    written.float = Some([bound(low)?, bound(high)?]);
                }
            }
        } else if range.trim().is_empty() {
            return Err(unreadable(range));
        } else {
            written.choices = Some(range.split('|').map(choice).collect());
        }
        for part in parts {
            match part.split_once('=') {
                None if part == "log" => written.log = true,
                Some(("step", step)) => {
                    written.step = Some(step.trim().parse().map_err(|_| unreadable(part))?);
                }
                Some(("default", value)) => written.default = Some(choice(value)),
                _ => return Err(unreadable(part)),
            }
        }
        Ok(Self {
            name: name.to_owned(),
            parameter: written.parameter(name)?,
        })
    }
}

/// A word as JSON reads it, else as text.
fn choice(word: &str) -> Choice {
    serde_json::from_str(word.trim()).unwrap_or_else(|_| Choice::Text(word.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Study};

    fn space(json: &str) -> Result<Space, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn json_gives_the_same_back() {
        let text = r#"{"a":{"float":[0.5,1.0],"log":true,"default":0.7},"b":{"int":[1,9],"step":2.0},"c":{"choices":["x",null,3],"when":{"b":[1,3]}}}"#;
        let read = space(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn text_says_the_same_as_json() {
        let pairs = [
            (
                "lr=1e-5..1e-1:log",
                r#"{"lr": {"float": [1e-5, 0.1], "log": true}}"#,
            ),
            (
                "n=16..512:log:default=64",
                r#"{"n": {"int": [16, 512], "log": true, "default": 64}}"#,
            ),
            (
                "p=0..0.5:step=0.1",
                r#"{"p": {"float": [0, 0.5], "step": 0.1}}"#,
            ),
            (
                "o=sgd|adam|3|true",
                r#"{"o": {"choices": ["sgd", "adam", 3, true]}}"#,
            ),
        ];
        for (text, json) in pairs {
            let named: NamedParameter = text.parse().unwrap();
            let mut read = Space::default();
            read.insert(named.name, named.parameter).unwrap();
            assert_eq!(read, space(json).unwrap(), "{text}");
        }
        for (text, part) in [
            ("lr", "lr"),
            ("lr=", ""),
            ("lr=a..b", "a..b"),
            ("lr=0..1:lag", "lag"),
            ("lr=1..0", "range"),
        ] {
            let error = text.parse::<NamedParameter>().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("lr"), "{error}");
        }
    }

    #[test]
    fn spaces_that_cannot_be_are_refused_by_name() {
        for (json, words) in [
            (r#"{"x": {}}"#, "x needs one of float, int and choices"),
            (
                r#"{"x": {"float": [0, 1], "int": [0, 1]}}"#,
                "x needs one of",
            ),
            (r#"{"x": {"float": [0, 1], "lag": true}}"#, "lag"),
            (
                r#"{"x": {"float": [0, 1], "default": 2}}"#,
                "2 is no value of the parameter x",
            ),
            (r#"{"x": {"float": [0, 1], "when": {"y": [1]}}}"#, "y"),
            (
                r#"{"x": {"int": [0, 1], "when": {"y": [1]}}, "y": {"int": [0, 1], "when": {"x": [1]}}}"#,
                "circle",
            ),
            (
                r#"{"x": {"int": [0, 1], "when": {"y": [7]}}, "y": {"int": [0, 1]}}"#,
                "7 is no value of the parameter y",
            ),
        ] {
            let error = space(json).unwrap_err().to_string();
            assert!(error.contains(words), "{error} for {json}");
        }
    }

    #[test]
    fn conditions_hold_and_defaults_are_whole() {
        let read = space(
            r#"{"o": {"choices": ["sgd", "adam"], "default": "adam"}, "a": {"float": [0, 1], "when": {"o": ["sgd"]}},
                "z": {"int": [1, 3], "default": 2}}"#,
        )
        .unwrap();
        let defaults = BTreeMap::from([
            ("o".to_owned(), "adam".into()),
            ("z".to_owned(), 2_i64.into()),
        ]);
        assert_eq!(read.default_values(), Some(defaults));
        let study = Study::new("conditions", Direction::Minimize).unwrap();
        study
            .optimize(30, |trial| {
                let values = read.suggest(trial)?;
                assert_eq!(values.contains_key("a"), values["o"] == "sgd".into());
                Ok(1.0)
            })
            .unwrap();
        let history = study.history().unwrap();
        let with = history
            .complete()
            .filter(|t| t.params.contains_key("a"))
            .count();
        assert!((5..25).contains(&with));
    }
}
