//! The Q-network: a multilayer perceptron with one q-value per action.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Widths of a Q-network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QNetworkShape {
    /// Length of a state.
    pub inputs: usize,
    /// Widths of the hidden layers, from the input on.
    pub hidden: Vec<usize>,
    /// Number of actions.
    pub actions: usize,
    /// Whether the last layer gives a value and advantages (see [`QNetwork`]).
    pub dueling: bool,
}

impl QNetworkShape {
    /// The shape with these widths.
    pub fn new(inputs: usize, hidden: &[usize], actions: usize, dueling: bool) -> Self {
        Self {
            inputs,
            hidden: hidden.to_vec(),
            actions,
            dueling,
        }
    }

    /// Inputs and outputs of every layer; a dueling network has one more output than actions.
    pub fn layers(&self) -> Vec<[usize; 2]> {
        let last = self.actions + usize::from(self.dueling);
        let outputs = self.hidden.iter().copied().chain([last]);
        let inputs = [self.inputs].into_iter().chain(self.hidden.iter().copied());
        inputs.zip(outputs).map(<[usize; 2]>::from).collect()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers().iter().map(|[i, o]| (i + 1) * o).sum()
    }
}

/// One dense layer as plain numbers: outputs = weights^T inputs + bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseLayer {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Row major \[inputs, outputs\]: the weight from input i to output j stands at `i * outputs + j`.
    pub weights: Vec<f32>,
    /// \[outputs\]
    pub bias: Vec<f32>,
}

/// Layers that make no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayersError {
    /// There is no layer at all.
    #[error("a network needs at least one layer")]
    Empty,
    /// A layer's inputs are not the outputs of the layer before it.
    #[error("layer {layer} takes {inputs} inputs, but the layer before gives {outputs}")]
    Width {
        /// Index of the layer.
        layer: usize,
        /// What it takes.
        inputs: usize,
        /// What it is given.
        outputs: usize,
    },
    /// The number of weights or biases does not fit the layer's widths.
    #[error("layer {layer} has {found} {what}, its widths ask for {expected}")]
    Length {
        /// Index of the layer.
        layer: usize,
        /// `weights` or `biases`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

/// q(s) of a multilayer perceptron with ReLU between its layers.
///
/// All weights and biases are one flat vector (layer after layer, weights before bias) and the layers are views of it, so
/// that optimizer and target network work on one tensor. A dueling network's last layer gives (v, a_1 .. a_A), and
/// q_i = v + a_i - mean(a): Wang et al., 'Dueling network architectures', 2016, with one shared trunk. That is linear, so
/// [`QNetwork::to_layers`] folds it into the last layer.
#[derive(Module, Debug)]
pub struct QNetwork {
    parameters: Param<Tensor<1>>,
    /// Weights \[inputs, outputs\] and bias \[1, outputs\] of every layer: views of the parameters, made once.
    #[module(skip)]
    layers: Vec<(Tensor<2>, Tensor<2>)>,
    #[module(skip)]
    shape: QNetworkShape,
}

impl QNetwork {
    /// A network with random weights and zero biases: uniform, with standard deviation sqrt(2 / inputs) in the hidden layers
    /// (He et al., 2015) and 0.1 / sqrt(inputs) in the last one, so that the first q-values are small.
    pub fn init(shape: QNetworkShape, rng: &mut impl Rng, device: &Device) -> Self {
        let layers = shape.layers();
        let mut parameters = Vec::with_capacity(shape.parameters());
        for (l, &[inputs, outputs]) in layers.iter().enumerate() {
            let gain: f32 = if l + 1 == layers.len() { 0.01 } else { 2.0 };
            let bound = (3.0 * gain / inputs as f32).sqrt();
            parameters
                .extend((0..inputs * outputs).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)));
            parameters.extend((0..outputs).map(|_| 0.0));
        }
        Self::from_tensor(shape, Tensor::from_floats(&*parameters, device))
    }

    /// The network whose flat parameter vector is this tensor, of length [`QNetworkShape::parameters`].
    pub(crate) fn from_tensor(shape: QNetworkShape, parameters: Tensor<1>) -> Self {
        let layers = views(&shape, &parameters);
        let parameters = Param::initialized(Default::default(), parameters);
        Self {
            parameters,
            layers,
            shape,
        }
    }

    /// A network of plain dense layers (not dueling).
    ///
    /// # Errors
    /// [`LayersError`] if widths or lengths do not fit.
    pub fn from_layers(layers: &[DenseLayer], device: &Device) -> Result<Self, LayersError> {
        let (first, last) = match layers {
            [] => return Err(LayersError::Empty),
            [first, ..] => (first, &layers[layers.len() - 1]),
        };
        let mut width = first.inputs;
        let mut parameters = Vec::new();
        for (layer, dense) in layers.iter().enumerate() {
            let (inputs, outputs) = (dense.inputs, width);
            if inputs != outputs {
                return Err(LayersError::Width {
                    layer,
                    inputs,
                    outputs,
                });
            }
            for (what, found, expected) in [
                ("weights", dense.weights.len(), dense.inputs * dense.outputs),
                ("biases", dense.bias.len(), dense.outputs),
            ] {
                if found != expected {
                    return Err(LayersError::Length {
                        layer,
                        what,
                        found,
                        expected,
                    });
                }
            }
            parameters.extend_from_slice(&dense.weights);
            parameters.extend_from_slice(&dense.bias);
            width = dense.outputs;
        }
        let hidden: Vec<_> = layers[..layers.len() - 1]
            .iter()
            .map(|l| l.outputs)
            .collect();
        let shape = QNetworkShape::new(first.inputs, &hidden, last.outputs, false);
        Ok(Self::from_tensor(
            shape,
            Tensor::from_floats(&*parameters, device),
        ))
    }

    /// The dense layers; those of a dueling network are the plain ones that give the same q-values.
    pub fn to_layers(&self) -> Vec<DenseLayer> {
        let flat = floats(self.parameters());
        let mut rest = flat.as_slice();
        let mut layers = Vec::new();
        for [inputs, outputs] in self.shape.layers() {
            let (weights, after) = rest.split_at(inputs * outputs);
            let (bias, after) = after.split_at(outputs);
            rest = after;
            layers.push(DenseLayer {
                inputs,
                outputs,
                weights: weights.to_vec(),
                bias: bias.to_vec(),
            });
        }
        if let (true, Some(last)) = (self.shape.dueling, layers.last_mut()) {
            last.weights = last
                .weights
                .chunks(last.outputs)
                .flat_map(combine_row)
                .collect();
            last.bias = combine_row(&last.bias);
            last.outputs = self.shape.actions;
        }
        layers
    }

    /// The widths.
    pub fn shape(&self) -> &QNetworkShape {
        &self.shape
    }

    /// The flat parameter vector.
    pub fn parameters(&self) -> Tensor<1> {
        self.parameters.val()
    }

    /// q-values \[B, A\] of states \[B, D\].
    pub fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        self.forward_q(states).1
    }

    /// The input of every layer, and the q-values.
    pub(crate) fn forward_q(&self, states: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let last = self.layers.len() - 1;
        let mut inputs = Vec::with_capacity(self.layers.len());
        let mut x = states;
        for (l, (weights, bias)) in self.layers.iter().enumerate() {
            inputs.push(x.clone());
            x = x.matmul(weights.clone()) + bias.clone();
            if l < last {
                x = activation::relu(x);
            }
        }
        (inputs, self.combine(x))
    }

    /// The gradient of a loss with respect to the flat parameters, from the inputs of the layers and the gradient \[B, A\] of
    /// the loss with respect to the q-values.
    ///
    /// For a layer y = x W + b followed by ReLU: dW = x^T dy, db = sum of the rows of dy, dx = dy W^T where x > 0, else 0.
    pub(crate) fn backward(&self, inputs: Vec<Tensor<2>>, q_gradient: Tensor<2>) -> Tensor<1> {
        let mut delta = self.combine_backward(q_gradient);
        let mut gradients = Vec::with_capacity(2 * inputs.len());
        for (l, (x, (weights, _))) in inputs.into_iter().zip(&self.layers).enumerate().rev() {
            let outputs = delta.dims()[1];
            gradients.push(delta.clone().sum_dim(0).reshape([outputs]));
            gradients.push(flatten(x.clone().transpose().matmul(delta.clone())));
            if l > 0 {
                delta = delta
                    .matmul(weights.clone().transpose())
                    .mask_fill(x.lower_equal_scalar(0.0), 0.0);
            }
        }
        gradients.reverse();
        Tensor::cat(gradients, 0)
    }

    /// q = raw C, with C \[A + 1, A\] that makes v + a_i - mean(a).
    fn combine(&self, raw: Tensor<2>) -> Tensor<2> {
        match self.shape.dueling {
            true => raw.clone().matmul(self.combination(&raw)),
            false => raw,
        }
    }

    fn combine_backward(&self, q_gradient: Tensor<2>) -> Tensor<2> {
        match self.shape.dueling {
            true => q_gradient
                .clone()
                .matmul(self.combination(&q_gradient).transpose()),
            false => q_gradient,
        }
    }

    fn combination(&self, like: &Tensor<2>) -> Tensor<2> {
        let actions = self.shape.actions;
        let mut rows = Vec::with_capacity((actions + 1) * actions);
        for i in 0..=actions {
            let mut unit = vec![0.0; actions + 1];
            unit[i] = 1.0;
            rows.extend(combine_row(&unit));
        }
        Tensor::from_data(
            TensorData::new(rows, [actions + 1, actions]),
            &like.device(),
        )
    }
}

/// The layers as views of the flat parameters.
fn views(shape: &QNetworkShape, flat: &Tensor<1>) -> Vec<(Tensor<2>, Tensor<2>)> {
    let mut start = 0;
    let layers = shape.layers().into_iter().map(|[inputs, outputs]| {
        let (bias, end) = (start + inputs * outputs, start + (inputs + 1) * outputs);
        let weights = flat.clone().slice(start..bias).reshape([inputs, outputs]);
        let bias = flat.clone().slice(bias..end).reshape([1, outputs]);
        start = end;
        (weights, bias)
    });
    layers.collect()
}

/// v + a_i - mean(a) of one row (v, a_1 .. a_A).
fn combine_row(row: &[f32]) -> Vec<f32> {
    let advantages = &row[1..];
    let mean = advantages.iter().sum::<f32>() / advantages.len() as f32;
    advantages.iter().map(|a| row[0] + a - mean).collect()
}

/// \[R, C\] as one vector.
fn flatten(tensor: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = tensor.dims();
    tensor.reshape([rows * columns])
}

/// The numbers of a tensor, row major.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceKind;
    use qstride_objectives::Streams;

    fn network(shape: &QNetworkShape, device: &Device) -> QNetwork {
        QNetwork::init(
            shape.clone(),
            &mut Streams::new(3).stream("weights"),
            device,
        )
    }

    fn states(rows: usize, columns: usize, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = (0..rows * columns)
            .map(|i| ((i * i + 3) as f32).sin())
            .collect();
        Tensor::from_data(TensorData::new(values, [rows, columns]), device)
    }

    #[test]
    fn forward_by_hand() {
        let device = DeviceKind::Flex.device();
        let layers = [
            DenseLayer {
                inputs: 2,
                outputs: 2,
                weights: vec![1.0, -1.0, 2.0, 0.5],
                bias: vec![0.5, 0.25],
            },
            DenseLayer {
                inputs: 2,
                outputs: 1,
                weights: vec![2.0, 4.0],
                bias: vec![-1.0],
            },
        ];
        let network = QNetwork::from_layers(&layers, &device).unwrap();
        // (1, 1): hidden (3.5, -0.25 -> 0), q = 6; (-1, 0): hidden (-0.5 -> 0, 1.25), q = 4
        let x = Tensor::from_floats([[1.0, 1.0], [-1.0, 0.0]], &device);
        assert_eq!(floats(network.forward(x)), [6.0, 4.0]);
        assert_eq!(network.to_layers(), layers);
        assert_eq!(
            QNetwork::from_layers(&[], &device).unwrap_err(),
            LayersError::Empty
        );
        let swapped = [layers[1].clone(), layers[0].clone()];
        assert_eq!(
            QNetwork::from_layers(&swapped, &device)
                .unwrap_err()
                .to_string(),
            "layer 1 takes 2 inputs, but the layer before gives 1"
        );
    }

    #[test]
    fn the_two_devices_agree() {
        for dueling in [false, true] {
            let shape = QNetworkShape::new(38, &[32, 32], 5, dueling);
            let [flex, ndarray] = DeviceKind::ALL.map(|kind| {
                let device = kind.device();
                floats(network(&shape, &device).forward(states(200, 38, &device)))
            });
            for (a, b) in flex.iter().zip(&ndarray) {
                assert!((a - b).abs() <= 1e-5 * a.abs().max(0.01), "{a} {b}");
            }
        }
    }

    #[test]
    fn folded_dueling_layers_give_the_same_values() {
        let device = DeviceKind::Flex.device();
        let dueling = network(&QNetworkShape::new(6, &[16], 4, true), &device);
        let plain = QNetwork::from_layers(&dueling.to_layers(), &device).unwrap();
        assert_eq!(plain.shape(), &QNetworkShape::new(6, &[16], 4, false));
        let a = floats(dueling.forward(states(9, 6, &device)));
        let b = floats(plain.forward(states(9, 6, &device)));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn gradients_equal_those_of_autodiff() {
        for kind in DeviceKind::ALL {
            for shape in [
                QNetworkShape::new(12, &[64, 64], 3, false),
                QNetworkShape::new(7, &[], 3, false),
                QNetworkShape::new(5, &[9, 8, 7], 4, true),
            ] {
                let (rows, plain) = (16, kind.device());
                let network = network(&shape, &plain);
                let weights = states(rows, shape.actions, &plain);
                let (inputs, _) = network.forward_q(states(rows, shape.inputs, &plain));
                let ours = floats(network.backward(inputs, weights));

                let device = kind.device().autodiff();
                let tracked = Tensor::<1>::from_floats(&*floats(network.parameters()), &device)
                    .require_grad();
                let twin = QNetwork::from_tensor(shape.clone(), tracked.clone());
                let q = twin.forward(states(rows, shape.inputs, &device));
                let gradients = (q * states(rows, shape.actions, &device)).sum().backward();
                let theirs = floats(tracked.grad(&gradients).unwrap());
                assert_eq!(ours.len(), shape.parameters());
                for (a, b) in ours.iter().zip(&theirs) {
                    assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{kind} {a} {b}");
                }
                assert!(ours.iter().map(|g| g.abs()).sum::<f32>() > 1.0);
            }
        }
    }

    #[test]
    fn initial_weights_have_the_stated_spread_and_come_from_the_generator() {
        let device = DeviceKind::Flex.device();
        let shape = QNetworkShape::new(50, &[80], 40, false);
        let layers = network(&shape, &device).to_layers();
        assert_eq!(layers, network(&shape, &device).to_layers());
        for (layer, deviation) in layers
            .iter()
            .zip([(2.0f32 / 50.0).sqrt(), 0.1 / 80f32.sqrt()])
        {
            let mean_square =
                layer.weights.iter().map(|w| w * w).sum::<f32>() / layer.weights.len() as f32;
            assert!((mean_square.sqrt() / deviation - 1.0).abs() < 0.05);
            assert!(layer.bias.iter().all(|&b| b == 0.0));
        }
    }
}
