//! The lines of a CSV file, once its header and its target are known.

use csv::StringRecord;

use crate::data::Task;
use crate::data_error::DataError;
use crate::dataset::{Dataset, Targets};

/// Whole numbers in a target are taken for classes up to this many different ones.
const MOST_NUMERIC_CLASSES: usize = 20;

/// One line of the file, or more of them where a quoted field goes on.
pub(crate) struct Record {
    pub line: u64,
    pub fields: StringRecord,
}

/// The checked shape of a file: records of equal width, one column of which is the target.
pub(crate) struct Table<'a> {
    pub file: &'a str,
    pub names: Vec<String>,
    pub target: usize,
    pub records: Vec<Record>,
}

impl Table<'_> {
    /// The dataset of that name, with every field checked.
    pub fn dataset(&self, name: &str, task: Task) -> Result<Dataset, DataError> {
        if self.records.is_empty() {
            return Err(DataError::NoRows {
                name: self.file.to_owned(),
            });
        }
        let columns = (0..self.names.len()).filter(|&j| j != self.target);
        let mut features = Vec::with_capacity(self.records.len() * self.names.len());
        for record in &self.records {
            for column in columns.clone() {
                features.push(self.number(record, column, "every feature has to be one")?);
            }
        }
        let targets = match task {
            Task::Classification => self.classes()?,
            Task::Regression => self.numbers()?,
            Task::Auto if self.looks_like_classes() => self.classes()?,
            Task::Auto => self.numbers()?,
        };
        let feature_names = columns.map(|j| self.names[j].clone()).collect();
        let data = Dataset::new(
            name,
            features,
            feature_names,
            &*self.names[self.target],
            targets,
        )?;
        data.check_varied(self.file.to_owned())?;
        Ok(data)
    }

    fn target_texts(&self) -> impl Iterator<Item = &str> + Clone {
        self.records
            .iter()
            .map(|record| &record.fields[self.target])
    }

    fn looks_like_classes(&self) -> bool {
        if self
            .target_texts()
            .next()
            .is_some_and(|text| !text.is_empty() && !is_number(text))
        {
            return true;
        }
        let mut values = Vec::new();
        for text in self.target_texts() {
            match text.parse::<f64>() {
                Ok(value) if value.fract() == 0.0 => {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                _ => return false,
            }
            if values.len() > MOST_NUMERIC_CLASSES {
                return false;
            }
        }
        2 * values.len() <= self.records.len()
    }

    fn numbers(&self) -> Result<Targets, DataError> {
        let way_out = "mend it, or read the target as classes";
        let numbers = self
            .records
            .iter()
            .map(|record| self.number(record, self.target, way_out));
        Ok(Targets::Numbers(numbers.collect::<Result<_, _>>()?))
    }

    /// Classes in the order of their numbers if all are numbers (1 and 1.0 being one class), else in that of their names.
    fn classes(&self) -> Result<Targets, DataError> {
        for record in &self.records {
            self.check_label(record)?;
        }
        let numbers: Option<Vec<f64>> = self.target_texts().map(|text| text.parse().ok()).collect();
        Ok(match numbers {
            Some(numbers) => {
                // Adding 0 makes -0 and 0 one class.
                let keys = numbers.into_iter().map(|v| v + 0.0).collect();
                labelled(keys, f64::total_cmp, f64::to_string)
            }
            None => labelled(
                self.target_texts().collect(),
                |a, b| a.cmp(b),
                |name| (*name).to_owned(),
            ),
        })
    }

    fn check_label(&self, record: &Record) -> Result<(), DataError> {
        let text = &record.fields[self.target];
        if text.is_empty() {
            let (file, line, column, name) = self.place(record, self.target);
            return Err(DataError::EmptyLabel {
                file,
                line,
                column,
                name,
            });
        }
        match text.parse::<f64>() {
            Ok(value) if !value.is_finite() => Err(self.not_finite(record, self.target)),
            _ => Ok(()),
        }
    }

    fn number(
        &self,
        record: &Record,
        column: usize,
        way_out: &'static str,
    ) -> Result<f64, DataError> {
        let text = &record.fields[column];
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(self.not_finite(record, column)),
            Err(_) => {
                let text = text.to_owned();
                let (file, line, column, name) = self.place(record, column);
                Err(DataError::NotANumber {
                    file,
                    line,
                    column,
                    name,
                    text,
                    way_out,
                })
            }
        }
    }

    fn not_finite(&self, record: &Record, column: usize) -> DataError {
        let text = record.fields[column].to_owned();
        let (file, line, column, name) = self.place(record, column);
        DataError::NotFinite {
            file,
            line,
            column,
            name,
            text,
        }
    }

    /// File, line, column from 1, and name of the column.
    fn place(&self, record: &Record, column: usize) -> (String, u64, usize, String) {
        (
            self.file.to_owned(),
            record.line,
            column + 1,
            self.names[column].clone(),
        )
    }
}

/// Whether the text is a number, finite or not.
pub(crate) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// Labels by the place of each key among the sorted different keys.
pub(crate) fn labelled<K: PartialEq + Clone>(
    keys: Vec<K>,
    compare: impl Fn(&K, &K) -> std::cmp::Ordering,
    name: impl Fn(&K) -> String,
) -> Targets {
    let mut distinct = keys.clone();
    distinct.sort_by(&compare);
    distinct.dedup();
    let labels = keys
        .iter()
        .map(|key| distinct.partition_point(|d| compare(d, key).is_lt()))
        .collect();
    Targets::Classes {
        labels,
        names: distinct.iter().map(name).collect(),
    }
}
