//! Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};

/// A flag that the first Ctrl-C raises; the second one ends the program. Asked again, it is the same flag.
///
/// # Errors
/// When the system refuses.
pub fn watch_for_ctrl_c() -> Result<Arc<AtomicBool>> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(watched) = FLAG.get() {
        return Ok(watched.clone());
    }
    let interrupted = FLAG.get_or_init(Arc::default).clone();
    let flag = interrupted.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            // Asked twice: what was saved last is complete.
            std::process::exit(130);
        }
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(interrupted)
}
