//! A small multilayer perceptron fitted to a teacher of the same shape.

use rand::{Rng, RngExt};

use crate::inner_product::{add_scaled, dot};
use crate::normal::normal;
use crate::{Formula, Instance};

/// The widest hidden layer, so that the activations of a sample fit on the stack.
const MAX_HIDDEN: usize = 4;

/// f(x) = (1/2m) Σᵢ (o(x, zᵢ) − tᵢ)² with o(x, z) = b + Σₖ vₖ tanh(wₖ·z + cₖ); f* = 0 at the teacher's weights.
///
/// x holds (wₖ, cₖ) for every hidden unit k, then v, then b: h(d+1) + h + 1 numbers for d inputs and h hidden units.
struct SmallMlp {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    input_size: usize,
    hidden: usize,
}

impl SmallMlp {
    fn weights(&self) -> usize {
        self.hidden * (self.input_size + 2) + 1
    }

    /// o(x, z), with the activations written into the first entries of `activations`.
    fn output(&self, x: &[f64], z: &[f64], activations: &mut [f64; MAX_HIDDEN]) -> f64 {
        let d = self.input_size;
        let (first, second) = x.split_at(self.hidden * (d + 1));
        for (h, unit) in activations.iter_mut().zip(first.chunks_exact(d + 1)) {
            *h = (dot(&unit[..d], z) + unit[d]).tanh();
        }
        dot(&second[..self.hidden], &activations[..self.hidden]) + second[self.hidden]
    }

    fn samples(&self) -> impl Iterator<Item = (&[f64], &f64)> {
        self.inputs.chunks_exact(self.input_size).zip(&self.targets)
    }
}

impl Formula for SmallMlp {
    fn value(&self, x: &[f64]) -> f64 {
        let mut activations = [0.0; MAX_HIDDEN];
        let squares: f64 = self
            .samples()
            .map(|(z, t)| (self.output(x, z, &mut activations) - t).powi(2))
            .sum();
        0.5 * squares / self.targets.len() as f64
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        let (d, h) = (self.input_size, self.hidden);
        let outgoing = &x[h * (d + 1)..];
        let (first, second) = gradient.split_at_mut(h * (d + 1));
        let mut activations = [0.0; MAX_HIDDEN];
        for (z, t) in self.samples() {
            let error = (self.output(x, z, &mut activations) - t) / self.targets.len() as f64;
            add_scaled(&mut second[..h], error, &activations);
            second[h] += error;
            let units = first.chunks_exact_mut(d + 1);
            for ((unit, a), v) in units.zip(&activations).zip(outgoing) {
                let delta = error * v * (1.0 - a * a);
                add_scaled(&mut unit[..d], delta, z);
                unit[d] += delta;
            }
        }
    }
}

/// A random teacher fit of the training distribution.
///
/// 1 to 3 inputs N(0, 1), 2 to 4 hidden units, 10 to 20 samples; the teacher's weights are N(0, 1.44) and the start lies
/// N(0, 0.49 I) from them.
pub fn random_small_mlp(rng: &mut impl Rng) -> Instance {
    let input_size = rng.random_range(1..=3);
    let hidden = rng.random_range(2..=MAX_HIDDEN);
    let samples = rng.random_range(10..=20);
    let mut formula = SmallMlp {
        inputs: (0..samples * input_size).map(|_| normal(rng)).collect(),
        targets: vec![0.0; samples],
        input_size,
        hidden,
    };
    let teacher: Vec<f64> = (0..formula.weights()).map(|_| 1.2 * normal(rng)).collect();
    let start = teacher.iter().map(|w| w + 0.7 * normal(rng)).collect();
    let mut activations = [0.0; MAX_HIDDEN];
    formula.targets = formula
        .samples()
        .map(|(z, _)| formula.output(&teacher, z, &mut activations))
        .collect();
    Instance::new("small-mlp", formula, start).with_minimum(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_by_hand() {
        let f = SmallMlp {
            inputs: vec![2.0],
            targets: vec![1.0],
            input_size: 1,
            hidden: 2,
        };
        assert_eq!(f.weights(), 7);
        let x = [0.5, -1.0, 0.0, 0.25, 3.0, 2.0, 0.5];
        let output: f64 = 0.5 + 3.0 * 0f64.tanh() + 2.0 * 0.25f64.tanh();
        assert!((f.value(&x) - 0.5 * (output - 1.0).powi(2)).abs() < 1e-15);
    }
}
