//! What the runs of each method come to, with what the differences are worth.
//!
//! A case is a problem as one seed draws it; its score is the mean over the start rates. Cases are the units of every interval and
//! every test, and families (in training: tasks) are the strata within which they are resampled.

use anyhow::Result;
use qstride_objectives::Streams;
use qstride_statistics::{
    Bootstrap, Continuity, Interval, critical_difference, friedman, holm, interquartile_mean, mean,
    mean_ranks, median, probability_of_improvement_interval, share_won_interval, signed_rank_test,
};
use serde::Serialize;

use super::edge::Edge;
use super::harness::Comparison;
use super::pair::PairDifference;
use super::run::Run;
use super::start_rate::StartRateWord;
use super::tuned_sgd::BesideTunedSgd;

/// The confidence of all intervals and tests.
pub const LEVEL: f64 = 0.95;

/// What a comparison came to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The method that the others are tested against.
    pub reference: String,
    /// By method, in their order.
    pub methods: Vec<MethodSummary>,
    /// Friedman's test over all methods; none for fewer than two methods or cases.
    pub ranks: Option<Ranks>,
    /// The pairs that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<PairDifference>,
}

/// Whether methods differ in rank at all, and from which difference on two of them do.
#[derive(Clone, Debug, Serialize)]
pub struct Ranks {
    /// Cases that were ranked.
    pub cases: usize,
    /// Friedman's chi-square, corrected for ties.
    pub chi_square: f64,
    /// Its p-value.
    pub p_value: f64,
    /// Mean ranks further apart than this differ (Nemenyi, 5 %).
    pub critical_difference: f64,
}

/// One method over all its runs.
#[derive(Clone, Debug, Serialize)]
pub struct MethodSummary {
    /// The method.
    pub method: String,
    /// Whether it was given the best of several rates.
    pub tuned: bool,
    /// Whether the rates that it was given lie at the edge of their grid; of tuned methods only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
    /// How many runs.
    pub runs: usize,
    /// Runs that ended with something not finite, or gained nothing.
    pub failures: usize,
    /// The mean score of the cases.
    pub mean: Between,
    /// The mean over families of their means.
    pub balanced_mean: f64,
    /// The median score of the cases.
    pub median: f64,
    /// The mean of the middle half of the cases.
    pub interquartile_mean: Between,
    /// The mean rank among all methods, 1 the best; ties share theirs.
    pub mean_rank: f64,
    /// The same by the score on held-out data, where there is such data.
    pub mean_test_rank: Option<f64>,
    /// How far each tolerance was reached, and at which cost.
    pub costs: Vec<CostTo>,
    /// What a run spends on average.
    pub spent: Spent,
    /// The mean score of the final points on held-out data, where there is such data.
    pub mean_test_score: Option<f64>,
    /// The geometric mean over cases of final values above f* over those of the reference; in training only, where f* is 0.
    pub value_ratio: Option<f64>,
    /// Beside tuned SGD, where that is among the methods; in training only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside_tuned_sgd: Option<BesideTunedSgd>,
    /// What it is worth beside the reference; none for the reference itself.
    pub against: Option<Against>,
    /// By family.
    pub families: Vec<Group<String>>,
    /// By start rate.
    pub start_rates: Vec<Group<StartRateWord>>,
    /// By seed.
    pub seeds: Vec<Group<u64>>,
    /// Mean wall time of a run in seconds, the method's own inference in it; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// An estimate with its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Between {
    /// The estimate.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Between {
    /// 10 to the power of each: differences of logarithms as ratios.
    pub fn powers_of_ten(self) -> Self {
        let power = |exponent: f64| 10f64.powf(exponent);
        Self {
            estimate: power(self.estimate),
            low: power(self.low),
            high: power(self.high),
        }
    }
}

impl From<Interval> for Between {
    fn from(interval: Interval) -> Self {
        Self {
            estimate: interval.estimate,
            low: interval.low,
            high: interval.high,
        }
    }
}

/// How a tolerance was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostTo {
    /// The relative gap.
    pub tolerance: f64,
    /// The share of the runs that reached it.
    pub solved: f64,
    /// The median cost, tuning included, of all runs; none where less than half of them reached it.
    pub median: Option<f64>,
}

/// Means over runs; a joint call counts one value and one gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// Values.
    pub values: f64,
    /// Gradients.
    pub gradients: f64,
    /// values + w gradients for w = 1, 2, 3.
    pub cost: [f64; 3],
    /// values + gradients, what the choice of a rate cost included.
    pub with_tuning: f64,
}

/// A method beside the reference, on the same cases; below 0 the method is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The mean difference of scores, the cases in pairs.
    pub difference: Between,
    /// The share of the cases on which it is ahead, equal ones half.
    pub share_won: Between,
    /// The probability that it is ahead of the reference on a case of the same family, whichever: cases are not paired (Agarwal et al. 2021).
    pub probability_of_improvement: Between,
    /// Of Wilcoxon's signed-rank test, two-sided.
    pub p_value: f64,
    /// The same after Holm's correction for all methods of the comparison.
    pub holm_p_value: f64,
}

/// The runs of a method that have something in common.
#[derive(Clone, Debug, Serialize)]
pub struct Group<K> {
    /// What they have in common.
    pub of: K,
    /// The mean score.
    pub mean: f64,
    /// The median score.
    pub median: f64,
    /// The failures.
    pub failures: usize,
}

/// Condenses a comparison, with so many resamples for each interval; `seconds` says whether wall times are shown.
///
/// # Errors
/// None that a comparison could cause.
pub fn summarise(comparison: &Comparison, resamples: u32, seconds: bool) -> Result<Summary> {
    let plan = &comparison.plan;
    let scores: Vec<Scores> = (0..plan.methods.len())
        .map(|method| Scores::new(comparison, method))
        .collect();
    let graded: Vec<Vec<f64>> = scores.iter().map(|s| s.graded.concat()).collect();
    let cases = graded.first().map_or(0, Vec::len);
    let ranks = if plan.methods.len() > 1 && cases > 1 {
        let test = friedman(&graded)?;
        Some(Ranks {
            cases,
            chi_square: test.chi_square,
            p_value: test.p_value,
            critical_difference: critical_difference(graded.len(), cases, 1.0 - LEVEL)?,
        })
    } else {
        None
    };
    let mean_ranks = mean_ranks(&graded)?;
    let test_ranks = test_ranks(comparison)?;
    let bootstrap = Bootstrap::new(LEVEL, resamples as usize)?;
    let beside_tuned_sgd = BesideTunedSgd::of_all(comparison, bootstrap)?;
    let reference = &scores[plan.reference];
    let mut methods = Vec::new();
    for (method, mean_rank) in mean_ranks.into_iter().enumerate() {
        let mut summary = summary(comparison, method, &scores[method], bootstrap)?;
        summary.mean_rank = mean_rank;
        summary.mean_test_rank = test_ranks.as_ref().map(|ranks| ranks[method]);
        summary.beside_tuned_sgd = beside_tuned_sgd.as_ref().map(|all| all[method].clone());
        summary.seconds = seconds.then(|| {
            let times = comparison.of_method(method).map(|run| run.outcome.seconds);
            times.sum::<f64>() / summary.runs.max(1) as f64
        });
        if plan.training() {
            let own = scores[method].scores.concat();
            let ratios: Vec<f64> = own
                .iter()
                .zip(reference.scores.concat())
                .map(|(a, b)| a - b)
                .collect();
            summary.value_ratio = mean(&ratios).map(|decades| 10f64.powf(decades));
        }
        if method != plan.reference {
            summary.against = Some(against(&scores[method], reference, bootstrap)?);
        }
        methods.push(summary);
    }
    let raw: Vec<f64> = methods
        .iter()
        .filter_map(|m| Some(m.against?.p_value))
        .collect();
    let mut corrected = holm(&raw).into_iter();
    for against in methods.iter_mut().filter_map(|m| m.against.as_mut()) {
        against.holm_p_value = corrected.next().unwrap_or(1.0);
    }
    let pairs = plan.pairs.iter();
    Ok(Summary {
        reference: plan.methods[plan.reference].name.clone(),
        methods,
        ranks,
        pairs: pairs
            .map(|pair| PairDifference::of(comparison, *pair, bootstrap))
            .collect::<Result<_>>()?,
    })
}

/// Mean ranks by the score on held-out data, 1 the best; none where a case has no such data.
fn test_ranks(comparison: &Comparison) -> Result<Option<Vec<f64>>> {
    let methods = 0..comparison.plan.methods.len();
    let scores: Option<Vec<Vec<f64>>> = methods
        .map(|method| {
            let scores = comparison.case_test_scores(method)?;
            Some(scores.into_iter().map(|score| -score).collect())
        })
        .collect();
    Ok(scores.map(|scores| mean_ranks(&scores)).transpose()?)
}

impl Summary {
    /// The same with the best mean first, as people read it.
    pub fn best_first(&self) -> Self {
        let mut sorted = self.clone();
        let mean = |m: &MethodSummary| m.mean.estimate;
        sorted.methods.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
        sorted
    }
}

/// The scores of a method by stratum, case by case.
struct Scores {
    /// As they are.
    scores: Vec<Vec<f64>>,
    /// With failures behind everything else.
    graded: Vec<Vec<f64>>,
}

impl Scores {
    fn new(comparison: &Comparison, method: usize) -> Self {
        let plan = &comparison.plan;
        let strata = plan.families();
        let split = |values: &[f64]| -> Vec<Vec<f64>> {
            let of = |stratum: &&str| {
                let cases = plan.cases.iter().zip(values);
                cases
                    .filter(|(case, _)| case.family() == *stratum)
                    .map(|(_, v)| *v)
                    .collect()
            };
            strata.iter().map(of).collect()
        };
        Self {
            scores: split(&comparison.case_scores(method)),
            graded: split(&comparison.case_grades(method)),
        }
    }
}

/// Every summary and every method draws from a stream of its own, the same at each call.
fn against(own: &Scores, reference: &Scores, bootstrap: Bootstrap) -> Result<Against> {
    let streams = Streams::new(0);
    let (x, y) = (&own.graded, &reference.graded);
    let mut dice = streams.stream("bootstrap/difference");
    let difference =
        bootstrap.paired_interval(&own.scores, &reference.scores, |d| mean(d), &mut dice)?;
    let share_won = share_won_interval(x, y, bootstrap, &mut streams.stream("bootstrap/share"))?;
    let mut dice = streams.stream("bootstrap/improvement");
    let improvement = probability_of_improvement_interval(x, y, bootstrap, &mut dice)?;
    let (x, y) = (x.concat(), y.concat());
    Ok(Against {
        difference: difference.into(),
        share_won: share_won.into(),
        probability_of_improvement: improvement.into(),
        p_value: signed_rank_test(&x, &y, Continuity::Corrected)?.p_value,
        holm_p_value: 1.0,
    })
}

fn summary(
    comparison: &Comparison,
    method: usize,
    scores: &Scores,
    bootstrap: Bootstrap,
) -> Result<MethodSummary> {
    let plan = &comparison.plan;
    let runs: Vec<&Run> = comparison.of_method(method).collect();
    let streams = Streams::new(0);
    let mut dice = streams.stream("bootstrap/mean");
    let of_mean = bootstrap.interval(&scores.scores, |v| mean(v), &mut dice)?;
    let mut dice = streams.stream("bootstrap/interquartile mean");
    let of_middle = bootstrap.interval(&scores.scores, interquartile_mean, &mut dice)?;
    let group = |has: &dyn Fn(&Run) -> bool| group(comparison, &runs, has);
    let families: Vec<Group<String>> = plan
        .families()
        .into_iter()
        .map(|family| group(&|run| comparison.family(run) == family).named(family.to_owned()))
        .collect();
    let rates = plan.start_rates.iter().enumerate();
    let balanced: Vec<f64> = families.iter().map(|family| family.mean).collect();
    let tests: Vec<f64> = runs
        .iter()
        .filter_map(|run| run.outcome.test_score)
        // Higher is better here: a model that was lost is the worst there is.
        .map(|score| {
            if score.is_nan() {
                f64::NEG_INFINITY
            } else {
                score
            }
        })
        .collect();
    Ok(MethodSummary {
        method: plan.methods[method].name.clone(),
        tuned: plan.methods[method].grid().is_some(),
        edge: Edge::of(comparison, method),
        runs: runs.len(),
        failures: failures(&runs),
        mean: of_mean.into(),
        balanced_mean: mean(&balanced).unwrap_or(f64::NAN),
        median: median(&mut scores.scores.concat()).unwrap_or(f64::NAN),
        interquartile_mean: of_middle.into(),
        mean_rank: f64::NAN,
        mean_test_rank: None,
        costs: plan
            .tolerances
            .iter()
            .map(|t| cost_to(comparison, &runs, *t))
            .collect(),
        spent: spent(comparison, &runs),
        mean_test_score: mean(&tests),
        value_ratio: None,
        beside_tuned_sgd: None,
        against: None,
        families,
        start_rates: rates
            .map(|(index, word)| group(&|run| run.rate == index).named(*word))
            .collect(),
        seeds: plan
            .seeds()
            .into_iter()
            .map(|seed| group(&|run| plan.cases[run.case].seed == seed).named(seed))
            .collect(),
        seconds: None,
    })
}

fn cost_to(comparison: &Comparison, runs: &[&Run], tolerance: f64) -> CostTo {
    let costs = runs.iter().map(|run| comparison.cost_to(run, tolerance));
    let mut costs: Vec<f64> = costs.map(|cost| cost.unwrap_or(f64::INFINITY)).collect();
    let solved = costs.iter().filter(|cost| cost.is_finite()).count();
    CostTo {
        tolerance,
        solved: solved as f64 / runs.len().max(1) as f64,
        median: median(&mut costs).filter(|cost| cost.is_finite()),
    }
}

fn spent(comparison: &Comparison, runs: &[&Run]) -> Spent {
    let over = |of: &dyn Fn(&Run) -> f64| {
        let shares = runs
            .iter()
            .map(|run| of(run) / comparison.plan.unit(run.case));
        shares.sum::<f64>() / runs.len().max(1) as f64
    };
    Spent {
        values: over(&|run| run.outcome.evaluations.values as f64),
        gradients: over(&|run| run.outcome.evaluations.gradients as f64),
        cost: [1.0, 2.0, 3.0].map(|w| over(&|run| run.outcome.evaluations.cost(w))),
        with_tuning: over(&|run| run.total().cost(1.0)),
    }
}

fn failures(runs: &[&Run]) -> usize {
    runs.iter().filter(|run| run.outcome.failed).count()
}

fn group(comparison: &Comparison, runs: &[&Run], has: &dyn Fn(&Run) -> bool) -> Group<()> {
    let runs: Vec<&Run> = runs.iter().copied().filter(|run| has(run)).collect();
    let mut scores: Vec<f64> = runs.iter().map(|run| comparison.score(run)).collect();
    Group {
        of: (),
        mean: mean(&scores).unwrap_or(f64::NAN),
        median: median(&mut scores).unwrap_or(f64::NAN),
        failures: failures(&runs),
    }
}

impl Group<()> {
    fn named<K>(self, of: K) -> Group<K> {
        Group {
            of,
            mean: self.mean,
            median: self.median,
            failures: self.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::harness::tests::{compare, on_suite};
    use crate::compare::recipe::Recipe;

    #[test]
    fn groups_make_up_the_whole() {
        let recipe = on_suite("quadratic,booth", "armijo,gll-bb", "auto,1e-3", 40);
        let comparison = compare(&recipe);
        let all = summarise(&comparison, 200, false).unwrap();
        let first = &all.methods[0];
        assert_eq!(
            (
                first.runs,
                first.families.len(),
                first.start_rates.len(),
                first.seeds.len()
            ),
            (6, 2, 2, 1)
        );
        for s in &all.methods {
            let by_rate = 0.5 * (s.start_rates[0].mean + s.start_rates[1].mean);
            assert!((by_rate - s.mean.estimate).abs() < 1e-12);
            let balanced = 0.5 * (s.families[0].mean + s.families[1].mean);
            assert!((balanced - s.balanced_mean).abs() < 1e-12);
            assert!(s.mean.low <= s.mean.estimate && s.mean.estimate <= s.mean.high);
        }
        // The reference is gll-bb: armijo is worse by the difference of the means.
        assert_eq!(all.reference, "gll-bb");
        let (against, other) = (first.against.unwrap(), &all.methods[1]);
        let difference = first.mean.estimate - other.mean.estimate;
        assert!((against.difference.estimate - difference).abs() < 1e-12 && difference > 1.0);
        assert_eq!((against.share_won.estimate, other.against), (0.0, None));
        assert_eq!((first.mean_rank, other.mean_rank), (2.0, 1.0));
        // Three pairs, all on one side: the least two-sided p is 2 / 2^3, and there is nothing to correct for.
        assert_eq!((against.p_value, against.holm_p_value), (0.25, 0.25));
        assert!(other.costs[0].solved >= first.costs[0].solved);
    }

    #[test]
    fn failures_count_in_ranks() {
        let recipe = on_suite("booth,himmelblau", "fixed,armijo", "1e3", 20);
        let all = summarise(&compare(&recipe), 200, false).unwrap();
        // Two instances of Himmelblau's function and one of Booth's.
        assert_eq!(all.methods[0].failures, 3);
        assert_eq!(
            (all.methods[0].mean_rank, all.methods[1].mean_rank),
            (2.0, 1.0)
        );
    }

    #[test]
    fn one_method_on_one_problem_has_no_ranks() {
        let recipe = Recipe {
            reference: Some("armijo".to_owned()),
            ..on_suite("booth", "armijo", "auto", 20)
        };
        let all = summarise(&compare(&recipe), 200, true).unwrap();
        assert!(all.ranks.is_none() && all.methods[0].against.is_none());
        assert!(all.methods[0].seconds.unwrap() >= 0.0);
    }
}
