//! Every trial runs to its end.

use super::{JudgeError, Progress, Pruner};

/// Every trial runs to its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPruner;

impl Pruner for NoPruner {
    fn name(&self) -> &'static str {
        "none"
    }

    fn should_prune(&mut self, _: &mut Progress<'_>) -> Result<bool, JudgeError> {
        Ok(false)
    }
}
