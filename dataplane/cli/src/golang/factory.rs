//! The source of a component's Go package: its factory, as data.

use std::fmt::Write as _;

use strait_description::Flow;

use super::BANNER;
use crate::builder_file::STRAIT_GO_MODULE;
use crate::rust::component::RustComponent;

/// The Go file of `c`.
#[must_use]
pub fn source(c: &RustComponent) -> String {
    let (package, kind) = (&c.name, c.kind);
    let (type_name, name, version) = (&c.component.type_name, &c.package, &c.version);
    let mut fields = vec![
        ("Type:".to_owned(), format!("\"{type_name}\"")),
        ("Crate:".to_owned(), format!("\"{name}\"")),
        ("Version:".to_owned(), format!("\"{version}\"")),
    ];
    fields.extend(levels(c));
    // As gofmt aligns them.
    let width = fields.iter().map(|(label, _)| label.len()).max();
    let width = width.unwrap_or_default();
    let mut metadata = String::new();
    for (label, value) in fields {
        let _ = writeln!(metadata, "\t\t{label:<width$} {value},");
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

/// The fields that hold stability levels: one for each signal, or pair of signals, or the only one.
fn levels(c: &RustComponent) -> Vec<(String, String)> {
    let constant = |level: &String| format!("component.StabilityLevel{}", capital(level));
    let mut signals: Vec<_> = c.component.signals.iter().collect();
    signals.sort_by_key(|(name, _)| Flow::from_name(name));
    let signals = signals.into_iter().map(|(name, level)| {
        let field: String = name.split('_').map(capital).collect();
        (format!("{field}:"), constant(level))
    });
    let only = c.component.stability.iter();
    signals
        .chain(only.map(|level| ("Stability:".to_owned(), constant(level))))
        .collect()
}
