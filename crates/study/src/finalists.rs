//! What the best configurations are worth on seeds that did not choose them.

use qstride_objectives::Streams;
use qstride_statistics::{
    Bootstrap, Continuity, Interval, StatisticsError, holm, mean, signed_rank_test,
};
use serde::{Serialize, Serializer};

/// The level of the intervals.
pub const LEVEL: f64 = 0.95;
/// Resamples of an interval.
const DRAWS: usize = 10_000;

/// A configuration on fresh seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finalist {
    /// The mean over the seeds with its bootstrap interval.
    #[serde(serialize_with = "interval")]
    pub mean: Interval,
    /// Beside the default configuration on the same seeds; none where there is no default.
    pub against_default: Option<Against>,
}

/// A configuration beside the default one, in pairs by seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The mean of value minus default with its bootstrap interval.
    #[serde(serialize_with = "interval")]
    pub difference: Interval,
    /// Of Wilcoxon's signed-rank test, two-sided, corrected by Holm for the number of configurations that differ from the default.
    pub p_value: f64,
}

fn interval<S: Serializer>(interval: &Interval, serializer: S) -> Result<S::Ok, S::Error> {
    [interval.estimate, interval.low, interval.high].serialize(serializer)
}

/// What each configuration comes to; `values[i][j]` is configuration i on seed j, `default[j]` the default one on it.
///
/// ```
/// use qstride_study::finalists::compare;
///
/// let default = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let better = default.map(|value| value - 0.5 - 0.01 * value);
/// let finalists = compare(&[default.to_vec(), better.to_vec()], Some(&default))?;
/// let against = finalists[1].against_default.as_ref().unwrap();
/// assert!((against.difference.estimate + 0.535).abs() < 1e-12 && against.difference.high < -0.5);
/// assert_eq!(against.p_value, 2.0 / 64.0);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// When there are no seeds, or not as many for every configuration.
pub fn compare(
    values: &[Vec<f64>],
    default: Option<&[f64]>,
) -> Result<Vec<Finalist>, StatisticsError> {
    let bootstrap = Bootstrap::new(LEVEL, DRAWS)?;
    // A stream of its own for every interval: one more configuration does not move the others.
    let streams = Streams::new(0);
    let interval = |values: &[f64], name: String| {
        bootstrap.interval(&[values.to_vec()], |v| mean(v), &mut streams.stream(&name))
    };
    let mut finalists = Vec::new();
    let mut p_values = Vec::new();
    for (index, values) in values.iter().enumerate() {
        let against_default = match default {
            Some(default) if default != values.as_slice() => {
                let test = signed_rank_test(values, default, Continuity::Corrected)?;
                p_values.push(test.p_value);
                let differences: Vec<f64> = values
                    .iter()
                    .zip(default)
                    .map(|(value, default)| value - default)
                    .collect();
                Some(Against {
                    difference: interval(&differences, format!("difference {index}"))?,
                    p_value: test.p_value,
                })
            }
            _ => None,
        };
        finalists.push(Finalist {
            mean: interval(values, format!("mean {index}"))?,
            against_default,
        });
    }
    let mut corrected = holm(&p_values).into_iter();
    for finalist in &mut finalists {
        if let Some(against) = &mut finalist.against_default
            && let Some(p_value) = corrected.next()
        {
            against.p_value = p_value;
        }
    }
    Ok(finalists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_has_its_own_interval_and_the_default_none_beside_itself() {
        let default = vec![1.0, 1.5, 0.5, 2.0];
        let others = [default.clone(), vec![2.0, 2.6, 1.7, 3.3]];
        let both = compare(&others, Some(&default)).unwrap();
        assert_eq!(both[0].against_default, None);
        let against = both[1].against_default.as_ref().unwrap();
        assert!((against.difference.estimate - 1.15).abs() < 1e-12);
        assert!(against.difference.low >= 1.0 && against.difference.high <= 1.3);
        // Four pairs, all of one sign: 2 / 2^4.
        assert_eq!(against.p_value, 0.125);
        assert_eq!(
            compare(&others[1..], None).unwrap()[0].against_default,
            None
        );
        assert!(compare(&[vec![]], None).is_err());
        assert!(compare(&[vec![1.0]], Some(&[1.0, 2.0])).is_err());
    }
}
