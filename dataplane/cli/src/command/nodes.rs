//! `strait nodes`

use std::process::ExitCode;

use super::print;
use crate::args::Nodes;
use crate::error::Error;
use crate::nodes;

/// Lists the engine's nodes.
///
/// # Errors
/// A name that no node has.
pub fn run(args: &Nodes) -> Result<ExitCode, Error> {
    if args.json {
        print(nodes::JSON);
    } else {
        print(&nodes::render(&nodes::select(&args.names)?));
    }
    Ok(ExitCode::SUCCESS)
}
