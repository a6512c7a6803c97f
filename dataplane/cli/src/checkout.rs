//! Strait's own sources: where they are, and that they match this command.

use std::path::{Path, PathBuf};

use toml_edit::Item;

use crate::builder_file::cargo_line::document;
use crate::error::StepError;
use crate::files;

/// The version of this command, of the crates and of the Go module.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Strait's repository.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Its root, absolute.
    pub root: PathBuf,
    /// The oldest Rust that builds it.
    pub rust_version: String,
    /// The version of the engine's crates.
    pub engine: String,
    /// The root manifest's text.
    pub manifest: String,
}

impl Checkout {
    /// The sources at `asked`, else at `STRAIT_PATH`, else those that this
    /// command was built from.
    ///
    /// # Errors
    /// No sources there, or of another version.
    pub fn find(asked: Option<&Path>) -> Result<Self, StepError> {
        let from_environment = std::env::var_os("STRAIT_PATH")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let built_from = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = asked
            .map(Path::to_owned)
            .or(from_environment)
            .unwrap_or_else(built_from);
        Self::open(&root)
    }

    fn open(root: &Path) -> Result<Self, StepError> {
        const HELP: &str = "clone https://github.com/strait-data/strait and give the folder with --strait-path, `dist.strait_path` or STRAIT_PATH";
        let root = files::absolute(root)?;
        let lacks = [
            "Cargo.toml",
            "Cargo.lock",
            "dataplane/host/Cargo.toml",
            "go/go.mod",
        ]
        .into_iter()
        .find(|file| !root.join(file).is_file());
        if let Some(file) = lacks {
            return Err(StepError::new(
                format!("no Strait sources in {}: {file} is missing", root.display()),
                HELP,
            ));
        }
        let manifest = files::read(&root.join("Cargo.toml"))?;
        let parsed = document(&manifest)
            .map_err(|e| StepError::new(format!("{}/Cargo.toml: {e}", root.display()), HELP))?;
        let package = |key: &str| {
            parsed
                .get("workspace")?
                .get("package")?
                .get(key)
                .and_then(Item::as_str)
                .map(str::to_owned)
        };
        let (Some(version), Some(rust_version)) = (package("version"), package("rust-version"))
        else {
            let message = format!(
                "{}/Cargo.toml has no workspace.package version and rust-version",
                root.display()
            );
            return Err(StepError::new(message, HELP));
        };
        if version != VERSION {
            let message = format!(
                "versions differ: this command is {VERSION}; the crates and the Go module in {} are {version}",
                root.display()
            );
            let help =
                "install the command from that checkout: `cargo install --path dataplane/cli`";
            return Err(StepError::new(message, help));
        }
        let engine = parsed
            .get("workspace")
            .and_then(|w| {
                w.get("dependencies")?
                    .get("otel-arrow-dfe-engine")?
                    .as_str()
            })
            .map(|version| version.trim_start_matches('=').to_owned());
        let Some(engine) = engine else {
            let message = format!(
                "{}/Cargo.toml does not name the engine's version",
                root.display()
            );
            return Err(StepError::new(message, HELP));
        };
        Ok(Self {
            root,
            rust_version,
            engine,
            manifest,
        })
    }
}
