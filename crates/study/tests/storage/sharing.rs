//! What every database must do for several processes, each with a storage of its own.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use qstride_study::storage::{Begun, Claim, Setter, Storage};
use qstride_study::{
    Attributes, Direction, Distribution, StorageError, Study, StudyError, TrialState,
};
use serde_json::json;

use crate::Place;
use crate::conformance::{begin, param, read, study};
use crate::workers::{check_count, work};

const WORKERS: u64 = 4;

/// The same on several threads that start together, each with a storage of its own.
fn together<T: Send>(
    place: &dyn Place,
    work: impl Fn(u64, &mut dyn Storage) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(WORKERS as usize);
    thread::scope(|scope| {
        let spawn = |worker| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                let mut storage = place.open();
                start.wait();
                work(worker, storage.as_mut())
            })
        };
        let threads: Vec<_> = (0..WORKERS).map(spawn).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

pub fn the_cap_is_exact(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let had = together(place, |_, storage| work(storage, study, 60));
    let trials = storage.read_trials(study, &[], None).unwrap();
    check_count(&trials, &had, 60);
    for trial in trials {
        assert_eq!(trial.params.len(), 1);
        assert_eq!(storage.reports(trial.id).unwrap().len(), 3);
    }
}

pub fn every_waiting_trial_is_taken_once(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let none = Attributes::new();
    for _ in 0..32 {
        storage.enqueue(study, &none, &none).unwrap();
    }
    let taken = together(place, |_, storage| {
        (0..8)
            .map(|_| begin(storage, study).number)
            .collect::<Vec<_>>()
    });
    let taken: BTreeSet<u64> = taken.into_iter().flatten().collect();
    assert_eq!(taken, (0..32).collect());
}

pub fn every_dead_trial_is_given_once(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    for _ in 0..20 {
        let trial = begin(storage.as_mut(), study);
        storage.heartbeat(trial.id).unwrap();
    }
    thread::sleep(Duration::from_millis(30));
    let given = together(place, |_, storage| {
        let dead = storage
            .end_dead(study, Duration::from_millis(10), &|_| None)
            .unwrap();
        dead.iter().map(|trial| trial.number).collect::<Vec<_>>()
    });
    let mut given: Vec<u64> = given.into_iter().flatten().collect();
    given.sort_unstable();
    assert_eq!(given, (0..20).collect::<Vec<_>>());
}

pub fn enqueueing_at_once_gives_distinct_numbers(place: &dyn Place) {
    let mut storage = place.open();
    let study = study(storage.as_mut(), "s");
    let numbers = together(place, |worker, storage| {
        let user = Attributes::from([("worker".to_owned(), json!(worker))]);
        let add = |_| storage.enqueue(study, &Attributes::new(), &user).unwrap();
        (0..10).map(add).collect::<Vec<_>>()
    });
    let numbers: BTreeSet<u64> = numbers.into_iter().flatten().collect();
    assert_eq!(numbers, (0..40).collect());
}

pub fn opening_at_once_makes_the_tables_once(place: &dyn Place) {
    let found = together(place, |_, storage| storage.studies().unwrap().len());
    assert_eq!(found, [0; WORKERS as usize]);
}

pub fn a_study_is_created_once(place: &dyn Place) {
    let made = together(place, |_, storage| {
        match storage.create_study("s", Direction::Minimize) {
            Ok(_) => 1,
            Err(StorageError::NameTaken { .. }) => 0,
            Err(error) => panic!("{error}"),
        }
    });
    assert_eq!(made.iter().sum::<u64>(), 1);
    let found = together(place, |_, storage| storage.studies().unwrap());
    assert!(found.iter().all(|studies| studies.len() == 1));
}

pub fn a_study_deleted_under_its_workers_is_gone(place: &dyn Place) {
    let mut storage = place.open();
    let (doomed, kept) = (study(storage.as_mut(), "a"), study(storage.as_mut(), "b"));
    begin(storage.as_mut(), kept);
    let start = Instant::now();
    let ends = together(place, |worker, storage| {
        if worker == 0 {
            thread::sleep(Duration::from_millis(50));
            storage.delete_study(doomed).unwrap();
            return true;
        }
        while start.elapsed() < Duration::from_secs(30) {
            let step = storage
                .begin_trial(doomed, Claim::default())
                .and_then(|begun| {
                    let Begun::Trial(trial) = begun else {
                        panic!("full without a cap");
                    };
                    storage.report(trial.id, 1, 1.0)?;
                    storage.set_attribute(trial.id, Setter::User, "k", &json!(1))?;
                    storage.end_trial(trial.id, TrialState::Complete, Some(1.0))
                });
            match step {
                Ok(_) => {}
                Err(StorageError::UnknownStudy { .. } | StorageError::UnknownTrial { .. }) => {
                    return true;
                }
                Err(error) => panic!("{error}"),
            }
        }
        false
    });
    assert!(ends.into_iter().all(|end| end));
    assert_eq!(storage.studies().unwrap().len(), 1);
    assert_eq!(storage.read_trials(kept, &[], None).unwrap().len(), 1);
}

pub fn names_that_are_too_long_are_refused(place: &dyn Place) {
    let mut storage = place.open();
    let long = "ü".repeat(513);
    let study = study(storage.as_mut(), "s");
    let trial = begin(storage.as_mut(), study);
    let x = param(Distribution::float("x", 0.0, 1.0).unwrap(), 0.25);
    let value = json!(1);
    let attributes = Attributes::from([(long.clone(), value.clone())]);
    let none = Attributes::new();
    let refused = [
        storage.create_study(&long, Direction::Minimize).err(),
        storage.set_param(trial.id, &long, &x).err(),
        storage
            .set_attribute(trial.id, Setter::User, &long, &value)
            .err(),
        storage
            .set_study_attribute(study, Setter::System, &long, &value)
            .err(),
        storage.enqueue(study, &none, &attributes).err(),
    ];
    for error in refused {
        let said = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            said.contains("room for 512") && said.contains("513"),
            "{said}"
        );
    }
    assert_eq!(storage.read_trials(study, &[], None).unwrap().len(), 1);
}

pub fn a_handed_back_trial_is_the_next_workers_alone(place: &dyn Place) {
    let (mut first, mut second) = (place.open(), place.open());
    let study = study(first.as_mut(), "s");
    let trial = begin(first.as_mut(), study);
    // Someone without a claim may end or hand back what another began: an administrator does.
    assert!(second.hand_back(trial.id).unwrap());
    assert_eq!(begin(second.as_mut(), study).id, trial.id);
    // But the first worker is not its owner any more.
    let late = first.end_trial(trial.id, TrialState::Complete, Some(1.0));
    assert!(!late.unwrap());
    assert_eq!(
        read(first.as_mut(), study, trial.id).state,
        TrialState::Running
    );
    let ended = second.end_trial(trial.id, TrialState::Complete, Some(2.0));
    assert!(ended.unwrap());
}

pub fn several_objectives_are_listed_but_not_opened(place: &dyn Place) {
    let mut storage = place.open();
    let id = study(storage.as_mut(), "pareto");
    drop(storage);
    place.execute(&format!(
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', {id}, 1)"
    ));
    let mut storage = place.open();
    assert_eq!(storage.studies().unwrap()[0].objectives, 2);
    match Study::load(storage, "pareto") {
        Err(StudyError::Objectives { name, objectives }) => {
            assert_eq!((name.as_str(), objectives), ("pareto", 2));
        }
        other => panic!("{other:?}"),
    }
}
