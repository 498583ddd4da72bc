//! One method on one problem: what came of it.

use qstride_control::outcome::log10_gap;
use qstride_control::{End, Evaluations};
use serde::{Deserialize, Serialize};

use super::exact;

/// The graded score of a failure: scores end at 0.
const FAILED: f64 = 1.0;

/// What one run of a method came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// α₀.
    #[serde(with = "exact")]
    pub start_rate: f64,
    /// What was spent.
    pub evaluations: Evaluations,
    /// f(x₀); in training the loss on all training samples.
    #[serde(with = "exact")]
    pub start_value: f64,
    /// What counts: the least f; in training the loss on all training samples at the end.
    #[serde(with = "exact")]
    pub value: f64,
    /// Why it ended.
    pub end: End,
    /// Something was not finite, or nothing was gained.
    pub failed: bool,
    /// The score on held-out data of the point that counts.
    #[serde(with = "exact::optional")]
    pub test_score: Option<f64>,
    /// (cost, least f so far) wherever it fell, from the start on.
    #[serde(with = "exact::pairs")]
    pub curve: Vec<(u64, f64)>,
    /// (cost, rate) of every accepted step; only for problems whose rates are drawn.
    #[serde(with = "exact::pairs")]
    pub rates: Vec<(u64, f64)>,
    /// Wall time, the method's own inference in it.
    #[serde(with = "exact")]
    pub seconds: f64,
}

/// An outcome in its place in the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Index into the plan's cases.
    pub case: usize,
    /// Index into the plan's start rates.
    pub rate: usize,
    /// Index into the plan's methods.
    pub method: usize,
    /// What came of it; where a rate was chosen, with that rate.
    pub outcome: Outcome,
    /// The rate that was chosen out of a grid.
    pub chosen_rate: Option<f64>,
    /// What the other rates of the grid cost.
    pub tuning: Evaluations,
}

impl Run {
    /// log10((f - f*)/(f₀ - f*)) between [`FLOOR`](qstride_control::outcome::FLOOR) and 0.
    pub fn score(&self, minimum: f64) -> f64 {
        log10_gap(self.outcome.start_value, self.outcome.value, minimum).min(0.0)
    }

    /// The score by which runs are ranked and tested: that of a failure is a decade worse than that of a run which gained nothing.
    pub fn graded(&self, minimum: f64) -> f64 {
        if self.outcome.failed {
            FAILED
        } else {
            self.score(minimum)
        }
    }

    /// The cost at which the relative gap first was at most `tolerance`, what the choice of the rate cost included.
    pub fn cost_to(&self, tolerance: f64, minimum: f64) -> Option<u64> {
        let enough = tolerance * (self.outcome.start_value - minimum);
        if !enough.is_finite() {
            return None;
        }
        let reached = |value: f64| value - minimum <= enough;
        let mut curve = self.outcome.curve.iter();
        let (cost, _) = curve.find(|(_, value)| reached(*value))?;
        Some(cost + self.tuning.values + self.tuning.gradients)
    }

    /// The least f when `cost` was spent in the run itself.
    pub fn value_at(&self, cost: u64) -> f64 {
        let until = self.outcome.curve.partition_point(|(c, _)| *c <= cost);
        match until {
            0 => self.outcome.start_value,
            n => self.outcome.curve[n - 1].1,
        }
    }

    /// What was spent in all, on the choice of the rate too.
    pub fn total(&self) -> Evaluations {
        sum(self.outcome.evaluations, self.tuning)
    }
}

/// Both together.
pub fn sum(a: Evaluations, b: Evaluations) -> Evaluations {
    Evaluations {
        values: a.values + b.values,
        gradients: a.gradients + b.gradients,
    }
}

/// The points of a curve at which its value is the least so far.
pub fn improvements(points: impl IntoIterator<Item = (u64, f64)>) -> Vec<(u64, f64)> {
    let mut least: Vec<(u64, f64)> = Vec::new();
    for (cost, value) in points {
        if least.last().is_none_or(|(_, best)| value < *best) {
            least.push((cost, value));
        }
    }
    least
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A run by hand.
    pub fn run(start_value: f64, curve: &[(u64, f64)]) -> Run {
        Run {
            case: 0,
            rate: 0,
            method: 0,
            outcome: Outcome {
                start_rate: 1.0,
                evaluations: Evaluations {
                    values: 6,
                    gradients: 4,
                },
                start_value,
                value: curve.last().unwrap().1,
                end: End::Budget,
                failed: false,
                test_score: None,
                curve: curve.to_vec(),
                rates: Vec::new(),
                seconds: 0.0,
            },
            chosen_rate: None,
            tuning: Evaluations::default(),
        }
    }

    #[test]
    fn costs_and_values_along_a_run() {
        let mut run = run(101.0, &[(2, 101.0), (3, 11.0), (9, 1.5)]);
        let costs = |run: &Run| [0.1, 0.05, 1e-3].map(|tolerance| run.cost_to(tolerance, 1.0));
        assert_eq!(costs(&run), [Some(3), Some(9), None]);
        assert_eq!(
            [1, 3, 8, 99].map(|cost| run.value_at(cost)),
            [101.0, 11.0, 11.0, 1.5]
        );
        assert!((run.score(1.0) - 0.005f64.log10()).abs() < 1e-12);
        run.tuning = Evaluations {
            values: 100,
            gradients: 50,
        };
        assert_eq!(costs(&run), [Some(153), Some(159), None]);
        assert_eq!(run.total().cost(2.0), 106.0 + 2.0 * 54.0);
    }

    #[test]
    fn a_failure_ranks_behind_everything() {
        let mut run = run(1.0, &[(2, 1.0), (3, 0.1)]);
        assert_eq!(run.graded(0.0), -1.0);
        run.outcome.failed = true;
        assert_eq!((run.graded(0.0), run.score(0.0)), (1.0, -1.0));
        run.outcome.value = 2.0;
        assert_eq!(run.score(0.0), 0.0);
    }

    #[test]
    fn only_improvements_are_kept() {
        assert_eq!(
            improvements([(2, 3.0), (3, f64::NAN), (4, 3.0), (5, 1.0), (6, 2.0)]),
            [(2, 3.0), (5, 1.0)]
        );
    }
}
