//! Policies that have learnt nothing: they decide, and nothing is said of how well.

use std::collections::BTreeMap;

use qstride_control::checkpoint::{FORMAT_VERSION, Regime, sha256};
use qstride_control::features::Features;
use qstride_control::policy::NetworkShape;
use qstride_control::schedule::ScheduleSettings;
use qstride_control::{
    Acceptance, Action, ActionSet, Checkpoint, FeatureSpec, Manifest, Policy, StateSpec,
};
use qstride_objectives::Streams;

/// A stochastic policy that sees the loss alone. With `rolls_back` one of its actions is a roll-back.
pub fn untrained(seed: u64, rolls_back: bool) -> Checkpoint {
    let names = [
        ("log_loss_change_1", 2),
        ("log_loss_change_4", 1),
        ("log_loss_over_best", 1),
        ("log_loss_progress", 1),
        ("loss_spread", 2),
        ("rate_over_best", 1),
        ("residual", 1),
        ("change_recency", 1),
    ];
    with_features(&names, seed, rolls_back)
}

/// One that needs gradient statistics too.
pub fn measuring(seed: u64) -> Checkpoint {
    let names = [
        ("log_loss_change_1", 1),
        ("residual", 1),
        ("step_cosine", 2),
        ("promised_decrease", 1),
        ("relative_step", 1),
    ];
    with_features(&names, seed, false)
}

fn with_features(names: &[(&str, usize)], seed: u64, rolls_back: bool) -> Checkpoint {
    let features: Vec<FeatureSpec> = names
        .iter()
        .map(|(name, history)| FeatureSpec::new(name, *history))
        .collect();
    let mut actions: Vec<Action> = [0.5, 1.0, 2.0].map(Action::Residual).to_vec();
    if rolls_back {
        actions.push(Action::RollBack(0.25));
    }
    let action_set = ActionSet {
        name: "residual".to_owned(),
        acceptance: Acceptance::Always,
        backtrack: None,
        after_accept: Default::default(),
        actions,
    };
    let shape = NetworkShape {
        inputs: features.iter().map(|feature| feature.history).sum(),
        hidden: vec![8],
        actions: action_set.actions.len(),
    };
    let mut generator = Streams::new(seed).stream("policy");
    let recipe = serde_json::json!({});
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        name: format!("untrained-{seed}"),
        regime: Regime::Stochastic,
        features,
        action_set,
        schedule: Some(ScheduleSettings::MOMENTUM),
        network: shape.clone(),
        recipe_sha256: sha256(recipe.to_string().as_bytes()),
        recipe,
        seed,
        commit: "unknown".to_owned(),
        program: "test".to_owned(),
        evaluation: serde_json::Value::Null,
        files: BTreeMap::new(),
    };
    let policy = Policy::untrained(shape, &mut generator).unwrap();
    Checkpoint::new(manifest, policy, &Features::builtin()).unwrap()
}

/// One for line searches.
pub fn deterministic() -> Checkpoint {
    let mut checkpoint = untrained(0, false);
    checkpoint.manifest.regime = Regime::Deterministic;
    checkpoint.manifest.schedule = None;
    checkpoint.manifest.features = StateSpec::scalar_features();
    checkpoint.manifest.action_set = ActionSet::preset("multiplicative").unwrap();
    let shape = NetworkShape {
        inputs: 35,
        hidden: vec![],
        actions: 3,
    };
    checkpoint.manifest.network = shape.clone();
    let policy = Policy::untrained(shape, &mut Streams::new(0).stream("policy")).unwrap();
    Checkpoint::new(checkpoint.manifest, policy, &Features::builtin()).unwrap()
}
