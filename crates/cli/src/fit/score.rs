//! How good a network is on a set of examples.

use burn::tensor::Device;

use super::examples::{Examples, Targets};
use super::model::Network;

/// Examples that go through the network together.
const BLOCK: usize = 256;

/// What a network comes to on some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean cross-entropy, or the mean squared error of the standardised target.
    pub loss: f64,
    /// The share of right classes, or R² = 1 - Σ (z - y)² / Σ (y - ȳ)²; NaN where all y are equal.
    pub test: f64,
}

/// Scores `network`, which must be without autodiff, in double precision.
pub fn score(network: &Network, examples: &Examples, device: &Device) -> Score {
    let mut scores = Vec::new();
    let indices: Vec<usize> = (0..examples.len()).collect();
    for block in indices.chunks(BLOCK) {
        let outputs = network.forward(examples.batch(block, device).inputs);
        scores.extend(outputs.into_data().iter::<f64>());
    }
    match examples.targets() {
        Targets::Classes(labels) => classification(&scores, labels),
        Targets::Numbers(numbers) => regression(&scores, numbers),
    }
}

/// An example with a NaN among its scores counts as wrong.
fn classification(scores: &[f64], labels: &[i64]) -> Score {
    let classes = scores.len() / labels.len();
    let (mut loss, mut right) = (0.0, 0_usize);
    for (scores, &label) in scores.chunks_exact(classes).zip(labels) {
        let target = scores[label as usize];
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|z| (z - largest).exp()).sum();
        loss += largest + sum.ln() - target;
        let first = scores.iter().position(|z| *z == largest);
        right += usize::from(first == Some(label as usize) && !sum.is_nan());
    }
    Score {
        loss: loss / labels.len() as f64,
        test: right as f64 / labels.len() as f64,
    }
}

fn regression(scores: &[f64], numbers: &[f32]) -> Score {
    let numbers = || numbers.iter().map(|y| f64::from(*y));
    let count = scores.len() as f64;
    let mean = numbers().sum::<f64>() / count;
    let total: f64 = numbers().map(|y| (y - mean).powi(2)).sum();
    let squares = scores.iter().zip(numbers()).map(|(z, y)| (z - y).powi(2));
    let residual: f64 = squares.sum();
    Score {
        loss: residual / count,
        test: if total > 0.0 {
            1.0 - residual / total
        } else {
            f64::NAN
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_hand() {
        let score = classification(&[0.0, 0.0, 1.0, 3.0], &[0, 1]);
        assert!((score.loss - 0.5 * (2f64.ln() + (-2f64).exp().ln_1p())).abs() < 1e-15);
        assert_eq!(score.test, 1.0);
        let bad = classification(&[f64::NAN, 5.0, f64::INFINITY, 0.0], &[1, 0]);
        assert!(bad.loss.is_nan());
        assert_eq!(bad.test, 0.0);
    }

    #[test]
    fn numbers_by_hand() {
        let truth = [1.0, 3.0, 5.0];
        let score = regression(&[3.0, 3.0, 3.0], &truth);
        assert!((score.loss - 8.0 / 3.0).abs() < 1e-15 && score.test == 0.0);
        assert_eq!(regression(&[1.0, 3.0, 5.0], &truth).test, 1.0);
        assert!(regression(&[1.0, 2.0], &[2.0, 2.0]).test.is_nan());
    }
}
