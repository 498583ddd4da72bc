//! Axes, linear or logarithmic, with their ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// The most ticks that an axis gets.
const MOST_TICKS: usize = 8;

/// An axis: what it measures, in which units, on which scale; its range is that of the data unless it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The name, with the unit.
    pub label: String,
    log: bool,
    low: Option<f64>,
    high: Option<f64>,
    /// No further than this, whatever the data say.
    most: f64,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            log: false,
            low: None,
            high: None,
            most: f64::INFINITY,
        }
    }

    /// A logarithmic axis; what is not above 0 is not drawn.
    pub fn log(label: &str) -> Self {
        Self {
            log: true,
            ..Self::linear(label)
        }
    }

    /// With this range.
    pub fn between(self, low: f64, high: f64) -> Self {
        Self {
            low: Some(low),
            high: Some(high),
            ..self
        }
    }

    /// Ending at this value, where the data go further.
    pub fn at_most(self, most: f64) -> Self {
        Self { most, ..self }
    }

    /// Whether the value has a place on it.
    pub fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.log || value > 0.0)
    }

    /// The coordinate for these values: their range, widened to whole ticks or decades.
    pub fn coordinate(&self, values: impl Iterator<Item = f64>) -> Coordinate {
        let shown = values.filter(|v| self.shows(*v)).map(|v| v.min(self.most));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(v), h.max(v))
        });
        let (low, high) = if low <= high {
            (low, high)
        } else {
            (1.0, 10.0)
        };
        let (low, high) = if self.log {
            let whole = |v: f64, round: fn(f64) -> f64| 10f64.powf(round(v.log10()));
            let (near_low, near_high) = (low / 1.1, (high * 1.1).min(self.most));
            // Whole decades where there are many; a narrow range would drown in them.
            if (high / low).log10() > 2.5 {
                (
                    whole(low * 1.0001, f64::floor),
                    whole(high * 0.9999, f64::ceil),
                )
            } else {
                (near_low, near_high.max(near_low * 1.5))
            }
        } else {
            let step = step((high - low).max(1e-12 * high.abs().max(1e-12)));
            ((low / step).floor() * step, (high / step).ceil() * step)
        };
        let (low, high) = (self.low.unwrap_or(low), self.high.unwrap_or(high));
        let high = if high > low { high } else { low + 1.0 };
        Coordinate {
            low,
            high,
            log: self.log,
        }
    }
}

/// A range on a scale, as plotters wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// The least value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// Whether the scale is logarithmic.
    pub log: bool,
}

impl Coordinate {
    /// A linear scale.
    pub fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            log: false,
        }
    }

    fn position(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// The place of a value between the ends, 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let (low, high) = (self.position(self.low), self.position(self.high));
        ((self.position(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The values with ticks.
    pub fn ticks(&self) -> Vec<f64> {
        let within = |v: &f64| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(v);
        if !self.log {
            let step = step(self.high - self.low);
            let first = (self.low / step - 1e-9).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            return (first..=last).map(|i| i as f64 * step).collect();
        }
        let (first, last) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let decades = (last - first) as usize;
        let every = decades.div_ceil(MOST_TICKS).max(1) as i32;
        let multiples: &[f64] = if (self.high / self.low).log10() < 2.2 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        (first..=last)
            .filter(|exponent| exponent.rem_euclid(every) == 0)
            .flat_map(|exponent| multiples.iter().map(move |m| m * 10f64.powi(exponent)))
            .filter(within)
            .collect()
    }
}

/// A round step that cuts a span into 4 to 8 pieces.
fn step(span: f64) -> f64 {
    let raw = span / MOST_TICKS as f64;
    let decade = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .find(|f| f * decade >= raw * 0.999);
    factor.unwrap_or(10.0) * decade
}

impl Ranged for Coordinate {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        self.ticks()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Coordinate {
    fn format_ext(&self, value: &f64) -> String {
        tick_label(*value, self.log)
    }
}

/// A short form of a number; powers of ten as 10ᵏ on a logarithmic scale.
pub fn tick_label(value: f64, log: bool) -> String {
    let exponent = value.abs().log10();
    if log && (exponent - exponent.round()).abs() < 1e-9 {
        let exponent = exponent.round() as i32;
        return match exponent {
            0 => "1".to_owned(),
            1 => "10".to_owned(),
            _ => format!("10{}", superscript(exponent)),
        };
    }
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        let text = format!("{value:.4}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let text = format!("{value:.2e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!(
        "{mantissa}·10{}",
        superscript(exponent.parse().unwrap_or(0))
    )
}

fn superscript(exponent: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    exponent.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_ticks_by_hand() {
        let log = Axis::log("").coordinate([3e-8, 0.0, f64::NAN, 0.9].into_iter());
        assert!((log.low - 1e-8).abs() < 1e-20 && (log.high - 1.0).abs() < 1e-12);
        assert_eq!(log.ticks().len(), 9);
        let linear = Axis::linear("").coordinate([-0.3, 7.1].into_iter());
        assert_eq!((linear.low, linear.high), (-1.0, 8.0));
        assert_eq!(
            Axis::linear("")
                .between(0.0, 1.0)
                .coordinate([5.0].into_iter())
                .ticks()
                .len(),
            6
        );
        let narrow = Axis::log("").coordinate([2.0, 30.0].into_iter());
        assert_eq!(narrow.ticks(), [2.0, 5.0, 10.0, 20.0]);
        for empty in [Axis::log(""), Axis::linear("")] {
            let coordinate = empty.coordinate(std::iter::empty());
            assert!(coordinate.low < coordinate.high);
            let constant = empty.coordinate([3.0, 3.0].into_iter());
            assert!(constant.low < constant.high && constant.share(3.0).is_finite());
        }
    }

    #[test]
    fn labels_by_hand() {
        assert_eq!(tick_label(1e-12, true), "10⁻¹²");
        assert_eq!(
            (tick_label(1.0, true), tick_label(20.0, true)),
            ("1".into(), "20".into())
        );
        assert_eq!(
            (
                tick_label(0.25, false),
                tick_label(-3.0, false),
                tick_label(0.0, false)
            ),
            ("0.25".into(), "-3".into(), "0".into())
        );
        assert_eq!(tick_label(2e6, false), "2·10⁶");
    }
}
