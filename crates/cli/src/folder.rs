//! The folder in which results lie.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where results go where no folder is named.
const RUNS: &str = "runs";

/// A folder that takes files one by one, each under a temporary name until it is whole.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The named folder, or a new one `runs/COMMAND-LABEL[-N]`. It is made, and tried, before anything is computed.
    ///
    /// # Errors
    /// When it holds files already and `force` is not given, or cannot be written.
    pub fn prepare(named: Option<&Path>, command: &str, label: &str, force: bool) -> Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => unused(command, label),
        };
        let occupied = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !force {
            bail!(
                "{}: the folder is not empty; name another with --out, or overwrite its results with --force",
                path.display()
            );
        }
        try_to_write(&path)?;
        Ok(Self { path })
    }

    /// A folder that holds files already, and gets more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        try_to_write(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written; what stood there is then untouched.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (temporary, path) = (self.path.join(format!(".{name}.tmp")), self.path.join(name));
        let written: io::Result<()> =
            fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Makes the folder where there is none, and tries it.
fn try_to_write(path: &Path) -> Result<()> {
    let probe = path.join(".probe.tmp");
    fs::create_dir_all(path)
        .and_then(|()| fs::write(&probe, b""))
        .and_then(|()| fs::remove_file(&probe))
        .with_context(|| {
            format!(
                "cannot write into the folder {}; name another with --out",
                path.display()
            )
        })
}

/// The first of `runs/COMMAND-LABEL`, `runs/COMMAND-LABEL-2`, ... that does not exist.
fn unused(command: &str, label: &str) -> PathBuf {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let label: String = label.chars().map(plain).take(60).collect();
    let name = format!("{command}-{}", label.trim_matches('-'));
    let numbered = |n: u64| match n {
        1 => Path::new(RUNS).join(&name),
        n => Path::new(RUNS).join(format!("{name}-{n}")),
    };
    let mut n = 1;
    while numbered(n).exists() {
        n += 1;
    }
    numbered(n)
}
