//! Samplers and pruners by name, with their settings behind it: `tpe:startup=20,candidates=48`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::pruner::{
    Hyperband, Median, NoPruner, Patience, Percentile, Pruner, SuccessiveHalving,
    SynchronousHalving, Threshold, Wilcoxon,
};
use crate::sampler::{CmaEs, Gp, Grid, Random, Sampler, Sobol, Tpe};
use crate::{Choice, Distribution, PrunerError, SamplerError, Space};

/// A name that nobody has, or settings that it does not know.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedError {
    /// The name.
    #[error("there is no {what} `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// Sampler or pruner.
        what: &'static str,
        /// The name.
        name: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// A setting that is not NAME=VALUE, or none of its own.
    #[error("`{text}`: {reason}")]
    Setting {
        /// Name and settings.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting out of its range.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// A setting out of its range.
    #[error(transparent)]
    Pruner(#[from] PrunerError),
}

/// Name, and what it is, with its settings.
pub type Entry = (&'static str, &'static str);

/// The samplers.
pub const SAMPLERS: &[Entry] = &[
    (
        "tpe",
        "tree-structured Parzen estimator, for any space (startup, candidates, good_share, good_at_most, recent, prior_weight, constant_liar)",
    ),
    (
        "gp",
        "Gaussian process with log expected improvement: the fewest trials, where they are dear (startup)",
    ),
    (
        "cma-es",
        "CMA-ES, for numbers that depend on each other and several hundred trials",
    ),
    ("sobol", "scrambled Sobol points, evenly over the space"),
    ("random", "every value alike"),
    (
        "grid",
        "every combination once, of all choices and up to 5 values of a number (points)",
    ),
    (
        "bohb",
        "tpe; with the pruner hyperband, which is then the default, it is BOHB",
    ),
];

/// The pruners.
pub const PRUNERS: &[Entry] = &[
    ("none", "every trial runs to its end"),
    (
        "median",
        "worse than the median of the others at the same step (startup_trials, warmup_steps, interval_steps, min_trials)",
    ),
    (
        "percentile",
        "worse than a percentile of the others (percentile and as median)",
    ),
    (
        "halving",
        "asynchronous successive halving (min_resource, reduction_factor, min_early_stopping_rate, bootstrap_count)",
    ),
    (
        "synchronous-halving",
        "successive halving by cohorts: the best of a rung are run again, further (cohort, min_resource, reduction_factor)",
    ),
    (
        "hyperband",
        "several brackets of halving (min_resource, max_resource, reduction_factor, bootstrap_count)",
    ),
    (
        "wilcoxon",
        "worse than the best trial on the same seeds or folds, by Wilcoxon's test (p_threshold, startup_steps)",
    ),
    ("patience", "no better for some steps (patience, min_delta)"),
    (
        "threshold",
        "outside of bounds (lower, upper, warmup_steps, interval_steps)",
    ),
];

/// The most values that a grid takes of a number, where nothing is said.
const POINTS: usize = 5;

/// The sampler of this name. A grid takes its values from the space; the seed shuffles grids and scrambles Sobol points.
///
/// ```
/// use qstride_study::{Space, named};
///
/// let sampler = named::sampler("tpe:startup=20", &Space::default(), 0)?;
/// assert_eq!(sampler.name(), "tpe");
/// let error = named::sampler("tpe:start=20", &Space::default(), 0).err().unwrap();
/// assert!(error.to_string().contains("unknown field `start`, expected one of `startup`"));
/// # Ok::<(), qstride_study::named::NamedError>(())
/// ```
///
/// # Errors
///
/// [`NamedError`].
pub fn sampler(text: &str, space: &Space, seed: u64) -> Result<Box<dyn Sampler>, NamedError> {
    let (name, settings) = parts(text)?;
    Ok(match name {
        "random" => {
            none(text, &settings)?;
            Box::new(Random)
        }
        "sobol" => {
            none(text, &settings)?;
            Box::new(Sobol::new(seed))
        }
        "tpe" | "bohb" => Box::new(Tpe::new(read(text, settings)?)?),
        "gp" => Box::new(Gp::new(read(text, settings)?)),
        "cma-es" => {
            none(text, &settings)?;
            Box::new(CmaEs)
        }
        "grid" => Box::new(grid(text, settings, space, seed)?),
        _ => return Err(unknown("sampler", name, SAMPLERS)),
    })
}

/// How many trials a sampler has something new for: the cells of a grid; no end for others.
///
/// # Errors
///
/// [`NamedError`].
pub fn trials_at_most(text: &str, space: &Space) -> Result<Option<u64>, NamedError> {
    let (name, settings) = parts(text)?;
    if name == "grid" {
        return Ok(Some(grid(text, settings, space, 0)?.cells()));
    }
    Ok(None)
}

/// The pruner of this name.
///
/// # Errors
///
/// [`NamedError`].
pub fn pruner(text: &str) -> Result<Box<dyn Pruner>, NamedError> {
    let (name, settings) = parts(text)?;
    Ok(match name {
        "none" => {
            none(text, &settings)?;
            Box::new(NoPruner)
        }
        "median" => Box::new(Median::new(read(text, settings)?)?),
        "percentile" => Box::new(Percentile::new(read(text, settings)?)?),
        "halving" => Box::new(SuccessiveHalving::new(read(text, settings)?)?),
        "synchronous-halving" => Box::new(SynchronousHalving::new(read(text, settings)?)?),
        "hyperband" => Box::new(Hyperband::new(read(text, settings)?)?),
        "wilcoxon" => Box::new(Wilcoxon::new(read(text, settings)?)?),
        "patience" => Box::new(Patience::new(read(text, settings)?)?),
        "threshold" => Box::new(Threshold::new(read(text, settings)?)?),
        _ => return Err(unknown("pruner", name, PRUNERS)),
    })
}

fn unknown(what: &'static str, name: &str, known: &[Entry]) -> NamedError {
    NamedError::Unknown {
        what,
        name: name.to_owned(),
        known: known.iter().map(|(name, _)| *name).collect(),
    }
}

/// Name and settings of `name:a=1,b=2`; a value is JSON.
fn parts(text: &str) -> Result<(&str, Map<String, Value>), NamedError> {
    let Some((name, rest)) = text.split_once(':') else {
        return Ok((text, Map::new()));
    };
    let mut settings = Map::new();
    for setting in rest.split(',') {
        let fault = |reason: String| NamedError::Setting {
            text: text.to_owned(),
            reason,
        };
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| fault(format!("`{setting}` is not NAME=VALUE")))?;
        let value = serde_json::from_str(value).map_err(|_| {
            fault(format!(
                "`{value}` is neither a number nor true, false or null"
            ))
        })?;
        settings.insert(key.to_owned(), value);
    }
    Ok((name, settings))
}

fn read<T: DeserializeOwned>(text: &str, settings: Map<String, Value>) -> Result<T, NamedError> {
    serde_json::from_value(settings.into()).map_err(|error| NamedError::Setting {
        text: text.to_owned(),
        reason: error.to_string(),
    })
}

fn none(text: &str, settings: &Map<String, Value>) -> Result<(), NamedError> {
    match settings.keys().next() {
        None => Ok(()),
        Some(key) => Err(NamedError::Setting {
            text: text.to_owned(),
            reason: format!("there is no setting {key}"),
        }),
    }
}

fn grid(
    text: &str,
    mut settings: Map<String, Value>,
    space: &Space,
    seed: u64,
) -> Result<Grid, NamedError> {
    let points = settings.remove("points").unwrap_or(POINTS.into());
    none(text, &settings)?;
    let points = points
        .as_u64()
        .filter(|points| (2..=10_000).contains(points));
    let points = points.ok_or_else(|| NamedError::Setting {
        text: text.to_owned(),
        reason: "points must be a whole number from 2 to 10000".to_owned(),
    })?;
    let values = space.parameters().iter().map(|(name, parameter)| {
        let values = grid_values(&parameter.distribution, points);
        (name.clone(), values)
    });
    Ok(Grid::new(values.collect(), seed)?)
}

/// All choices; all values of a number that has at most `points` of them, else `points` from end to end.
fn grid_values(distribution: &Distribution, points: u64) -> Vec<Choice> {
    let (low, high) = match distribution {
        Distribution::Categorical { choices } => return choices.clone(),
        Distribution::Float { low, high, .. } => (*low, *high),
        Distribution::Int { low, high, .. } => (*low as f64, *high as f64),
    };
    let count = match distribution {
        Distribution::Int {
            step, log: false, ..
        } => ((high - low) as u64) / (*step as u64) + 1,
        Distribution::Float {
            step: Some(step), ..
        } => ((high - low) / step).round() as u64 + 1,
        _ => points,
    };
    let count = count.min(points);
    let (low, high) = (distribution.to_scaled(low), distribution.to_scaled(high));
    let mut values: Vec<Choice> = Vec::new();
    for index in 0..count {
        let share = index as f64 / (count - 1).max(1) as f64;
        let value = distribution.external(distribution.from_scaled(low + share * (high - low)));
        if values.last() != Some(&value) {
            values.push(value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_listed_is_there() {
        let space: Space = serde_json::from_str(r#"{"x": {"float": [0, 1]}}"#).unwrap();
        for (name, _) in SAMPLERS {
            sampler(name, &space, 0).unwrap();
        }
        for (name, _) in PRUNERS {
            pruner(name).unwrap();
        }
    }

    #[test]
    fn settings_are_read_and_faults_named() {
        let fault = |text: &str| match (pruner(text), sampler(text, &Space::default(), 0)) {
            (Err(error), Err(other)) => format!("{error} {other}"),
            _ => String::new(),
        };
        assert!(fault("mediann").contains("there is no pruner `mediann`; there are none, median"));
        assert!(pruner("median:startup_trials=2,warmup_steps=0").is_ok());
        let text = pruner("median:startup=2").err().unwrap().to_string();
        assert!(text.contains("unknown field `startup`"), "{text}");
        assert!(pruner("percentile:percentile=120").is_err());
        assert!(
            pruner("none:x=1")
                .err()
                .unwrap()
                .to_string()
                .contains("no setting x")
        );
        assert!(
            pruner("median:startup_trials")
                .err()
                .unwrap()
                .to_string()
                .contains("not NAME=VALUE")
        );
    }

    #[test]
    fn a_grid_takes_all_of_what_is_discrete() {
        let distribution = |json: &str| {
            let space: Space = serde_json::from_str(&format!(r#"{{"x": {json}}}"#)).unwrap();
            space.parameters()["x"].distribution.clone()
        };
        let values = |json: &str| grid_values(&distribution(json), 3);
        assert_eq!(
            values(r#"{"int": [1, 3]}"#),
            [1.into(), 2.into(), Choice::Int(3)]
        );
        assert_eq!(
            values(r#"{"int": [1, 100], "log": true}"#),
            [1.into(), 10.into(), Choice::Int(100)]
        );
        assert_eq!(
            values(r#"{"float": [0, 1]}"#),
            [0.0.into(), 0.5.into(), Choice::Float(1.0)]
        );
        assert_eq!(values(r#"{"choices": ["a", 1, null, true]}"#).len(), 4);
        let two: Space =
            serde_json::from_str(r#"{"x": {"int": [1, 3]}, "y": {"choices": ["a", "b"]}}"#)
                .unwrap();
        assert_eq!(trials_at_most("grid", &two).unwrap(), Some(6));
        assert_eq!(trials_at_most("grid:points=2", &two).unwrap(), Some(4));
        assert_eq!(trials_at_most("tpe", &two).unwrap(), None);
        let rates = values(r#"{"float": [0.01, 1], "log": true}"#);
        let Choice::Float(middle) = rates[1] else {
            panic!()
        };
        assert!((middle - 0.1).abs() < 1e-12);
    }
}
