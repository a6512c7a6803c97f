//! `strait`: see the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use strait::args::{Build, Cli, Command, Nodes};
use strait::chain::{self, Request};
use strait::error::Error;
use strait::finding::theme_for_stderr;
use strait::nodes;
use strait::ui::{Level, Ui};

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    match Cli::parse().command {
        Command::Build(build) => run_build(build),
        Command::Nodes(nodes) => run_nodes(&nodes),
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
        Err(error) => fail(&error),
    }
}

fn run_nodes(asked: &Nodes) -> ExitCode {
    let text = if asked.json {
        nodes::JSON.to_owned()
    } else {
        match nodes::select(&asked.names) {
            Ok(nodes) => nodes::render(&nodes),
            Err(error) => return fail(&error.into()),
        }
    };
    // A reader that has seen enough (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(error: &Error) -> ExitCode {
    eprint!("{}", error.render(theme_for_stderr()));
    ExitCode::FAILURE
}
