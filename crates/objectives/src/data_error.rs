//! What can be wrong with data.

use std::io;

use thiserror::Error;

/// A fault of a data file or of a dataset. Lines and columns count from 1.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },

    /// A line is not UTF-8, or not CSV.
    #[error("{file}, line {line}: not CSV in UTF-8 ({reason})")]
    NotCsv {
        /// The file.
        file: String,
        /// The line at which the record begins.
        line: u64,
        /// What the reader says.
        reason: String,
    },

    /// A line has more or fewer fields than the first one.
    #[error("{file}, line {line}: {found} fields, but the first line has {expected}")]
    Ragged {
        /// The file.
        file: String,
        /// The line at which the record begins.
        line: u64,
        /// Fields in this line.
        found: usize,
        /// Fields in the first line.
        expected: usize,
    },

    /// The file has one column, so that there is nothing to predict the target from.
    #[error(
        "{file}, line {line}: only one column; a target and at least one feature are needed, separated by commas"
    )]
    OneColumn {
        /// The file.
        file: String,
        /// The first line.
        line: u64,
    },

    /// A field of a number column is empty or not a number.
    #[error("{file}, line {line}, column {column} ({name}): '{text}' is not a number; {way_out}")]
    NotANumber {
        /// The file.
        file: String,
        /// The line at which the record begins.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The name of the column.
        name: String,
        /// What stands there.
        text: String,
        /// What to do about it.
        way_out: &'static str,
    },

    /// A field is NaN or infinite, or too large for a double.
    #[error(
        "{file}, line {line}, column {column} ({name}): '{text}' is not finite; remove the line or fill the value in"
    )]
    NotFinite {
        /// The file.
        file: String,
        /// The line at which the record begins.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The name of the column.
        name: String,
        /// What stands there.
        text: String,
    },

    /// A label is empty.
    #[error(
        "{file}, line {line}, column {column} ({name}): the label is empty; remove the line or fill it in"
    )]
    EmptyLabel {
        /// The file.
        file: String,
        /// The line at which the record begins.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The name of the column.
        name: String,
    },

    /// No column is called like the target, nor is it an index of one.
    #[error("{file}, line 1: no column '{target}'; {hint}")]
    MissingTarget {
        /// The file.
        file: String,
        /// The target asked for.
        target: String,
        /// The near matches, or the columns that exist.
        hint: String,
    },

    /// More than one column is called like the target.
    #[error(
        "{file}, line 1: the columns {first} and {second} are both called '{target}'; give the 0-based index instead"
    )]
    AmbiguousTarget {
        /// The file.
        file: String,
        /// The target asked for.
        target: String,
        /// The first such column, from 1.
        first: usize,
        /// The second such column, from 1.
        second: usize,
    },

    /// There is not one row of data.
    #[error("{name}: no rows of data")]
    NoRows {
        /// The file or dataset.
        name: String,
    },

    /// All rows belong to one class.
    #[error(
        "{name}: every row has the class '{class}' in the target '{target}'; at least two classes are needed"
    )]
    OneClass {
        /// The file or dataset.
        name: String,
        /// The name of the target.
        target: String,
        /// The class.
        class: String,
    },

    /// All rows have the same number as their target.
    #[error(
        "{name}: every row has the value {value} in the target '{target}'; there is nothing to predict"
    )]
    ConstantTarget {
        /// The file or dataset.
        name: String,
        /// The name of the target.
        target: String,
        /// The value.
        value: f64,
    },

    /// The shapes of features, names and targets contradict each other, or there is no feature.
    #[error(
        "{name}: {rows} targets and {columns} feature names (at least 1) do not go with {values} feature values"
    )]
    Shape {
        /// The dataset.
        name: String,
        /// The number of targets.
        rows: usize,
        /// The number of feature names.
        columns: usize,
        /// The number of feature values.
        values: usize,
    },

    /// A label has no class name.
    #[error("{name}, row {row}: label {label}, but there are {classes} classes")]
    Label {
        /// The dataset.
        name: String,
        /// The row, from 0.
        row: usize,
        /// The label.
        label: usize,
        /// The number of class names.
        classes: usize,
    },

    /// A value given in memory is NaN or infinite.
    #[error("{name}, row {row}, column '{column}': {value} is not finite")]
    ValueNotFinite {
        /// The dataset.
        name: String,
        /// The row, from 0.
        row: usize,
        /// The feature or target.
        column: String,
        /// The value.
        value: f64,
    },

    /// The train fraction is not between 0 and 1.
    #[error("train fraction {fraction}: must lie between 0 and 1, both excluded")]
    Fraction {
        /// The fraction.
        fraction: f64,
    },

    /// Too few rows for a train and a test part.
    #[error(
        "{name}: {rows} rows give {train} to train on and {test} to test on; at least 2 and 1 are needed"
    )]
    TooFewRows {
        /// The dataset.
        name: String,
        /// All rows.
        rows: usize,
        /// Rows of the train part.
        train: usize,
        /// Rows of the test part.
        test: usize,
    },

    /// A gzip stream is damaged or cut.
    #[error("{file}: damaged or cut gzip stream: {source}")]
    Gzip {
        /// The file.
        file: String,
        /// What the decoder says.
        source: io::Error,
    },

    /// The magic number is not that of an IDX file of unsigned bytes with the right number of dimensions.
    #[error("{file}: magic number {found:#010x}, but IDX {expected} have {wanted:#010x}")]
    NotIdx {
        /// The file.
        file: String,
        /// The magic number found.
        found: u32,
        /// What the file should hold: images or labels.
        expected: &'static str,
        /// The magic number of those.
        wanted: u32,
    },

    /// Images were given where labels belong, or the other way round.
    #[error(
        "{file}: holds {found} (magic number {magic:#010x}) where {expected} belong; swap the two files"
    )]
    SwappedIdx {
        /// The file.
        file: String,
        /// What it holds.
        found: &'static str,
        /// Its magic number.
        magic: u32,
        /// What belongs there.
        expected: &'static str,
    },

    /// An IDX file is shorter than its header promises.
    #[error("{file}: cut off: {found} bytes of at least {expected}; fetch it again")]
    TruncatedIdx {
        /// The file.
        file: String,
        /// Bytes found (uncompressed).
        found: u64,
        /// Bytes needed by the header, or for one.
        expected: u64,
    },

    /// An IDX file is longer than its header says.
    #[error("{file}: more than the {expected} bytes that its header promises; fetch it again")]
    OverlongIdx {
        /// The file.
        file: String,
        /// Bytes that the header promises.
        expected: u64,
    },

    /// The header of an IDX file promises more bytes than can be counted, or images without pixels.
    #[error("{file}: impossible header: {count} images of {rows} x {columns} pixels")]
    ImpossibleIdx {
        /// The file.
        file: String,
        /// Number of images.
        count: u32,
        /// Pixel rows of an image.
        rows: u32,
        /// Pixel columns of an image.
        columns: u32,
    },

    /// There are not as many labels as images.
    #[error(
        "{images} holds {image_count} images, but {labels} holds {label_count} labels; the files do not belong together"
    )]
    IdxCounts {
        /// The file of images.
        images: String,
        /// Number of images.
        image_count: usize,
        /// The file of labels.
        labels: String,
        /// Number of labels.
        label_count: usize,
    },
}
