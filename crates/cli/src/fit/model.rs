//! The models, by their names and as Burn modules.

use std::fmt;

use anyhow::{Result, bail};
use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData, activation};
use qstride_objectives::activation::Activation;
use qstride_objectives::dataset::Dataset;
use qstride_objectives::near_match::hint;
use qstride_objectives::task::{self, MOST_PARAMETERS};
use rand::{Rng, RngExt};

/// Channels behind each convolution of the `cnn`.
const CHANNELS: [usize; 2] = [8, 16];
/// The least side of an image: two poolings halve it twice.
const LEAST_SIDE: usize = 4;

/// What `--model` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// One linear layer, for classes.
    Softmax,
    /// Hidden layers, for classes and for numbers.
    Mlp {
        /// Their widths.
        hidden: Vec<usize>,
        /// What follows each of them.
        activation: Activation,
    },
    /// Two convolutions (3 x 3, padded, 8 and 16 channels), each followed by ReLU and 2 x 2 max-pooling, and a linear layer.
    Cnn,
}

impl Model {
    /// Reads `softmax`, `mlp[:WIDTHS[:ACTIVATION]]` or `cnn`.
    ///
    /// # Errors
    /// A sentence with the near matches.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split(':').next().unwrap_or_default() {
            "cnn" if text == "cnn" => Ok(Self::Cnn),
            "cnn" => Err("nothing is expected behind `cnn`".to_owned()),
            "softmax" | "mlp" => match task::Model::parse(text).map_err(|e| e.to_string())? {
                task::Model::Mlp { hidden, activation } => Ok(Self::Mlp { hidden, activation }),
                _ => Ok(Self::Softmax),
            },
            name => {
                let names = ["softmax", "mlp", "cnn"];
                Err(format!("unknown model '{name}'; {}", hint(name, &names, 3)))
            }
        }
    }

    /// The sizes of this model on this data.
    ///
    /// # Errors
    /// A model for classes on numbers, images that are not square or too small, more parameters than memory could hold.
    pub fn architecture(&self, data: &Dataset) -> Result<Architecture> {
        let (inputs, name) = (data.columns(), data.name());
        if *self == Self::Softmax && data.classes().is_none() {
            bail!(
                "softmax predicts classes, but the target '{}' of {name} is a number; use mlp, or read it as classes with --task \
                 classification",
                data.target_name()
            );
        }
        let architecture = Architecture {
            model: self.clone(),
            inputs,
            outputs: data.classes().unwrap_or(1),
        };
        if !architecture.image() {
            bail!(
                "cnn takes square images of at least {LEAST_SIDE} x {LEAST_SIDE} pixels, but a row of {name} has {inputs} features; \
                 use softmax or mlp"
            );
        }
        if !architecture.sound() {
            bail!("{self}: more than {MOST_PARAMETERS} parameters on {inputs} features");
        }
        Ok(architecture)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Softmax => f.write_str("softmax"),
            Self::Cnn => f.write_str("cnn"),
            Self::Mlp { hidden, activation } => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                write!(f, "mlp:{}:{activation}", widths.join(","))
            }
        }
    }
}

/// A model with its sizes; builds the [`Network`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// The model.
    pub model: Model,
    /// Features.
    pub inputs: usize,
    /// Classes; 1 for a number.
    pub outputs: usize,
}

impl Architecture {
    /// Input and output channels of each convolution.
    fn convolutions(&self) -> Vec<[usize; 2]> {
        match self.model {
            Model::Cnn => vec![[1, CHANNELS[0]], CHANNELS],
            _ => Vec::new(),
        }
    }

    /// Inputs and outputs of each linear layer.
    fn layers(&self) -> Vec<[usize; 2]> {
        let side = self.inputs.isqrt() / LEAST_SIDE;
        let widths = match &self.model {
            Model::Softmax => vec![self.inputs],
            Model::Cnn => vec![CHANNELS[1] * side * side],
            Model::Mlp { hidden, .. } => [&[self.inputs], hidden.as_slice()].concat(),
        };
        let ends = widths.iter().skip(1).copied().chain([self.outputs]);
        widths
            .iter()
            .copied()
            .zip(ends)
            .map(<[_; 2]>::from)
            .collect()
    }

    /// Weights and biases; none where they cannot be counted.
    fn parameters(&self) -> Option<usize> {
        let dense = |[inputs, outputs]: [usize; 2]| inputs.checked_add(1)?.checked_mul(outputs);
        let kernels = |[from, to]: [usize; 2]| Some((9 * from + 1) * to);
        let counts = self.layers().into_iter().map(dense);
        counts
            .chain(self.convolutions().into_iter().map(kernels))
            .try_fold(0usize, |sum, count| sum.checked_add(count?))
    }

    /// Whether a network can be built: what a file says may be anything.
    pub fn sound(&self) -> bool {
        let fits = self
            .parameters()
            .is_some_and(|count| count <= MOST_PARAMETERS);
        fits && self.inputs > 0 && self.outputs > 0 && self.image()
    }

    /// Whether the inputs are a square image, where the model wants one.
    fn image(&self) -> bool {
        let side = self.inputs.isqrt();
        self.model != Model::Cnn || (side.pow(2) == self.inputs && side >= LEAST_SIDE)
    }

    /// The network in words, from the inputs to the scores.
    pub fn describe(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for (c, [from, to]) in self.convolutions().into_iter().enumerate() {
            words.push(format!(
                "convolutions.{c}: 3 x 3, {from} to {to} channels, padding 1, then ReLU and 2 x 2 max-pooling"
            ));
        }
        for (l, [inputs, outputs]) in self.layers().into_iter().enumerate() {
            let then = match &self.model {
                Model::Mlp { hidden, activation } if l < hidden.len() => {
                    format!(", then {activation}")
                }
                _ => String::new(),
            };
            words.push(format!("layers.{l}: x W + b, {inputs} to {outputs}{then}"));
        }
        words.join("; ")
    }

    /// The network at its start, drawn from `random`: biases 0 and weights uniform, with the variance 2/inputs of He et al. (ICCV
    /// 2015) before a ReLU and 2/(inputs + outputs) of Glorot and Bengio (AISTATS 2010) elsewhere. Softmax, which is convex,
    /// starts at 0.
    pub fn init(&self, random: &mut impl Rng, device: &Device) -> Network {
        let mut uniform = |shape: Vec<usize>, variance: f64| {
            let bound = (3.0 * variance).sqrt();
            let count = shape.iter().product();
            let draw = |_| (bound * (2.0 * random.random::<f64>() - 1.0)) as f32;
            TensorData::new((0..count).map(draw).collect::<Vec<f32>>(), shape)
        };
        let convolutions = self.convolutions().into_iter().map(|[from, to]| {
            let weight = uniform(vec![to, from, 3, 3], 2.0 / (9 * from) as f64);
            let layer = Conv2dConfig::new([from, to], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device);
            Conv2d {
                weight: Param::from_data(weight, device),
                bias: Some(Param::from_tensor(Tensor::zeros([to], device))),
                ..layer
            }
        });
        let convolutions = convolutions.collect();
        let activation = match self.model {
            Model::Mlp { activation, .. } => activation,
            _ => Activation::Relu,
        };
        let (layers, last) = (self.layers(), self.layers().len() - 1);
        let layers = layers
            .into_iter()
            .enumerate()
            .map(|(l, [inputs, outputs])| {
                let variance = match activation {
                    _ if self.model == Model::Softmax => 0.0,
                    Activation::Relu if l < last => 2.0 / inputs as f64,
                    _ => 2.0 / (inputs + outputs) as f64,
                };
                let weight = uniform(vec![inputs, outputs], variance);
                Linear {
                    weight: Param::from_data(weight, device),
                    bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
                }
            });
        Network {
            layers: layers.collect(),
            convolutions,
            activation,
        }
    }
}

/// A model as a Burn module: convolutions, where there are any, and linear layers.
#[derive(Module, Debug)]
pub struct Network {
    convolutions: Vec<Conv2d>,
    layers: Vec<Linear>,
    #[module(skip)]
    activation: Activation,
}

impl Network {
    /// The path and the shape of every tensor.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Shapes::default();
        self.visit(&mut shapes);
        shapes.tensors
    }

    /// Scores \[B, outputs\] of inputs \[B, features\].
    pub fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let mut x = self.convolve(inputs);
        for (l, layer) in self.layers.iter().enumerate() {
            if l > 0 {
                x = match self.activation {
                    Activation::Tanh => activation::tanh(x),
                    Activation::Relu => activation::relu(x),
                };
            }
            x = layer.forward(x);
        }
        x
    }

    /// The inputs as images \[B, 1, side, side\] through all convolutions, flat again.
    fn convolve(&self, inputs: Tensor<2>) -> Tensor<2> {
        if self.convolutions.is_empty() {
            return inputs;
        }
        let [rows, features] = inputs.dims();
        let side = features.isqrt();
        let mut x = inputs.reshape([rows, 1, side, side]);
        for convolution in &self.convolutions {
            let pooling = MaxPoolOptions::new([2, 2]).with_stride([2, 2]);
            x = max_pool2d(activation::relu(convolution.forward(x)), pooling);
        }
        x.flatten(1, 3)
    }
}

/// Collects the shapes of a module's tensors.
#[derive(Default)]
struct Shapes {
    path: Vec<String>,
    tensors: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.val().dims().to_vec();
        self.tensors.push((self.path.join("."), shape));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_agent::DeviceKind;
    use qstride_objectives::Streams;

    fn sizes(model: &str, inputs: usize, outputs: usize) -> Architecture {
        Architecture {
            model: Model::parse(model).unwrap(),
            inputs,
            outputs,
        }
    }

    #[test]
    fn words() {
        for text in ["softmax", "cnn", "mlp:64,32:relu", "mlp:32:tanh"] {
            assert_eq!(Model::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Model::parse("mlp").unwrap().to_string(), "mlp:32:tanh");
        let fault = |text| Model::parse(text).unwrap_err();
        assert_eq!(
            fault("sofmax"),
            "unknown model 'sofmax'; did you mean 'softmax'?"
        );
        assert!(fault("huber").contains("there are: softmax, mlp, cnn"));
        assert!(fault("mlp:0").contains("'0' is no width"));
        assert!(fault("cnn:8").contains("nothing is expected"));
    }

    #[test]
    fn parameters_are_counted_as_burn_counts_them() {
        let device = DeviceKind::Flex.device();
        for (model, wanted) in [
            ("softmax", 650),
            ("mlp:32", 2410),
            ("mlp:16,8:relu", 1040 + 136 + 90),
            ("cnn", 80 + 1168 + 650),
        ] {
            let sizes = sizes(model, 64, 10);
            let network = sizes.init(&mut Streams::new(1).stream("w"), &device);
            assert_eq!(
                (sizes.parameters(), network.num_params()),
                (Some(wanted), wanted)
            );
            let scores = network.forward(Tensor::ones([3, 64], &device));
            assert_eq!(scores.dims(), [3, 10]);
        }
        assert_eq!(
            sizes("mlp:9999999999,9999999999", 64, 10).parameters(),
            None
        );
    }

    #[test]
    fn initial_weights_have_the_stated_variance_and_follow_from_the_seed() {
        let device = DeviceKind::Flex.device();
        let weights = |seed| {
            let network =
                sizes("mlp:200:relu", 100, 10).init(&mut Streams::new(seed).stream("w"), &device);
            let data = network.layers[0].weight.val().into_data();
            data.iter::<f32>().collect::<Vec<f32>>()
        };
        let drawn = weights(1);
        let variance = drawn.iter().map(|w| f64::from(w * w)).sum::<f64>() / drawn.len() as f64;
        assert!((variance / 0.02 - 1.0).abs() < 0.03, "{variance}");
        assert_eq!(drawn, weights(1));
        assert_ne!(drawn, weights(2));
    }
}
