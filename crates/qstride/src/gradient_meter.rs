//! Gradient statistics of Burn models, measured on the device at every k-th step, with one read-back.

use std::collections::HashMap;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use qstride_control::window::GradientStatistics;

use crate::monitor::Monitor;
use crate::scheduler::Scheduler;

/// Makes the optimizer's step and, at every k-th, measures it: |g|, g·Δ, |Δ| and |x| over all parameters that have a gradient.
///
/// For policies that need more than the loss ([`Scheduler::needs_gradients`]); the anchor uses the statistics too. One measurement
/// costs about a fifth of the step of a small perceptron, so it is taken at every tenth step or so.
#[derive(Clone, Debug)]
pub struct GradientMeter {
    monitor: Monitor,
    every: u64,
}

impl GradientMeter {
    /// Measures at every `every`-th step of the scheduler, the first included; 0 never measures.
    pub fn new(scheduler: &Scheduler, every: u64) -> Self {
        Self::of(scheduler.monitor(), every)
    }

    pub(crate) fn of(monitor: Monitor, every: u64) -> Self {
        Self { monitor, every }
    }

    /// In place of `optim.step(rate, model, grads)`.
    pub fn step<M: Module>(
        &mut self,
        rate: impl Into<ModuleLearningRate>,
        model: M,
        optim: &mut ModuleOptimizer,
        grads: GradientsParams,
    ) -> M {
        self.around(model, grads, |model, grads| optim.step(rate, model, grads))
    }

    /// Measures what `update` does to the model, when it is time to.
    pub(crate) fn around<M: Module>(
        &self,
        model: M,
        grads: GradientsParams,
        update: impl FnOnce(M, GradientsParams) -> M,
    ) -> M {
        // The scheduler's count is part of its record: a resumed run measures at the same steps.
        let step = self.monitor.contents(|c| c.steps).saturating_sub(1);
        if self.every == 0 || !step.is_multiple_of(self.every) {
            return update(model, grads);
        }
        let mut before = Before {
            grads: &grads,
            parameters: HashMap::new(),
        };
        model.visit(&mut before);
        let mut after = After {
            before: before.parameters,
            sums: None,
        };
        let model = update(model, grads);
        model.visit(&mut after);
        if let Some(statistics) = after.read() {
            self.monitor.contents(|c| c.gradient = Some(statistics));
        }
        model
    }
}

/// Every parameter and its gradient, flat, before the update.
struct Before<'a> {
    grads: &'a GradientsParams,
    parameters: HashMap<ParamId, (Tensor<1>, Tensor<1>)>,
}

impl ModuleVisitor for Before<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.grads.get::<D>(param.id) {
            let flat = |tensor: Tensor<D>| tensor.reshape([-1]);
            let value = flat(param.val().inner());
            self.parameters.insert(param.id, (value, flat(gradient)));
        }
    }
}

/// g·g, g·Δ, Δ·Δ and x·x, summed up on the device.
struct After {
    before: HashMap<ParamId, (Tensor<1>, Tensor<1>)>,
    sums: Option<Tensor<1>>,
}

impl ModuleVisitor for After {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some((old, gradient)) = self.before.remove(&param.id) else {
            return;
        };
        let (gg, xx) = (dot(&gradient, &gradient), dot(&old, &old));
        // The old value has no other owner any more: its memory takes the difference, which is minus the step.
        let back = old - param.val().inner().reshape([-1]);
        let sums = vec![gg, dot(&gradient, &back).neg(), dot(&back, &back), xx];
        let sums = Tensor::cat(sums, 0);
        self.sums = Some(match self.sums.take() {
            Some(before) => {
                let device = before.device();
                before + sums.to_device(&device)
            }
            None => sums,
        });
    }
}

/// The terms of an inner product that are summed in one go.
const TERMS: usize = 2_048;

/// a·b as a stack of products of a row and a column: unlike the sum of an elementwise product it needs no memory of the size of a, which
/// costs more than the arithmetic where an allocator hands it back each time.
fn dot(a: &Tensor<1>, b: &Tensor<1>) -> Tensor<1> {
    let n = a.dims()[0];
    let divides = |rows: &usize| n.is_multiple_of(*rows);
    let rows = (1..=n.div_ceil(TERMS)).rev().find(divides).unwrap_or(1);
    let terms = n / rows;
    let (row, column) = ([rows, 1, terms], [rows, terms, 1]);
    a.clone()
        .reshape(row)
        .matmul(b.clone().reshape(column))
        .sum()
}

impl After {
    fn read(self) -> Option<GradientStatistics> {
        let data = self.sums?.try_into_data().ok()?;
        let values: Vec<f64> = data.iter::<f64>().collect();
        match values[..] {
            [gg, slope, ss, xx] => Some(GradientStatistics {
                gradient_norm: gg.sqrt(),
                slope,
                step_norm: ss.sqrt(),
                parameter_norm: xx.sqrt(),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::lr_scheduler::LrScheduler;
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::SgdConfig;
    use burn::tensor::Device;

    /// y = (1, 2) W + b with W = (3, -1)ᵀ, b = 0.5; the loss is y.
    fn model() -> Linear {
        let device = Device::flex().autodiff();
        let mut model = LinearConfig::new(2, 1).init(&device);
        model.weight = Param::from_tensor(Tensor::from_floats([[3.0], [-1.0]], &device));
        model.bias = Some(Param::from_tensor(Tensor::from_floats([0.5], &device)));
        model
    }

    fn grads(model: &Linear) -> GradientsParams {
        let input = Tensor::<2>::from_floats([[1.0, 2.0]], &model.weight.device());
        GradientsParams::from_grads(model.forward(input).sum().backward(), model)
    }

    #[test]
    fn the_four_numbers_by_hand() {
        let mut scheduler = Scheduler::pretrained();
        let mut meter = GradientMeter::new(&scheduler, 1);
        let (model, mut optim) = (model(), SgdConfig::new().init());
        scheduler.step();
        let model = meter.step(0.5, model.clone(), &mut optim, grads(&model));
        // g = (1, 2, 1), Δ = -g/2, x = (3, -1, 0.5)
        let measured = scheduler.monitor().contents(|c| c.gradient).unwrap();
        let expected = [6f64.sqrt(), -3.0, 1.5f64.sqrt(), 10.25f64.sqrt()];
        let found = [
            measured.gradient_norm,
            measured.slope,
            measured.step_norm,
            measured.parameter_norm,
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(
            model.weight.val().into_data().iter::<f32>().next(),
            Some(2.5)
        );
    }

    #[test]
    fn a_parameter_without_a_gradient_is_left_out() {
        let mut scheduler = Scheduler::pretrained();
        let mut meter = GradientMeter::new(&scheduler, 1);
        let model = model();
        let only_bias = model.clone();
        let grads = {
            let all = grads(&model);
            let bias = only_bias.bias.as_ref().map(|bias| bias.id).unwrap();
            let mut some = GradientsParams::new();
            some.register::<1>(bias, all.get::<1>(bias).unwrap());
            some
        };
        scheduler.step();
        meter.step(0.5, model, &mut SgdConfig::new().init(), grads);
        let measured = scheduler.monitor().contents(|c| c.gradient).unwrap();
        assert_eq!((measured.gradient_norm, measured.slope), (1.0, -0.5));
        assert_eq!((measured.step_norm, measured.parameter_norm), (0.5, 0.5));
    }

    #[test]
    fn it_measures_at_every_kth_step_of_the_scheduler_and_never_at_0() {
        for (every, expected) in [(3, vec![0, 3, 6]), (0, vec![])] {
            let mut scheduler = Scheduler::pretrained();
            let mut meter = GradientMeter::new(&scheduler, every);
            let (mut model, mut optim) = (model(), SgdConfig::new().init());
            let mut measured = Vec::new();
            for step in 0..8 {
                scheduler.step();
                let grads = grads(&model);
                model = meter.step(1e-3, model, &mut optim, grads);
                if scheduler.monitor().contents(|c| c.gradient).is_some() {
                    measured.push(step);
                }
            }
            assert_eq!(measured, expected);
        }
    }

    #[test]
    fn inner_products_of_any_length() {
        for n in [1, 10, 16_384, 100_003, 784 * 128] {
            let values = |step: u64| -> Vec<f32> {
                let value = |i: u64| (i * step % 17) as f32 / 16.0 - 0.5;
                (0..n).map(value).collect()
            };
            let (a, b) = (values(5), values(11));
            let wanted: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum();
            let tensor = |v: &[f32]| Tensor::<1>::from_floats(v, &Device::flex());
            let found = dot(&tensor(&a), &tensor(&b)).into_scalar::<f64>();
            assert!(
                (found - wanted).abs() < 1e-5 * n as f64,
                "{n}: {found} {wanted}"
            );
        }
    }
}
