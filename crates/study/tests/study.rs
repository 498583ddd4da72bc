//! A study from its first trial to its last, and all that can go wrong on the way.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an integration test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use qstride_study::sampler::{Draw, Random, Sampler, Values};
use qstride_study::storage::{Claim, Memory, Setter, Storage};
use qstride_study::{
    Asked, Choice, Direction, Distribution, FrozenTrial, History, Outcome, SamplerError,
    SpaceError, Stop, StorageError, Study, StudyError, Tally, Trial, TrialState,
};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use time::OffsetDateTime;

fn study() -> Study {
    Study::new("study", Direction::Minimize).unwrap()
}

fn x(trial: &mut Trial<'_>) -> f64 {
    trial.suggest_float("x", 0.0..=1.0).linear().unwrap()
}

fn fixed(params: &[(&str, Choice)]) -> BTreeMap<String, Choice> {
    let params = params.iter().cloned();
    params
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// One trial, told `outcome`.
fn one(study: &Study, outcome: &Outcome) -> FrozenTrial {
    let mut trial = study.ask().unwrap();
    x(&mut trial);
    study.tell(&trial, outcome).unwrap();
    trial_of(study, trial.number())
}

fn trial_of(study: &Study, number: u64) -> FrozenTrial {
    study.history().unwrap().trials()[number as usize].clone()
}

#[test]
fn ask_and_tell() {
    let study = study();
    let mut trial = study.ask().unwrap();
    let value = x(&mut trial);
    // Asked for again it is the same, in the trial and in the storage.
    assert_eq!(x(&mut trial), value);
    trial.report(3, 0.5).unwrap();
    trial.report(1, 0.7).unwrap();
    trial.set_attribute("note", "good").unwrap();
    assert_eq!(trial.reports(), [(1, 0.7), (3, 0.5)]);
    let running = trial_of(&study, 0);
    assert_eq!((running.state, running.value), (TrialState::Running, None));
    assert_eq!(running.params["x"].external(), Choice::Float(value));
    assert_eq!(running.last_report, Some((3, 0.5)));
    study.tell(&trial, &Outcome::Complete(0.25)).unwrap();
    let ended = study.best().unwrap();
    assert_eq!(
        (ended.number, ended.state, ended.value),
        (0, TrialState::Complete, Some(0.25))
    );
    assert_eq!(ended.user["note"], json!("good"));
    assert!(ended.seconds().unwrap() >= 0.0);
}

#[test]
fn an_enqueued_trial_comes_first_with_its_values_and_draws_the_others() {
    let study = study();
    let number = study
        .enqueue(&fixed(&[("x", 0.125.into()), ("optimizer", "adam".into())]))
        .unwrap();
    assert_eq!(trial_of(&study, number).state, TrialState::Waiting);
    let mut trial = study.ask().unwrap();
    assert_eq!(trial.number(), number);
    assert_eq!(x(&mut trial), 0.125);
    let optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"]);
    assert_eq!(optimizer.unwrap(), "adam");
    let free = trial.suggest_int("layers", 1..=9).linear().unwrap();
    assert!((1..=9).contains(&free));
    study.tell(&trial, &Outcome::Complete(1.0)).unwrap();
    // The next is free again.
    assert_ne!(x(&mut study.ask().unwrap()), 0.125);
    // A value that a known parameter cannot take is refused at once, an unknown one when it is asked for.
    let refused = study.enqueue(&fixed(&[("optimizer", "adamm".into())]));
    let message = refused.unwrap_err().to_string();
    assert_eq!(
        message,
        "adamm is no value of the parameter optimizer, which is one of sgd, adam"
    );
    study.enqueue(&fixed(&[("new", 5.into())])).unwrap();
    let mut trial = study.ask().unwrap();
    let error = trial.suggest_float("new", 0.0..=1.0).linear().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("5 is no value of the parameter new")
    );
}

#[test]
fn a_dead_workers_trial_is_tried_again_and_remembers() {
    let study = study();
    let mut trial = study.ask().unwrap();
    let value = x(&mut trial);
    trial.set_attribute("seed", 7).unwrap();
    study.lock_storage().heartbeat(trial.id()).unwrap();
    assert!(
        study
            .retry_dead(Duration::from_secs(3600), 2)
            .unwrap()
            .is_empty()
    );
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(study.retry_dead(Duration::ZERO, 2).unwrap(), [0]);
    assert_eq!(trial_of(&study, 0).state, TrialState::Fail);
    // What the dead worker says afterwards does not count.
    let late = study.tell(&trial, &Outcome::Complete(0.0)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "trial 0 is failed already: it was taken for dead and given to another worker"
    );
    for (number, history) in [(1, json!([0])), (2, json!([0, 1]))] {
        let mut again = study.ask().unwrap();
        assert_eq!(again.number(), number);
        assert_eq!(x(&mut again), value);
        let frozen = trial_of(&study, number);
        assert_eq!(frozen.system["failed_trial"], json!(0));
        assert_eq!(frozen.system["retry_history"], history);
        assert_eq!(frozen.user["seed"], json!(7));
        study.lock_storage().heartbeat(again.id()).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(study.retry_dead(Duration::ZERO, 2).unwrap(), [number]);
    }
    // Twice is enough.
    assert_eq!(study.history().unwrap().trials().len(), 3);
    assert_eq!(study.retry(&trial_of(&study, 2), 2).unwrap(), None);
}

#[test]
fn a_trial_that_is_handed_back_starts_over_with_its_parameters() {
    let study = study();
    let mut trial = study.ask().unwrap();
    let value = x(&mut trial);
    trial.report(1, 0.5).unwrap();
    study.hand_back(&trial).unwrap();
    let waiting = trial_of(&study, 0);
    assert_eq!(
        (waiting.state, waiting.last_report),
        (TrialState::Waiting, None)
    );
    let mut again = study.ask().unwrap();
    assert_eq!(again.number(), 0);
    assert_eq!(x(&mut again), value);
    assert!(again.reports().is_empty());
    study.tell(&again, &Outcome::Complete(value)).unwrap();
    assert_eq!(study.history().unwrap().trials().len(), 1);
}

#[test]
fn the_cap_counts_what_is_over_or_runs_but_not_what_failed() {
    let study = study();
    let ask = || study.ask_within(Claim::within(3)).unwrap();
    let Asked::Trial(first) = ask() else { panic!() };
    let Asked::Trial(second) = ask() else {
        panic!()
    };
    let Asked::Trial(third) = ask() else { panic!() };
    assert!(matches!(ask(), Asked::Full { running: 3 }));
    study.tell(&first, &Outcome::Complete(1.0)).unwrap();
    study.tell(&second, &Outcome::Pruned).unwrap();
    assert!(matches!(ask(), Asked::Full { running: 1 }));
    let failed = Outcome::Failed("on purpose".to_owned());
    study.tell(&third, &failed).unwrap();
    let Asked::Trial(fourth) = ask() else {
        panic!()
    };
    study.tell(&fourth, &Outcome::Complete(1.0)).unwrap();
    // Waiting trials wait.
    study.enqueue(&fixed(&[])).unwrap();
    assert!(matches!(ask(), Asked::Full { running: 0 }));
}

#[test]
fn optimize_counts_how_trials_ended() {
    let study = study();
    let tally = study
        .optimize(20, |trial| {
            let x = trial.suggest_float("x", 0.0..=1.0).linear()?;
            match trial.number() % 5 {
                0 => Err(Stop::Pruned),
                1 => Err("diverged".into()),
                2 => Ok(f64::NAN),
                _ => Ok(x),
            }
        })
        .unwrap();
    assert_eq!(
        tally,
        Tally {
            complete: 8,
            pruned: 4,
            failed: 8
        }
    );
    assert_eq!(trial_of(&study, 1).system["fail_reason"], json!("diverged"));
    let nan = trial_of(&study, 2);
    assert_eq!(nan.system["fail_reason"], json!("the value is NaN"));
    assert_eq!((nan.state, nan.value), (TrialState::Fail, None));
}

#[test]
fn ten_failures_and_nothing_else_end_the_study() {
    let tried = std::cell::Cell::new(0);
    let error = study().optimize(50, |_| {
        tried.set(tried.get() + 1);
        Err("no such file: data.csv".into())
    });
    assert_eq!(tried.get(), 10);
    assert_eq!(
        error.unwrap_err().to_string(),
        "10 trials of the study study failed in a row, the last one with: no such file: data.csv"
    );
    // One that works, or is pruned at least, and it goes on.
    let tally = study().optimize(50, |trial| match trial.number() {
        3 => Err(Stop::Pruned),
        _ => Err("no".into()),
    });
    assert_eq!(tally.unwrap().failed, 49);
}

#[test]
fn nan_and_second_ends_are_refused() {
    let study = study();
    let trial = study.ask().unwrap();
    let nan = study.tell(&trial, &Outcome::Complete(f64::NAN));
    assert!(matches!(nan, Err(StudyError::NotANumber { number: 0, .. })));
    // It still runs, and infinities are values.
    study
        .tell(&trial, &Outcome::Complete(f64::INFINITY))
        .unwrap();
    let twice = study.tell(&trial, &Outcome::Complete(1.0));
    assert_eq!(
        twice.unwrap_err().to_string(),
        "trial 0 is complete already"
    );
    assert_eq!(study.best().unwrap().value, Some(f64::INFINITY));
}

/// One storage for several studies.
fn with_studies(names: &[&str]) -> Box<dyn Storage> {
    let mut storage = Memory::new();
    for name in names {
        storage.create_study(name, Direction::Minimize).unwrap();
    }
    Box::new(storage)
}

#[test]
fn names_of_studies() {
    let names = ["resnet width", "resnet depth", "other"];
    let taken = Study::create(with_studies(&names), "other", Direction::Minimize);
    assert!(matches!(
        taken,
        Err(StudyError::Storage(StorageError::NameTaken { .. }))
    ));
    let unknown = Study::load(with_studies(&names), "resnet widht").unwrap_err();
    let message = unknown.to_string();
    assert!(message.contains("did you mean resnet width"), "{message}");
    assert!(!message.contains("other"), "{message}");
    let nothing_like_it = Study::load(with_studies(&names), "zzz").unwrap_err();
    assert_eq!(
        nothing_like_it.to_string(),
        "memory has no study called zzz"
    );
    assert_eq!(
        Study::load(with_studies(&names), "other").unwrap().name(),
        "other"
    );
    let open = |direction| Study::open(with_studies(&names), "other", direction);
    assert!(open(Direction::Minimize).is_ok());
    assert_eq!(
        open(Direction::Maximize).unwrap_err().to_string(),
        "the study other is there and wants to minimize, not to maximize"
    );
    let new = Study::open(with_studies(&names), "new", Direction::Maximize);
    assert_eq!(new.unwrap().direction(), Direction::Maximize);
}

#[test]
fn no_best_without_a_completed_trial() {
    let study = study();
    assert!(matches!(study.best(), Err(StudyError::NoBest { .. })));
    one(&study, &Outcome::Pruned);
    one(&study, &Outcome::Failed("no".to_owned()));
    assert!(matches!(study.best(), Err(StudyError::NoBest { .. })));
}

#[test]
fn one_name_has_one_meaning() {
    let study = study();
    one(&study, &Outcome::Complete(1.0));
    let mut trial = study.ask().unwrap();
    let changed = |error: StudyError| {
        assert!(matches!(
            error,
            StudyError::Space(SpaceError::Changed { .. })
        ));
    };
    changed(trial.suggest_int("x", 0..=1).linear().unwrap_err());
    changed(trial.suggest_float("x", 0.1..=1.0).log().unwrap_err());
    changed(trial.suggest_categorical("x", ["a", "b"]).unwrap_err());
    // Another range is another matter: Optuna allows it too.
    let wider = trial.suggest_float("x", 5.0..=6.0).linear().unwrap();
    assert!((5.0..=6.0).contains(&wider));
    // Within one trial too.
    changed(trial.suggest_int("x", 0..=9).linear().unwrap_err());
}

#[test]
fn a_category_that_is_gone_is_told() {
    let study = study();
    let mut trial = study.ask().unwrap();
    let choices = ["sgd", "adam", "rms"];
    trial.suggest_categorical("optimizer", choices).unwrap();
    study.tell(&trial, &Outcome::Complete(1.0)).unwrap();
    let mut trial = study.ask().unwrap();
    let gone = trial.suggest_categorical("optimizer", ["sgd", "adam"]);
    assert_eq!(
        gone.unwrap_err().to_string(),
        "the parameter optimizer was one of sgd, adam, rms and is now one of sgd, adam: give the new one another name"
    );
}

#[test]
fn spaces_that_make_no_sense_are_refused() {
    let study = study();
    let mut trial = study.ask().unwrap();
    let reversed = trial.suggest_float("lr", 0.1..=1e-5).log();
    assert!(reversed.unwrap_err().to_string().contains("lr"));
    let zero = trial.suggest_float("lr", 0.0..=1.0).log();
    assert!(matches!(
        zero,
        Err(StudyError::Space(SpaceError::LogOfNothing { .. }))
    ));
    assert!(trial.suggest_int("n", 0..=8).log().is_err());
    assert!(trial.suggest_float("x", 0.0..=1.0).step(-0.1).is_err());
    assert!(trial.params().is_empty());
}

#[test]
fn a_clock_that_runs_backwards_makes_no_time() {
    let study = study();
    let mut trial = one(&study, &Outcome::Complete(1.0));
    let now = OffsetDateTime::now_utc();
    trial.start = Some(now);
    trial.end = Some(now - Duration::from_secs(60));
    assert_eq!(trial.seconds(), Some(0.0));
    trial.end = Some(now + Duration::from_secs(60));
    assert_eq!(trial.seconds(), Some(60.0));
    trial.end = None;
    assert_eq!(trial.seconds(), None);
}

/// Looks at the history as a sampler sees it, and draws like random search.
struct Watching(std::sync::mpsc::Sender<History>);

impl Sampler for Watching {
    fn name(&self) -> &'static str {
        "watching"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        _: u64,
        _: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        self.0.send(history.clone()).unwrap();
        Ok(Draw::default())
    }

    fn draw_one(
        &mut self,
        history: &History,
        so_far: &Values,
        name: &str,
        distribution: &Distribution,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64, SamplerError> {
        Random.draw_one(history, so_far, name, distribution, rng)
    }
}

#[test]
fn what_a_sampler_sees() {
    for direction in [Direction::Minimize, Direction::Maximize] {
        let (sender, seen) = std::sync::mpsc::channel();
        let study = Study::new("study", direction)
            .unwrap()
            .with_sampler(Watching(sender));
        for (report, outcome) in [
            (None, Outcome::Complete(3.0)),
            (None, Outcome::Failed("no".to_owned())),
            (Some(7.0), Outcome::Pruned),
            (None, Outcome::Pruned),
            (None, Outcome::Complete(5.0)),
        ] {
            let mut trial = study.ask().unwrap();
            x(&mut trial);
            if let Some(report) = report {
                trial.report(4, report).unwrap();
            }
            study.tell(&trial, &outcome).unwrap();
        }
        let running = study.ask().unwrap();
        drop(study.ask().unwrap());
        let history = seen.iter().nth(6).unwrap();
        // The one that failed and the one that runs teach nothing.
        assert_eq!(history.finished(), [0, 2, 3, 4]);
        let known: Vec<bool> = history.column("x").iter().map(|x| !x.is_nan()).collect();
        assert_eq!(known, [true, false, true, true, true]);
        // What was pruned has no loss, and above all not 0; large values are turned round where they are good.
        let losses: Vec<_> = (0..6).map(|number| history.loss(number)).collect();
        let sign = direction.loss(1.0);
        assert_eq!(
            losses,
            [Some(3.0 * sign), None, None, None, Some(5.0 * sign), None]
        );
        let [reported, silent] = [2, 3].map(|number| &history.trials()[number]);
        assert_eq!(
            (reported.value, reported.last_report),
            (Some(7.0), Some((4, 7.0)))
        );
        assert_eq!((silent.value, silent.last_report), (None, None));
        let best = match direction {
            Direction::Minimize => 0,
            Direction::Maximize => 4,
        };
        assert_eq!(history.best().unwrap().number, best);
        assert_eq!(history.trials()[5].number, running.number());
    }
}

#[test]
fn parameters_are_told_apart_by_name() {
    let study = study();
    let names = ["left", "right"];
    study
        .optimize(50, |trial| {
            let [left, right] = names.map(|name| trial.suggest_float(name, 0.0..=1.0).linear());
            let (left, right) = (left?, right?);
            assert_ne!(left, right);
            Ok(left - right)
        })
        .unwrap();
    let history = study.history().unwrap();
    assert_eq!(history.joint_space().len(), 2);
    for (number, trial) in history.trials().iter().enumerate() {
        let [left, right] = names.map(|name| trial.params[name].value);
        assert_eq!(history.column("left")[number], left);
        assert_eq!(history.column("right")[number], right);
        assert_eq!(trial.value, Some(left - right));
    }
}

#[test]
fn maximising_takes_the_largest() {
    let of = |direction| {
        let study = Study::new("study", direction).unwrap();
        study
            .optimize(30, |trial| {
                Ok(trial.suggest_float("x", 0.0..=1.0).linear()?)
            })
            .unwrap();
        let values = study.history().unwrap();
        let values = values.complete().filter_map(|trial| trial.value);
        let (least, most) = values.fold((1.0_f64, 0.0_f64), |(least, most), v| {
            (least.min(v), most.max(v))
        });
        (study.best().unwrap().value.unwrap(), least, most)
    };
    let (best, least, _) = of(Direction::Minimize);
    assert_eq!(best, least);
    let (best, _, most) = of(Direction::Maximize);
    assert_eq!(best, most);
}

#[test]
fn of_equals_the_first_is_best() {
    let study = study();
    for value in [2.0, 1.0, 1.0, 3.0] {
        one(&study, &Outcome::Complete(value));
    }
    assert_eq!(study.best().unwrap().number, 1);
}

#[test]
fn a_seed_makes_the_same_trials_again() {
    let run = |seed| {
        let study = study().with_seed(seed);
        study
            .optimize(10, |trial| {
                let x = trial.suggest_float("x", 1e-5..=1.0).log()?;
                let n = trial.suggest_int("n", 1..=64).linear()?;
                let kind = trial.suggest_categorical("kind", ["a", "b", "c"])?;
                Ok(x * n as f64 + kind.len() as f64)
            })
            .unwrap();
        let history = study.history().unwrap();
        let trials = history.trials().iter();
        trials
            .map(|t| (t.params.clone(), t.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
    // A trial's dice are its own: another trial that draws less does not change them.
    let study = study().with_seed(3);
    drop(study.ask().unwrap());
    let mut second = study.ask().unwrap();
    let x = second.suggest_float("x", 1e-5..=1.0).log().unwrap();
    assert_eq!(x, run(3)[1].0["x"].value);
}

#[test]
fn attributes_of_studies_and_trials_are_kept_apart_by_who_set_them() {
    let study = study();
    let mut storage = study.lock_storage();
    let id = study.id();
    storage
        .set_study_attribute(id, Setter::User, "note", &json!("mine"))
        .unwrap();
    let of = |storage: &mut Box<dyn Storage>, by| storage.study_attributes(id, by).unwrap();
    assert_eq!(of(&mut storage, Setter::User)["note"], json!("mine"));
    assert!(of(&mut storage, Setter::System).is_empty());
}
