//! The classic methods against numbers of independent implementations: tests/golden/README.md says what they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use qstride_control::rivals::{
    AbbMin, AdGd, Armijo, BarzilaiBorwein, HypergradientHeavyBall, Lbfgs,
    LimitedMemorySteepestDescent, Nonmonotone, Preconditioner,
};
use qstride_control::{
    Controller, DeterministicEpisode, DeterministicSettings, Minimiser, Record, StartRate,
    minimiser, run,
};
use qstride_objectives::quadratic::Quadratic;
use qstride_objectives::rosenbrock::{chained_rosenbrock, extended_rosenbrock};
use qstride_objectives::{Instance, Objective, booth, himmelblau, mgh};
use serde_json::Value;

const LINE_SEARCH: &str = include_str!("../../../tests/golden/linesearch.json");
const STEP_SIZES: &str = include_str!("../../../tests/golden/stepsizes.json");
const MINIMISERS: &str = include_str!("../../../tests/golden/minimisers.json");

fn problem(name: &str) -> Arc<dyn Objective> {
    match name {
        "rosenbrock2" => Arc::new(chained_rosenbrock(2)),
        "rosenbrock10_ext" => Arc::new(extended_rosenbrock(10)),
        "rosenbrock100_chain" => Arc::new(chained_rosenbrock(100)),
        "beale" => Arc::new(mgh::beale::beale()),
        "booth" => Arc::new(booth::booth()),
        "himmelblau" => Arc::new(himmelblau::himmelblau()),
        "powell_singular" => Arc::new(mgh::powell_singular::powell_singular(4)),
        "quad10_cond1e4" => {
            let curvatures = (0..10).map(|i| 1e4f64.powf(f64::from(i) / 9.0)).collect();
            Arc::new(
                Instance::new(name, Quadratic::Diagonal(curvatures), vec![1.0; 10])
                    .with_minimum(0.0),
            )
        }
        other => panic!("no problem {other}"),
    }
}

/// The objective from another start than its own.
struct From {
    inner: Arc<dyn Objective>,
    start: Vec<f64>,
}

impl Objective for From {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }
    fn value(&self, x: &[f64]) -> f64 {
        self.inner.value(x)
    }
    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.inner.gradient(x, gradient);
    }
    fn start(&self) -> Vec<f64> {
        self.start.clone()
    }
    fn minimum(&self) -> Option<f64> {
        self.inner.minimum()
    }
}

fn method(name: &str) -> Box<dyn Controller> {
    match name {
        "armijo_r1" => Box::new(Armijo::restarting_at(1.0)),
        "armijo_w2" => Box::new(Armijo::from_twice_the_last()),
        "gll_r1" => Box::new(Nonmonotone::restarting_at(1.0)),
        "gll_w2" => Box::new(Nonmonotone::from_twice_the_last()),
        "armijo_bb" => Box::new(BarzilaiBorwein::monotone()),
        "gll_bb" => Box::new(BarzilaiBorwein::nonmonotone()),
        "adgd" => Box::new(AdGd::default()),
        "abbmin" => Box::new(AbbMin::unguarded()),
        other => panic!("no method {other}"),
    }
}

fn minimise(objective: Arc<dyn Objective>, name: &str, floor: f64, budget: u64) -> Record {
    let start_rate = if name.ends_with("_bb") || name == "abbmin" {
        StartRate::Auto
    } else {
        StartRate::Given(1.0)
    };
    let settings = DeterministicSettings {
        budget,
        start_rate,
        floor,
        trace: true,
        ..Default::default()
    };
    let mut controller = method(name);
    let mut episode = DeterministicEpisode::start(objective, settings, &controller);
    run(&mut episode, &mut controller)
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

#[test]
fn evaluation_counts_at_each_milestone() {
    let golden: Value = serde_json::from_str(LINE_SEARCH).unwrap();
    let (mut exact, mut ranged) = (0, 0);
    for (name, facts) in golden["problems"].as_object().unwrap() {
        let objective = Arc::new(From {
            inner: problem(name),
            start: numbers(&facts["x0"]),
        });
        for (method, expected) in facts["methods"].as_object().unwrap() {
            for (floor, milestone) in expected["milestones"].as_object().unwrap() {
                if milestone.is_null() {
                    continue;
                }
                let (nf, ng) = (
                    milestone["nf"].as_u64().unwrap(),
                    milestone["ng"].as_u64().unwrap(),
                );
                let most = 4 * (nf + ng) + 1_000;
                let record = minimise(objective.clone(), method, floor.parse().unwrap(), most);
                let found = record.evaluations;
                let what = format!("{name} {method} {floor}");
                if milestone["exact"].as_bool().unwrap() {
                    assert_eq!((found.values, found.gradients), (nf, ng), "{what}");
                    exact += 1;
                } else {
                    let range = numbers(&milestone["nf_range"]);
                    let values = found.values as f64;
                    assert!(
                        range[0] <= values && values <= range[1],
                        "{what}: {values} outside {range:?}"
                    );
                    ranged += 1;
                }
            }
        }
    }
    assert!(
        exact > 60 && ranged > 20,
        "{exact} exact and {ranged} ranged milestones"
    );
}

#[test]
fn first_iterates() {
    let golden: Value = serde_json::from_str(LINE_SEARCH).unwrap();
    let mut compared = 0;
    for (name, facts) in golden["problems"].as_object().unwrap() {
        let objective = Arc::new(From {
            inner: problem(name),
            start: numbers(&facts["x0"]),
        });
        for (method, expected) in facts["methods"].as_object().unwrap() {
            let record = minimise(objective.clone(), method, 0.0, 400);
            let accepted = record.trace.iter().filter(|step| step.accepted);
            for (step, golden) in accepted.zip(expected["trace_first"].as_array().unwrap()) {
                for (found, key) in [(step.rate, "alpha"), (step.trial_value, "f")] {
                    let golden = golden[key].as_f64().unwrap();
                    let difference = (found - golden).abs() / golden.abs().max(1e-300);
                    assert!(
                        difference < 1e-10 || golden.abs() < 1e-25,
                        "{name} {method} {key}: {found} {golden}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn accepted_values_and_rates() {
    let golden: Value = serde_json::from_str(STEP_SIZES).unwrap();
    let starts: Value = serde_json::from_str(LINE_SEARCH).unwrap();
    let mut compared = 0;
    for (name, methods) in golden["problems"].as_object().unwrap() {
        let start = numbers(&starts["problems"][name]["x0"]);
        let objective = Arc::new(From {
            inner: problem(name),
            start,
        });
        for method in methods.as_object().unwrap().keys() {
            let record = minimise(objective.clone(), method, 0.0, 1_000);
            let accepted: Vec<_> = record.trace.iter().filter(|step| step.accepted).collect();
            let (values, rates) = (
                numbers(&methods[method]["f"]),
                numbers(&methods[method]["alpha"]),
            );
            for ((step, value), rate) in accepted.iter().zip(&values).zip(&rates) {
                let value_error = (step.trial_value - value).abs();
                assert!(
                    value_error <= 1e-10 * value,
                    "{name} {method}: f {} {value}",
                    step.trial_value
                );
                let rate_error = (step.rate - rate).abs();
                assert!(
                    rate_error <= 1e-10 * rate,
                    "{name} {method}: rate {} {rate}",
                    step.rate
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 300, "{compared}");
}

/// `hdm_scalar_0.1`, `hdm_diagonal_0.1`, `lbfgs_3` or `lmsd`.
fn minimiser(name: &str) -> Box<dyn Minimiser> {
    let (method, number) = name.rsplit_once('_').unwrap_or((name, ""));
    let hypergradient = |preconditioner| HypergradientHeavyBall {
        rate: number.parse().unwrap(),
        ..HypergradientHeavyBall::new(preconditioner)
    };
    match method {
        "hdm_scalar" => Box::new(hypergradient(Preconditioner::Scalar)),
        "hdm_diagonal" => Box::new(hypergradient(Preconditioner::Diagonal)),
        "lbfgs" => Box::new(Lbfgs::with_pairs(number.parse().unwrap())),
        "lmsd" => Box::new(LimitedMemorySteepestDescent),
        other => panic!("no method {other}"),
    }
}

#[test]
fn methods_that_own_their_loop() {
    let golden: Value = serde_json::from_str(MINIMISERS).unwrap();
    let starts: Value = serde_json::from_str(LINE_SEARCH).unwrap();
    let mut compared = 0;
    for (name, methods) in golden["problems"].as_object().unwrap() {
        let objective = Arc::new(From {
            inner: problem(name),
            start: numbers(&starts["problems"][name]["x0"]),
        });
        for (method, expected) in methods.as_object().unwrap() {
            // 200 evaluations are 100 iterations of the implementation that hdm is compared with.
            let settings = DeterministicSettings {
                budget: 200,
                floor: 0.0,
                trace: true,
                ..Default::default()
            };
            let mut minimiser = minimiser(method);
            let (record, _) = minimiser::minimise(objective.clone(), settings, &mut minimiser);
            let every_trial = method.starts_with("hdm");
            let steps: Vec<_> = (record.trace.iter())
                .filter(|step| every_trial || step.accepted)
                .collect();
            let mut check = |found: f64, golden: f64, noise: f64, what: &str| {
                let error = (found - golden).abs();
                assert!(
                    error <= 1e-6 * golden.abs() + noise,
                    "{name} {method} {what}: {found} {golden}"
                );
                compared += 1;
            };
            for (step, value) in steps.iter().zip(numbers(&expected["f"])) {
                let found = if every_trial {
                    step.best_value
                } else {
                    step.trial_value
                };
                check(found, value, 1e-13 * record.start_value, "f");
            }
            if !every_trial {
                for (step, rate) in steps.iter().zip(numbers(&expected["alpha"])) {
                    check(step.rate, rate, 0.0, "rate");
                }
            }
        }
    }
    assert!(compared > 1_200, "{compared}");
}
