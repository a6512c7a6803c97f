//! Runs a command and hands on its output line by line. Children end with this
//! process (see [`crate::interrupt`]).

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::error::{StepError, shell_line};
use crate::interrupt;
use crate::ui::Ui;

/// What a running command does.
#[derive(Debug)]
pub enum Line {
    /// A line on its standard output.
    Out(String),
    /// A line on its standard error.
    Err(String),
    /// Nothing for a moment.
    Tick,
}

/// Runs `command` to its end and gives every line to `each`.
///
/// # Errors
/// The command cannot be started or waited for.
pub fn stream(command: &mut Command, mut each: impl FnMut(Line)) -> io::Result<ExitStatus> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut guarded = interrupt::spawn(command)?;
    let child = &mut guarded.child;
    let (sender, lines) = mpsc::channel();
    let mut readers = Vec::new();
    if let Some(out) = child.stdout.take() {
        let sender = sender.clone();
        readers.push(thread::spawn(move || {
            read(out, |text| sender.send(Line::Out(text)).is_ok())
        }));
    }
    if let Some(err) = child.stderr.take() {
        readers.push(thread::spawn(move || {
            read(err, |text| sender.send(Line::Err(text)).is_ok())
        }));
    }
    // Ends when both readers have dropped their senders.
    loop {
        match lines.recv_timeout(Duration::from_millis(250)) {
            Ok(line) => each(line),
            Err(mpsc::RecvTimeoutError::Timeout) => each(Line::Tick),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    for reader in readers {
        // A reader's thread cannot panic: it reads and sends.
        let _ = reader.join();
    }
    guarded.wait()
}

fn read(from: impl Read, send: impl Fn(String) -> bool) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // An error of a pipe ends its output, like its end does.
    while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        line.clear();
        if !send(text) {
            break;
        }
    }
}

/// Runs a short command and returns what it wrote to standard output.
///
/// # Errors
/// It does not start or does not succeed; `what` says what it was for.
pub fn output(command: &mut Command, what: &str, ui: &Ui) -> Result<String, StepError> {
    ui.detail(&format!("+ {}", shell_line(command)));
    let (mut out, mut err) = (String::new(), String::new());
    let status = stream(command, |line| {
        let (to, text) = match line {
            Line::Out(text) => (&mut out, text),
            Line::Err(text) => (&mut err, text),
            Line::Tick => return,
        };
        to.push_str(&text);
        to.push('\n');
    })
    .map_err(|e| not_started(command, what, &e))?;
    if status.success() {
        return Ok(out);
    }
    Err(StepError::new(format!("{what} failed ({status})"), "").tool(err, command))
}

/// The error for a command that cannot be started.
#[must_use]
pub fn not_started(command: &Command, what: &str, error: &io::Error) -> StepError {
    let program = command.get_program().to_string_lossy().into_owned();
    StepError::new(
        format!("{what}: cannot run `{program}`: {error}"),
        "check that it is installed and in PATH",
    )
}
