//! A Rust component of a distribution, as the builder file and its crate
//! describe it together.

use std::path::PathBuf;

use super::metadata::Component;
use crate::builder_file::{GoEntry, Kind, Runtime};

/// What the paths of components' Go modules begin with, which are generated: where the crate comes
/// from. Nothing is looked up there.
const CRATES_IO: &str = "crates.io";
/// The same of crates from elsewhere: a folder, a repository, another registry.
const ELSEWHERE: &str = "crate.local";

/// Where a crate comes from that cargo found in `source`, as its Go module's path begins.
#[must_use]
pub fn origin(source: Option<&str>) -> &'static str {
    match source {
        Some("registry+https://github.com/rust-lang/crates.io-index") => CRATES_IO,
        _ => ELSEWHERE,
    }
}

/// Whether a Go module of this path is a component's.
#[must_use]
pub fn is_component(module: &str) -> bool {
    let origin = module.split('/').next().unwrap_or_default();
    [CRATES_IO, ELSEWHERE].contains(&origin)
}

/// A component of the distribution, as its crate describes it.
#[derive(Debug, Clone)]
pub struct RustComponent {
    /// The Rust entry of the builder file that brings it, by its place among those.
    pub entry: usize,
    /// Its kind.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_after_where_crates_come_from() {
        let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(origin(Some(crates_io)), "crates.io");
        for other in [
            None,
            Some("git+https://github.com/a/b"),
            Some("registry+file:///x"),
        ] {
            assert_eq!(origin(other), "crate.local");
        }
        assert!(is_component("crates.io/a") && is_component("crate.local/a/b/v2"));
        assert!(!is_component("crates.io.example.com/a") && !is_component("github.com/a"));
    }
}
