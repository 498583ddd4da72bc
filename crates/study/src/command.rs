//! Any command as an objective.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use wait4::Wait4;

use crate::{Choice, StudyError};

/// A shell command with parameters in braces: `./run.sh --lr {lr} --seed {seed}`.
///
/// Its last line on stdout is the value: a number, or a JSON object with `value`. A line before it with a step and a value, as two numbers or as JSON with
/// `step` and `value`, is an intermediate value.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    template: String,
    timeout: Option<Duration>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    /// It printed a value.
    Value(f64),
    /// It was stopped because of an intermediate value.
    Pruned,
    /// It was stopped because the worker goes down.
    Interrupted,
}

/// A command that has ended, and its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Wall time.
    pub seconds: f64,
    /// The most memory that one of its processes held, in MiB; 0 where the system does not say.
    pub peak_mib: f64,
}

/// What goes wrong with a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A parameter that the command does not use.
    #[error(
        "the command `{command}` does not use the parameter {name}: write {{{name}}} where its value belongs"
    )]
    Unused {
        /// The command.
        command: String,
        /// The parameter.
        name: String,
    },
    /// It cannot be started.
    #[error("`{command}` cannot be started")]
    Start {
        /// The command with its values.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// It failed.
    #[error("`{command}` ended with {status}{}", said(stderr))]
    Failed {
        /// The command with its values.
        command: String,
        /// Exit code or signal.
        status: ExitStatus,
        /// The last lines that it wrote to stderr.
        stderr: String,
    },
    /// It took too long.
    #[error("`{command}` was stopped after {seconds} s, its time-out")]
    TimedOut {
        /// The command with its values.
        command: String,
        /// The time-out.
        seconds: f64,
    },
    /// It printed no value.
    #[error(
        "`{command}` printed no value: its last line must be a number or JSON with \"value\", and it {}",
        last_line(last)
    )]
    NoValue {
        /// The command with its values.
        command: String,
        /// The last line that is not empty.
        last: Option<String>,
    },
    /// The study failed while an intermediate value was judged.
    #[error(transparent)]
    Study(#[from] StudyError),
}

/// How many lines of stderr are kept for an error.
const TAIL: usize = 12;
/// How often the clock and the flag are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// What a command is given to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

impl Command {
    /// A command that must use every one of these parameters.
    ///
    /// # Errors
    ///
    /// [`CommandError::Unused`].
    pub fn new<'n>(
        template: &str,
        timeout: Option<Duration>,
        parameters: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, CommandError> {
        for name in parameters {
            if !template.contains(&format!("{{{name}}}")) {
                return Err(CommandError::Unused {
                    command: template.to_owned(),
                    name: name.to_owned(),
                });
            }
        }
        Ok(Self {
            template: template.to_owned(),
            timeout,
        })
    }

    /// The command with these values in place of their names in braces, each quoted for the shell. Other braces stay; a parameter that is
    /// not asked for in this trial is empty.
    ///
    /// ```
    /// use qstride_study::Command;
    ///
    /// let command = Command::new("train --lr {lr} --name {name} ${HOME}", None, ["lr", "name"])?;
    /// let values = [("lr".to_owned(), 0.001.into()), ("name".to_owned(), "it's".into())];
    /// assert_eq!(command.filled(&values.into(), &[]), r"train --lr 0.001 --name 'it'\''s' ${HOME}");
    /// # Ok::<(), qstride_study::CommandError>(())
    /// ```
    pub fn filled(&self, values: &BTreeMap<String, Choice>, unset: &[&str]) -> String {
        let mut text = String::new();
        let mut rest = self.template.as_str();
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            text.push_str(before);
            let name = after[1..].find('}').map(|close| &after[1..=close]);
            match name {
                Some(name) if values.contains_key(name) => {
                    text.push_str(&quoted(&values[name].to_string()));
                    rest = &after[name.len() + 2..];
                }
                Some(name) if unset.contains(&name) => rest = &after[name.len() + 2..],
                _ => {
                    text.push('{');
                    rest = &after[1..];
                }
            }
        }
        text + rest
    }

    /// Runs it with `sh -c`. `judge` hears every intermediate value and says whether to stop; so does `interrupt`. All that the command has started
    /// is stopped with it.
    ///
    /// # Errors
    ///
    /// When it cannot be started, fails, takes too long or prints no value; an error of `judge`.
    pub fn run(
        &self,
        filled: &str,
        environment: &[(&str, String)],
        interrupt: &AtomicBool,
        mut judge: impl FnMut(i64, f64) -> Result<bool, StudyError>,
    ) -> Result<Run, CommandError> {
        let begun = Instant::now();
        let mut child = start(filled, environment)?;
        let lines = read_lines(child.stdout.take());
        let errors = keep_tail(child.stderr.take());
        let mut last: Option<String> = None;
        let mut stopped = None;
        while stopped.is_none() {
            match lines.recv_timeout(GLANCE) {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    if let Some((step, value)) = intermediate(&line) {
                        match judge(step, value) {
                            Ok(false) => {}
                            Ok(true) => stopped = Some(Ok(Ended::Pruned)),
                            Err(error) => stopped = Some(Err(error.into())),
                        }
                    }
                    last = Some(line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if interrupt.load(Ordering::SeqCst) {
                stopped = Some(Ok(Ended::Interrupted));
            } else if let Some(limit) = self.timeout.filter(|limit| begun.elapsed() > *limit) {
                stopped = Some(Err(CommandError::TimedOut {
                    command: filled.to_owned(),
                    seconds: limit.as_secs_f64(),
                }));
            }
        }
        if stopped.is_some() {
            stop(&mut child, &lines);
        }
        let failed = |source| CommandError::Start {
            command: filled.to_owned(),
            source,
        };
        let used = child.wait4().map_err(failed)?;
        let stderr = errors.join().unwrap_or_default();
        let ended = match stopped {
            Some(ended) => ended?,
            None if !used.status.success() => {
                return Err(CommandError::Failed {
                    command: filled.to_owned(),
                    status: used.status,
                    stderr,
                });
            }
            None => match last.as_deref().and_then(value_of) {
                Some(value) => Ended::Value(value),
                None => {
                    return Err(CommandError::NoValue {
                        command: filled.to_owned(),
                        last,
                    });
                }
            },
        };
        Ok(Run {
            ended,
            seconds: begun.elapsed().as_secs_f64(),
            peak_mib: used.rusage.maxrss as f64 / 1_048_576.0,
        })
    }
}

fn start(filled: &str, environment: &[(&str, String)]) -> Result<Child, CommandError> {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", filled]).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in environment {
        shell.env(name, value);
    }
    // A group of its own: Ctrl-C is for the worker, which decides what becomes of its trial.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    shell.spawn().map_err(|source| CommandError::Start {
        command: filled.to_owned(),
        source,
    })
}

/// Asks the whole group to end, and makes it end if it does not.
fn stop(child: &mut Child, lines: &Receiver<String>) {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, killpg};
        let group = nix::unistd::Pid::from_raw(child.id() as i32);
        // An error means that it is gone already.
        let _ = killpg(group, Signal::SIGTERM);
        let asked = Instant::now();
        // Its end closes stdout, unless something that it started lives on.
        while asked.elapsed() < PATIENCE {
            match lines.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Disconnected) => break,
                _ => continue,
            }
        }
        let _ = killpg(group, Signal::SIGKILL);
    }
    #[cfg(not(unix))]
    {
        let _ = lines;
        let _ = child.kill();
    }
}

fn read_lines(stdout: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    if let Some(stdout) = stdout {
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if send
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
    }
    receive
}

fn keep_tail(stderr: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut tail = VecDeque::new();
        let lines = stderr
            .into_iter()
            .flat_map(|stderr| BufReader::new(stderr).split(b'\n'));
        for line in lines.map_while(Result::ok) {
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(String::from_utf8_lossy(&line).into_owned());
        }
        Vec::from(tail).join("\n")
    })
}

/// Step and value of a line like `3 0.25` or `{"step": 3, "value": 0.25}`.
fn intermediate(line: &str) -> Option<(i64, f64)> {
    if let Ok(Value::Object(object)) = serde_json::from_str(line) {
        return Some((object.get("step")?.as_i64()?, number(object.get("value")?)?));
    }
    let mut words = line.split_whitespace();
    let (step, value) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some((step, value))
}

/// The value of a last line: a number, a step and a number, or JSON with `value`.
fn value_of(line: &str) -> Option<f64> {
    if let Ok(Value::Object(object)) = serde_json::from_str(line) {
        return number(object.get("value")?);
    }
    line.trim()
        .parse()
        .ok()
        .or_else(|| intermediate(line).map(|(_, value)| value))
}

/// JSON has no NaN and no infinity; as texts they are understood.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// For `sh`: as it is where nothing can be mistaken, else in single quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+/:=,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn said(stderr: &str) -> String {
    if stderr.trim().is_empty() {
        String::new()
    } else {
        format!(" and said\n{}", stderr.trim_end())
    }
}

fn last_line(last: &Option<String>) -> String {
    match last {
        Some(line) => format!("was `{line}`"),
        None => "printed nothing".to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(script: &str, timeout: Option<f64>) -> (Result<Run, CommandError>, Vec<(i64, f64)>) {
        let command = Command {
            template: script.to_owned(),
            timeout: timeout.map(Duration::from_secs_f64),
        };
        let mut heard = Vec::new();
        let run = command.run(
            script,
            &[("WORD", "7.5".to_owned())],
            &AtomicBool::new(false),
            |step, value| {
                heard.push((step, value));
                Ok(value > 100.0)
            },
        );
        (run, heard)
    }

    #[test]
    fn the_last_line_is_the_value_and_lines_with_steps_come_before_it() {
        let value = |script: &str| run(script, None).0.unwrap().ended;
        assert_eq!(value("echo hello; echo $WORD; echo"), Ended::Value(7.5));
        assert_eq!(
            value(r#"echo '{"value": 2e-3, "note": "x"}'"#),
            Ended::Value(2e-3)
        );
        assert_eq!(value("echo -inf"), Ended::Value(f64::NEG_INFINITY));
        let (run, heard) = run(
            r#"echo 1 0.5; echo '{"step": 2, "value": "nan"}'; echo 3 0.25"#,
            None,
        );
        assert_eq!(run.unwrap().ended, Ended::Value(0.25));
        assert_eq!((heard[0], heard[1].0, heard[2]), ((1, 0.5), 2, (3, 0.25)));
        assert!(heard[1].1.is_nan());
    }

    #[test]
    fn what_a_command_cost_is_known() {
        let (run, _) = run(
            "head -c 30000000 /dev/zero | tail -c 30000000 | wc -c; sleep 0.1; echo 1",
            None,
        );
        let run = run.unwrap();
        assert!(run.seconds >= 0.1 && run.peak_mib > 1.0, "{run:?}");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let error = |script: &str, timeout| run(script, timeout).0.unwrap_err().to_string();
        let failed = error("echo 1; echo no such file >&2; exit 3", None);
        assert!(
            failed.contains("exit status: 3") && failed.contains("no such file"),
            "{failed}"
        );
        assert!(error("kill -9 $$", None).contains("signal: 9"));
        assert!(error("true", None).contains("printed nothing"));
        assert!(error("echo done", None).contains("was `done`"));
        assert!(error("sleep 30", Some(0.1)).contains("after 0.1 s, its time-out"));
        let unused = Command::new("run {lr}", None, ["lr", "width"])
            .unwrap_err()
            .to_string();
        assert!(
            unused.contains("does not use the parameter width: write {width}"),
            "{unused}"
        );
    }

    #[test]
    fn pruned_and_interrupted_commands_end_with_all_that_they_started() {
        let (run, heard) = run("sleep 60 & echo 1 5; echo 2 500; sleep 60; echo 1", None);
        assert_eq!((run.unwrap().ended, heard.len()), (Ended::Pruned, 2));
        let command = Command::new("sleep 60; echo 1", None, []).unwrap();
        let run = command.run("sleep 60; echo 1", &[], &AtomicBool::new(true), |_, _| {
            Ok(false)
        });
        assert_eq!(run.unwrap().ended, Ended::Interrupted);
    }
}
