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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn near(found: &[f64], expected: &[f64]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13, "{found} {expected}");
        }
    }

    #[test]
    fn three_generations_are_those_of_numpy() {
        // The tutorial's equations written down with numpy 2 (numpy.linalg.eigh), with these solutions, the best first.
        let mut evolution = Evolution::new(3);
        assert_eq!(evolution.population(), 7);
        for g in 0..3 {
            let x = |i: usize, j: usize| {
                0.5 + 0.3 * (1.0 + 1.7 * i as f64 + 0.9 * j as f64 + 2.3 * f64::from(g)).sin()
            };
            let solution = |i| (0..3).map(|j| x(i, j)).collect();
            evolution.learn(&(0..7).map(solution).collect::<Vec<_>>());
        }
        near(
            &evolution.mean,
            &[
                0.478_824_358_768_037_7,
                0.603_753_705_186_721_4,
                0.650_164_316_010_125_8,
            ],
        );
        near(&[evolution.step_size], &[0.167_765_328_821_148_1]);
        near(
            &evolution.step_path,
            &[
                -0.502_194_064_851_322_3,
                0.705_089_526_785_847_8,
                1.378_775_421_597_978_6,
            ],
        );
        near(
            &evolution.path,
            &[
                -0.077_777_528_718_778_52,
                1.279_732_961_385_661,
                1.668_767_059_762_506_4,
            ],
        );
        let covariance = [
            [
                1.208_520_389_883_599_7,
                0.355_120_822_186_787_8,
                0.140_228_888_676_397_3,
            ],
            [
                0.355_120_822_186_787_8,
                1.474_964_199_660_074_6,
                0.350_665_339_047_457_06,
            ],
            [
                0.140_228_888_676_397_3,
                0.350_665_339_047_457_06,
                1.202_981_244_417_859_8,
            ],
        ];
        for (row, expected) in evolution.covariance.iter().zip(covariance) {
            near(row, &expected);
        }
        assert_eq!(evolution.generation(), 3);
    }

    #[test]
    fn weights_are_those_of_the_tutorial() {
        for n in [1, 2, 5, 40] {
            let c = Constants::of(n);
            let positive: f64 = c.weights.iter().filter(|w| **w > 0.0).sum();
            let negative: f64 = c.weights.iter().filter(|w| **w < 0.0).sum();
            assert!((positive - 1.0).abs() < 1e-12);
            // Equation 53: C stays positive definite.
            assert!(
                -negative <= (1.0 - c.rank_one - c.rank_many) / (n as f64 * c.rank_many) + 1e-12
            );
            assert!(c.rank_one + c.rank_many <= 1.0);
            assert!(c.weights.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn draws_have_mean_and_covariance_and_lie_in_the_cube() {
        let mut evolution = Evolution::new(2);
        evolution.covariance = vec![vec![1.0, 0.6], vec![0.6, 0.8]];
        evolution.step_size = 0.05;
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let draws: Vec<Vec<f64>> = (0..20_000).map(|_| evolution.draw(&mut rng)).collect();
        let mean = |f: &dyn Fn(&[f64]) -> f64| draws.iter().map(|x| f(x)).sum::<f64>() / 20_000.0;
        let covariance = |i: usize, j: usize| mean(&|x| (x[i] - 0.5) * (x[j] - 0.5)) / 0.0025;
        assert!((mean(&|x| x[0]) - 0.5).abs() < 2e-3);
        for (i, j, expected) in [(0, 0, 1.0), (0, 1, 0.6), (1, 1, 0.8)] {
            assert!(
                (covariance(i, j) - expected).abs() < 0.03,
                "{i} {j} {}",
                covariance(i, j)
            );
        }
        evolution.step_size = 10.0;
        for _ in 0..100 {
            assert!(
                evolution
                    .draw(&mut rng)
                    .iter()
                    .all(|x| (0.0..=1.0).contains(x))
            );
        }
    }

    #[test]
    fn it_finds_the_minimum_of_an_ellipse() {
        let target = [0.3, 0.8, 0.55];
        let f = |x: &[f64]| -> f64 {
            let terms = x.iter().zip(target).zip([1.0, 30.0, 1000.0]);
            terms.map(|((x, t), scale)| scale * (x - t).powi(2)).sum()
        };
        let mut evolution = Evolution::new(3);
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..120 {
            let mut drawn: Vec<Vec<f64>> = (0..7).map(|_| evolution.draw(&mut rng)).collect();
            drawn.sort_by(|a, b| f(a).total_cmp(&f(b)));
            evolution.learn(&drawn);
        }
        assert!(f(&evolution.mean) < 1e-12, "{:?}", evolution.mean);
    }
}
