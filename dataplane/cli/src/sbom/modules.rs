//! The Go modules in a binary, as Go recorded them when it linked it, and what
//! their packages import of each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::document::{Component, Dependency};
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
    /// What its own packages import.
    pub(super) direct: Vec<String>,
    /// What the packages of every module import.
    pub(super) dependencies: Vec<Dependency>,
}

/// `go version -m -json`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildInfo {
    go_version: String,
    #[serde(default)]
    deps: Vec<Module>,
    #[serde(default)]
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Setting {
    key: String,
    value: String,
}

/// `go list -json`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Package {
    import_path: String,
    #[serde(default)]
    imports: Vec<String>,
    /// None for the standard library's.
    module: Option<Module>,
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

/// Reads the modules of `binary`, which lies beside its `main.go`.
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
    let std = Component::library(STD, &compiler, purl(STD, &compiler));
    let names = info.deps.iter().map(|module| module.path.as_str());
    let references: HashMap<&str, &str> = names
        .chain([STD])
        .zip(modules.iter().chain([&std]))
        .map(|(name, component)| (name, component.reference.as_str()))
        .collect();
    let mut imports = imports(binary, &info.settings, ui)?;
    let mut edges = |name: &str| -> Vec<String> {
        let names = imports.remove(name).unwrap_or_default();
        let known = names.iter().filter_map(|n| references.get(n.as_str()));
        known.map(|&reference| reference.to_owned()).collect()
    };
    let dependencies = info.deps.iter().map(|module| Dependency {
        reference: references[module.path.as_str()].to_owned(),
        depends_on: edges(&module.path),
    });
    let dependencies = dependencies.collect();
    let direct = imports
        .into_values()
        .flatten()
        .filter_map(|name| references.get(name.as_str()).map(|&r| r.to_owned()))
        .collect();
    modules.push(std);
    Ok(Modules {
        compiler,
        modules,
        direct,
        dependencies,
    })
}

/// The standard library, as a module.
const STD: &str = "std";

/// The modules of which each module imports packages, as the binary was built.
/// Besides those in the binary there is one more, the binary's own.
fn imports(
    binary: &Path,
    settings: &[Setting],
    ui: &Ui,
) -> Result<BTreeMap<String, BTreeSet<String>>, StepError> {
    const STEP: &str = "listing the Go packages of the binary";
    let mut command = Command::new("go");
    command
        .args(["list", "-deps", "-json=ImportPath,Imports,Module"])
        .current_dir(binary.parent().unwrap_or(Path::new("")));
    for Setting { key, value } in settings {
        match key.as_str() {
            "-tags" => drop(command.arg(format!("-tags={value}"))),
            "CGO_ENABLED" | "GOOS" | "GOARCH" => drop(command.env(key, value)),
            _ => {}
        }
    }
    command.arg(".");
    let text = process::output(&mut command, STEP, ui)?;
    let packages: Result<Vec<Package>, _> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect();
    let packages = packages.map_err(|e| {
        let message = format!("go list says something else than expected: {e}");
        StepError::new(message, "").tool(&text, &command)
    })?;
    let module = |package: &Package| {
        let of = package.module.as_ref();
        of.map_or_else(|| STD.to_owned(), |module| module.path.clone())
    };
    let of: HashMap<&str, String> = packages
        .iter()
        .map(|package| (package.import_path.as_str(), module(package)))
        .collect();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.module.is_some()) {
        let own = module(package);
        let others = package
            .imports
            .iter()
            .filter_map(|import| of.get(import.as_str()))
            .filter(|other| **other != own)
            .cloned();
        imports.entry(own.clone()).or_default().extend(others);
    }
    Ok(imports)
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
