//! What the learner can be told.

use serde::{Deserialize, Serialize};

/// How the Q-network learns.
///
/// ```
/// use qstride_agent::LearnerSettings;
///
/// let settings = LearnerSettings { polyak: 2.0, ..LearnerSettings::default() };
/// assert_eq!(settings.validate().unwrap_err().to_string(), "polyak is 2: it must be above 0 and at most 1");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearnerSettings {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Value and advantages apart, see [`QNetwork`](crate::QNetwork).
    pub dueling: bool,
    /// Double Q-learning: the online network chooses, the target network evaluates.
    pub double: bool,
    /// Where the Huber loss turns from squared to linear; 0 for the squared loss.
    pub huber: f64,
    /// Adam's rate at the beginning.
    pub learning_rate: f64,
    /// Adam's rate at the end; it falls linearly.
    pub final_learning_rate: f64,
    /// Adam's epsilon.
    pub adam_epsilon: f64,
    /// The largest norm of the whole gradient; longer ones are shortened to it.
    pub gradient_clip: f64,
    /// After each update, target += polyak (online - target).
    pub polyak: f64,
    /// If above 0: no Polyak averaging, but a copy every so many updates.
    pub target_copy_every: u64,
    /// If above 0: averaged += average (online - averaged) after each update, and the averaged weights are deployed.
    pub average: f64,
}

impl Default for LearnerSettings {
    fn default() -> Self {
        Self {
            hidden: vec![32, 32],
            dueling: false,
            double: true,
            huber: 1.0,
            learning_rate: 1e-3,
            final_learning_rate: 1e-4,
            adam_epsilon: 1e-5,
            gradient_clip: 10.0,
            polyak: 0.005,
            target_copy_every: 0,
            average: 0.0,
        }
    }
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}: it must be {range}")]
pub struct InvalidSetting {
    /// Its name.
    pub field: &'static str,
    /// What was given.
    pub value: f64,
    /// What can be given.
    pub range: &'static str,
}

impl LearnerSettings {
    /// Checks every field.
    ///
    /// # Errors
    /// [`InvalidSetting`] names the first that is out of range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        let narrowest = self.hidden.iter().min().map_or(1.0, |&width| width as f64);
        let finite = "a number above 0";
        for (field, value, valid, range) in [
            (
                "hidden",
                narrowest,
                narrowest >= 1.0,
                "widths of at least 1",
            ),
            (
                "huber",
                self.huber,
                not_negative(self.huber),
                "a number of at least 0",
            ),
            (
                "learning_rate",
                self.learning_rate,
                positive(self.learning_rate),
                finite,
            ),
            (
                "final_learning_rate",
                self.final_learning_rate,
                not_negative(self.final_learning_rate),
                "a number of at least 0",
            ),
            (
                "adam_epsilon",
                self.adam_epsilon,
                positive(self.adam_epsilon),
                finite,
            ),
            (
                "gradient_clip",
                self.gradient_clip,
                positive(self.gradient_clip),
                finite,
            ),
            (
                "polyak",
                self.polyak,
                self.polyak > 0.0 && self.polyak <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "average",
                self.average,
                (0.0..=1.0).contains(&self.average),
                "from 0 to 1",
            ),
        ] {
            if !valid {
                return Err(InvalidSetting {
                    field,
                    value,
                    range,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_checked_by_name() {
        let good = LearnerSettings::default();
        assert_eq!(good.validate(), Ok(()));
        for json in [
            r#"{"hidden": [4, 0]}"#,
            r#"{"huber": -1}"#,
            r#"{"learning_rate": 0}"#,
            r#"{"final_learning_rate": -1e-9}"#,
            r#"{"adam_epsilon": 0}"#,
            r#"{"gradient_clip": 0}"#,
            r#"{"polyak": 0}"#,
            r#"{"average": 1.5}"#,
        ] {
            let settings: LearnerSettings = serde_json::from_str(json).unwrap();
            assert!(json.contains(&format!("\"{}\"", settings.validate().unwrap_err().field)));
        }
        let unknown = serde_json::from_str::<LearnerSettings>(r#"{"hubber": 1}"#).unwrap_err();
        assert!(unknown.to_string().contains("hubber"));
    }
}
