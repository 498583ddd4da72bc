//! A frozen Q-network in plain `f32`: the same bits on every device, no Burn.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The shape of a Q-network: dense layers with ReLU between them, and one output an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkShape {
    /// The width of the state.
    pub inputs: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The number of actions.
    pub actions: usize,
}

impl NetworkShape {
    /// (inputs, outputs) of each dense layer.
    pub fn layers(&self) -> Vec<(usize, usize)> {
        let widths: Vec<usize> = std::iter::once(self.inputs)
            .chain(self.hidden.iter().copied())
            .chain([self.actions])
            .collect();
        widths.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// How many numbers the network has: weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers()
            .iter()
            .map(|(inputs, outputs)| (inputs + 1) * outputs)
            .sum()
    }
}

/// One dense layer y = xW + b.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// W, shape \[inputs, outputs\], row by row.
    pub weights: Vec<f32>,
    /// b, shape \[outputs\].
    pub bias: Vec<f32>,
}

/// Weights that do not fit a shape, or are not numbers.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PolicyError {
    /// Too many or too few.
    #[error("the network needs {expected} weights and biases, or a multiple of it, not {found}")]
    Count {
        /// One member, by the shape.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// NaN or infinite.
    #[error("weight {index} is {value}: every weight must be finite")]
    NotFinite {
        /// Its place in the flat list.
        index: usize,
        /// What stands there.
        value: f32,
    },
    /// A width of zero.
    #[error("a network layer has width 0")]
    EmptyLayer,
    /// Networks that cannot be put side by side.
    #[error("a policy needs at least one member, and all of one shape")]
    Members,
}

/// A frozen Q-network: q-values of a state, and the greedy choice. It may have several members, networks of one shape; its q-values are
/// then the means of theirs.
///
/// ```
/// use qstride_control::policy::{NetworkShape, Policy};
///
/// let shape = NetworkShape { inputs: 1, hidden: vec![], actions: 2 };
/// // W = (1, -1), b = (0, 0.5)
/// let mut policy = Policy::from_flat(shape, &[1.0, -1.0, 0.0, 0.5]).unwrap();
/// assert_eq!(policy.q_values(&[1.0]), [1.0, -0.5]);
/// assert_eq!(policy.greedy(&[0.0]), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    shape: NetworkShape,
    /// The layers of each member.
    members: Vec<Vec<Dense>>,
    /// Two activation buffers, as wide as the widest layer.
    buffers: [Vec<f32>; 2],
    q: Vec<f32>,
}

impl Policy {
    /// From the flat list of weights: each layer's W, row by row, then its b; several members one after another.
    ///
    /// # Errors
    /// A count that is no multiple of [`NetworkShape::parameters`], a number that is not finite, or a layer of width 0.
    pub fn from_flat(shape: NetworkShape, flat: &[f32]) -> Result<Self, PolicyError> {
        if shape.layers().iter().any(|(i, o)| *i == 0 || *o == 0) || shape.actions == 0 {
            return Err(PolicyError::EmptyLayer);
        }
        if flat.is_empty() || !flat.len().is_multiple_of(shape.parameters()) {
            return Err(PolicyError::Count {
                expected: shape.parameters(),
                found: flat.len(),
            });
        }
        if let Some((index, value)) = flat.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(PolicyError::NotFinite {
                index,
                value: *value,
            });
        }
        let members = flat
            .chunks_exact(shape.parameters())
            .map(|member| dense_layers(&shape, member))
            .collect();
        let widest = shape
            .layers()
            .iter()
            .map(|(i, o)| *i.max(o))
            .max()
            .unwrap_or(0);
        Ok(Self {
            members,
            buffers: [vec![0.0; widest], vec![0.0; widest]],
            q: vec![0.0; shape.actions],
            shape,
        })
    }

    /// A network that has learnt nothing: He-normal hidden layers, a last layer of 0.1/√inputs, biases zero.
    ///
    /// # Errors
    /// A layer of width 0.
    pub fn untrained(shape: NetworkShape, generator: &mut ChaCha8Rng) -> Result<Self, PolicyError> {
        let layers = shape.layers();
        let mut flat = Vec::with_capacity(shape.parameters());
        for (index, &(inputs, outputs)) in layers.iter().enumerate() {
            let last = index + 1 == layers.len();
            let deviation = if last {
                0.1 / (inputs as f64).sqrt()
            } else {
                (2.0 / inputs as f64).sqrt()
            };
            flat.extend(
                (0..inputs * outputs).map(|_| (deviation * standard_normal(generator)) as f32),
            );
            flat.extend(std::iter::repeat_n(0.0, outputs));
        }
        Self::from_flat(shape, &flat)
    }

    /// The policy that has the members of all of these.
    ///
    /// ```
    /// use qstride_control::policy::{NetworkShape, Policy};
    ///
    /// let shape = NetworkShape { inputs: 1, hidden: vec![], actions: 1 };
    /// let [a, b] = [2.0, 4.0].map(|w| Policy::from_flat(shape.clone(), &[w, 1.0]).unwrap());
    /// assert_eq!(Policy::mean_of(&[a, b]).unwrap().q_values(&[10.0]), [31.0]);
    /// ```
    ///
    /// # Errors
    /// [`PolicyError::Members`] for none, or for different shapes.
    pub fn mean_of(policies: &[Self]) -> Result<Self, PolicyError> {
        let first = policies.first().ok_or(PolicyError::Members)?;
        if policies.iter().any(|policy| policy.shape != first.shape) {
            return Err(PolicyError::Members);
        }
        let flat: Vec<f32> = policies.iter().flat_map(Self::to_flat).collect();
        Self::from_flat(first.shape.clone(), &flat)
    }

    /// The flat list that [`from_flat`](Self::from_flat) takes.
    pub fn to_flat(&self) -> Vec<f32> {
        self.members
            .iter()
            .flatten()
            .flat_map(|layer| layer.weights.iter().chain(&layer.bias).copied())
            .collect()
    }

    /// The shape.
    pub fn shape(&self) -> &NetworkShape {
        &self.shape
    }

    /// How many networks it has.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// One q-value an action. `state` has `shape().inputs` entries; missing ones count as 0, further ones are not read.
    pub fn q_values(&mut self, state: &[f32]) -> &[f32] {
        let known = state.len().min(self.shape.inputs);
        let [input, output] = &mut self.buffers;
        self.q.fill(0.0);
        for layers in &self.members {
            input[..known].copy_from_slice(&state[..known]);
            input[known..].fill(0.0);
            for (index, layer) in layers.iter().enumerate() {
                let width = layer.bias.len();
                let out = &mut output[..width];
                out.copy_from_slice(&layer.bias);
                for (row, x) in layer.weights.chunks_exact(width).zip(input.iter()) {
                    for (o, w) in out.iter_mut().zip(row) {
                        *o += x * w;
                    }
                }
                if index + 1 < layers.len() {
                    for o in out {
                        *o = o.max(0.0);
                    }
                }
                std::mem::swap(input, output);
            }
            for (q, o) in self.q.iter_mut().zip(input.iter()) {
                *q += o;
            }
        }
        let count = self.members.len() as f32;
        for q in &mut self.q {
            *q /= count;
        }
        &self.q
    }

    /// The q-values of the last state.
    pub fn last_q_values(&self) -> &[f32] {
        &self.q
    }

    /// The action with the largest q-value; the first of equals.
    pub fn greedy(&mut self, state: &[f32]) -> usize {
        argmax(self.q_values(state))
    }
}

/// The layers of one network out of its flat list.
fn dense_layers(shape: &NetworkShape, flat: &[f32]) -> Vec<Dense> {
    let mut rest = flat;
    let layers = shape.layers().into_iter();
    layers
        .map(|(inputs, outputs)| {
            let (weights, after) = rest.split_at(inputs * outputs);
            let (bias, after) = after.split_at(outputs);
            rest = after;
            Dense {
                weights: weights.to_vec(),
                bias: bias.to_vec(),
            }
        })
        .collect()
}

/// One draw of N(0, 1) (Box and Muller, 1958).
fn standard_normal(generator: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - generator.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * generator.random::<f64>()).cos()
}

/// The index of the largest number, the first of equals; NaN is never the largest.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] || values[best].is_nan() {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_small_network_by_hand() {
        let shape = NetworkShape {
            inputs: 2,
            hidden: vec![2],
            actions: 2,
        };
        // h = relu((x0 - x1, 2 x1 - 1)), q = (h0 + h1, h0 - h1 + .5)
        let flat = [
            1.0, 0.0, -1.0, 2.0, 0.0, -1.0, 1.0, 1.0, 1.0, -1.0, 0.0, 0.5,
        ];
        let mut policy = Policy::from_flat(shape, &flat).unwrap();
        assert_eq!(policy.q_values(&[3.0, 1.0]), [3.0, 1.5]);
        assert_eq!(policy.q_values(&[0.0, 1.0]), [1.0, -0.5]);
        assert_eq!(policy.to_flat(), flat);
    }

    #[test]
    fn the_mean_of_networks_has_the_mean_q_values() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        for hidden in [vec![], vec![5], vec![4, 3]] {
            let shape = NetworkShape {
                inputs: 3,
                hidden,
                actions: 2,
            };
            let mut members: Vec<Policy> = (0..4)
                .map(|_| Policy::untrained(shape.clone(), &mut generator).unwrap())
                .collect();
            let mut mean = Policy::mean_of(&members).unwrap();
            let state = [0.3, -1.0, 2.0];
            for action in 0..2 {
                let sum: f32 = members.iter_mut().map(|m| m.q_values(&state)[action]).sum();
                assert!((mean.q_values(&state)[action] - sum / 4.0).abs() < 1e-6);
            }
            let same = Policy::mean_of(&[mean.clone()]).unwrap();
            assert_eq!(same.to_flat(), mean.to_flat());
        }
        assert_eq!(Policy::mean_of(&[]), Err(PolicyError::Members));
    }

    #[test]
    fn wrong_weights_are_refused() {
        let shape = NetworkShape {
            inputs: 1,
            hidden: vec![],
            actions: 2,
        };
        assert_eq!(
            Policy::from_flat(shape.clone(), &[0.0; 3]),
            Err(PolicyError::Count {
                expected: 4,
                found: 3
            })
        );
        let nan = Policy::from_flat(shape.clone(), &[0.0, 0.0, f32::NAN, 0.0]);
        assert!(matches!(nan, Err(PolicyError::NotFinite { index: 2, .. })));
        assert_eq!(
            Policy::from_flat(
                NetworkShape {
                    actions: 0,
                    ..shape
                },
                &[]
            ),
            Err(PolicyError::EmptyLayer)
        );
    }

    #[test]
    fn the_first_of_equals_and_never_nan() {
        assert_eq!(argmax(&[1.0, 1.0]), 0);
        assert_eq!(argmax(&[f32::NAN, -1.0, f32::NAN, 0.0]), 3);
    }
}
