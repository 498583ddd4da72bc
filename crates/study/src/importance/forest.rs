//! A forest of regression trees, and the shares of the variance that it sees.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::ImportanceSettings;
use super::axis::Axis;
use super::partition::{Partition, Table};
use crate::FrozenTrial;

/// Trees, each grown on a bootstrap sample of the trials (Breiman 2001), those whose prediction varies.
pub(super) struct Forest(Vec<Partition>);

impl Forest {
    pub(super) fn grow(
        axes: &[Axis],
        trials: &[&FrozenTrial],
        settings: &ImportanceSettings,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let place = |axis: &Axis, trial: &FrozenTrial| {
            let param = trial.params.get(axis.name());
            param.map_or(0.5, |param| axis.place(param))
        };
        let column = |axis: &Axis| trials.iter().map(|trial| place(axis, trial)).collect();
        // From -1 to 1: squares of what is larger or smaller might overflow or vanish, and a large mean would swallow differences.
        let values: Vec<f64> = trials.iter().filter_map(|trial| trial.value).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (middle, half) = (0.5 * least + 0.5 * most, 0.5 * most - 0.5 * least);
        let unit = if half > 0.0 { half } else { 1.0 };
        let table = Table {
            axes,
            places: axes.iter().map(column).collect(),
            values: values
                .into_iter()
                .map(|value| (value - middle) / unit)
                .collect(),
        };
        let count = table.values.len();
        let trees = (0..settings.trees).map(|_| {
            let rows = (0..count).map(|_| rng.random_range(0..count)).collect();
            Partition::grow(&table, rows, settings.max_depth, rng)
        });
        Self(trees.filter(|tree| tree.variance() > 0.0).collect())
    }

    /// The share of the variance that is due to one or two axes and to no part of them, and its standard deviation over the trees.
    pub(super) fn share(&self, axes: &[usize]) -> (f64, f64) {
        let due = |tree: &Partition| match *axes {
            [a] => tree.marginal_variance(a),
            [a, b] => {
                let alone = tree.marginal_variance(a) + tree.marginal_variance(b);
                tree.pair_variance([a, b]) - alone
            }
            _ => 0.0,
        };
        let shares = self
            .0
            .iter()
            .map(|tree| (due(tree) / tree.variance()).max(0.0));
        let shares: Vec<f64> = shares.collect();
        if shares.is_empty() {
            return (0.0, 0.0);
        }
        let n = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / n;
        let spread: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
        (mean, (spread / n).sqrt())
    }
}
