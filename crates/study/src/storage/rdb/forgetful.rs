//! A database whose every answer to a change is lost once: whatever is made again must not count twice.

use std::time::Duration;

use serde_json::json;

use super::Rdb;
use super::driver::{Datum, Driver, Failure, Row};
use super::sqlite::Sqlite;
use crate::storage::{Begun, Claim, Setter, Storage};
use crate::{Attributes, Direction, Distribution, FrozenTrial, Param, StorageError, TrialState};

struct Forgetful {
    database: Sqlite,
    in_transaction: bool,
    lost_last: bool,
}

impl Forgetful {
    fn answer<T>(&mut self, answer: T) -> Result<T, Failure> {
        self.lost_last = !self.lost_last;
        if self.lost_last {
            Err(Failure::Lost("the answer is lost".to_owned()))
        } else {
            Ok(answer)
        }
    }
}

impl Driver for Forgetful {
    fn address(&self) -> &str {
        self.database.address()
    }

    fn query(&mut self, sql: &'static str, values: &[Datum]) -> Result<Vec<Row>, Failure> {
        let rows = self.database.query(sql, values)?;
        if self.in_transaction || sql.trim_start().starts_with("SELECT") {
            Ok(rows)
        } else {
            self.answer(rows)
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.in_transaction = true;
        self.database.begin()
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.in_transaction = false;
        self.database.commit()?;
        self.answer(())
    }

    fn rollback(&mut self) {
        self.in_transaction = false;
        self.database.rollback();
    }

    fn disconnect(&mut self) {
        self.database.disconnect();
    }

    fn patience(&self) -> Duration {
        self.database.patience()
    }

    fn tables(&mut self) -> Result<Vec<Row>, Failure> {
        self.database.tables()
    }

    fn lock_schema(&mut self) -> Result<(), Failure> {
        self.database.lock_schema()
    }

    fn create_tables(&mut self) -> Result<(), Failure> {
        self.database.create_tables()
    }
}

fn forgetful(folder: &tempfile::TempDir) -> Rdb<Forgetful> {
    let file = folder.path().join("study.db");
    let database = Sqlite::new(&file, "test", Duration::from_secs(10)).unwrap();
    Rdb::over(Forgetful {
        database,
        in_transaction: false,
        lost_last: false,
    })
    .unwrap()
}

fn begin(storage: &mut Rdb<Forgetful>, study: i64) -> (i64, u64) {
    match storage.begin_trial(study, Claim::default()).unwrap() {
        Begun::Trial(trial) => (trial.id, trial.number),
        Begun::Full { .. } => panic!("full without a cap"),
    }
}

#[test]
fn nothing_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = forgetful(&folder);
    let study = storage.create_study("s", Direction::Minimize).unwrap().id;
    let taken = storage.create_study("s", Direction::Minimize);
    assert!(matches!(taken, Err(StorageError::NameTaken { .. })));
    assert_eq!(storage.studies().unwrap().len(), 1);

    // Trials: one new, one that waited.
    let (a, number) = begin(&mut storage, study);
    assert_eq!(number, 0);
    let none = Attributes::new();
    assert_eq!(storage.enqueue(study, &none, &none).unwrap(), 1);
    let (b, number) = begin(&mut storage, study);
    assert_eq!(number, 1);
    assert_eq!(storage.read_trials(study, &[], None).unwrap().len(), 2);
    let full = storage.begin_trial(study, Claim::within(2)).unwrap();
    assert_eq!(full, Begun::Full { running: 2 });

    let x = Param {
        distribution: Distribution::float("x", 0.0, 1.0).unwrap().into(),
        value: 0.5,
    };
    storage.set_param(a, "x", &x).unwrap();
    storage.report(a, 1, 2.0).unwrap();
    storage
        .set_attribute(a, Setter::User, "k", &json!(1))
        .unwrap();
    assert_eq!(storage.reports(a).unwrap(), [(1, 2.0)]);

    // Ends: ours is ours although we did not hear of it; a second one is not.
    let complete = TrialState::Complete;
    assert!(storage.end_trial(a, complete, Some(1.0)).unwrap());
    assert!(!storage.end_trial(a, complete, Some(2.0)).unwrap());
    assert!(storage.hand_back(b).unwrap());
    assert!(!storage.hand_back(b).unwrap());
    let (again, number) = begin(&mut storage, study);
    assert_eq!((again, number), (b, 1));

    // The dead are given although the first answer was lost, and then to nobody any more.
    storage.heartbeat(b).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let again = |trial: &FrozenTrial| {
        let system = Attributes::from([("again".to_owned(), json!(trial.number))]);
        Some((system, Attributes::new()))
    };
    let dead = storage
        .end_dead(study, Duration::from_millis(10), &again)
        .unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].state, TrialState::Fail);
    let dead = storage.end_dead(study, Duration::ZERO, &again).unwrap();
    assert!(dead.is_empty());
    assert!(!storage.end_trial(b, TrialState::Fail, None).unwrap());

    let trials = storage.read_trials(study, &[], None).unwrap();
    let states: Vec<_> = trials.iter().map(|t| (t.state, t.value)).collect();
    // Enqueued again once.
    let waiting = (TrialState::Waiting, None);
    assert_eq!(
        states,
        [(complete, Some(1.0)), (TrialState::Fail, None), waiting]
    );
    assert_eq!(trials[2].system["again"], 1);
    storage.delete_study(study).unwrap();
    assert!(storage.studies().unwrap().is_empty());
    let gone = storage.delete_study(study);
    assert!(matches!(gone, Err(StorageError::UnknownStudy { .. })));
}

#[test]
fn what_was_handed_back_is_not_taken_from_the_next_worker() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (forgetful(&folder), forgetful(&folder));
    let study = first.create_study("s", Direction::Minimize).unwrap().id;
    let (id, _) = begin(&mut first, study);
    let token = first.claims[&id].clone();
    assert!(first.hand_back(id).unwrap());
    assert_eq!(begin(&mut second, study).0, id);
    // The first worker's call once more, as if only now its answer had been found lost.
    let back = super::claim::hand_back(&mut first.link.driver, true, id, Some(&token));
    assert!(back.is_ok_and(|back| back));
    let trial = second
        .read_trials(study, &[id], Some(i64::MAX))
        .unwrap()
        .remove(0);
    assert_eq!(trial.state, TrialState::Running);
}
