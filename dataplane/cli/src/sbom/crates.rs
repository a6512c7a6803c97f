//! The crates in a binary, as Cargo resolved them.

use std::process::Command;

use super::document::{Component, Dependency};
use crate::error::StepError;
use crate::process;
use crate::rust::graph::{Graph, Package};
use crate::ui::Ui;

/// Where Cargo gets crates from without being told.
const REGISTRIES: [&str; 2] = [
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
];

/// The crates that are linked.
pub(super) struct Crates {
    pub(super) components: Vec<Component>,
    pub(super) dependencies: Vec<Dependency>,
    /// Those that the generated crate names.
    pub(super) direct: Vec<String>,
}

/// The crates of `graph` that are linked.
pub(super) fn read(graph: &Graph, ui: &Ui) -> Result<Crates, StepError> {
    let checksums = graph.checksums()?;
    let (linked, direct) = graph.linked(ui)?;
    let name = |id: &&str| linked.get(id).map(|(package, _)| purl(package, graph));
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (package, needs) in linked.values() {
        let mut component =
            Component::library(&package.name, &package.version, purl(package, graph));
        if let Some(checksum) = checksums.get(&(package.name.clone(), package.version.clone())) {
            component.hash(checksum.clone());
        }
        if let Some(license) = &package.license {
            component.license(license);
        }
        let mut depends_on: Vec<String> = needs.iter().filter_map(name).collect();
        depends_on.sort();
        dependencies.push(Dependency {
            reference: component.reference.clone(),
            depends_on,
        });
        components.push(component);
    }
    let direct = direct.iter().filter_map(name).collect();
    Ok(Crates {
        components,
        dependencies,
        direct,
    })
}

/// The version of rustc.
pub(super) fn compiler(ui: &Ui) -> Result<String, StepError> {
    let text = process::output(
        Command::new("rustc").arg("--version"),
        "asking rustc for its version",
        ui,
    )?;
    Ok(text
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .to_owned())
}

/// A crate's package URL; one that is not from crates.io says where it is from.
/// A local folder is named by its place in the generated workspace, which is the
/// same wherever it lies.
fn purl(package: &Package, graph: &Graph) -> String {
    let base = format!(
        "pkg:cargo/{}@{}",
        escape(&package.name),
        escape(&package.version)
    );
    match package.source.as_deref() {
        None => {
            let place = graph.place(package).unwrap_or_default();
            format!(
                "{base}?download_url=file://{}",
                escape(&place.to_string_lossy())
            )
        }
        Some(source) if REGISTRIES.contains(&source) => base,
        Some(source) => match source.strip_prefix("registry+") {
            Some(registry) => format!("{base}?repository_url={}", escape(registry)),
            None => format!("{base}?vcs_url={}", escape(source)),
        },
    }
}

/// The text with everything escaped that a package URL gives a meaning.
pub(super) fn escape(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
    let mut out = String::new();
    for c in text.chars() {
        if plain(c) {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out += &format!("%{byte:02X}");
            }
        }
    }
    out
}
