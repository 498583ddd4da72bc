//! Generated datasets.
//!
//! The features of both are x = M z with latent z whose coordinate j has the scale (j + 1)^-½, and a random Gaussian mixing
//! matrix M, so that standardised columns are still correlated and the losses on them are not perfectly conditioned.

use rand::RngExt;

use crate::data_error::DataError;
use crate::dataset::{Dataset, Targets};
use crate::normal::{normal, normals};
use crate::streams::Streams;

/// `rows` samples of `classes` equally frequent Gaussian classes (row i has the class i mod `classes`), with centres drawn from
/// the distribution of the noise around them; the label of one row in twenty is then drawn anew.
///
/// # Errors
///
/// [`DataError::NoRows`] or [`DataError::Shape`] for 0 rows or columns, [`DataError::OneClass`] for fewer than two classes or
/// rows.
///
/// # Example
///
/// ```
/// use qstride_objectives::generated::generate_classification;
///
/// let data = generate_classification(90, 4, 3, 7)?;
/// assert_eq!((data.rows(), data.columns(), data.classes()), (90, 4, Some(3)));
/// # Ok::<(), qstride_objectives::data_error::DataError>(())
/// ```
pub fn generate_classification(
    rows: usize,
    columns: usize,
    classes: usize,
    seed: u64,
) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("generated classification");
    let mixing = normals(columns * columns, &mut random);
    let centres = normals(classes * columns, &mut random);
    let mut labels = Vec::with_capacity(rows);
    let mut features = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let class = row % classes.max(1);
        let mut latent = normals(columns, &mut random);
        for (value, centre) in latent.iter_mut().zip(centres.iter().skip(class * columns)) {
            *value += centre;
        }
        features.extend(mixed(&mixing, &latent));
        let redrawn = random.random::<f64>() < 0.05;
        labels.push(if redrawn {
            random.random_range(0..classes.max(1))
        } else {
            class
        });
    }
    let names = (0..classes).map(|k| format!("class {k}")).collect();
    let data = dataset(
        "generated classes",
        columns,
        features,
        Targets::Classes { labels, names },
    )?;
    data.check_varied(data.name().to_owned())?;
    Ok(data)
}

/// `rows` samples of y = wᵀz + noise with w and z standard normal before the scaling; the noise has a standard deviation of
/// 0.1, and ten times that in one row of twenty.
///
/// # Errors
///
/// [`DataError::NoRows`] or [`DataError::Shape`] for 0 rows or columns, [`DataError::ConstantTarget`] for a single row.
pub fn generate_regression(rows: usize, columns: usize, seed: u64) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("generated regression");
    let mixing = normals(columns * columns, &mut random);
    let weights = normals(columns, &mut random);
    let mut targets = Vec::with_capacity(rows);
    let mut features = Vec::with_capacity(rows * columns);
    for _ in 0..rows {
        let latent = normals(columns, &mut random);
        features.extend(mixed(&mixing, &latent));
        let deviation = if random.random::<f64>() < 0.05 {
            1.0
        } else {
            0.1
        };
        targets.push(scaled_dot(&weights, &latent) + deviation * normal(&mut random));
    }
    let data = dataset(
        "generated numbers",
        columns,
        features,
        Targets::Numbers(targets),
    )?;
    data.check_varied(data.name().to_owned())?;
    Ok(data)
}

/// A data set whose difficulty is drawn too, for agents that are to meet all kinds: `classes` of labels, or numbers where it is none.
///
/// - The latent coordinate j has the scale (j + 1)^-a/2 with a in \[0, 1.5\]; a random Gaussian matrix mixes them, and in 3 of 10
///   sets the features are the positive parts only.
/// - In half of the label sets each class is one to three Gaussian blobs, their centres .3 to 2 standard deviations apart; else, and for
///   numbers, a teacher decides: linear, or tanh with 8 or 16 units.
/// - In half of the label sets up to 15 % of the labels are drawn anew; numbers carry noise of up to one standard deviation in 7 of 10 sets.
///
/// # Errors
///
/// [`DataError::NoRows`], [`DataError::Shape`], [`DataError::OneClass`] or [`DataError::ConstantTarget`] for sizes that make no task.
pub fn generate_varied(
    rows: usize,
    columns: usize,
    classes: Option<usize>,
    seed: u64,
) -> Result<Dataset, DataError> {
    let mut random = Streams::new(seed).stream("generated varied");
    let decay = 0.75 * random.random::<f64>();
    let outputs = classes.unwrap_or(1).max(1);
    let blobs = classes.is_some() && random.random::<bool>();
    let per_class = random.random_range(1..=3);
    let distance = 0.3 + 1.7 * random.random::<f64>();
    let centres = normals(outputs * per_class * columns, &mut random);
    let mixing = normals(columns * columns, &mut random);
    let positive = random.random::<f64>() < 0.3;
    let hidden = [0, 8, 16][random.random_range(0..3)];
    let inner = normals(hidden * columns, &mut random);
    let outer = normals(outputs * hidden.max(columns), &mut random);
    let share = if random.random::<f64>() < if classes.is_some() { 0.5 } else { 0.7 } {
        random.random::<f64>()
    } else {
        0.0
    };
    let (mut features, mut labels, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let mut latent = normals(columns, &mut random);
        let blob = random.random_range(0..outputs * per_class);
        if blobs {
            for (z, centre) in latent.iter_mut().zip(&centres[blob * columns..]) {
                *z += distance * centre;
            }
        }
        let product = |row: &[f64]| row.iter().zip(&latent).map(|(w, z)| w * z).sum::<f64>();
        let root = (columns.max(1) as f64).sqrt();
        let units: Vec<f64> = if hidden == 0 {
            latent.clone()
        } else {
            let rows = inner.chunks_exact(columns.max(1));
            rows.map(|row| (1.5 * product(row) / root).tanh()).collect()
        };
        let scores: Vec<f64> = outer
            .chunks_exact(units.len().max(1))
            .map(|row| row.iter().zip(&units).map(|(w, u)| w * u).sum::<f64>())
            .collect();
        let best = (0..outputs.min(scores.len())).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let label = if blobs {
            blob % outputs
        } else {
            best.unwrap_or(0)
        };
        labels.push(if random.random::<f64>() < 0.15 * share {
            random.random_range(0..outputs)
        } else {
            label
        });
        let size = (units.len().max(1) as f64).sqrt();
        numbers.push(scores.first().unwrap_or(&0.0) / size + share * normal(&mut random));
        for (j, z) in latent.iter_mut().enumerate() {
            *z *= (j as f64 + 1.0).powf(-decay);
        }
        features.extend(mixing.chunks_exact(columns.max(1)).map(|row| {
            let x: f64 = row.iter().zip(&latent).map(|(m, z)| m * z).sum();
            if positive { x.max(0.0) } else { x }
        }));
    }
    let targets = match classes {
        Some(classes) => Targets::Classes {
            labels,
            names: (0..classes).map(|k| format!("class {k}")).collect(),
        },
        None => Targets::Numbers(numbers),
    };
    let data = dataset("generated task", columns, features, targets)?;
    data.check_varied(data.name().to_owned())?;
    Ok(data)
}

fn dataset(
    name: &str,
    columns: usize,
    features: Vec<f64>,
    targets: Targets,
) -> Result<Dataset, DataError> {
    let feature_names = (0..columns).map(|j| format!("x{j}")).collect();
    Dataset::new(name, features, feature_names, "y", targets)
}

/// Σⱼ aⱼ zⱼ (j + 1)^-½
fn scaled_dot(a: &[f64], latent: &[f64]) -> f64 {
    a.iter()
        .zip(latent)
        .enumerate()
        .map(|(j, (a, z))| a * z / (j as f64 + 1.0).sqrt())
        .sum()
}

fn mixed(mixing: &[f64], latent: &[f64]) -> impl Iterator<Item = f64> {
    mixing
        .chunks_exact(latent.len().max(1))
        .map(|row| scaled_dot(row, latent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_the_data() {
        assert_eq!(
            generate_classification(30, 3, 2, 1).unwrap(),
            generate_classification(30, 3, 2, 1).unwrap()
        );
        assert_ne!(
            generate_classification(30, 3, 2, 1).unwrap(),
            generate_classification(30, 3, 2, 2).unwrap()
        );
        assert_eq!(
            generate_regression(30, 3, 1).unwrap(),
            generate_regression(30, 3, 1).unwrap()
        );
        assert_ne!(
            generate_regression(30, 3, 1).unwrap(),
            generate_regression(30, 3, 2).unwrap()
        );
        for classes in [None, Some(4)] {
            let varied = |seed| generate_varied(60, 5, classes, seed).unwrap();
            assert_eq!(varied(1), varied(1));
            assert_ne!(varied(1), varied(2));
        }
    }

    #[test]
    fn varied_tasks_can_be_learnt_and_are_finite() {
        for seed in 0..50 {
            let labels = generate_varied(200, 8, Some(3), seed).unwrap();
            let distinct: std::collections::BTreeSet<_> = labels.labels().unwrap().iter().collect();
            assert!(distinct.len() >= 2, "seed {seed}");
            let numbers = generate_varied(64, 8, None, seed).unwrap();
            assert!(numbers.features().iter().all(|v| v.is_finite()));
        }
        assert!(generate_varied(0, 3, None, 1).is_err());
        assert!(generate_varied(9, 0, Some(2), 1).is_err());
    }

    #[test]
    fn classes_are_about_equally_frequent() {
        let data = generate_classification(3000, 2, 3, 5).unwrap();
        for class in 0..3 {
            let count = data
                .labels()
                .unwrap()
                .iter()
                .filter(|&&l| l == class)
                .count();
            assert!((950..=1050).contains(&count), "{count}");
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(matches!(
            generate_classification(0, 3, 2, 1),
            Err(DataError::NoRows { .. })
        ));
        assert!(matches!(
            generate_classification(9, 0, 2, 1),
            Err(DataError::Shape { .. })
        ));
        assert!(matches!(
            generate_classification(9, 3, 1, 1),
            Err(DataError::OneClass { .. })
        ));
        assert!(matches!(
            generate_regression(0, 3, 1),
            Err(DataError::NoRows { .. })
        ));
        assert!(matches!(
            generate_regression(1, 3, 1),
            Err(DataError::ConstantTarget { .. })
        ));
    }
}
