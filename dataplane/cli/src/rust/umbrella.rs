//! The umbrella crate of a distribution: the sources that are written for it.
//!
//! It is one static library that registers every Rust component, and a program
//! that asks the components what they say of themselves.

use std::fmt::Write as _;

use toml_edit::{Array, Table};

use super::component::RustComponent;
use super::engine::Engine;
use crate::builder_file::BuilderFile;

/// Its name; its folder is `umbrella`.
pub const NAME: &str = "strait-umbrella";

/// Its `Cargo.toml`, with the components as `dependencies`.
#[must_use]
pub fn manifest(dependencies: &Table, engine: &Engine) -> String {
    let features: Array = if engine.is_default() {
        ["default"].into_iter().collect()
    } else {
        engine.features().collect()
    };
    let mut needs = "\"dep:strait-host\"".to_owned();
    let mut more =
        format!("strait-host = {{ workspace = true, optional = true, features = {features} }}\n");
    if engine.needs_datafusion() {
        let features: Array = engine.engine_features().collect();
        needs.push_str(", \"dep:otel-arrow-dfe-core-nodes\"");
        let _ = writeln!(
            more,
            "otel-arrow-dfe-core-nodes = {{ workspace = true, optional = true, features = \
             {features} }}"
        );
    }
    format!(
        "# Written by `strait build`; overwritten by every build.\n\n[package]\n\
         name = \"{NAME}\"\nversion = \"0.0.0\"\n\
         edition = \"2024\"\npublish = false\n\n[lib]\ncrate-type = [\"staticlib\"]\n\n\
         # What the components say of themselves, without the engine: `strait schema`.\n\
         [[bin]]\nname = \"describe\"\npath = \"src/describe.rs\"\n\
         required-features = [\"describe\"]\n\n\
         [features]\ndefault = [\"host\"]\nhost = [{needs}]\ndescribe = []\n\n[dependencies]\n\
         strait-component.workspace = true\n{more}{dependencies}"
    )
}

/// The source that registers every factory.
#[must_use]
pub fn library(file: &BuilderFile, components: &[RustComponent]) -> String {
    let name = file.dist.name.as_ref().map_or("", |name| &name.value);
    let mut text = format!(
        "//! The Rust side of `{name}`: every Rust component, registered by name.\n//!\n\
         //! Written by `strait build`; overwritten by every build.\n\nstrait_host::export! {{\n"
    );
    for c in components {
        let _ = writeln!(
            text,
            "    // {} {}: {} {}\n    {}(),",
            c.kind, c.component.type_name, c.package, c.version, c.factory
        );
    }
    text.push_str("}\n");
    text
}

/// The source of the program that says what every component says of itself, a line of JSON each.
#[must_use]
pub fn describe(components: &[RustComponent]) -> String {
    let mut text = "//! Prints what each Rust component says of itself, as a line of JSON.\n//!\n\
         //! Written by `strait`; overwritten by every build.\n\n\
         fn main() {\n    let factories: &[&'static dyn strait_component::DynFactory] = &[\n"
        .to_owned();
    for c in components {
        let _ = writeln!(text, "        {}(),", c.factory);
    }
    text.push_str(
        "    ];\n    for described in strait_component::config::serve::describe(factories) \
         {\n        \
         println!(\"{described}\");\n    }\n}\n",
    );
    text
}
