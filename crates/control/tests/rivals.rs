//! What every method in the register keeps to: its budget, its best point, its end, and the same bits for the same seed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

use std::collections::HashSet;
use std::sync::Arc;

use qstride_control::rivals::{RIVALS, Rival, Setup, find};
use qstride_control::vector::norm_inf;
use qstride_control::{DeterministicSettings, End, Record, StartRate};
use qstride_objectives::quadratic::Quadratic;
use qstride_objectives::rosenbrock::chained_rosenbrock;
use qstride_objectives::{Instance, Objective, Streams, peer200};

fn minimise(
    rival: &Rival,
    objective: &Arc<dyn Objective>,
    settings: DeterministicSettings,
) -> (Record, Vec<f64>) {
    let setup = Setup {
        rate: None,
        minimum: objective.minimum(),
        generator: Streams::new(3).stream(rival.name),
    };
    rival.minimise(objective.clone(), settings, &setup)
}

#[test]
fn names_are_unique_and_found() {
    let names: HashSet<&str> = RIVALS.iter().map(|rival| rival.name).collect();
    assert_eq!(names.len(), RIVALS.len());
    for name in [
        "polyak",
        "hdm-hb",
        "hdm-hb-diagonal",
        "lbfgs-3",
        "lbfgs-10",
        "lmsd",
        "coin-flip",
        "cosine-sign",
        "taylor-cosine",
    ] {
        assert_eq!(find(name).unwrap().name, name);
    }
    assert!(find("armjo").is_none());
    assert!(find("polyak").unwrap().needs_minimum);
}

#[test]
fn no_method_spends_more_than_its_budget_or_loses_its_best_point() {
    let objective: Arc<dyn Objective> = Arc::new(chained_rosenbrock(4));
    for rival in RIVALS {
        for budget in [2, 3, 4, 5, 6, 17, 101, 202] {
            let settings = DeterministicSettings {
                budget,
                trace: true,
                ..Default::default()
            };
            let (record, best) = minimise(rival, &objective, settings);
            let (again, _) = minimise(rival, &objective, settings);
            // Text, because a rate or value may be NaN.
            assert_eq!(
                format!("{record:?}"),
                format!("{again:?}"),
                "{}",
                rival.name
            );
            let cost = record.evaluations.cost(1.0);
            assert!(cost <= budget as f64, "{} {budget}: {cost}", rival.name);
            assert!(
                record.end != End::Budget || cost == budget as f64,
                "{}",
                rival.name
            );
            assert_eq!(objective.value(&best), record.best_value, "{}", rival.name);
            let least = (record.trace.iter()).fold(record.start_value, |v, s| v.min(s.trial_value));
            assert_eq!(least, record.best_value, "{}", rival.name);
        }
    }
}

#[test]
fn a_bowl_is_solved() {
    let bowl = Quadratic::Diagonal(vec![1.0, 2.0, 3.0]);
    let instance = Instance::new("bowl", bowl, vec![1.0, -2.0, 3.0]);
    let objective: Arc<dyn Objective> = Arc::new(instance.with_minimum(0.0));
    for rival in RIVALS {
        let settings = DeterministicSettings {
            budget: 1_000,
            start_rate: StartRate::Given(0.1),
            ..Default::default()
        };
        let (record, _) = minimise(rival, &objective, settings);
        let gap = record.log10_gap(Some(0.0)).unwrap();
        assert!(gap <= -8.0, "{}: {gap}", rival.name);
    }
}

/// ½ |x|² within |x|∞ < 1.5 and not a number beyond, gradient included.
struct Island;

impl Objective for Island {
    fn name(&self) -> &str {
        "island"
    }
    fn dimension(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64]) -> f64 {
        if x.iter().all(|v| v.abs() < 1.5) {
            0.5 * x.iter().map(|v| v * v).sum::<f64>()
        } else {
            f64::NAN
        }
    }
    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let inside = self.value(x).is_finite();
        for (g, v) in gradient.iter_mut().zip(x) {
            *g = if inside { *v } else { f64::NAN };
        }
    }
    fn start(&self) -> Vec<f64> {
        vec![1.4, -1.4]
    }
    fn minimum(&self) -> Option<f64> {
        Some(0.0)
    }
    fn start_rate(&self) -> Option<f64> {
        Some(8.0)
    }
}

#[test]
fn what_is_not_finite_is_never_accepted() {
    let objective: Arc<dyn Objective> = Arc::new(Island);
    for rival in RIVALS {
        let settings = DeterministicSettings {
            trace: true,
            ..Default::default()
        };
        let (record, best) = minimise(rival, &objective, settings);
        let sound =
            |s: &qstride_control::outcome::TraceStep| !s.accepted || s.trial_value.is_finite();
        assert!(record.trace.iter().all(sound), "{}", rival.name);
        assert_ne!(record.end, End::Failed, "{}", rival.name);
        assert!(objective.value(&best).is_finite(), "{}", rival.name);
        // The start rate 8 leads off the island; only the constant rate never comes back.
        let solved = record.end == End::Solved || record.best_value < 1e-3 || rival.name == "fixed";
        assert!(solved, "{}: {}", rival.name, record.best_value);
    }
}

#[test]
fn a_start_at_the_minimum_is_stationary() {
    let bowl = Quadratic::Diagonal(vec![1.0, 2.0]);
    let objective: Arc<dyn Objective> = Arc::new(Instance::new("bowl", bowl, vec![0.0, 0.0]));
    for rival in RIVALS {
        let (record, _) = minimise(rival, &objective, DeterministicSettings::default());
        assert_eq!(record.end, End::Stationary, "{}", rival.name);
        assert_eq!(record.evaluations.cost(1.0), 2.0);
    }
}

/// Mean score on the peer-200 instances, each from its own start rate, at a budget of 202.
fn peer200_mean(name: &str) -> f64 {
    let rival = find(name).unwrap();
    let instances = peer200::instances().unwrap();
    let scores = instances.iter().map(|objective| {
        let (record, _) = minimise(rival, objective, DeterministicSettings::default());
        record.log10_gap(objective.minimum()).unwrap()
    });
    scores.sum::<f64>() / instances.len() as f64
}

#[test]
fn line_searches_score_on_peer200_as_independent_implementations_do() {
    let golden = include_str!("../../../tests/golden/peer200_scores.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    for (name, key) in [
        ("armijo", "armijo_r1"),
        ("armijo-warm", "armijo_w2"),
        ("gll", "gll_r1"),
        ("gll-warm", "gll_w2"),
        ("armijo-bb", "armijo_bb"),
        ("gll-bb", "gll_bb"),
    ] {
        let rows = golden.as_array().unwrap();
        let expected = rows
            .iter()
            .map(|row| row[key].as_f64().unwrap())
            .sum::<f64>()
            / 200.0;
        let found = peer200_mean(name);
        assert!(
            (found - expected).abs() < 0.05,
            "{name}: {found} {expected}"
        );
    }
}

/// Means that others measured on the same instances at the same budget, with implementations of their own.
#[test]
fn other_methods_score_on_peer200_as_was_measured_elsewhere() {
    for (name, expected) in [
        ("adgd", -5.61),
        ("lbfgs-3", -11.62),
        ("lbfgs-10", -11.83),
        ("cosine-sign", -5.33),
        ("taylor-cosine", -5.37),
    ] {
        let found = peer200_mean(name);
        assert!((found - expected).abs() < 0.1, "{name}: {found} {expected}");
    }
}

/// The coin was flipped from min(1, 1 / max |gᵢ|) there; the mean of five seeds here.
#[test]
fn the_coin_scores_on_peer200_as_was_measured_elsewhere() {
    let rival = find("coin-flip").unwrap();
    let mut sum = 0.0;
    for seed in 0..5 {
        for objective in peer200::instances().unwrap() {
            let mut gradient = objective.start();
            objective.gradient(&objective.start(), &mut gradient);
            let first = (1.0 / norm_inf(&gradient)).min(1.0);
            let settings = DeterministicSettings {
                start_rate: StartRate::Given(first),
                ..Default::default()
            };
            let setup = Setup {
                rate: None,
                minimum: None,
                generator: Streams::new(seed).stream(objective.name()),
            };
            let (record, _) = rival.minimise(objective.clone(), settings, &setup);
            sum += record.log10_gap(objective.minimum()).unwrap();
        }
    }
    let mean = sum / 1_000.0;
    assert!((mean + 9.43).abs() < 0.05, "{mean}");
}
