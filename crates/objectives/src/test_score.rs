//! Scores of a network on held-out data.

use crate::dataset::Dataset;
use crate::network::{Network, Rows};

/// The share of rows whose label has the largest score (with a single score: class 1 where it is positive). A row with a NaN
/// among its scores counts as wrong. `None` for numeric targets.
pub(crate) fn accuracy(network: &Network, x: &[f64], data: &Dataset) -> Option<f64> {
    let labels = data.labels()?;
    let mut right = 0_usize;
    network.mean_loss(x, data, Rows::All, None, |row, scores| {
        right += usize::from(predicted(scores) == Some(labels[row]));
        0.0
    });
    Some(right as f64 / data.rows() as f64)
}

/// The class with the largest score, the first of equal ones.
fn predicted(scores: &[f64]) -> Option<usize> {
    if scores.iter().any(|s| s.is_nan()) {
        return None;
    }
    match scores {
        [score] => Some(usize::from(*score > 0.0)),
        _ => (0..scores.len()).reduce(|best, k| if scores[k] > scores[best] { k } else { best }),
    }
}

/// R² = 1 - Σ (z - y)² / Σ (y - ȳ)². `None` for classes, and where all targets are equal.
pub(crate) fn r_squared(network: &Network, x: &[f64], data: &Dataset) -> Option<f64> {
    let targets = data.numbers()?;
    let mean = targets.iter().sum::<f64>() / targets.len() as f64;
    let total: f64 = targets.iter().map(|y| (y - mean).powi(2)).sum();
    let mut residual = 0.0;
    network.mean_loss(x, data, Rows::All, None, |row, scores| {
        residual += (scores[0] - targets[row]).powi(2);
        0.0
    });
    (total > 0.0).then(|| 1.0 - residual / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Targets;

    #[test]
    fn accuracy_counts_the_largest_score_and_nan_as_wrong() {
        assert_eq!(predicted(&[0.0, 2.0, 2.0]), Some(1));
        assert_eq!(predicted(&[0.0, f64::NAN]), None);
        assert_eq!(
            (predicted(&[0.0]), predicted(&[0.1]), predicted(&[f64::NAN])),
            (Some(0), Some(1), None)
        );
    }

    #[test]
    fn r_squared_of_the_mean_is_0_and_of_the_truth_is_1() {
        let targets = Targets::Numbers(vec![1.0, 3.0, 5.0]);
        let data = Dataset::new("d", vec![0.0, 1.0, 2.0], vec!["x".into()], "y", targets).unwrap();
        let network = Network::linear(1, 1, 0.0);
        assert_eq!(r_squared(&network, &[0.0, 3.0], &data), Some(0.0));
        assert_eq!(r_squared(&network, &[2.0, 1.0], &data), Some(1.0));
        assert_eq!(accuracy(&network, &[2.0, 1.0], &data), None);
    }
}
