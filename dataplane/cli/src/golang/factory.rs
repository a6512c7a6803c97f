//! The source of a component's Go package: its factory, as data.

use std::fmt::Write as _;

use super::BANNER;
use crate::builder_file::{Kind, STRAIT_GO_MODULE};
use crate::rust::component::RustComponent;

/// The Go file of `c`.
#[must_use]
pub fn source(c: &RustComponent) -> String {
    let (package, kind) = (&c.name, c.kind);
    let (type_name, name, version) = (&c.component.type_name, &c.package, &c.version);
    let fields = [
        ("Type", format!("\"{type_name}\"")),
        ("Crate", format!("\"{name}\"")),
        ("Version", format!("\"{version}\"")),
    ];
    let mut metadata = String::new();
    for (field, value) in fields.into_iter().chain(levels(c)) {
        let label = format!("{field}:");
        let _ = writeln!(
            metadata,
            "\t\t{label:<width$} {value},",
            width = width(kind)
        );
    }
    let rust = format!(
        "rustcomponent.New{}(rustcomponent.Metadata{{\n{metadata}\t}})",
        capital(kind.name())
    );
    let (what, imports, made) = match &c.twin {
        None => (String::new(), String::new(), rust),
        Some(twin) => (
            format!(
                "//\n// It is one factory with the Go component {}: `runtime: {}` in the builder \
                 file.\n",
                twin.go.import_path(),
                twin.runtime.name()
            ),
            format!("\n\tingo \"{}\"\n", twin.go.import_path()),
            format!(
                "twin.{}(twin.{}, ingo.NewFactory(), {rust})",
                capital(kind.name()),
                capital(twin.runtime.name())
            ),
        ),
    };
    let twin_import = if c.twin.is_some() {
        format!("\t\"{STRAIT_GO_MODULE}/twin\"\n")
    } else {
        String::new()
    };
    format!(
        "{BANNER}// Package {package} is the Collector's side of the Rust {kind} {type_name}.\n\
         // Its data is the [package.metadata.strait] of the crate {name} {version}.\n{what}\
         package {package}\n\n\
         import (\n\t\"{STRAIT_GO_MODULE}/rustcomponent\"\n{twin_import}\
         \t\"go.opentelemetry.io/collector/component\"\n\
         \t\"go.opentelemetry.io/collector/{kind}\"\n{imports})\n\n\
         // NewFactory makes the factory of {type_name}. It is pure: it calls nothing of Rust.\n\
         func NewFactory() {kind}.Factory {{\n\
         \treturn {made}\n}}\n",
    )
}

fn capital(word: &str) -> String {
    let mut word = word.to_owned();
    word[..1].make_ascii_uppercase();
    word
}

/// The width that gofmt gives the field names.
fn width(kind: Kind) -> usize {
    match kind {
        Kind::Extension => "Stability:".len(),
        _ => "Version:".len(),
    }
}

/// The fields that hold stability levels.
fn levels(c: &RustComponent) -> Vec<(&'static str, String)> {
    let signals = [
        ("Logs", c.component.signals.get("logs")),
        ("Traces", c.component.signals.get("traces")),
        ("Metrics", c.component.signals.get("metrics")),
        ("Stability", c.component.stability.as_ref()),
    ];
    let constant = |level: &String| format!("component.StabilityLevel{}", capital(level));
    signals
        .into_iter()
        .filter_map(|(field, level)| Some((field, constant(level?))))
        .collect()
}
