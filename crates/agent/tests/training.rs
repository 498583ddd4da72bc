//! Training from the outside: the same seed, the same bits; saved and resumed, the same bits; and it learns.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::fs;
use std::sync::Arc;

use qstride_agent::{
    DataTask, DeviceKind, Problem, Problems, Recipe, StateError, TrainState, Trainer,
};
use qstride_control::features::Features;
use qstride_control::proposal::Proposal;
use qstride_control::{Action, ActionSet, Checkpoint, FeatureSpec, Observation, Reward, Statistic};
use qstride_objectives::quadratic::Quadratic;
use qstride_objectives::{Instance, Objective};

/// Small enough for a second, with every part of the loop in it.
fn small(seed: u64) -> Recipe {
    Recipe {
        seed,
        steps: 6_000,
        environments: 16,
        learning_starts: 500,
        steps_per_update: 8,
        batch: 32,
        instances_per_family: 5,
        validation: qstride_agent::recipe::ValidationRecipe {
            times: 3,
            per_family: 2,
        },
        ..Recipe::default()
    }
}

fn trainer(recipe: &Recipe) -> Trainer {
    let checked = recipe.check().unwrap();
    let problems = Problems::draw(&checked).unwrap();
    Trainer::new(checked, problems, &DeviceKind::Flex.device()).unwrap()
}

fn finish(mut trainer: Trainer) -> (Vec<f32>, Vec<f32>, String) {
    while !trainer.finished() {
        trainer.tick().unwrap();
    }
    let checkpoint = trainer.checkpoint("test").unwrap();
    let table = format!("{:?} {:?}", trainer.validations(), trainer.averages());
    (
        trainer.policy().unwrap().to_flat(),
        checkpoint.policy.to_flat(),
        table,
    )
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| finish(trainer(&small(seed))))
    };
    let one = run(1, 4);
    assert_eq!(one, run(2, 4));
    assert_ne!(one.0, run(2, 5).0);
}

#[test]
fn a_resumed_run_ends_at_the_same_weights() {
    let recipes = [
        small(1),
        Recipe {
            replay: qstride_agent::ReplaySettings {
                capacity: 700,
                recent_and_best: 0,
            },
            ..small(2)
        },
        Recipe {
            steps: 4_000,
            instances_per_family: 5,
            validation: small(3).validation,
            ..Recipe::published("v2")
        },
        Recipe {
            steps: 1_500,
            environments: 8,
            learning_starts: 200,
            stochastic: qstride_agent::recipe::StochasticRecipe {
                tasks: 4,
                horizon: [50, 90],
                ..Default::default()
            },
            validation: small(3).validation,
            ..Recipe::stochastic()
        },
    ];
    for recipe in recipes {
        let whole = finish(trainer(&recipe));
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("train_state");
        let mut state = TrainState::create(&place).unwrap();
        let mut running = trainer(&recipe);
        let mut saves = 0;
        // Stops twice: each time the run is dropped some ticks after its last save, as a kill would do.
        for share in [0.3, 0.7] {
            while (running.steps() as f64) < share * recipe.steps as f64 {
                running.tick().unwrap();
                if state.due(&running) {
                    state.save(&mut running).unwrap();
                    saves += 1;
                }
            }
            let done = running.steps();
            (state, running) =
                TrainState::resume(&place, &Features::builtin(), &DeviceKind::Flex.device())
                    .unwrap();
            assert!(
                running.steps() as f64 >= 0.95 * done as f64,
                "more than 5 % to repeat"
            );
        }
        assert!(saves > 10);
        assert_eq!(finish(running), whole, "{}", recipe.name);
    }
}

#[test]
fn a_broken_state_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("train_state");
    let resume = || {
        TrainState::resume(&place, &Features::builtin(), &DeviceKind::Flex.device())
            .err()
            .unwrap()
    };
    assert!(matches!(resume(), StateError::Read { path, .. } if path.ends_with("state.json")));
    let mut running = trainer(&small(1));
    let mut state = TrainState::create(&place).unwrap();
    for _ in 0..40 {
        running.tick().unwrap();
    }
    state.save(&mut running).unwrap();
    let segment = place.join("segments/000000.bin");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 3]).unwrap();
    assert!(matches!(resume(), StateError::Segment { path, .. } if path == segment));
    fs::remove_file(&segment).unwrap();
    assert!(matches!(resume(), StateError::Read { path, .. } if path == segment));
    fs::write(&segment, &bytes).unwrap();
    let json = place.join("state.json");
    let text = fs::read_to_string(&json).unwrap();
    fs::write(&json, text.replacen("\"version\":1", "\"version\":9", 1)).unwrap();
    assert!(matches!(resume(), StateError::Version { found: 9, .. }));
    fs::write(&json, &text[..text.len() / 2]).unwrap();
    assert!(matches!(resume(), StateError::Broken { .. }));
}

/// ½ (x² + 25 y²): of the rates that the actions offer, one is far better than the others.
fn bowl(_: usize) -> Problem {
    let formula = Quadratic::Diagonal(vec![25.0; 2]);
    Problem::Exact(
        Arc::new(Instance::new("bowl", formula, vec![1.0, 2.0]).with_minimum(0.0))
            as Arc<dyn Objective>,
    )
}

#[test]
fn it_learns_what_to_do_where_that_is_plain() {
    // On a bowl of one curvature BB1 is Newton's step; scaling by 0.3 creeps.
    let actions = ActionSet {
        name: "creep or jump".to_owned(),
        actions: vec![
            Action::Scale(0.3),
            Action::Propose(Proposal::LongBarzilaiBorwein),
        ],
        ..ActionSet::preset("proposals").unwrap()
    };
    let recipe = Recipe {
        action_set: Some(actions),
        steps: 3_000,
        budget: 30,
        reward: Reward::default(),
        ..small(1)
    };
    let checked = recipe.check().unwrap();
    let problems = Problems {
        train: (0..3).map(bowl).collect(),
        validation: (0..3).map(bowl).collect(),
    };
    let mut trainer = Trainer::new(checked, problems, &DeviceKind::Flex.device()).unwrap();
    while !trainer.finished() {
        trainer.tick().unwrap();
    }
    let best = trainer.best().unwrap();
    assert_eq!(best.validation.mean_log10_gap, -12.0);
    assert!(best.validation.mean_cost < 0.5, "{:?}", best.validation);
}

#[test]
fn one_can_train_on_data_alone() {
    let digits = DataTask {
        path: "digits".into(),
        target: String::new(),
        labels: None,
        header: None,
        model: "softmax".to_owned(),
    };
    let recipe = Recipe {
        families: Vec::new(),
        data: vec![digits],
        steps: 200,
        budget: 20,
        ..small(1)
    };
    let trained = trainer(&recipe);
    let (_, _, table) = finish(trained);
    assert!(table.contains("mean_log10_gap: -"), "{table}");
}

#[test]
fn training_instances_can_have_random_units() {
    let draw = |randomised: bool| {
        let recipe = Recipe {
            randomised,
            families: vec!["quadratic".to_owned()],
            ..small(1)
        };
        Problems::draw(&recipe.check().unwrap()).unwrap().train
    };
    for (plain, scaled) in draw(false).iter().zip(&draw(true)) {
        let (Problem::Exact(plain), Problem::Exact(scaled)) = (plain, scaled) else {
            unreachable!()
        };
        let ratio = scaled.value(&scaled.start()) / plain.value(&plain.start());
        assert!(
            (1e-3..=1e3).contains(&ratio) && (ratio - 1.0).abs() > 1e-6,
            "{ratio}"
        );
        assert_eq!(scaled.minimum(), Some(0.0));
    }
}

#[test]
fn an_unknown_family_or_a_missing_file_is_named() {
    let fault = |recipe: Recipe| {
        Problems::draw(&recipe.check().unwrap())
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    };
    let unknown = fault(Recipe {
        families: vec!["quadratics".to_owned()],
        ..small(1)
    });
    assert!(
        unknown.contains("quadratics") && unknown.contains("quadratic"),
        "{unknown}"
    );
    let data = DataTask {
        path: "nowhere.csv".into(),
        target: "y".to_owned(),
        labels: None,
        header: None,
        model: "softmax".to_owned(),
    };
    assert!(
        fault(Recipe {
            data: vec![data],
            ..small(1)
        })
        .contains("nowhere.csv")
    );
}

/// How much of the first gradient's norm is left.
struct GradientLeft;

impl Statistic for GradientLeft {
    fn name(&self) -> &str {
        "gradient_left"
    }
    fn observe(&self, o: &Observation) -> f64 {
        (o.squared_gradient / o.start_squared_gradient)
            .sqrt()
            .min(1.0)
    }
}

#[test]
fn a_statistic_of_ones_own_goes_into_the_checkpoint() {
    let mut features = Features::builtin();
    features.add(GradientLeft).unwrap();
    let recipe = Recipe {
        steps: 1_000,
        features: Some(vec![
            FeatureSpec::new("gradient_left", 2),
            FeatureSpec::new("rejected", 1),
        ]),
        ..small(1)
    };
    assert!(
        recipe.check().is_err(),
        "the built-in statistics do not know it"
    );
    let checked = recipe.check_with(&features).unwrap();
    let problems = Problems::draw(&checked).unwrap();
    let mut trainer = Trainer::new(checked, problems, &DeviceKind::Flex.device()).unwrap();
    while !trainer.finished() {
        trainer.tick().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("own");
    trainer.checkpoint("test").unwrap().save(&place).unwrap();
    assert_eq!(
        Checkpoint::load_with(&place, &features)
            .unwrap()
            .manifest
            .features[0]
            .name,
        "gradient_left"
    );
    let error = Checkpoint::load(&place)
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default();
    assert!(
        error.contains("field `features`: unknown feature `gradient_left`"),
        "{error}"
    );
}
