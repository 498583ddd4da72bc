//! From a Burn network to a frozen policy and its manifest.

use std::collections::BTreeMap;

use qstride_control::checkpoint::{FORMAT_VERSION, Regime, sha256};
use qstride_control::policy::{NetworkShape, PolicyError};
use qstride_control::{Checkpoint, CheckpointError, Manifest, Policy};

use crate::recipe::CheckedRecipe;
use crate::{Learner, TrainError};

/// The frozen network that a recipe leads to; a dueling head is folded into its last layer.
pub fn network_shape(recipe: &CheckedRecipe) -> NetworkShape {
    NetworkShape {
        inputs: recipe.state.width(),
        hidden: recipe.recipe.learner.hidden.clone(),
        actions: recipe.actions.actions.len(),
    }
}

/// The deployed network of a learner in plain f32.
///
/// # Errors
/// A weight that is not finite.
pub fn freeze(learner: &Learner, recipe: &CheckedRecipe) -> Result<Policy, PolicyError> {
    let layers = learner.deployed().to_layers();
    let flat: Vec<f32> = layers
        .iter()
        .flat_map(|layer| layer.weights.iter().chain(&layer.bias).copied())
        .collect();
    Policy::from_flat(network_shape(recipe), &flat)
}

/// A policy with everything that a checkpoint says of it.
///
/// # Errors
/// A field that does not fit.
pub fn checkpoint(
    recipe: &CheckedRecipe,
    policy: Policy,
    evaluation: serde_json::Value,
    commit: &str,
) -> Result<Checkpoint, CheckpointError> {
    let CheckedRecipe {
        recipe,
        actions,
        state,
        features,
    } = recipe;
    let recipe_json = serde_json::to_value(recipe).unwrap_or_default();
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        name: recipe.name.clone(),
        regime: recipe.regime,
        features: state.features().to_vec(),
        action_set: actions.clone(),
        schedule: (recipe.regime == Regime::Stochastic).then(|| recipe.stochastic.schedule()),
        network: policy.shape().clone(),
        recipe_sha256: sha256(recipe_json.to_string().as_bytes()),
        recipe: recipe_json,
        seed: recipe.seed,
        commit: commit.to_owned(),
        program: concat!("qstride ", env!("CARGO_PKG_VERSION")).to_owned(),
        evaluation,
        files: BTreeMap::new(),
    };
    Checkpoint::new(manifest, policy, features)
}

/// The checkpoint of a recipe with several [`members`](crate::Recipe::members), made of theirs.
///
/// # Errors
/// No member, members of different shapes, or a field that does not fit.
pub fn mean_of(
    recipe: &CheckedRecipe,
    members: &[Checkpoint],
    commit: &str,
) -> Result<Checkpoint, TrainError> {
    let policies: Vec<Policy> = members.iter().map(|m| m.policy.clone()).collect();
    let evaluations = members.iter().map(|m| m.manifest.evaluation.clone());
    let evaluation = serde_json::json!({ "members": evaluations.collect::<Vec<_>>() });
    let mean = Policy::mean_of(&policies).map_err(TrainError::Members)?;
    Ok(checkpoint(recipe, mean, evaluation, commit)?)
}
