//! What a schedule is made of, and whether it can work.

use serde::{Deserialize, Serialize};

use crate::ramp_hold_decay::RampSettings;

/// No decision changes the rate by more than these factors.
pub const CHANGE_BOUNDS: (f64, f64) = (0.01, 10.0);

/// What a schedule is made of; part of a stochastic checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// The rule that finds and anneals the rate.
    pub anchor: RampSettings,
    /// A loss is a blow-up above ten times this multiple of the largest one in the first two windows, or twice in a row above this
    /// multiple of it.
    pub guard: f64,
    /// The policy's factor on the anchor's rate stays within \[1/most, most\].
    pub most_residual: f64,
    /// After so many roll-backs the anchor holds a tenth of the best window's rate to the end, and the policy is not asked any more.
    pub most_rollbacks: u32,
}

impl ScheduleSettings {
    /// For SGD, with momentum or without.
    pub const MOMENTUM: Self = Self {
        anchor: RampSettings::MOMENTUM,
        guard: 3.0,
        most_residual: 2.0,
        most_rollbacks: 20,
    };

    /// For Adam and its kin.
    pub const ADAPTIVE: Self = Self {
        anchor: RampSettings::ADAPTIVE,
        ..Self::MOMENTUM
    };
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{field}` is {found}: it must be {expected}")]
pub struct ScheduleError {
    /// Which.
    pub field: &'static str,
    /// What it is.
    pub found: f64,
    /// What it may be.
    pub expected: &'static str,
}

impl ScheduleSettings {
    /// Whether the settings can work.
    ///
    /// # Errors
    /// The first field out of its range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let a = &self.anchor;
        let share = |v: f64| v > 0.0 && v < 1.0;
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let rows = [
            ("windows", a.windows as f64, a.windows >= 1, "at least 1"),
            (
                "first_rate",
                a.first_rate,
                positive(a.first_rate),
                "positive",
            ),
            (
                "rough_share",
                a.rough_share,
                positive(a.rough_share),
                "positive",
            ),
            (
                "seek_factor",
                a.seek_factor,
                a.seek_factor > 1.0 && a.seek_factor <= CHANGE_BOUNDS.1,
                "above 1 and at most 10",
            ),
            (
                "seek_errors",
                a.seek_errors,
                positive(a.seek_errors),
                "positive",
            ),
            (
                "seek_share",
                a.seek_share,
                a.seek_share > 0.0 && a.seek_share <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "climb_share",
                a.climb_share,
                a.climb_share > 0.0 && a.climb_share <= 1.0,
                "above 0 and at most 1",
            ),
            ("worse", a.worse, positive(a.worse), "positive"),
            (
                "worse_share",
                a.worse_share,
                share(a.worse_share),
                "between 0 and 1",
            ),
            ("back", a.back, share(a.back), "between 0 and 1"),
            ("ramp_end", a.ramp_end, share(a.ramp_end), "between 0 and 1"),
            (
                "late_worse",
                a.late_worse,
                positive(a.late_worse),
                "positive",
            ),
            ("decay", a.decay, share(a.decay), "between 0 and 1"),
            (
                "climb_patience",
                f64::from(a.climb_patience),
                a.climb_patience >= 1,
                "at least 1",
            ),
            (
                "by_best",
                a.by_best,
                (0.0..=2.0).contains(&a.by_best),
                "from 0 to 2",
            ),
            ("grow", a.grow, (1.0..=2.0).contains(&a.grow), "from 1 to 2"),
            (
                "shrink",
                a.shrink,
                (0.5..=1.0).contains(&a.shrink),
                "from 0.5 to 1",
            ),
            (
                "shrink_unknown",
                a.shrink_unknown,
                (0.5..=1.0).contains(&a.shrink_unknown),
                "from 0.5 to 1",
            ),
            (
                "guard",
                self.guard,
                self.guard > 1.0 && self.guard.is_finite(),
                "above 1",
            ),
            (
                "most_residual",
                self.most_residual,
                self.most_residual >= 1.0 && self.most_residual.is_finite(),
                "at least 1",
            ),
        ];
        match rows.into_iter().find(|(_, _, fine, _)| !fine) {
            None => Ok(()),
            Some((field, found, _, expected)) => Err(ScheduleError {
                field,
                found,
                expected,
            }),
        }
    }
}
