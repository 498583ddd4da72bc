//! A hand-written loop, one step at a time.

use std::path::Path;

use burn::lr_scheduler::LrScheduler;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use qstride::{Guard, LastDecision, Scheduler};

use crate::digits::{self, Batch, Mlp};

pub fn device() -> Device {
    Device::flex().autodiff()
}

/// The 43 batches of an epoch.
pub fn batches() -> Vec<Batch> {
    digits::batches(&digits::digits().unwrap(), &device())
}

/// Model, optimizer, scheduler, and a guard where there is one.
pub struct Run {
    pub model: Mlp,
    pub optim: ModuleOptimizer,
    pub scheduler: Scheduler,
    pub guard: Option<Guard<Mlp>>,
    pub rates: Vec<f64>,
}

impl Run {
    pub fn new(scheduler: Scheduler, optim: ModuleOptimizer) -> Self {
        Self {
            model: Mlp::new(0, &device()),
            optim,
            scheduler,
            guard: None,
            rates: Vec::new(),
        }
    }

    pub fn guarded(scheduler: Scheduler, optim: ModuleOptimizer) -> Self {
        let mut run = Self::new(scheduler, optim);
        run.guard = Some(Guard::new(&run.scheduler, &run.model));
        run
    }

    /// Loss, record, rate.
    pub fn rate(&mut self, batch: &Batch) -> (f64, GradientsParams) {
        let loss = self.model.loss(batch);
        let grads = GradientsParams::from_grads(loss.backward(), &self.model);
        self.scheduler
            .probe()
            .record(loss.into_scalar::<f64>())
            .ok();
        let rate = self.scheduler.step();
        self.rates.push(rate);
        (rate, grads)
    }

    pub fn update(&mut self, rate: f64, grads: GradientsParams) {
        let model = self.model.clone();
        self.model = match &mut self.guard {
            Some(guard) => guard.step(rate, model, &mut self.optim, grads),
            None => self.optim.step(rate, model, grads),
        };
    }

    pub fn step(&mut self, batch: &Batch) {
        let (rate, grads) = self.rate(batch);
        self.update(rate, grads);
    }

    pub fn steps<'a>(&mut self, batches: impl Iterator<Item = &'a Batch>) {
        for batch in batches {
            self.step(batch);
        }
    }

    pub fn weights(&self) -> Vec<u32> {
        bits(&self.model)
    }
}

/// Weights to be compared bit for bit.
pub fn bits(model: &Mlp) -> Vec<u32> {
    model.weights().into_iter().map(f32::to_bits).collect()
}

/// The decisions of an audit log.
pub fn audit(path: &Path) -> Vec<LastDecision> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
