//! One dense layer, evaluated for a block of rows at a time.

use crate::inner_product::add_scaled;

/// z = W a + b for every row a of a block.
///
/// Its parameters stand one behind the other: W, `outputs` x `inputs`, row by row, then b.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dense {
    pub inputs: usize,
    pub outputs: usize,
}

impl Dense {
    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.weights() + self.outputs
    }

    /// The number of parameters without the biases.
    pub fn weights(&self) -> usize {
        self.inputs * self.outputs
    }

    /// z = W a + b; `rows` is B x inputs, `scores` B x outputs.
    pub fn forward(&self, parameters: &[f64], rows: &[f64], scores: &mut [f64]) {
        let (weights, biases) = parameters.split_at(self.weights());
        // One row of W stays in the nearest cache while the rows of the block go by.
        for (k, (w, bias)) in weights.chunks_exact(self.inputs).zip(biases).enumerate() {
            let out = scores.iter_mut().skip(k).step_by(self.outputs);
            for (row, score) in rows.chunks_exact(self.inputs).zip(out) {
                *score = bias + dot(w, row);
            }
        }
    }

    /// Adds Δᵀ A to the part of `gradient` that belongs to W and the column sums of Δ to that of b; Δ = `delta` is B x outputs,
    /// A = `rows` is B x inputs.
    pub fn add_gradient(&self, rows: &[f64], delta: &[f64], gradient: &mut [f64]) {
        let (weights, biases) = gradient.split_at_mut(self.weights());
        for (k, (w, bias)) in weights
            .chunks_exact_mut(self.inputs)
            .zip(biases)
            .enumerate()
        {
            let column = || delta.iter().skip(k).step_by(self.outputs).copied();
            add_combination(w, rows, column());
            *bias += column().sum::<f64>();
        }
    }

    /// Δ W, the derivative by the rows that went in; `delta` is B x outputs, `result` B x inputs.
    pub fn backward(&self, parameters: &[f64], delta: &[f64], result: &mut [f64]) {
        let weights = &parameters[..self.weights()];
        result.fill(0.0);
        for (row, delta) in result
            .chunks_exact_mut(self.inputs)
            .zip(delta.chunks_exact(self.outputs))
        {
            add_combination(row, weights, delta.iter().copied());
        }
    }
}

/// aᵀb in eight lanes: on the long rows of a dataset about twice as fast as the four of [`crate::inner_product::dot`].
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (u, v) in a.iter().zip(b) {
        for (lane, (p, q)) in lanes.iter_mut().zip(u.iter().zip(v)) {
            *lane += p * q;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(p, q)| p * q).sum();
    lanes.iter().sum::<f64>() + rest
}

/// target += Σᵢ cᵢ rowᵢ, four rows at a time so that the target is read and written less often.
fn add_combination(target: &mut [f64], rows: &[f64], mut coefficients: impl Iterator<Item = f64>) {
    let width = target.len();
    let fours = rows.chunks_exact(4 * width);
    let rest = fours.remainder();
    for four in fours {
        let mut next = || coefficients.next().unwrap_or(0.0);
        let (c0, c1, c2, c3) = (next(), next(), next(), next());
        let (first, second) = four.split_at(2 * width);
        let ((r0, r1), (r2, r3)) = (first.split_at(width), second.split_at(width));
        for ((((t, r0), r1), r2), r3) in target.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
            *t += (c0 * r0 + c1 * r1) + (c2 * r2 + c3 * r3);
        }
    }
    for (row, c) in rest.chunks_exact(width).zip(coefficients) {
        add_scaled(target, c, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Small whole numbers: every sum below is exact, whatever its order.
    fn numbers(count: usize, step: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * step) % 7) as f64 - 3.0).collect()
    }

    proptest! {
        #[test]
        fn the_three_passes_equal_their_definitions(inputs in 1..20_usize, outputs in 1..6_usize, count in 1..11_usize) {
            let layer = Dense { inputs, outputs };
            let parameters = numbers(layer.parameters(), 3);
            let (rows, delta) = (numbers(count * inputs, 5), numbers(count * outputs, 4));
            let (w, b) = parameters.split_at(inputs * outputs);

            let mut scores = vec![f64::NAN; count * outputs];
            layer.forward(&parameters, &rows, &mut scores);
            let mut gradient = vec![1.0; layer.parameters()];
            layer.add_gradient(&rows, &delta, &mut gradient);
            let mut back = vec![f64::NAN; count * inputs];
            layer.backward(&parameters, &delta, &mut back);

            for k in 0..outputs {
                for r in 0..count {
                    let z: f64 = b[k] + (0..inputs).map(|j| w[k * inputs + j] * rows[r * inputs + j]).sum::<f64>();
                    prop_assert_eq!(scores[r * outputs + k], z);
                }
                for j in 0..inputs {
                    let g: f64 = (0..count).map(|r| delta[r * outputs + k] * rows[r * inputs + j]).sum();
                    prop_assert_eq!(gradient[k * inputs + j], 1.0 + g);
                }
                let g: f64 = (0..count).map(|r| delta[r * outputs + k]).sum();
                prop_assert_eq!(gradient[inputs * outputs + k], 1.0 + g);
            }
            for r in 0..count {
                for j in 0..inputs {
                    let d: f64 = (0..outputs).map(|k| delta[r * outputs + k] * w[k * inputs + j]).sum();
                    prop_assert_eq!(back[r * inputs + j], d);
                }
            }
        }
    }
}
