//! Maps of a policy over two of its features: the action it takes, and the q-value of that action.

use std::path::Path;

use anyhow::{Result, bail};
use qstride_control::{Checkpoint, near};

use super::behaviour::Behaviour;
use crate::plot::{Cells, Ticks, heat_map};

/// Cells along each side.
const SIDE: usize = 41;

/// Draws `folder`/policy_map and `folder`/q_map: two features over their usual range, all others at their mean.
pub fn draw(
    checkpoint: &Checkpoint,
    behaviour: &Behaviour,
    x: &str,
    y: &str,
    folder: &Path,
) -> Result<()> {
    let labels = checkpoint.state().labels();
    let (column, row) = (find(&labels, x)?, find(&labels, y)?);
    let at = |feature: usize, cell: usize| {
        let (low, high) = behaviour.ranges[feature];
        low + (high - low) * cell as f32 / (SIDE - 1) as f32
    };
    let mut policy = checkpoint.policy.clone();
    let mut state = behaviour.typical.clone();
    let (mut actions, mut values) = (Vec::new(), Vec::new());
    for j in 0..SIDE {
        let (mut row_actions, mut row_values) = (Vec::new(), Vec::new());
        for i in 0..SIDE {
            state[column] = at(column, i);
            state[row] = at(row, j);
            let best = policy.greedy(&state);
            row_actions.push(best);
            row_values.push(f64::from(policy.q_values(&state)[best]));
        }
        actions.push(row_actions);
        values.push(row_values);
    }
    let range = |feature: usize| Ticks::Range {
        label: labels[feature].clone(),
        low: f64::from(behaviour.ranges[feature].0),
        high: f64::from(behaviour.ranges[feature].1),
    };
    let names = checkpoint
        .actions()
        .actions
        .iter()
        .map(ToString::to_string)
        .collect();
    let name = &checkpoint.manifest.name;
    heat_map(
        &folder.join("policy_map"),
        &format!("{name}: the action it takes"),
        &range(column),
        &range(row),
        &Cells::Categories {
            names,
            rows: actions,
        },
    )?;
    heat_map(
        &folder.join("q_map"),
        &format!("{name}: the q-value of that action"),
        &range(column),
        &range(row),
        &Cells::Values {
            label: "q (discounted reward)".to_owned(),
            rows: values,
        },
    )
}

/// The two features that a map shows unless others are named: those that say most where the state has them.
pub fn usual(checkpoint: &Checkpoint) -> (String, String) {
    let labels = checkpoint.state().labels();
    let pick = |wanted: &[&str], else_index: usize| {
        let found = wanted
            .iter()
            .find(|w| labels.iter().any(|l| l == *w))
            .map(|w| (*w).to_owned());
        found.unwrap_or_else(|| labels[else_index.min(labels.len() - 1)].clone())
    };
    (
        pick(
            &["gradient_cosine", "sign_alignment", "log_loss_change_1"],
            0,
        ),
        pick(
            &[
                "bb2_over_bb1",
                "decrease_ratio",
                "paper_value",
                "rate_over_best",
            ],
            1,
        ),
    )
}

fn find(labels: &[String], name: &str) -> Result<usize> {
    let Some(index) = labels.iter().position(|l| l == name) else {
        let near = near::matches(name, labels.iter().map(String::as_str));
        bail!(
            "this policy has no feature `{name}`{}; it sees {}",
            near::hint(&near),
            labels.join(", ")
        );
    };
    Ok(index)
}
