//! The pass that all data-driven objectives share: dense layers, a loss a sample, the mean over rows, a ridge.

use std::ops::Range;

use crate::activation::Activation;
use crate::dataset::Dataset;
use crate::dense::Dense;

/// Rows that go through the network together: few enough for their activations to stay in the nearest cache.
const BLOCK: usize = 32;

/// The rows over which a mean is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    /// Every row.
    All,
    /// The rows of a minibatch.
    Batch(&'a [usize]),
}

impl Rows<'_> {
    fn len(self, data: &Dataset) -> usize {
        match self {
            Rows::All => data.rows(),
            Rows::Batch(batch) => batch.len(),
        }
    }

    fn index(self, position: usize) -> usize {
        match self {
            Rows::All => position,
            Rows::Batch(batch) => batch[position],
        }
    }

    /// The features of the rows at these positions: the stored ones where they are contiguous, else copied to `gathered`.
    fn block<'b>(
        self,
        data: &'b Dataset,
        positions: Range<usize>,
        gathered: &'b mut Vec<f64>,
    ) -> &'b [f64] {
        match self {
            Rows::All => {
                &data.features()[positions.start * data.columns()..positions.end * data.columns()]
            }
            Rows::Batch(batch) => {
                gathered.clear();
                batch[positions]
                    .iter()
                    .for_each(|&row| gathered.extend_from_slice(data.row(row)));
                gathered
            }
        }
    }
}

/// Dense layers with an activation between them; a linear model is a network of one layer.
///
/// The parameters of the layers (see [`Dense`]) stand one behind the other, from the input to the output.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    layers: Vec<Dense>,
    activation: Activation,
    /// λ in the ridge ½ λ |W|², taken over all weights but not over the biases.
    ridge: f64,
}

impl Network {
    /// A network with the layers `widths[0]` -> `widths[1]` -> ...
    pub fn new(widths: &[usize], activation: Activation, ridge: f64) -> Self {
        let layers = widths
            .windows(2)
            .map(|w| Dense {
                inputs: w[0],
                outputs: w[1],
            })
            .collect();
        Self {
            layers,
            activation,
            ridge,
        }
    }

    /// A linear model.
    pub fn linear(inputs: usize, outputs: usize, ridge: f64) -> Self {
        Self::new(&[inputs, outputs], Activation::default(), ridge)
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Dense::parameters).sum()
    }

    /// The layers, from the input to the output.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// (1/|rows|) Σᵢ loss(i, scores of row i) + ½ λ |W|², and its gradient where one is asked for.
    ///
    /// `loss` gets the index of the row and its scores, returns the loss and leaves the derivative of the loss by the scores in
    /// their place. The mean over no rows is NaN.
    pub fn mean_loss(
        &self,
        x: &[f64],
        data: &Dataset,
        rows: Rows<'_>,
        mut gradient: Option<&mut [f64]>,
        mut loss: impl FnMut(usize, &mut [f64]) -> f64,
    ) -> f64 {
        let count = rows.len(data);
        let outputs = self.layers.last().map_or(0, |l| l.outputs);
        let mut pass = Pass::new(self);
        let mut gathered = Vec::new();
        let mut sum = 0.0;
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient.fill(0.0);
        }
        for first in (0..count).step_by(BLOCK) {
            let size = BLOCK.min(count - first);
            let inputs = rows.block(data, first..first + size, &mut gathered);
            let scores = pass.forward(x, inputs, size);
            for (position, scores) in (first..).zip(scores.chunks_exact_mut(outputs)) {
                sum += loss(rows.index(position), scores);
            }
            if let Some(gradient) = gradient.as_deref_mut() {
                pass.backward(x, inputs, size, gradient);
            }
        }
        let mean = sum / count as f64;
        mean + self.finish(x, count, gradient)
    }

    /// The ridge; the sum in `gradient` becomes the mean plus the derivative of the ridge.
    fn finish(&self, x: &[f64], count: usize, mut gradient: Option<&mut [f64]>) -> f64 {
        let mut squares = 0.0;
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient.iter_mut().for_each(|g| *g /= count as f64);
        }
        if self.ridge == 0.0 {
            return 0.0;
        }
        for (layer, range) in self.ranges() {
            let weights = range.start..range.start + layer.weights();
            squares += x[weights.clone()].iter().map(|w| w * w).sum::<f64>();
            if let Some(gradient) = gradient.as_deref_mut() {
                gradient[weights.clone()]
                    .iter_mut()
                    .zip(&x[weights])
                    .for_each(|(g, w)| *g += self.ridge * w);
            }
        }
        0.5 * self.ridge * squares
    }

    /// Every layer with the place of its parameters.
    pub fn ranges(&self) -> impl Iterator<Item = (Dense, Range<usize>)> {
        self.layers.iter().scan(0, |end, layer| {
            let start = *end;
            *end += layer.parameters();
            Some((*layer, start..*end))
        })
    }
}

/// The buffers of one evaluation.
struct Pass<'a> {
    network: &'a Network,
    places: Vec<(Dense, Range<usize>)>,
    /// What each layer puts out, B x outputs; on the way back the derivative of the loss by it.
    outputs: Vec<Vec<f64>>,
    /// The derivative by the input of a layer, before it goes through the activation.
    delta: Vec<f64>,
}

impl<'a> Pass<'a> {
    fn new(network: &'a Network) -> Self {
        let widest = network
            .layers
            .iter()
            .skip(1)
            .map(|l| l.inputs)
            .max()
            .unwrap_or(0);
        Self {
            network,
            places: network.ranges().collect(),
            outputs: network
                .layers
                .iter()
                .map(|l| vec![0.0; BLOCK * l.outputs])
                .collect(),
            delta: vec![0.0; BLOCK * widest],
        }
    }

    /// The scores of a block of `size` rows.
    fn forward(&mut self, x: &[f64], inputs: &[f64], size: usize) -> &mut [f64] {
        for l in 0..self.places.len() {
            let (layer, range) = &self.places[l];
            let (before, after) = self.outputs.split_at_mut(l);
            let input = before.last().map_or(inputs, |a| &a[..size * layer.inputs]);
            let output = &mut after[0][..size * layer.outputs];
            layer.forward(&x[range.clone()], input, output);
            if l + 1 < self.places.len() {
                self.network.activation.apply(output);
            }
        }
        match (self.outputs.last_mut(), self.places.last()) {
            (Some(scores), Some((layer, _))) => &mut scores[..size * layer.outputs],
            _ => &mut [],
        }
    }

    /// Adds the gradient of a block, whose last outputs have been replaced by the derivative of the loss.
    fn backward(&mut self, x: &[f64], inputs: &[f64], size: usize, gradient: &mut [f64]) {
        for l in (0..self.places.len()).rev() {
            let (layer, range) = &self.places[l];
            let (before, after) = self.outputs.split_at_mut(l);
            let derivative = &after[0][..size * layer.outputs];
            match before.last_mut() {
                None => layer.add_gradient(inputs, derivative, &mut gradient[range.clone()]),
                Some(activations) => {
                    let activations = &mut activations[..size * layer.inputs];
                    let delta = &mut self.delta[..size * layer.inputs];
                    layer.add_gradient(activations, derivative, &mut gradient[range.clone()]);
                    layer.backward(&x[range.clone()], derivative, delta);
                    self.network.activation.chain(delta, activations);
                    activations.copy_from_slice(delta);
                }
            }
        }
    }
}
