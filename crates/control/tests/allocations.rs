//! The bookkeeping of a method allocates nothing per step: a search or a training twice as long allocates as often.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;

use qstride_control::features::Features;
use qstride_control::learned::Blind;
use qstride_control::policy::NetworkShape;
use qstride_control::rivals::stochastic::{STOCHASTIC_RIVALS, StochasticRival};
use qstride_control::rivals::{RIVALS, Rival, Setup};
use qstride_control::{
    ActionSet, Controller, DeterministicEpisode, DeterministicSettings, End, Episode, FeatureSpec,
    Learned, Policy, StateSpec, StochasticEpisode, StochasticSettings, TrainingSettings, run,
    train,
};
use qstride_objectives::rosenbrock::chained_rosenbrock;
use qstride_objectives::{Objective, StochasticObjective, Streams};

/// How often memory was allocated, and how often f and its gradient were evaluated.
fn allocations(rival: &Rival, objective: &Arc<dyn Objective>, budget: u64) -> (u64, f64) {
    let setup = Setup {
        rate: None,
        minimum: Some(0.0),
        generator: Streams::new(1).stream("allocations"),
    };
    let settings = DeterministicSettings {
        budget,
        floor: 0.0,
        ..Default::default()
    };
    let mut cost = 0.0;
    let count = allocation_counter::measure(|| {
        let (record, _) = rival.minimise(objective.clone(), settings, &setup);
        cost = record.evaluations.cost(1.0);
    });
    (count.count_total, cost)
}

#[test]
fn twice_the_steps_allocate_as_often() {
    let objective: Arc<dyn Objective> = Arc::new(chained_rosenbrock(100));
    for rival in RIVALS {
        let (short, short_cost) = allocations(rival, &objective, 202);
        let (long, long_cost) = allocations(rival, &objective, 402);
        assert_eq!((short_cost, long_cost), (202.0, 402.0), "{}", rival.name);
        assert_eq!(short, long, "{}", rival.name);
    }
}

#[test]
fn choosing_steps_in_the_span_allocates_nothing() {
    let objective: Arc<dyn Objective> = Arc::new(chained_rosenbrock(100));
    let actions = Arc::new(ActionSet::preset("span").unwrap());
    let [short, long] = [202, 402].map(|budget| {
        let mut chance = Blind::random(actions.clone(), Streams::new(1).stream("allocations"));
        let settings = DeterministicSettings {
            budget,
            floor: 0.0,
            ..Default::default()
        };
        let count = allocation_counter::measure(|| {
            let mut episode = DeterministicEpisode::start(objective.clone(), settings, &chance);
            run(&mut episode, &mut chance);
        });
        count.count_total
    });
    assert_eq!(short, long);
}

const DIMENSION: usize = 10;
const SAMPLES: usize = 40;
const BATCH: usize = 4;

/// The mean over samples i of ½ |x - cᵢ|², from x = 3; cᵢ lies at -1 or 1. It allocates nothing itself.
struct Centres;

impl Centres {
    /// One term of f; its derivative is x - cᵢ.
    fn difference(x: f64, sample: usize) -> f64 {
        x - if sample.is_multiple_of(2) { 1.0 } else { -1.0 }
    }

    fn mean(x: &[f64], count: usize, samples: impl Iterator<Item = usize>) -> f64 {
        let loss = |i| {
            x.iter()
                .map(|&x| 0.5 * Self::difference(x, i).powi(2))
                .sum::<f64>()
        };
        samples.map(loss).sum::<f64>() / count as f64
    }
}

impl Objective for Centres {
    fn name(&self) -> &str {
        "centres"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn value(&self, x: &[f64]) -> f64 {
        Self::mean(x, SAMPLES, 0..SAMPLES)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        // The centres cancel.
        gradient.copy_from_slice(x);
    }

    fn start(&self) -> Vec<f64> {
        vec![3.0; DIMENSION]
    }
}

impl StochasticObjective for Centres {
    fn samples(&self) -> usize {
        SAMPLES
    }

    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
        Self::mean(x, batch.len(), batch.iter().copied())
    }

    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        for (g, &x) in gradient.iter_mut().zip(x) {
            let sum: f64 = batch.iter().map(|&i| Self::difference(x, i)).sum();
            *g = sum / batch.len() as f64;
        }
        self.batch_value(x, batch)
    }
}

/// How often memory is allocated in a training of so many steps.
fn training_allocations(rival: &StochasticRival, steps: u64) -> u64 {
    let settings = TrainingSettings {
        steps,
        batch: BATCH,
        rate: rival.rate,
        measure_every: 1000,
        ..TrainingSettings::default()
    };
    let count = allocation_counter::measure(|| {
        let mut method = (rival.build)(&Centres.start(), (SAMPLES / BATCH) as f64);
        let batches = Streams::new(1).stream("minibatches");
        let record = train(&Centres, &mut *method, &settings, batches);
        assert_eq!((record.steps, record.end), (steps, End::Horizon));
    });
    count.count_total
}

#[test]
fn twice_the_minibatches_allocate_as_often() {
    for rival in STOCHASTIC_RIVALS {
        let [short, long] = [50, 100].map(|steps| training_allocations(rival, steps));
        assert_eq!(short, long, "{}", rival.name);
    }
}

/// A network that has learnt nothing, on the states and actions of the policies that ship.
fn policy(features: Vec<FeatureSpec>) -> Learned {
    let spec = StateSpec::new(features, &Features::builtin()).unwrap();
    let actions = ActionSet::preset("residual").unwrap();
    let shape = NetworkShape {
        inputs: spec.width(),
        hidden: vec![16, 16],
        actions: actions.actions.len(),
    };
    let policy = Policy::untrained(shape, &mut Streams::new(1).stream("policy")).unwrap();
    Learned::new(policy, spec, Arc::new(actions))
}

/// How often memory is allocated before the first decision of an episode of so many steps and from then on, and the number of decisions.
fn episode_allocations(policy: &mut Learned, steps: u64) -> (u64, u64, u64) {
    let gradients_every = if policy.spec().wants_gradients() {
        10
    } else {
        0
    };
    let settings = StochasticSettings {
        steps,
        batch: BATCH,
        gradients_every,
        ..StochasticSettings::default()
    };
    let mut started = None;
    let before = allocation_counter::measure(|| {
        let batches = Streams::new(1).stream("minibatches");
        let episode = StochasticEpisode::start(Arc::new(Centres), settings, batches);
        policy.begin(episode.observation());
        started = Some(episode);
    });
    let (mut episode, mut decisions) = (started.unwrap(), 0);
    let after = allocation_counter::measure(|| {
        while episode.end().is_none() {
            let decision = policy.decide(episode.observation());
            episode.step(&decision);
            decisions += 1;
        }
    });
    assert_eq!(episode.end(), Some(End::Horizon));
    (before.count_total, after.count_total, decisions)
}

#[test]
fn a_frozen_policy_decides_without_allocating() {
    for features in [
        StateSpec::schedule_features(),
        StateSpec::schedule_gradient_features(),
    ] {
        let mut policy = policy(features);
        let [short, long] = [400, 800].map(|steps| episode_allocations(&mut policy, steps));
        assert_eq!(short.0, long.0, "until the anchor has found a rate");
        for (_, after, decisions) in [short, long] {
            assert_eq!(after, 0);
            assert!(decisions >= 10, "decisions: {decisions}");
        }
    }
}
