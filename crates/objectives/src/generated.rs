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
