//! The results as a table, as JSON and as CSV.

use anyhow::Result;
use serde::Serialize;

use super::summary::Summary;
use super::sweep::{Run, Sweep};
use crate::table::{Table, count};

/// One run, flat. A loss that is not finite is null in JSON.
#[derive(Serialize)]
struct RunRow {
    schedule: &'static str,
    rate: Option<f64>,
    seed: u64,
    train_loss: f64,
    first_loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_r2: Option<f64>,
    diverged: bool,
    rollbacks: u64,
    seconds_per_step: f64,
    steps: u64,
}

/// One schedule at one rate over all seeds.
#[derive(Serialize)]
struct SummaryRow {
    schedule: &'static str,
    rate: Option<f64>,
    runs: usize,
    mean_train_loss: f64,
    geometric_mean_train_loss: f64,
    least_train_loss: f64,
    largest_train_loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_test_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_test_r2: Option<f64>,
    diverged: usize,
    rollbacks: u64,
    seconds_per_step: f64,
    tuned: bool,
}

/// Everything, as `--json` prints it.
#[derive(Serialize)]
struct Document<'a> {
    qstride: &'static str,
    data: &'a str,
    target: &'a str,
    model: String,
    optimizer: &'static str,
    /// Whether schedules that find their own rate have one.
    guard: bool,
    epochs: u64,
    batch: usize,
    test_share: f64,
    train_examples: usize,
    test_examples: usize,
    steps: u64,
    seeds: &'a [u64],
    planned_runs: usize,
    runs: Vec<RunRow>,
    summary: Vec<SummaryRow>,
    /// The index of the run whose model is saved.
    best: Option<usize>,
}

/// A sweep as text.
pub struct Report<'a> {
    sweep: &'a Sweep,
    summaries: &'a [Summary],
}

impl<'a> Report<'a> {
    /// A report on these runs.
    pub fn new(sweep: &'a Sweep, summaries: &'a [Summary]) -> Self {
        Self { sweep, summaries }
    }

    /// The score as accuracy and as R², of which one is there.
    fn scores(&self, score: f64) -> (Option<f64>, Option<f64>) {
        let classes = self.sweep.classifies();
        (classes.then_some(score), (!classes).then_some(score))
    }

    fn run(&self, run: &Run) -> RunRow {
        let (test_accuracy, test_r2) = self.scores(run.test_score);
        RunRow {
            schedule: run.schedule.name(),
            rate: run.rate,
            seed: run.seed,
            train_loss: run.train_loss,
            first_loss: run.first_loss,
            test_accuracy,
            test_r2,
            diverged: run.diverged(),
            rollbacks: run.rollbacks,
            seconds_per_step: run.seconds_per_step,
            steps: run.steps,
        }
    }

    fn summary(&self, summary: &Summary) -> SummaryRow {
        let (mean_test_accuracy, mean_test_r2) = self.scores(summary.test_score);
        SummaryRow {
            schedule: summary.schedule.name(),
            rate: summary.rate,
            runs: summary.runs,
            mean_train_loss: summary.mean,
            geometric_mean_train_loss: summary.geometric_mean,
            least_train_loss: summary.least,
            largest_train_loss: summary.largest,
            mean_test_accuracy,
            mean_test_r2,
            diverged: summary.diverged,
            rollbacks: summary.rollbacks,
            seconds_per_step: summary.seconds_per_step,
            tuned: summary.tuned,
        }
    }

    /// One JSON object.
    ///
    /// # Errors
    /// None that a sweep could cause.
    pub fn json(&self) -> Result<String> {
        let (sweep, plan) = (self.sweep, &self.sweep.plan);
        let document = Document {
            qstride: env!("CARGO_PKG_VERSION"),
            data: plan.data.name(),
            target: plan.data.target_name(),
            model: plan.model.to_string(),
            optimizer: plan.optimizer.name(),
            guard: plan.guard,
            epochs: plan.epochs,
            batch: plan.batch,
            test_share: plan.test_share,
            train_examples: sweep.train_examples,
            test_examples: sweep.test_examples,
            steps: sweep.steps,
            seeds: &plan.seeds,
            planned_runs: sweep.planned(),
            runs: sweep.runs.iter().map(|run| self.run(run)).collect(),
            summary: self.summaries.iter().map(|s| self.summary(s)).collect(),
            best: sweep.best.as_ref().map(|best| best.run),
        };
        Ok(serde_json::to_string_pretty(&document)?)
    }

    /// The runs as CSV with a header.
    ///
    /// # Errors
    /// None that a sweep could cause.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for run in &self.sweep.runs {
            writer.serialize(self.run(run))?;
        }
        Ok(writer.into_inner()?)
    }

    /// The heading, the table, and the best run.
    pub fn text(&self) -> String {
        format!(
            "{}\n\n{}{}",
            self.heading(),
            self.table().text(),
            self.best()
        )
    }

    fn heading(&self) -> String {
        let (sweep, plan) = (self.sweep, &self.sweep.plan);
        format!(
            "{} of {}, {} with {}: {} to train on, {} to test on, batch {}, {}, {}",
            plan.data.target_name(),
            plan.data.name(),
            plan.model,
            plan.optimizer,
            sweep.train_examples,
            sweep.test_examples,
            plan.batch,
            count(plan.epochs as usize, "epoch", "epochs"),
            count(sweep.steps as usize, "step", "steps"),
        )
    }

    fn table(&self) -> Table {
        let test = if self.sweep.classifies() {
            "test accuracy"
        } else {
            "test R2"
        };
        let header = [
            "schedule",
            "rate",
            "train loss",
            "least",
            "largest",
            test,
            "diverged",
            "rollbacks",
            "ms/step",
        ];
        let row = |s: &Summary| {
            let tuned = if s.tuned { " tuned" } else { "" };
            vec![
                format!("{}{tuned}", s.schedule),
                rate_label(s.rate),
                loss_label(s.geometric_mean),
                loss_label(s.least),
                loss_label(s.largest),
                loss_label(s.test_score),
                format!("{}/{}", s.diverged, s.runs),
                s.rollbacks.to_string(),
                format!("{:.3}", 1e3 * s.seconds_per_step),
            ]
        };
        let seeds = self.sweep.plan.seeds.len();
        let title = match seeds {
            1 => format!("seed {}", self.sweep.plan.seeds[0]),
            n => format!("{n} seeds; the train loss is their geometric mean"),
        };
        let header = header.map(str::to_owned).to_vec();
        Table::new(title, header, self.summaries.iter().map(row).collect())
    }

    fn best(&self) -> String {
        match &self.sweep.best {
            None => "no run ended below its first loss: no model is kept\n".to_owned(),
            Some(best) => {
                let run = &self.sweep.runs[best.run];
                format!(
                    "least train loss: {} at {}, seed {}\n",
                    run.schedule,
                    rate_label(run.rate),
                    run.seed
                )
            }
        }
    }
}

/// A rate with three digits, such as 3.16e-2; `auto` where the schedule finds its own.
pub fn rate_label(rate: Option<f64>) -> String {
    let Some(rate) = rate else {
        return "auto".to_owned();
    };
    let text = format!("{rate:.2e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e{exponent}")
}

/// Four decimals, or three digits where these would say nothing.
fn loss_label(loss: f64) -> String {
    match loss.abs() {
        0.0 => "0".to_owned(),
        1e-2..1e4 => format!("{loss:.4}"),
        _ if loss.is_nan() => "not finite".to_owned(),
        _ => format!("{loss:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_by_hand() {
        assert_eq!(rate_label(Some(1e-3)), "1e-3");
        assert_eq!(rate_label(Some(10f64.powf(-1.5))), "3.16e-2");
        assert_eq!(rate_label(Some(10.0)), "1e1");
        assert_eq!(rate_label(None), "auto");
        assert_eq!(loss_label(0.02346), "0.0235");
        assert_eq!(loss_label(-3.4e-5), "-3.40e-5");
        assert_eq!(loss_label(f64::NAN), "not finite");
        assert_eq!(
            (loss_label(0.0), loss_label(f64::INFINITY)),
            ("0".into(), "inf".into())
        );
    }
}
