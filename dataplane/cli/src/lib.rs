//! The `strait` command as a library.
//!
//! `strait build` reads ocb's builder file, extended by `cargo:` entries, and
//! makes one Collector of Go and Rust components: it writes a Cargo workspace
//! whose umbrella crate registers every Rust factory, compiles it, prelinks it
//! to one object, writes one small Go module per Rust component, and lets
//! stock ocb build the rest. It does not depend on the engine, so installing
//! it is quick.
//!
//! ```
//! use clap::Parser as _;
//! use strait::args::{Cli, Command};
//!
//! let cli = Cli::try_parse_from(["strait", "build", "--config", "builder.yaml"])?;
//! assert!(matches!(cli.command, Command::Build(_)));
//! # Ok::<(), clap::Error>(())
//! ```

pub mod args;
pub mod build;
pub mod builder_file;
pub mod cache;
pub mod checkout;
pub mod command;
pub mod doctor;
pub mod error;
pub mod files;
pub mod finding;
pub mod golang;
pub mod graph;
pub mod interrupt;
pub mod lock;
pub mod nodes;
pub mod platform;
pub mod process;
pub mod rust;
pub mod sbom;
pub mod scaffold;
pub mod schema;
pub mod toolchain;
pub mod ui;
pub mod yaml;
