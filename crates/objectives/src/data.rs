//! Datasets from CSV files.

use std::fs;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::csv_table::{Record, Table, is_number};
use crate::data_error::DataError;
use crate::dataset::Dataset;
use crate::near_match::hint;

/// What the target is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Classes if the target of the first row is text, or if all are whole numbers of which at most 20 differ, each twice in
    /// the mean; else numbers.
    #[default]
    Auto,
    /// Classes, whatever they look like.
    Classification,
    /// Numbers.
    Regression,
}

/// How a CSV file is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Whether the first line names the columns. `None`: it does if one of its fields is the name of the target, if none of
    /// its fields is a number, or if its target is text and all others are numbers.
    pub header: Option<bool>,
    /// What the target is.
    pub task: Task,
}

/// Reads a CSV file: fields separated by commas, UTF-8, quotes and blank lines allowed, every column a number except that of
/// classes. `target` is the name of a column or its index from 0; all other columns are features.
///
/// # Errors
///
/// A [`DataError`] that names the file and, where there is one, the line and the column.
///
/// # Example
///
/// ```
/// use qstride_objectives::data::{CsvOptions, read_csv};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("leaves.csv");
/// std::fs::write(&path, "length,width,kind\n5.1,3.5,oak\n4.9,3.0,elm\n6.2,2.9,oak\n")?;
/// let data = read_csv(&path, "kind", &CsvOptions::default())?;
/// assert_eq!((data.rows(), data.columns(), data.classes()), (3, 2, Some(2)));
/// assert_eq!(data.labels(), Some(&[1, 0, 1][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_csv(path: &Path, target: &str, options: &CsvOptions) -> Result<Dataset, DataError> {
    let file = path.display().to_string();
    let bytes = fs::read(path).map_err(|source| DataError::Unreadable {
        file: file.clone(),
        source,
    })?;
    let name = path
        .file_stem()
        .map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned());
    parse_csv(&bytes, &file, &name, target, options)
}

impl Dataset {
    /// The 1797 images of handwritten digits that ship with the crate: 64 features, 10 classes (data/README.md has source and
    /// licence). Usually split 0.75, which is 1347 to 450.
    ///
    /// # Errors
    ///
    /// None, unless the crate was built with an altered file.
    ///
    /// # Example
    ///
    /// ```
    /// use qstride_objectives::dataset::Dataset;
    ///
    /// let split = Dataset::digits()?.split(0.75, 0)?;
    /// assert_eq!((split.train().rows(), split.test().rows()), (1347, 450));
    /// # Ok::<(), qstride_objectives::data_error::DataError>(())
    /// ```
    pub fn digits() -> Result<Self, DataError> {
        let bytes = include_bytes!("../data/digits.csv");
        embedded(bytes, "digits", "digit", CsvOptions::default())
    }
}

/// A dataset whose file `data/NAME.csv` was built into the crate.
pub(crate) fn embedded(
    bytes: &[u8],
    name: &str,
    target: &str,
    options: CsvOptions,
) -> Result<Dataset, DataError> {
    parse_csv(bytes, &format!("{name}.csv"), name, target, &options)
}

fn parse_csv(
    bytes: &[u8],
    file: &str,
    name: &str,
    target: &str,
    options: &CsvOptions,
) -> Result<Dataset, DataError> {
    let mut records = read_records(bytes, file)?;
    let first = match records.first() {
        None => {
            return Err(DataError::NoRows {
                name: file.to_owned(),
            });
        }
        Some(first) if first.fields.len() < 2 => {
            return Err(DataError::OneColumn {
                file: file.to_owned(),
                line: first.line,
            });
        }
        Some(first) => first,
    };
    let width = first.fields.len();
    if let Some(ragged) = records.iter().find(|r| r.fields.len() != width) {
        let (line, found) = (ragged.line, ragged.fields.len());
        return Err(DataError::Ragged {
            file: file.to_owned(),
            line,
            found,
            expected: width,
        });
    }
    let header = options
        .header
        .unwrap_or_else(|| has_header(&records, target));
    let names: Vec<String> = if header {
        records.remove(0).fields.iter().map(str::to_owned).collect()
    } else {
        (0..width).map(|j| format!("column {j}")).collect()
    };
    let table = Table {
        file,
        target: find_target(file, &names, header, target)?,
        names,
        records,
    };
    table.dataset(name, options.task)
}

fn read_records(bytes: &[u8], file: &str) -> Result<Vec<Record>, DataError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let mut records = Vec::new();
    loop {
        let line = line_of(reader.position(), bytes);
        let mut fields = StringRecord::new();
        match reader.read_record(&mut fields) {
            Ok(true) => records.push(Record { line, fields }),
            Ok(false) => return Ok(records),
            Err(fault) => {
                return Err(DataError::NotCsv {
                    file: file.to_owned(),
                    line,
                    reason: reason(&fault),
                });
            }
        }
    }
}

/// The line of the record that is read next: the reader skips blank lines only while it reads.
fn line_of(position: &csv::Position, bytes: &[u8]) -> u64 {
    let ahead = bytes
        .iter()
        .skip(usize::try_from(position.byte()).unwrap_or(usize::MAX));
    let blank = ahead
        .take_while(|b| matches!(b, b'\n' | b'\r'))
        .filter(|b| **b == b'\n')
        .count();
    position.line() + blank as u64
}

fn reason(fault: &csv::Error) -> String {
    match fault.kind() {
        csv::ErrorKind::Utf8 { err, .. } => format!("field {}: {err}", err.field() + 1),
        _ => fault.to_string(),
    }
}

fn has_header(records: &[Record], target: &str) -> bool {
    let Some((first, others)) = records.split_first() else {
        return false;
    };
    if first.fields.iter().any(|field| field == target) && !is_number(target) {
        return true;
    }
    if !first.fields.iter().any(is_number) {
        return true;
    }
    let column = target.parse::<usize>().ok();
    let number = |record: &Record| {
        column
            .and_then(|j| record.fields.get(j))
            .is_some_and(is_number)
    };
    let has_target = column.is_some_and(|j| j < first.fields.len());
    has_target && !number(first) && !others.is_empty() && others.iter().all(number)
}

/// The column of the target; a name goes before an index.
fn find_target(
    file: &str,
    names: &[String],
    header: bool,
    target: &str,
) -> Result<usize, DataError> {
    let (file, target_name) = (file.to_owned(), target.to_owned());
    let mut called = (0..names.len()).filter(|&j| header && names[j] == target);
    match (called.next(), called.next()) {
        (Some(first), Some(second)) => Err(DataError::AmbiguousTarget {
            file,
            target: target_name,
            first: first + 1,
            second: second + 1,
        }),
        (Some(column), None) => Ok(column),
        (None, _) => match target.parse::<usize>() {
            Ok(column) if column < names.len() => Ok(column),
            _ => Err(DataError::MissingTarget {
                file,
                target: target_name,
                hint: target_hint(names, header, target),
            }),
        },
    }
}

fn target_hint(names: &[String], header: bool, target: &str) -> String {
    let indices = format!("indices go from 0 to {}", names.len() - 1);
    if target.parse::<usize>().is_ok() || !header {
        let missing = if header {
            ""
        } else {
            ", and the file has no header to give names"
        };
        return format!("{indices}{missing}");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    format!("{} ({indices})", hint(target, &names, 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Targets;

    fn read_with(
        text: impl AsRef<[u8]>,
        target: &str,
        options: CsvOptions,
    ) -> Result<Dataset, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.csv");
        fs::write(&path, text).unwrap();
        read_csv(&path, target, &options)
    }

    fn read(text: &str, target: &str) -> Result<Dataset, DataError> {
        read_with(text, target, CsvOptions::default())
    }

    /// The message without the folder.
    fn message(result: Result<Dataset, DataError>) -> String {
        let message = result.unwrap_err().to_string();
        message
            .find("bad.csv")
            .map_or(message.clone(), |at| message[at..].to_owned())
    }

    #[test]
    fn digits_have_1797_rows_of_64_pixels_in_10_classes() {
        let digits = Dataset::digits().unwrap();
        assert_eq!(
            (digits.rows(), digits.columns(), digits.classes()),
            (1797, 64, Some(10))
        );
        assert_eq!(
            digits.row(0)[..8],
            [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]
        );
        assert_eq!(
            digits.labels().unwrap()[..10],
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        );
        assert_eq!(digits.feature_names()[63], "p63");
        let split = digits.split(0.75, 11).unwrap();
        assert_eq!((split.train().rows(), split.test().rows()), (1347, 450));
        assert_eq!(split, digits.split(0.75, 11).unwrap());
        // Pixel 0 is 0 in every image.
        assert!((0..1347).all(|i| split.train().row(i)[0] == 0.0));
    }

    #[test]
    fn the_header_is_detected_unless_it_is_given() {
        let with = read("a,b,y\n1,2,0.5\n3,4,1.5\n", "y").unwrap();
        assert_eq!(
            (
                with.rows(),
                with.target_name(),
                with.feature_names()[1].as_str()
            ),
            (2, "y", "b")
        );
        let without = read("1,2,0.5\n3,4,1.5\n", "2").unwrap();
        assert_eq!(
            (without.rows(), without.target_name(), without.row(0)),
            (2, "column 2", &[1.0, 2.0][..])
        );
        let numbers_for_names = read("0,1,y\n1,2,0.5\n3,4,1.5\n", "y").unwrap();
        assert_eq!(
            (numbers_for_names.rows(), numbers_for_names.columns()),
            (2, 2)
        );
        let by_index = read("0,1,y\n1,2,0.5\n3,4,1.5\n", "2").unwrap();
        assert_eq!((by_index.rows(), by_index.target_name()), (2, "y"));
        let text_labels = read("1,2,oak\n3,4,elm\n", "2").unwrap();
        assert_eq!(
            (text_labels.rows(), text_labels.labels()),
            (2, Some(&[1, 0][..]))
        );
        let given = CsvOptions {
            header: Some(true),
            task: Task::Regression,
        };
        assert_eq!(
            read_with("0,1,2\n1,2,3\n4,5,6\n", "1", given)
                .unwrap()
                .numbers(),
            Some(&[2.0, 5.0][..])
        );
        let given = CsvOptions {
            header: Some(false),
            task: Task::Regression,
        };
        assert_eq!(
            read_with("0,1,2\n1,2,3\n4,5,6\n", "1", given)
                .unwrap()
                .rows(),
            3
        );
    }

    #[test]
    fn the_task_follows_the_target_unless_it_is_given() {
        let whole = "x,y\n1,3\n2,1\n3,3\n4,1.0\n";
        let data = read(whole, "y").unwrap();
        assert_eq!(
            data.targets(),
            &Targets::Classes {
                labels: vec![1, 0, 1, 0],
                names: vec!["1".into(), "3".into()]
            }
        );
        let regression = CsvOptions {
            task: Task::Regression,
            ..Default::default()
        };
        assert_eq!(
            read_with(whole, "y", regression).unwrap().numbers(),
            Some(&[3.0, 1.0, 3.0, 1.0][..])
        );
        assert!(
            read("x,y\n1,3\n2,1\n3,2\n4,1\n", "y")
                .unwrap()
                .numbers()
                .is_some(),
            "three values on four rows"
        );
        assert!(
            read("x,y\n1,3\n2,1\n3,3\n4,1.5\n", "y")
                .unwrap()
                .numbers()
                .is_some(),
            "a fraction"
        );
        let many: String = (0..84).map(|i| format!("{i},{}\n", i % 21)).collect();
        assert!(read(&many, "1").unwrap().numbers().is_some(), "21 values");
        let classification = CsvOptions {
            task: Task::Classification,
            ..Default::default()
        };
        assert_eq!(
            read_with(&many, "1", classification).unwrap().classes(),
            Some(21)
        );
        assert_eq!(
            read_with("x,y\n1,b\n2,2\n", "y", classification)
                .unwrap()
                .labels(),
            Some(&[1, 0][..])
        );
    }

    #[test]
    fn spaces_quotes_blank_lines_and_a_byte_order_mark_are_allowed() {
        let data = read(
            "\u{feff}a,\"the, b\" ,y\r\n\r\n 1 , 2,0.5\r\n3,\"4\",1.5\r\n\r\n",
            "y",
        )
        .unwrap();
        assert_eq!(data.feature_names(), ["a", "the, b"]);
        assert_eq!(data.features(), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn ragged_rows() {
        let ragged = "bad.csv, line 3: 1 fields, but the first line has 2";
        assert_eq!(message(read("a,y\n1,2\n3\n", "y")), ragged);
        let ragged = "bad.csv, line 2: 3 fields, but the first line has 2";
        assert_eq!(message(read("a,y\n1,2,3\n3,4\n", "y")), ragged);
    }

    #[test]
    fn text_in_a_number_column() {
        let feature =
            "bad.csv, line 3, column 2 (b): 'x' is not a number; every feature has to be one";
        assert_eq!(message(read("a,b,y\n1,2,0\n3,x,1\n", "y")), feature);
        let target = "bad.csv, line 3, column 2 (y): '1.5.1' is not a number; mend it, or read the target as classes";
        assert_eq!(message(read("a,y\n1,0.5\n3,1.5.1\n", "y")), target);
        let empty =
            "bad.csv, line 2, column 1 (a): '' is not a number; every feature has to be one";
        assert_eq!(message(read("a,y\n,0.5\n3,1.5\n", "y")), empty);
        let first = "bad.csv, line 1, column 1 (column 0): 'x' is not a number; every feature has to be one";
        assert_eq!(message(read("x,2,0\n3,4,1\n", "2")), first);
    }

    #[test]
    fn lines_are_counted_over_blank_lines_and_quoted_line_breaks() {
        for end in ["\n", "\r\n"] {
            let text = ["a,y", "", "", "1,2", "", "x,3"].join(end);
            assert!(
                message(read(&text, "y")).starts_with("bad.csv, line 6, column 1 (a)"),
                "{end:?}"
            );
            let text = ["a,k", "1,\"two", "lines\"", "2,k", "x,k"].join(end);
            assert!(
                message(read(&text, "k")).starts_with("bad.csv, line 5, column 1 (a)"),
                "{end:?}"
            );
        }
    }

    #[test]
    fn nan_and_infinity() {
        for text in ["NaN", "inf", "-infinity", "1e999"] {
            let way_out = "is not finite; remove the line or fill the value in";
            let feature = format!("bad.csv, line 3, column 1 (a): '{text}' {way_out}");
            assert_eq!(
                message(read(&format!("a,y\n1,0.5\n{text},1.5\n"), "y")),
                feature
            );
            let target = format!("bad.csv, line 3, column 2 (y): '{text}' {way_out}");
            assert_eq!(
                message(read(&format!("a,y\n1,0.5\n2,{text}\n"), "y")),
                target
            );
            assert_eq!(
                message(read(&format!("a,y\n1,oak\n2,{text}\n"), "y")),
                target
            );
        }
    }

    #[test]
    fn an_empty_label() {
        let empty =
            "bad.csv, line 3, column 2 (y): the label is empty; remove the line or fill it in";
        assert_eq!(message(read("a,y\n1,oak\n2,\n3,elm\n", "y")), empty);
    }

    #[test]
    fn a_missing_target() {
        let text = "length,width,kind\n1,2,oak\n3,4,elm\n";
        let near =
            "bad.csv, line 1: no column 'kinds'; did you mean 'kind'? (indices go from 0 to 2)";
        assert_eq!(message(read(text, "kinds")), near);
        let all = "bad.csv, line 1: no column 'zzz'; there are: length, width, kind (indices go from 0 to 2)";
        assert_eq!(message(read(text, "zzz")), all);
        assert_eq!(
            message(read(text, "3")),
            "bad.csv, line 1: no column '3'; indices go from 0 to 2"
        );
        let nameless = "bad.csv, line 1: no column 'y'; indices go from 0 to 1, and the file has no header to give names";
        assert_eq!(message(read("1,2\n3,4\n", "y")), nameless);
        let twice = "bad.csv, line 1: the columns 1 and 3 are both called 'y'; give the 0-based index instead";
        assert_eq!(message(read("y,a,y\n1,2,3\n4,5,6\n", "y")), twice);
    }

    #[test]
    fn one_class_or_one_value() {
        let class = "bad.csv: every row has the class 'oak' in the target 'y'; at least two classes are needed";
        assert_eq!(message(read("a,y\n1,oak\n2,oak\n", "y")), class);
        let value =
            "bad.csv: every row has the value 1.5 in the target 'y'; there is nothing to predict";
        assert_eq!(message(read("a,y\n1,1.5\n2,1.5\n", "y")), value);
    }

    #[test]
    fn no_rows_no_columns_no_file() {
        assert_eq!(message(read("", "y")), "bad.csv: no rows of data");
        assert_eq!(message(read("\n\n", "y")), "bad.csv: no rows of data");
        assert_eq!(message(read("a,y\n", "y")), "bad.csv: no rows of data");
        assert!(message(read("a;y\n1;2\n", "y")).starts_with("bad.csv, line 1: only one column;"));
        let missing = read_csv(Path::new("no/such.csv"), "y", &CsvOptions::default());
        assert!(
            matches!(missing, Err(DataError::Unreadable { ref file, .. }) if file == "no/such.csv")
        );
    }

    #[test]
    fn bytes_that_are_not_utf_8() {
        match read_with(b"a,y\n1,2\n1,\xff\n", "y", CsvOptions::default()) {
            Err(DataError::NotCsv { line, reason, .. }) => {
                assert_eq!((line, reason.starts_with("field 2")), (3, true), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
