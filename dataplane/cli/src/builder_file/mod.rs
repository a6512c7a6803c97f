//! The builder file: every key of ocb, and `cargo:` beside `gomod:`.
//!
//! ocb drops keys that it does not know and stops at its first error; here
//! every mistake is a finding with its place, and all of them are reported at
//! once. A file without findings is a [`BuilderFile`], whose entries keep
//! their places for the checks that need more than the file (crate metadata).
//!
//! Paths: what ocb defines (`dist.output_path`, `path` of a Go component) is
//! relative to the working directory, as with ocb. What Strait adds
//! (`dist.strait_path`, paths in a `cargo:` line and `path` beside it) is
//! relative to the builder file, as Cargo does with its manifest.

pub mod cargo_line;
mod check;
mod conflicts;
mod keys;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::finding::Finding;
use cargo_line::Dependency;

pub use strait_description::Kind;

/// The Go module that holds Strait's own components.
pub const STRAIT_GO_MODULE: &str = "github.com/strait-data/strait/go";

/// The packages of that module that are components: what may stand behind `import`.
pub const STRAIT_GO_PACKAGES: [(Kind, &str); 5] = [
    (Kind::Receiver, "otapreceiver"),
    (Kind::Processor, "otapprocessor"),
    (Kind::Exporter, "otapexporter"),
    (Kind::Connector, "otapconnector"),
    (Kind::Extension, "straitextension"),
];

/// A text and where it stands in the builder file.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// Byte range in the file.
    pub at: Range<usize>,
    /// The value.
    pub value: T,
}

/// A Go module entry, in a section of components or elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct GoEntry {
    /// `gomod`: the module's path and version.
    pub gomod: Spanned<String>,
    /// `name`: the package's name in generated code.
    pub name: Option<String>,
    /// `import`: the package's path, when it is not the module's.
    pub import: Option<Spanned<String>>,
    /// `path`: a local copy, relative to the working directory.
    pub path: Option<String>,
}

impl GoEntry {
    /// The module's path without its version.
    #[must_use]
    pub fn module(&self) -> &str {
        self.gomod
            .value
            .split_whitespace()
            .next()
            .unwrap_or_default()
    }

    /// The import path of the package that has `NewFactory`.
    #[must_use]
    pub fn import_path(&self) -> &str {
        self.import
            .as_ref()
            .map_or_else(|| self.module(), |import| &import.value)
    }

    /// Whether the Go code expects Strait's Rust side in the binary.
    #[must_use]
    pub fn needs_rust(&self) -> bool {
        self.module() == STRAIT_GO_MODULE
            || self
                .module()
                .strip_prefix(STRAIT_GO_MODULE)
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// A component that is a Rust crate.
#[derive(Debug, Clone)]
pub struct RustEntry {
    /// Where the `cargo` value stands.
    pub at: Range<usize>,
    /// The dependency line; a local `path` beside it is already in it.
    pub dependency: Dependency,
    /// The crate's folder, when it is local.
    pub folder: Option<PathBuf>,
    /// `name`: the generated Go package's name; by default the component's type.
    pub name: Option<String>,
    /// `import`: the Rust module that holds `factory`; by default the crate.
    pub import: Option<String>,
    /// `components`: the types of those that are wanted of the crate; by default all.
    pub components: Option<Box<Spanned<Vec<String>>>>,
    /// `runtime`: the crate has a twin in Go, and which of them runs.
    pub runtime: Option<Spanned<Runtime>>,
}

/// Which of two components of one type runs, one in Go and one in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The Go component.
    Go,
    /// The Rust component.
    Rust,
    /// The Rust component beside others in Rust, otherwise the Go component.
    Auto,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Go, Self::Rust, Self::Auto];

    /// The value of the key `runtime`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Rust => "rust",
            Self::Auto => "auto",
        }
    }
}

/// One entry of a section of components.
#[derive(Debug, Clone)]
pub enum Entry {
    /// `gomod:`
    Go(GoEntry),
    /// `cargo:`
    Rust(RustEntry),
}

/// The `dist` table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dist {
    /// Go module of the generated code.
    pub module: Option<String>,
    /// Name of the binary.
    pub name: Option<Spanned<String>>,
    /// The go command.
    pub go: Option<String>,
    /// Shown by `--help` of the Collector.
    pub description: Option<String>,
    /// Where everything is written; relative to the working directory.
    pub output_path: Option<Spanned<String>>,
    /// Shown by `--version` of the Collector.
    pub version: Option<String>,
    /// Go build tags.
    pub build_tags: Option<String>,
    /// Keeps debug information, turns optimisation off.
    pub debug_compilation: bool,
    /// Links C; needed for Rust components.
    pub cgo_enabled: Option<Spanned<bool>>,
    /// Absolute paths in generated replace lines.
    pub use_absolute_replace_paths: bool,
    /// Strait's sources; relative to the builder file.
    pub strait_path: Option<Spanned<String>>,
    /// The engine's optional nodes; absent means the default ones.
    pub engine_nodes: Option<Vec<String>>,
}

/// A builder file without findings.
#[derive(Debug, Clone, Default)]
pub struct BuilderFile {
    /// The `dist` table.
    pub dist: Dist,
    /// Components in the order of the file.
    pub components: Vec<(Kind, Entry)>,
    /// `telemetry`
    pub telemetry: Option<GoEntry>,
    /// `providers`; absent means ocb's defaults.
    pub providers: Option<Vec<GoEntry>>,
    /// `converters`
    pub converters: Vec<GoEntry>,
    /// Lines for go.mod.
    pub replaces: Vec<String>,
    /// Lines for go.mod.
    pub excludes: Vec<String>,
    /// `conf_resolver.default_uri_scheme`
    pub default_uri_scheme: Option<String>,
}

impl BuilderFile {
    /// Reads `text`, the builder file at `path`.
    ///
    /// # Errors
    /// Every mistake of the file, in its order.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<Finding>> {
        check::check(text, path)
    }

    /// The Rust components with their kinds.
    pub fn rust_entries(&self) -> impl Iterator<Item = (Kind, &RustEntry)> {
        self.components
            .iter()
            .filter_map(|(kind, entry)| match entry {
                Entry::Rust(rust) => Some((*kind, rust)),
                Entry::Go(_) => None,
            })
    }

    /// The Go components with their kinds.
    pub fn go_entries(&self) -> impl Iterator<Item = (Kind, &GoEntry)> {
        self.components
            .iter()
            .filter_map(|(kind, entry)| match entry {
                Entry::Go(go) => Some((*kind, go)),
                Entry::Rust(_) => None,
            })
    }

    /// Whether stock ocb alone cannot build it.
    #[must_use]
    pub fn needs_rust(&self) -> bool {
        self.rust_entries().next().is_some() || self.go_entries().any(|(_, go)| go.needs_rust())
    }

    /// The kinds of the `otap` components in it: Strait's own, of the engine's nodes.
    pub fn otap(&self) -> impl Iterator<Item = Kind> {
        self.go_entries().filter_map(|(kind, go)| {
            let package = go.import_path().strip_prefix(STRAIT_GO_MODULE)?;
            package.starts_with("/otap").then_some(kind)
        })
    }

    /// How many of its components run in Rust: crates, and Strait's own.
    #[must_use]
    pub fn count_in_rust(&self) -> usize {
        self.rust_entries().count() + self.otap().count()
    }

    /// Every entry that is a Go module, wherever it stands.
    pub fn all_go(&self) -> impl Iterator<Item = &GoEntry> {
        let lists = self
            .providers
            .iter()
            .flatten()
            .chain(&self.converters)
            .chain(&self.telemetry);
        self.go_entries().map(|(_, go)| go).chain(lists)
    }
}
