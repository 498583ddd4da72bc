//! How long a trial is, as the first complete one shows.

use serde_json::json;

use super::{JudgeError, Progress};
use crate::{FrozenTrial, History};

/// The system attribute with that trial's last step. The first trial that needs it has it, so that all workers, and the study when it
/// is continued, know the same.
const LAST_STEP: &str = "pruner:last_step";

/// The last step that the trial reported which was complete first; nothing while there is none.
pub(super) fn last_step(progress: &mut Progress<'_>) -> Result<Option<i64>, JudgeError> {
    if let Some(known) = known_last_step(progress.history()) {
        return Ok(Some(known));
    }
    let mut complete: Vec<&FrozenTrial> = progress.history().complete().collect();
    complete.sort_by_key(|trial| (trial.end, trial.number));
    for trial in complete {
        let last = progress
            .reports_of(trial.number)?
            .last()
            .map(|(step, _)| *step);
        if let Some(step) = last {
            progress.set_attribute(LAST_STEP, &json!(step))?;
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// The same as far as it stands in the history.
pub(super) fn known_last_step(history: &History) -> Option<i64> {
    let mut trials = history.trials().iter();
    trials.find_map(|trial| trial.system.get(LAST_STEP)?.as_i64())
}
