//! The audit log: one JSON line for each decision.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::monitor::LastDecision;

/// A log file that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log {path}: {source}")]
pub struct AuditError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The file; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct AuditLog {
    file: Arc<Mutex<Option<BufWriter<File>>>>,
    path: PathBuf,
}

impl AuditLog {
    /// Appends to the file, so that a resumed run goes on in it.
    pub(crate) fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|source| AuditError {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            file: Arc::new(Mutex::new(Some(BufWriter::new(file)))),
            path: path.to_owned(),
        })
    }

    /// One line, on disk before the next step. Training goes on where the disk is full: that is said once, and the log ends.
    pub(crate) fn write(&self, decision: &LastDecision) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = file.as_mut() else {
            return;
        };
        let line = serde_json::to_string(decision).unwrap_or_default();
        if let Err(error) = writeln!(writer, "{line}").and_then(|()| writer.flush()) {
            tracing::warn!(path = %self.path.display(), %error, "the audit log ends here");
            *file = None;
        }
    }
}
