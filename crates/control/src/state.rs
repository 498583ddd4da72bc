//! The state: a list of named features with their history, chosen by configuration. It is what the network sees.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::features::{FeatureError, Features, MOST_HISTORY};
use crate::observation::Observation;
use crate::statistic::Statistic;
use crate::window_features;

/// One feature of a state: a statistic by name, and how many of its values to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// The statistic's name.
    pub name: String,
    /// 1 shows the present value only; h also shows the values right after each of the h - 1 accepted steps before the last one.
    #[serde(default = "present_only")]
    pub history: usize,
}

fn present_only() -> usize {
    1
}

impl FeatureSpec {
    /// A feature with this history.
    pub fn new(name: &str, history: usize) -> Self {
        Self {
            name: name.to_owned(),
            history,
        }
    }
}

/// The features of a state, resolved: shared by all episodes of a policy.
#[derive(Clone)]
pub struct StateSpec {
    features: Vec<FeatureSpec>,
    statistics: Vec<Arc<dyn Statistic>>,
    width: usize,
}

/// The state of one episode: remembers the values that the histories show.
#[derive(Clone)]
pub struct State {
    spec: StateSpec,
    memory: StateMemory,
}

/// What a state remembers; it can be saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateMemory {
    /// Per feature, right after the accepted steps before the last: newest first, `MOST_HISTORY` each.
    past: Vec<[f32; MOST_HISTORY]>,
    /// Right after the last accepted step.
    at_acceptance: Vec<f32>,
    seen: u32,
}

impl StateSpec {
    /// Resolves the names.
    ///
    /// # Errors
    /// An unknown name, a history outside 1 to 16, or an empty list.
    pub fn new(features: Vec<FeatureSpec>, registry: &Features) -> Result<Self, FeatureError> {
        if features.is_empty() {
            return Err(FeatureError::Empty);
        }
        for feature in &features {
            if !(1..=MOST_HISTORY).contains(&feature.history) {
                return Err(FeatureError::History {
                    name: feature.name.clone(),
                    history: feature.history,
                });
            }
        }
        let statistics = features
            .iter()
            .map(|f| registry.get(&f.name))
            .collect::<Result<Vec<_>, _>>()?;
        let width = features.iter().map(|f| f.history).sum();
        Ok(Self {
            features,
            statistics,
            width,
        })
    }

    /// The deterministic regime's default: everything relative to Barzilai-Borwein steps, no absolute number.
    pub fn default_features() -> Vec<FeatureSpec> {
        let mut features = Self::scalar_features();
        for name in ["ritz_short", "ritz_mid", "ritz_long"] {
            features.push(FeatureSpec::new(name, 1));
        }
        features
    }

    /// The default, and what the steps in span{g, last step} promise.
    pub fn span_features() -> Vec<FeatureSpec> {
        let mut features = Self::default_features();
        for name in ["bb2_span_decrease", "ritz_mid_span_decrease"] {
            features.push(FeatureSpec::new(name, 1));
        }
        features
    }

    /// The default without the Ritz steps: for action sets that offer none.
    pub fn scalar_features() -> Vec<FeatureSpec> {
        let with_history = [
            "rate_over_bb1",
            "bb2_over_bb1",
            "gradient_ratio",
            "decrease_ratio",
        ];
        [
            "no_curvature_yet",
            "negative_curvature",
            "rejected",
            "rejections",
            "budget_left",
            "rate_over_bb1",
            "bb2_over_bb1",
            "gradient_cosine",
            "gradient_ratio",
            "decrease_ratio",
            "rank_3",
            "rank_5",
            "rank_10",
            "gradient_progress",
            "gradient_over_least",
            "guard_slack",
            "regret",
            "least_bb2_5",
            "largest_bb1_5",
            "bb1_back_1",
            "bb1_back_2",
            "bb1_back_3",
            "bb2_back_1",
        ]
        .map(|name| FeatureSpec::new(name, if with_history.contains(&name) { 4 } else { 1 }))
        .to_vec()
    }

    /// The paper's six features.
    pub fn paper_features() -> Vec<FeatureSpec> {
        [
            "paper_rate",
            "paper_value",
            "paper_largest_value",
            "paper_slope",
            "paper_encoding",
            "sign_alignment",
        ]
        .map(|name| FeatureSpec::new(name, 1))
        .to_vec()
    }

    /// The twelve features of the peer task, on which trainers are timed.
    pub fn peer_features() -> Vec<FeatureSpec> {
        [
            "log_rate",
            "value_ratio",
            "gradient_ratio",
            "gradient_cosine",
            "decrease_ratio",
            "gradient_projection",
            "rank_5",
            "budget_left",
            "rejected",
            "log_step",
            "gradient_progress",
            "last_action",
        ]
        .map(|name| FeatureSpec::new(name, 1))
        .to_vec()
    }

    /// The stochastic regime's default: the remaining budget, then what a window says of the loss.
    pub fn schedule_features() -> Vec<FeatureSpec> {
        std::iter::once("budget_left")
            .chain(window_features::LOSS.iter().map(|builtin| builtin.name))
            .map(|name| FeatureSpec::new(name, 1))
            .collect()
    }

    /// The same and what gradient statistics say.
    pub fn schedule_gradient_features() -> Vec<FeatureSpec> {
        let gradient = window_features::GRADIENT.iter();
        Self::schedule_features()
            .into_iter()
            .chain(gradient.map(|builtin| FeatureSpec::new(builtin.name, 1)))
            .collect()
    }

    /// How many numbers the network sees.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The features, in order.
    pub fn features(&self) -> &[FeatureSpec] {
        &self.features
    }

    /// One label for each number of the state: the name, and '@k' for k accepted steps back.
    pub fn labels(&self) -> Vec<String> {
        self.features
            .iter()
            .flat_map(|f| {
                (0..f.history).map(|k| {
                    if k == 0 {
                        f.name.clone()
                    } else {
                        format!("{}@{k}", f.name)
                    }
                })
            })
            .collect()
    }

    /// Whether any feature reads Ritz steps, which cost vectors to keep.
    pub fn wants_ritz(&self) -> bool {
        self.statistics
            .iter()
            .any(|statistic| statistic.wants_ritz())
    }

    /// Whether any feature reads gradient statistics.
    pub fn wants_gradients(&self) -> bool {
        self.statistics
            .iter()
            .any(|statistic| statistic.wants_gradients())
    }

    /// The state of a new episode.
    pub fn start(&self) -> State {
        State {
            memory: StateMemory {
                past: vec![[0.0; MOST_HISTORY]; self.features.len()],
                at_acceptance: vec![0.0; self.features.len()],
                seen: 0,
            },
            spec: self.clone(),
        }
    }
}

impl State {
    /// How many numbers the network sees.
    pub fn width(&self) -> usize {
        self.spec.width
    }

    /// What it remembers.
    pub fn memory(&self) -> StateMemory {
        self.memory.clone()
    }

    /// Goes on from a memory. False, and nothing changed, where it is of other features.
    pub fn restore(&mut self, memory: StateMemory) -> bool {
        let features = self.spec.features.len();
        let fits = memory.past.len() == features && memory.at_acceptance.len() == features;
        if fits {
            self.memory = memory;
        }
        fits
    }

    /// Writes the state into `out`, which has [`width`](Self::width) entries. Call it at every decision: histories are read off the
    /// observations that pass by here.
    pub fn observe(&mut self, observation: &Observation, out: &mut [f32]) {
        let memory = &mut self.memory;
        let new_step = observation.accepted != memory.seen;
        memory.seen = observation.accepted;
        let mut at = 0;
        for (index, (feature, statistic)) in self
            .spec
            .features
            .iter()
            .zip(&self.spec.statistics)
            .enumerate()
        {
            let value = statistic.observe(observation) as f32;
            let value = if value.is_finite() { value } else { 0.0 };
            if new_step {
                let past = &mut memory.past[index];
                past.rotate_right(1);
                past[0] = memory.at_acceptance[index];
                memory.at_acceptance[index] = value;
            }
            out[at] = value;
            out[at + 1..at + feature.history]
                .copy_from_slice(&memory.past[index][..feature.history - 1]);
            at += feature.history;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::tests::step;

    #[test]
    fn history_holds_the_accepted_steps_before_the_last() {
        let spec = StateSpec::new(
            vec![FeatureSpec::new("decrease_ratio", 3)],
            &Features::builtin(),
        )
        .unwrap();
        let mut state = spec.start();
        let mut o = Observation::at_start(10.0, 1.0, 1.0, false);
        let mut out = [0.0; 3];
        state.observe(&o, &mut out);
        assert_eq!(out, [0.0; 3]);
        for (trial, accepted, expected) in [
            (9.0, true, [1.0, 0.0, 0.0]),
            (8.5, true, [0.5, 1.0, 0.0]),
            (9.5, false, [-1.0, 1.0, 0.0]),
            (8.25, true, [0.25, 0.5, 1.0]),
        ] {
            o.record_trial(1.0, trial);
            if accepted {
                o.record_acceptance(&step(&[-1.0], &[1.0], &[1.0]))
            } else {
                o.record_rejection()
            }
            state.observe(&o, &mut out);
            assert_eq!(out, expected);
        }
        assert_eq!(
            spec.labels(),
            ["decrease_ratio", "decrease_ratio@1", "decrease_ratio@2"]
        );
    }

    #[test]
    fn a_wrong_list_is_refused() {
        let builtin = Features::builtin();
        assert!(matches!(
            StateSpec::new(vec![], &builtin),
            Err(FeatureError::Empty)
        ));
        let long = vec![FeatureSpec::new("rejected", 17)];
        assert!(matches!(
            StateSpec::new(long, &builtin),
            Err(FeatureError::History { history: 17, .. })
        ));
        assert_eq!(
            StateSpec::new(StateSpec::default_features(), &builtin).map(|s| s.width()),
            Ok(38)
        );
        assert_eq!(
            StateSpec::new(StateSpec::span_features(), &builtin).map(|s| s.width()),
            Ok(40)
        );
    }
}
