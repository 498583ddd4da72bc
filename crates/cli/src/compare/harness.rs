//! Runs every method on every instance from every start rate, on all cores, in an order that depends on nothing.

use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use qstride_control::outcome::log10_gap;
use qstride_control::{
    DeterministicEpisode, DeterministicSettings, End, Episode, Evaluations, StartRate, run,
};
use qstride_objectives::Objective;
use rayon::prelude::*;

use super::method::{Method, constant_rates};
use super::problem::Case;
use super::reference;
use super::start_rate::StartRateWord;

/// L-BFGS gets this many times the budget to find an unknown f*.
const REFERENCE_BUDGETS: u64 = 10;

/// What is to be run.
pub struct Plan {
    /// What the problems are called.
    pub problems: String,
    /// The instances, seed by seed.
    pub cases: Vec<Case>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The start rates.
    pub start_rates: Vec<StartRateWord>,
    /// Values plus gradients of one run.
    pub budget: u64,
}

/// One method on one instance from one start rate.
#[derive(Clone)]
pub struct Run {
    /// Index into [`Plan::cases`].
    pub case: usize,
    /// Index into [`Plan::start_rates`].
    pub rate: usize,
    /// Index into [`Plan::methods`].
    pub method: usize,
    /// α₀.
    pub start_rate: f64,
    /// What was spent; by an oracle in all its tries together.
    pub evaluations: Evaluations,
    /// f(x₀).
    pub start_value: f64,
    /// The least f.
    pub best_value: f64,
    /// Why it ended.
    pub end: End,
    /// Not finite, or the budget went without any progress.
    pub failed: bool,
    /// The constant rate that an oracle found best.
    pub best_rate: Option<f64>,
    /// The score of the best point on held-out data, where there is such data.
    pub test_score: Option<f64>,
    /// (cost, least f) wherever the least f fell, from the start on.
    pub improvements: Vec<(u64, f64)>,
    /// (cost, rate) of every accepted trial; only for instances whose rates are drawn.
    pub rates: Vec<(u64, f64)>,
    /// Wall time, the method's own inference in it.
    pub seconds: f64,
}

impl Run {
    /// log10((f_best - f*)/(f₀ - f*)), from -12.
    pub fn log10_gap(&self, minimum: f64) -> f64 {
        log10_gap(self.start_value, self.best_value, minimum)
    }

    /// The cost at which the relative gap first was at most `tolerance`.
    pub fn cost_to(&self, tolerance: f64, minimum: f64) -> Option<u64> {
        let enough = tolerance * (self.start_value - minimum);
        if !enough.is_finite() {
            return None;
        }
        let reached = |value: f64| value - minimum <= enough;
        let found = self.improvements.iter().find(|(_, value)| reached(*value));
        found.map(|(cost, _)| *cost)
    }

    /// The least f when `cost` was spent.
    pub fn value_at(&self, cost: u64) -> f64 {
        let until = self.improvements.partition_point(|(c, _)| *c <= cost);
        match until {
            0 => self.start_value,
            n => self.improvements[n - 1].1,
        }
    }
}

/// A plan and what came of it.
pub struct Comparison {
    /// What was run.
    pub plan: Plan,
    /// Case by case, within it start rate by start rate, within it method by method.
    pub runs: Vec<Run>,
    /// f* of each case: the known one; else the least of what L-BFGS and the methods found, so that no gap is negative.
    pub minima: Vec<f64>,
}

impl Comparison {
    /// Carries out the plan on `threads` threads, or as many as there are cores.
    ///
    /// # Errors
    /// When the threads cannot be started, or a controller not be made.
    pub fn run(plan: Plan, threads: Option<usize>, progress: &ProgressBar) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .build()
            .context("the threads cannot be started")?;
        pool.install(|| Self::carry_out(plan, progress))
    }

    fn carry_out(plan: Plan, progress: &ProgressBar) -> Result<Self> {
        let known: Vec<Option<f64>> = plan.cases.iter().map(|c| c.objective.minimum()).collect();
        let unknown = known.iter().filter(|m| m.is_none()).count();
        let per_case = plan.start_rates.len() * plan.methods.len();
        progress.set_length((unknown + plan.cases.len() * per_case) as u64);
        // The reference values stand before the first method runs.
        let mut minima: Vec<f64> = plan
            .cases
            .par_iter()
            .zip(&known)
            .map(|(case, known)| {
                known.unwrap_or_else(|| {
                    progress.inc(1);
                    let budget = REFERENCE_BUDGETS.saturating_mul(plan.budget);
                    reference::minimum(case.objective.as_ref(), budget).unwrap_or(f64::INFINITY)
                })
            })
            .collect();
        let shown = plan.shown_cases();
        let runs: Vec<Run> = (0..plan.cases.len() * per_case)
            .into_par_iter()
            .map(|job| {
                let (case, rest) = (job / per_case, job % per_case);
                let (rate, method) = (rest / plan.methods.len(), rest % plan.methods.len());
                let run = plan.run(case, rate, method, shown.contains(&case));
                progress.inc(1);
                run
            })
            .collect::<Result<_>>()?;
        for run in &runs {
            if known[run.case].is_none() {
                minima[run.case] = minima[run.case].min(run.best_value);
            }
        }
        Ok(Self { plan, runs, minima })
    }

    /// The gap of a run.
    pub fn gap(&self, run: &Run) -> f64 {
        run.log10_gap(self.minima[run.case])
    }

    /// The family of a run's instance.
    pub fn family(&self, run: &Run) -> &str {
        self.plan.cases[run.case].objective.family()
    }

    /// The runs of one method, in the order of cases and start rates.
    pub fn of_method(&self, method: usize) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.method == method)
    }
}

impl Plan {
    /// The families, in the order in which they come.
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = Vec::new();
        for case in &self.cases {
            if !families.contains(&case.objective.family()) {
                families.push(case.objective.family());
            }
        }
        families
    }

    /// The seeds, in order.
    pub fn seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.cases.iter().map(|case| case.seed).collect();
        seeds.dedup();
        seeds
    }

    /// The instances whose rates are drawn: the first one of each of the first four families.
    pub fn shown_cases(&self) -> Vec<usize> {
        let first = |family: &&str| {
            self.cases
                .iter()
                .position(|c| c.objective.family() == *family)
        };
        self.families().iter().take(4).filter_map(first).collect()
    }

    fn run(&self, case: usize, rate: usize, method: usize, shown: bool) -> Result<Run> {
        if !self.methods[method].oracle() {
            return self.run_from(self.start_rates[rate].0, case, rate, method, shown);
        }
        let Case { objective, .. } = &self.cases[case];
        let mut evaluations = Evaluations::default();
        let mut seconds = 0.0;
        let mut failed = true;
        let mut best: Option<Run> = None;
        for constant in constant_rates() {
            let tried = self.run_from(StartRate::Given(constant), case, rate, method, shown)?;
            evaluations.values += tried.evaluations.values;
            evaluations.gradients += tried.evaluations.gradients;
            seconds += tried.seconds;
            failed &= tried.failed;
            if best
                .as_ref()
                .is_none_or(|best| tried.best_value < best.best_value)
            {
                best = Some(Run {
                    best_rate: Some(constant),
                    ..tried
                });
            }
        }
        let best = best.context("there is no constant rate to try")?;
        let start_rate = self.start_rates[rate].0;
        Ok(Run {
            evaluations,
            seconds,
            failed,
            start_rate: resolve(start_rate, objective.as_ref()),
            ..best
        })
    }

    fn run_from(
        &self,
        start: StartRate,
        case: usize,
        rate: usize,
        method: usize,
        shown: bool,
    ) -> Result<Run> {
        let Case { seed, objective } = &self.cases[case];
        let run_name = format!("{}/{}", objective.name(), self.start_rates[rate]);
        let mut controller = self.methods[method].controller(start, *seed, &run_name)?;
        let settings = DeterministicSettings {
            budget: self.budget,
            start_rate: start,
            trace: true,
            ..Default::default()
        };
        let clock = Instant::now();
        let mut episode = DeterministicEpisode::start(objective.clone(), settings, &controller);
        let record = run(&mut episode, &mut controller);
        let seconds = clock.elapsed().as_secs_f64();
        let mut improvements = vec![(2, record.start_value)];
        for step in &record.trace {
            if improvements
                .last()
                .is_none_or(|(_, least)| step.best_value < *least)
            {
                improvements.push((step.cost as u64, step.best_value));
            }
        }
        let accepted = record.trace.iter().filter(|step| shown && step.accepted);
        Ok(Run {
            case,
            rate,
            method,
            start_rate: episode.observation().start_rate,
            evaluations: record.evaluations,
            start_value: record.start_value,
            best_value: record.best_value,
            end: record.end,
            failed: record.failed(),
            best_rate: None,
            test_score: objective.test_score(episode.best_point()),
            improvements,
            rates: accepted.map(|step| (step.cost as u64, step.rate)).collect(),
            seconds,
        })
    }
}

/// α₀ at the start of a problem.
fn resolve(start: StartRate, objective: &dyn Objective) -> f64 {
    let mut gradient = vec![0.0; objective.dimension()];
    objective.gradient(&objective.start(), &mut gradient);
    start.resolve(objective.start_rate(), &gradient)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::compare::method::parse_all;
    use qstride_objectives::suite::suite;

    pub fn compare(names: &str, methods: &str, rates: &str, budget: u64) -> Comparison {
        let words: Vec<String> = methods.split(',').map(str::to_owned).collect();
        let objectives = suite(names, 0, 2).unwrap();
        let plan = Plan {
            problems: names.to_owned(),
            cases: objectives
                .into_iter()
                .map(|objective| Case { seed: 0, objective })
                .collect(),
            methods: parse_all(&words).unwrap(),
            start_rates: rates
                .split(',')
                .map(|r| StartRateWord::parse(r).unwrap())
                .collect(),
            budget,
        };
        Comparison::run(plan, Some(2), &ProgressBar::hidden()).unwrap()
    }

    /// The mean of each classic method over the 200 instances, by an independent implementation.
    #[test]
    fn classic_methods_agree_with_the_golden_scores() {
        let golden: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../../../tests/golden/peer200_scores.json"))
                .unwrap();
        let columns = [
            ("armijo", "armijo_r1"),
            ("armijo-warm", "armijo_w2"),
            ("gll", "gll_r1"),
            ("gll-warm", "gll_w2"),
            ("armijo-bb", "armijo_bb"),
            ("gll-bb", "gll_bb"),
            ("best-constant", "const_best_per_instance"),
        ];
        let methods = columns.map(|(method, _)| method).join(",");
        let comparison = compare("peer200", &methods, "auto", 202);
        for (index, (method, column)) in columns.iter().enumerate() {
            let mean = comparison
                .of_method(index)
                .map(|run| comparison.gap(run))
                .sum::<f64>()
                / 200.0;
            let wanted = golden
                .iter()
                .map(|row| row[*column].as_f64().unwrap())
                .sum::<f64>()
                / 200.0;
            assert!(
                (mean - wanted).abs() < 0.05,
                "{method}: {mean} instead of {wanted}"
            );
        }
        // The oracle agrees on every single instance: its twelve rates are those of the golden scores.
        for (run, row) in comparison.of_method(6).zip(&golden) {
            let wanted = row["const_best_per_instance"].as_f64().unwrap();
            assert!(
                (comparison.gap(run) - wanted).abs() < 2e-3,
                "{}",
                row["name"]
            );
            assert!(run.evaluations.values + run.evaluations.gradients <= 12 * 202);
        }
    }

    #[test]
    fn nobody_spends_more_than_the_budget_and_order_is_fixed() {
        let comparison = compare(
            "quadratic,booth",
            "armijo,random:proposals,untrained:wide",
            "auto,1e-3",
            40,
        );
        assert_eq!(comparison.runs.len(), 3 * 2 * 3);
        for (index, run) in comparison.runs.iter().enumerate() {
            assert!(run.evaluations.values + run.evaluations.gradients <= 40);
            assert_eq!(
                (run.case, run.rate, run.method),
                (index / 6, index / 3 % 2, index % 3)
            );
            assert_eq!(run.improvements[0], (2, run.start_value));
            assert_eq!(run.improvements.last().unwrap().1, run.best_value);
        }
    }

    #[test]
    fn costs_and_values_along_a_run() {
        let run = Run {
            start_value: 101.0,
            best_value: 1.5,
            improvements: vec![(2, 101.0), (3, 11.0), (9, 1.5)],
            ..compare("booth", "armijo", "auto", 10).runs.remove(0)
        };
        assert_eq!(
            (
                run.cost_to(0.1, 1.0),
                run.cost_to(0.05, 1.0),
                run.cost_to(1e-3, 1.0)
            ),
            (Some(3), Some(9), None)
        );
        assert_eq!(
            (
                run.value_at(1),
                run.value_at(3),
                run.value_at(8),
                run.value_at(99)
            ),
            (101.0, 11.0, 11.0, 1.5)
        );
        assert!((run.log10_gap(1.0) - 0.005f64.log10()).abs() < 1e-12);
    }
}
