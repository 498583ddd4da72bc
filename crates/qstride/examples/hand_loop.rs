//! A hand-written training loop without a learning rate: three lines of it are qstride's, six with the guard.
//!
//! ```text
//! cargo run --release -p qstride --example hand_loop
//! ```

use std::error::Error;

use burn::lr_scheduler::LrScheduler;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use qstride::{Guard, OptimizerFamily, Scheduler};

mod digits;
use digits::{Mlp, batches, digits, momentum};

const EPOCHS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let batches = batches(&digits()?, &device);
    let steps = EPOCHS * batches.len();

    println!("three lines");
    let mut model = Mlp::new(0, &device);
    let mut optim = momentum();
    let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(steps as u64); // 1
    for _ in 0..EPOCHS {
        for batch in &batches {
            let loss = model.loss(batch);
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            scheduler.probe().record(loss.into_scalar::<f64>())?; // 2
            model = optim.step(scheduler.step(), model, grads); // 3
        }
    }
    println!("loss {:.4}\n", model.full_loss(&batches));

    println!("with the guard, as in the example `learner`; what it decides on the way");
    let mut model = Mlp::new(0, &device);
    let mut optim = momentum();
    let mut scheduler = Scheduler::rule(OptimizerFamily::Momentum).steps(steps as u64); // 1
    let mut guard = Guard::new(&scheduler, &model); // 4
    println!("{:>5} {:>6} {:>10} {:>10}", "step", "phase", "loss", "rate");
    let mut seen = 0;
    for _ in 0..EPOCHS {
        for batch in &batches {
            let loss = model.loss(batch);
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            scheduler.probe().record(loss.into_scalar::<f64>()).ok(); // 2, 5: the guard sees to NaN
            let rate = scheduler.step(); // 3
            model = guard.step(rate, model, &mut optim, grads); // 6
            if scheduler.monitor().decisions() > seen {
                seen = scheduler.monitor().decisions();
                if let Some(decision) = scheduler.last_decision() {
                    let loss = decision.loss.unwrap_or(f64::NAN);
                    let rolled = if decision.roll_back {
                        "rolled back"
                    } else {
                        ""
                    };
                    println!(
                        "{:>5} {:>6} {loss:>10.4} {:>10.2e} {rolled}",
                        decision.step, decision.phase, decision.rate
                    );
                }
            }
        }
    }
    println!("loss {:.4}", model.full_loss(&batches));
    println!("health: {:?}", scheduler.health());
    Ok(())
}
