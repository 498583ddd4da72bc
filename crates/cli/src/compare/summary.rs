//! What the runs of each method come to.

use serde::Serialize;

use super::harness::{Comparison, Run};
use super::start_rate::StartRateWord;

/// The relative gaps to which costs are counted.
pub const TOLERANCES: [f64; 3] = [1e-3, 1e-6, 1e-9];

/// One method over all its runs.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The method.
    pub method: String,
    /// Whether it knows more than a method can.
    pub oracle: bool,
    /// How many runs.
    pub runs: usize,
    /// The mean of log10((f_best - f*)/(f₀ - f*)).
    pub mean_log10_gap: f64,
    /// The median of it.
    pub median_log10_gap: f64,
    /// The mean over families of their means.
    pub balanced_mean_log10_gap: f64,
    /// Runs that ended with something not finite, or spent the budget without any progress.
    pub failures: usize,
    /// The share of the instances and start rates on which its gap is below that of the first method; equal ones count half.
    pub wins_against_first: f64,
    /// The median cost to a relative gap of 1e-3; none where less than half of the runs reach it.
    pub median_cost_to_1e_3: Option<f64>,
    /// To 1e-6.
    pub median_cost_to_1e_6: Option<f64>,
    /// To 1e-9.
    pub median_cost_to_1e_9: Option<f64>,
    /// The mean of values + gradients.
    pub mean_cost: f64,
    /// The mean score of the best points on held-out data, where there is such data.
    pub mean_test_score: Option<f64>,
    /// By family.
    pub families: Vec<Group<String>>,
    /// By start rate.
    pub start_rates: Vec<Group<StartRateWord>>,
    /// By seed.
    pub seeds: Vec<Group<u64>>,
}

/// The runs of a method that have something in common.
#[derive(Debug, Serialize)]
pub struct Group<K> {
    /// What they have in common.
    pub of: K,
    /// The mean gap.
    pub mean_log10_gap: f64,
    /// The median gap.
    pub median_log10_gap: f64,
    /// The failures.
    pub failures: usize,
}

/// One summary a method, in the order of the methods.
pub fn summaries(comparison: &Comparison) -> Vec<Summary> {
    (0..comparison.plan.methods.len())
        .map(|method| summary(comparison, method))
        .collect()
}

fn summary(comparison: &Comparison, method: usize) -> Summary {
    let plan = &comparison.plan;
    let runs: Vec<&Run> = comparison.of_method(method).collect();
    let gaps = |runs: &[&Run]| -> Vec<f64> { runs.iter().map(|run| comparison.gap(run)).collect() };
    let all = gaps(&runs);
    let families: Vec<Group<String>> = plan
        .families()
        .into_iter()
        .map(|family| {
            group(comparison, &runs, family.to_owned(), |run| {
                comparison.family(run) == family
            })
        })
        .collect();
    let start_rates = plan.start_rates.iter().enumerate();
    let seeds = plan.seeds().into_iter();
    let [cost_3, cost_6, cost_9] = TOLERANCES.map(|tolerance| {
        let cost = |run: &&Run| run.cost_to(tolerance, comparison.minima[run.case]);
        let costs: Vec<f64> = runs
            .iter()
            .map(|run| cost(run).map_or(f64::INFINITY, |c| c as f64))
            .collect();
        Some(median(&costs)).filter(|cost| cost.is_finite())
    });
    let first: Vec<&Run> = comparison.of_method(0).collect();
    let scores: Vec<f64> = runs.iter().filter_map(|run| run.test_score).collect();
    Summary {
        method: plan.methods[method].name.clone(),
        oracle: plan.methods[method].oracle(),
        runs: runs.len(),
        mean_log10_gap: mean(&all),
        median_log10_gap: median(&all),
        balanced_mean_log10_gap: mean(
            &families
                .iter()
                .map(|f| f.mean_log10_gap)
                .collect::<Vec<_>>(),
        ),
        failures: failures(&runs),
        wins_against_first: wins(&all, &gaps(&first)),
        median_cost_to_1e_3: cost_3,
        median_cost_to_1e_6: cost_6,
        median_cost_to_1e_9: cost_9,
        mean_cost: mean(
            &runs
                .iter()
                .map(|run| run.evaluations.cost(1.0))
                .collect::<Vec<_>>(),
        ),
        mean_test_score: (!scores.is_empty()).then(|| mean(&scores)),
        families,
        start_rates: start_rates
            .map(|(index, word)| group(comparison, &runs, *word, |run| run.rate == index))
            .collect(),
        seeds: seeds
            .map(|seed| {
                group(comparison, &runs, seed, |run| {
                    plan.cases[run.case].seed == seed
                })
            })
            .collect(),
    }
}

fn group<K>(comparison: &Comparison, runs: &[&Run], of: K, has: impl Fn(&Run) -> bool) -> Group<K> {
    let runs: Vec<&Run> = runs.iter().copied().filter(|run| has(run)).collect();
    let gaps: Vec<f64> = runs.iter().map(|run| comparison.gap(run)).collect();
    Group {
        of,
        mean_log10_gap: mean(&gaps),
        median_log10_gap: median(&gaps),
        failures: failures(&runs),
    }
}

fn failures(runs: &[&Run]) -> usize {
    runs.iter().filter(|run| run.failed).count()
}

/// The arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]),
    }
}

/// The share of the pairs in which the first gap is the lower one; gaps within 1e-9 count half.
fn wins(gaps: &[f64], others: &[f64]) -> f64 {
    let points = gaps.iter().zip(others).map(|(a, b)| match a - b {
        d if d < -1e-9 => 1.0,
        d if d > 1e-9 => 0.0,
        _ => 0.5,
    });
    points.sum::<f64>() / gaps.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::harness::tests::compare;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(median(&[]).is_nan());
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
    }

    #[test]
    fn wins_by_hand() {
        assert_eq!(
            wins(&[-3.0, -1.0, -2.0, -2.0], &[-2.0, -2.0, -2.0, -1.0]),
            0.625
        );
    }

    #[test]
    fn groups_make_up_the_whole() {
        let comparison = compare("quadratic,booth", "armijo,gll-bb", "auto,1e-3", 40);
        let all = summaries(&comparison);
        assert_eq!(
            (
                all[0].runs,
                all[0].families.len(),
                all[0].start_rates.len(),
                all[0].seeds.len()
            ),
            (6, 2, 2, 1)
        );
        assert_eq!(all[0].wins_against_first, 0.5);
        for s in &all {
            let by_rate = 0.5 * (s.start_rates[0].mean_log10_gap + s.start_rates[1].mean_log10_gap);
            assert!((by_rate - s.mean_log10_gap).abs() < 1e-12);
            let balanced = 0.5 * (s.families[0].mean_log10_gap + s.families[1].mean_log10_gap);
            assert!((balanced - s.balanced_mean_log10_gap).abs() < 1e-12);
        }
    }
}
