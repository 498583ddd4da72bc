//! A parameter as an axis from 0 to 1.

use crate::{Distribution, FrozenTrial, Param};

/// A parameter as an axis from 0 to 1, on which it is uniform. Choices are cells of one width, the one with the least mean value
/// first, so that one split can part the good ones from the others.
pub(super) struct Axis {
    name: String,
    scale: Scale,
}

enum Scale {
    Range {
        low: f64,
        high: f64,
    },
    /// The place of each choice.
    Choices(Vec<usize>),
}

impl Axis {
    /// The axis of a parameter that all these trials have.
    pub(super) fn of(name: &str, trials: &[&FrozenTrial]) -> Self {
        let params = trials
            .iter()
            .filter_map(|trial| Some((trial.params.get(name)?, trial.value?)));
        let mut scale = Scale::Range {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        };
        let mut sums: Vec<(f64, f64)> = Vec::new();
        for (param, value) in params {
            match (&*param.distribution, &mut scale) {
                (Distribution::Categorical { choices }, _) => {
                    sums.resize(choices.len().max(sums.len()), (0.0, 0.0));
                    if let Some((sum, count)) = sums.get_mut(param.value as usize) {
                        *sum += value;
                        *count += 1.0;
                    }
                }
                (distribution, Scale::Range { low, high }) if !distribution.is_single() => {
                    let range = distribution.scaled_range();
                    *low = low.min(range.0);
                    *high = high.max(range.1);
                }
                _ => {}
            }
        }
        if !sums.is_empty() {
            scale = Scale::Choices(places(&sums));
        }
        Self {
            name: name.to_owned(),
            scale,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where a value stands.
    pub(super) fn place(&self, param: &Param) -> f64 {
        match &self.scale {
            Scale::Range { low, high } if high > low => {
                let scaled = param.distribution.to_scaled(param.value);
                ((scaled - low) / (high - low)).clamp(0.0, 1.0)
            }
            Scale::Range { .. } => 0.5,
            Scale::Choices(places) => {
                let place = places.get(param.value as usize).copied().unwrap_or(0);
                (place as f64 + 0.5) / places.len() as f64
            }
        }
    }

    /// Where to part two places: in the middle, but not through the cell of a choice.
    pub(super) fn between(&self, left: f64, right: f64) -> f64 {
        let middle = 0.5 * (left + right);
        match &self.scale {
            Scale::Range { .. } => middle,
            Scale::Choices(places) => {
                let cells = places.len() as f64;
                (middle * cells).round() / cells
            }
        }
    }
}

/// The place of each choice in the order of their means; those that nobody tried stand at the end.
fn places(sums: &[(f64, f64)]) -> Vec<usize> {
    let mean = |choice: &usize| {
        let (sum, count) = sums[*choice];
        if count > 0.0 {
            sum / count
        } else {
            f64::INFINITY
        }
    };
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    let mut places = vec![0; sums.len()];
    for (place, choice) in order.into_iter().enumerate() {
        places[choice] = place;
    }
    places
}
