//! Generated datasets of the literature: spirals, Friedman's function, a teacher network, clusters on a hypercube, parity.
//!
//! No policy learns from them: they are what the final tables are made on ([`tasks`](crate::tasks)), and differ from
//! [`generated`](crate::generated) on purpose. Constants of the rule for momentum were judged on spirals and parity of other sizes.

use std::f64::consts::PI;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data_error::DataError;
use crate::dataset::{Dataset, Targets};
use crate::normal::{normal, normals};
use crate::streams::Streams;

/// Two interleaved spirals of 1.75 turns: r = u^½, θ = 3.5 π r + π k for the class k, with normal noise of 0.02 on both coordinates.
///
/// Source: Lang and Witbrock, Learning to tell two spirals apart, Connectionist Models Summer School 1988; with noise and equal areas.
///
/// # Errors
/// [`DataError::NoRows`] or [`DataError::OneClass`] for fewer than two rows.
///
/// ```
/// use qstride_objectives::synthetic::two_spirals;
///
/// let data = two_spirals(200, 7)?;
/// assert_eq!((data.rows(), data.columns(), data.classes()), (200, 2, Some(2)));
/// # Ok::<(), qstride_objectives::data_error::DataError>(())
/// ```
pub fn two_spirals(rows: usize, seed: u64) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("two spirals");
    let mut features = Vec::with_capacity(2 * rows);
    for row in 0..rows {
        let radius = random.random::<f64>().sqrt();
        let angle = 3.5 * PI * radius + PI * (row % 2) as f64;
        for coordinate in [angle.cos(), angle.sin()] {
            features.push(radius * coordinate + 0.02 * normal(&mut random));
        }
    }
    let labels = (0..rows).map(|row| row % 2).collect();
    classes("two spirals", 2, features, labels, 2)
}

/// y = 10 sin(π x₀ x₁) + 20 (x₂ - ½)² + 10 x₃ + 5 x₄ + ε with x uniform on \[0, 1\]^10 and ε standard normal.
///
/// Source: Friedman, Multivariate adaptive regression splines, Ann. Statist. 19, 1991, and Breiman, Bagging predictors, 1996
/// ('Friedman #1').
///
/// # Errors
/// [`DataError::NoRows`] or [`DataError::ConstantTarget`] for fewer than two rows.
pub fn friedman_1(rows: usize, seed: u64) -> Result<Dataset, DataError> {
    const COLUMNS: usize = 10;
    let mut random = Streams::new(seed).stream("friedman 1");
    let (mut features, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let x: [f64; COLUMNS] = std::array::from_fn(|_| random.random());
        let noise = normal(&mut random);
        numbers.push(
            10.0 * (PI * x[0] * x[1]).sin()
                + 20.0 * (x[2] - 0.5).powi(2)
                + 10.0 * x[3]
                + 5.0 * x[4]
                + noise,
        );
        features.extend(x);
    }
    checked("friedman 1", COLUMNS, features, Targets::Numbers(numbers))
}

/// Labels argmax(V tanh(3 W z / √columns)) of a random network of `units` hidden units on standard normal z; no noise.
///
/// # Errors
/// [`DataError::NoRows`] or [`DataError::Shape`] for 0 rows or columns, [`DataError::OneClass`] where all labels are the same.
pub fn teacher_labels(
    rows: usize,
    columns: usize,
    units: usize,
    outputs: usize,
    seed: u64,
) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("teacher labels");
    let inner = normals(units * columns, &mut random);
    let outer = normals(outputs * units, &mut random);
    let gain = 3.0 / (columns.max(1) as f64).sqrt();
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let z = normals(columns, &mut random);
        let hidden: Vec<f64> = inner
            .chunks_exact(columns.max(1))
            .map(|w| (gain * product(w, &z)).tanh())
            .collect();
        let scores: Vec<f64> = outer
            .chunks_exact(units.max(1))
            .map(|v| product(v, &hidden))
            .collect();
        let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        labels.push(best.unwrap_or(0));
        features.extend(z);
    }
    classes("teacher labels", columns, features, labels, outputs)
}

/// Two classes of eight Gaussian clusters each, their centres 16 of the 32 vertices of {-1, 1}^5 and their covariances drawn; then
/// `redundant` random mixtures of these five coordinates and `probes` of noise, all columns shuffled; one label in a hundred is flipped.
///
/// Source: Guyon, Design of experiments for the NIPS 2003 variable selection benchmark, 2003 ('madelon').
///
/// # Errors
/// [`DataError::NoRows`] or [`DataError::OneClass`] for fewer than two rows.
pub fn hypercube_clusters(
    rows: usize,
    redundant: usize,
    probes: usize,
    seed: u64,
) -> Result<Dataset, DataError> {
    const INFORMATIVE: usize = 5;
    const CLUSTERS: usize = 16;
    let mut random = Streams::new(seed).stream("hypercube clusters");
    let mut vertices: Vec<usize> = (0..1 << INFORMATIVE).collect();
    vertices.shuffle(&mut random);
    let spreads: Vec<Vec<f64>> = (0..CLUSTERS)
        .map(|_| uniforms(INFORMATIVE * INFORMATIVE, &mut random))
        .collect();
    let mixing = uniforms(redundant * INFORMATIVE, &mut random);
    let columns = INFORMATIVE + redundant + probes;
    let mut order: Vec<usize> = (0..columns).collect();
    order.shuffle(&mut random);
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let cluster = row % CLUSTERS;
        let noise = normals(INFORMATIVE, &mut random);
        let vertex = |j: usize| {
            if vertices[cluster] >> j & 1 == 1 {
                1.0
            } else {
                -1.0
            }
        };
        let informative: Vec<f64> = spreads[cluster]
            .chunks_exact(INFORMATIVE)
            .enumerate()
            .map(|(j, row)| vertex(j) + 0.4 * product(row, &noise))
            .collect();
        let mixtures = mixing
            .chunks_exact(INFORMATIVE)
            .map(|m| product(m, &informative));
        let mut all: Vec<f64> = informative.iter().copied().chain(mixtures).collect();
        all.extend(normals(probes, &mut random));
        features.extend(order.iter().map(|&j| all[j]));
        let flipped = random.random::<f64>() < 0.01;
        labels.push((cluster + usize::from(flipped)) % 2);
    }
    classes("hypercube clusters", columns, features, labels, 2)
}

/// The parity of the first `bits` of `columns` random signs; one label in twenty is flipped.
///
/// # Errors
/// [`DataError::NoRows`] or [`DataError::Shape`] for 0 rows or columns, [`DataError::OneClass`] where all labels are the same.
pub fn noisy_parity(
    rows: usize,
    columns: usize,
    bits: usize,
    seed: u64,
) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("noisy parity");
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let row: Vec<bool> = (0..columns).map(|_| random.random()).collect();
        let odd = row.iter().take(bits).filter(|bit| **bit).count() % 2 == 1;
        let flipped = random.random::<f64>() < 0.05;
        labels.push(usize::from(odd != flipped));
        features.extend(row.iter().map(|bit| if *bit { 1.0 } else { -1.0 }));
    }
    classes("noisy parity", columns, features, labels, 2)
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Draws from the uniform distribution on \[-1, 1\].
fn uniforms(count: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count)
        .map(|_| 2.0 * random.random::<f64>() - 1.0)
        .collect()
}

fn classes(
    name: &str,
    columns: usize,
    features: Vec<f64>,
    labels: Vec<usize>,
    outputs: usize,
) -> Result<Dataset, DataError> {
    let names = (0..outputs).map(|k| format!("class {k}")).collect();
    checked(name, columns, features, Targets::Classes { labels, names })
}

fn checked(
    name: &str,
    columns: usize,
    features: Vec<f64>,
    targets: Targets,
) -> Result<Dataset, DataError> {
    let names = (0..columns).map(|j| format!("x{j}")).collect();
    let data = Dataset::new(name, features, names, "y", targets)?;
    data.check_varied(name.to_owned())?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: u64) -> [Dataset; 5] {
        [
            two_spirals(160, seed),
            friedman_1(160, seed),
            teacher_labels(160, 6, 20, 4, seed),
            hypercube_clusters(160, 3, 4, seed),
            noisy_parity(160, 6, 3, seed),
        ]
        .map(Result::unwrap)
    }

    #[test]
    fn the_seed_decides_the_data() {
        assert_eq!(all(1), all(1));
        for (a, b) in all(1).iter().zip(&all(2)) {
            assert_ne!(a, b);
            assert!(a.features().iter().all(|v| v.is_finite()));
        }
        let sizes = all(3).map(|data| (data.columns(), data.classes()));
        let two = Some(2);
        assert_eq!(
            sizes,
            [(2, two), (10, None), (6, Some(4)), (12, two), (6, two)]
        );
    }

    /// The class of a point is that of the spiral whose angle at its radius is nearer.
    #[test]
    fn spirals_are_apart() {
        let data = two_spirals(1000, 4).unwrap();
        let apart = |row: usize| {
            let point = data.row(row);
            let radius = point[0].hypot(point[1]);
            let angle = point[1].atan2(point[0]) - 3.5 * PI * radius;
            usize::from(angle.cos() < 0.0) == data.labels().unwrap()[row]
        };
        assert!((0..1000).filter(|row| apart(*row)).count() > 930);
    }

    #[test]
    fn friedmans_function_leaves_the_noise() {
        let data = friedman_1(4000, 5).unwrap();
        let residual = |row: usize| {
            let x = data.row(row);
            let mean = 10.0 * (PI * x[0] * x[1]).sin()
                + 20.0 * (x[2] - 0.5).powi(2)
                + 10.0 * x[3]
                + 5.0 * x[4];
            data.numbers().unwrap()[row] - mean
        };
        let variance = (0..4000).map(|row| residual(row).powi(2)).sum::<f64>() / 4000.0;
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn a_twentieth_of_the_parities_is_wrong() {
        let data = noisy_parity(4000, 8, 3, 6).unwrap();
        let wrong = |row: &usize| {
            let odd = data.row(*row)[..3].iter().filter(|v| **v > 0.0).count() % 2;
            odd != data.labels().unwrap()[*row]
        };
        let share = (0..4000).filter(wrong).count() as f64 / 4000.0;
        assert!((share - 0.05).abs() < 0.015, "{share}");
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(two_spirals(0, 1).is_err() && two_spirals(1, 1).is_err());
        assert!(friedman_1(1, 1).is_err() && hypercube_clusters(1, 0, 0, 1).is_err());
        assert!(teacher_labels(9, 0, 4, 2, 1).is_err() && noisy_parity(9, 0, 2, 1).is_err());
    }
}
