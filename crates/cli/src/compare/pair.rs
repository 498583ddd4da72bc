//! Two methods of a comparison, one beside the other: what the difference is worth on these tasks, and on tasks like these.

use anyhow::{Context, Result};
use qstride_objectives::Streams;
use qstride_statistics::{Bootstrap, Continuity, mean, share_won, signed_rank_test};
use serde::{Deserialize, Serialize};

use super::harness::Comparison;
use super::plan::Plan;
use super::summary::Between;

/// A method and the one that it is to be ahead of: `METHOD=OTHER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pair {
    /// The method.
    pub method: String,
    /// The other one.
    pub other: String,
}

impl Pair {
    /// Reads `METHOD=OTHER`.
    ///
    /// # Errors
    /// A sentence that says what a pair is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').map(|(a, b)| (a.trim(), b.trim()));
        match parts {
            Some((method, other)) if !(method.is_empty() || other.is_empty()) => Ok(Self {
                method: method.to_owned(),
                other: other.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is no pair of methods: write METHOD=OTHER, for example schedule-adam=rule:adam"
            )),
        }
    }

    /// The indices of both among the methods of a plan.
    ///
    /// # Errors
    /// A method that is not compared.
    pub fn find(&self, plan: &Plan) -> Result<[usize; 2]> {
        let place = |name: &str| {
            plan.method(name).with_context(|| {
                format!("--pairs {self}: `{name}` is not among the methods that are compared")
            })
        };
        Ok([place(&self.method)?, place(&self.other)?])
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.method, self.other)
    }
}

impl TryFrom<String> for Pair {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Pair> for String {
    fn from(value: Pair) -> Self {
        value.to_string()
    }
}

/// What the first method of a pair is worth beside the second: differences of scores, case by case; below 0 it is ahead. In training a
/// score is the log10 of a loss, so that 10^difference is the geometric mean of one loss over the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairDifference {
    /// The method.
    pub method: String,
    /// The other one.
    pub other: String,
    /// The mean difference; cases are resampled within families, which says what holds on these tasks.
    pub difference: Between,
    /// The same; families are resampled too, which says what holds on tasks like these.
    pub over_families: Between,
    /// The share of the cases on which the method is ahead, equal ones half.
    pub share_won: f64,
    /// Of Wilcoxon's signed-rank test over all cases, two-sided; for this pair alone.
    pub p_value: f64,
    /// The mean difference of test scores, families resampled too; above 0 the method is ahead.
    pub test_difference: Option<Between>,
    /// The mean difference by family.
    pub families: Vec<FamilyDifference>,
}

/// The difference on one family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilyDifference {
    /// The family.
    pub of: String,
    /// The mean difference of scores.
    pub difference: f64,
}

impl PairDifference {
    /// Of the methods with these indices; every case as the mean over its start rates.
    ///
    /// # Errors
    /// None that a comparison could cause.
    pub fn of(
        comparison: &Comparison,
        [method, other]: [usize; 2],
        bootstrap: Bootstrap,
    ) -> Result<Self> {
        let plan = &comparison.plan;
        let scores = [method, other].map(|m| comparison.case_scores(m));
        let differences: Vec<f64> = scores[0]
            .iter()
            .zip(&scores[1])
            .map(|(a, b)| a - b)
            .collect();
        let strata = by_family(plan, &differences);
        let streams = Streams::new(0);
        let mut dice = streams.stream("bootstrap/pair");
        let within = bootstrap.interval(&strata, |v| mean(v), &mut dice)?;
        let mut dice = streams.stream("bootstrap/pair over families");
        let over = bootstrap.clustered_interval(&strata, |v| mean(v), &mut dice)?;
        let tests = [method, other].map(|m| comparison.case_test_scores(m));
        let test_difference = match &tests {
            [Some(own), Some(other)] => {
                let differences: Vec<f64> = own.iter().zip(other).map(|(a, b)| a - b).collect();
                let strata = by_family(plan, &differences);
                let mut dice = streams.stream("bootstrap/pair test scores");
                let finite = differences.iter().all(|d| d.is_finite());
                finite
                    .then(|| bootstrap.clustered_interval(&strata, |v| mean(v), &mut dice))
                    .transpose()?
                    .map(Between::from)
            }
            _ => None,
        };
        let graded = [method, other].map(|m| comparison.case_grades(m));
        Ok(Self {
            method: plan.methods[method].name.clone(),
            other: plan.methods[other].name.clone(),
            difference: within.into(),
            over_families: over.into(),
            share_won: share_won(&graded[0], &graded[1])?,
            p_value: signed_rank_test(&graded[0], &graded[1], Continuity::Corrected)?.p_value,
            test_difference,
            families: plan
                .families()
                .into_iter()
                .zip(&strata)
                .map(|(family, differences)| FamilyDifference {
                    of: family.to_owned(),
                    difference: mean(differences).unwrap_or(f64::NAN),
                })
                .collect(),
        })
    }
}

/// The values of cases, family by family.
fn by_family(plan: &Plan, values: &[f64]) -> Vec<Vec<f64>> {
    let of = |family: &str| {
        let cases = plan.cases.iter().zip(values);
        let own = cases.filter(|(case, _)| case.family() == family);
        own.map(|(_, value)| *value).collect()
    };
    plan.families().into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::harness::tests::{compare, on_digits};

    #[test]
    fn words() {
        let pair = Pair::parse("schedule-adam = rule:adam").unwrap();
        assert_eq!(pair.to_string(), "schedule-adam=rule:adam");
        assert_eq!(
            serde_json::to_string(&pair).unwrap(),
            "\"schedule-adam=rule:adam\""
        );
        for wrong in ["a", "=b", "a=", ""] {
            assert!(
                Pair::parse(wrong).unwrap_err().contains("METHOD=OTHER"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn differences_by_hand() {
        let comparison = compare(&on_digits("softmax;mlp:8", "sgd,adam", "1e-3,1e-1", 3));
        let bootstrap = Bootstrap::new(0.95, 500).unwrap();
        let pair = PairDifference::of(&comparison, [1, 0], bootstrap).unwrap();
        let mean_of = |method: usize| {
            let scores = comparison
                .of_method(method)
                .map(|run| comparison.score(run));
            scores.sum::<f64>() / 12.0
        };
        let wanted = mean_of(1) - mean_of(0);
        assert!((pair.difference.estimate - wanted).abs() < 1e-12);
        assert_eq!(pair.over_families.estimate, pair.difference.estimate);
        let by_family: f64 = pair.families.iter().map(|f| f.difference).sum();
        assert!((by_family / 2.0 - wanted).abs() < 1e-12);
        // With two families that differ the interval over families is the wider one.
        let width = |b: Between| b.high - b.low;
        assert!(width(pair.over_families) > width(pair.difference));
        let back = PairDifference::of(&comparison, [0, 1], bootstrap).unwrap();
        assert!((back.difference.estimate + wanted).abs() < 1e-12);
        assert!((pair.share_won + back.share_won - 1.0).abs() < 1e-12);
        assert!(pair.test_difference.is_some());
    }
}
