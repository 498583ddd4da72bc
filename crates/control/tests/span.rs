//! Steps in span{g, last step}, through the whole loop.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use proptest::prelude::*;
use qstride_control::learned::Blind;
use qstride_control::outcome::TraceStep;
use qstride_control::plane::PlaneStep;
use qstride_control::vector::dot;
use qstride_control::{
    Acceptance, ActionSet, Controller, Decision, DeterministicEpisode, DeterministicSettings, End,
    Episode, Observation, StartRate, run,
};
use qstride_objectives::Objective;
use qstride_objectives::rosenbrock::chained_rosenbrock;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// ½ xᵀHx with H = QᵀDQ, Q a rotation of the plane.
struct Ellipse {
    unit_f: f64,
    unit_x: f64,
    curvatures: [f64; 2],
    start: [f64; 2],
}

impl Ellipse {
    fn product(&self, v: &[f64]) -> [f64; 2] {
        let (c, s) = (0.6, 0.8);
        let u = [
            self.curvatures[0] * (c * v[0] + s * v[1]),
            self.curvatures[1] * (c * v[1] - s * v[0]),
        ];
        [c * u[0] - s * u[1], s * u[0] + c * u[1]].map(|v| v * self.unit_f)
    }
}

impl Objective for Ellipse {
    fn name(&self) -> &str {
        "ellipse"
    }
    fn dimension(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64]) -> f64 {
        let p = [x[0] / self.unit_x, x[1] / self.unit_x];
        0.5 * dot(&p, &self.product(&p))
    }
    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        let p = [x[0] / self.unit_x, x[1] / self.unit_x];
        gradient.copy_from_slice(&self.product(&p).map(|v| v / self.unit_x));
    }
    fn start(&self) -> Vec<f64> {
        self.start.map(|v| v * self.unit_x).to_vec()
    }
    fn minimum(&self) -> Option<f64> {
        Some(0.0)
    }
}

/// The exact step along -g, then the minimiser over span{g, s}, with the curvature along g known.
struct ConjugateGradients(Vec<f64>);

impl Controller for ConjugateGradients {
    fn acceptance(&self) -> Acceptance {
        Acceptance::SPAN
    }
    fn decide(&mut self, o: &Observation) -> Decision {
        // gᵀHg of this step.
        let curvature = self.0.remove(0);
        match o.curvature.plane() {
            None => Decision::rate(o.squared_gradient / curvature, None),
            Some(plane) => {
                let step = plane.minimiser(curvature).unwrap();
                Decision {
                    momentum: step.momentum,
                    ..Decision::rate(step.rate, None)
                }
            }
        }
    }
}

#[test]
fn on_a_plane_the_second_step_is_that_of_conjugate_gradients() {
    let ellipse = Ellipse {
        unit_f: 1.0,
        unit_x: 1.0,
        curvatures: [1.0, 25.0],
        start: [3.0, 1.0],
    };
    let curvature = |g: [f64; 2]| dot(&g, &ellipse.product(&g));
    let first = ellipse.product(&ellipse.start);
    let rate = dot(&first, &first) / curvature(first);
    let x: [f64; 2] = std::array::from_fn(|i| ellipse.start[i] - rate * first[i]);
    let curvatures = vec![curvature(first), curvature(ellipse.product(&x))];
    let mut method = ConjugateGradients(curvatures);
    let settings = DeterministicSettings {
        floor: 1e-24,
        trace: true,
        ..Default::default()
    };
    let mut episode = DeterministicEpisode::start(Arc::new(ellipse), settings, &method);
    let record = run(&mut episode, &mut method);
    assert_eq!((record.end, record.trace.len()), (End::Solved, 2));
    assert!(record.trace[0].momentum == 0.0 && record.trace[1].momentum > 0.0);
    assert!(record.best_value < 1e-24 * record.start_value);
}

/// What was tried in 40 random steps in the span: rates, momenta, values.
fn random_steps(ellipse: Ellipse, seed: u64) -> Vec<TraceStep> {
    let actions = Arc::new(ActionSet::preset("span").unwrap());
    let mut method = Blind::random(actions, ChaCha8Rng::seed_from_u64(seed));
    let settings = DeterministicSettings {
        budget: 80,
        floor: 1e-20,
        start_rate: StartRate::Given(0.01 * ellipse.unit_x * ellipse.unit_x / ellipse.unit_f),
        trace: true,
        ..Default::default()
    };
    let mut episode = DeterministicEpisode::start(Arc::new(ellipse), settings, &method);
    run(&mut episode, &mut method).trace
}

proptest! {
    #[test]
    fn units_change_no_step_in_the_span(
        curvatures in prop::array::uniform2(0.1f64..100.0), start in prop::array::uniform2(-3.0f64..3.0),
        f in -30i32..30, x in -30i32..30, seed in 0u64..1000,
    ) {
        let (f, x) = (2f64.powi(f), 2f64.powi(x));
        let plain = Ellipse { unit_f: 1.0, unit_x: 1.0, curvatures, start };
        let scaled = Ellipse { unit_f: f, unit_x: x, curvatures, start };
        let (plain, scaled) = (random_steps(plain, seed), random_steps(scaled, seed));
        prop_assert_eq!(plain.len(), scaled.len());
        for (a, b) in plain.iter().zip(&scaled) {
            let in_units = TraceStep {
                rate: a.rate * x * x / f,
                trial_value: a.trial_value * f,
                best_value: a.best_value * f,
                ..*a
            };
            prop_assert_eq!(&in_units, b);
        }
    }

    #[test]
    fn every_step_in_the_span_descends(
        start in prop::array::uniform4(-3.0f64..3.0), seed in 0u64..1000,
    ) {
        let actions = ActionSet::preset("span").unwrap();
        let objective = chained_rosenbrock(4).started_at(start.to_vec());
        let settings = DeterministicSettings { budget: 120, floor: 0.0, ..Default::default() };
        let mut episode = DeterministicEpisode::under(actions.acceptance, true, Arc::new(objective), settings);
        let mut choice = ChaCha8Rng::seed_from_u64(seed);
        while episode.end().is_none() {
            let o = episode.observation();
            for index in 0..actions.actions.len() {
                let Decision { rate, momentum, .. } = actions.decide(index, o);
                let step = PlaneStep { rate, momentum };
                let slope = o.curvature.plane().map_or(-rate, |plane| plane.slope(&step));
                prop_assert!(slope < 0.0, "{step:?}");
            }
            let decision = actions.decide(choice.random_range(0..actions.actions.len()), o);
            let before = o.value;
            let accepted = episode.step(&decision).accepted;
            let o = episode.observation();
            prop_assert!(!accepted || o.momentum == 0.0 || o.trial_value <= before);
        }
    }
}
