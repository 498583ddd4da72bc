//! Each method beside tuned SGD, the bar of training tasks: how much loss it leaves, how often it gets there, from which start rates.

use anyhow::Result;
use qstride_objectives::Streams;
use qstride_statistics::{Bootstrap, mean, median};
use serde::Serialize;

use super::harness::Comparison;
use super::run::Run;
use super::start_rate::StartRateWord;
use super::summary::Between;

/// A run has recovered if its final loss is at most this many times that of tuned SGD on the same case.
pub const RECOVERED: f64 = 1.5;

/// One method beside tuned SGD. Ratios are geometric means of final losses over those of tuned SGD on the same case; a run that diverged
/// counts with its first loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BesideTunedSgd {
    /// The ratio over all runs; cases are resampled within tasks.
    pub ratio: Between,
    /// The share of the runs within [`RECOVERED`] times tuned SGD.
    pub recovered: f64,
    /// By task.
    pub tasks: Vec<Ratio<String>>,
    /// By start rate.
    pub start_rates: Vec<Ratio<StartRateWord>>,
    /// The ratio from the best, the median and the worst start rate.
    pub best_start: f64,
    /// See [`Self::best_start`].
    pub median_start: f64,
    /// See [`Self::best_start`].
    pub worst_start: f64,
}

/// The runs that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio<K> {
    /// What they have in common.
    pub of: K,
    /// The geometric mean of losses over those of tuned SGD.
    pub ratio: f64,
    /// The share within [`RECOVERED`] times tuned SGD.
    pub recovered: f64,
    /// How many diverged.
    pub failures: usize,
}

/// A run beside the bar.
struct Beside<'a> {
    run: &'a Run,
    /// log10 of the ratio.
    decades: f64,
    recovered: bool,
}

impl BesideTunedSgd {
    /// Of every method; none where the comparison has no tuned SGD, or trains nothing.
    ///
    /// # Errors
    /// None that a comparison could cause.
    pub fn of_all(comparison: &Comparison, bootstrap: Bootstrap) -> Result<Option<Vec<Self>>> {
        let plan = &comparison.plan;
        let bar = plan.methods.iter().position(|m| m.is_tuned_sgd());
        let Some(bar) = bar.filter(|_| plan.training()) else {
            return Ok(None);
        };
        // Tuned: the same from every start rate.
        let bars: Vec<&Run> = comparison.of_method(bar).filter(|r| r.rate == 0).collect();
        let of = |method| Self::of(comparison, method, &bars, bootstrap);
        (0..plan.methods.len())
            .map(of)
            .collect::<Result<_>>()
            .map(Some)
    }

    fn of(
        comparison: &Comparison,
        method: usize,
        bars: &[&Run],
        bootstrap: Bootstrap,
    ) -> Result<Self> {
        let plan = &comparison.plan;
        let all: Vec<Beside<'_>> = comparison
            .of_method(method)
            .map(|run| {
                let bar = bars[run.case];
                Beside {
                    run,
                    decades: comparison.score(run) - comparison.score(bar),
                    recovered: !run.outcome.failed
                        && run.outcome.value <= RECOVERED * bar.outcome.value,
                }
            })
            .collect();
        let by_case: Vec<f64> = (0..plan.cases.len())
            .map(|case| geometric(&all, &|run| run.case == case).log10())
            .collect();
        let strata: Vec<Vec<f64>> = plan
            .families()
            .into_iter()
            .map(|task| {
                let cases = by_case.iter().enumerate();
                let own = cases.filter(|(case, _)| plan.cases[*case].family() == task);
                own.map(|(_, decades)| *decades).collect()
            })
            .collect();
        let mut dice = Streams::new(0).stream("bootstrap/tuned sgd");
        let interval = bootstrap.interval(&strata, |v| mean(v), &mut dice)?;
        let start_rates: Vec<Ratio<StartRateWord>> = plan
            .start_rates
            .iter()
            .enumerate()
            .map(|(rate, word)| ratio(*word, &all, &|run| run.rate == rate))
            .collect();
        let mut starts: Vec<f64> = start_rates.iter().map(|start| start.ratio).collect();
        Ok(Self {
            ratio: Between::from(interval).powers_of_ten(),
            recovered: share(&all, &|_| true),
            tasks: plan
                .families()
                .into_iter()
                .map(|task| ratio(task.to_owned(), &all, &|run| comparison.family(run) == task))
                .collect(),
            best_start: starts.iter().copied().fold(f64::INFINITY, f64::min),
            worst_start: starts.iter().copied().fold(0.0, f64::max),
            median_start: median(&mut starts).unwrap_or(f64::NAN),
            start_rates,
        })
    }

    /// The largest ratio of a task.
    pub fn worst_task(&self) -> f64 {
        self.tasks.iter().map(|task| task.ratio).fold(0.0, f64::max)
    }
}

fn ratio<K>(of: K, all: &[Beside<'_>], has: &dyn Fn(&Run) -> bool) -> Ratio<K> {
    Ratio {
        of,
        ratio: geometric(all, has),
        recovered: share(all, has),
        failures: all
            .iter()
            .filter(|b| has(b.run) && b.run.outcome.failed)
            .count(),
    }
}

fn geometric(all: &[Beside<'_>], has: &dyn Fn(&Run) -> bool) -> f64 {
    let decades = all.iter().filter(|b| has(b.run)).map(|b| b.decades);
    10f64.powf(mean(&decades.collect::<Vec<f64>>()).unwrap_or(f64::NAN))
}

fn share(all: &[Beside<'_>], has: &dyn Fn(&Run) -> bool) -> f64 {
    let recovered = all.iter().filter(|b| has(b.run));
    let recovered: Vec<f64> = recovered
        .map(|b| f64::from(u8::from(b.recovered)))
        .collect();
    mean(&recovered).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::harness::tests::{compare, on_digits, on_suite};

    #[test]
    fn ratios_and_shares_by_hand() {
        let methods = "sgd,tuned:sgd,dog,adam";
        let comparison = compare(&on_digits("softmax;mlp:8", methods, "1e-6,1", 2));
        let bootstrap = Bootstrap::new(0.95, 200).unwrap();
        let all = BesideTunedSgd::of_all(&comparison, bootstrap)
            .unwrap()
            .unwrap();
        let loss = |method: usize, case: usize, rate: usize| {
            let runs = comparison.of_method(method);
            let mut runs = runs.filter(|run| run.case == case && run.rate == rate);
            runs.next().unwrap().outcome.value
        };
        let sgd = &all[0];
        // Four cases, two start rates: a hopeless one, and one of the best.
        let decades = |rate| {
            let cases = (0..4).map(|case| (loss(0, case, rate) / loss(1, case, 0)).log10());
            cases.sum::<f64>() / 4.0
        };
        let starts = [decades(0), decades(1)].map(|d| 10f64.powf(d));
        assert!((sgd.worst_start / starts[0] - 1.0).abs() < 1e-9 && starts[0] > 4.0);
        assert!((sgd.best_start / starts[1] - 1.0).abs() < 1e-9);
        assert!((sgd.ratio.estimate / (starts[0] * starts[1]).sqrt() - 1.0).abs() < 1e-9);
        assert!(sgd.ratio.low <= sgd.ratio.estimate && sgd.ratio.estimate <= sgd.ratio.high);
        let near = |rate| {
            let cases = (0..4).filter(|case| loss(0, *case, rate) <= RECOVERED * loss(1, *case, 0));
            cases.count() as f64 / 4.0
        };
        assert_eq!((sgd.start_rates[0].recovered, near(0)), (0.0, 0.0));
        assert_eq!(sgd.start_rates[1].recovered, near(1));
        assert_eq!(sgd.recovered, near(1) / 2.0);
        assert_eq!(
            (sgd.tasks.len(), sgd.tasks[1].of.as_str()),
            (2, "digits/mlp:8:tanh")
        );
        assert!(sgd.worst_task() >= sgd.tasks[0].ratio);
        // The bar beside itself, and a method that takes no start rate.
        assert!((all[1].ratio.estimate - 1.0).abs() < 1e-12 && all[1].recovered == 1.0);
        assert_eq!(all[2].best_start, all[2].worst_start);
    }

    #[test]
    fn without_tuned_sgd_there_is_no_bar() {
        let bootstrap = Bootstrap::new(0.95, 200).unwrap();
        let exact = compare(&on_suite("booth", "tuned:sgd,fixed", "auto", 20));
        assert_eq!(BesideTunedSgd::of_all(&exact, bootstrap).unwrap(), None);
        let trained = compare(&on_digits("softmax", "sgd,tuned:adam", "auto", 1));
        assert_eq!(BesideTunedSgd::of_all(&trained, bootstrap).unwrap(), None);
    }
}
