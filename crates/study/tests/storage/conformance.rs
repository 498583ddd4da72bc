//! What every storage must do for one process.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use qstride_study::storage::{Begun, Claim, Setter, Storage};
use qstride_study::{
    Attributes, Choice, Direction, Distribution, FrozenTrial, Param, StorageError, TrialState,
};
use serde_json::json;

use crate::Place;

pub fn study(storage: &mut dyn Storage, name: &str) -> i64 {
    storage.create_study(name, Direction::Minimize).unwrap().id
}

pub fn begin(storage: &mut dyn Storage, study: i64) -> FrozenTrial {
    match storage.begin_trial(study, Claim::default()).unwrap() {
        Begun::Trial(trial) => trial,
        Begun::Full { .. } => panic!("full without a cap"),
    }
}

pub fn read(storage: &mut dyn Storage, study: i64, id: i64) -> FrozenTrial {
    let found = storage.read_trials(study, &[id], Some(i64::MAX)).unwrap();
    assert_eq!(found.len(), 1);
    found[0].clone()
}

pub fn param(distribution: Distribution, value: f64) -> Param {
    assert!(distribution.contains(value));
    Param {
        distribution: Arc::new(distribution),
        value,
    }
}

pub fn studies_come_and_go(place: &dyn Place) {
    let mut storage = place.open();
    assert!(storage.studies().unwrap().is_empty());
    let a = storage.create_study("a", Direction::Minimize).unwrap();
    let b = storage.create_study("b", Direction::Maximize).unwrap();
    assert_eq!(storage.studies().unwrap(), [a.clone(), b.clone()]);
    assert_eq!((b.name.as_str(), b.objectives), ("b", 1));
    let taken = storage.create_study("a", Direction::Maximize);
    assert!(matches!(taken, Err(StorageError::NameTaken { name, .. }) if name == "a"));

    for study in [a.id, b.id] {
        let trial = begin(storage.as_mut(), study);
        let x = param(Distribution::float("x", 0.0, 1.0).unwrap(), 0.5);
        storage.set_param(trial.id, "x", &x).unwrap();
        storage.report(trial.id, 1, 2.0).unwrap();
        storage.heartbeat(trial.id).unwrap();
        for by in [Setter::User, Setter::System] {
            storage.set_attribute(trial.id, by, "k", &json!(1)).unwrap();
            storage
                .set_study_attribute(study, by, "k", &json!(1))
                .unwrap();
        }
        let ended = storage.end_trial(trial.id, TrialState::Complete, Some(1.0));
        assert!(ended.unwrap());
    }
    storage.delete_study(a.id).unwrap();
    let left = storage.studies().unwrap();
    assert_eq!(left, std::slice::from_ref(&b));
    assert_eq!(storage.read_trials(b.id, &[], None).unwrap().len(), 1);
    let again = storage.create_study("a", Direction::Maximize).unwrap();
    assert!(storage.read_trials(again.id, &[], None).unwrap().is_empty());
    assert_eq!(begin(storage.as_mut(), again.id).number, 0);
}

pub fn names_of_all_kinds(place: &dyn Place) {
    let mut storage = place.open();
    let long: String = "ü".repeat(512);
    let names = [
        "with spaces",
        "学習率 λ → 🎯",
        "Robert'); DROP TABLE trials;--",
        "\"quoted\" 'twice' `thrice` \\ ?1 $1 {now} {lock}",
        "a%20b%",
        "line\nbreak\ttab",
        &long,
    ];
    for name in names {
        let study = study(storage.as_mut(), name);
        let trial = begin(storage.as_mut(), study);
        let x = param(
            Distribution::categorical(name, vec![Choice::Text(name.to_owned())]).unwrap(),
            0.0,
        );
        storage.set_param(trial.id, name, &x).unwrap();
        storage
            .set_attribute(trial.id, Setter::User, name, &json!(name))
            .unwrap();
        storage
            .set_study_attribute(study, Setter::User, name, &json!({ name: name }))
            .unwrap();
        let found = read(storage.as_mut(), study, trial.id);
        assert_eq!(found.params[name], x);
        assert_eq!(found.user[name], json!(name));
        let attributes = storage.study_attributes(study, Setter::User).unwrap();
        assert_eq!(attributes[name], json!({ name: name }));
    }
    let found: Vec<String> = storage
        .studies()
        .unwrap()
        .into_iter()
        .map(|study| study.name)
        .collect();
    assert_eq!(found, names);
}

pub fn attributes_come_back(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    assert!(trial.user.is_empty() && trial.system.is_empty());
    let values = [
        json!(null),
        json!([1, 2.5, "x", { "y": [true] }]),
        json!(0.1 + 0.2),
        json!(i64::MIN),
        json!("x".repeat(100_000)),
    ];
    for value in &values {
        for by in [Setter::User, Setter::System] {
            storage.set_study_attribute(study, by, "k", value).unwrap();
            storage.set_attribute(trial.id, by, "k", value).unwrap();
            let expected = Attributes::from([("k".to_owned(), value.clone())]);
            assert_eq!(storage.study_attributes(study, by).unwrap(), expected);
            let found = read(storage.as_mut(), study, trial.id);
            let found = if by == Setter::User {
                found.user
            } else {
                found.system
            };
            assert_eq!(found, expected);
        }
    }
}

pub fn a_life_of_a_trial(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    assert_eq!((trial.number, trial.state), (0, TrialState::Running));
    assert!(trial.start.is_some() && trial.end.is_none() && trial.value.is_none());
    assert_eq!(read(storage.as_mut(), study, trial.id), trial);

    storage.report(trial.id, 3, 0.25).unwrap();
    let ended = storage.end_trial(trial.id, TrialState::Pruned, Some(0.25));
    assert!(ended.unwrap());
    let found = read(storage.as_mut(), study, trial.id);
    assert_eq!((found.state, found.value), (TrialState::Pruned, Some(0.25)));
    assert_eq!(found.last_report, Some((3, 0.25)));
    assert_eq!(found.start, trial.start);
    assert!(found.seconds().unwrap() < 60.0);

    // It is over: nothing changes any more.
    for state in [TrialState::Complete, TrialState::Pruned, TrialState::Fail] {
        assert!(!storage.end_trial(trial.id, state, None).unwrap());
    }
    assert!(!storage.hand_back(trial.id).unwrap());
    assert_eq!(read(storage.as_mut(), study, trial.id), found);

    let next = begin(storage.as_mut(), study);
    assert_eq!(next.number, 1);
    assert!(storage.end_trial(next.id, TrialState::Fail, None).unwrap());
    assert_eq!(read(storage.as_mut(), study, next.id).value, None);
}

pub fn every_kind_of_parameter_is_exact(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    let choices = vec![
        Choice::Null,
        Choice::Bool(true),
        Choice::Int(1),
        Choice::Float(2.0),
        Choice::Text("a \"b\"".to_owned()),
    ];
    let float = |low, high| Distribution::float("x", low, high).unwrap();
    let params = [
        param(float(0.0, 1.0), 0.1 + 0.2),
        param(float(1e-300, 1.0).log("x").unwrap(), 5.4321e-299),
        param(float(-1.7e308, 1.7e308), 1.0 / 3.0 * 1e308),
        param(float(-1.0, 1.0), -5e-324),
        param(float(0.0, 1.0).step("x", 0.1).unwrap(), 0.1 * 3.0),
        param(
            Distribution::int("x", -(1 << 53), 1 << 53).unwrap(),
            9_007_199_254_740_991.0,
        ),
        param(Distribution::categorical("x", choices).unwrap(), 4.0),
    ];
    for (at, param) in params.iter().enumerate() {
        let name = format!("p{at}");
        storage.set_param(trial.id, &name, param).unwrap();
    }
    let found = read(storage.as_mut(), study, trial.id);
    for (at, param) in params.iter().enumerate() {
        let read = &found.params[&format!("p{at}")];
        assert_eq!(read, param);
        assert_eq!(read.value.to_bits(), param.value.to_bits());
    }
    // A second value replaces the first.
    storage.set_param(trial.id, "p0", &params[1]).unwrap();
    let found = read(storage.as_mut(), study, trial.id);
    assert_eq!(found.params["p0"], params[1]);
}

pub fn values_that_are_not_finite(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let values = [f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, -0.1];
    for value in values {
        let trial = begin(storage.as_mut(), study);
        let steps = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, value];
        for (step, report) in steps.iter().enumerate() {
            storage.report(trial.id, step as i64, *report).unwrap();
        }
        let reports = storage.reports(trial.id).unwrap();
        let bits = |v: f64| if v.is_nan() { None } else { Some(v.to_bits()) };
        let found: Vec<_> = reports.iter().map(|(_, v)| bits(*v)).collect();
        assert_eq!(found, steps.map(bits));
        let ended = storage.end_trial(trial.id, TrialState::Complete, Some(value));
        assert!(ended.unwrap());
        let found = read(storage.as_mut(), study, trial.id).value.unwrap();
        assert_eq!(found.to_bits(), value.to_bits());
    }
}

pub fn reports_ascend_and_replace(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let (a, b) = (
        begin(storage.as_mut(), study),
        begin(storage.as_mut(), study),
    );
    for (step, value) in [(5, 1.0), (-2, 2.0), (3, 3.0), (5, 4.0)] {
        storage.report(a.id, step, value).unwrap();
    }
    storage.report(b.id, 3, 9.0).unwrap();
    let expected = [(-2, 2.0), (3, 3.0), (5, 4.0)];
    assert_eq!(storage.reports(a.id).unwrap(), expected);
    assert_eq!(storage.reports_at(study, 3).unwrap(), [(0, 3.0), (1, 9.0)]);
    assert_eq!(storage.reports_at(study, 5).unwrap(), [(0, 4.0)]);
    assert!(storage.reports_at(study, 4).unwrap().is_empty());
    assert_eq!(
        read(storage.as_mut(), study, a.id).last_report,
        Some((5, 4.0))
    );
}

pub fn the_waiting_go_first(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let first = begin(storage.as_mut(), study);
    let fixed = |x: f64| Attributes::from([("fixed_params".to_owned(), json!({ "x": x }))]);
    let note = Attributes::from([("note".to_owned(), json!("mine"))]);
    assert_eq!(storage.enqueue(study, &fixed(1.0), &note).unwrap(), 1);
    let none = Attributes::new();
    assert_eq!(storage.enqueue(study, &fixed(2.0), &none).unwrap(), 2);
    let waiting = &storage.read_trials(study, &[], Some(first.id)).unwrap()[0];
    assert_eq!(waiting.state, TrialState::Waiting);
    assert!(waiting.start.is_none());

    let one = begin(storage.as_mut(), study);
    assert_eq!((one.number, one.state), (1, TrialState::Running));
    assert_eq!((one.system, one.user), (fixed(1.0), note));
    assert!(one.start.is_some());
    let two = begin(storage.as_mut(), study);
    assert_eq!((two.number, two.system), (2, fixed(2.0)));
    assert_eq!(begin(storage.as_mut(), study).number, 3);
}

pub fn the_cap_counts_what_counts(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let mut trial = || match storage.begin_trial(study, Claim::within(3)).unwrap() {
        Begun::Trial(trial) => Ok(trial.id),
        Begun::Full { running } => Err(running),
    };
    let ids = [trial().unwrap(), trial().unwrap(), trial().unwrap()];
    assert_eq!(trial(), Err(3));
    let end = |storage: &mut dyn Storage, id, state| {
        assert!(storage.end_trial(id, state, None).unwrap());
    };
    end(storage.as_mut(), ids[0], TrialState::Complete);
    end(storage.as_mut(), ids[1], TrialState::Pruned);
    assert_eq!(
        storage.begin_trial(study, Claim::within(3)).unwrap(),
        Begun::Full { running: 1 }
    );
    // A waiting trial does not count before it runs, and does not run above the cap.
    let none = Attributes::new();
    storage.enqueue(study, &none, &none).unwrap();
    assert_eq!(
        storage.begin_trial(study, Claim::within(3)).unwrap(),
        Begun::Full { running: 1 }
    );
    // A failed trial leaves room.
    end(storage.as_mut(), ids[2], TrialState::Fail);
    let Begun::Trial(last) = storage.begin_trial(study, Claim::within(3)).unwrap() else {
        panic!("a failed trial counts");
    };
    assert_eq!(last.number, 3);
    end(storage.as_mut(), last.id, TrialState::Complete);
    assert_eq!(
        storage.begin_trial(study, Claim::within(3)).unwrap(),
        Begun::Full { running: 0 }
    );
}

pub fn handing_back_keeps_the_parameters(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let fixed = json!({ "x": 0.25, "later": 3 });
    let system = Attributes::from([("fixed_params".to_owned(), fixed)]);
    storage.enqueue(study, &system, &Attributes::new()).unwrap();
    let trial = begin(storage.as_mut(), study);
    let x = param(Distribution::float("x", 0.0, 1.0).unwrap(), 0.25);
    let choices = vec![Choice::Null, Choice::Text("b".to_owned())];
    let c = param(Distribution::categorical("c", choices).unwrap(), 1.0);
    storage.set_param(trial.id, "x", &x).unwrap();
    storage.set_param(trial.id, "c", &c).unwrap();
    storage.report(trial.id, 1, 1.0).unwrap();
    storage.heartbeat(trial.id).unwrap();
    assert!(storage.hand_back(trial.id).unwrap());
    assert!(!storage.hand_back(trial.id).unwrap());
    assert!(!storage.end_trial(trial.id, TrialState::Fail, None).unwrap());

    let back = read(storage.as_mut(), study, trial.id);
    assert_eq!((back.state, back.start), (TrialState::Waiting, None));
    assert_eq!(
        back.system["fixed_params"],
        json!({ "x": 0.25, "c": "b", "later": 3 })
    );
    assert!(back.params.is_empty() && back.last_report.is_none());
    assert!(storage.reports(trial.id).unwrap().is_empty());
    let next = begin(storage.as_mut(), study);
    assert_eq!((next.id, next.number), (trial.id, 0));
    // Nobody takes the new run for dead by the sign of life of the old one.
    sleep(Duration::from_millis(30));
    let dead = storage.end_dead(study, Duration::ZERO, &|_| None).unwrap();
    assert!(dead.is_empty());
}

pub fn the_dead_are_given_once(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let silent = begin(storage.as_mut(), study);
    let never = begin(storage.as_mut(), study);
    let over = begin(storage.as_mut(), study);
    let x = param(Distribution::float("x", 0.0, 1.0).unwrap(), 0.25);
    storage.set_param(silent.id, "x", &x).unwrap();
    storage.heartbeat(silent.id).unwrap();
    storage.heartbeat(over.id).unwrap();
    storage
        .end_trial(over.id, TrialState::Complete, Some(1.0))
        .unwrap();
    let hour = Duration::from_secs(3600);
    assert!(storage.end_dead(study, hour, &|_| None).unwrap().is_empty());
    sleep(Duration::from_millis(30));
    let dead = storage
        .end_dead(study, Duration::from_millis(10), &|_| None)
        .unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].id, dead[0].state), (silent.id, TrialState::Fail));
    assert_eq!(dead[0].params["x"], x);
    assert!(dead[0].end.is_some());
    assert!(
        storage
            .end_dead(study, Duration::ZERO, &|_| None)
            .unwrap()
            .is_empty()
    );
    // Its worker comes back from wherever it was.
    let late = storage.end_trial(silent.id, TrialState::Complete, Some(1.0));
    assert!(!late.unwrap());
    assert!(!storage.hand_back(silent.id).unwrap());
    let found = read(storage.as_mut(), study, silent.id);
    assert_eq!((found.state, found.value), (TrialState::Fail, None));
    let found = read(storage.as_mut(), study, never.id);
    assert_eq!(found.state, TrialState::Running);
}

pub fn trials_are_read_by_id_and_after_one(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let ids: Vec<i64> = (0..6).map(|_| begin(storage.as_mut(), study).id).collect();
    let mut numbers = |some: &[i64], after| -> Vec<u64> {
        let found = storage.read_trials(study, some, after).unwrap();
        found.iter().map(|trial| trial.number).collect()
    };
    assert_eq!(numbers(&[], None), [0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers(&[], Some(ids[3])), [4, 5]);
    assert_eq!(numbers(&[ids[0], ids[2]], Some(ids[4])), [0, 2, 5]);
    assert_eq!(numbers(&[], Some(i64::MAX)), [0_u64; 0]);
}

pub fn what_is_unknown_is_named(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let none = Attributes::new();
    let no_study = [
        storage.begin_trial(77, Claim::default()).err(),
        storage.enqueue(77, &none, &none).err(),
        storage.delete_study(77).err(),
        storage
            .set_study_attribute(77, Setter::User, "k", &json!(1))
            .err(),
        storage.end_dead(77, Duration::ZERO, &|_| None).err(),
    ];
    for error in no_study {
        assert!(
            matches!(&error, Some(StorageError::UnknownStudy { name, .. }) if name.contains("77")),
            "{error:?}"
        );
    }
    begin(storage.as_mut(), study);
    let x = param(Distribution::float("x", 0.0, 1.0).unwrap(), 0.25);
    let no_trial = [
        storage.set_param(99, "x", &x).err(),
        storage
            .set_attribute(99, Setter::User, "k", &json!(1))
            .err(),
        storage.report(99, 1, 1.0).err(),
        storage.heartbeat(99).err(),
        storage.end_trial(99, TrialState::Fail, None).err(),
        storage.hand_back(99).err(),
    ];
    for error in no_trial {
        assert!(
            matches!(error, Some(StorageError::UnknownTrial { trial: 99 })),
            "{error:?}"
        );
    }
}

pub fn two_studies_do_not_meet(place: &dyn Place) {
    let mut storage = place.open();
    let (a, b) = (study(storage.as_mut(), "a"), study(storage.as_mut(), "b"));
    for number in 0..3 {
        for study in [a, b] {
            let trial = begin(storage.as_mut(), study);
            assert_eq!(trial.number, number);
            let value = if study == a { 1.0 } else { 2.0 };
            storage.report(trial.id, 1, value).unwrap();
        }
    }
    assert_eq!(
        storage.reports_at(a, 1).unwrap(),
        [(0, 1.0), (1, 1.0), (2, 1.0)]
    );
    assert_eq!(storage.read_trials(b, &[], None).unwrap().len(), 3);
    assert_eq!(
        storage.begin_trial(a, Claim::within(3)).unwrap(),
        Begun::Full { running: 3 }
    );
    assert!(matches!(
        storage.begin_trial(b, Claim::within(4)).unwrap(),
        Begun::Trial(_)
    ));
}
