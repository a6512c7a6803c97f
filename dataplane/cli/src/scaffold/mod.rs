//! `strait new`: a crate that builds, passes its own tests, and runs in a
//! Collector.
//!
//! The files are those of `templates/`, with names filled in.

mod name;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use strait_description::Kind;

use crate::builder_file::STRAIT_GO_MODULE;
use crate::checkout::{Checkout, VERSION};
use crate::error::StepError;
use crate::files;
use crate::golang::COLLECTOR;

pub use name::Name;

/// A file of the crate: its path, and its template.
type Template = (&'static str, &'static str);

macro_rules! template {
    ($folder:literal, $path:literal, $file:literal) => {
        (
            $path,
            include_str!(concat!("../../templates/", $folder, "/", $file)),
        )
    };
}

/// Every file of one kind's folder; `$more` are those that not every kind has. `Cargo.toml` and
/// `go.mod` have other names there: with `Cargo.toml` the folder would be a package of its own, and
/// left out of this one.
macro_rules! templates {
    ($folder:literal $(, $more:literal)*) => {
        &[
            template!($folder, "Cargo.toml", "manifest.toml"),
            template!($folder, ".gitignore", "gitignore"),
            template!($folder, "README.md", "README.md"),
            template!($folder, "builder.yaml", "builder.yaml"),
            template!($folder, "otelcol.yaml", "otelcol.yaml"),
            template!($folder, "src/lib.rs", "lib.rs"),
            template!($folder, "tests/component.rs", "component.rs"),
            template!($folder, "contract/go.mod", "contract.mod"),
            template!($folder, "contract/contract_test.go", "contract_test.go"),
            $(template!($folder, $more, $more),)*
        ]
    };
}

/// A kind of component that a new crate can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    kind: Kind,
    /// What components of this kind do, for people.
    doc: &'static str,
    templates: &'static [Template],
}

/// What there are templates of.
static OFFERED: [Offered; 5] = [
    Offered {
        kind: Kind::Receiver,
        doc: "Brings telemetry into the Collector",
        templates: templates!("receiver"),
    },
    Offered {
        kind: Kind::Processor,
        doc: "Works on telemetry as it passes",
        templates: templates!("processor", "logs.json"),
    },
    Offered {
        kind: Kind::Exporter,
        doc: "Takes telemetry out of the Collector",
        templates: templates!("exporter", "logs.json"),
    },
    Offered {
        kind: Kind::Connector,
        doc: "Joins pipelines: makes telemetry of telemetry",
        templates: templates!("connector", "logs.json"),
    },
    Offered {
        kind: Kind::Extension,
        doc: "Works beside the pipelines: authenticates, watches, serves",
        templates: templates!("extension", "logs.json"),
    },
];

impl ValueEnum for Offered {
    fn value_variants<'a>() -> &'a [Self] {
        &OFFERED
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.kind.name()).help(self.doc))
    }
}

/// Writes the crate `name` into `folder`, for the SDK of `checkout`.
///
/// # Errors
/// The folder holds something already, or cannot be written.
pub fn write(
    offered: Offered,
    name: &Name,
    folder: &Path,
    checkout: &Checkout,
) -> Result<PathBuf, StepError> {
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
    let (sdk, replace) = match &checkout.root {
        Some(root) => (
            dependency(&root.join("dataplane/component"), &folder),
            format!("\t{STRAIT_GO_MODULE} => ../build/strait/go\n"),
        ),
        None => (format!("\"{VERSION}\""), String::new()),
    };
    let values = [
        ("{{name}}", name.as_str()),
        ("{{crate}}", &name.crate_name()),
        ("{{type}}", &name.type_name()),
        ("{{Type}}", &name.camel_case()),
        ("{{sdk}}", &sdk),
        ("{{rust}}", &checkout.rust_version),
        ("{{collector}}", COLLECTOR),
        ("{{strait}}", concat!("v", env!("CARGO_PKG_VERSION"))),
        ("{{replace}}", &replace),
    ];
    for &(path, template) in offered.templates {
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
