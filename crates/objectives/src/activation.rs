//! The activations of a multilayer perceptron.

use std::fmt;

/// What follows each hidden layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// tanh z
    #[default]
    Tanh,
    /// max(0, z), with the derivative 0 at 0
    Relu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 2] = [Activation::Tanh, Activation::Relu];

    /// `tanh` or `relu`.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        }
    }

    /// Replaces every z by its activation.
    pub(crate) fn apply(self, values: &mut [f64]) {
        match self {
            Activation::Tanh => values.iter_mut().for_each(|z| *z = z.tanh()),
            // Not f64::max, which would turn NaN into 0 and hide a divergence.
            Activation::Relu => values
                .iter_mut()
                .for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
        }
    }

    /// Multiplies each entry of `delta` by the derivative at the point whose activation is given.
    pub(crate) fn chain(self, delta: &mut [f64], activations: &[f64]) {
        let pairs = delta.iter_mut().zip(activations);
        match self {
            Activation::Tanh => pairs.for_each(|(d, a)| *d *= 1.0 - a * a),
            Activation::Relu => pairs.for_each(|(d, a)| *d = if *a == 0.0 { 0.0 } else { *d }),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
