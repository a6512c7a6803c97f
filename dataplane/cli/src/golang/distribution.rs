//! The builder file that stock ocb gets: the user's, without Rust in it.
//!
//! It is run from the output folder, and local modules are reached through
//! links in the folder of everything generated; so the file, and the go.mod that
//! ocb makes of it, are the same wherever a distribution is built.

use std::fmt::Write as _;
use std::path::Path;

use super::modules::{self, NATIVE};
use crate::builder_file::{BuilderFile, Dist, Entry, GoEntry, Kind, STRAIT_GO_MODULE};
use crate::checkout::{Checkout, VERSION};
use crate::error::StepError;
use crate::files;
use crate::rust::component::RustComponent;

/// The folder of everything generated, below the output folder.
pub const FOLDER: &str = "strait";

/// Writes the text of the builder file. Its `cargo:` entries are `components`,
/// in the same order; `replaces` are [`replaces`]'s, `engine` is the engine's version.
#[must_use]
pub fn rewrite(
    file: &BuilderFile,
    components: &[RustComponent],
    replaces: &[String],
    engine: &str,
) -> String {
    let mut out = Writer {
        text: String::new(),
    };
    out.text.push_str(
        "# Written by `strait build` for ocb; overwritten by every build. Paths are \
        relative to the\n# folder above, where ocb runs.\n",
    );
    out.dist(&file.dist, engine);
    out.components(file, components);
    if let Some(telemetry) = &file.telemetry {
        out.text.push_str("telemetry:\n");
        out.go(telemetry, "  ");
    }
    if let Some(providers) = &file.providers {
        out.text.push_str(if providers.is_empty() {
            "providers: []\n"
        } else {
            "providers:\n"
        });
        for provider in providers {
            out.go(provider, "  - ");
        }
    }
    out.text.push_str("converters:\n");
    for converter in &file.converters {
        out.go(converter, "  - ");
    }
    out.converter();
    out.text.push_str("replaces:\n");
    for line in replaces {
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
    out.text
}

/// Whether a Rust component's factory stands for this Go component, too.
fn is_twin(go: &GoEntry, components: &[RustComponent]) -> bool {
    let mut twins = components.iter().filter_map(|c| c.twin.as_ref());
    twins.any(|twin| twin.go.gomod.at == go.gomod.at)
}

/// Where the local modules are: one line of go.mod each, relative to the
/// output folder. Not as `path` beside `gomod`: ocb makes that relative to the
/// output folder and drops the `./` that Go wants for a folder below it.
///
/// # Errors
/// The working directory is gone.
pub fn replaces(
    file: &BuilderFile,
    components: &[RustComponent],
    checkout: &Checkout,
) -> Result<Vec<String>, StepError> {
    let mut lines = Vec::new();
    for component in components {
        let place = modules::component_folder(component);
        lines.push(format!("{} => ./{FOLDER}/{place}", component.module));
    }
    lines.push(format!("{NATIVE} => ./{FOLDER}/native"));
    let asked = |line: &String| line.split_whitespace().next() == Some(STRAIT_GO_MODULE);
    let strait_has_path = |go: &GoEntry| go.module() == STRAIT_GO_MODULE && go.path.is_some();
    let elsewhere = file.replaces.iter().any(asked) || file.all_go().any(strait_has_path);
    if checkout.root.is_some() && !elsewhere {
        lines.push(format!("{STRAIT_GO_MODULE} => ./{FOLDER}/go"));
    }
    let mut local = Vec::new();
    for go in file.all_go() {
        let Some(path) = &go.path else { continue };
        let way = if file.dist.use_absolute_replace_paths {
            files::absolute(Path::new(path))?.display().to_string()
        } else {
            format!("./{FOLDER}/{}", local_folder(go))
        };
        local.push(format!("{} => {way}", go.gomod.value));
    }
    local.sort();
    local.dedup();
    lines.extend(local);
    lines.extend(file.replaces.iter().cloned());
    Ok(lines)
}

/// The modules that the components' go.mod entries name, as ocb requires them.
pub fn requires(components: &[RustComponent]) -> impl Iterator<Item = String> {
    components
        .iter()
        .map(|c| format!("{} {}", c.module, modules::module_version(c)))
}

/// Makes the links that [`replaces`] leads through, in the folder of everything
/// generated.
///
/// # Errors
/// A link cannot be made.
pub fn link_local(file: &BuilderFile, generated: &Path) -> Result<(), StepError> {
    for go in file.all_go() {
        if let Some(path) = &go.path {
            let target = files::absolute(Path::new(path))?;
            files::link(&target, &generated.join(local_folder(go)))?;
        }
    }
    Ok(())
}

fn local_folder(go: &GoEntry) -> String {
    format!("modules/{}", go.module().replace('/', "+"))
}

struct Writer {
    text: String,
}

impl Writer {
    fn dist(&mut self, dist: &Dist, engine: &str) {
        self.text.push_str("dist:\n");
        let name = dist.name.as_ref().map(|name| name.value.clone());
        // The only part of ocb's build info that can say more than ocb knows.
        let versions = format!("Strait {VERSION}, engine {engine}");
        let description = Some(match &dist.description {
            Some(text) => format!("{text} ({versions})"),
            None => versions,
        });
        for (key, value) in [
            ("module", &dist.module),
            ("name", &name),
            ("go", &dist.go),
            ("description", &description),
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

    /// Each section: its entries in their order, then what crates of other sections bring.
    fn components(&mut self, file: &BuilderFile, components: &[RustComponent]) {
        let mut entries = 0..;
        for kind in Kind::ALL {
            let mut here: Vec<_> = components.iter().filter(|c| c.kind == kind).collect();
            let listed = file.components.iter().filter(|(k, _)| *k == kind);
            let listed: Vec<&Entry> = listed.map(|(_, entry)| entry).collect();
            if listed.is_empty() && here.is_empty() {
                continue;
            }
            let _ = writeln!(self.text, "{}:", kind.section());
            for entry in listed {
                match entry {
                    Entry::Go(go) if is_twin(go, components) => {}
                    Entry::Go(go) => self.go(go, "  - "),
                    Entry::Rust(_) => {
                        let place = entries.next();
                        let its = |c: &mut &RustComponent| Some(c.entry) == place;
                        for component in here.extract_if(.., its) {
                            self.rust(component);
                        }
                    }
                }
            }
            for component in here {
                self.rust(component);
            }
        }
    }

    fn go(&mut self, entry: &GoEntry, indent: &str) {
        let import = entry.import.as_ref().map(|import| &import.value);
        let fields = [("import", import), ("name", entry.name.as_ref())];
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
    }

    fn rust(&mut self, c: &RustComponent) {
        let gomod = format!("{} {}", c.module, modules::module_version(c));
        let _ = writeln!(
            self.text,
            "  - gomod: {}\n    name: {}",
            quote(&gomod),
            quote(&c.name)
        );
    }

    fn converter(&mut self) {
        let _ = writeln!(
            self.text,
            "  - gomod: {}\n    import: {}",
            quote(&format!("{NATIVE} v{VERSION}")),
            quote(&format!("{NATIVE}/straitconverter")),
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
