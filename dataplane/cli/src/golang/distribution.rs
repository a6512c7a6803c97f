//! The builder file that stock ocb gets: the user's, without Rust in it.
//!
//! It is run from the output folder, so every path in it is relative to that
//! folder, and the file is the same wherever the build was started.

use std::fmt::Write as _;
use std::path::Path;

use super::modules::{self, NATIVE};
use crate::builder_file::{BuilderFile, Dist, Entry, GoEntry, Kind, STRAIT_GO_MODULE};
use crate::checkout::VERSION;
use crate::error::StepError;
use crate::files;
use crate::rust::workspace::RustComponent;

/// The folder of everything generated, below the output folder.
pub const FOLDER: &str = "strait";

/// Writes the text of the builder file for a distribution in `output`
/// (absolute). Its `cargo:` entries are `components`, in the same order.
///
/// # Errors
/// The working directory is gone.
pub fn rewrite(
    file: &BuilderFile,
    components: &[RustComponent],
    output: &Path,
) -> Result<String, StepError> {
    let mut out = Writer {
        text: String::new(),
        output,
    };
    out.text.push_str("# Written by `strait build` for ocb; overwritten by every build. Paths are relative to the\n# folder above, where ocb runs.\n");
    out.dist(&file.dist);
    let mut rust = components.iter();
    for kind in Kind::ALL {
        let entries: Vec<&Entry> = file
            .components
            .iter()
            .filter(|(k, _)| *k == kind)
            .map(|(_, e)| e)
            .collect();
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(out.text, "{}:", kind.section());
        for entry in entries {
            match entry {
                Entry::Go(go) => out.go(go, "  - ")?,
                Entry::Rust(_) => {
                    if let Some(component) = rust.next() {
                        out.rust(component);
                    }
                }
            }
        }
    }
    if let Some(telemetry) = &file.telemetry {
        out.text.push_str("telemetry:\n");
        out.go(telemetry, "  ")?;
    }
    if let Some(providers) = &file.providers {
        out.text.push_str(if providers.is_empty() {
            "providers: []\n"
        } else {
            "providers:\n"
        });
        for provider in providers {
            out.go(provider, "  - ")?;
        }
    }
    out.text.push_str("converters:\n");
    for converter in &file.converters {
        out.go(converter, "  - ")?;
    }
    out.converter();
    out.text.push_str("replaces:\n");
    let asked = |line: &String| line.split_whitespace().next() == Some(STRAIT_GO_MODULE);
    if !file.replaces.iter().any(asked) {
        out.item(&format!("{STRAIT_GO_MODULE} => ./{FOLDER}/go"));
    }
    for line in &file.replaces {
        out.item(line);
    }
    if !file.excludes.is_empty() {
        out.text.push_str("excludes:\n");
        for line in &file.excludes {
            out.item(line);
        }
    }
    if let Some(scheme) = &file.default_uri_scheme {
        let _ = writeln!(
            out.text,
            "conf_resolver:\n  default_uri_scheme: {}",
            quote(scheme)
        );
    }
    Ok(out.text)
}

struct Writer<'a> {
    text: String,
    output: &'a Path,
}

impl Writer<'_> {
    fn dist(&mut self, dist: &Dist) {
        self.text.push_str("dist:\n");
        let name = dist.name.as_ref().map(|name| name.value.clone());
        for (key, value) in [
            ("module", &dist.module),
            ("name", &name),
            ("go", &dist.go),
            ("description", &dist.description),
            ("version", &dist.version),
            ("build_tags", &dist.build_tags),
        ] {
            if let Some(value) = value {
                let _ = writeln!(self.text, "  {key}: {}", quote(value));
            }
        }
        self.text
            .push_str("  output_path: \".\"\n  cgo_enabled: true\n");
        for (key, value) in [
            ("debug_compilation", dist.debug_compilation),
            (
                "use_absolute_replace_paths",
                dist.use_absolute_replace_paths,
            ),
        ] {
            if value {
                let _ = writeln!(self.text, "  {key}: true");
            }
        }
    }

    fn go(&mut self, entry: &GoEntry, indent: &str) -> Result<(), StepError> {
        let path = match &entry.path {
            Some(path) => Some(files::relative(
                self.output,
                &files::absolute(Path::new(path))?,
            )),
            None => None,
        };
        let path = path.map(|path| path.to_string_lossy().into_owned());
        let fields = [
            ("import", &entry.import),
            ("name", &entry.name),
            ("path", &path),
        ];
        let _ = writeln!(self.text, "{indent}gomod: {}", quote(&entry.gomod.value));
        for (key, value) in fields {
            if let Some(value) = value {
                let _ = writeln!(
                    self.text,
                    "{}{key}: {}",
                    " ".repeat(indent.len()),
                    quote(value)
                );
            }
        }
        Ok(())
    }

    fn rust(&mut self, c: &RustComponent) {
        let gomod = format!("{} {}", modules::module_path(c), modules::module_version(c));
        let path = format!("./{FOLDER}/{}", modules::component_folder(c));
        let _ = writeln!(
            self.text,
            "  - gomod: {}\n    name: {}\n    path: {}",
            quote(&gomod),
            quote(&c.name),
            quote(&path)
        );
    }

    fn converter(&mut self) {
        let _ = writeln!(
            self.text,
            "  - gomod: {}\n    import: {}\n    path: {}",
            quote(&format!("{NATIVE} v{VERSION}")),
            quote(&format!("{NATIVE}/straitconverter")),
            quote(&format!("./{FOLDER}/native"))
        );
    }

    fn item(&mut self, text: &str) {
        let _ = writeln!(self.text, "  - {}", quote(text));
    }
}

/// A double-quoted YAML scalar: JSON strings are.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
