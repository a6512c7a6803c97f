//! `strait doctor`

use std::process::ExitCode;

use super::print;
use crate::args::Doctor;
use crate::builder_file::BuilderFile;
use crate::doctor::{Report, render};
use crate::error::{Error, StepError};
use crate::ui::{Level, Ui};
use crate::{files, finding};

/// Shows what this machine has for a build.
///
/// # Errors
/// There is no place for a cache; the builder file cannot be read, or has findings.
pub fn run(args: &Doctor) -> Result<ExitCode, Error> {
    let file = match &args.config {
        Some(path) => {
            let text = files::read(path)?;
            let name = path.display().to_string();
            let findings = |list| Error::Findings(finding::Report::new(&name, &text, list));
            Some(BuilderFile::parse(&text, path).map_err(findings)?)
        }
        None => None,
    };
    let report = Report::gather(file.as_ref(), &Ui::new(Level::Quiet))?;
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
