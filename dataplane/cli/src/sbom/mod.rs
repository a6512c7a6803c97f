//! `strait build --sbom`: what is in a Collector, as a CycloneDX document.
//!
//! Go modules come from the binary itself (`go version -m`), what they need of
//! each other from what their packages import (`go list`), and crates from the
//! resolved workspace, restricted to what is linked: build scripts and procedural
//! macros are not in the binary. Each ecosystem has a tool of its own for its half
//! (cyclonedx-gomod, cargo-cyclonedx); neither knows the other's, and one binary
//! wants one document, so it is written here, with their conventions for names
//! and hashes.
//!
//! The same binary gives the same document: its serial number is made from its
//! content, and it is dated only where `SOURCE_DATE_EPOCH` is set.

mod crates;
mod document;
mod modules;

use std::path::Path;

use crate::checkout::VERSION;
use crate::error::StepError;
use crate::files::{self, Hash};
use crate::golang::COLLECTOR;
use crate::rust::graph::Graph;
use crate::ui::Ui;
use document::{Component, Dependency, Document};

/// What a document is about.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The Collector.
    pub binary: &'a Path,
    /// `dist.version`
    pub version: Option<&'a str>,
    /// The crates of its Rust side.
    pub crates: Option<&'a Graph>,
}

/// Writes the document of `subject` to `file`.
///
/// # Errors
/// The binary cannot be read, or the file not be written.
pub fn write(subject: &Subject<'_>, file: &Path, ui: &Ui) -> Result<(), StepError> {
    let document = describe(subject, ui)?;
    files::write(file, document.to_json()?)
}

fn describe(subject: &Subject<'_>, ui: &Ui) -> Result<Document, StepError> {
    let go = modules::read(subject.binary, ui)?;
    let name = subject
        .binary
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let mut root = Component::application(&name, subject.version);
    root.reference = format!("strait:{name}");
    root.hash(Hash::of_file(subject.binary)?);
    let mut tools = vec![
        Component::application("strait", Some(VERSION)),
        Component::application("ocb", Some(COLLECTOR)),
        Component::application("go", Some(&go.compiler)),
    ];
    let (mut direct, mut dependencies) = (go.direct, go.dependencies);
    let mut components = go.modules;
    if let Some(graph) = subject.crates {
        let crates = crates::read(graph, ui)?;
        tools.push(Component::application(
            "rustc",
            Some(&crates::compiler(ui)?),
        ));
        direct.extend(crates.direct);
        dependencies.extend(crates.dependencies);
        components.extend(crates.components);
    }
    direct.sort();
    dependencies.push(Dependency {
        reference: root.reference.clone(),
        depends_on: direct,
    });
    components.sort_by(|a, b| a.reference.cmp(&b.reference));
    dependencies.sort_by(|a, b| a.reference.cmp(&b.reference));
    Document::new(root, tools, components, dependencies)
}
