//! A score: lower is better, and a failure is the worst there is.

use std::cmp::Ordering;

/// The score itself, +∞ where it is NaN.
///
/// ```
/// use qstride_statistics::score::or_worst;
/// assert_eq!(or_worst(-3.5), -3.5);
/// assert_eq!(or_worst(f64::NAN), f64::INFINITY);
/// ```
pub fn or_worst(score: f64) -> f64 {
    if score.is_nan() { f64::INFINITY } else { score }
}

/// x − y, where NaN is +∞ and equals are 0: two failures tie, one failure is an infinite loss.
///
/// ```
/// use qstride_statistics::score::difference;
/// assert_eq!(difference(3.0, 1.0), 2.0);
/// assert_eq!(difference(f64::NAN, 1.0), f64::INFINITY);
/// assert_eq!(difference(f64::NAN, f64::INFINITY), 0.0);
/// ```
pub fn difference(x: f64, y: f64) -> f64 {
    let (x, y) = (or_worst(x), or_worst(y));
    if x == y { 0.0 } else { x - y }
}

/// Best first; NaN equals +∞, −0 equals 0.
pub(crate) fn compare(x: f64, y: f64) -> Ordering {
    let (x, y) = (or_worst(x), or_worst(y));
    x.partial_cmp(&y).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_worst_whatever_its_sign() {
        assert_eq!(compare(-f64::NAN, f64::MAX), Ordering::Greater);
        assert_eq!(compare(-f64::NAN, f64::INFINITY), Ordering::Equal);
        assert_eq!(compare(f64::NEG_INFINITY, f64::MIN), Ordering::Less);
        assert_eq!(compare(-0.0, 0.0), Ordering::Equal);
        assert_eq!(difference(f64::NEG_INFINITY, f64::NEG_INFINITY), 0.0);
        assert_eq!(difference(f64::NEG_INFINITY, f64::NAN), f64::NEG_INFINITY);
    }
}
