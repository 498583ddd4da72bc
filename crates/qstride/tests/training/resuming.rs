//! A run that stops and goes on in new objects ends at the weights of one that never stopped.

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::store::ModuleRecord;
use burn::train::TrainStep;
use proptest::prelude::*;
use qstride::{Guard, Health, Observed, OptimizerFamily, Scheduler};

use crate::digits::{Mlp, momentum};
use crate::policy::{measuring, untrained};
use crate::run::{Run, batches, bits, device};
use crate::two_ways::Learning;

const STEPS: usize = 200;

/// A scheduler with roll-backs on the way.
fn scheduler(kind: &str) -> Scheduler {
    let scheduler = match kind {
        "policy" => Scheduler::from_loaded(&untrained(1, true)).unwrap(),
        "measuring" => Scheduler::from_loaded(&measuring(3)).unwrap(),
        "late" => Scheduler::rule(OptimizerFamily::Momentum).late_loss(),
        "bounded" => Scheduler::rule(OptimizerFamily::Momentum)
            .bounded(halving(), 10.0)
            .unwrap(),
        _ => Scheduler::rule(OptimizerFamily::Momentum),
    };
    let rough = if kind == "measuring" { 0.1 } else { 300.0 };
    scheduler.steps(STEPS as u64).rough_rate(rough).unwrap()
}

fn halving() -> burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler {
    burn::lr_scheduler::exponential::ExponentialLrSchedulerConfig::new(0.5, 0.99)
        .init()
        .unwrap()
}

fn start(kind: &str) -> Run {
    let mut run = Run::guarded(scheduler(kind), momentum());
    if kind == "measuring" {
        let guard = Guard::new(&run.scheduler, &run.model);
        run.guard = Some(guard.measuring_gradients(&run.scheduler, 10));
    }
    run
}

/// Everything through bytes and files into new objects.
fn resumed(run: &Run, kind: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let model = run.model.clone().into_record().into_bytes().unwrap();
    let optim = run.optim.clone().into_bytes().unwrap();
    let record = run.scheduler.to_record().into_bytes().unwrap();
    let guard = run.guard.as_ref().unwrap();
    guard.save(folder.path()).unwrap();

    let mut new = start(kind);
    let model = ModuleRecord::from_bytes(model).unwrap();
    new.model = Mlp::new(99, &device()).try_load_record(model).unwrap();
    new.optim = momentum().from_bytes(optim).unwrap();
    let record = LrSchedulerRecord::from_bytes(record).unwrap();
    new.scheduler.load_record(record);
    new.guard = new.guard.map(|guard| guard.load(folder.path()).unwrap());
    new
}

#[test]
fn a_hand_loop_resumes_at_any_step_also_with_a_roll_back_pending() {
    let batches = batches();
    for kind in ["rule", "policy", "measuring", "late", "bounded"] {
        // The run that never stops, and the steps at which it rolls back.
        let mut whole = start(kind);
        let mut roll_backs = Vec::new();
        let mut stops = vec![1, 2, 13, 57, 100, 143];
        for (step, batch) in batches.iter().cycle().take(STEPS).enumerate() {
            let before = whole.scheduler.monitor().rollbacks();
            whole.step(batch);
            if whole.scheduler.monitor().rollbacks() > before {
                roll_backs.push(step);
            }
        }
        if matches!(kind, "rule" | "policy" | "late") {
            assert!(!roll_backs.is_empty(), "{kind}");
        }
        stops.extend(roll_backs.iter().take(3));
        for stop in stops {
            for pending in [false, true] {
                let mut run = start(kind);
                let mut batches = batches.iter().cycle().take(STEPS);
                for batch in batches.by_ref().take(stop) {
                    run.step(batch);
                }
                if pending {
                    // Between the scheduler's step and the guard's.
                    let batch = batches.next().unwrap();
                    run.rate(batch);
                    run = resumed(&run, kind);
                    let loss = run.model.loss(batch);
                    let grads = GradientsParams::from_grads(loss.backward(), &run.model);
                    let rate = run.scheduler.monitor().rate();
                    run.update(rate, grads);
                } else {
                    run = resumed(&run, kind);
                }
                run.steps(batches);
                let same = run.weights() == whole.weights();
                assert!(same, "{kind}, stopped at {stop}, pending {pending}");
                assert_eq!(run.scheduler.health(), whole.scheduler.health());
            }
        }
    }
}

#[test]
fn the_learner_resumes_from_its_checkpoints() {
    let steps = 6 * batches().len() as u64;
    let scheduler = || {
        let scheduler = Scheduler::from_loaded(&untrained(1, true)).unwrap();
        scheduler.steps(steps).rough_rate(300.0).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let learn = |folder, from, to| {
        let learning = Learning {
            folder,
            accumulation: 1,
            from,
            to,
        };
        bits(&learning.run(scheduler(), Observed::guarded))
    };
    let never_stopped = learn(&whole, None, 6);
    for stop in [1, 3] {
        learn(&parts, None, stop);
        assert_eq!(learn(&parts, Some(stop), 6), never_stopped);
    }
}

#[test]
fn a_snapshot_outlives_the_checkpoint_that_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.bpk");
    let observed =
        |scheduler: &Scheduler, seed| Observed::new(Mlp::new(seed, &device()), scheduler).guarded();
    let model = observed(&scheduler("rule"), 1);
    model.clone().into_record().save(&file).unwrap();

    let mut scheduler = scheduler("rule");
    let record = ModuleRecord::load(&file).unwrap();
    let mut loaded = observed(&scheduler, 2).try_load_record(record).unwrap();
    let mut optim = momentum();
    let mut step = |loss: f64, model: Observed<Mlp>| {
        scheduler.probe().record(loss).ok();
        let rate = scheduler.step().into();
        model.optimize(&mut optim, rate, GradientsParams::new())
    };
    loaded = step(2.0, loaded);
    std::fs::remove_file(&file).unwrap();
    loaded = step(f64::NAN, loaded);
    assert_eq!(bits(loaded.inner()), bits(model.inner()));
}

#[test]
fn a_record_of_another_version_or_policy_is_refused_and_said() {
    let mut old = Scheduler::rule(OptimizerFamily::Momentum);
    for loss in [3.0, 2.0, 1.0] {
        old.probe().record(loss).unwrap();
        old.step();
    }
    let record = old.to_record().with_scalar("qstride_version", 999u64);
    let mut new = Scheduler::rule(OptimizerFamily::Momentum);
    new.load_record(record);
    assert_eq!(new.health(), Health::RecordRefused);
    new.probe().record(3.0).unwrap();
    assert!(new.step() > 0.0);
    assert_eq!(new.health(), Health::RecordRefused);
    // What is urgent comes first.
    new.probe().record(f64::NAN).unwrap_err();
    new.step();
    assert_eq!(new.health(), Health::NotFinite { steps: 1 });

    let mut other = Scheduler::from_loaded(&untrained(0, false)).unwrap();
    other.load_record(old.to_record());
    assert_eq!(other.health(), Health::RecordRefused);
    let mut empty = Scheduler::rule(OptimizerFamily::Momentum);
    empty.load_record(LrSchedulerRecord::new());
    assert_eq!(empty.health(), Health::RecordRefused);
}

/// Anything that a training run might call a loss.
pub fn any_loss() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..10.0f64,
        2 => -5.0..5.0f64,
        1 => Just(1.0),
        1 => any::<f64>(),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(1e300),
        1 => Just(-1e300),
        1 => Just(0.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_record_goes_on_as_if_nothing_had_been(
        losses in prop_oneof![
            proptest::collection::vec(any_loss(), 2..120),
            proptest::collection::vec(0.0..3.0f64, 2..120),
        ],
        at in 0.0..1.0f64,
        steps in 0u64..150,
        late in any::<bool>(),
        with_policy in any::<bool>(),
    ) {
        let new = || {
            let scheduler = match with_policy {
                true => Scheduler::from_loaded(&untrained(1, false)).unwrap(),
                false => Scheduler::rule(OptimizerFamily::Adaptive),
            };
            let scheduler = scheduler.steps(steps).rough_rate(1.0).unwrap();
            if late { scheduler.late_loss() } else { scheduler }
        };
        let stop = (at * losses.len() as f64) as usize;
        let mut first = new();
        let step = |scheduler: &mut Scheduler, loss: f64| {
            scheduler.probe().record(loss).ok();
            scheduler.step()
        };
        for loss in &losses[..stop] {
            step(&mut first, *loss);
        }
        let bytes = first.to_record().into_bytes().unwrap();
        let mut second = new();
        second.load_record(LrSchedulerRecord::from_bytes(bytes).unwrap());
        for loss in &losses[stop..] {
            prop_assert_eq!(step(&mut first, *loss), step(&mut second, *loss));
            prop_assert_eq!(first.health(), second.health());
        }
    }
}
