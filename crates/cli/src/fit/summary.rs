//! What the seeds of each schedule and rate come to.

use super::schedule::ScheduleKind;
use super::sweep::{Run, Sweep};

/// One schedule at one rate over all seeds. A loss that is not finite makes the means so too.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The schedule.
    pub schedule: ScheduleKind,
    /// Its rate, where one was given.
    pub rate: Option<f64>,
    /// How many runs.
    pub runs: usize,
    /// The arithmetic mean of the train losses.
    pub mean: f64,
    /// The geometric mean of them.
    pub geometric_mean: f64,
    /// The least of them.
    pub least: f64,
    /// The largest of them.
    pub largest: f64,
    /// The mean of the test scores.
    pub test_score: f64,
    /// How many runs have diverged.
    pub diverged: usize,
    /// Rollbacks in all runs together.
    pub rollbacks: u64,
    /// The mean wall time of a step.
    pub seconds_per_step: f64,
    /// Whether no other rate of this schedule has a lower mean of log train loss; false where there is only one.
    pub tuned: bool,
}

/// One summary a schedule and rate, in the order of the plan, less those without a run.
pub fn summaries(sweep: &Sweep) -> Vec<Summary> {
    let all = sweep.plan.schedules.iter();
    let mut summaries: Vec<Summary> = all
        .map(|&(schedule, rate)| (schedule, rate, sweep.of(schedule, rate)))
        .filter(|(_, _, runs)| !runs.is_empty())
        .map(|(schedule, rate, runs)| summary(schedule, rate, &runs))
        .collect();
    for i in best_of_each(&summaries) {
        let schedule = summaries[i].schedule;
        let rates = summaries.iter().filter(|s| s.schedule == schedule).count();
        summaries[i].tuned = rates > 1;
    }
    summaries
}

/// For each schedule the index of its best rate.
pub fn best_of_each(summaries: &[Summary]) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::new();
    for (i, summary) in summaries.iter().enumerate() {
        let rival = best
            .iter()
            .position(|&b| summaries[b].schedule == summary.schedule);
        match rival {
            None => best.push(i),
            Some(r) if loss_key(summary) < loss_key(&summaries[best[r]]) => best[r] = i,
            Some(_) => {}
        }
    }
    best
}

/// What is not finite comes last.
fn loss_key(summary: &Summary) -> f64 {
    if summary.geometric_mean.is_finite() {
        summary.geometric_mean
    } else {
        f64::INFINITY
    }
}

fn summary(schedule: ScheduleKind, rate: Option<f64>, runs: &[&Run]) -> Summary {
    let mean =
        |of: &dyn Fn(&Run) -> f64| runs.iter().map(|run| of(run)).sum::<f64>() / runs.len() as f64;
    // Not f64::min and f64::max, which would pass over a NaN.
    let extreme = |replaces: fn(f64, f64) -> bool| {
        let losses = runs.iter().map(|run| run.train_loss);
        losses.reduce(|a, b| if replaces(b, a) || b.is_nan() { b } else { a })
    };
    Summary {
        schedule,
        rate,
        runs: runs.len(),
        mean: mean(&|run| run.train_loss),
        geometric_mean: mean(&|run| run.train_loss.ln()).exp(),
        least: extreme(|b, a| b < a).unwrap_or(f64::NAN),
        largest: extreme(|b, a| b > a).unwrap_or(f64::NAN),
        test_score: mean(&|run| run.test_score),
        diverged: runs.iter().filter(|run| run.diverged()).count(),
        rollbacks: runs.iter().map(|run| run.rollbacks).sum(),
        seconds_per_step: mean(&|run| run.seconds_per_step),
        tuned: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::trace::Trace;

    fn run(train_loss: f64) -> Run {
        Run {
            schedule: ScheduleKind::Constant,
            rate: Some(0.1),
            seed: 0,
            first_loss: 2.0,
            train_loss,
            test_score: 0.5,
            rollbacks: 1,
            steps: 10,
            seconds_per_step: 1e-4,
            trace: Trace::new(10),
        }
    }

    fn of(losses: &[f64]) -> Summary {
        let runs: Vec<Run> = losses.iter().map(|loss| run(*loss)).collect();
        summary(
            ScheduleKind::Constant,
            Some(0.1),
            &runs.iter().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn means_and_ranges_by_hand() {
        let s = of(&[0.01, 1.0, 0.1]);
        assert!((s.mean - 0.37).abs() < 1e-15 && (s.geometric_mean - 0.1).abs() < 1e-15);
        assert_eq!((s.least, s.largest, s.runs), (0.01, 1.0, 3));
        assert_eq!((s.diverged, s.rollbacks), (0, 3));
    }

    #[test]
    fn a_loss_that_is_not_finite_shows() {
        let s = of(&[0.01, f64::NAN, 3.0]);
        assert!(s.mean.is_nan() && s.geometric_mean.is_nan());
        assert!(s.diverged == 2);
        let (good, bad, better) = (of(&[1.0]), of(&[f64::NAN]), of(&[0.5]));
        assert_eq!(best_of_each(&[bad.clone(), good.clone(), better]), [2]);
        assert_eq!(best_of_each(&[good, bad]), [0]);
    }
}
