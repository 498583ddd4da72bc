//! `metrics.jsonl`: one line a hundredth of training.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use qstride_agent::Trainer;
use serde_json::{Value, json};

/// Lines in a whole run.
const LINES: u64 = 100;

/// The open file.
pub struct Metrics {
    path: PathBuf,
    file: fs::File,
    written: u64,
}

impl Metrics {
    /// Opens the file of a run. Lines behind `step`, which a resumed run will write again, are dropped.
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        let path = folder.join("metrics.jsonl");
        let context = || format!("cannot write {}", path.display());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = |line: &&str| {
            let value: Option<Value> = serde_json::from_str(line).ok();
            value
                .and_then(|v| v["step"].as_u64())
                .is_some_and(|s| s <= step)
        };
        let kept: String = text
            .lines()
            .filter(before)
            .flat_map(|line| [line, "\n"])
            .collect();
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, &kept)
            .and_then(|()| fs::rename(&temporary, &path))
            .with_context(context)?;
        let file = fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .with_context(context)?;
        Ok(Self {
            file,
            written: step,
            path,
        })
    }

    /// Writes a line when the next hundredth of training is done.
    pub fn record(&mut self, trainer: &Trainer, steps_per_second: f64) -> Result<()> {
        let slot = |step: u64| step * LINES / trainer.recipe().recipe.steps;
        if slot(trainer.steps()) == slot(self.written) {
            return Ok(());
        }
        self.written = trainer.steps();
        let a = trainer.averages();
        let line = json!({
            "step": trainer.steps(),
            "episodes": trainer.episodes(),
            "updates": trainer.updates(),
            "episode_return": a.episode_return,
            "loss": a.loss,
            "mean_q": a.q,
            "gradient_norm": a.gradient_norm,
            "epsilon": trainer.epsilon(),
            "steps_per_second": steps_per_second,
            "validation": trainer.validations().last().map(|(step, v)| json!({"step": step, "mean_log10_gap": v.mean_log10_gap, "mean_cost": v.mean_cost})),
        });
        writeln!(self.file, "{line}")
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
