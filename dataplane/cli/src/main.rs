//! `strait`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use strait::args::{Cli, Command};
use strait::command;
use strait::finding::theme_for_stderr;

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let done = match Cli::parse().command {
        Command::Build(asked) => command::build::run(asked),
        Command::Run(asked) => command::run::run(asked),
        Command::New(asked) => command::new::run(asked),
        Command::Doctor(asked) => command::doctor::run(&asked),
        Command::Schema(asked) => command::schema::run(asked),
        Command::Nodes(asked) => command::nodes::run(&asked),
    };
    done.unwrap_or_else(|error| {
        eprint!("{}", error.render(theme_for_stderr()));
        ExitCode::FAILURE
    })
}
