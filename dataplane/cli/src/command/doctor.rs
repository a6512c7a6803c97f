//! `strait doctor`

use std::process::ExitCode;

use super::print;
use crate::args::Doctor;
use crate::doctor::{Report, render};
use crate::error::{Error, StepError};
use crate::ui::{Level, Ui};

/// Shows what this machine has for a build.
///
/// # Errors
/// There is no place for a cache.
pub fn run(args: &Doctor) -> Result<ExitCode, Error> {
    let report = Report::gather(&Ui::new(Level::Quiet))?;
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        print(&format!(
            "{}\n",
            text.map_err(|e| StepError::new(e.to_string(), ""))?
        ));
    } else {
        print(&render(&report));
    }
    Ok(if report.can_build.rust {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
