//! Compiled in continuous integration, where there is no GPU: a guarded step of a linear model on wgpu.

use std::error::Error;

use burn::lr_scheduler::LrScheduler;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use qstride::{Guard, Scheduler};

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::wgpu(Default::default()).autodiff();
    let model: Linear = LinearConfig::new(2, 1).init(&device);
    let mut optim = SgdConfig::new().init();
    // The loss is read a step late, so that the GPU is never waited for.
    let mut scheduler = Scheduler::pretrained().steps(100).late_loss();
    let mut guard = Guard::new(&scheduler, &model).measuring_gradients(&scheduler, 10);
    let loss = model.forward(Tensor::<2>::ones([4, 2], &device)).mean();
    scheduler.probe().record_tensor(&loss)?;
    let grads = GradientsParams::from_grads(loss.backward(), &model);
    guard.step(scheduler.step(), model, &mut optim, grads);
    println!("{:?}", scheduler.health());
    Ok(())
}
