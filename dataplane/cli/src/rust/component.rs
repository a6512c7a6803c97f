//! A Rust component of a distribution, as the builder file and its crate
//! describe it together.

use std::path::PathBuf;

use super::metadata::Component;
use crate::builder_file::{GoEntry, Kind, Runtime};

/// A component of the distribution, as its crate describes it.
#[derive(Debug, Clone)]
pub struct RustComponent {
    /// The section it is listed in.
    pub kind: Kind,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// What Rust code calls the crate.
    pub crate_name: String,
    /// Its metadata.
    pub component: Component,
    /// Its local folder, as the user knows it.
    pub folder: Option<PathBuf>,
    /// The Go package's name.
    pub name: String,
    /// The path of its generated Go module.
    pub module: String,
    /// The Rust path of its factory function.
    pub factory: String,
    /// The Go component of the same type, when the two are one factory.
    pub twin: Option<Twin>,
}

/// A Go component that a Rust component is merged with.
#[derive(Debug, Clone)]
pub struct Twin {
    /// Which of them runs.
    pub runtime: Runtime,
    /// The Go component.
    pub go: GoEntry,
}
