//! Components of one type in Go and in Rust: one factory where the builder file
//! asks for it, a finding where it does not.

use std::collections::HashMap;

use super::types::Types;
use crate::builder_file::{BuilderFile, GoEntry, Kind, Runtime, RustEntry};
use crate::finding::Finding;
use crate::rust::component::{RustComponent, Twin};

/// The Go entries whose types matter: those beside Rust components of their
/// kind, and Strait's own.
#[must_use]
pub fn candidates<'f>(file: &'f BuilderFile, components: &[RustComponent]) -> Vec<&'f GoEntry> {
    let has_rust = |kind: Kind| components.iter().any(|component| component.kind == kind);
    file.go_entries()
        .filter(|(kind, go)| has_rust(*kind) || go.needs_rust())
        .map(|(_, go)| go)
        .collect()
}

/// Joins each of `components` with its twin in Go.
///
/// # Errors
/// One type twice without that wish, or the wish without a twin.
pub fn join(
    file: &BuilderFile,
    types: &Types,
    components: &mut [RustComponent],
) -> Result<(), Vec<Finding>> {
    let mut findings = Vec::new();
    let mut go: HashMap<(Kind, &str), &GoEntry> = HashMap::new();
    for (kind, entry) in file.go_entries() {
        let Some(name) = types.get(&entry.gomod.at.start) else {
            continue;
        };
        if let Some(first) = go.insert((kind, name), entry) {
            findings.push(
                Finding::new(
                    entry.gomod.at.clone(),
                    format!("two {kind}s have the type `{name}`"),
                    "again",
                    "remove one: a Collector refuses two factories of one type",
                )
                .also(first.gomod.at.clone(), "first"),
            );
        }
    }
    let entries: Vec<_> = file.rust_entries().map(|(_, entry)| entry).collect();
    for component in components {
        let entry = entries[component.entry];
        let (kind, name) = (component.kind, component.component.type_name.as_str());
        match (go.get(&(kind, name)), &entry.runtime) {
            (Some(twin), Some(runtime)) => {
                component.twin = Some(Twin {
                    runtime: runtime.value,
                    go: (*twin).clone(),
                });
            }
            (Some(twin), None) => findings.push(duplicate(kind, name, entry, twin)),
            (None, Some(runtime)) => {
                let unknown = file
                    .go_entries()
                    .filter(|(k, go)| *k == kind && !types.contains_key(&go.gomod.at.start));
                let unknown: Vec<_> = unknown.map(|(_, go)| go.import_path()).collect();
                let help = if unknown.is_empty() {
                    "list the Go component with `gomod`, or remove `runtime`".to_owned()
                } else {
                    format!(
                        "list the Go component with `gomod`, or remove `runtime`; no \
                         metadata.yaml says the type of {}",
                        unknown.join(", ")
                    )
                };
                findings.push(
                    Finding::new(
                        runtime.at.clone(),
                        format!("no Go {kind} of the type `{name}` is listed"),
                        "nothing to choose from",
                        help,
                    )
                    .also(entry.at.clone(), format!("has the type `{name}`")),
                );
            }
            (None, None) => {}
        }
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn duplicate(kind: Kind, name: &str, rust: &RustEntry, go: &GoEntry) -> Finding {
    let (first, second) = if rust.at.start < go.gomod.at.start {
        ((&rust.at, "in Rust"), (&go.gomod.at, "in Go"))
    } else {
        ((&go.gomod.at, "in Go"), (&rust.at, "in Rust"))
    };
    let help = match kind {
        Kind::Processor | Kind::Extension => {
            "remove one, or say beside `cargo` which is to run: `runtime: go`, `rust`, or `auto` \
             (Rust where a neighbour in the pipeline is Rust)"
        }
        _ => "remove one: a Collector refuses two factories of one type",
    };
    Finding::new(
        second.0.clone(),
        format!("two {kind}s have the type `{name}`"),
        second.1,
        help,
    )
    .also(first.0.clone(), first.1)
}

/// What runs in Rust, for the converter: component types by section, and the
/// processors of which either may run with the signals of their Rust side.
#[must_use]
pub fn in_rust<'t>(
    file: &'t BuilderFile,
    types: &'t Types,
    components: &'t [RustComponent],
) -> Vec<(Kind, &'t str)> {
    let fixed = components
        .iter()
        .filter(|c| c.twin.as_ref().is_none_or(|t| t.runtime == Runtime::Rust))
        .map(|c| (c.kind, c.component.type_name.as_str()));
    let strait = file
        .go_entries()
        .filter(|(_, go)| go.needs_rust())
        .filter_map(|(kind, go)| Some((kind, types.get(&go.gomod.at.start)?.as_str())));
    let mut list: Vec<_> = strait.chain(fixed).collect();
    list.sort_unstable();
    list.dedup();
    list
}
