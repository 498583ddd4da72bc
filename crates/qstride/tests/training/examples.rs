//! The example `own_checkpoint` with a policy that has learnt nothing.

use std::path::PathBuf;
use std::process::Command;

use crate::policy::untrained;
use crate::run::audit;

/// An example that `cargo test` has built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let program = target
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing: `cargo test` without `--test` builds the examples too",
        program.display()
    );
    program
}

#[test]
fn a_policy_of_ones_own_is_rolled_out_in_three_stages() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, log) = (
        folder.path().join("policy"),
        folder.path().join("audit.jsonl"),
    );
    untrained(1, false).save(&policy).unwrap();
    let output = Command::new(example("own_checkpoint"))
        .args([&policy, &log])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for words in [
        "shadow:",
        "bounded:",
        "alone:",
        "log_loss_change_1",
        "q(residual-x2)",
        "health: Fine",
    ] {
        assert!(said.contains(words), "{words} is missing in\n{said}");
    }
    // Two stages beside a base schedule, one without.
    let decisions = audit(&log);
    let beside = decisions.iter().filter(|d| d.base_rate.is_some()).count();
    assert!(beside > 20 && decisions.len() > beside);

    let refused = Command::new(example("own_checkpoint"))
        .args([&folder.path().join("nothing"), &log])
        .output()
        .unwrap();
    assert!(!refused.status.success());
}
