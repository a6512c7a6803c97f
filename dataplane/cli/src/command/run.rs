//! `strait run`: builds if something has changed, then becomes the Collector.
//!
//! It does not start a child but replaces itself (`exec`): the process id,
//! standard input and output, the working folder and the environment stay, a
//! supervisor's signals reach the Collector, and its exit code is the
//! command's. So there is nothing here that could lose a signal or outlive it.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use super::build::{request, ui};
use crate::args::Run;
use crate::build::{self, Request};
use crate::error::{Error, StepError};

/// Builds the Collector and runs it; returns only when that fails.
///
/// # Errors
/// Those of a build, or the Collector cannot be started.
pub fn run(args: Run) -> Result<ExitCode, Error> {
    let ui = ui(&args.options);
    let request = Request {
        to_run: true,
        ..request(args.options)
    };
    let built = build::build(&request, &ui)?;
    let binary = built.binary.ok_or_else(build::no_binary)?;
    let mut command = Command::new(&binary);
    command.args(&args.arguments);
    ui.detail(&format!("+ {}", crate::error::shell_line(&command)));
    let error = command.exec();
    let help = "a Collector for another platform (GOOS, GOARCH) runs there only";
    Err(StepError::new(format!("cannot run {}: {error}", binary.display()), help).into())
}
