//! Every schedule at every rate with every seed, on all cores, in an order that depends on nothing.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use qstride_agent::DeviceKind;
use qstride_objectives::dataset::{Dataset, Scaling};
use rayon::prelude::*;

use super::examples::Examples;
use super::model::{Architecture, Model, Network};
use super::optimizer::OptimizerKind;
use super::report::rate_label;
use super::schedule::{ScheduleKind, ScheduleSettings};
use super::trace::Trace;
use super::train::Training;

/// What is to be run.
pub struct Plan {
    /// The data.
    pub data: Dataset,
    /// The model.
    pub model: Model,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Schedules and rates; none for a schedule that finds its own.
    pub schedules: Vec<(ScheduleKind, Option<f64>)>,
    /// The shares of training at which step decay falls.
    pub step_at: Vec<f64>,
    /// What it then multiplies the rate by.
    pub step_factor: f64,
    /// The epochs without improvement that a plateau may last.
    pub patience: usize,
    /// What the rate is multiplied by when it has lasted longer.
    pub plateau_factor: f64,
    /// The checkpoint folder of the policy, where it is not the one that ships.
    pub policy: Option<PathBuf>,
    /// Whether schedules that find their own rate have a guard.
    pub guard: bool,
    /// The interval of gradient statistics for them; where it is not given, what the policy needs.
    pub gradients_every: Option<u64>,
    /// The folder of their audit logs, where they are wanted.
    pub audit: Option<PathBuf>,
    /// The master seeds; each splits the data, draws the initial weights and orders the examples.
    pub seeds: Vec<u64>,
    /// Passes over the training examples.
    pub epochs: u64,
    /// Examples of a batch.
    pub batch: usize,
    /// The share of the examples that is held out.
    pub test_share: f64,
    /// Where the numbers live.
    pub device: DeviceKind,
}

/// One training.
#[derive(Clone, Debug)]
pub struct Run {
    /// The schedule.
    pub schedule: ScheduleKind,
    /// Its rate, where one was given.
    pub rate: Option<f64>,
    /// The master seed.
    pub seed: u64,
    /// The loss of the first batch, before any step.
    pub first_loss: f64,
    /// The loss of all training examples after the last step.
    pub train_loss: f64,
    /// The accuracy, or R², of the test examples.
    pub test_score: f64,
    /// Times that a guard went back to an earlier state.
    pub rollbacks: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Wall time over steps.
    pub seconds_per_step: f64,
    /// Losses and rates on the way.
    pub trace: Trace,
}

impl Run {
    /// Whether training went wrong: the loss is not finite, or above that of the first batch.
    pub fn diverged(&self) -> bool {
        !(self.train_loss <= self.first_loss && self.train_loss.is_finite())
    }
}

/// The run with the least train loss, and its network.
pub struct Best {
    /// Index into [`Sweep::runs`].
    pub run: usize,
    /// How its examples were standardised.
    pub scaling: Scaling,
    /// The network after the last step.
    pub network: Network,
}

/// A plan and what came of it.
pub struct Sweep {
    /// What was to be run.
    pub plan: Plan,
    /// The model and its sizes.
    pub architecture: Architecture,
    /// Training examples of a run.
    pub train_examples: usize,
    /// Test examples of a run.
    pub test_examples: usize,
    /// Optimizer steps of a run.
    pub steps: u64,
    /// Schedule by schedule, rate by rate, seed by seed, less those that were interrupted.
    pub runs: Vec<Run>,
    /// None where every run has diverged.
    pub best: Option<Best>,
}

/// The data as one seed splits it.
struct Parts {
    train: Examples,
    test: Examples,
    scaling: Scaling,
}

/// The best network so far, of the job with this index.
struct Candidate {
    train_loss: f64,
    job: usize,
    network: Network,
}

impl Sweep {
    /// Carries out the plan on `threads` threads, or as many as there are cores; each run is on one. Interrupted runs are left
    /// out.
    ///
    /// # Errors
    /// A model that does not go with the data, too few rows, or when the threads cannot be started.
    pub fn run(
        plan: Plan,
        threads: Option<usize>,
        progress: &ProgressBar,
        interrupted: &AtomicBool,
    ) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .build()
            .context("the threads cannot be started")?;
        pool.install(|| Self::carry_out(plan, progress, interrupted))
    }

    fn carry_out(plan: Plan, progress: &ProgressBar, interrupted: &AtomicBool) -> Result<Self> {
        let architecture = plan.model.architecture(&plan.data)?;
        let parts: Vec<Parts> = plan
            .seeds
            .par_iter()
            .map(|seed| plan.split(*seed))
            .collect::<Result<_>>()?;
        let (train_examples, test_examples) = parts
            .first()
            .map_or((0, 0), |p| (p.train.len(), p.test.len()));
        let device = plan.device.device();
        let training = Training {
            architecture: &architecture,
            optimizer: plan.optimizer,
            epochs: plan.epochs,
            batch: plan.batch,
            device: &device,
            progress,
            interrupted,
        };
        let steps = training.steps(train_examples);
        let settings = plan.schedule_settings(steps);
        let jobs = Jobs {
            plan: &plan,
            parts: &parts,
            training,
            settings,
            best: Mutex::new(None),
        };
        let count = plan.schedules.len() * plan.seeds.len();
        progress.set_length(count as u64 * steps);
        let outcomes: Vec<Option<Run>> = (0..count)
            .into_par_iter()
            .with_max_len(1)
            .map(|job| jobs.run(job))
            .collect::<Result<_>>()?;
        let best = jobs.best.into_inner().unwrap_or_else(|e| e.into_inner());
        let best = best.map(|Candidate { job, network, .. }| Best {
            run: outcomes[..job].iter().flatten().count(),
            scaling: parts[job % parts.len()].scaling.clone(),
            network,
        });
        Ok(Self {
            runs: outcomes.into_iter().flatten().collect(),
            plan,
            architecture,
            train_examples,
            test_examples,
            steps,
            best,
        })
    }

    /// Runs that were planned.
    pub fn planned(&self) -> usize {
        self.plan.schedules.len() * self.plan.seeds.len()
    }

    /// Whether the targets are classes.
    pub fn classifies(&self) -> bool {
        self.plan.data.classes().is_some()
    }

    /// The runs of a schedule at a rate, seed by seed.
    pub fn of(&self, schedule: ScheduleKind, rate: Option<f64>) -> Vec<&Run> {
        let here = |run: &&Run| run.schedule == schedule && run.rate == rate;
        self.runs.iter().filter(here).collect()
    }
}

/// The runs of a plan, each of them a job with an index.
struct Jobs<'a> {
    plan: &'a Plan,
    /// One entry a seed.
    parts: &'a [Parts],
    training: Training<'a>,
    settings: ScheduleSettings,
    best: Mutex<Option<Candidate>>,
}

impl Jobs<'_> {
    /// One run; `None` when it was interrupted.
    fn run(&self, job: usize) -> Result<Option<Run>> {
        let (schedule, rate) = self.plan.schedules[job / self.parts.len()];
        let index = job % self.parts.len();
        let (seed, Parts { train, test, .. }) = (self.plan.seeds[index], &self.parts[index]);
        let settings = ScheduleSettings {
            audit: self.plan.audit_log(schedule, rate, seed),
            ..self.settings.clone()
        };
        let start = schedule.start(rate, &settings)?;
        let Some(trained) = self.training.run(train, test, start, seed) else {
            return Ok(None);
        };
        let run = Run {
            schedule,
            rate,
            seed,
            first_loss: trained.first_loss,
            train_loss: trained.train_loss,
            test_score: trained.test_score,
            rollbacks: trained.rollbacks,
            steps: trained.steps,
            seconds_per_step: trained.seconds / trained.steps as f64,
            trace: trained.trace,
        };
        tracing::info!(
            "{schedule} at {}, seed {seed}: train loss {:e}",
            rate_label(rate),
            run.train_loss
        );
        if !run.diverged() {
            self.keep_better(Candidate {
                train_loss: run.train_loss,
                job,
                network: trained.network,
            });
        }
        Ok(Some(run))
    }

    /// The lesser train loss stays; of equal ones that of the earlier job, whichever thread was faster.
    fn keep_better(&self, candidate: Candidate) {
        let mut best = self.best.lock().unwrap_or_else(|e| e.into_inner());
        let key = |c: &Candidate| (c.train_loss, c.job);
        if best.as_ref().is_none_or(|held| key(&candidate) < key(held)) {
            *best = Some(candidate);
        }
    }
}

impl Plan {
    /// What the schedules of runs of this many steps are told.
    pub fn schedule_settings(&self, steps: u64) -> ScheduleSettings {
        ScheduleSettings {
            steps,
            optimizer: self.optimizer,
            step_at: self.step_at.clone(),
            step_factor: self.step_factor,
            patience: self.patience,
            plateau_factor: self.plateau_factor,
            policy: self.policy.clone(),
            guard: self.guard,
            gradients_every: self.gradients_every,
            audit: None,
        }
    }

    /// Where a run writes its decisions.
    fn audit_log(&self, schedule: ScheduleKind, rate: Option<f64>, seed: u64) -> Option<PathBuf> {
        // All digits: no two rates share a file.
        let rate = rate.map_or("auto".to_owned(), |rate| format!("{rate:e}"));
        let folder = self.audit.as_ref()?;
        Some(folder.join(format!("audit-{schedule}-{rate}-{seed}.jsonl")))
    }

    fn split(&self, seed: u64) -> Result<Parts> {
        let split = self.data.split(1.0 - self.test_share, seed)?;
        Ok(Parts {
            train: Examples::new(split.train()),
            test: Examples::new(split.test()),
            scaling: split.scaling().clone(),
        })
    }
}
