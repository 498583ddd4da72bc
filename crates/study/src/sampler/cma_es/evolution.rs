//! The state of CMA-ES: a normal distribution that learns.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Where the search begins: in the middle of the unit cube, with a sixth of its range as standard deviation.
const MIDDLE: f64 = 0.5;
const STEP_SIZE: f64 = 1.0 / 6.0;
/// No eigenvalue of C is taken to be less.
const LEAST: f64 = 1e-16;

/// The normal distribution N(m, σ² C) over the unit cube and the paths by which it learns, with the names, the update and the constants of
/// Hansen 2016, *The CMA Evolution Strategy: A Tutorial*, arXiv 1604.00772: weighted recombination with negative weights, cumulative
/// step-size adaptation, rank-one and rank-μ update.
#[derive(Clone, Debug)]
pub(super) struct Evolution {
    constants: Constants,
    generation: u64,
    /// m.
    mean: Vec<f64>,
    /// σ.
    step_size: f64,
    /// C, row by row.
    covariance: Vec<Vec<f64>>,
    /// p_σ.
    step_path: Vec<f64>,
    /// p_c.
    path: Vec<f64>,
}

/// Table 1 of the tutorial.
#[derive(Clone, Debug)]
struct Constants {
    /// w_1, ..., w_λ, best first; the first μ are positive.
    weights: Vec<f64>,
    /// μ.
    parents: usize,
    /// μ_eff.
    effective: f64,
    /// c_σ and d_σ.
    step_share: f64,
    step_damping: f64,
    /// c_c.
    path_share: f64,
    /// c_1 and c_μ.
    rank_one: f64,
    rank_many: f64,
    /// E|N(0, I)|.
    usual_length: f64,
}

impl Constants {
    fn of(dimensions: usize) -> Self {
        let n = dimensions as f64;
        let population = 4 + (3.0 * n.ln()).floor() as usize;
        let parents = population / 2;
        let raw = |i: usize| ((population as f64 + 1.0) / 2.0).ln() - (i as f64).ln();
        let raw: Vec<f64> = (1..=population).map(raw).collect();
        let (positive, negative) = raw.split_at(parents);
        let sum = |w: &[f64]| w.iter().sum::<f64>();
        let squares = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
        let effective = sum(positive).powi(2) / squares(positive);
        let effective_negative = sum(negative).powi(2) / squares(negative);

        let rank_one = 2.0 / ((n + 1.3).powi(2) + effective);
        let rank_many = 2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective);
        let rank_many = rank_many.min(1.0 - rank_one);
        let bound = (1.0 + rank_one / rank_many)
            .min(1.0 + 2.0 * effective_negative / (effective + 2.0))
            .min((1.0 - rank_one - rank_many) / (n * rank_many));
        let (above, below) = (
            sum(positive),
            -negative.iter().filter(|w| **w < 0.0).sum::<f64>(),
        );
        let weight = |w: &f64| {
            if *w >= 0.0 {
                w / above
            } else {
                bound * w / below
            }
        };

        let step_share = (effective + 2.0) / (n + effective + 5.0);
        let excess = ((effective - 1.0) / (n + 1.0)).sqrt() - 1.0;
        Self {
            weights: raw.iter().map(weight).collect(),
            parents,
            effective,
            step_share,
            step_damping: 1.0 + 2.0 * excess.max(0.0) + step_share,
            path_share: (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n),
            rank_one,
            rank_many,
            usual_length: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

impl Evolution {
    /// Before the first generation, over at least one dimension.
    pub(super) fn new(dimensions: usize) -> Self {
        let unit = |i| (0..dimensions).map(|j| f64::from(i == j)).collect();
        Self {
            constants: Constants::of(dimensions),
            generation: 0,
            mean: vec![MIDDLE; dimensions],
            step_size: STEP_SIZE,
            covariance: (0..dimensions).map(unit).collect(),
            step_path: vec![0.0; dimensions],
            path: vec![0.0; dimensions],
        }
    }

    /// λ: how many solutions a generation has.
    pub(super) fn population(&self) -> usize {
        self.constants.weights.len()
    }

    /// How many generations it has learnt from.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Learns from λ solutions, best first.
    pub(super) fn learn(&mut self, solutions: &[Vec<f64>]) {
        let c = &self.constants;
        let n = self.mean.len();
        let eigen = Eigen::of(&self.covariance);
        // y_i = (x_i − m) / σ
        let moves: Vec<Vec<f64>> = solutions
            .iter()
            .map(|x| {
                x.iter()
                    .zip(&self.mean)
                    .map(|(x, m)| (x - m) / self.step_size)
                    .collect()
            })
            .collect();
        let mut step = vec![0.0; n];
        for (weight, y) in c.weights.iter().zip(&moves).take(c.parents) {
            add(&mut step, *weight, y);
        }
        add(&mut self.mean, self.step_size, &step);

        let whitened = eigen.whiten(&step);
        let keep = c.step_share * (2.0 - c.step_share);
        scale(&mut self.step_path, 1.0 - c.step_share);
        add(&mut self.step_path, (keep * c.effective).sqrt(), &whitened);
        let length = norm(&self.step_path);
        let age = 2.0 * (self.generation as f64 + 1.0);
        let settled = length / (1.0 - (1.0 - c.step_share).powf(age)).sqrt();
        // h_σ: the path of C rests while σ is much too small.
        let steady = settled < (1.4 + 2.0 / (n as f64 + 1.0)) * c.usual_length;
        let growth = c.step_share / c.step_damping * (length / c.usual_length - 1.0);
        self.step_size *= growth.exp();

        let keep = c.path_share * (2.0 - c.path_share);
        scale(&mut self.path, 1.0 - c.path_share);
        if steady {
            add(&mut self.path, (keep * c.effective).sqrt(), &step);
        }
        let missed = if steady { 0.0 } else { keep };
        let total: f64 = c.weights.iter().sum();
        let old = 1.0 + c.rank_one * missed - c.rank_one - c.rank_many * total;
        for row in &mut self.covariance {
            scale(row, old);
        }
        add_outer(&mut self.covariance, c.rank_one, &self.path);
        for (&weight, y) in c.weights.iter().zip(&moves) {
            // A negative weight counts by direction only, so that C stays positive definite.
            let share = if weight >= 0.0 {
                1.0
            } else {
                n as f64 / (norm(&eigen.whiten(y)).powi(2) + LEAST)
            };
            add_outer(&mut self.covariance, c.rank_many * weight * share, y);
        }
        self.generation += 1;
    }

    /// A solution in the unit cube: drawn again while it lies outside, at most 10 n times, then moved to the wall.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let n = self.mean.len();
        let eigen = Eigen::of(&self.covariance);
        let mut solution = self.mean.clone();
        for _ in 0..=10 * n {
            solution.clone_from(&self.mean);
            for (root, vector) in eigen.roots.iter().zip(&eigen.vectors) {
                let z: f64 = rng.sample(StandardNormal);
                add(&mut solution, self.step_size * root * z, vector);
            }
            if solution.iter().all(|x| (0.0..=1.0).contains(x)) {
                return solution;
            }
        }
        solution.iter().map(|x| x.clamp(0.0, 1.0)).collect()
    }
}

/// C = Σ dᵢ² bᵢ bᵢᵀ.
struct Eigen {
    roots: Vec<f64>,
    vectors: Vec<Vec<f64>>,
}

impl Eigen {
    fn of(matrix: &[Vec<f64>]) -> Self {
        let n = matrix.len();
        let dense = Mat::from_fn(n, n, |i, j| matrix[i][j]);
        let mut values = Diag::zeros(n);
        let mut vectors = Mat::zeros(n, n);
        let scratch = self_adjoint_evd_scratch::<f64>(
            n,
            ComputeEigenvectors::Yes,
            Par::Seq,
            Default::default(),
        );
        let found = self_adjoint_evd(
            dense.as_ref(),
            values.as_mut(),
            Some(vectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        );
        if found.is_err() {
            // A matrix with a number that is none: forget the correlations.
            return Self {
                roots: vec![1.0; n],
                vectors: (0..n)
                    .map(|i| (0..n).map(|j| f64::from(i == j)).collect())
                    .collect(),
            };
        }
        let roots = (0..n).map(|i| values.column_vector()[i].max(LEAST).sqrt());
        let vector = |i| vectors.col_as_slice(i).to_vec();
        Self {
            roots: roots.collect(),
            vectors: (0..n).map(vector).collect(),
        }
    }

    /// C^(−½) y.
    fn whiten(&self, y: &[f64]) -> Vec<f64> {
        let mut white = vec![0.0; y.len()];
        for (root, vector) in self.roots.iter().zip(&self.vectors) {
            let along: f64 = vector.iter().zip(y).map(|(b, y)| b * y).sum();
            add(&mut white, along / root, vector);
        }
        white
    }
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += factor * what;
    }
}

fn scale(what: &mut [f64], factor: f64) {
    what.iter_mut().for_each(|x| *x *= factor);
}

fn norm(of: &[f64]) -> f64 {
    of.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn add_outer(to: &mut [Vec<f64>], factor: f64, y: &[f64]) {
    for (row, y_i) in to.iter_mut().zip(y) {
        add(row, factor * y_i, y);
    }
}
