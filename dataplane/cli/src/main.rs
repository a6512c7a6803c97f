//! `strait`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use strait::args::{Cli, Command};
use strait::command;
use strait::finding::theme_for_stderr;

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let done = match Cli::parse().command {
        Command::Build(args) => command::build::run(args),
        Command::Run(args) => command::run::run(args),
        Command::New(args) => command::new::run(args),
        Command::Doctor(args) => command::doctor::run(&args),
        Command::Schema(args) => command::schema::run(args),
        Command::Nodes(args) => command::nodes::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprint!("{}", error.render(theme_for_stderr()));
        ExitCode::FAILURE
    })
}
