//! Ending early: Ctrl-C, SIGTERM, a closed terminal.
//!
//! Every child runs in a process group of its own, and a signal to this
//! process is passed to the groups, so that compilers and linkers below cargo
//! and ocb end too, whether the signal came from the terminal or to this
//! process alone. They are asked (SIGINT) and, after a while, killed; then
//! this process ends by the signal that it got, as its caller expects. What
//! was written so far is whole (files are renamed into place, locks are the
//! kernel's), so the next build goes on from there.

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{self, Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Time that children get to end by themselves.
const PATIENCE: Duration = Duration::from_secs(5);

/// The groups of the children that run.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// Set before the children are asked to end. SeqCst: read under the same lock
/// at start, and alone where a child has ended.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Takes over the signals that end this process; called once, before a build.
///
/// # Errors
/// The system does not allow it.
pub fn watch() -> io::Result<()> {
    let ends = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|s| !ignored(*s));
    let mut signals = Signals::new(ends)?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            end(signal);
        }
    });
    Ok(())
}

/// Whether this process was started with `signal` ignored (`nohup`).
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

fn end(signal: i32) {
    ENDING.store(true, Ordering::SeqCst);
    let groups = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    crate::ui::interrupted();
    for group in groups.iter() {
        // A group that has just ended is what is wanted.
        let _ = process::kill_process_group(*group, Signal::INT);
    }
    let begun = Instant::now();
    for group in groups.iter() {
        while process::test_kill_process_group(*group).is_ok() {
            if begun.elapsed() > PATIENCE {
                let _ = process::kill_process_group(*group, Signal::KILL);
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    // Ends this process; returns only for signals that end nothing.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// A child that ends with this process. It must be waited for through
/// [`Guarded::wait`].
#[derive(Debug)]
pub struct Guarded {
    /// The child, for its pipes.
    pub child: Child,
    group: Option<Pid>,
}

/// Starts `command` in a process group of its own.
///
/// # Errors
/// It cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Guarded> {
    use std::os::unix::process::CommandExt as _;
    // In a group that is not the terminal's, a question there would stop the
    // child for good: git fails instead, and says why. It is not the user's
    // wish, so it is not part of the command as it is shown.
    let asks = std::env::var_os("GIT_TERMINAL_PROMPT").is_none();
    if asks {
        command.env("GIT_TERMINAL_PROMPT", "0");
    }
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.process_group(0).spawn();
    if asks {
        command.env_remove("GIT_TERMINAL_PROMPT");
    }
    let child = child?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    running.extend(group);
    Ok(Guarded { child, group })
}

impl Guarded {
    /// Waits for the child. Never returns while this process is ending: what a
    /// killed child leaves is no result.
    ///
    /// # Errors
    /// The child cannot be waited for.
    pub fn wait(mut self) -> io::Result<std::process::ExitStatus> {
        let status = self.child.wait();
        if ENDING.load(Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|group| Some(*group) != self.group);
        status
    }
}
