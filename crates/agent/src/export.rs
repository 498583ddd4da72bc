//! From a Burn network to a frozen policy and its manifest.

use std::collections::BTreeMap;

use qstride_control::checkpoint::{FORMAT_VERSION, Regime, sha256};
use qstride_control::policy::{NetworkShape, PolicyError};
use qstride_control::{Checkpoint, CheckpointError, Manifest, Policy};

use crate::recipe::CheckedRecipe;
use crate::{Learner, Trainer};

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
    trainer: &Trainer,
    policy: Policy,
    commit: &str,
) -> Result<Checkpoint, CheckpointError> {
    let CheckedRecipe {
        recipe,
        actions,
        state,
        features,
    } = trainer.recipe();
    let recipe_json = serde_json::to_value(recipe).unwrap_or_default();
    let evaluation = serde_json::json!({
        "validation": trainer.best().map(|best| &best.validation),
        "best_at_step": trainer.best().map(|best| best.step),
        "steps": trainer.steps(),
        "updates": trainer.updates(),
        "episodes": trainer.episodes(),
    });
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
