//! A Burn model as an objective: its parameters are the variables, a loss over samples is f.

use std::collections::HashMap;
use std::ops::Range;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Gradients, Tensor, TensorData};
use qstride_objectives::{Objective, StochasticObjective};

/// Samples that go through the module together, unless said otherwise.
const CHUNK: usize = 256;

/// Modules that make no objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleObjectiveError {
    /// Nothing to move.
    #[error(
        "the module of '{name}' has no float parameter that requires a gradient: there is nothing to minimise over; give it a \
         layer with weights, or unfreeze some"
    )]
    NoParameters {
        /// The objective.
        name: String,
    },
    /// Nothing to take the mean of.
    #[error("'{name}' has no samples: its loss would be a mean over nothing")]
    NoSamples {
        /// The objective.
        name: String,
    },
}

/// How good a module is on held-out data.
type TestScore<M> = Box<dyn Fn(&M) -> Option<f64> + Send + Sync>;

/// f(x) = (1/N) Σᵢ ℓᵢ(module with the parameters x).
///
/// Variables: all float parameters that require a gradient, in the order in which a [`ModuleVisitor`] meets them, each row by row; a
/// tensor that occurs twice counts once. All others stay as they are. The start is where the module is when it is given.
///
/// The module works as [`Module::valid`] leaves it, for values and for gradients: without dropout, and with the running statistics of a
/// batch normalisation as they are. So f is one function of x: same point, same bits.
///
/// x, f and the gradient are double precision outside and what the device computes with inside, which is single precision: x is
/// rounded to 24 bits, so points that are nearer to each other than 6e-8 |x| are the same, and f is known to about 1e-7 of
/// its size. Losses and gradients of chunks are summed up in double precision.
///
/// # Example
///
/// A perceptron with one hidden layer on generated data, minimised by the Barzilai-Borwein method:
///
/// ```
/// use std::sync::Arc;
/// use burn::module::{Module, Param};
/// use burn::nn::Linear;
/// use burn::tensor::{Tensor, TensorData, activation};
/// use qstride_agent::{DeviceKind, ModuleObjective};
/// use qstride_control::{DeterministicEpisode, DeterministicSettings, rivals::BarzilaiBorwein, run};
/// use qstride_objectives::{Objective, Streams, generated::generate_regression};
/// use rand::RngExt;
///
/// #[derive(Module, Debug)]
/// struct Mlp {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// let data = generate_regression(200, 4, 7)?.split(0.75, 0)?;
/// let device = DeviceKind::Flex.device();
/// let mut random = Streams::new(1).stream("initial weights");
/// let mut linear = |inputs: usize, outputs: usize| {
///     let weights: Vec<f32> = (0..inputs * outputs).map(|_| random.random::<f32>() - 0.5).collect();
///     Linear {
///         weight: Param::from_data(TensorData::new(weights, [inputs, outputs]), &device),
///         bias: Some(Param::from_tensor(Tensor::zeros([outputs], &device))),
///     }
/// };
/// let mlp = Mlp { hidden: linear(4, 8), output: linear(8, 1) };
///
/// let train = data.train().clone();
/// let samples = train.rows();
/// let loss = move |mlp: &Mlp, batch: &[usize]| {
///     let rows: Vec<f32> = batch.iter().flat_map(|&i| train.row(i)).map(|&v| v as f32).collect();
///     let targets = train.numbers().unwrap_or_default();
///     let targets: Vec<f32> = batch.iter().map(|&i| targets[i] as f32).collect();
///     let inputs = Tensor::<2>::from_data(TensorData::new(rows, [batch.len(), 4]), &device);
///     let targets = Tensor::<2>::from_data(TensorData::new(targets, [batch.len(), 1]), &device);
///     let hidden = activation::tanh(mlp.hidden.forward(inputs));
///     (mlp.output.forward(hidden) - targets).square().mean()
/// };
/// let objective = ModuleObjective::new("generated/burn mlp", mlp, samples, loss)?;
/// assert_eq!(objective.dimension(), (4 * 8 + 8) + (8 + 1));
///
/// let settings = DeterministicSettings { budget: 100, ..Default::default() };
/// let mut method = BarzilaiBorwein::nonmonotone();
/// let start = objective.value(&objective.start());
/// let mut episode = DeterministicEpisode::start(Arc::new(objective), settings, &method);
/// let record = run(&mut episode, &mut method);
/// assert!(record.best_value < 0.2 * start);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ModuleObjective<M, L> {
    name: String,
    family: Option<String>,
    /// Without autodiff.
    module: M,
    parameters: Parameters,
    samples: usize,
    chunk: usize,
    loss: L,
    test_score: Option<TestScore<M>>,
}

impl<M, L> ModuleObjective<M, L>
where
    M: Module + Sync,
    L: Fn(&M, &[usize]) -> Tensor<1> + Send + Sync,
{
    /// The mean of `loss` over `samples` samples, from where `module` is.
    ///
    /// `loss` gets a module and indices below `samples`, and returns the mean of their losses \[1\] or all of them \[B\]. It has to
    /// be a function of its arguments alone. Inputs belong on a device without autodiff, that of the module.
    ///
    /// # Errors
    /// [`ModuleObjectiveError`] where there is nothing to minimise over, or no sample.
    pub fn new(
        name: impl Into<String>,
        module: M,
        samples: usize,
        loss: L,
    ) -> Result<Self, ModuleObjectiveError> {
        let name = name.into();
        // What requires a gradient shows only while autodiff is on.
        let module = module.train();
        let mut parameters = Parameters::default();
        module.visit(&mut parameters);
        if parameters.start.is_empty() {
            return Err(ModuleObjectiveError::NoParameters { name });
        }
        if samples == 0 {
            return Err(ModuleObjectiveError::NoSamples { name });
        }
        Ok(Self {
            name,
            family: None,
            module: module.valid(),
            parameters,
            samples,
            chunk: CHUNK,
            loss,
            test_score: None,
        })
    }

    /// As a member of this family.
    #[must_use]
    pub fn family(mut self, family: impl Into<String>) -> Self {
        self.family = Some(family.into());
        self
    }

    /// With at most this many samples (256 unless said otherwise) in the module at a time, which bounds the memory.
    #[must_use]
    pub fn chunk(mut self, samples: usize) -> Self {
        self.chunk = samples.max(1);
        self
    }

    /// With a score on held-out data, of a module without autodiff.
    #[must_use]
    pub fn scored(mut self, score: impl Fn(&M) -> Option<f64> + Send + Sync + 'static) -> Self {
        self.test_score = Some(Box::new(score));
        self
    }

    /// The module with the parameters `x`, without autodiff.
    pub fn module_at(&self, x: &[f64]) -> M {
        self.placed(x, false)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.samples).collect()
    }

    fn placed(&self, x: &[f64], autodiff: bool) -> M {
        let ranges = &self.parameters.ranges;
        self.module.clone().map(&mut Placed {
            x,
            ranges,
            autodiff,
        })
    }

    /// The mean over `samples`, chunk by chunk, and its gradient where one is asked for. The mean over no samples is NaN.
    fn mean(&self, x: &[f64], samples: &[usize], mut gradient: Option<&mut [f64]>) -> f64 {
        let nothing = if samples.is_empty() { f64::NAN } else { 0.0 };
        let module = self.placed(x, gradient.is_some());
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient.fill(nothing);
        }
        let mut mean = nothing;
        for chunk in samples.chunks(self.chunk) {
            let share = chunk.len() as f64 / samples.len() as f64;
            let loss = (self.loss)(&module, chunk).mean();
            mean += share * loss.clone().into_scalar::<f64>();
            // A loss that depends on no parameter has no graph to go back through; its gradient is 0.
            if let (Some(gradient), true) = (gradient.as_deref_mut(), loss.is_tracked()) {
                module.visit(&mut Gathered {
                    gradients: &loss.backward(),
                    ranges: &self.parameters.ranges,
                    share,
                    sum: gradient,
                });
            }
        }
        mean
    }
}

impl<M, L> Objective for ModuleObjective<M, L>
where
    M: Module + Sync,
    L: Fn(&M, &[usize]) -> Tensor<1> + Send + Sync,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        self.family.as_deref().unwrap_or(&self.name)
    }

    fn dimension(&self) -> usize {
        self.parameters.start.len()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.mean(x, &self.all(), None)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.mean(x, &self.all(), Some(gradient));
    }

    fn start(&self) -> Vec<f64> {
        self.parameters.start.clone()
    }

    fn test_score(&self, x: &[f64]) -> Option<f64> {
        let score = self.test_score.as_ref()?;
        score(&self.module_at(x))
    }
}

impl<M, L> StochasticObjective for ModuleObjective<M, L>
where
    M: Module + Sync,
    L: Fn(&M, &[usize]) -> Tensor<1> + Send + Sync,
{
    fn samples(&self) -> usize {
        self.samples
    }

    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64 {
        self.mean(x, batch, None)
    }

    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        self.mean(x, batch, Some(gradient))
    }
}

/// Where each parameter stands in the flat vector, and what it is at the start.
#[derive(Default)]
struct Parameters {
    ranges: HashMap<ParamId, Range<usize>>,
    start: Vec<f64>,
}

impl ModuleVisitor for Parameters {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.base();
        if !tensor.is_require_grad() || self.ranges.contains_key(&param.id) {
            return;
        }
        let first = self.start.len();
        self.start.extend(tensor.into_data().iter::<f64>());
        self.ranges.insert(param.id, first..self.start.len());
    }
}

/// Puts a point into a module.
struct Placed<'a> {
    x: &'a [f64],
    ranges: &'a HashMap<ParamId, Range<usize>>,
    autodiff: bool,
}

impl ModuleMapper for Placed<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(range) = self.ranges.get(&param.id) else {
            return param;
        };
        let values: Vec<f32> = self.x[range.clone()].iter().map(|&v| v as f32).collect();
        param.map(|old| {
            let data = TensorData::new(values, old.shape());
            let tensor = Tensor::from_data(data, &old.device());
            match self.autodiff {
                true => tensor.autodiff().require_grad(),
                false => tensor,
            }
        })
    }
}

/// Adds the gradients of a chunk's loss, times its share, to a flat vector.
struct Gathered<'a> {
    gradients: &'a Gradients,
    ranges: &'a HashMap<ParamId, Range<usize>>,
    share: f64,
    sum: &'a mut [f64],
}

impl ModuleVisitor for Gathered<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(range) = self.ranges.get(&param.id) else {
            return;
        };
        // None where the loss does not depend on it. A tensor that occurs twice is placed twice: the gradients add up.
        if let Some(gradient) = param.base().grad(self.gradients) {
            let entries = self.sum[range.clone()].iter_mut();
            for (sum, entry) in entries.zip(gradient.into_data().iter::<f64>()) {
                *sum += self.share * entry;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::nn::{Dropout, DropoutConfig, Linear};
    use burn::tensor::{Device, activation};
    use qstride_objectives::Streams;
    use qstride_objectives::activation::Activation;
    use qstride_objectives::dataset::{Dataset, Split};
    use qstride_objectives::generated::{generate_classification, generate_regression};
    use qstride_objectives::perceptron::Perceptron;
    use rand::{Rng, RngExt};
    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    use super::*;
    use crate::DeviceKind;

    #[derive(Module, Debug)]
    struct Mlp {
        layers: Vec<Linear>,
        dropout: Dropout,
    }

    impl Mlp {
        fn new(widths: &[usize], random: &mut impl Rng, device: &Device) -> Self {
            let layer = |w: &[usize]| Linear {
                weight: param([w[0], w[1]], random, device),
                bias: Some(param([w[1]], random, device)),
            };
            Self {
                layers: widths.windows(2).map(layer).collect(),
                dropout: DropoutConfig::new(0.5).init(),
            }
        }

        fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
            let (last, hidden) = self.layers.split_last().unwrap();
            let x = hidden
                .iter()
                .fold(inputs, |x, layer| activation::tanh(layer.forward(x)));
            last.forward(self.dropout.forward(x))
        }
    }

    fn param<const D: usize>(
        shape: [usize; D],
        random: &mut impl Rng,
        device: &Device,
    ) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| random.random::<f32>() - 0.5).collect();
        Param::from_data(TensorData::new(values, shape), device)
    }

    fn inputs(data: &Dataset, batch: &[usize], device: &Device) -> Tensor<2> {
        let rows = batch.iter().flat_map(|&i| data.row(i));
        let rows: Vec<f32> = rows.map(|&v| v as f32).collect();
        Tensor::from_data(TensorData::new(rows, [batch.len(), data.columns()]), device)
    }

    /// The squared error, or the cross-entropy, of scores.
    fn losses(data: &Dataset, batch: &[usize], scores: Tensor<2>) -> Tensor<1> {
        let (device, rows) = (scores.device(), [batch.len(), 1]);
        if let Some(labels) = data.labels() {
            let labels: Vec<i64> = batch.iter().map(|&i| labels[i] as i64).collect();
            let labels = Tensor::from_data(TensorData::new(labels, rows), &device);
            return activation::log_softmax(scores, 1)
                .gather(1, labels)
                .neg()
                .flatten(0, 1);
        }
        let numbers = data.numbers().unwrap();
        let numbers: Vec<f32> = batch.iter().map(|&i| numbers[i] as f32).collect();
        let numbers = Tensor::<2>::from_data(TensorData::new(numbers, rows), &device);
        (scores - numbers).square().flatten(0, 1)
    }

    fn mlp(
        split: &Arc<Split>,
        hidden: &[usize],
        kind: DeviceKind,
    ) -> impl StochasticObjective + use<> {
        let (device, train) = (kind.device(), split.train());
        let outputs = train.classes().unwrap_or(1);
        let widths = [&[train.columns()], hidden, &[outputs]].concat();
        let mut random = Streams::new(3).stream("weights");
        let module = Mlp::new(&widths, &mut random, &device);
        let (samples, split) = (train.rows(), Arc::clone(split));
        let loss = move |mlp: &Mlp, batch: &[usize]| {
            let train = split.train();
            losses(train, batch, mlp.forward(inputs(train, batch, &device)))
        };
        ModuleObjective::new("mlp", module, samples, loss)
            .unwrap()
            .chunk(200)
    }

    /// A weight \[inputs, outputs\] of Burn as \[outputs, inputs\], as a [`Perceptron`] has it.
    fn transposed(x: &[f64], widths: &[usize]) -> Vec<f64> {
        let mut rest = x;
        let mut flat = Vec::new();
        for w in widths.windows(2) {
            let (weights, after) = rest.split_at(w[0] * w[1]);
            let (bias, after) = after.split_at(w[1]);
            flat.extend((0..w[1]).flat_map(|o| (0..w[0]).map(move |i| weights[i * w[1] + o])));
            flat.extend_from_slice(bias);
            rest = after;
        }
        flat
    }

    fn norm(x: impl Iterator<Item = f64>) -> f64 {
        x.map(|v| v * v).sum::<f64>().sqrt()
    }

    #[test]
    fn it_agrees_with_the_perceptron() {
        let classes = generate_classification(120, 6, 3, 1).unwrap();
        let numbers = generate_regression(120, 6, 1).unwrap();
        for (data, outputs) in [(classes, 3), (numbers, 1)] {
            let split = Arc::new(data.split(0.75, 0).unwrap());
            let widths = [6, 7, 5, outputs];
            let plain = Perceptron::new(Arc::clone(&split), &[7, 5], Activation::Tanh, 1).unwrap();
            for kind in DeviceKind::ALL {
                let module = mlp(&split, &[7, 5], kind);
                assert_eq!(module.dimension(), plain.dimension());
                assert_eq!(module.samples(), 90);
                let mut x = module.start();
                let mut random = Streams::new(5).stream("points");
                for point in 0..4 {
                    let y = transposed(&x, &widths);
                    let (value, wanted) = (module.value(&x), plain.value(&y));
                    assert!((value - wanted).abs() <= 1e-5 * wanted, "{value} {wanted}");
                    let batch: Vec<usize> = (0..40).map(|i| (7 * i + point) % 90).collect();
                    let mut gradient = vec![f64::NAN; x.len()];
                    let mut expected = gradient.clone();
                    let value = module.batch_value_and_gradient(&x, &batch, &mut gradient);
                    let wanted = plain.batch_value_and_gradient(&y, &batch, &mut expected);
                    assert!((value - wanted).abs() <= 1e-5 * wanted);
                    assert_eq!(module.batch_value(&x, &batch), value, "one function");
                    let gradient = transposed(&gradient, &widths);
                    let distance = norm(gradient.iter().zip(&expected).map(|(a, b)| a - b));
                    assert!(distance <= 1e-4 * norm(expected.iter().copied()));
                    x.iter_mut()
                        .for_each(|v| *v += random.random::<f64>() - 0.5);
                }
            }
        }
    }

    #[derive(Module, Debug)]
    struct Convolutional {
        convolution: Conv2d,
        /// Stays as it is.
        scale: Param<Tensor<1>>,
        layer: Linear,
    }

    fn convolutional()
    -> ModuleObjective<Convolutional, impl Fn(&Convolutional, &[usize]) -> Tensor<1>> {
        let device = DeviceKind::Flex.device();
        let split = Dataset::digits().unwrap().split(0.05, 0).unwrap();
        let mut random = Streams::new(2).stream("weights");
        let module = Convolutional {
            convolution: Conv2d {
                weight: param([2, 1, 3, 3], &mut random, &device),
                bias: Some(param([2], &mut random, &device)),
                ..Conv2dConfig::new([1, 2], [3, 3]).init(&device)
            },
            scale: param([1], &mut random, &device).set_require_grad(false),
            layer: Linear {
                weight: param([2 * 6 * 6, 10], &mut random, &device),
                bias: None,
            },
        };
        let samples = split.train().rows();
        let loss = move |module: &Convolutional, batch: &[usize]| {
            let train = split.train();
            let images = inputs(train, batch, &device).reshape([batch.len(), 1, 8, 8]);
            let hidden = activation::tanh(module.convolution.forward(images)).flatten::<2>(1, 3);
            let scale = module.scale.val().reshape([1, 1]);
            losses(train, batch, module.layer.forward(hidden * scale))
        };
        ModuleObjective::new("convolutional", module, samples, loss).unwrap()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let objective = convolutional();
        // The kernels, their biases, the layer; not the scale, which is frozen.
        assert_eq!(objective.dimension(), 18 + 2 + 720);
        assert_eq!(objective.samples(), 89);
        let x = objective.start();
        let mut gradient = vec![0.0; x.len()];
        objective.gradient(&x, &mut gradient);
        let mut random = Streams::new(4).stream("directions");
        for _ in 0..10 {
            let direction: Vec<f64> = x.iter().map(|_| random.random::<f64>() - 0.5).collect();
            let along = |t: f64| {
                let moved: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
                objective.value(&moved)
            };
            // Single precision leaves about 1e-7/h of a difference over 2h.
            let h = 5e-3;
            let slope = (along(h) - along(-h)) / (2.0 * h);
            let wanted: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let scale = norm(gradient.iter().copied()) * norm(direction.iter().copied());
            assert!(
                (slope - wanted).abs() < 2e-4 * scale,
                "{slope} {wanted} {scale}"
            );
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let split = Arc::new(Dataset::digits().unwrap().split(0.25, 0).unwrap());
        // Wide enough for its products to be spread over threads.
        for objective in [
            Box::new(convolutional()) as Box<dyn StochasticObjective>,
            Box::new(mlp(&split, &[256, 128], DeviceKind::Flex)),
            Box::new(mlp(&split, &[256, 128], DeviceKind::NdArray)),
        ] {
            let x = objective.start();
            let evaluate = || {
                let mut gradient = vec![0.0; x.len()];
                let batch: Vec<usize> = (0..objective.samples()).rev().collect();
                let value = objective.batch_value_and_gradient(&x, &batch, &mut gradient);
                (value, objective.value(&x), gradient)
            };
            let first = evaluate();
            for threads in [1, 4] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                assert!(pool.build().unwrap().install(evaluate) == first);
            }
            // Many evaluations in a pool whose threads also share the products within each.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4);
            let all = || (0..8).into_par_iter().all(|_| evaluate() == first);
            assert!(pool.build().unwrap().install(all));
        }
    }

    #[test]
    fn parameters_stand_in_the_order_of_a_visitor() {
        let device = DeviceKind::Flex.device();
        let numbered = |from: usize, shape: [usize; 2]| -> Param<Tensor<2>> {
            let values: Vec<f32> = (from..from + shape[0] * shape[1])
                .map(|i| i as f32)
                .collect();
            Param::from_data(TensorData::new(values, shape), &device)
        };
        let bias = Param::from_data(TensorData::from([6.0_f32, 7.0]), &device);
        let layer = Linear {
            weight: numbered(0, [3, 2]),
            bias: Some(bias),
        };
        // The first layer once more: one set of variables, twice the gradient.
        let mut random = Streams::new(0).stream("weights");
        let mut mlp = Mlp::new(&[1, 1], &mut random, &device);
        mlp.layers = vec![layer.clone(), layer];
        let sum = |mlp: &Mlp, _: &[usize]| -> Tensor<1> {
            let sums = mlp.layers.iter().map(|layer| layer.weight.val().sum());
            sums.reduce(|a, b| a + b).unwrap()
        };
        let objective = ModuleObjective::new("sum", mlp, 1, sum)
            .unwrap()
            .family("linear")
            .scored(|mlp| Some(mlp.layers.len() as f64));
        let start: Vec<f64> = (0..8).map(f64::from).collect();
        assert_eq!(objective.start(), start);
        assert_eq!(Objective::family(&objective), "linear");
        assert_eq!(objective.test_score(&start), Some(2.0));
        let mut gradient = vec![f64::NAN; 8];
        assert_eq!(
            objective.batch_value_and_gradient(&start, &[0], &mut gradient),
            30.0
        );
        // The loss does not depend on the bias.
        assert_eq!(gradient, [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0]);
        assert!(objective.batch_value(&start, &[]).is_nan());
    }

    #[test]
    fn nothing_to_minimise_is_an_error() {
        let none = |_: &Dropout, _: &[usize]| Tensor::zeros([1], &DeviceKind::Flex.device());
        let dropout = DropoutConfig::new(0.5).init();
        let error = ModuleObjective::new("d", dropout, 1, none).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("'d' has no float parameter that requires a gradient")
        );
        let device = DeviceKind::Flex.device();
        let frozen = Mlp::new(&[2, 1], &mut Streams::new(0).stream("w"), &device).freeze();
        let zero = |_: &Mlp, _: &[usize]| Tensor::zeros([1], &DeviceKind::Flex.device());
        let error = ModuleObjective::new("f", frozen.clone(), 1, zero)
            .err()
            .unwrap();
        assert!(matches!(error, ModuleObjectiveError::NoParameters { .. }));
        let error = ModuleObjective::new("s", frozen.unfreeze(), 0, zero)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "'s' has no samples: its loss would be a mean over nothing"
        );
    }

    #[test]
    fn a_loss_without_parameters_has_no_slope() {
        let device = DeviceKind::Flex.device();
        let mlp = Mlp::new(&[2, 1], &mut Streams::new(0).stream("w"), &device);
        let constant = move |_: &Mlp, _: &[usize]| Tensor::ones([1], &device);
        let objective = ModuleObjective::new("constant", mlp, 3, constant).unwrap();
        let mut gradient = vec![f64::NAN; 3];
        objective.gradient(&objective.start(), &mut gradient);
        assert_eq!(
            (objective.value(&objective.start()), gradient),
            (1.0, vec![0.0; 3])
        );
    }
}
