//! The subcommands: from arguments to an exit code, one file each.

pub mod build;
pub mod doctor;
pub mod graph;
pub mod new;
pub mod nodes;
pub mod run;
pub mod schema;
pub mod test;

use std::io::Write as _;

/// Prints data to standard output. A reader that has seen enough (`| head`) is
/// no failure.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
