//! The policies that ship.

use std::path::Path;

use qstride_control::features::Features;
use qstride_control::{Checkpoint, CheckpointError, near};

/// A policy that ships: its name and its two files.
#[derive(Clone, Copy)]
struct Embedded {
    name: &'static str,
    manifest: &'static [u8],
    weights: &'static [u8],
}

macro_rules! embedded {
    ($name:literal) => {
        Embedded {
            name: $name,
            manifest: include_bytes!(concat!("../checkpoints/", $name, "/manifest.json")),
            weights: include_bytes!(concat!("../checkpoints/", $name, "/weights.f32")),
        }
    };
}

const EMBEDDED: [Embedded; 7] = [
    embedded!("proposals"),
    embedded!("span"),
    embedded!("multiplicative"),
    embedded!("v2-warm"),
    embedded!("v1-warm"),
    embedded!("schedule-momentum"),
    embedded!("schedule-adam"),
];

/// The names of the policies that ship for the deterministic regime; the first is the default.
///
/// - `proposals` chooses among Barzilai-Borwein and Ritz steps under a nonmonotone rule.
/// - `span` chooses among steps in the plane of the gradient and the last step: better on curved valleys, not on quadratics.
/// - `multiplicative` halves, keeps or doubles the rate under the nonmonotone rule.
/// - `v2-warm` and `v1-warm` are the paper's: they accept, or halve (or double, v2) and try again; the next trial starts at the rate
///   that was accepted (v2), or at twice that (v1).
pub const PRETRAINED: [&str; 5] = [
    EMBEDDED[0].name,
    EMBEDDED[1].name,
    EMBEDDED[2].name,
    EMBEDDED[3].name,
    EMBEDDED[4].name,
];

/// The names of those for the stochastic regime, which [`Scheduler`](crate::Scheduler) drives: they adjust the rate of a scripted
/// schedule, for SGD with momentum or without, and for Adam and its kin.
pub const PRETRAINED_SCHEDULES: [&str; 2] = [EMBEDDED[5].name, EMBEDDED[6].name];

/// Why there is no such policy.
#[derive(Debug, thiserror::Error)]
pub enum PretrainedError {
    /// No policy of this name ships.
    #[error("no policy `{name}` ships{}; there are {}", near::hint(.near), names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names like it.
        near: Vec<String>,
    },
    /// The embedded files are damaged, which a test of this crate rules out.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn names() -> [&'static str; 7] {
    EMBEDDED.map(|policy| policy.name)
}

/// The policy called `name`.
///
/// # Errors
/// [`PretrainedError::Unknown`] with the near matches.
pub fn pretrained(name: &str) -> Result<Checkpoint, PretrainedError> {
    let found = EMBEDDED.iter().find(|policy| policy.name == name);
    let policy = found.ok_or_else(|| PretrainedError::Unknown {
        name: name.to_owned(),
        near: near::matches(name, names().into_iter()),
    })?;
    let origin = Path::new("(embedded)").join(policy.name);
    Ok(Checkpoint::from_bytes(
        &origin,
        policy.manifest,
        policy.weights,
        &Features::builtin(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_that_ships_loads_and_is_small() {
        for policy in &EMBEDDED {
            assert_eq!(pretrained(policy.name).unwrap().manifest.name, policy.name);
            assert!(policy.weights.len() + policy.manifest.len() < 100_000);
        }
        let error = pretrained("proposal")
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(error.contains("did you mean `proposals`?"), "{error}");
    }
}
