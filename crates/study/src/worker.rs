//! One of any number of workers, in any number of processes, that share a study.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::storage::Claim;
use crate::study::{Asked, Tally};
use crate::{Outcome, Stop, Study, StudyError, Trial};

/// How a worker works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerSettings {
    /// Complete, pruned and running trials of the whole study; no end where it is not given. Failed ones do not count.
    pub cap: Option<u64>,
    /// Time between two signs of life.
    pub heartbeat: Duration,
    /// A running trial whose worker was silent for longer is dead.
    pub grace: Duration,
    /// How often a dead trial is tried again.
    pub retries: usize,
    /// Failures in a row after which the worker gives up.
    pub failures: u64,
}

impl Default for WorkerSettings {
    /// No cap, a sign of life every 10 s, dead after 60 s, 3 retries, 10 failures.
    fn default() -> Self {
        Self {
            cap: None,
            heartbeat: Duration::from_secs(10),
            grace: Duration::from_secs(60),
            retries: 3,
            failures: 10,
        }
    }
}

/// What a worker tells of its work.
#[derive(Debug)]
pub enum Event<'a> {
    /// A trial begins.
    Begins(u64),
    /// A trial has ended.
    Ended(u64, &'a Outcome),
    /// A trial waits again, for the worker was told to stop.
    HandedBack(u64),
    /// A trial of this worker was taken for dead and given to another one; what it came to is forgotten.
    Taken(u64),
    /// Trials of other workers were taken for dead.
    Dead(&'a [u64]),
    /// All trials that the study wants are running elsewhere; the worker stands by in case one dies.
    StandsBy {
        /// How many run.
        running: u64,
    },
}

/// How long a worker that stands by sleeps, at most.
const NAP: Duration = Duration::from_millis(500);

/// Runs trials until the study has as many as it wants, or `stop` is raised. A worker keeps nothing: it may be killed at any moment and
/// started again anywhere; its trial is then taken for dead by the others, and tried again.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use qstride_study::{Direction, Study, WorkerSettings, work};
///
/// let study = Study::new("shared", Direction::Maximize)?;
/// let settings = WorkerSettings { cap: Some(12), ..WorkerSettings::default() };
/// let tally = work(&study, &settings, &AtomicBool::new(false), &mut |_| {}, |trial| {
///     Ok(-trial.suggest_float("x", -1.0..=1.0).linear()?.abs())
/// })?;
/// assert_eq!(tally.complete, 12);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
///
/// # Errors
///
/// [`StudyError::OnlyFailures`] after `failures` failures in a row, and when the storage fails.
pub fn work(
    study: &Study,
    settings: &WorkerSettings,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event<'_>),
    objective: impl FnMut(&mut Trial<'_>) -> Result<f64, Stop>,
) -> Result<Tally, StudyError> {
    let running = AtomicI64::new(IDLE);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| give_signs_of_life(study, settings.heartbeat, &running, &over));
        let _raise = RaiseAtEnd(&over);
        run_trials(study, settings, stop, tell, objective, &running)
    })
}

/// Raises a flag however the work ends: a panic of the objective must not leave its trial alive for ever.
struct RaiseAtEnd<'a>(&'a AtomicBool);

impl Drop for RaiseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// No trial is running.
const IDLE: i64 = -1;

fn run_trials(
    study: &Study,
    settings: &WorkerSettings,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event<'_>),
    mut objective: impl FnMut(&mut Trial<'_>) -> Result<f64, Stop>,
    running: &AtomicI64,
) -> Result<Tally, StudyError> {
    let mut tally = Tally::default();
    let mut in_a_row = Tally::default();
    let mut looked: Option<Instant> = None;
    let claim = Claim {
        cap: settings.cap,
        heartbeat: true,
    };
    while !stop.load(Ordering::SeqCst) {
        if looked.is_none_or(|at| at.elapsed() >= settings.heartbeat.min(settings.grace)) {
            looked = Some(Instant::now());
            let dead = study.retry_dead(settings.grace, settings.retries)?;
            if !dead.is_empty() {
                tell(Event::Dead(&dead));
            }
        }
        let mut trial = match study.ask_within(claim)? {
            Asked::Trial(trial) => trial,
            Asked::Full { running: 0 } => break,
            Asked::Full { running } => {
                tell(Event::StandsBy { running });
                thread::sleep(NAP.min(settings.heartbeat));
                continue;
            }
        };
        running.store(trial.id(), Ordering::SeqCst);
        tell(Event::Begins(trial.number()));
        let outcome = Outcome::of(objective(&mut trial));
        running.store(IDLE, Ordering::SeqCst);
        let Some(outcome) = outcome else {
            study.hand_back(&trial)?;
            tell(Event::HandedBack(trial.number()));
            break;
        };
        match study.tell(&trial, &outcome) {
            Ok(()) => {}
            Err(StudyError::Over { .. }) => {
                tell(Event::Taken(trial.number()));
                continue;
            }
            Err(error) => return Err(error),
        }
        tell(Event::Ended(trial.number(), &outcome));
        tally.count(&outcome);
        in_a_row = if matches!(outcome, Outcome::Failed(_)) {
            in_a_row
        } else {
            Tally::default()
        };
        in_a_row.count(&outcome);
        if let Outcome::Failed(reason) = outcome
            && in_a_row.failed >= settings.failures
        {
            return Err(StudyError::OnlyFailures {
                name: study.name().to_owned(),
                trials: in_a_row.failed,
                reason,
            });
        }
    }
    Ok(tally)
}

/// Until the work is over. A sign that cannot be given is not the end: the next one may be, and if none is the trial is tried again elsewhere.
fn give_signs_of_life(study: &Study, every: Duration, running: &AtomicI64, over: &AtomicBool) {
    let mut last = Instant::now();
    while !over.load(Ordering::SeqCst) {
        thread::sleep(every.min(Duration::from_millis(50)));
        let trial = running.load(Ordering::SeqCst);
        if trial == IDLE || last.elapsed() < every {
            continue;
        }
        last = Instant::now();
        if let Err(error) = study.lock_storage().heartbeat(trial) {
            tracing::warn!("trial {trial} could give no sign of life: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, TrialState};

    fn settings(cap: u64) -> WorkerSettings {
        WorkerSettings {
            cap: Some(cap),
            ..WorkerSettings::default()
        }
    }

    #[test]
    fn failures_do_not_count_and_too_many_in_a_row_end_it() {
        let study = Study::new("s", Direction::Minimize).unwrap();
        let (stop, mut said) = (AtomicBool::new(false), 0);
        let tally = work(&study, &settings(20), &stop, &mut |_| said += 1, |trial| {
            if trial.number().is_multiple_of(3) {
                Err("no".into())
            } else {
                Ok(1.0)
            }
        });
        let tally = tally.unwrap();
        assert_eq!((tally.complete, tally.failed, said), (20, 10, 60));
        let error = work(&study, &settings(30), &stop, &mut |_| {}, |_| {
            Err("broken".into())
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "10 trials of the study s failed in a row, the last one with: broken"
        );
    }

    #[test]
    fn threads_share_a_cap_and_a_worker_that_stops_hands_its_trial_back() {
        let study = Study::new("s", Direction::Minimize).unwrap();
        let stop = AtomicBool::new(false);
        let tally = work(&study, &settings(9), &stop, &mut |_| {}, |trial| {
            let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
            if trial.number() == 4 {
                stop.store(true, Ordering::SeqCst);
                return Err(Stop::HandBack);
            }
            Ok(x)
        });
        assert_eq!(tally.unwrap().complete, 4);
        let waiting = study.history().unwrap().trials()[4].clone();
        assert_eq!(waiting.state, TrialState::Waiting);
        let x = waiting.system["fixed_params"]["x"].as_f64().unwrap();

        let stop = AtomicBool::new(false);
        let complete: u64 = thread::scope(|scope| {
            let worker = || {
                let tally = work(&study, &settings(9), &stop, &mut |_| {}, |trial| {
                    Ok(trial.suggest_float("x", 0.0..=1.0).linear()?)
                });
                tally.unwrap().complete
            };
            let workers: Vec<_> = (0..3).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum()
        });
        assert_eq!(complete, 5);
        let history = study.history().unwrap();
        assert_eq!(
            (history.trials().len(), history.trials()[4].value),
            (9, Some(x))
        );
    }

    #[test]
    fn a_dead_trial_is_tried_again_elsewhere_and_its_own_worker_learns_of_it() {
        let study = Study::new("s", Direction::Minimize).unwrap();
        let stop = AtomicBool::new(false);
        let short = WorkerSettings {
            heartbeat: Duration::from_secs(60),
            grace: Duration::from_millis(20),
            ..settings(3)
        };
        let mut said = Vec::new();
        let tally = work(
            &study,
            &short,
            &stop,
            &mut |e| said.push(format!("{e:?}")),
            |trial| {
                let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
                if trial.number() == 0 {
                    thread::sleep(Duration::from_millis(60));
                    assert_eq!(study.retry_dead(short.grace, 3).unwrap(), [0]);
                }
                Ok(x)
            },
        );
        assert_eq!(tally.unwrap().complete, 3);
        assert!(said.iter().any(|event| event == "Taken(0)"), "{said:?}");
        let history = study.history().unwrap();
        let trials = history.trials();
        assert_eq!((trials.len(), trials[0].state), (4, TrialState::Fail));
        assert_eq!(trials[1].params["x"].value, trials[0].params["x"].value);
        assert_eq!(trials[1].system["failed_trial"], 0);
        assert_eq!(trials[1].system["retry_history"], serde_json::json!([0]));
    }

    #[test]
    fn a_panic_of_the_objective_ends_the_work() {
        let study = Study::new("s", Direction::Minimize).unwrap();
        let stop = AtomicBool::new(false);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            work(&study, &settings(3), &stop, &mut |_| {}, |_| {
                panic!("a fault")
            })
        }));
        assert!(ended.is_err());
        // The trial gives no sign of life any more, and is tried again.
        thread::sleep(Duration::from_millis(20));
        assert_eq!(study.retry_dead(Duration::ZERO, 3).unwrap(), [0]);
    }
}
