//! How a study goes on, on stderr.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use qstride_study::{Event, Outcome, Study, TrialState};

/// A line that says how it goes: a bar where a person may see it, else a line a trial with --verbose.
pub struct Progress {
    bar: ProgressBar,
    drawn: Instant,
}

impl Progress {
    /// For a study that wants so many trials.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub fn new(study: &Study, trials: u64, quiet: bool) -> Result<Self> {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(trials)
        };
        let style =
            ProgressStyle::with_template("{bar:30} {pos} of {len} trials  {msg}  {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_position(study.history()?.finished().len() as u64);
        bar.reset_eta();
        let mut progress = Self {
            bar,
            drawn: Instant::now(),
        };
        progress.draw(study);
        Ok(progress)
    }

    /// Takes what a worker tells.
    pub fn hear(&mut self, study: &Study, event: &Event<'_>) {
        match event {
            Event::Ended(number, Outcome::Complete(value)) => {
                tracing::info!("trial {number}: {value}");
            }
            Event::Ended(number, Outcome::Pruned) => tracing::info!("trial {number} is pruned"),
            Event::Ended(number, Outcome::Failed(reason)) => {
                self.bar
                    .suspend(|| tracing::warn!("trial {number} failed: {reason}"));
            }
            Event::Taken(number) => self.bar.suspend(|| {
                tracing::warn!(
                    "trial {number} was taken for dead and given to another worker; is --grace too short?"
                );
            }),
            Event::Dead(numbers) => self.bar.suspend(|| {
                tracing::warn!("no sign of life of trial {numbers:?}: tried again");
            }),
            Event::HandedBack(number) => tracing::info!("trial {number} waits for another worker"),
            Event::Begins(_) | Event::StandsBy { .. } => {}
        }
        if self.drawn.elapsed() > Duration::from_millis(100) || matches!(event, Event::Ended(..)) {
            self.draw(study);
        }
    }

    fn draw(&mut self, study: &Study) {
        if self.bar.is_hidden() {
            return;
        }
        self.drawn = Instant::now();
        let Ok(history) = study.history() else {
            return;
        };
        let count = |state| history.in_state(state).count();
        let best = history
            .best()
            .and_then(|best| Some((best.number, best.value?)));
        let best = best.map_or("none".to_owned(), |(number, value)| {
            format!("{value:.5} (trial {number})")
        });
        self.bar.set_position(history.finished().len() as u64);
        self.bar.set_message(format!(
            "best {best}, {} running, {} pruned, {} failed",
            count(TrialState::Running),
            count(TrialState::Pruned),
            count(TrialState::Fail)
        ));
    }

    /// The bar goes.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
