//! The rates over which a method is tuned.

use serde::{Deserialize, Serialize};

/// The most rates of a grid.
const MOST: usize = 101;

/// Rates in ascending order, each once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateGrid(Vec<f64>);

impl RateGrid {
    /// From 10^(low/2) to 10^(high/2) in half decades.
    pub fn half_decades([low, high]: [i32; 2]) -> Self {
        Self(
            (low..=high)
                .map(|halves| 10f64.powf(f64::from(halves) / 2.0))
                .collect(),
        )
    }

    /// `LOW..HIGH`, which are multiplied by √10 from one to the next, or a list of rates separated by commas.
    ///
    /// # Errors
    /// A sentence that says what a grid is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no grid of rates: write LOW..HIGH, for example 1e-5..1e1, or at most {MOST} rates above 0, separated by commas"
            )
        };
        let rate = |word: &str| {
            let rate = word.trim().parse::<f64>().ok();
            rate.filter(|r| *r > 0.0 && r.is_finite()).ok_or_else(wrong)
        };
        let Some((low, high)) = text.split_once("..") else {
            let mut rates: Vec<f64> = text.split(',').map(rate).collect::<Result<_, _>>()?;
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            return (rates.len() <= MOST)
                .then_some(Self(rates))
                .ok_or_else(wrong);
        };
        let [low, high] = [rate(low)?, rate(high)?].map(|rate| 2.0 * rate.log10());
        let steps = (high - low + 1e-9).floor();
        if !(0.0..MOST as f64).contains(&steps) {
            return Err(wrong());
        }
        let halves = (0..=steps as u32).map(|step| {
            let halves = low + f64::from(step);
            // Powers of ten are what they are written as.
            let whole = halves.round();
            if (halves - whole).abs() < 1e-9 {
                whole
            } else {
                halves
            }
        });
        Ok(Self(halves.map(|h| 10f64.powf(h / 2.0)).collect()))
    }

    /// The rates.
    pub fn rates(&self) -> &[f64] {
        &self.0
    }

    /// Whether nothing is beyond this rate on one side.
    pub fn ends_at(&self, rate: f64) -> bool {
        [self.0.first(), self.0.last()].contains(&Some(&rate))
    }
}

impl std::fmt::Display for RateGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|rate| format!("{rate:e}")).collect();
        f.write_str(&words.join(","))
    }
}

impl TryFrom<String> for RateGrid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<RateGrid> for String {
    fn from(value: RateGrid) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists() {
        let usual = RateGrid::half_decades([-6, 2]);
        assert_eq!(RateGrid::parse("1e-3..1e1").unwrap(), usual);
        assert_eq!((usual.rates().len(), usual.rates()[8]), (9, 10.0));
        assert_eq!(
            RateGrid::parse("1, 1e-2,.1,1").unwrap().rates(),
            [0.01, 0.1, 1.0]
        );
        let odd = RateGrid::parse("0.2..3").unwrap();
        assert_eq!(odd.rates().len(), 3);
        assert!((odd.rates()[2] - 2.0).abs() < 1e-12);
        assert!(usual.ends_at(1e-3) && usual.ends_at(10.0) && !usual.ends_at(1.0));
        assert_eq!(RateGrid::parse(&usual.to_string()).unwrap(), usual);
        for wrong in ["", "1..", "1..0.1", "0..1", "-1,2", "1e-200..1e200", "fast"] {
            assert!(RateGrid::parse(wrong).is_err(), "{wrong}");
        }
    }
}
