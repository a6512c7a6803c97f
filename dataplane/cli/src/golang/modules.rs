//! The generated local Go modules.
//!
//! - one module per Rust component: a factory from the crate's metadata, pure
//!   Go; its version is the crate's, which `components` shows;
//! - `strait.local/native`: `entry` holds the object and is imported only with
//!   cgo on Linux; `native` registers its entry; `straitconverter` is the
//!   confmap converter that makes ocb's main import all of it.

use std::fmt::Write as _;
use std::path::Path;

use super::{BANNER, factory};
use crate::builder_file::{Kind, Runtime, STRAIT_GO_MODULE};
use crate::checkout::{Checkout, VERSION};
use crate::error::StepError;
use crate::files;
use crate::rust::component::{RustComponent, is_component};
use crate::rust::prelink::ENTRY;

/// The module of the native object and the converter.
pub const NATIVE: &str = "strait.local/native";

/// Whether a Go module was written for one distribution.
#[must_use]
pub fn is_generated(path: &str) -> bool {
    path == NATIVE || is_component(path)
}

/// The crate's version as Go writes it (Go knows no build metadata).
#[must_use]
pub fn module_version(component: &RustComponent) -> String {
    format!(
        "v{}",
        component.version.split('+').next().unwrap_or_default()
    )
}

/// The folder of a component's module below the generated folder.
#[must_use]
pub fn component_folder(component: &RustComponent) -> String {
    format!(
        "{}/{}",
        component.kind.section(),
        component.component.type_name
    )
}

/// Versions of Collector modules, as the Go module of Strait requires them.
struct Requirements(Vec<(String, String)>);

impl Requirements {
    fn of(checkout: &Checkout) -> Self {
        let mut found = Vec::new();
        for line in checkout.go_mod.lines() {
            let mut words = line
                .trim()
                .trim_start_matches("require ")
                .split_whitespace();
            if let (Some(path), Some(version)) = (words.next(), words.next())
                && version.starts_with('v')
            {
                found.push((path.to_owned(), version.to_owned()));
            }
        }
        Self(found)
    }

    /// A go.mod that requires Strait's module, those of `modules` that it names,
    /// and `more`.
    fn go_mod(&self, module: &str, modules: &[&str], more: Option<&str>) -> String {
        let (major, minor) = crate::toolchain::GO;
        let mut text = format!(
            "{BANNER}module {module}\n\ngo {major}.{minor}\n\nrequire (\n\
             \t{STRAIT_GO_MODULE} v{VERSION}\n"
        );
        for (path, version) in self
            .0
            .iter()
            .filter(|(path, _)| modules.contains(&path.as_str()))
        {
            let _ = writeln!(text, "\t{path} {version}");
        }
        if let Some(line) = more {
            let _ = writeln!(text, "\t{line}");
        }
        text.push_str(")\n");
        text
    }
}

/// Writes every module into `folder`; `in_rust` lists the component types that
/// always run in Rust.
///
/// # Errors
/// A file cannot be written, or the Go module of Strait cannot be read.
pub fn write(
    folder: &Path,
    library: &str,
    components: &[RustComponent],
    in_rust: &[(Kind, &str)],
    checkout: &Checkout,
) -> Result<(), StepError> {
    let requirements = Requirements::of(checkout);
    for component in components {
        let folder = folder.join(component_folder(component));
        let kind = format!("go.opentelemetry.io/collector/{}", component.kind);
        let needs = ["go.opentelemetry.io/collector/component", kind.as_str()];
        let twin = component.twin.as_ref().map(|t| t.go.gomod.value.as_str());
        files::write(
            &folder.join("go.mod"),
            requirements.go_mod(&component.module, &needs, twin),
        )?;
        files::write(&folder.join("factory.go"), factory::source(component))?;
    }
    let native = folder.join("native");
    files::write(
        &native.join("go.mod"),
        requirements.go_mod(NATIVE, &["go.opentelemetry.io/collector/confmap"], None),
    )?;
    files::write(&native.join("native.go"), native_package())?;
    files::write(&native.join("native_cgo.go"), native_cgo(library))?;
    files::write(&native.join("entry/entry.go"), entry_package())?;
    files::write(
        &native.join("straitconverter/converter.go"),
        converter_package(components, in_rust, checkout),
    )
}

fn native_package() -> String {
    format!(
        "{BANNER}// Package native links the Rust side into the Collector and registers its entry \
         with\n\
         // {STRAIT_GO_MODULE}/control. Without cgo, or off Linux, it is empty, and every \
         component of Rust\n\
         // says at Start what is missing.\npackage native\n"
    )
}

/// `library` names the native object in messages.
fn native_cgo(library: &str) -> String {
    format!(
        "{BANNER}//go:build cgo && linux\n\npackage native\n\n\
         import (\n\t\"{STRAIT_GO_MODULE}/control\"\n\n\t\"{NATIVE}/entry\"\n)\n\n\
         func init() {{ control.RegisterEntry(entry.Address(), \"{library}\") }}\n"
    )
}

fn entry_package() -> String {
    format!(
        "{BANNER}//go:build cgo && linux\n\n\
         // Package entry holds the Rust side, prelinked to one object (strait_OS_ARCH.syso). Go \
         links such a file\n\
         // whenever its package is imported, also without cgo, so only a file that needs cgo \
         imports it.\n\
         package entry\n\n\
         /*\n#cgo LDFLAGS: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc\n#include <stdint.h>\n\n\
         // Only its address is taken here; package control calls it, with the tables of both \
         sides.\n\
         extern uint32_t {ENTRY}(uint64_t abi, const void *host, uintptr_t host_size, void *out, \
         uintptr_t out_size);\n\n\
         static void *entry_address(void) {{ return (void *)&{ENTRY}; }}\n*/\nimport \"C\"\n\n\
         import \"unsafe\"\n\n\
         // Address returns the address of {ENTRY}.\n\
         func Address() unsafe.Pointer {{ return C.entry_address() }}\n"
    )
}

fn converter_package(
    components: &[RustComponent],
    in_rust: &[(Kind, &str)],
    checkout: &Checkout,
) -> String {
    let list = |names: Vec<String>| format!("{{{}}}", names.join(", "));
    let quoted = |name: &str| format!("\"{name}\"");
    let mut fields = String::new();
    let sections: Vec<_> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let types = in_rust.iter().filter(|(k, _)| *k == kind);
            let types: Vec<_> = types.map(|(_, name)| quoted(name)).collect();
            (!types.is_empty()).then(|| format!("{}: {}", quoted(kind.section()), list(types)))
        })
        .collect();
    let twins: Vec<_> = components
        .iter()
        .filter(|c| c.twin.as_ref().is_some_and(|t| t.runtime == Runtime::Auto))
        .map(|c| {
            let signals = c.component.signals.keys().map(|s| quoted(s)).collect();
            format!("{}: {}", quoted(&c.component.type_name), list(signals))
        })
        .collect();
    let linked: Vec<_> = components
        .iter()
        .map(|c| quoted(&format!("{} {}", c.kind, c.component.type_name)))
        .collect();
    if !linked.is_empty() {
        let _ = writeln!(fields, "\t\tLinked:  []string{},", list(linked));
    }
    for (field, entries) in [("Rust", sections), ("Twins", twins)] {
        if !entries.is_empty() {
            let _ = writeln!(
                fields,
                "\t\t{:<8} map[string][]string{},",
                format!("{field}:"),
                list(entries)
            );
        }
    }
    format!(
        "{BANNER}// Package straitconverter is how the Rust side gets into ocb's main, which \
         imports converters and\n\
         // has no other hook; and it tells the converter of {STRAIT_GO_MODULE} what is in this \
         binary.\npackage straitconverter\n\n\
         import (\n\t\"{STRAIT_GO_MODULE}/converter\"\n\
         \t\"go.opentelemetry.io/collector/confmap\"\n\n\
         \t_ \"{NATIVE}\" // registers the Rust side\n)\n\n\
         // NewFactory makes the factory of the converter.\n\
         func NewFactory() confmap.ConverterFactory {{\n\
         \treturn converter.NewFactory(converter.Distribution{{\n\
         \t\tVersion: \"{VERSION}\",\n\t\tEngine:  \"{engine}\",\n\
         {fields}\t}})\n}}\n",
        engine = checkout.engine,
    )
}
