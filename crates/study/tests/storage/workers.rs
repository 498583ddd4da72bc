//! Workers that run a study to its cap.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use qstride_study::storage::{Begun, Claim, Storage};
use qstride_study::{Direction, Distribution, FrozenTrial, Param, TrialState};

/// Runs trials with reports until the cap is reached; every seventh fails, every fifth is pruned. The ids it had.
pub fn work(storage: &mut dyn Storage, study: i64, cap: u64) -> Vec<i64> {
    let mut ids = Vec::new();
    let distribution = Arc::new(Distribution::float("x", 0.0, 1.0).unwrap());
    loop {
        let trial = match storage.begin_trial(study, Claim::within(cap)).unwrap() {
            Begun::Trial(trial) => trial,
            Begun::Full { running: 0 } => return ids,
            Begun::Full { .. } => {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
        };
        ids.push(trial.id);
        let x = Param {
            distribution: distribution.clone(),
            value: (trial.id as f64).sin().abs(),
        };
        storage.set_param(trial.id, "x", &x).unwrap();
        for step in 0..3 {
            storage.report(trial.id, step, step as f64).unwrap();
        }
        storage.heartbeat(trial.id).unwrap();
        let (state, value) = match trial.number {
            n if n % 7 == 6 => (TrialState::Fail, None),
            n if n % 5 == 4 => (TrialState::Pruned, Some(2.0)),
            _ => (TrialState::Complete, Some(x.value)),
        };
        assert!(storage.end_trial(trial.id, state, value).unwrap());
    }
}

/// All trials are over, exactly `cap` of them with something to learn from, the numbers have no gap, and every trial was one worker's.
pub fn check_count(trials: &[FrozenTrial], had: &[Vec<i64>], cap: u64) {
    let numbers: Vec<u64> = trials.iter().map(|trial| trial.number).collect();
    assert_eq!(numbers, (0..trials.len() as u64).collect::<Vec<_>>());
    assert!(trials.iter().all(|trial| trial.state.is_over()));
    let failed = |trial: &&FrozenTrial| trial.state == TrialState::Fail;
    let failures = trials.iter().filter(failed).count() as u64;
    assert_eq!(trials.len() as u64 - failures, cap);
    let all: Vec<i64> = had.iter().flatten().copied().collect();
    let distinct: BTreeSet<i64> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "a trial was given twice");
    assert_eq!(distinct, trials.iter().map(|trial| trial.id).collect());
}

const WORKERS: usize = 4;

/// Four workers run to the cap while something is done to the server, again and again until it says that it is enough.
pub fn workers_survive(
    open: impl Fn() -> Box<dyn Storage> + Sync,
    cap: u64,
    mut trouble: impl FnMut() -> bool,
) {
    let mut storage = open();
    let study = storage.create_study("s", Direction::Minimize).unwrap().id;
    let over = AtomicBool::new(false);
    let mut troubles = 0;
    let had = thread::scope(|scope| {
        let spawn = |_| {
            scope.spawn(|| {
                let had = work(open().as_mut(), study, cap);
                over.store(true, Ordering::Relaxed);
                had
            })
        };
        let threads: Vec<_> = (0..WORKERS).map(spawn).collect();
        while !over.load(Ordering::Relaxed) && trouble() {
            troubles += 1;
        }
        let ends = threads.into_iter().map(|t| t.join().unwrap());
        ends.collect::<Vec<_>>()
    });
    assert!(troubles > 0, "the workers were done before the trouble");
    let trials = storage.read_trials(study, &[], None).unwrap();
    check_count(&trials, &had, cap);
    for trial in trials {
        assert_eq!(trial.params.len(), 1);
        assert_eq!(storage.reports(trial.id).unwrap().len(), 3);
    }
}
