//! What several tests of the command use.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
