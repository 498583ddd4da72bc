//! Many processes, killed and told to stop.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::{json, qstride, text};

/// How many trials the workers are to complete.
const WANTED: u64 = 60;

fn start(folder: &Path, address: &str) -> Child {
    let rest = "study worker --study fleet --heartbeat 0.2 --grace 1.5 --dead-retries 1000";
    qstride(folder, rest)
        .env("QSTRIDE_STORAGE", address)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Four workers, of which one is killed with -9 again and again (and started again), until all trials are there. In the middle `disturb`
/// does something to the database.
fn workers_survive(folder: &Path, address: &str, disturb: impl Fn()) {
    let call = |arguments: &str| {
        let output = qstride(folder, arguments)
            .env("QSTRIDE_STORAGE", address)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
        String::from_utf8(output.stdout).unwrap()
    };
    call(&format!(
        "study create --study fleet --command 'sleep 0.15; echo 1 {{x}}; echo {{x}}' --param x=0.0..1.0 --sampler random --trials {WANTED}"
    ));
    let mut workers: Vec<Child> = (0..4).map(|_| start(folder, address)).collect();
    let mut kills = 0;
    loop {
        sleep(Duration::from_millis(700));
        let status: Value =
            serde_json::from_str(&call("study status --study fleet --json")).unwrap();
        let over = status["complete"].as_u64().unwrap() + status["pruned"].as_u64().unwrap();
        assert!(over <= WANTED, "{over}");
        if over == WANTED {
            break;
        }
        let victim = kills % workers.len();
        workers[victim].kill().unwrap(); // SIGKILL
        workers[victim].wait().unwrap();
        workers[victim] = start(folder, address);
        kills += 1;
        if kills == 3 {
            disturb();
        }
    }
    for worker in &mut workers {
        assert!(
            worker.wait().unwrap().success(),
            "a worker that is not killed ends well"
        );
    }
    assert!(kills >= 3, "{kills} kills");

    let trials: Vec<Value> = call("study trials --study fleet --json")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let in_state = |state: &str| {
        trials
            .iter()
            .filter(|t| t["state"] == state)
            .collect::<Vec<_>>()
    };
    let complete = in_state("COMPLETE");
    assert_eq!(complete.len() as u64, WANTED);
    assert!(in_state("RUNNING").is_empty(), "none is lost");
    let numbers: BTreeSet<u64> = trials
        .iter()
        .map(|t| t["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), trials.len());
    // None twice: a configuration that was tried again has failed before.
    let values: BTreeSet<String> = complete.iter().map(|t| t["value"].to_string()).collect();
    assert_eq!(values.len() as u64, WANTED);
    for trial in &complete {
        assert_eq!(trial["value"], trial["params"]["x"]);
    }
}

#[test]
fn killed_workers_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    workers_survive(folder.path(), "sqlite:///fleet.db", || {});
}

#[test]
fn killed_workers_on_a_server_that_is_restarted() {
    let all = std::env::var_os("QSTRIDE_ALL_TESTS").is_some();
    let needed = |name: &str| {
        let value = std::env::var(name).ok();
        assert!(
            value.is_some() || !all,
            "{name} is not set: eval \"$(.ci/postgres)\""
        );
        value
    };
    let (Some(server), Some(restart)) = (
        needed("QSTRIDE_TEST_POSTGRES"),
        needed("QSTRIDE_TEST_POSTGRES_RESTART"),
    ) else {
        println!("skipped: no PostgreSQL; eval \"$(.ci/postgres)\" starts one");
        return;
    };
    let database = format!("qstride_workers_{}", std::process::id());
    let (base, _) = server.rsplit_once('/').unwrap();
    let psql = |statement: &str| {
        let done = Command::new("psql")
            .args([server.as_str(), "-qc", statement])
            .status()
            .unwrap();
        assert!(done.success(), "{statement}");
    };
    psql(&format!("CREATE DATABASE {database}"));
    let folder = tempfile::tempdir().unwrap();
    workers_survive(folder.path(), &format!("{base}/{database}"), || {
        assert!(
            Command::new("sh")
                .args(["-c", &restart])
                .status()
                .unwrap()
                .success()
        );
    });
    psql(&format!("DROP DATABASE {database} WITH (FORCE)"));
}

#[test]
fn a_worker_that_is_told_to_stop_hands_its_trial_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    text(
        folder,
        "study create --study fleet --command 'test -e go || sleep 60; echo {x}' --param x=0.0..1.0 --trials 2",
    );
    let mut worker = start(folder, "sqlite:///studies.db");
    while json(folder, "study status")["running"] == 0 {
        sleep(Duration::from_millis(50));
    }
    // The parameters stand in the database once the command runs.
    while crate::trials(folder)[0]["params"]["x"].is_null() {
        sleep(Duration::from_millis(50));
    }
    let x = crate::trials(folder)[0]["params"]["x"].clone();
    let stopped = Command::new("kill")
        .args(["-TERM", &worker.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success());
    assert_eq!(worker.wait().unwrap().code(), Some(1));
    let status = json(folder, "study status");
    assert_eq!(
        (status["waiting"].as_u64(), status["running"].as_u64()),
        (Some(1), Some(0))
    );
    std::fs::write(folder.join("go"), "").unwrap();
    json(folder, "study worker");
    let all = crate::trials(folder);
    assert_eq!((all.len(), &all[0]["value"]), (2, &x));
}
