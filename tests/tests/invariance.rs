//! The default state of the deterministic regime is indifferent to the units of f and x.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use std::sync::Arc;

use proptest::prelude::*;
use qstride_control::outcome::TraceStep;
use qstride_control::{DeterministicEpisode, DeterministicSettings, StartRate, run};
use qstride_objectives::suite::suite;
use qstride_objectives::{Objective, Transformed};

fn trace(objective: Arc<dyn Objective>, rate: f64, policy: &str) -> Vec<TraceStep> {
    let mut controller = qstride::pretrained(policy).unwrap().controller();
    let settings = DeterministicSettings {
        start_rate: StartRate::Given(rate),
        floor: 0.0,
        trace: true,
        ..DeterministicSettings::default()
    };
    let mut episode = DeterministicEpisode::start(objective, settings, &controller);
    run(&mut episode, &mut controller).trace
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn powers_of_two_change_no_bit_of_any_decision(
        index in 0usize..13, value_power in -20i32..20, point_power in -20i32..20, policy in 0usize..qstride::PRETRAINED.len(),
    ) {
        // Three of each train family, and the classic problems with exact arithmetic in their units.
        let problems = suite("fresh,rosenbrock,wood", 11, 2).unwrap();
        let objective = problems[index % problems.len()].clone();
        let (c, s) = (2f64.powi(value_power), 2f64.powi(point_power));
        let scaled = Transformed::new(objective.clone()).value_scale(c).unwrap().point_scale(s).unwrap();
        let rate = 2f64.powi(-6);
        let policy = qstride::PRETRAINED[policy];
        let plain = trace(objective, rate, policy);
        let scaled = trace(Arc::new(scaled), rate * s * s / c, policy);
        prop_assert_eq!(plain.len(), scaled.len());
        for (a, b) in plain.iter().zip(&scaled) {
            prop_assert_eq!(a.action, b.action);
            prop_assert_eq!(a.accepted, b.accepted);
            prop_assert_eq!((a.rate * s * s / c).to_bits(), b.rate.to_bits());
            prop_assert_eq!((a.trial_value * c).to_bits(), b.trial_value.to_bits());
        }
    }
}
