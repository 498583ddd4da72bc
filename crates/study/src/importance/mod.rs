//! Which parameters matter: how much of the variance of the value is due to each.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::axis::Axis;
use self::forest::Forest;
use crate::{FrozenTrial, History};

mod axis;
mod forest;
mod partition;

/// Settings of [`importance`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportanceSettings {
    /// Trees of the forest, at least 1.
    pub trees: usize,
    /// The most splits from the root of a tree to a leaf.
    pub max_depth: usize,
    /// Pairs are looked at among so many of the most important parameters; 0 or 1 for no pairs.
    pub pairs_among: usize,
}

impl Default for ImportanceSettings {
    /// Optuna's 64 trees of depth 64, and the pairs of 6 parameters.
    fn default() -> Self {
        Self {
            trees: 64,
            max_depth: 64,
            pairs_among: 6,
        }
    }
}

/// How important parameters are. All shares of joint parameters and of all their sets together make 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    /// The completed trials with a finite value.
    pub trials: usize,
    /// Parameters, the most important first.
    pub params: Vec<ParamImportance>,
    /// Pairs of parameters that all trials have, the most important first.
    pub pairs: Vec<PairImportance>,
}

/// How important a parameter is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamImportance {
    /// The parameter.
    pub name: String,
    /// The share of the variance that is due to this parameter alone, in \[0, 1\]; 0 where it has one value only.
    pub share: f64,
    /// The standard deviation of the share over the trees.
    pub deviation: f64,
    /// The trials that it rests upon: all, or those that have the parameter.
    pub trials: usize,
}

/// How important it is that two parameters fit together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairImportance {
    /// The parameters.
    pub names: [String; 2],
    /// The share of the variance that is due to the two together and to neither alone, in \[0, 1\].
    pub share: f64,
    /// The standard deviation of the share over the trees.
    pub deviation: f64,
}

/// Why there is no importance.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportanceError {
    /// There is too little to learn from.
    #[error("importance needs at least 2 completed trials with a finite value, found {found}")]
    TooFew {
        /// The completed trials with a finite value.
        found: usize,
    },
    /// Nothing varies.
    #[error("all {trials} completed trials have the same value: no parameter matters so far")]
    Constant {
        /// How many.
        trials: usize,
    },
    /// No trees.
    #[error("importance needs at least 1 tree")]
    NoTree,
}

/// The importance of the parameters of a study by functional analysis of variance.
///
/// A forest of regression trees, each grown on a bootstrap sample of the completed trials, predicts the value f from the parameters. With every
/// parameter uniform on its range (in logarithms where it is logarithmic, all choices alike), f_U(x_U) the mean of f given the parameters of a
/// set U, and V the variance of f, the share of parameter j is Var f_j / V and that of a pair (Var f_ij − Var f_i − Var f_j) / V,
/// averaged over the trees. So it says what matters over the whole space that was searched, not near the best trial.
///
/// A parameter that not all trials have is measured within the trials that have it: its share of their variance, `trials` of them.
/// Where ranges changed in the course of the study, the widest one counts.
///
/// It differs from Optuna's evaluator, which takes logarithmic parameters on a linear scale, each choice as a dimension of its own, and leaves out what not
/// all trials have; without any of these the two agree.
///
/// Source: Hutter, Hoos and Leyton-Brown 2014, PMLR 32(1) (fANOVA).
///
/// ```
/// use qstride_objectives::Streams;
/// use qstride_study::{Direction, ImportanceSettings, Study, importance};
///
/// let study = Study::new("importance", Direction::Minimize)?;
/// study.optimize(100, |trial| {
///     let much = trial.suggest_float("much", 0.0..=3.0).linear()?;
///     let little = trial.suggest_float("little", 0.0..=1.0).linear()?;
///     Ok(much + little)
/// })?;
/// let mut rng = Streams::new(1).stream("importance");
/// let found = importance(&study.history()?, &ImportanceSettings::default(), &mut rng)?;
/// assert_eq!(found.params[0].name, "much"); // nine tenths of the variance
/// assert!(found.params[0].share > 0.8 && found.params[1].share < 0.15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ImportanceError`] where there are fewer than two values, they are all the same, or there is no tree.
pub fn importance(
    history: &History,
    settings: &ImportanceSettings,
    rng: &mut ChaCha8Rng,
) -> Result<Importance, ImportanceError> {
    if settings.trees == 0 {
        return Err(ImportanceError::NoTree);
    }
    let finite = |trial: &&FrozenTrial| trial.value.is_some_and(f64::is_finite);
    let trials: Vec<&FrozenTrial> = history.complete().filter(finite).collect();
    if trials.len() < 2 {
        return Err(ImportanceError::TooFew {
            found: trials.len(),
        });
    }
    if trials.iter().all(|trial| trial.value == trials[0].value) {
        return Err(ImportanceError::Constant {
            trials: trials.len(),
        });
    }

    let axes = joint_axes(&trials);
    let forest = Forest::grow(&axes, &trials, settings, rng);
    let mut params: Vec<ParamImportance> = (0..axes.len())
        .map(|at| {
            let (share, deviation) = forest.share(&[at]);
            ParamImportance {
                name: axes[at].name().to_owned(),
                share,
                deviation,
                trials: trials.len(),
            }
        })
        .collect();
    let mut pairs = pairs(&axes, &params, &forest, settings.pairs_among);

    let all: BTreeSet<&str> = trials.iter().flat_map(|t| names(t)).collect();
    for name in all {
        if axes.iter().all(|axis| axis.name() != name) {
            params.push(conditional(name, &trials, settings, rng));
        }
    }
    params.sort_by(|a, b| b.share.total_cmp(&a.share));
    pairs.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(Importance {
        trials: trials.len(),
        params,
        pairs,
    })
}

/// The pairs of the most important parameters.
fn pairs(
    axes: &[Axis],
    params: &[ParamImportance],
    forest: &Forest,
    among: usize,
) -> Vec<PairImportance> {
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by(|a, b| params[*b].share.total_cmp(&params[*a].share));
    order.truncate(among);
    order.sort_unstable();
    let mut pairs = Vec::new();
    for (i, &first) in order.iter().enumerate() {
        for &second in &order[i + 1..] {
            let (share, deviation) = forest.share(&[first, second]);
            pairs.push(PairImportance {
                names: [first, second].map(|at| axes[at].name().to_owned()),
                share,
                deviation,
            });
        }
    }
    pairs
}

/// A parameter that not all trials have, within those that have it.
fn conditional(
    name: &str,
    trials: &[&FrozenTrial],
    settings: &ImportanceSettings,
    rng: &mut ChaCha8Rng,
) -> ParamImportance {
    let with = |trial: &&&FrozenTrial| trial.params.contains_key(name);
    let trials: Vec<&FrozenTrial> = trials.iter().filter(with).copied().collect();
    let axes = joint_axes(&trials);
    let at = axes.iter().position(|axis| axis.name() == name);
    let (share, deviation) = at.map_or((0.0, 0.0), |at| {
        Forest::grow(&axes, &trials, settings, rng).share(&[at])
    });
    ParamImportance {
        name: name.to_owned(),
        share,
        deviation,
        trials: trials.len(),
    }
}

/// The parameters that all these trials have.
fn joint_axes(trials: &[&FrozenTrial]) -> Vec<Axis> {
    let Some((first, rest)) = trials.split_first() else {
        return Vec::new();
    };
    names(first)
        .filter(|name| rest.iter().all(|trial| trial.params.contains_key(*name)))
        .map(|name| Axis::of(name, trials))
        .collect()
}

fn names(trial: &FrozenTrial) -> impl Iterator<Item = &str> {
    trial.params.keys().map(String::as_str)
}
