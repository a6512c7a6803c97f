//! The house's rules for Rust sources, as functions that say where they are broken.
//!
//! What it is: [`functions`] measures functions, [`modules`] finds circles of modules, [`pages`]
//! looks for a crate's page with a compiled example. `tests/house.rs` applies them to this
//! repository; the rules for both languages (lines, files) and those for Go are in `tidy_test.go`
//! beside it.
//!
//! What it guarantees: a rule is judged on the parsed source, so text in comments and strings does
//! not count. What macros make is not seen.

pub mod functions;
pub mod modules;
pub mod pages;

use std::path::{Path, PathBuf};

/// Where a rule is broken, and how.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the repository.
    pub file: PathBuf,
    /// What is wrong, with the value found and the limit.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

/// A source file that has been parsed.
pub struct Source {
    /// The file, relative to the repository.
    pub file: PathBuf,
    /// Its syntax.
    pub syntax: syn::File,
}

/// Reads and parses `files`, which are relative to `root`.
///
/// # Panics
/// If one cannot be read or is not Rust: the compiler would have said so first.
#[must_use]
pub fn parse(root: &Path, files: &[PathBuf]) -> Vec<Source> {
    let parsed = files.iter().map(|file| {
        let text = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let syntax =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Source {
            file: file.clone(),
            syntax,
        }
    });
    parsed.collect()
}
