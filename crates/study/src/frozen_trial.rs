//! A trial as the storage has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;

use crate::{Choice, Distribution, TrialState};

/// A parameter's value and what it could have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// What it could have been.
    pub distribution: Arc<Distribution>,
    /// Its value in the internal representation; see [`Distribution`].
    pub value: f64,
}

impl Param {
    /// The value as people know it.
    pub fn external(&self) -> Choice {
        self.distribution.external(self.value)
    }
}

/// JSON values by name.
pub type Attributes = BTreeMap<String, Value>;

/// A trial as the storage has it, but for its intermediate values, of which only the last one is kept here: they can be many, and only
/// pruners and plots ask for them.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenTrial {
    /// Its id in the storage.
    pub id: i64,
    /// Its number in the study, from 0 without gaps.
    pub number: u64,
    /// Where it stands.
    pub state: TrialState,
    /// Its value, once complete; Optuna's pruned trials may have one too.
    pub value: Option<f64>,
    /// When a worker began it; UTC.
    pub start: Option<OffsetDateTime>,
    /// When it ended; UTC.
    pub end: Option<OffsetDateTime>,
    /// Its parameters by name.
    pub params: BTreeMap<String, Param>,
    /// Step and value of its last report; of a trial that is complete it may be left out, for nobody asks.
    pub last_report: Option<(i64, f64)>,
    /// Attributes that users set.
    pub user: Attributes,
    /// Attributes that samplers, pruners and the enqueueing set.
    pub system: Attributes,
}

impl FrozenTrial {
    /// The parameters as JSON, as people know them: what `fixed_params` holds.
    pub fn external_params(&self) -> Value {
        let params = self.params.iter();
        params
            .map(|(name, param)| (name.clone(), serde_json::json!(param.external())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// What the trial must take when it is run again, as JSON: its parameters, and what was fixed for it but not asked for yet.
    pub fn fixed_params(&self) -> Value {
        let mut params = self.external_params();
        if let (Some(Value::Object(fixed)), Value::Object(params)) =
            (self.system.get("fixed_params"), &mut params)
        {
            for (name, value) in fixed {
                params.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        params
    }

    /// Seconds from start to end; 0 where the clock ran backwards, nothing while it runs.
    pub fn seconds(&self) -> Option<f64> {
        let (start, end) = (self.start?, self.end?);
        Some((end - start).as_seconds_f64().max(0.0))
    }
}
