//! The Go modules in a binary, as Go recorded them when it linked it.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::document::Component;
use crate::error::StepError;
use crate::golang::modules::is_generated;
use crate::process;
use crate::ui::Ui;

/// What a binary says of itself.
pub(super) struct Modules {
    /// The Go that linked it.
    pub(super) compiler: String,
    /// Every module in it, the standard library among them.
    pub(super) modules: Vec<Component>,
}

/// `go version -m -json`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildInfo {
    go_version: String,
    #[serde(default)]
    deps: Vec<Module>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    path: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    sum: String,
    replace: Option<Box<Module>>,
}

/// Reads the modules of `binary`.
pub(super) fn read(binary: &Path, ui: &Ui) -> Result<Modules, StepError> {
    let mut command = Command::new("go");
    command.args(["version", "-m", "-json"]).arg(binary);
    let text = process::output(&mut command, "reading the Go modules of the binary", ui)?;
    let info: BuildInfo = serde_json::from_str(&text).map_err(|e| {
        let message = format!(
            "go version -m says something else than expected of {}: {e}",
            binary.display()
        );
        StepError::new(message, "").tool(&text, &command)
    })?;
    let compiler = info.go_version.trim_start_matches("go").to_owned();
    let mut modules: Vec<Component> = info.deps.iter().map(component).collect();
    modules.push(Component::library("std", &compiler, purl("std", &compiler)));
    Ok(Modules { compiler, modules })
}

fn component(module: &Module) -> Component {
    if is_generated(&module.path) {
        return Component::generated(&module.path, &module.version);
    }
    // A module that another stands in for is that other one; a local folder
    // has neither a name nor a version of its own.
    let is = match &module.replace {
        Some(other) if !other.path.starts_with(['.', '/']) => other,
        _ => module,
    };
    let mut component = Component::library(&is.path, &is.version, purl(&is.path, &is.version));
    if let Some(hash) = sha256(&is.sum) {
        component.hash(hash);
    }
    component
}

fn purl(path: &str, version: &str) -> String {
    format!(
        "pkg:golang/{}@{}",
        super::crates::escape(path),
        super::crates::escape(version)
    )
}

/// Go's `h1:` sum, a SHA-256 in base 64, in hexadecimal.
fn sha256(sum: &str) -> Option<String> {
    let bytes = STANDARD.decode(sum.strip_prefix("h1:")?).ok()?;
    (bytes.len() == 32).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_a_sha256() {
        // The SHA-256 of nothing, in both forms.
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            sha256("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").as_deref(),
            Some(hex)
        );
        for bad in [
            "",
            "h1:",
            "h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "h1:*",
        ] {
            assert_eq!(sha256(bad), None, "{bad}");
        }
    }
}
