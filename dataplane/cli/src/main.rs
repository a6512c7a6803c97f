//! `strait`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use strait::args::{Build, Cli, Command};
use strait::chain::{self, Request};
use strait::finding::theme_for_stderr;
use strait::ui::{Level, Ui};

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    match Cli::parse().command {
        Command::Build(build) => run_build(build),
    }
}

fn run_build(build: Build) -> ExitCode {
    let level = match (build.quiet, build.verbose) {
        (true, _) => Level::Quiet,
        (_, true) => Level::Verbose,
        _ => Level::Normal,
    };
    let request = Request {
        config: build.config,
        output_path: build.output_path,
        strait_path: build.strait_path,
        offline: build.offline,
        generate_only: build.generate_only,
    };
    match chain::build(&request, &Ui::new(level)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("{}", error.render(theme_for_stderr()));
            ExitCode::FAILURE
        }
    }
}
