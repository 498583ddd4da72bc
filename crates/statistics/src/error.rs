//! What can be wrong with the data of a statistic.

/// Why a statistic cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// A row is shorter or longer than it has to be.
    #[error(
        "{what} {index} has length {found}, expected {expected}; \
         give a value for every case, NaN (or None) where a method failed"
    )]
    Length {
        /// What the row is: 'method', 'stratum', 'sample'.
        what: &'static str,
        /// Which one, counted from 0.
        index: usize,
        /// Its length.
        found: usize,
        /// What its length should be.
        expected: usize,
    },
    /// There are too few of something.
    #[error("{statistic} needs at least {needed} {what}, found {found}")]
    TooFew {
        /// The statistic that was asked for.
        statistic: &'static str,
        /// What there is too little of: 'methods', 'cases', 'draws'.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there have to be.
        needed: usize,
    },
    /// A probability that is not strictly between 0 and 1.
    #[error("{name} must lie strictly between 0 and 1, found {value}")]
    Probability {
        /// The argument: 'level' or 'alpha'.
        name: &'static str,
        /// Its value.
        value: f64,
    },
}

impl StatisticsError {
    /// An error unless there are at least `needed`.
    pub(crate) fn at_least(
        statistic: &'static str,
        what: &'static str,
        found: usize,
        needed: usize,
    ) -> Result<(), Self> {
        if found >= needed {
            return Ok(());
        }
        Err(Self::TooFew {
            statistic,
            what,
            found,
            needed,
        })
    }

    /// An error unless row `index` has `expected` values.
    pub(crate) fn length(
        what: &'static str,
        index: usize,
        found: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if found == expected {
            return Ok(());
        }
        Err(Self::Length {
            what,
            index,
            found,
            expected,
        })
    }

    /// `value`, where it is strictly between 0 and 1.
    pub(crate) fn probability(name: &'static str, value: f64) -> Result<f64, Self> {
        if value > 0.0 && value < 1.0 {
            Ok(value)
        } else {
            Err(Self::Probability { name, value })
        }
    }
}

/// The number of values in each row of a table, 0 where there is no row.
///
/// # Errors
///
/// [`StatisticsError::Length`] where a row differs from the first.
pub(crate) fn row_length<T>(what: &'static str, rows: &[Vec<T>]) -> Result<usize, StatisticsError> {
    let expected = rows.first().map_or(0, Vec::len);
    for (index, row) in rows.iter().enumerate() {
        StatisticsError::length(what, index, row.len(), expected)?;
    }
    Ok(expected)
}

/// Checks that two tables have the same rows, each as long as its counterpart.
///
/// # Errors
///
/// [`StatisticsError::Length`] where they differ.
pub(crate) fn same_shape<T>(
    rows: &'static str,
    x: &[Vec<T>],
    y: &[Vec<T>],
) -> Result<(), StatisticsError> {
    StatisticsError::length("sample", 1, y.len(), x.len())?;
    for (index, (a, b)) in x.iter().zip(y).enumerate() {
        StatisticsError::length(rows, index, b.len(), a.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_row_and_the_way_out() {
        let error = row_length("method", &[vec![1.0, 2.0], vec![1.0]]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "method 1 has length 1, expected 2; \
             give a value for every case, NaN (or None) where a method failed"
        );
        let error = StatisticsError::at_least("Friedman's test", "methods", 1, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Friedman's test needs at least 2 methods, found 1"
        );
        for value in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(StatisticsError::probability("level", value).is_err());
        }
    }
}
