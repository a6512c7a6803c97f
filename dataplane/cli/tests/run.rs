//! `strait run` becomes the Collector: same process, same exit code, same
//! working folder. Go-only, so that it needs no engine.

mod shared;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use shared::{GO_ONLY, stderr, strait};

const OTELCOL: &str = "
receivers: {nop: }
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [nop], exporters: [nop]}}
";

fn run_in(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = strait();
    command
        .current_dir(folder)
        .args(["run", "--quiet", "--config", "builder.yaml", "--"])
        .args(arguments);
    command
}

#[test]
fn the_command_becomes_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("builder.yaml"), GO_ONLY).unwrap();
    fs::write(folder.path().join("otelcol.yaml"), OTELCOL).unwrap();

    // A file below the working folder is found: the Collector runs in it.
    let mut child = run_in(folder.path(), &["--config", "otelcol.yaml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Everything is ready") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the Collector ended");
    }
    // The process that was started is the Collector now.
    let program = fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
    assert_eq!(
        program,
        folder.path().canonicalize().unwrap().join("out/otelcol")
    );
    kill_process(pid, Signal::TERM).unwrap();
    // By its own handler, or by the system where that is not in place yet.
    let ended = child.wait().unwrap();
    assert!(
        ended.code() == Some(0) || ended.signal() == Some(Signal::TERM.as_raw()),
        "{ended}"
    );

    // The exit code and the message are the Collector's.
    let failed = run_in(folder.path(), &["--config", "missing.yaml"])
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        stderr(&failed).contains("missing.yaml"),
        "{}",
        stderr(&failed)
    );
    let listed = run_in(folder.path(), &["components"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("buildinfo:"));
    assert!(stderr(&listed).is_empty(), "{}", stderr(&listed));
}

#[test]
fn a_file_that_names_no_binary_is_not_built() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("builder.yaml"),
        GO_ONLY.replace(", output_path: ./out", ""),
    )
    .unwrap();
    let output = run_in(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stderr(&output));
}
