//! `strait graph`

use std::process::ExitCode;

use super::print;
use crate::args::Graph as Args;
use crate::error::Error;
use crate::graph::Graph;

/// Draws what of a Collector's pipelines runs together in Rust.
///
/// # Errors
/// The Collector cannot be run, or refuses the configuration.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let graph = Graph::of(&args.collector, &args.config)?;
    print(&graph.draw(args.format));
    Ok(ExitCode::SUCCESS)
}
