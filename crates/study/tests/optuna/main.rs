//! Python's Optuna and its dashboard open what we wrote, running or over, and go on with it, and we with what they wrote: in SQLite and in
//! PostgreSQL.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect"
)]

#[path = "../storage/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use qstride_study::storage::{self, Setter};
use qstride_study::{
    Choice, Direction, History, Outcome, Stop, Study, StudyError, Trial, TrialState,
};
use serde_json::{Value, json};

/// A Python that can import Optuna: the one that the environment names, else the one of the system.
fn python() -> Option<String> {
    let can = |python: &str| {
        Command::new(python)
            .args(["-c", "import optuna, optuna_dashboard, plotly"])
            .output()
            .is_ok_and(|done| done.status.success())
    };
    match std::env::var("QSTRIDE_TEST_PYTHON") {
        Ok(python) => Some(python),
        Err(_) if can("python3") => Some("python3".to_owned()),
        Err(_) => server::needed("QSTRIDE_TEST_PYTHON"),
    }
}

/// One task of the script beside this file.
fn run(python: &str, task: &str, address: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/optuna/python.py");
    let done = Command::new(python)
        .args(["-W", "ignore"])
        .arg(script)
        .args([task, address])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{task}: {said}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Tests get an address and a Python.
fn in_sqlite(test: impl Fn(&str, &str)) {
    if let Some(python) = python() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("study.db");
        test(&format!("sqlite:///{}", file.display()), &python);
    }
}

fn in_postgres(test: impl Fn(&str, &str)) {
    if let Some(python) = python()
        && let Some(database) = server::Database::new()
    {
        test(&database.address, &python);
    }
}

fn open(address: &str, name: &str) -> Study {
    Study::load(storage::open(address).unwrap(), name).unwrap()
}

fn kinds() -> [Choice; 5] {
    [
        Choice::Null,
        Choice::Bool(true),
        Choice::Int(1),
        Choice::Float(2.5),
        Choice::Text("adam".to_owned()),
    ]
}

fn objective(trial: &mut Trial<'_>) -> Result<f64, Stop> {
    let lr = trial.suggest_float("lr", 1e-5..=1e-1).log()?;
    let width = trial.suggest_int("width", 16..=64).step(16)?;
    trial.suggest_categorical("kind", kinds())?;
    trial.report(1, lr)?;
    trial.report(2, f64::NAN)?;
    trial.report(3, f64::INFINITY)?;
    trial.set_attribute("note", json!({ "ü": [1, null, "\"x\""] }))?;
    match trial.number() {
        2 => Err(Stop::Pruned),
        3 => Err("on purpose".into()),
        4 => Ok(f64::INFINITY),
        5 => Ok(f64::NEG_INFINITY),
        _ => Ok(lr + width as f64),
    }
}

/// The study `ours` with eight trials that are over, one that runs and one that waits.
fn write_ours(address: &str) -> Study {
    let storage = storage::open(address).unwrap();
    let study = Study::create(storage, "ours", Direction::Minimize).unwrap();
    study.optimize(8, objective).unwrap();
    let value = json!([1, 2]);
    study
        .lock_storage()
        .set_study_attribute(study.id(), Setter::User, "k", &value)
        .unwrap();
    let mut running = study.ask().unwrap();
    running.suggest_float("lr", 1e-5..=1e-1).log().unwrap();
    study
        .enqueue(&[("lr".to_owned(), Choice::Float(0.03125))].into())
        .unwrap();
    study
}

fn number(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("nan"),
        f64::INFINITY => json!("inf"),
        f64::NEG_INFINITY => json!("-inf"),
        value => json!(value),
    }
}

/// The study as Python dumps it, from our own history.
fn dumped(study: &Study) -> Value {
    let history = study.history().unwrap();
    let trials: Vec<Value> = history
        .trials()
        .iter()
        .map(|trial| {
            let reports = study.lock_storage().reports(trial.id).unwrap();
            let reports = reports.into_iter().map(|(s, v)| (s.to_string(), number(v)));
            let params = trial.params.iter();
            let distributions = params.map(|(n, p)| (n.clone(), json!(*p.distribution)));
            json!({
                "number": trial.number,
                "state": trial.state.name(),
                "value": trial.value.map(number),
                "params": trial.external_params(),
                "distributions": distributions.collect::<serde_json::Map<_, _>>(),
                "intermediate": reports.collect::<serde_json::Map<_, _>>(),
                "user": trial.user,
                "system": trial.system,
                "started": trial.start.is_some(),
                "ended": trial.end.is_some(),
            })
        })
        .collect();
    let user = study
        .lock_storage()
        .study_attributes(study.id(), Setter::User)
        .unwrap();
    json!({
        "direction": study.direction().name(),
        "user": user,
        "trials": trials,
        "best": history.best().map(|trial| trial.number),
    })
}

fn optuna_reads_all_of_ours(address: &str, python: &str) {
    let study = write_ours(address);
    let read = run(python, "dump", address);
    assert_eq!(read, dumped(&study));
    let states = read["trials"].as_array().unwrap().iter();
    let states: Vec<&str> = states.map(|t| t["state"].as_str().unwrap()).collect();
    assert_eq!(states[2..5], ["PRUNED", "FAIL", "COMPLETE"]);
    assert_eq!(states[8..], ["RUNNING", "WAITING"]);
}

fn optuna_plots_ours(address: &str, python: &str) {
    write_ours(address);
    let traces = run(python, "plot", address);
    let traces = traces.as_object().unwrap();
    assert_eq!(traces.len(), 9);
    for (plot, count) in traces {
        assert!(count.as_u64() > Some(0), "{plot} is empty");
    }
}

fn optuna_continues_ours_and_we_read_it(address: &str, python: &str) {
    let study = write_ours(address);
    // One of the five is the trial that waits.
    assert_eq!(run(python, "carry_on", address), json!({ "trials": 14 }));
    let history = study.history().unwrap();
    let trials = history.trials();
    assert_eq!(trials.len(), 14);
    assert_eq!(trials[9].params["lr"].value, 0.03125);
    for trial in &trials[9..] {
        assert_eq!(trial.state, TrialState::Complete);
        assert_eq!(trial.params.len(), 3);
        assert_eq!(trial.user["by"], json!("optuna"));
        let known = &trials[0].params["kind"].distribution;
        assert_eq!(trial.params["kind"].distribution, *known);
    }
    assert_eq!(run(python, "dump", address), dumped(&study));
    // And on with ours.
    study.optimize(3, objective).unwrap();
    assert_eq!(study.history().unwrap().trials().len(), 17);
}

fn dashboard_lists_ours(address: &str, python: &str) {
    let study = write_ours(address);
    let listed = run(python, "dashboard", address);
    assert_eq!(listed["studies"], json!(["ours"]));
    let history = study.history().unwrap();
    let states = listed["states"].as_array().unwrap();
    assert_eq!(states.len(), history.trials().len());
    for (trial, state) in history.trials().iter().zip(states) {
        let expected = trial.state.name();
        assert!(state.as_str().unwrap().eq_ignore_ascii_case(expected));
        let names: Vec<&String> = trial.params.keys().collect();
        assert_eq!(listed["params"][trial.number as usize], json!(names));
    }
    assert_eq!(listed["best"], json!([history.best().unwrap().number]));
}

fn theirs(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    let kinds = [
        Choice::Null,
        Choice::Bool(true),
        Choice::Bool(false),
        Choice::Int(7),
        Choice::Float(2.5),
        Choice::Text("text".to_owned()),
    ];
    let a = trial.suggest_float("a", -1.0..=1.0).linear()?;
    trial.suggest_float("b", 1e-5..=1.0).log()?;
    trial.suggest_float("c", 0.0..=1.0).step(0.1)?;
    let d = trial.suggest_int("d", 1..=1000).log()?;
    trial.suggest_int("e", 0..=10).step(5)?;
    let f = trial.suggest_categorical("f", kinds)?;
    assert!(trial.number() != 7 || (a, d, f) == (0.25, 17, Choice::Null));
    Ok(1e9 + trial.number() as f64)
}

fn same_trials(history: &History, study: &Study, made: &Value) {
    let made = made.as_array().unwrap();
    assert_eq!(history.trials().len(), made.len());
    for (trial, theirs) in history.trials().iter().zip(made) {
        assert_eq!(theirs["state"], trial.state.name());
        assert_eq!(theirs["params"], trial.external_params());
        assert_eq!(theirs["value"], json!(trial.value.map(number)));
        let reports = study.lock_storage().reports(trial.id).unwrap();
        let reports = reports.into_iter().map(|(s, v)| json!([s, number(v)]));
        assert_eq!(theirs["intermediate"], json!(reports.collect::<Vec<_>>()));
    }
}

fn we_continue_theirs(address: &str, python: &str) {
    let made = run(python, "make", address);
    let study = open(address, "theirs");
    assert_eq!(study.direction(), Direction::Maximize);
    let history = study.history().unwrap();
    same_trials(&history, &study, &made);
    assert_eq!(history.trials()[3].value, Some(f64::INFINITY));
    assert_eq!(history.trials()[0].user["nan"], json!("NaN"));
    let user = study
        .lock_storage()
        .study_attributes(study.id(), Setter::User)
        .unwrap();
    assert_eq!(user["what"], json!({ "made": ["by", "optuna"] }));

    // The first of three is the one that they enqueued.
    study.optimize(3, |trial| Ok(theirs(trial)?)).unwrap();
    let read = run(python, "theirs", address);
    let complete = json!(["COMPLETE", "COMPLETE", "COMPLETE"]);
    assert_eq!(json!(read["states"].as_array().unwrap()[7..]), complete);
    assert_eq!(read["params"]["a"], json!(0.25));
    assert_eq!(read["params"]["d"], json!(17));
    assert_eq!(read["params"]["f"], json!(null));
    assert_eq!(read["value"], json!(1e9 + 7.0));
    assert_eq!(read["user"], json!({ "from": "python" }));
    assert_eq!(read["best"], json!(3));

    // Their study of two objectives is listed, and refused by name.
    let studies = storage::open(address).unwrap().studies().unwrap();
    let listed: Vec<_> = studies.iter().map(|s| (&*s.name, s.objectives)).collect();
    assert_eq!(listed, [("theirs", 1), ("pareto", 2)]);
    let refused = Study::load(storage::open(address).unwrap(), "pareto").unwrap_err();
    assert!(refused.to_string().contains("pareto has 2 objectives"));
}

fn their_enqueued_trial_is_run_by_our_worker(address: &str, python: &str) {
    let storage = storage::open(address).unwrap();
    let study = Study::create(storage, "ours", Direction::Minimize).unwrap();
    study.optimize(1, objective).unwrap();
    run(python, "enqueue", address);
    let worker = open(address, "ours");
    let mut trial = worker.ask().unwrap();
    assert_eq!(trial.number(), 1);
    let value = objective(&mut trial).unwrap();
    assert_eq!(value, 48.0625);
    worker.tell(&trial, &Outcome::Complete(value)).unwrap();
    let read = &run(python, "dump", address)["trials"][1];
    assert_eq!(read["state"], "COMPLETE");
    assert_eq!(
        read["params"],
        json!({ "lr": 0.0625, "width": 48, "kind": "adam" })
    );
}

/// Heartbeats are read on the clock on which they were written, wherever the server stands.
fn nobody_takes_the_living_for_dead(address: &str, python: &str) {
    for zone in ["Asia/Tokyo", "UTC", "America/New_York"] {
        if let Some((_, database)) = address
            .rsplit_once('/')
            .filter(|_| address.starts_with("p"))
        {
            let mut client = postgres::Client::connect(address, postgres::NoTls).unwrap();
            let set = format!("ALTER DATABASE {database} SET timezone TO '{zone}'");
            client.batch_execute(&set).unwrap();
        }
        let storage = storage::open(address).unwrap();
        let study = Study::open(storage, "ours", Direction::Minimize).unwrap();
        let trial = study.ask().unwrap();
        study.lock_storage().heartbeat(trial.id()).unwrap();
        assert_eq!(run(python, "alive", address), json!({ "dead": [] }));
        let minute = Duration::from_secs(60);
        assert!(study.retry_dead(minute, 1).unwrap().is_empty());
        // They are once they have been silent: ours and theirs.
        std::thread::sleep(Duration::from_millis(1100));
        let dead = study.retry_dead(Duration::from_secs(1), 0).unwrap();
        assert_eq!(dead, [trial.number(), trial.number() + 1]);
    }
}

macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod in_a_file {
            $(#[test]
            fn $test() {
                crate::in_sqlite(crate::$test);
            })+
        }
        mod on_a_server {
            $(#[test]
            fn $test() {
                crate::in_postgres(crate::$test);
            })+
        }
    };
}

both!(
    optuna_reads_all_of_ours,
    optuna_plots_ours,
    optuna_continues_ours_and_we_read_it,
    dashboard_lists_ours,
    we_continue_theirs,
    their_enqueued_trial_is_run_by_our_worker,
    nobody_takes_the_living_for_dead,
);
