//! A policy of one's own, rolled out in three stages: it only watches, it acts within bounds, it acts alone.
//!
//! ```text
//! cargo run --release -p qstride --example own_checkpoint -- checkpoints/schedule-momentum audit.jsonl
//! ```
//! Without arguments it is the policy that ships in this repository, and the audit log goes to the folder for temporary files.

use std::error::Error;
use std::path::{Path, PathBuf};

use burn::lr_scheduler::LrScheduler;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use qstride::{Guard, LastDecision, Scheduler};

mod digits;
use digits::{Batch, Mlp, batches, digits, momentum};

const EPOCHS: usize = 10;

/// The loss at the end of a guarded run, and the policy's last decision: between them the rule makes some by itself.
fn train(
    scheduler: &mut Scheduler,
    batches: &[Batch],
    device: &Device,
) -> (f64, Option<LastDecision>) {
    let mut model = Mlp::new(0, device);
    let mut optim = momentum();
    let mut guard = Guard::new(scheduler, &model);
    let mut last = None;
    for _ in 0..EPOCHS {
        for batch in batches {
            let loss = model.loss(batch);
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            scheduler.probe().record(loss.into_scalar::<f64>()).ok();
            let rate = scheduler.step();
            model = guard.step(rate, model, &mut optim, grads);
            last = scheduler
                .last_decision()
                .filter(|decision| decision.action.is_some())
                .or(last);
        }
    }
    (model.full_loss(batches), last)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/schedule-momentum")
    });
    let audit = arguments
        .next()
        .unwrap_or_else(|| std::env::temp_dir().join("qstride-audit.jsonl"));

    let device = Device::flex().autodiff();
    let batches = batches(&digits()?, &device);
    let steps = EPOCHS * batches.len();
    let policy = || -> Result<Scheduler, Box<dyn Error>> {
        let scheduler = Scheduler::from_checkpoint(&folder)?;
        Ok(scheduler.steps(steps as u64).audit(&audit)?)
    };
    let cosine = || CosineAnnealingLrSchedulerConfig::new(0.1, steps).init();

    let mut shadow = policy()?.shadow(cosine()?);
    let (loss, _) = train(&mut shadow, &batches, &device);
    println!("shadow:  loss {loss:.4}, cosine acts");

    let mut bounded = policy()?.bounded(cosine()?, 3.0)?;
    let (loss, _) = train(&mut bounded, &batches, &device);
    println!("bounded: loss {loss:.4}, within a factor of 3 of cosine");

    let mut alone = policy()?;
    let (loss, last) = train(&mut alone, &batches, &device);
    println!("alone:   loss {loss:.4}\n");

    if let Some(decision) = last {
        println!("the policy's last decision, at step {}", decision.step);
        for (name, value) in &decision.features {
            println!("  {name:<32} {value:>8.4}");
        }
        for (action, q) in &decision.q_values {
            println!("  q({action}) = {q:.4}");
        }
        let action = decision.action.as_deref().unwrap_or("none");
        println!("  action {action}, rate {:.2e}", decision.rate);
    }
    println!("health: {:?}", alone.health());
    println!("all decisions: {}", audit.display());
    Ok(())
}
