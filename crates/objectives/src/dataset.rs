//! A dataset in memory, and its split into a standardised train and test part.

use rand::seq::SliceRandom;

use crate::data_error::DataError;
use crate::streams::Streams;

/// What is to be predicted, one entry a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class a row.
    Classes {
        /// Indices into `names`.
        labels: Vec<usize>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// A number a row.
    Numbers(Vec<f64>),
}

impl Targets {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes { labels, .. } => labels.len(),
            Targets::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The targets of the rows in `order`.
    fn select(&self, order: &[usize]) -> Self {
        match self {
            Targets::Classes { labels, names } => Targets::Classes {
                labels: order.iter().map(|&i| labels[i]).collect(),
                names: names.clone(),
            },
            Targets::Numbers(numbers) => {
                Targets::Numbers(order.iter().map(|&i| numbers[i]).collect())
            }
        }
    }
}

/// N rows of d features with their targets; every value is finite, every label has a name, N and d are at least 1.
///
/// # Example
///
/// ```
/// use qstride_objectives::dataset::{Dataset, Targets};
///
/// let targets = Targets::Numbers(vec![1.0, 2.0, 3.0, 4.0]);
/// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], vec!["x".into()], "y", targets)?;
/// let split = data.split(0.75, 1)?;
/// assert_eq!((split.train().rows(), split.test().rows()), (3, 1));
/// # Ok::<(), qstride_objectives::data_error::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    features: Vec<f64>,
    feature_names: Vec<String>,
    target_name: String,
    targets: Targets,
}

impl Dataset {
    /// A dataset from `features`, N x d, row by row; d is the number of `feature_names`, N that of the targets.
    ///
    /// # Errors
    ///
    /// [`DataError::NoRows`], [`DataError::Shape`], [`DataError::ValueNotFinite`] or [`DataError::Label`].
    pub fn new(
        name: impl Into<String>,
        features: Vec<f64>,
        feature_names: Vec<String>,
        target_name: impl Into<String>,
        targets: Targets,
    ) -> Result<Self, DataError> {
        let data = Self {
            name: name.into(),
            features,
            feature_names,
            target_name: target_name.into(),
            targets,
        };
        data.check()?;
        Ok(data)
    }

    fn check(&self) -> Result<(), DataError> {
        let (name, rows, columns) = (self.name.clone(), self.rows(), self.columns());
        if rows == 0 {
            return Err(DataError::NoRows { name });
        }
        if columns == 0 || rows.checked_mul(columns) != Some(self.features.len()) {
            return Err(DataError::Shape {
                name,
                rows,
                columns,
                values: self.features.len(),
            });
        }
        if let Some(i) = self.features.iter().position(|v| !v.is_finite()) {
            let column = self.feature_names[i % columns].clone();
            return Err(DataError::ValueNotFinite {
                name,
                row: i / columns,
                column,
                value: self.features[i],
            });
        }
        match &self.targets {
            Targets::Classes { labels, names } => {
                match labels.iter().position(|&l| l >= names.len()) {
                    Some(row) => Err(DataError::Label {
                        name,
                        row,
                        label: labels[row],
                        classes: names.len(),
                    }),
                    None => Ok(()),
                }
            }
            Targets::Numbers(numbers) => match numbers.iter().position(|v| !v.is_finite()) {
                Some(row) => {
                    let column = self.target_name.clone();
                    Err(DataError::ValueNotFinite {
                        name,
                        row,
                        column,
                        value: numbers[row],
                    })
                }
                None => Ok(()),
            },
        }
    }

    /// The name: that of the file without its extension, for one that was read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// N.
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// d, the number of features.
    pub fn columns(&self) -> usize {
        self.feature_names.len()
    }

    /// All features, N x d, row by row.
    pub fn features(&self) -> &[f64] {
        &self.features
    }

    /// The d features of a row below [`rows`](Self::rows).
    pub fn row(&self, row: usize) -> &[f64] {
        &self.features[row * self.columns()..(row + 1) * self.columns()]
    }

    /// The names of the features.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// The name of the target.
    pub fn target_name(&self) -> &str {
        &self.target_name
    }

    /// The targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The targets as labels, where they are classes.
    pub fn labels(&self) -> Option<&[usize]> {
        match &self.targets {
            Targets::Classes { labels, .. } => Some(labels),
            Targets::Numbers(_) => None,
        }
    }

    /// The number of classes, where the targets are classes.
    pub fn classes(&self) -> Option<usize> {
        match &self.targets {
            Targets::Classes { names, .. } => Some(names.len()),
            Targets::Numbers(_) => None,
        }
    }

    /// The targets as numbers, where they are numbers.
    pub fn numbers(&self) -> Option<&[f64]> {
        match &self.targets {
            Targets::Classes { .. } => None,
            Targets::Numbers(numbers) => Some(numbers),
        }
    }

    /// Shuffles the rows with the stream `split` of `seed`, takes the first ⌊`train_fraction` · N⌋ to train on and the rest to
    /// test on, and standardises both with the moments of the train part (see [`Scaling`]).
    ///
    /// # Errors
    ///
    /// [`DataError::Fraction`], [`DataError::TooFewRows`] for a part that would be too small, [`DataError::OneClass`] or
    /// [`DataError::ConstantTarget`] where the train part leaves nothing to learn.
    pub fn split(&self, train_fraction: f64, seed: u64) -> Result<Split, DataError> {
        let train = self.train_rows(train_fraction)?;
        let order = self.shuffled(seed);
        let (first, rest) = order.split_at(train);
        Split::of(self.select(first), self.select(rest))
    }

    /// The rows that [`split`](Self::split) would train on and those that it would test on, as they are: for who splits the first part
    /// once more.
    ///
    /// # Errors
    ///
    /// As `split`, but for targets that do not vary.
    pub fn hold_out(&self, train_fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        let train = self.train_rows(train_fraction)?;
        let order = self.shuffled(seed);
        let (first, rest) = order.split_at(train);
        Ok((self.select(first), self.select(rest)))
    }

    /// k splits whose test parts are disjoint and hold every row once; the rows are shuffled with the stream `split` of `seed`, and row i of that
    /// order is tested in fold i mod k.
    ///
    /// # Errors
    ///
    /// [`DataError::TooFewRows`] for fewer than 2 folds or more folds than rows, and as [`split`](Self::split).
    pub fn folds(&self, k: usize, seed: u64) -> Result<Vec<Split>, DataError> {
        if k < 2 || k > self.rows() {
            return Err(DataError::TooFewRows {
                name: self.name.clone(),
                rows: self.rows(),
                train: self.rows() - self.rows() / k.max(1),
                test: self.rows() / k.max(1),
            });
        }
        let order = self.shuffled(seed);
        let part = |fold: usize, tested: bool| -> Vec<usize> {
            let rows = order.iter().enumerate();
            rows.filter(|(i, _)| (i % k == fold) == tested)
                .map(|(_, row)| *row)
                .collect()
        };
        (0..k)
            .map(|fold| {
                Split::of(
                    self.select(&part(fold, false)),
                    self.select(&part(fold, true)),
                )
            })
            .collect()
    }

    /// The rows to train on, ⌊fraction · N⌋.
    fn train_rows(&self, fraction: f64) -> Result<usize, DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::Fraction { fraction });
        }
        let train = (fraction * self.rows() as f64).floor() as usize;
        let test = self.rows() - train;
        if train < 2 || test < 1 {
            return Err(DataError::TooFewRows {
                name: self.name.clone(),
                rows: self.rows(),
                train,
                test,
            });
        }
        Ok(train)
    }

    fn shuffled(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        order.shuffle(&mut Streams::new(seed).stream("split"));
        order
    }

    /// Whether the targets vary at all; a message calls the data `name`.
    pub(crate) fn check_varied(&self, name: String) -> Result<(), DataError> {
        let target = self.target_name.clone();
        match &self.targets {
            Targets::Classes { labels, names } if all_equal(labels) => Err(DataError::OneClass {
                name,
                target,
                class: names[labels[0]].clone(),
            }),
            Targets::Numbers(numbers) if all_equal(numbers) => Err(DataError::ConstantTarget {
                name,
                target,
                value: numbers[0],
            }),
            _ => Ok(()),
        }
    }

    /// The rows in `order`, as they are.
    fn select(&self, order: &[usize]) -> Self {
        Self {
            features: order.iter().flat_map(|&i| self.row(i)).copied().collect(),
            targets: self.targets.select(order),
            name: self.name.clone(),
            feature_names: self.feature_names.clone(),
            target_name: self.target_name.clone(),
        }
    }
}

fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// A train and a test part, both standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    train: Dataset,
    test: Dataset,
    scaling: Scaling,
}

impl Split {
    /// Both parts standardised with the moments of the first one.
    ///
    /// # Errors
    ///
    /// [`DataError::OneClass`] or [`DataError::ConstantTarget`] where `train` leaves nothing to learn.
    pub fn of(mut train: Dataset, mut test: Dataset) -> Result<Self, DataError> {
        train.check_varied(format!("the train part of {}", train.name))?;
        let scaling = Scaling::of(&train);
        scaling.standardise(&mut train);
        scaling.standardise(&mut test);
        Ok(Self {
            train,
            test,
            scaling,
        })
    }

    /// The rows to train on.
    pub fn train(&self) -> &Dataset {
        &self.train
    }

    /// The held-out rows.
    pub fn test(&self) -> &Dataset {
        &self.test
    }

    /// How the values were standardised.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }
}

/// The mean μ and the standard deviation σ (divisor N) of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// μ
    pub mean: f64,
    /// σ; exactly 0 for a constant column.
    pub deviation: f64,
}

impl Moments {
    fn of(column: impl Iterator<Item = f64> + Clone) -> Self {
        let count = column.clone().count() as f64;
        let first = column.clone().next().unwrap_or(0.0);
        // Rounding makes the computed mean of a constant column differ from the constant, and its deviation differ from 0.
        if column.clone().all(|v| v == first) {
            return Self {
                mean: first,
                deviation: 0.0,
            };
        }
        // Dividing first keeps sums and squares of huge numbers finite.
        let mean = column.clone().map(|v| v / count).sum::<f64>();
        let largest = column.clone().map(|v| (v - mean).abs()).fold(0.0, f64::max);
        let variance = column
            .map(|v| ((v - mean) / largest).powi(2) / count)
            .sum::<f64>();
        Self {
            mean,
            deviation: largest * variance.sqrt(),
        }
    }

    /// (v - μ)/σ, or 0 where σ = 0.
    pub fn standardised(&self, value: f64) -> f64 {
        if self.deviation == 0.0 {
            0.0
        } else {
            (value - self.mean) / self.deviation
        }
    }

    /// μ + σ v: back from the standardised value to the unit of the data.
    pub fn restored(&self, value: f64) -> f64 {
        self.mean + self.deviation * value
    }
}

/// The moments of a train part, with which it and its test part were standardised: every feature, and a numeric target too.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// One entry a feature.
    pub features: Vec<Moments>,
    /// That of the target, where it is a number; predictions are reported in its unit by [`Moments::restored`].
    pub target: Option<Moments>,
}

impl Scaling {
    fn of(train: &Dataset) -> Self {
        let columns = train.columns();
        let column =
            |j: usize| Moments::of(train.features.iter().skip(j).step_by(columns).copied());
        Self {
            features: (0..columns).map(column).collect(),
            target: train
                .numbers()
                .map(|numbers| Moments::of(numbers.iter().copied())),
        }
    }

    fn standardise(&self, data: &mut Dataset) {
        for row in data.features.chunks_exact_mut(self.features.len()) {
            for (value, moments) in row.iter_mut().zip(&self.features) {
                *value = moments.standardised(*value);
            }
        }
        if let (Targets::Numbers(numbers), Some(moments)) = (&mut data.targets, &self.target) {
            for value in numbers {
                *value = moments.standardised(*value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|j| format!("x{j}")).collect()
    }

    fn ladder(rows: usize) -> Dataset {
        let features = (0..rows)
            .flat_map(|i| [i as f64, 0.1, -2.0 * i as f64])
            .collect();
        let targets = Targets::Numbers((0..rows).map(|i| 10.0 + i as f64).collect());
        Dataset::new("ladder", features, names(3), "y", targets).unwrap()
    }

    #[test]
    fn the_train_part_has_mean_0_and_deviation_1_and_constants_become_0() {
        let split = ladder(40).split(0.75, 3).unwrap();
        let train = split.train();
        for j in 0..3 {
            let column: Vec<f64> = (0..30).map(|i| train.row(i)[j]).collect();
            let mean = column.iter().sum::<f64>() / 30.0;
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 30.0;
            assert!(mean.abs() < 1e-14, "{mean}");
            assert!(
                (variance - if j == 1 { 0.0 } else { 1.0 }).abs() < 1e-14,
                "{variance}"
            );
        }
        assert!((0..10).all(|i| split.test().row(i)[1] == 0.0));
    }

    #[test]
    fn the_test_part_is_standardised_with_the_moments_of_the_train_part() {
        let split = ladder(40).split(0.75, 3).unwrap();
        let mut all: Vec<f64> = Vec::new();
        for part in [split.train(), split.test()] {
            for (i, &target) in part.numbers().unwrap().iter().enumerate() {
                let x = split.scaling().features[0].restored(part.row(i)[0]);
                let y = split.scaling().target.unwrap().restored(target);
                assert!((y - x - 10.0).abs() < 1e-12);
                all.push(x.round());
            }
        }
        all.sort_by(f64::total_cmp);
        assert_eq!(all, (0..40).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn moments_of_known_numbers() {
        let moments = Moments::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter());
        assert_eq!(
            moments,
            Moments {
                mean: 5.0,
                deviation: 2.0
            }
        );
        assert_eq!(moments.standardised(9.0), 2.0);
        let huge = Moments::of([1e200, -1e200].into_iter());
        assert_eq!(
            huge,
            Moments {
                mean: 0.0,
                deviation: 1e200
            }
        );
    }

    #[test]
    fn the_seed_decides_the_split() {
        let data = ladder(20);
        assert_eq!(data.split(0.5, 1).unwrap(), data.split(0.5, 1).unwrap());
        assert_ne!(data.split(0.5, 1).unwrap(), data.split(0.5, 2).unwrap());
    }

    #[test]
    fn what_cannot_be_split() {
        for fraction in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(
                ladder(9).split(fraction, 0),
                Err(DataError::Fraction { .. })
            ));
        }
        assert!(matches!(
            ladder(2).split(0.5, 0),
            Err(DataError::TooFewRows {
                rows: 2,
                train: 1,
                test: 1,
                ..
            })
        ));
        let labels = Targets::Classes {
            labels: vec![1; 4],
            names: names(2),
        };
        let data = Dataset::new("d", vec![0.0; 4], names(1), "y", labels).unwrap();
        match data.split(0.5, 0) {
            Err(DataError::OneClass { name, class, .. }) => {
                assert_eq!((&*name, &*class), ("the train part of d", "x1"))
            }
            other => panic!("{other:?}"),
        }
        let constant = Targets::Numbers(vec![3.0; 4]);
        let data = Dataset::new("d", vec![0.0; 4], names(1), "y", constant).unwrap();
        assert!(matches!(
            data.split(0.5, 0),
            Err(DataError::ConstantTarget { value: 3.0, .. })
        ));
    }

    #[test]
    fn what_is_no_dataset() {
        let numbers = |n: usize| Targets::Numbers(vec![0.0; n]);
        let build = |features: Vec<f64>, columns, targets| {
            Dataset::new("d", features, names(columns), "y", targets)
        };
        assert!(matches!(
            build(vec![], 1, numbers(0)),
            Err(DataError::NoRows { .. })
        ));
        assert!(matches!(
            build(vec![], 0, numbers(2)),
            Err(DataError::Shape { columns: 0, .. })
        ));
        assert!(matches!(
            build(vec![0.0; 3], 2, numbers(2)),
            Err(DataError::Shape { values: 3, .. })
        ));
        let bad = build(vec![0.0, 0.0, 0.0, f64::NAN], 2, numbers(2));
        assert!(
            matches!(bad, Err(DataError::ValueNotFinite { row: 1, ref column, .. }) if column == "x1")
        );
        let bad = build(vec![0.0; 2], 1, Targets::Numbers(vec![0.0, f64::INFINITY]));
        assert!(
            matches!(bad, Err(DataError::ValueNotFinite { row: 1, ref column, .. }) if column == "y")
        );
        let bad = build(
            vec![0.0; 2],
            1,
            Targets::Classes {
                labels: vec![0, 2],
                names: names(2),
            },
        );
        assert!(matches!(
            bad,
            Err(DataError::Label {
                row: 1,
                label: 2,
                classes: 2,
                ..
            })
        ));
    }

    #[test]
    fn folds_test_every_row_once() {
        let targets = Targets::Numbers((0..11).map(f64::from).collect());
        let features: Vec<f64> = (0..11).map(f64::from).collect();
        let data = Dataset::new("line", features, vec!["x".into()], "y", targets).unwrap();
        let folds = data.folds(3, 5).unwrap();
        let sizes: Vec<usize> = folds.iter().map(|fold| fold.test().rows()).collect();
        assert_eq!(sizes, [4, 4, 3]);
        let mut seen: Vec<f64> = Vec::new();
        for fold in &folds {
            assert_eq!(fold.train().rows() + fold.test().rows(), 11);
            let tested = fold.test().numbers().unwrap().iter();
            seen.extend(tested.map(|y| fold.scaling().target.unwrap().restored(*y).round()));
        }
        seen.sort_by(f64::total_cmp);
        assert_eq!(seen, (0..11).map(f64::from).collect::<Vec<_>>());
        assert!(data.folds(1, 0).is_err() && data.folds(12, 0).is_err());
        let (rest, held) = data.hold_out(0.75, 5).unwrap();
        let split = data.split(0.75, 5).unwrap();
        assert_eq!(
            (rest.rows(), held.rows()),
            (split.train().rows(), split.test().rows())
        );
    }
}
