//! What several tests of the command use.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A builder file without Rust, whose Collector is `out/otelcol` and can run.
pub(crate) const GO_ONLY: &str = "
dist: {name: otelcol, module: example.com/otelcol, version: 1.2.3, output_path: ./out}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.67.0
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.67.0
";

/// The command under test.
pub(crate) fn strait() -> Command {
    Command::new(env!("CARGO_BIN_EXE_strait"))
}

/// Runs the command under test.
pub(crate) fn run(arguments: &[&str]) -> Output {
    strait().args(arguments).output().unwrap()
}

/// What a run printed on standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Where `program` is, on this machine's `PATH`.
pub(crate) fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed"))
}

/// A folder to use as `PATH`, with these programs only.
pub(crate) fn path_with(programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        symlink(which(program), folder.path().join(program)).unwrap();
    }
    folder
}

/// The target folder that this test was compiled in.
pub(crate) fn target_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Starts `command`, sends it SIGINT when a line of its standard error contains
/// `point`, and checks that it and everything that it started ends by that.
pub(crate) fn interrupt(command: &mut Command, point: &str) {
    let mark = format!("{}-{point}", std::process::id());
    let mut child = interruptible(command)
        .env("STRAIT_TEST_MARK", &mark)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    loop {
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no `{point}` in:\n{seen}"))
            .unwrap();
        seen += &format!("{line}\n");
        if line.contains(point) {
            break;
        }
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    for line in lines {
        seen += &format!("{}\n", line.unwrap());
    }
    let ended = child.wait().unwrap();
    assert_eq!(
        ended.signal(),
        Some(Signal::INT.as_raw()),
        "{ended} at `{point}`:\n{seen}"
    );
    assert!(
        seen.contains("interrupted; the next build goes on from here"),
        "{seen}"
    );
    assert!(
        !seen.contains("error: "),
        "an interrupted step is no failure:\n{seen}"
    );
    let left = marked(&mark);
    assert!(left.is_empty(), "still there after `{point}`: {left:?}");
}

/// The same command with SIGINT as it is by default: a shell without job control starts what is in
/// the background, these tests perhaps, with the signal ignored, and the command keeps to that.
fn interruptible(command: &Command) -> Command {
    let mut same = Command::new("env");
    same.arg("--default-signal=INT")
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        same.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    same
}

/// The processes that have `mark` in their environment; they get two seconds to end.
fn marked(mark: &str) -> Vec<String> {
    let wanted = format!("STRAIT_TEST_MARK={mark}");
    let alive = || -> Vec<String> {
        let folders = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        folders
            .filter(|folder| {
                let variables = fs::read(folder.join("environ")).unwrap_or_default();
                variables
                    .split(|b| *b == 0)
                    .any(|variable| variable == wanted.as_bytes())
            })
            .map(|folder| {
                fs::read_to_string(folder.join("cmdline"))
                    .unwrap_or_default()
                    .replace('\0', " ")
            })
            .collect()
    };
    let begun = Instant::now();
    loop {
        let left = alive();
        if left.is_empty() || begun.elapsed() > Duration::from_secs(2) {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
