//! What every data-driven objective has to fulfil.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, its helper functions too"
)]

use std::sync::Arc;

use proptest::prelude::*;
use qstride_objectives::StochasticObjective;
use qstride_objectives::dataset::{Dataset, Split, Targets};
use qstride_objectives::generated::{generate_classification, generate_regression};
use qstride_objectives::huber_regression::HuberRegression;
use qstride_objectives::logistic_regression::LogisticRegression;
use qstride_objectives::perceptron::Perceptron;
use qstride_objectives::softmax_regression::SoftmaxRegression;
use qstride_objectives::task::{Model, task};
use qstride_objectives::{Objective, Streams};
use rand::RngExt;

fn classes(rows: usize, columns: usize, classes: usize, seed: u64) -> Arc<Split> {
    Arc::new(
        generate_classification(rows, columns, classes, seed)
            .unwrap()
            .split(0.8, seed)
            .unwrap(),
    )
}

fn numbers(rows: usize, columns: usize, seed: u64) -> Arc<Split> {
    Arc::new(
        generate_regression(rows, columns, seed)
            .unwrap()
            .split(0.8, seed)
            .unwrap(),
    )
}

/// One of each kind, on random data; at least 60 rows, so that the rows fill more than one block.
fn objectives(columns: usize, seed: u64) -> Vec<Arc<dyn StochasticObjective>> {
    let rows = 60 + (seed % 30) as usize;
    let (two, four, numbers) = (
        classes(rows, columns, 2, seed),
        classes(rows, columns, 4, seed),
        numbers(rows, columns, seed),
    );
    let build =
        |model: &str, data: &Arc<Split>| task(&Model::parse(model).unwrap(), data, seed).unwrap();
    vec![
        Arc::new(LogisticRegression::new(Arc::clone(&two), 0.1).unwrap()),
        Arc::new(SoftmaxRegression::new(Arc::clone(&four), 0.1).unwrap()),
        Arc::new(HuberRegression::new(Arc::clone(&numbers), 0.7, 0.1).unwrap()),
        build("mlp:5,4,3", &four),
        build("mlp:6:relu", &two),
        build("mlp:7,5:relu", &numbers),
        build("mlp:9", &numbers),
    ]
}

/// A point near the start, away from the symmetric 0.
fn point(objective: &dyn StochasticObjective, seed: u64) -> Vec<f64> {
    let mut random = Streams::new(seed).stream("point");
    objective
        .start()
        .iter()
        .map(|v| v + 0.6 * random.random::<f64>() - 0.3)
        .collect()
}

/// Central differences of `value` against gradient · direction, along a random direction and six coordinates.
fn check_gradient(
    name: &str,
    value: impl Fn(&[f64]) -> f64,
    gradient: &[f64],
    x: &[f64],
    seed: u64,
) {
    let mut random = Streams::new(seed).stream("direction");
    let mut directions: Vec<Vec<f64>> =
        vec![x.iter().map(|_| random.random::<f64>() - 0.5).collect()];
    for _ in 0..6 {
        let mut unit = vec![0.0; x.len()];
        unit[random.random_range(0..x.len())] = 1.0;
        directions.push(unit);
    }
    for direction in directions {
        let at = |h: f64| {
            value(
                &x.iter()
                    .zip(&direction)
                    .map(|(x, d)| x + h * d)
                    .collect::<Vec<_>>(),
            )
        };
        let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        // A kink of ReLU or of Huber's second derivative may lie inside the larger step, hardly inside both.
        let error = [1e-5, 1e-7]
            .map(|h| ((at(h) - at(-h)) / (2.0 * h) - slope).abs() / (1.0 + slope.abs()))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        assert!(error < 1e-7, "{name}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_equal_central_differences(columns in 1..12_usize, seed in 0..1_000_000_u64) {
        for objective in objectives(columns, seed) {
            let f = objective.as_ref();
            let x = point(f, seed);
            let mut gradient = vec![f64::NAN; f.dimension()];
            f.gradient(&x, &mut gradient);
            check_gradient(f.name(), |x| f.value(x), &gradient, &x, seed);

            let batch: Vec<usize> = (0..5).map(|i| (i * 7 + seed as usize) % f.samples()).collect();
            let value = f.batch_value_and_gradient(&x, &batch, &mut gradient);
            prop_assert_eq!(value, f.batch_value(&x, &batch));
            check_gradient(f.name(), |x| f.batch_value(x, &batch), &gradient, &x, seed);
        }
    }

    #[test]
    fn the_minibatch_of_all_rows_is_the_full_batch(columns in 1..12_usize, seed in 0..1_000_000_u64) {
        for f in objectives(columns, seed) {
            let x = point(f.as_ref(), seed);
            let (mut full, mut batch) = (vec![0.0; f.dimension()], vec![0.0; f.dimension()]);
            f.gradient(&x, &mut full);
            let all: Vec<usize> = (0..f.samples()).collect();
            let value = f.batch_value_and_gradient(&x, &all, &mut batch);
            prop_assert_eq!(value, f.value(&x));
            prop_assert_eq!(batch, full);
        }
    }

    #[test]
    fn the_mean_of_the_minibatch_gradients_is_the_full_gradient(columns in 1..12_usize, seed in 0..1_000_000_u64) {
        for f in objectives(columns, seed) {
            let x = point(f.as_ref(), seed);
            let (mut full, mut batch) = (vec![0.0; f.dimension()], vec![0.0; f.dimension()]);
            f.gradient(&x, &mut full);
            let mut order: Vec<usize> = (0..f.samples()).collect();
            order.reverse();
            let mut mean = vec![0.0; f.dimension()];
            let mut value = 0.0;
            for rows in order.chunks(7) {
                let share = rows.len() as f64 / order.len() as f64;
                value += share * f.batch_value_and_gradient(&x, rows, &mut batch);
                mean.iter_mut().zip(&batch).for_each(|(m, g)| *m += share * g);
            }
            prop_assert!((value - f.value(&x)).abs() < 1e-12 * (1.0 + value.abs()));
            for (m, g) in mean.iter().zip(&full) {
                prop_assert!((m - g).abs() < 1e-12 * (1.0 + g.abs()), "{} {m} {g}", f.name());
            }
        }
    }

    /// With scores (-z/2, z/2) softmax gives the probabilities of logistic regression; the ridge of two halves is half of λ.
    #[test]
    fn softmax_of_two_classes_is_logistic(columns in 1..8_usize, seed in 0..1_000_000_u64) {
        let data = classes(70, columns, 2, seed);
        let logistic = LogisticRegression::new(Arc::clone(&data), 0.1).unwrap();
        let softmax = SoftmaxRegression::new(data, 0.2).unwrap();
        let x = point(&logistic, seed);
        let (w, b) = x.split_at(columns);
        let half = |v: &[f64], sign: f64| v.iter().map(|v| 0.5 * sign * v).collect::<Vec<_>>();
        let y = [half(w, -1.0), half(w, 1.0), half(b, -1.0), half(b, 1.0)].concat();
        prop_assert!((logistic.value(&x) - softmax.value(&y)).abs() < 1e-13);
        prop_assert_eq!(logistic.test_score(&x), softmax.test_score(&y));
        let (mut g, mut h) = (vec![0.0; x.len()], vec![0.0; y.len()]);
        logistic.gradient(&x, &mut g);
        softmax.gradient(&y, &mut h);
        for j in 0..columns {
            prop_assert!((g[j] - 0.5 * (h[columns + j] - h[j])).abs() < 1e-13);
        }
        prop_assert!((g[columns] - 0.5 * (h[2 * columns + 1] - h[2 * columns])).abs() < 1e-13);
    }

    #[test]
    fn a_perceptron_without_hidden_layers_is_softmax_without_ridge(seed in 0..1_000_000_u64) {
        let data = classes(70, 5, 3, seed);
        let softmax = SoftmaxRegression::new(Arc::clone(&data), 0.0).unwrap();
        let perceptron = Perceptron::new(data, &[], Default::default(), seed).unwrap();
        let x = point(&perceptron, seed);
        prop_assert_eq!(softmax.value(&x), perceptron.value(&x));
    }
}

/// One row of each kind to train on (standardised to -1 and 1) and to test on, with numbers to check by hand.
#[test]
fn values_by_hand() {
    let targets = Targets::Numbers(vec![1.0, 3.0, 1.0, 3.0]);
    let data = Dataset::new(
        "hand",
        vec![10.0, 20.0, 10.0, 20.0],
        vec!["a".into()],
        "y",
        targets,
    )
    .unwrap();
    let seed = (0..).find(|&s| data.split(0.5, s).is_ok()).unwrap();
    let split = Arc::new(data.split(0.5, seed).unwrap());
    // h(w a + b - y) with a = y = ±1 and w = 3, b = 1: residuals 3 and -1; δ = 2 gives 2 (3 - 1) = 4 and ½.
    let huber = HuberRegression::new(Arc::clone(&split), 2.0, 0.5).unwrap();
    assert_eq!(huber.value(&[3.0, 1.0]), 0.5 * (4.0 + 0.5) + 0.25 * 9.0);
    let mut gradient = [0.0; 2];
    huber.gradient(&[3.0, 1.0], &mut gradient);
    assert_eq!(gradient, [0.5 * (2.0 + 1.0) + 1.5, 0.5 * (2.0 - 1.0)]);
    // The squared errors of the same residuals.
    let linear = Perceptron::new(split, &[], Default::default(), 0).unwrap();
    assert_eq!(linear.value(&[3.0, 1.0]), 5.0);
    assert_eq!(linear.test_score(&[1.0, 0.0]), Some(1.0));
}

#[test]
fn huge_scores_stay_finite_and_nan_stays_nan() {
    for f in objectives(3, 5).iter().take(3) {
        let x = vec![1e5; f.dimension()];
        assert!(f.value(&x).is_finite(), "{}", f.name());
        assert!(f.value(&vec![f64::NAN; f.dimension()]).is_nan());
        assert!(f.batch_value(&x, &[]).is_nan());
    }
}

#[test]
fn the_seed_draws_the_start_of_a_perceptron() {
    let data = classes(400, 60, 3, 1);
    let start = |seed| {
        Perceptron::new(Arc::clone(&data), &[80], Default::default(), seed)
            .unwrap()
            .start()
    };
    assert_eq!(start(1), start(1));
    assert_ne!(start(1), start(2));
    let variance = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>() / w.len() as f64;
    let tanh = start(1);
    assert!((variance(&tanh[..4800]) / (2.0 / 140.0) - 1.0).abs() < 0.06);
    assert!(tanh[4800..4880].iter().all(|&b| b == 0.0));
    let relu = task(&Model::parse("mlp:80:relu").unwrap(), &data, 1)
        .unwrap()
        .start();
    assert!((variance(&relu[..4800]) / (2.0 / 60.0) - 1.0).abs() < 0.06);
}

fn descend(f: &dyn Objective, rate: f64, steps: usize) -> Vec<f64> {
    let mut x = f.start();
    let mut gradient = vec![0.0; x.len()];
    for _ in 0..steps {
        f.gradient(&x, &mut gradient);
        x.iter_mut()
            .zip(&gradient)
            .for_each(|(x, g)| *x -= rate * g);
    }
    x
}

#[cfg(feature = "data")]
#[test]
fn gradient_descent_learns_the_digits() {
    let split = Arc::new(Dataset::digits().unwrap().split(0.75, 0).unwrap());
    for (model, steps) in [("softmax", 300), ("mlp:16", 300), ("mlp:16:relu", 300)] {
        let f = task(&Model::parse(model).unwrap(), &split, 0).unwrap();
        let x = descend(f.as_ref(), 0.5, steps);
        let (loss, score) = (f.value(&x), f.test_score(&x).unwrap());
        println!("{model}: {} -> {loss}, {score}", f.value(&f.start()));
        assert!(loss < 0.07, "{model}: {loss}");
        assert!(score > 0.9, "{model}: {score}");
    }
}

#[test]
fn gradient_descent_explains_generated_numbers() {
    let f = task(&Model::Huber, &numbers(400, 4, 3), 0).unwrap();
    let x = descend(f.as_ref(), 0.5, 500);
    let score = f.test_score(&x).unwrap();
    println!("huber: {} -> {}, {score}", f.value(&f.start()), f.value(&x));
    assert!(score > 0.9, "{score}");
}
