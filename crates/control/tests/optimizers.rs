//! The stochastic methods against numbers of published implementations: tests/golden/README.md says what they are.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use proptest::prelude::*;
use qstride_control::rivals::stochastic::{Adam, Descent, Minibatch, Optimizer, Sls, Sps, find};
use qstride_control::update::SliceOptimizer;
use serde_json::Value;

const FULL_GRADIENTS: &str = include_str!("../../../tests/golden/optimizers.json");
const MINIBATCHES: &str = include_str!("../../../tests/golden/minibatch_optimizers.json");

/// Relative to the largest entry of the numbers compared.
const TOLERANCE: f64 = 1e-9;

/// A golden file; Python writes infinity in a way that is no JSON, and only among settings.
fn read(text: &str) -> Value {
    serde_json::from_str(&text.replace("Infinity", "null")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let entries = value.as_array().unwrap();
    entries.iter().map(|v| v.as_f64().unwrap()).collect()
}

fn assert_close(found: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len());
    let scale = wanted.iter().fold(0.0, |scale, w| f64::max(scale, w.abs()));
    for (found, wanted) in found.iter().zip(wanted) {
        let error = (found - wanted).abs();
        assert!(error <= TOLERANCE * scale, "{what}: {found}, not {wanted}");
    }
}

/// A problem of the golden files, whole or two samples at a time.
enum Problem {
    Quadratic { d: Vec<f64>, c: Vec<f64> },
    Rosenbrock,
    Logistic { a: Vec<Vec<f64>>, y: Vec<f64> },
}

impl Problem {
    fn read(name: &str, file: &Value) -> (Self, Vec<f64>) {
        let fields = &file["problems"][name];
        let problem = match name {
            "quadratic" => Self::Quadratic {
                d: numbers(&fields["d"]),
                c: numbers(&fields["c"]),
            },
            "rosenbrock" => Self::Rosenbrock,
            "logistic" => Self::Logistic {
                a: fields["a"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(numbers)
                    .collect(),
                y: numbers(&fields["y"]),
            },
            other => panic!("no problem {other}"),
        };
        (problem, numbers(&fields["x0"]))
    }
}

/// The loss on the rows from..to of a problem (all problems but the logistic one are one row), and the evaluations of it.
struct Rows<'a> {
    problem: &'a Problem,
    rows: std::ops::Range<usize>,
    values: u64,
}

impl Minibatch for Rows<'_> {
    fn value(&mut self, x: &[f64]) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()])
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.values += 1;
        match self.problem {
            Problem::Quadratic { d, c } => {
                let mut value = 0.0;
                for i in 0..x.len() {
                    gradient[i] = d[i] * (x[i] - c[i]);
                    value += 0.5 * d[i] * (x[i] - c[i]).powi(2);
                }
                value
            }
            Problem::Rosenbrock => {
                let (u, v) = (x[1] - x[0] * x[0], 1.0 - x[0]);
                gradient[0] = -400.0 * x[0] * u - 2.0 * v;
                gradient[1] = 200.0 * u;
                100.0 * u * u + v * v
            }
            Problem::Logistic { a, y } => {
                let count = self.rows.len() as f64;
                let mut value = 0.005 * x.iter().map(|x| x * x).sum::<f64>();
                for (g, x) in gradient.iter_mut().zip(x) {
                    *g = 0.01 * x;
                }
                for row in self.rows.clone() {
                    let margin = -y[row] * a[row].iter().zip(x).map(|(a, x)| a * x).sum::<f64>();
                    value += margin.exp().ln_1p() / count;
                    let slope = -y[row] / (1.0 + (-margin).exp()) / count;
                    for (g, a) in gradient.iter_mut().zip(&a[row]) {
                        *g += slope * a;
                    }
                }
                value
            }
        }
    }
}

fn built(name: &str, x0: &[f64], steps_an_epoch: f64) -> Box<dyn Optimizer> {
    (find(name).unwrap().build)(x0, steps_an_epoch)
}

/// The method of optimizers.json called `name`.
fn published(name: &str, x0: &[f64]) -> Box<dyn Optimizer> {
    match name {
        "sgd_momentum_0.9" => built("momentum", x0, 1.0),
        "sgd_nesterov_0.9" => built("nesterov", x0, 1.0),
        "adam_0.01" => built("adam", x0, 1.0),
        "adamw_0.01_wd0.1" => {
            let adam = SliceOptimizer::Adam(Adam::new(x0.len()));
            Box::new(Descent::new(adam, x0.len()).with_weight_decay(0.1))
        }
        "dadapt_sgd" => built("d-adaptation-sgd", x0, 1.0),
        "schedulefree_sgd" => built("schedule-free-sgd", x0, 1.0),
        name => built(name, x0, 1.0),
    }
}

#[test]
fn sixty_steps_of_nine_published_optimizers() {
    let file = read(FULL_GRADIENTS);
    let mut compared = 0;
    for (name, problems) in file["methods"].as_object().unwrap() {
        for (problem_name, golden) in problems.as_object().unwrap() {
            let (problem, x0) = Problem::read(problem_name, &file);
            let (mut method, mut x) = (published(name, &x0), x0);
            let rate = golden["settings"]["lr"].as_f64().unwrap();
            let values = numbers(&golden["f"]);
            let mut batch = Rows {
                problem: &problem,
                rows: 0..6,
                values: 0,
            };
            for (step, wanted) in (1..).zip(&values) {
                method.step(rate, &mut x, &mut batch);
                let what = format!("{name} on {problem_name}, step {step}");
                let point = method.judged(&x);
                assert_close(&[batch.value(point)], &[*wanted], &what);
                if let Some(wanted) = golden["x"].get(step.to_string()) {
                    assert_close(point, &numbers(wanted), &what);
                    compared += 1;
                }
            }
            assert_eq!(values.len(), 60);
        }
    }
    assert_eq!(compared, 9 * 3 * 7);
}

#[test]
fn thirty_steps_of_the_authors_codes() {
    let problems = read(FULL_GRADIENTS);
    let file = read(MINIBATCHES);
    let mut compared = 0;
    for (problem_name, methods) in file["problems"].as_object().unwrap() {
        let (problem, x0) = Problem::read(problem_name, &problems);
        let (batches, steps_an_epoch) = match problem {
            Problem::Logistic { .. } => (3, 3.0),
            _ => (1, 10.0),
        };
        for (name, golden) in methods.as_object().unwrap() {
            let (mut method, mut x) = (built(name, &x0, steps_an_epoch), x0.clone());
            let mut values = 0;
            for step in 0..30 {
                let first = step % batches * 2;
                let mut batch = Rows {
                    problem: &problem,
                    rows: first..first + 2,
                    values: 0,
                };
                method.step(find(name).unwrap().rate, &mut x, &mut batch);
                values += batch.values;
                if let Some(wanted) = golden["x"].get((step + 1).to_string()) {
                    let what = format!("{name} on {problem_name}, step {}", step + 1);
                    assert_close(method.judged(&x), &numbers(wanted), &what);
                    compared += 1;
                }
            }
            assert_eq!(values, golden["values"].as_u64().unwrap(), "{name}");
        }
    }
    assert_eq!(compared, 15 * 6);
}

/// Wherever the gradient is zero nobody moves, and nothing becomes NaN.
#[test]
fn a_flat_minibatch_moves_nobody() {
    struct Flat;
    impl Minibatch for Flat {
        fn value(&mut self, _x: &[f64]) -> f64 {
            1.0
        }
        fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
            gradient.fill(0.0);
            self.value(x)
        }
    }
    for rival in qstride_control::rivals::stochastic::STOCHASTIC_RIVALS {
        let mut x = [1.0, -2.0];
        let mut method = (rival.build)(&x, 5.0);
        for _ in 0..3 {
            assert_eq!(method.step(rival.rate, &mut x, &mut Flat), 1.0);
        }
        let decay = if rival.name == "adamw" { 1e-4 } else { 1e-15 };
        assert_close_by(method.judged(&x), &[1.0, -2.0], decay, rival.name);
    }
}

fn assert_close_by(found: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(
            (found - wanted).abs() <= tolerance,
            "{what}: {found}, not {wanted}"
        );
    }
}

/// ½ c x² of one variable.
struct Parabola(f64);

impl Minibatch for Parabola {
    fn value(&mut self, x: &[f64]) -> f64 {
        0.5 * self.0 * x[0] * x[0]
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient[0] = self.0 * x[0];
        self.value(x)
    }
}

#[test]
fn polyak_steps_by_hand() {
    // f / (c g²) = 0.5 c x² / (0.5 c² x²) = 1/c, to within ε: the minimum at once where γ₀ allows it.
    let (mut x, mut sps) = ([1.0], Sps::new(1, 1.0));
    sps.step(1.0, &mut x, &mut Parabola(4.0));
    assert!(x[0].abs() < 1e-8 && (sps.rate_used(1.0) - 0.25).abs() < 1e-8);
    // Under curvature 0.1 the bound holds: γ = 2 · 1, then 2 · 2.
    let (mut x, mut sps) = ([1.0], Sps::new(1, 1.0));
    sps.step(1.0, &mut x, &mut Parabola(0.1));
    assert_eq!(x[0], 1.0 - 2.0 * 0.1);
    sps.step(1.0, &mut x, &mut Parabola(0.1));
    assert_eq!(sps.rate_used(1.0), 4.0);
}

#[test]
fn a_search_begins_at_most_at_its_largest_rate() {
    // Of ½ 0.01 x² every trial is good: η = 2, 4, 8 unbounded, 2, 3, 3 below 3.
    let mut bounded = Sls::new(1, 1.0);
    bounded.largest = 3.0;
    for (mut sls, wanted) in [
        (Sls::new(1, 1.0), [2.0, 4.0, 8.0]),
        (bounded, [2.0, 3.0, 3.0]),
    ] {
        let mut x = [1.0];
        for wanted in wanted {
            sls.step(1.0, &mut x, &mut Parabola(0.01));
            assert_eq!(sls.rate_used(1.0), wanted);
        }
    }
}

/// s times the loss of other rows.
struct InUnits<'a>(f64, Rows<'a>);

impl Minibatch for InUnits<'_> {
    fn value(&mut self, x: &[f64]) -> f64 {
        self.0 * self.1.value(x)
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.1.value_and_gradient(x, gradient);
        gradient.iter_mut().for_each(|g| *g *= self.0);
        self.0 * value
    }
}

proptest! {
    /// What estimates a distance from gradients does not see the unit of the loss, but for ε.
    #[test]
    fn methods_without_a_rate_are_indifferent_to_units(exponent in 0.0..4.0f64) {
        let problem = Problem::Quadratic { d: vec![1.0, 3.0, 10.0], c: vec![1.0, -2.0, 0.5] };
        for name in ["prodigy", "d-adaptation-sgd", "dog", "dog-averaged"] {
            let path = |unit: f64| {
                let mut x = vec![0.0; 3];
                let mut method = built(name, &x, 1.0);
                let mut batch = InUnits(unit, Rows { problem: &problem, rows: 0..1, values: 0 });
                for _ in 0..25 {
                    method.step(1.0, &mut x, &mut batch);
                }
                method.judged(&x).to_vec()
            };
            let (plain, scaled) = (path(1.0), path(10f64.powf(exponent)));
            let scale = plain.iter().fold(0.0, |scale, x| f64::max(scale, x.abs()));
            for (plain, scaled) in plain.iter().zip(&scaled) {
                prop_assert!((plain - scaled).abs() < 1e-3 * scale, "{}: {} {}", name, plain, scaled);
            }
        }
    }
}
