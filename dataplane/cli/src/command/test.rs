//! `strait test`: builds if something has changed, then has Go pass the tests that lie beside the
//! builder file, with the components linked in.
//!
//! Those tests are a Go module of its own, whose `go.mod` names the modules that a build writes
//! (`strait new` makes one). Like `strait run` it becomes the command that it runs, so the exit
//! code is Go's.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::build::{request, ui};
use crate::args::Test;
use crate::build;
use crate::error::{Error, StepError};
use crate::golang::ocb;

/// Builds the Collector and runs the Go tests; returns only when that fails.
///
/// # Errors
/// There are no tests, those of a build, or Go cannot be started.
pub fn run(args: Test) -> Result<ExitCode, Error> {
    let ui = ui(&args.options);
    let request = request(args.options);
    let beside = request.config.parent().unwrap_or(Path::new(""));
    let folder = args.tests.unwrap_or_else(|| beside.join("contract"));
    if !folder.join("go.mod").is_file() {
        let message = format!("there is no Go module in {}", folder.display());
        let help = "name the folder of the Go tests with --tests; `strait new` makes one, \
            `contract`, in each new component";
        return Err(StepError::new(message, help).into());
    }
    build::build(&request, &ui)?;
    let mut go = Command::new("go");
    // The first run completes go.mod, and writes go.sum.
    go.current_dir(&folder)
        .args(["test", "-mod=mod", "./..."])
        .args(&args.arguments)
        // Whatever the environment says: without cgo there is nothing of Rust in the tests.
        .env("CGO_ENABLED", "1");
    ocb::go_offline(&mut go, request.offline);
    ui.detail(&format!("+ {}", crate::error::shell_line(&go)));
    let error = go.exec();
    Err(StepError::new(format!("cannot run go: {error}"), "install Go").into())
}
