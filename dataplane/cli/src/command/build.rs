//! `strait build`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::{Build, BuildOptions};
use crate::build::{self, Built, Request};
use crate::error::Error;
use crate::lock::Mode;
use crate::sbom::{self, Subject};
use crate::ui::{Level, Ui};

/// Builds a Collector.
///
/// # Errors
/// Findings in the builder file, or the step that failed.
pub fn run(args: Build) -> Result<ExitCode, Error> {
    let ui = ui(&args.options);
    let mut request = Request {
        generate_only: args.generate_only,
        skip_generate: args.skip_generate,
        ..request(args.options)
    };
    if args.update {
        request.locks = Mode::Update;
    }
    let built = build::build(&request, &ui)?;
    if let Some(file) = args.sbom {
        write_sbom(&built, file, &ui)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_sbom(built: &Built, file: Option<PathBuf>, ui: &Ui) -> Result<(), Error> {
    let binary = built.binary.as_deref().ok_or_else(build::no_binary)?;
    let file = file.unwrap_or_else(|| {
        let mut name = binary.as_os_str().to_owned();
        name.push(".cdx.json");
        name.into()
    });
    let subject = Subject {
        binary,
        version: built.version.as_deref(),
        crates: built.crates.as_ref(),
    };
    sbom::write(&subject, &file, ui)?;
    ui.say(&format!("bill of materials in {}", build::shown(&file)));
    Ok(())
}

/// Readies a build: how much it is to tell, and that it can be interrupted.
pub(super) fn ui(options: &BuildOptions) -> Ui {
    if let Err(e) = crate::interrupt::watch() {
        eprintln!("Ctrl-C may leave compilers running: {e}");
    }
    Ui::new(match (options.quiet, options.verbose) {
        (true, _) => Level::Quiet,
        (_, true) => Level::Verbose,
        _ => Level::Normal,
    })
}

/// What the options ask to be built.
pub(super) fn request(options: BuildOptions) -> Request {
    Request {
        config: options.config,
        output_path: options.output_path,
        strait_path: options.strait_path,
        released: options.released,
        offline: options.offline,
        locks: if options.locked {
            Mode::Locked
        } else {
            Mode::Keep
        },
        ..Request::default()
    }
}
