//! `strait`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use strait::args::{Cli, Command};
use strait::command;
use strait::finding::theme_for_stderr;

fn main() -> ExitCode {
    let done = match parse().command {
        Command::Build(args) => command::build::run(args),
        Command::Run(args) => command::run::run(args),
        Command::Test(args) => command::test::run(args),
        Command::New(args) => command::new::run(args),
        Command::Doctor(args) => command::doctor::run(&args),
        Command::Schema(args) => command::schema::run(args),
        Command::Graph(args) => command::graph::run(&args),
        Command::Nodes(args) => command::nodes::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprint!("{}", error.render(theme_for_stderr()));
        ExitCode::FAILURE
    })
}

/// Wrong usage ends here, with exit code 2.
fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|mut error| {
        let is_run = std::env::args_os().nth(1).is_some_and(|name| name == "run");
        // Of `--config` for the Collector, most of all.
        if is_run && error.kind() == ErrorKind::ArgumentConflict {
            let tip = StyledStr::from("what is for the Collector stands behind `--`");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
        }
        error.exit()
    })
}
