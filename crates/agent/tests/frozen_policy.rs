//! The frozen policy against the Burn network that it came from.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test may fail by a panic"
)]

use qstride_agent::{DeviceKind, Learner, LearnerSettings, QNetworkShape, Recipe, export};
use qstride_objectives::Streams;
use rand::RngExt;

const STATES: usize = 10_000;

#[test]
fn q_values_agree_on_ten_thousand_states_on_both_devices() {
    for dueling in [false, true] {
        let mut recipe = Recipe::default();
        recipe.learner = LearnerSettings {
            hidden: vec![64, 64],
            dueling,
            ..recipe.learner
        };
        let recipe = recipe.check().unwrap();
        let (width, actions) = (recipe.state.width(), recipe.actions.actions.len());
        let mut generator = Streams::new(5).stream("states");
        let states: Vec<f32> = (0..STATES * width)
            .map(|_| 4.0 * generator.random::<f32>() - 2.0)
            .collect();
        let mut on_flex = Vec::new();
        for device in [DeviceKind::Flex, DeviceKind::NdArray] {
            let shape = QNetworkShape::new(width, &[64, 64], actions, dueling);
            let mut weights = Streams::new(6).stream("weights");
            let learner = Learner::new(
                recipe.recipe.learner.clone(),
                shape,
                &mut weights,
                &device.device(),
            )
            .unwrap();
            let mut burn = Vec::new();
            learner.q_values(&states, &mut burn);
            let mut policy = export::freeze(&learner, &recipe).unwrap();
            for (state, burn) in states.chunks_exact(width).zip(burn.chunks_exact(actions)) {
                let frozen = policy.q_values(state).to_vec();
                let scale = burn.iter().fold(0f32, |m, q| m.max(q.abs()));
                for (f, b) in frozen.iter().zip(burn) {
                    assert!((f - b).abs() <= 1e-5 * scale, "{device}: {f} against {b}");
                }
                let mut sorted = burn.to_vec();
                sorted.sort_by(|a, b| b.total_cmp(a));
                if sorted[0] - sorted[1] > 1e-4 {
                    let best = burn.iter().position(|q| *q == sorted[0]).unwrap();
                    assert_eq!(policy.greedy(state), best);
                }
            }
            if device == DeviceKind::Flex {
                on_flex = burn;
            } else {
                for (flex, ndarray) in on_flex.iter().zip(&burn) {
                    assert!(
                        (flex - ndarray).abs() <= 1e-5 * flex.abs().max(0.1),
                        "{flex} against {ndarray}"
                    );
                }
            }
        }
    }
}
