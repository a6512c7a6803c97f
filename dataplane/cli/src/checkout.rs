//! Strait's own parts: its sources, or what is released of them, and that they
//! match this command.
//!
//! Without sources the crates come from Cargo's registry and the Go module from
//! Go's proxy, in this command's version. What a workspace needs besides is part
//! of this command: `released/` has links to it.

use std::path::{Path, PathBuf};

use crate::builder_file::cargo_line::document;
use crate::error::StepError;
use crate::files;

/// The version of this command, of the crates and of the Go module.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where this command was compiled. Of two clones with one target folder cargo
/// would take what it compiled in one for the other's; `.cargo/config.toml` of
/// the clone names it so that it does not. Cargo reads no such file when it
/// installs from git, into a folder of its own.
const BUILT_FROM: &str = match option_env!("STRAIT_CLONE") {
    Some(clone) => clone,
    None => concat!(env!("CARGO_MANIFEST_DIR"), "/../.."),
};

/// Strait's own parts.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The sources' root, absolute; `None` for what is released.
    pub root: Option<PathBuf>,
    /// The oldest Rust that builds it.
    pub rust_version: String,
    /// The version of the engine's crates.
    pub engine: String,
    /// The root manifest's text.
    pub manifest: String,
    /// The text of Cargo.lock.
    pub lock: String,
    /// The text of the Go module's go.mod.
    pub go_mod: String,
}

/// Where to look for Strait's parts.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The folder of the sources.
    pub folder: Option<PathBuf>,
    /// Whatever sources there are: take what is released.
    pub released: bool,
}

impl Checkout {
    /// What is at `place`: the folder named there, else at `STRAIT_PATH`, else
    /// that which this command was built from, else what is released.
    ///
    /// # Errors
    /// No sources where they were said to be, or of another version.
    pub fn find(place: &Place) -> Result<Self, StepError> {
        if place.released {
            return Self::released();
        }
        let from_environment = std::env::var_os("STRAIT_PATH")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        if let Some(root) = place.folder.clone().or(from_environment) {
            return Self::open(&root);
        }
        let built_from = Path::new(BUILT_FROM);
        if built_from.join("dataplane/host/Cargo.toml").is_file() {
            Self::open(built_from)
        } else {
            Self::released()
        }
    }

    /// Strait's Go module, when there are sources.
    #[must_use]
    pub fn go(&self) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join("go"))
    }

    /// Where the parts are, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.root.as_ref().map_or_else(
            || format!("released {VERSION}"),
            |root| root.display().to_string(),
        )
    }

    fn released() -> Result<Self, StepError> {
        Self::read(
            None,
            include_str!("../released/workspace.toml").to_owned(),
            include_str!("../released/Cargo.lock").to_owned(),
            include_str!("../released/go.mod").to_owned(),
        )
    }

    fn open(root: &Path) -> Result<Self, StepError> {
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
        let text = |file: &str| files::read(&root.join(file));
        let (manifest, lock, go_mod) =
            (text("Cargo.toml")?, text("Cargo.lock")?, text("go/go.mod")?);
        Self::read(Some(root), manifest, lock, go_mod)
    }

    fn read(
        root: Option<PathBuf>,
        manifest: String,
        lock: String,
        go_mod: String,
    ) -> Result<Self, StepError> {
        let name = root.as_ref().map_or_else(
            || "the released Cargo.toml".to_owned(),
            |root| format!("{}/Cargo.toml", root.display()),
        );
        let parsed =
            document(&manifest).map_err(|e| StepError::new(format!("{name}: {e}"), HELP))?;
        let text = |table: &str, key: &str| {
            let value = parsed.get("workspace")?.get(table)?.get(key)?.as_str()?;
            Some(value.trim_start_matches('=').to_owned())
        };
        let (Some(version), Some(rust_version), Some(engine)) = (
            text("package", "version"),
            text("package", "rust-version"),
            text("dependencies", "otel-arrow-dfe-engine"),
        ) else {
            let message = format!(
                "{name} does not name version and rust-version of the workspace, or the engine's \
                 version"
            );
            return Err(StepError::new(message, HELP));
        };
        if version != VERSION {
            let message = format!(
                "versions differ: this command is {VERSION}; the crates and the Go module in \
                 {name} are {version}"
            );
            let help =
                "install the command from that checkout: `cargo install --path dataplane/cli`";
            return Err(StepError::new(message, help));
        }
        Ok(Self {
            root,
            rust_version,
            engine,
            manifest,
            lock,
            go_mod,
        })
    }
}

const HELP: &str = "clone https://github.com/strait-data/strait and give the folder with \
    --strait-path, `dist.strait_path` or STRAIT_PATH";

/// The facade of DataFusion as it lies in a workspace: path and text.
pub const FACADE: [(&str, &str); 2] = [
    ("Cargo.toml", include_str!("../released/facade/facade.toml")),
    ("src/lib.rs", include_str!("../released/facade/lib.rs")),
];
