//! What a comparison has done so far, on disk: a killed one goes on where it was.
//!
//! The first line says what is compared; each further line is the outcome of one job. A line that was cut off is the last one
//! and is dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::run::Outcome;

/// The file's name in the folder of the comparison.
pub const JOURNAL: &str = "journal.jsonl";

/// What has to be the same for outcomes to be those of the same comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The program and the commit that it was built from.
    pub program: String,
    /// The words that began the comparison.
    pub command: String,
    /// Of the recipe, the problems (names, dimensions, first values) and the weights of checkpoints.
    pub fingerprint: String,
    /// How many jobs there are.
    pub jobs: usize,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    job: usize,
    outcome: Outcome,
}

/// The journal of a comparison that is under way.
pub struct Journal {
    file: Mutex<File>,
    path: PathBuf,
}

impl Journal {
    /// A new journal in `folder`.
    ///
    /// # Errors
    /// When it cannot be written, or another program keeps one there.
    pub fn begin(folder: &Path, header: &Header) -> Result<Self> {
        let journal = Self::append_to(folder.join(JOURNAL))?;
        let line = format!("{}\n", serde_json::to_string(header)?);
        // What stood there goes only now that nobody else is writing it.
        let file = journal.file.lock().unwrap_or_else(|e| e.into_inner());
        let written = file
            .set_len(0)
            .and_then(|()| (&*file).write_all(line.as_bytes()));
        drop(file);
        written.with_context(|| format!("cannot write {}", journal.path.display()))?;
        Ok(journal)
    }

    /// The words that began the comparison in `folder`.
    ///
    /// # Errors
    /// A folder without a journal, or with a damaged one.
    pub fn header(folder: &Path) -> Result<Header> {
        let path = folder.join(JOURNAL);
        if !path.exists() {
            bail!(
                "{}: no comparison is under way there ({JOURNAL} is missing): it has ended, or it was never begun",
                folder.display()
            );
        }
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut line = String::new();
        BufReader::new(file)
            .read_line(&mut line)
            .with_context(|| format!("cannot read {}", path.display()))?;
        // Without its end the line was cut off, even where what is left of it can be read.
        let whole = line.strip_suffix('\n').unwrap_or_default();
        serde_json::from_str(whole).with_context(|| {
            format!(
                "{}, line 1 is damaged; begin the comparison anew",
                path.display()
            )
        })
    }

    /// Goes on with the journal in `folder`: what is done, by job.
    ///
    /// # Errors
    /// When it is damaged, cannot be written, or `header` differs from its own, with the field that does.
    pub fn resume(folder: &Path, header: &Header) -> Result<(Self, Vec<Option<Outcome>>)> {
        let begun = Self::header(folder)?;
        let place = folder.display();
        if begun.program != header.program {
            bail!(
                "{place}: it was begun by {}, this is {}, whose numbers may differ; begin the comparison anew",
                begun.program,
                header.program
            );
        }
        if (&begun.fingerprint, begun.jobs) != (&header.fingerprint, header.jobs) {
            bail!(
                "{place}: recipe, data or checkpoints are not those that it was begun with; begin the comparison anew"
            );
        }
        let path = folder.join(JOURNAL);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut done = vec![None; header.jobs];
        // What stands behind the last newline was cut off.
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        for (number, line) in text[..whole]
            .split(|byte| *byte == b'\n')
            .enumerate()
            .skip(1)
        {
            if line.is_empty() {
                continue;
            }
            let damaged = || {
                format!(
                    "{}, line {} is damaged; delete that line and resume again",
                    path.display(),
                    number + 1
                )
            };
            let entry: Entry = serde_json::from_slice(line).with_context(damaged)?;
            *done.get_mut(entry.job).with_context(damaged)? = Some(entry.outcome);
        }
        if whole < text.len() {
            let file = OpenOptions::new().write(true).open(&path);
            file.and_then(|file| file.set_len(whole as u64))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok((Self::append_to(path)?, done))
    }

    fn append_to(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        // Two programs would do each job twice, and write into each other's lines.
        if file.try_lock().is_err() {
            bail!(
                "{}: another program is working on this comparison",
                path.display()
            );
        }
        Ok(Self {
            file: Mutex::new(file),
            path,
        })
    }

    /// Adds what came of a job.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, job: usize, outcome: &Outcome) -> Result<()> {
        let entry = Entry {
            job,
            outcome: outcome.clone(),
        };
        let line = format!("{}\n", serde_json::to_string(&entry)?);
        let mut file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        // One call, so that a kill leaves at most one line cut off.
        file.write_all(line.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The comparison in `folder` has ended: its results stand elsewhere.
///
/// # Errors
/// When the file cannot be removed.
pub fn end(folder: &Path) -> Result<()> {
    let path = folder.join(JOURNAL);
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::run::tests::run;

    fn header(fingerprint: &str) -> Header {
        Header {
            program: "qstride 0 (0)".to_owned(),
            command: "qstride compare".to_owned(),
            fingerprint: fingerprint.to_owned(),
            jobs: 3,
        }
    }

    #[test]
    fn a_cut_line_is_dropped_and_the_rest_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(JOURNAL);
        let outcome = run(2.0, &[(2, 2.0), (3, f64::NEG_INFINITY)]).outcome;
        let journal = Journal::begin(folder.path(), &header("a")).unwrap();
        journal.add(2, &outcome).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], br#"{"job": 1, "outc"#].concat()).unwrap();
        let held = Journal::resume(folder.path(), &header("a")).err().unwrap();
        assert!(held.to_string().contains("another program"), "{held}");
        let held = Journal::begin(folder.path(), &header("b")).err().unwrap();
        assert!(held.to_string().contains("another program"), "{held}");
        drop(journal);
        let (journal, done) = Journal::resume(folder.path(), &header("a")).unwrap();
        assert_eq!(done, [None, None, Some(outcome.clone())]);
        assert_eq!(fs::read(&path).unwrap(), whole);
        journal.add(0, &outcome).unwrap();
        drop(journal);
        let (journal, done) = Journal::resume(folder.path(), &header("a")).unwrap();
        assert!(done[0].is_some() && done[1].is_none());
        drop(journal);
        end(folder.path()).unwrap();
        let fault = Journal::header(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("no comparison is under way"), "{fault}");
    }

    #[test]
    fn wherever_it_is_cut_whole_lines_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(JOURNAL);
        let outcome = run(2.0, &[(2, 2.0), (3, 0.5)]).outcome;
        let journal = Journal::begin(folder.path(), &header("a")).unwrap();
        for job in 0..3 {
            journal.add(job, &outcome).unwrap();
        }
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let resumed = Journal::resume(folder.path(), &header("a"));
            match lines(&whole[..cut]) {
                0 => {
                    let fault = resumed.err().unwrap().to_string();
                    assert!(fault.contains("line 1 is damaged"), "{cut}: {fault}");
                    assert_eq!(fs::read(&path).unwrap(), &whole[..cut], "left alone");
                }
                n => {
                    let done = resumed.unwrap().1;
                    assert_eq!(done.iter().flatten().count(), n - 1, "{cut}");
                    assert_eq!(lines(&fs::read(&path).unwrap()), n);
                }
            }
        }
    }

    #[test]
    fn another_comparison_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Journal::begin(folder.path(), &header("a")).unwrap();
        let fault = |header: &Header| {
            let error = Journal::resume(folder.path(), header).err().unwrap();
            error.to_string()
        };
        assert!(fault(&header("b")).contains("not those that it was begun with"));
        let other = Header {
            program: "qstride 1 (1)".to_owned(),
            ..header("a")
        };
        assert!(fault(&other).contains("was begun by qstride 0 (0), this is qstride 1 (1)"));
        let path = folder.path().join(JOURNAL);
        let first = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{first}{{\"job\": 9}}\n")).unwrap();
        assert!(fault(&header("a")).contains("line 2 is damaged"));
    }
}
