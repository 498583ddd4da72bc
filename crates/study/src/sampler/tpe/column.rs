//! The kernels of a Parzen density along one parameter.

use rand::{Rng, RngExt};

use crate::Distribution;
use crate::sampler::normal;

/// A kernel that stands this many of its widths inside the range loses 1e-9 of itself to the outside, which is not worth its computation.
const FAR: f64 = 6.0;
/// The narrowest kernel is this part of the range, or 1/(1 + number of kernels) of it when there are fewer.
const NARROWEST: f64 = 100.0;

/// The kernels along one parameter; the last one is the prior.
#[derive(Debug)]
pub(super) enum Column {
    /// Normal distributions cut off at the ends of the range.
    Real(Normals),
    /// The same, the mass in the cell around each value taken together.
    Discrete(Normals, Cells),
    /// The trial's choice more likely than the others.
    Choices(Choices),
}

/// Normal distributions on the scale of [`Distribution::scaled_range`].
#[derive(Debug)]
pub(super) struct Normals {
    distribution: Distribution,
    low: f64,
    high: f64,
    centre: Vec<f64>,
    // The inverse of the standard deviation.
    sharpness: Vec<f64>,
    // That of the narrowest kernels, which are many.
    sharpest: f64,
}

/// What was made out about the cells of values already.
#[derive(Debug)]
pub(super) struct Cells {
    // Of the kernel k: which of `distinct` it is.
    which: Vec<usize>,
    // Centre and sharpness.
    distinct: Vec<(f64, f64)>,
    // By value: the logarithm of the mass that each distinct kernel has there.
    masses: Vec<(f64, Vec<f64>)>,
}

/// Probabilities of choices.
#[derive(Debug)]
pub(super) struct Choices {
    count: usize,
    // Of every kernel but the prior.
    observed: Vec<usize>,
    // Of the kernel's own choice and of each other one.
    own: f64,
    other: f64,
}

impl Column {
    /// Kernels at `places` (internal representation). To `constant` is added what does not depend on the value asked for.
    pub(super) fn new(
        distribution: &Distribution,
        places: &[f64],
        prior_weight: f64,
        constant: &mut [f64],
    ) -> Self {
        if let Distribution::Categorical { choices } = distribution {
            return Self::Choices(Choices::new(choices.len(), places, prior_weight));
        }
        let normals = Normals::new(distribution, places);
        let real = matches!(distribution, Distribution::Float { step: None, .. });
        let root = normal::log_root_two_pi();
        let log_sharpest = libm::log(normals.sharpest);
        let kernels = constant
            .iter_mut()
            .zip(&normals.centre)
            .zip(&normals.sharpness);
        for ((constant, centre), sharpness) in kernels {
            let (below, above) = normals.ends(*centre, *sharpness);
            let [below, above] = [below, -above].map(|end| {
                let near = end > -FAR;
                if near { normal::cdf(end) } else { 0.0 }
            });
            let outside = below + above;
            if outside > 0.0 {
                *constant -= libm::log1p(-outside);
            }
            if real {
                let log_sharpness = if *sharpness == normals.sharpest {
                    log_sharpest
                } else {
                    libm::log(*sharpness)
                };
                *constant += log_sharpness - root;
            }
        }
        if real {
            Self::Real(normals)
        } else {
            let cells = Cells::new(&normals);
            Self::Discrete(normals, cells)
        }
    }

    /// A draw from the kernel.
    pub(super) fn draw(&self, kernel: usize, rng: &mut impl Rng) -> f64 {
        let dice = rng.random();
        match self {
            Self::Real(normals) | Self::Discrete(normals, _) => normals.at(kernel, dice),
            Self::Choices(choices) => choices.at(kernel, dice),
        }
    }

    /// Adds to each kernel's term the logarithm of its density at `x`, but for what is in the constant.
    pub(super) fn add_log_density(&mut self, x: f64, terms: &mut [f64]) {
        match self {
            Self::Real(normals) => {
                let x = normals.distribution.to_scaled(x);
                let kernels = normals.centre.iter().zip(&normals.sharpness);
                for (term, (centre, sharpness)) in terms.iter_mut().zip(kernels) {
                    let z = (x - centre) * sharpness;
                    *term -= 0.5 * z * z;
                }
            }
            Self::Discrete(normals, cells) => {
                let masses = cells.at(x, normals);
                for (term, which) in terms.iter_mut().zip(&cells.which) {
                    *term += cells.masses[masses].1[*which];
                }
            }
            Self::Choices(choices) => choices.add_log(x as usize, terms),
        }
    }
}

/// The rows in the order of their places: sorted as whole numbers, which is fast, with 39 bits for the place in
/// the range and 24 for the row. Places that are closer than that stay in the order of the rows.
fn sorted(places: &[f64], low: f64, range: f64) -> Vec<usize> {
    const ROW_BITS: u32 = 24;
    let scale = (1_u64 << (64 - ROW_BITS - 1)) as f64 / range;
    let mut keys: Vec<u64> = places
        .iter()
        .zip(0_u64..)
        .map(|(x, row)| (((x - low) * scale) as u64) << ROW_BITS | row)
        .collect();
    keys.sort_unstable();
    let rows = keys.iter().map(|key| key & ((1 << ROW_BITS) - 1));
    rows.map(|row| row as usize).collect()
}

impl Normals {
    /// As wide as the distance to the farther of the two neighbours; the outermost to their only one, and one alone to the farther end of
    /// the range. The prior is as wide as the range and stands in its middle.
    fn new(distribution: &Distribution, places: &[f64]) -> Self {
        let (low, high) = distribution.scaled_range();
        let range = high - low;
        let mut centre: Vec<f64> = places.iter().map(|x| distribution.to_scaled(*x)).collect();
        let rows = sorted(&centre, low, range);
        let narrowest = range / NARROWEST.min(2.0 + places.len() as f64);
        let gaps = rows
            .windows(2)
            .map(|pair| centre[pair[1]] - centre[pair[0]]);
        let gaps: Vec<f64> = gaps.collect();
        // The outermost have one neighbour, which counts twice.
        let alone = centre.first().map_or(0.0, |x| (x - low).max(high - x));
        let outer = (
            gaps.first().unwrap_or(&alone),
            gaps.last().unwrap_or(&alone),
        );
        let left = std::iter::once(outer.0).chain(&gaps);
        let right = gaps.iter().chain([outer.1]);
        let mut sharpness = vec![1.0 / range; places.len() + 1];
        for (row, (left, right)) in rows.iter().zip(left.zip(right)) {
            sharpness[*row] = 1.0 / left.max(*right).max(narrowest).min(range);
        }
        let sharpest = 1.0 / narrowest;
        centre.push(0.5 * (low + high));
        Self {
            distribution: distribution.clone(),
            low,
            high,
            centre,
            sharpness,
            sharpest,
        }
    }

    /// The ends of the range, in widths from the centre.
    fn ends(&self, centre: f64, sharpness: f64) -> (f64, f64) {
        let (low, high) = (self.low - centre, self.high - centre);
        (low * sharpness, high * sharpness)
    }

    /// The value below which the share `dice` of a kernel lies.
    fn at(&self, kernel: usize, dice: f64) -> f64 {
        let (centre, sharpness) = (self.centre[kernel], self.sharpness[kernel]);
        let (below, above) = self.ends(centre, sharpness);
        let (below, above) = (normal::cdf(below), normal::cdf(above));
        let z = normal::quantile(below + dice * (above - below));
        let x = (centre + z / sharpness).clamp(self.low, self.high);
        self.distribution.from_scaled(x)
    }

    /// The cell around a value, on the scale.
    fn cell(&self, x: f64) -> (f64, f64) {
        match self.distribution {
            Distribution::Int { step, log, .. } => {
                let half = step as f64 / 2.0;
                if log {
                    (libm::log(x - half), libm::log(x + half))
                } else {
                    (x - half, x + half)
                }
            }
            Distribution::Float { step, .. } => {
                let half = step.unwrap_or(0.0) / 2.0;
                (x - half, x + half)
            }
            Distribution::Categorical { .. } => (x, x),
        }
    }
}

impl Cells {
    fn new(normals: &Normals) -> Self {
        let mut distinct: Vec<(f64, f64)> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        let kernels = normals.centre.iter().zip(&normals.sharpness);
        let which = kernels.map(|(centre, sharpness)| {
            *seen
                .entry((centre.to_bits(), sharpness.to_bits()))
                .or_insert_with(|| {
                    distinct.push((*centre, *sharpness));
                    distinct.len() - 1
                })
        });
        let which = which.collect();
        Self {
            which,
            distinct,
            masses: Vec::new(),
        }
    }

    /// Where in `masses` those of the value stand.
    fn at(&mut self, x: f64, normals: &Normals) -> usize {
        if let Some(known) = self.masses.iter().position(|(value, _)| *value == x) {
            return known;
        }
        let (low, high) = normals.cell(x);
        let kernels = self.distinct.iter();
        let masses = kernels.map(|(centre, sharpness)| {
            let (below, above) = ((low - centre) * sharpness, (high - centre) * sharpness);
            libm::log(normal::mass(below, above))
        });
        self.masses.push((x, masses.collect()));
        self.masses.len() - 1
    }
}

impl Choices {
    /// A kernel's own choice gets 1, every choice w/(number of kernels) for the prior weight w.
    fn new(count: usize, places: &[f64], prior_weight: f64) -> Self {
        let each = prior_weight / (places.len() + 1) as f64;
        let total = 1.0 + each * count as f64;
        Self {
            count,
            observed: places.iter().map(|x| *x as usize).collect(),
            own: (1.0 + each) / total,
            other: each / total,
        }
    }

    fn at(&self, kernel: usize, dice: f64) -> f64 {
        let choice = match self.observed.get(kernel) {
            None => dice * self.count as f64,
            // The own one first, then the others in their order.
            Some(own) if dice < self.own => *own as f64,
            Some(own) => {
                let other = ((dice - self.own) / self.other)
                    .min((self.count - 2) as f64)
                    .floor();
                if other < *own as f64 {
                    other
                } else {
                    other + 1.0
                }
            }
        };
        choice.floor().min((self.count - 1) as f64)
    }

    fn add_log(&self, x: usize, terms: &mut [f64]) {
        let (own, other) = (libm::log(self.own), libm::log(self.other));
        let (kernels, prior) = terms.split_at_mut(self.observed.len());
        for (term, observed) in kernels.iter_mut().zip(&self.observed) {
            *term += if *observed == x { own } else { other };
        }
        for term in prior {
            *term -= libm::log(self.count as f64);
        }
    }
}
