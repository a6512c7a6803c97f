//! `strait new`: a crate that builds, passes its own tests, and runs in a
//! Collector.
//!
//! The files are those of `templates/`, with names filled in.

mod name;

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::error::StepError;
use crate::files;
use crate::golang::ocb;

pub use name::Name;

/// What a new crate is a component of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Works on telemetry as it passes
    Processor,
}

/// A file of the crate: its path, and its template.
type Template = (&'static str, &'static str);

macro_rules! templates {
    ($folder:literal) => {
        [
            (
                "Cargo.toml",
                include_str!(concat!("../../templates/", $folder, "/manifest.toml")),
            ),
            (
                ".gitignore",
                include_str!(concat!("../../templates/", $folder, "/gitignore")),
            ),
            (
                "README.md",
                include_str!(concat!("../../templates/", $folder, "/README.md")),
            ),
            (
                "builder.yaml",
                include_str!(concat!("../../templates/", $folder, "/builder.yaml")),
            ),
            (
                "otelcol.yaml",
                include_str!(concat!("../../templates/", $folder, "/otelcol.yaml")),
            ),
            (
                "logs.json",
                include_str!(concat!("../../templates/", $folder, "/logs.json")),
            ),
            (
                "src/lib.rs",
                include_str!(concat!("../../templates/", $folder, "/lib.rs")),
            ),
            (
                "tests/component.rs",
                include_str!(concat!("../../templates/", $folder, "/component.rs")),
            ),
        ]
    };
}

const PROCESSOR: [Template; 8] = templates!("processor");

/// Writes the crate `name` into `folder`, for the SDK of `checkout`.
///
/// # Errors
/// The folder holds something already, or cannot be written.
pub fn write(
    kind: Kind,
    name: &Name,
    folder: &Path,
    checkout: &Checkout,
) -> Result<PathBuf, StepError> {
    let Kind::Processor = kind;
    if folder.exists() && !folder.is_dir() {
        let message = format!("{} is no folder", folder.display());
        return Err(StepError::new(message, "name another one with --path"));
    }
    fs::create_dir_all(folder).map_err(|e| StepError::io("make", folder, &e))?;
    let folder = files::absolute(folder)?;
    let mut entries = fs::read_dir(&folder).map_err(|e| StepError::io("read", &folder, &e))?;
    if entries.next().is_some() {
        let message = format!("{} is not empty", folder.display());
        return Err(StepError::new(
            message,
            "name another folder with --path; nothing is ever overwritten",
        ));
    }
    let sdk = dependency(&checkout.root.join("dataplane/component"), &folder);
    let values = [
        ("{{name}}", name.as_str()),
        ("{{crate}}", &name.crate_name()),
        ("{{type}}", &name.type_name()),
        ("{{Type}}", &name.camel_case()),
        ("{{sdk}}", &sdk),
        ("{{rust}}", &checkout.rust_version),
        ("{{collector}}", ocb::VERSION),
    ];
    for (path, template) in PROCESSOR {
        let text = values
            .iter()
            .fold(template.to_owned(), |text, (mark, value)| {
                text.replace(mark, value)
            });
        files::write(&folder.join(path), text)?;
    }
    Ok(folder)
}

/// The SDK as a line of `Cargo.toml`: a relative path where both lie in one
/// repository, so that it can be moved.
fn dependency(sdk: &Path, folder: &Path) -> String {
    let root = sdk.ancestors().nth(2).unwrap_or(sdk);
    let path = if folder.starts_with(root) {
        files::relative(folder, sdk)
    } else {
        sdk.to_owned()
    };
    let mut spec = toml_edit::InlineTable::new();
    spec.insert("path", path.to_string_lossy().as_ref().into());
    spec.to_string().trim().to_owned()
}
