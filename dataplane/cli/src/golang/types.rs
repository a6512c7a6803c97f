//! The component types of Go modules, without running them: from the
//! `metadata.yaml` that the Collector's components are generated from, or from
//! what is generated from it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::inputs;
use crate::builder_file::{BuilderFile, GoEntry, STRAIT_GO_MODULE};
use crate::cache;
use crate::error::StepError;
use crate::process::{self, Line};
use crate::ui::Ui;
use crate::yaml::{self, Value};

/// The component type of each entry, by its place in the builder file; an
/// entry whose module says none is left out.
pub type Types = HashMap<usize, String>;

/// Finds the types of `entries`, with Strait's own module in `strait`, unless it is a released one, and local
/// targets of `replaces` relative to `output`.
///
/// # Errors
/// Go cannot get a module.
pub fn find(
    file: &BuilderFile,
    entries: &[&GoEntry],
    strait: Option<&Path>,
    output: &Path,
    offline: bool,
    ui: &Ui,
) -> Result<Types, StepError> {
    let mut folders: HashMap<usize, PathBuf> = HashMap::new();
    let mut remote: Vec<(usize, String)> = Vec::new();
    for go in entries {
        match source(file, go, strait, output) {
            Source::Folder(folder) => drop(folders.insert(go.gomod.at.start, folder)),
            Source::Module(module) => remote.push((go.gomod.at.start, module)),
        }
    }
    let downloaded = download(remote.iter().map(|(_, module)| module), offline, ui)?;
    for (at, module) in remote {
        if let Some(folder) = downloaded.get(&module) {
            folders.insert(at, folder.clone());
        }
    }
    let types = entries.iter().filter_map(|go| {
        let at = go.gomod.at.start;
        let package = go.import_path().strip_prefix(go.module()).unwrap_or("");
        let folder = folders.get(&at)?.join(package.trim_start_matches('/'));
        Some((at, component_type(&folder)?))
    });
    Ok(types.collect())
}

enum Source {
    Folder(PathBuf),
    /// `path@version`
    Module(String),
}

fn source(file: &BuilderFile, go: &GoEntry, strait: Option<&Path>, output: &Path) -> Source {
    if let Some(path) = &go.path {
        return Source::Folder(path.into());
    }
    let replaced = file
        .replaces
        .iter()
        .find(|line| line.split_whitespace().next() == Some(go.module()));
    if let Some(line) = replaced {
        if let Some(folder) = inputs::local(line, output) {
            return Source::Folder(folder);
        }
        if let Some((_, target)) = line.split_once("=>") {
            return Source::Module(at_version(target));
        }
    }
    if go.module() == STRAIT_GO_MODULE
        && let Some(strait) = strait
    {
        return Source::Folder(strait.to_owned());
    }
    Source::Module(at_version(&go.gomod.value))
}

fn at_version(module: &str) -> String {
    module.split_whitespace().collect::<Vec<_>>().join("@")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    path: String,
    version: Option<String>,
    query: Option<String>,
    dir: Option<PathBuf>,
    error: Option<String>,
}

/// The folders of `modules` in Go's cache; ocb needs them all later.
fn download<'m>(
    modules: impl Iterator<Item = &'m String>,
    offline: bool,
    ui: &Ui,
) -> Result<HashMap<String, PathBuf>, StepError> {
    const STEP: &str = "getting the Go modules";
    let modules: Vec<&String> = modules.collect();
    if modules.is_empty() {
        return Ok(HashMap::new());
    }
    // Outside of any module: no go.mod is to change.
    let nowhere = cache::folder()?;
    fs::create_dir_all(&nowhere).map_err(|e| StepError::io("make", &nowhere, &e))?;
    let mut command = Command::new("go");
    command
        .current_dir(nowhere)
        .env("GOWORK", "off")
        .args(["mod", "download", "-json"])
        .args(&modules);
    super::ocb::go_offline(&mut command, offline);
    ui.detail(&format!("+ {}", crate::error::shell_line(&command)));
    let (mut out, mut err) = (String::new(), String::new());
    let mut progress = ui.start(STEP);
    let status = process::stream(&mut command, |line| {
        progress.show("");
        match line {
            Line::Out(text) => out += &(text + "\n"),
            Line::Err(text) => err += &(text + "\n"),
            Line::Tick => {}
        }
    })
    .map_err(|e| process::not_started(&command, STEP, &e))?;
    progress.abandon();
    let answers = serde_json::Deserializer::from_str(&out).into_iter::<Module>();
    let mut folders = HashMap::new();
    for module in answers.filter_map(Result::ok) {
        if let Some(error) = &module.error {
            err += &format!("{}: {error}\n", module.path);
        }
        let versions = [module.version, module.query].into_iter().flatten();
        for version in versions {
            if let Some(folder) = &module.dir {
                folders.insert(format!("{}@{version}", module.path), folder.clone());
            }
        }
    }
    if status.success() {
        return Ok(folders);
    }
    Err(StepError::new(format!("{STEP} failed"), "").tool(err, &command))
}

/// The type of the component whose package is in `folder`.
fn component_type(folder: &Path) -> Option<String> {
    let said = || {
        let tree = yaml::parse(&fs::read_to_string(folder.join("metadata.yaml")).ok()?).ok()?;
        let Value::Map(entries) = tree.value else {
            return None;
        };
        entries
            .into_iter()
            .find_map(|(key, value)| match value.value {
                Value::Text(text) if key.value == Value::Text("type".into()) => Some(text),
                _ => None,
            })
    };
    let generated = || {
        let path = folder.join("internal/metadata/generated_status.go");
        let source = fs::read_to_string(path).ok()?;
        let (_, rest) = source.split_once("MustNewType(\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    said().or_else(generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_what_a_component_has() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            crate::files::write(&dir.path().join(name), text).unwrap();
        };
        assert_eq!(component_type(dir.path()), None);
        write(
            "internal/metadata/generated_status.go",
            "package metadata\nvar (\n\tType = component.MustNewType(\"filter\")\n)\n",
        );
        assert_eq!(component_type(dir.path()).as_deref(), Some("filter"));
        write(
            "metadata.yaml",
            "display_name: F\ntype: filter2\nstatus:\n  class: processor\n",
        );
        assert_eq!(component_type(dir.path()).as_deref(), Some("filter2"));
    }
}
