//! Objectives over a dataset, by name.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::activation::Activation;
use crate::dataset::{Dataset, Split};
use crate::huber_regression::HuberRegression;
use crate::logistic_regression::LogisticRegression;
use crate::near_match::hint;
use crate::objective::StochasticObjective;
use crate::perceptron::Perceptron;
use crate::softmax_regression::SoftmaxRegression;

/// λ of the linear models that [`task`] builds.
pub const RIDGE: f64 = 1e-4;

/// δ of the Huber regression that [`task`] builds, in standard deviations of the target.
pub const DELTA: f64 = 1.0;

/// The most hidden layers of a perceptron.
pub const MOST_LAYERS: usize = 64;

/// The most parameters of a perceptron (a gradient of 800 MB).
pub const MOST_PARAMETERS: usize = 100_000_000;

const NAMES: [&str; 4] = ["logistic", "softmax", "huber", "mlp"];

/// A model that is fitted to a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// [`LogisticRegression`]
    Logistic,
    /// [`SoftmaxRegression`]
    Softmax,
    /// [`HuberRegression`]
    Huber,
    /// [`Perceptron`]
    Mlp {
        /// The widths of the hidden layers.
        hidden: Vec<usize>,
        /// What follows each of them.
        activation: Activation,
    },
}

impl Model {
    /// `logistic`, `softmax`, `huber`, or `mlp[:widths[:activation]]` with widths separated by commas; without them 32, without
    /// an activation tanh.
    ///
    /// # Errors
    ///
    /// [`TaskError::UnknownModel`], [`TaskError::Width`], [`TaskError::UnknownActivation`] or [`TaskError::Surplus`].
    ///
    /// # Example
    ///
    /// ```
    /// use qstride_objectives::activation::Activation;
    /// use qstride_objectives::task::Model;
    ///
    /// let mlp = Model::Mlp { hidden: vec![64, 32], activation: Activation::Relu };
    /// assert_eq!(Model::parse("mlp:64,32:relu")?, mlp);
    /// assert_eq!(Model::parse("mlp")?.to_string(), "mlp:32:tanh");
    /// assert_eq!(
    ///     Model::parse("sofmax").unwrap_err().to_string(),
    ///     "unknown model 'sofmax'; did you mean 'softmax'?"
    /// );
    /// # Ok::<(), qstride_objectives::task::TaskError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, TaskError> {
        let mut parts = text.split(':').map(str::trim);
        let model = match parts.next().unwrap_or_default() {
            "logistic" => Self::Logistic,
            "softmax" => Self::Softmax,
            "huber" => Self::Huber,
            "mlp" => Self::Mlp {
                hidden: parts
                    .next()
                    .map_or(Ok(vec![32]), |widths| parse_widths(text, widths))?,
                activation: parts
                    .next()
                    .map_or(Ok(Activation::default()), parse_activation)?,
            },
            name => {
                return Err(TaskError::UnknownModel {
                    model: name.to_owned(),
                    hint: hint(name, &NAMES, NAMES.len()),
                });
            }
        };
        match parts.next() {
            Some(surplus) => Err(TaskError::Surplus {
                model: text.to_owned(),
                surplus: surplus.to_owned(),
            }),
            None => Ok(model),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logistic => f.write_str("logistic"),
            Self::Softmax => f.write_str("softmax"),
            Self::Huber => f.write_str("huber"),
            Self::Mlp { hidden, activation } => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                write!(f, "mlp:{}:{activation}", widths.join(","))
            }
        }
    }
}

fn parse_widths(model: &str, widths: &str) -> Result<Vec<usize>, TaskError> {
    let wrong = |width: &str| TaskError::Width {
        model: model.to_owned(),
        width: width.to_owned(),
    };
    widths
        .split(',')
        .map(str::trim)
        .map(|w| {
            w.parse()
                .ok()
                .filter(|&w: &usize| w > 0)
                .ok_or_else(|| wrong(w))
        })
        .collect()
}

fn parse_activation(name: &str) -> Result<Activation, TaskError> {
    let names = Activation::ALL.map(Activation::name);
    let unknown = || TaskError::UnknownActivation {
        activation: name.to_owned(),
        hint: hint(name, &names, names.len()),
    };
    Activation::ALL
        .into_iter()
        .find(|a| a.name() == name)
        .ok_or_else(unknown)
}

/// The objective of fitting `model` to the train part of `data`; `seed` draws the start of a perceptron, the linear models
/// start at 0. The constants are [`RIDGE`] and [`DELTA`].
///
/// # Errors
///
/// Where the model does not go with the target or is too large; see [`TaskError`].
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::generated::generate_classification;
/// use qstride_objectives::task::{Model, task};
///
/// let split = Arc::new(generate_classification(120, 4, 3, 7)?.split(0.75, 0)?);
/// let objective = task(&Model::parse("mlp:8")?, &split, 1)?;
/// let mut gradient = vec![0.0; objective.dimension()];
/// let loss = objective.batch_value_and_gradient(&objective.start(), &[0, 5, 7], &mut gradient);
/// assert!(loss > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn task(
    model: &Model,
    data: &Arc<Split>,
    seed: u64,
) -> Result<Arc<dyn StochasticObjective>, TaskError> {
    let data = Arc::clone(data);
    Ok(match model {
        Model::Logistic => Arc::new(LogisticRegression::new(data, RIDGE)?),
        Model::Softmax => Arc::new(SoftmaxRegression::new(data, RIDGE)?),
        Model::Huber => Arc::new(HuberRegression::new(data, DELTA, RIDGE)?),
        Model::Mlp { hidden, activation } => {
            Arc::new(Perceptron::new(data, hidden, *activation, seed)?)
        }
    })
}

/// A model that does not exist, or does not go with the data.
#[derive(Debug, Error, PartialEq)]
pub enum TaskError {
    /// No model has this name.
    #[error("unknown model '{model}'; {hint}")]
    UnknownModel {
        /// The name.
        model: String,
        /// The near matches, or the models that exist.
        hint: String,
    },

    /// No activation has this name.
    #[error("unknown activation '{activation}'; {hint}")]
    UnknownActivation {
        /// The name.
        activation: String,
        /// The near matches, or the activations that exist.
        hint: String,
    },

    /// A width is not a whole number above 0.
    #[error(
        "model '{model}': '{width}' is no width; write for example mlp:64,32 or mlp:64,32:relu"
    )]
    Width {
        /// The model.
        model: String,
        /// The width.
        width: String,
    },

    /// Something stands behind a complete model.
    #[error("model '{model}': nothing is expected where '{surplus}' stands")]
    Surplus {
        /// The model.
        model: String,
        /// What stands there.
        surplus: String,
    },

    /// The widths of a perceptron are out of bounds.
    #[error(
        "widths {widths:?}: a perceptron has 0 to {MOST_LAYERS} hidden layers of at least 1 unit, and at most \
         {MOST_PARAMETERS} parameters"
    )]
    Widths {
        /// All widths, from the features to the scores.
        widths: Vec<usize>,
    },

    /// A constant is out of its range.
    #[error("{constant} {value}: must be finite and {}", if *.constant == "delta" { "above 0" } else { "at least 0" })]
    Constant {
        /// `ridge` or `delta`.
        constant: &'static str,
        /// Its value.
        value: f64,
    },

    /// Logistic regression of more or fewer than two classes.
    #[error("{data} has {classes} classes, but logistic regression takes two; use softmax")]
    NotTwoClasses {
        /// The dataset.
        data: String,
        /// Its number of classes.
        classes: usize,
    },

    /// A model for classes on a numeric target.
    #[error(
        "{model} predicts classes, but the target '{target}' of {data} is a number; use huber or mlp, or read it as classes"
    )]
    NumericTarget {
        /// The model.
        model: &'static str,
        /// The dataset.
        data: String,
        /// The target.
        target: String,
    },

    /// A model for numbers on classes.
    #[error(
        "{model} predicts numbers, but the target '{target}' of {data} is a class; use softmax or mlp, or read it as numbers"
    )]
    ClassTarget {
        /// The model.
        model: &'static str,
        /// The dataset.
        data: String,
        /// The target.
        target: String,
    },
}

/// The labels of `data` and its number of classes.
pub(crate) fn class_labels<'a>(
    model: &'static str,
    data: &'a Dataset,
) -> Result<(&'a [usize], usize), TaskError> {
    data.labels()
        .zip(data.classes())
        .ok_or_else(|| TaskError::NumericTarget {
            model,
            data: data.name().to_owned(),
            target: data.target_name().to_owned(),
        })
}

/// The numeric targets of `data`.
pub(crate) fn numeric_targets<'a>(
    model: &'static str,
    data: &'a Dataset,
) -> Result<&'a [f64], TaskError> {
    data.numbers().ok_or_else(|| TaskError::ClassTarget {
        model,
        data: data.name().to_owned(),
        target: data.target_name().to_owned(),
    })
}

/// Whether a constant is finite and `in_range`.
pub(crate) fn check_constant(
    constant: &'static str,
    value: f64,
    in_range: bool,
) -> Result<(), TaskError> {
    if value.is_finite() && in_range {
        Ok(())
    } else {
        Err(TaskError::Constant { constant, value })
    }
}

/// Whether a perceptron of these widths, features and scores included, is within bounds.
pub(crate) fn check_widths(widths: &[usize]) -> Result<(), TaskError> {
    let parameters = widths.windows(2).try_fold(0_usize, |sum, pair| {
        pair[0]
            .checked_add(1)?
            .checked_mul(pair[1])?
            .checked_add(sum)
    });
    let small = parameters.is_some_and(|p| p <= MOST_PARAMETERS) && widths.len() <= MOST_LAYERS + 2;
    if small && !widths.contains(&0) {
        Ok(())
    } else {
        Err(TaskError::Widths {
            widths: widths.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{generate_classification, generate_regression};

    fn classes(count: usize) -> Arc<Split> {
        Arc::new(
            generate_classification(60, 3, count, 1)
                .unwrap()
                .split(0.5, 1)
                .unwrap(),
        )
    }

    fn numbers() -> Arc<Split> {
        Arc::new(
            generate_regression(60, 3, 1)
                .unwrap()
                .split(0.5, 1)
                .unwrap(),
        )
    }

    fn build(model: &str, data: &Arc<Split>) -> Result<Arc<dyn StochasticObjective>, TaskError> {
        task(&Model::parse(model).unwrap(), data, 0)
    }

    #[test]
    fn models_are_read_and_written() {
        for text in [
            "logistic",
            "softmax",
            "huber",
            "mlp:32:tanh",
            "mlp:64,32:relu",
        ] {
            assert_eq!(Model::parse(text).unwrap().to_string(), text);
        }
        let short = Model::Mlp {
            hidden: vec![64, 32],
            activation: Activation::Tanh,
        };
        assert_eq!(Model::parse("mlp:64, 32").unwrap(), short);
    }

    #[test]
    fn what_is_no_model() {
        let message = |text: &str| Model::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("zzz"),
            "unknown model 'zzz'; there are: logistic, softmax, huber, mlp"
        );
        assert_eq!(
            message("logistics"),
            "unknown model 'logistics'; did you mean 'logistic'?"
        );
        assert_eq!(
            message("mlp:32:rely"),
            "unknown activation 'rely'; did you mean 'relu'?"
        );
        for width in ["0", "-3", "x", "", "1e3"] {
            assert!(
                matches!(Model::parse(&format!("mlp:8,{width}")), Err(TaskError::Width { width: w, .. }) if w == width)
            );
        }
        assert!(
            matches!(Model::parse("softmax:3"), Err(TaskError::Surplus { surplus, .. }) if surplus == "3")
        );
        assert!(matches!(
            Model::parse("mlp:3:relu:x"),
            Err(TaskError::Surplus { .. })
        ));
    }

    #[test]
    fn each_model_builds_on_what_it_is_for() {
        for (model, data) in [
            ("logistic", classes(2)),
            ("softmax", classes(2)),
            ("softmax", classes(3)),
            ("huber", numbers()),
            ("mlp:5", classes(3)),
            ("mlp:5:relu", numbers()),
        ] {
            let objective = build(model, &data).unwrap();
            assert_eq!(objective.samples(), 30);
            assert_eq!(objective.start().len(), objective.dimension());
            assert!(model.starts_with(objective.family()));
            assert!(objective.test_score(&objective.start()).is_some());
        }
        assert_eq!(
            build("mlp:5", &classes(3)).unwrap().name(),
            "generated classes/mlp:5:tanh"
        );
    }

    #[test]
    fn a_model_on_what_it_is_not_for() {
        let fault = |model: &str, data: Arc<Split>| build(model, &data).err().unwrap();
        assert!(matches!(
            fault("logistic", classes(3)),
            TaskError::NotTwoClasses { classes: 3, .. }
        ));
        assert!(
            fault("logistic", classes(3))
                .to_string()
                .ends_with("use softmax")
        );
        assert!(matches!(
            fault("logistic", numbers()),
            TaskError::NumericTarget {
                model: "logistic",
                ..
            }
        ));
        assert!(matches!(
            fault("softmax", numbers()),
            TaskError::NumericTarget {
                model: "softmax",
                ..
            }
        ));
        assert!(matches!(
            fault("huber", classes(2)),
            TaskError::ClassTarget { model: "huber", .. }
        ));
        assert!(matches!(
            fault("mlp:100000,100000", numbers()),
            TaskError::Widths { .. }
        ));
        assert!(matches!(
            fault(&format!("mlp:{0},{0}", usize::MAX), numbers()),
            TaskError::Widths { .. }
        ));
    }

    #[test]
    fn constants_out_of_range() {
        for ridge in [-1.0, f64::NAN, f64::INFINITY] {
            let fault = SoftmaxRegression::new(classes(2), ridge).err().unwrap();
            assert!(matches!(
                fault,
                TaskError::Constant {
                    constant: "ridge",
                    ..
                }
            ));
        }
        let fault = HuberRegression::new(numbers(), 0.0, 0.0).err().unwrap();
        assert_eq!(fault.to_string(), "delta 0: must be finite and above 0");
    }
}
