//! Runs every method on every problem from every start rate, on all cores, in an order that depends on nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use qstride_control::Evaluations;
use rayon::prelude::*;

use super::journal::{Header, Journal};
use super::method::Limits;
use super::plan::{Job, Plan, Start};
use super::reference;
use super::run::{Outcome, Run, sum};

/// L-BFGS gets this many times the budget to find an unknown f*.
const REFERENCE_BUDGETS: u64 = 10;

/// A plan and what came of it.
pub struct Comparison {
    /// What was run.
    pub plan: Plan,
    /// Case by case, within it start rate by start rate, within it method by method.
    pub runs: Vec<Run>,
    /// f* of each case: the known one; else the least of what L-BFGS and the methods found, so that no gap is negative. In training 0,
    /// below which no loss can fall.
    pub minima: Vec<f64>,
}

/// How a comparison is carried out.
pub struct Carrying<'a> {
    /// As many threads, or as many as there are cores.
    pub threads: Option<usize>,
    /// What shows how far it is.
    pub progress: &'a ProgressBar,
    /// Raised when no further run is to begin.
    pub interrupted: &'a AtomicBool,
    /// Where what is done is kept, if anywhere, and whether it goes on.
    pub journal: Option<(&'a Path, Begin)>,
    /// The words of the command.
    pub command: &'a str,
}

/// Whether a journal is begun or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// A new one.
    Anew,
    /// An old one goes on.
    Resumed,
}

impl Comparison {
    /// Carries out the plan; none where it was interrupted.
    ///
    /// # Errors
    /// When threads cannot be started, a controller not be made, or the journal not be written or resumed.
    pub fn run(plan: Plan, how: &Carrying<'_>) -> Result<Option<Self>> {
        let jobs = plan.jobs();
        let (journal, done) = open_journal(&plan, how, jobs.len())?;
        how.progress
            .set_length((plan.unknown_minima() + jobs.len()) as u64);
        // The reference values stand before the first method runs.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(how.threads.unwrap_or(0))
            .build()
            .context("the threads cannot be started")?;
        let minima = pool.install(|| references(&plan, how));
        if how.interrupted.load(Ordering::SeqCst) {
            return Ok(None);
        }
        how.progress.inc(done.iter().flatten().count() as u64);
        how.progress.reset_eta();
        let shown = plan.shown_cases();
        let outcomes = work_off(how, done, |number| {
            let outcome = plan.carry_out(jobs[number], &shown)?;
            if let Some(journal) = &journal {
                journal.add(number, &outcome)?;
            }
            how.progress.inc(1);
            Ok(outcome)
        })?;
        let Some(outcomes) = outcomes.into_iter().collect::<Option<Vec<Outcome>>>() else {
            return Ok(None);
        };
        Ok(Some(Self::assemble(plan, &jobs, outcomes, minima)))
    }

    /// Puts outcomes in their places, the best rate of each grid chosen.
    fn assemble(plan: Plan, jobs: &[Job], outcomes: Vec<Outcome>, mut minima: Vec<f64>) -> Self {
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            let known = plan.training() || plan.cases[job.case].objective().minimum().is_some();
            if !known && outcome.value < minima[job.case] {
                minima[job.case] = outcome.value;
            }
        }
        let mut of: BTreeMap<(usize, usize), Vec<(Start, Outcome)>> = BTreeMap::new();
        for (job, outcome) in jobs.iter().zip(outcomes) {
            let place = of.entry((job.case, job.method)).or_default();
            place.push((job.start, outcome));
        }
        let chosen = choose_rates(&plan, &of, &minima);
        let mut runs = Vec::new();
        for case in 0..plan.cases.len() {
            for rate in 0..plan.start_rates.len() {
                for method in 0..plan.methods.len() {
                    let Some(here) = of.get(&(case, method)) else {
                        continue;
                    };
                    let choice = chosen.get(&(plan.tuning_group(case), method)).copied();
                    let asked = |(start, _): &&(Start, Outcome)| *start == Start::Asked(rate);
                    let index = match choice {
                        Some(index) => index,
                        // A method that takes no start rate ran once.
                        None => here.iter().position(|run| asked(&run)).unwrap_or(0),
                    };
                    let others = here
                        .iter()
                        .enumerate()
                        .filter(|(i, _)| choice.is_some() && *i != index);
                    let tuning = others.fold(Evaluations::default(), |spent, (_, (_, outcome))| {
                        sum(spent, outcome.evaluations)
                    });
                    let (start, outcome) = &here[index];
                    runs.push(Run {
                        case,
                        rate,
                        method,
                        outcome: outcome.clone(),
                        chosen_rate: match start {
                            Start::Grid(rate) => Some(*rate),
                            Start::Asked(_) => None,
                        },
                        tuning,
                    });
                }
            }
        }
        Self { plan, runs, minima }
    }

    /// The score of a run.
    pub fn score(&self, run: &Run) -> f64 {
        run.score(self.minima[run.case])
    }

    /// The family of a run's instance.
    pub fn family(&self, run: &Run) -> &str {
        self.plan.cases[run.case].family()
    }

    /// The runs of one method, in the order of cases and start rates.
    pub fn of_method(&self, method: usize) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.method == method)
    }

    /// The score of each case, the mean over start rates.
    pub fn case_scores(&self, method: usize) -> Vec<f64> {
        self.case_means(method, |run| self.score(run))
    }

    /// The same with failures behind everything else, for ranks and tests.
    pub fn case_grades(&self, method: usize) -> Vec<f64> {
        self.case_means(method, |run| run.graded(self.minima[run.case]))
    }

    /// The score on held-out data of each case, the mean over start rates; higher is better, a model that was lost is the worst there is.
    /// None where a case has no such data.
    pub fn case_test_scores(&self, method: usize) -> Option<Vec<f64>> {
        let scored = |run: &Run| run.outcome.test_score.is_some();
        self.of_method(method).all(scored).then(|| {
            self.case_means(method, |run| {
                let score = run.outcome.test_score.filter(|score| !score.is_nan());
                score.unwrap_or(f64::NEG_INFINITY)
            })
        })
    }

    fn case_means(&self, method: usize, of: impl Fn(&Run) -> f64) -> Vec<f64> {
        let rates = self.plan.start_rates.len() as f64;
        let mut means = vec![0.0; self.plan.cases.len()];
        for run in self.of_method(method) {
            means[run.case] += of(run) / rates;
        }
        means
    }

    /// The cost at which a run first got within `tolerance`, in units.
    pub fn cost_to(&self, run: &Run, tolerance: f64) -> Option<f64> {
        let cost = run.cost_to(tolerance, self.minima[run.case])?;
        Some(cost as f64 / self.plan.unit(run.case))
    }
}

/// f* of each case where it is known; by L-BFGS where it is not. After an interruption no further one is looked for.
fn references(plan: &Plan, how: &Carrying<'_>) -> Vec<f64> {
    let cases = plan.cases.par_iter().zip(&plan.limits);
    let minima = cases.map(|(case, limits)| {
        let Limits::Evaluations(budget) = limits else {
            return 0.0;
        };
        let objective = case.objective();
        objective.minimum().unwrap_or_else(|| {
            if how.interrupted.load(Ordering::SeqCst) {
                return f64::INFINITY;
            }
            how.progress.inc(1);
            let budget = REFERENCE_BUDGETS.saturating_mul(*budget);
            reference::minimum(objective.as_ref(), budget).unwrap_or(f64::INFINITY)
        })
    });
    minima.collect()
}

/// The outcome of each job, those that are done already left as they are; none where it was interrupted before.
///
/// Each thread is a pool of its own: what is parallel inside a job, as Burn's tensors are, stays on the job's thread, which is faster
/// where jobs are many, and no job begins inside another one that waits.
fn work_off(
    how: &Carrying<'_>,
    done: Vec<Option<Outcome>>,
    carry_out: impl Fn(usize) -> Result<Outcome> + Sync,
) -> Result<Vec<Option<Outcome>>> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = how.threads.unwrap_or_else(cores).min(done.len()).max(1);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(done);
    let lock = || outcomes.lock().unwrap_or_else(|e| e.into_inner());
    let work = || -> Result<()> {
        while !how.interrupted.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            match lock().get(number) {
                None => break,
                Some(Some(_)) => continue,
                Some(None) => {}
            }
            // A fault ends the others too: their jobs would be in vain.
            let outcome =
                carry_out(number).inspect_err(|_| next.store(usize::MAX / 2, Ordering::SeqCst))?;
            lock()[number] = Some(outcome);
        }
        Ok(())
    };
    let pools: Vec<rayon::ThreadPool> = (0..threads)
        .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<_, _>>()
        .context("the threads cannot be started")?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = pools
            .iter()
            .map(|pool| scope.spawn(|| pool.install(work)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    Ok(outcomes.into_inner().unwrap_or_else(|e| e.into_inner()))
}

/// The index of the best rate of each grid, by tuning group and method: the least mean of the ranked scores, a failure being worse
/// than anything.
fn choose_rates(
    plan: &Plan,
    of: &BTreeMap<(usize, usize), Vec<(Start, Outcome)>>,
    minima: &[f64],
) -> BTreeMap<(String, usize), usize> {
    let mut totals: BTreeMap<(String, usize), Vec<f64>> = BTreeMap::new();
    for (&(case, method), here) in of {
        if plan.methods[method].grid().is_none() {
            continue;
        }
        let totals = totals.entry((plan.tuning_group(case), method)).or_default();
        totals.resize(here.len(), 0.0);
        for (total, (_, outcome)) in totals.iter_mut().zip(here) {
            // By the value itself: scores end at a floor, below which rates would be equal.
            let gap = (outcome.value - minima[case]) / (outcome.start_value - minima[case]);
            *total += if gap.is_finite() && (!plan.training() || !outcome.failed) {
                gap.max(f64::MIN_POSITIVE).log10()
            } else {
                f64::INFINITY
            };
        }
    }
    let least = |totals: Vec<f64>| {
        let mut best = 0;
        for (index, total) in totals.iter().enumerate() {
            if *total < totals[best] {
                best = index;
            }
        }
        best
    };
    totals
        .into_iter()
        .map(|(group, totals)| (group, least(totals)))
        .collect()
}

fn open_journal(
    plan: &Plan,
    how: &Carrying<'_>,
    jobs: usize,
) -> Result<(Option<Journal>, Vec<Option<Outcome>>)> {
    let nothing = vec![None; jobs];
    let Some((folder, begin)) = how.journal else {
        return Ok((None, nothing));
    };
    let header = Header {
        program: super::PROGRAM.to_owned(),
        command: how.command.to_owned(),
        fingerprint: plan.fingerprint(),
        jobs,
    };
    match begin {
        Begin::Anew => Ok((Some(Journal::begin(folder, &header)?), nothing)),
        Begin::Resumed => {
            let (journal, done) = Journal::resume(folder, &header)?;
            Ok((Some(journal), done))
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::compare::recipe::Recipe;
    use crate::compare::start_rate::StartRateWord;

    /// A comparison in memory.
    pub fn compare(recipe: &Recipe) -> Comparison {
        let how = Carrying {
            threads: Some(2),
            progress: &ProgressBar::hidden(),
            interrupted: &AtomicBool::new(false),
            journal: None,
            command: "",
        };
        let plan = Plan::new(recipe).unwrap();
        Comparison::run(plan, &how).unwrap().unwrap()
    }

    /// The recipe of a comparison on a suite, two instances a family.
    pub fn on_suite(names: &str, methods: &str, rates: &str, budget: u64) -> Recipe {
        let mut recipe = Recipe {
            methods: methods.split(',').map(str::to_owned).collect(),
            start_rates: rates
                .split(',')
                .map(|r| StartRateWord::parse(r).unwrap())
                .collect(),
            budget,
            ..Default::default()
        };
        recipe.problems.suite = names.to_owned();
        recipe.problems.per_family = 2;
        recipe
    }

    /// The recipe of a comparison in training, two epochs of the digits; models by `;`.
    pub fn on_digits(models: &str, methods: &str, rates: &str, seeds: u64) -> Recipe {
        let mut recipe = on_suite("", methods, rates, 202);
        recipe.problems.data = Some("digits".into());
        recipe.problems.model = models.split(';').map(str::to_owned).collect();
        recipe.epochs = Some(2);
        recipe.seeds = seeds;
        recipe
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
        let comparison = compare(&on_suite("peer200", &methods, "auto", 202));
        for (index, (method, column)) in columns.iter().enumerate() {
            let mean = comparison
                .of_method(index)
                .map(|run| comparison.score(run))
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
                (comparison.score(run) - wanted).abs() < 2e-3,
                "{}",
                row["name"]
            );
            assert!(run.total().cost(1.0) <= 12.0 * 202.0 && run.chosen_rate.is_some());
        }
    }

    #[test]
    fn nobody_spends_more_than_the_budget_and_order_is_fixed() {
        let methods = "armijo,random:proposals,untrained:wide";
        let comparison = compare(&on_suite("quadratic,booth", methods, "auto,1e-3", 40));
        assert_eq!(comparison.runs.len(), 3 * 2 * 3);
        for (index, run) in comparison.runs.iter().enumerate() {
            let outcome = &run.outcome;
            assert!(outcome.evaluations.cost(1.0) <= 40.0);
            assert_eq!(
                (run.case, run.rate, run.method),
                (index / 6, index / 3 % 2, index % 3)
            );
            assert_eq!(outcome.curve[0], (2, outcome.start_value));
            assert_eq!(outcome.curve.last().unwrap().1, outcome.value);
        }
    }

    #[test]
    fn a_tuned_method_gets_the_best_rate_of_all_seeds_and_pays_for_all() {
        let grid = "1e-3,3.1622776601683795e-3,1e-2,3.1622776601683795e-2,1e-1,3.1622776601683795e-1,1,3.1622776601683795,10";
        let tuned = compare(&on_digits("softmax", "tuned:sgd", "auto", 2));
        let single = compare(&on_digits("softmax", "sgd", grid, 2));
        let mean = |rate: usize| {
            let runs = single.runs.iter().filter(|run| run.rate == rate);
            runs.map(|run| single.score(run)).sum::<f64>()
        };
        let best = (0..9).min_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap();
        let wanted: Vec<&Run> = single.runs.iter().filter(|run| run.rate == best).collect();
        assert_eq!(tuned.runs.len(), 2);
        for (run, wanted) in tuned.runs.iter().zip(wanted) {
            assert_eq!(run.outcome.value.to_bits(), wanted.outcome.value.to_bits());
            assert_eq!(run.chosen_rate, Some(wanted.outcome.start_rate));
            // 1,347 samples are 43 minibatches of 32.
            assert_eq!(run.outcome.evaluations.cost(1.0), 2.0 * 2.0 * 43.0);
            assert_eq!(run.total().cost(1.0), 9.0 * 2.0 * 2.0 * 43.0);
            assert_eq!(tuned.plan.unit(run.case), 2.0 * 43.0);
        }
    }

    #[test]
    fn what_takes_no_start_rate_runs_once_and_stands_at_each() {
        let recipe = on_digits("softmax", "dog,sgd,rule:adam", "1e-2,1", 1);
        assert_eq!(Plan::new(&recipe).unwrap().jobs().len(), 5);
        let comparison = compare(&recipe);
        let values = |method| -> Vec<f64> {
            comparison
                .of_method(method)
                .map(|run| run.outcome.value)
                .collect()
        };
        assert_eq!(comparison.runs.len(), 6);
        assert_eq!(values(0)[0], values(0)[1]);
        assert_ne!(values(1)[0], values(1)[1]);
        for run in &comparison.runs {
            assert!(run.outcome.test_score.unwrap() > 0.7 && !run.outcome.failed);
            let (cost, loss) = run.outcome.curve[0];
            assert!(cost == 0 && (loss - 10f64.ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn at_equal_cost_a_line_search_takes_fewer_steps() {
        let spent = |equal| {
            let recipe = Recipe {
                equal,
                ..on_digits("softmax", "sls,sgd", "auto", 1)
            };
            let comparison = compare(&recipe);
            let costs = comparison
                .runs
                .iter()
                .map(|run| run.outcome.evaluations.cost(1.0));
            costs.collect::<Vec<f64>>()
        };
        let (passes, cost) = (
            spent(super::super::recipe::Equal::Passes),
            spent(super::super::recipe::Equal::Cost),
        );
        assert!(
            passes[0] > passes[1] + 40.0 && passes[1] == 172.0,
            "{passes:?}"
        );
        assert!(
            cost[0] >= 172.0 && cost[0] < 180.0 && cost[1] == 172.0,
            "{cost:?}"
        );
    }

    #[test]
    fn a_fingerprint_is_that_of_problems_methods_and_budgets() {
        let of = |recipe: &Recipe| Plan::new(recipe).unwrap().fingerprint();
        let recipe = on_suite("booth,quadratic", "gll", "auto", 40);
        assert_eq!(of(&recipe), of(&recipe));
        for other in [
            on_suite("booth,quadratic", "gll-bb", "auto", 40),
            on_suite("booth,quadratic", "gll", "1", 40),
            on_suite("booth,quadratic", "gll", "auto", 41),
            Recipe {
                seed: 1,
                ..recipe.clone()
            },
        ] {
            assert_ne!(of(&recipe), of(&other));
        }
    }
}
