//! Where the Go modules of a builder file lie on this machine. What is not
//! there yet is downloaded, before anything is compiled: ocb needs all of it
//! later, and a version that does not exist is best said at once, at its line.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::inputs;
use crate::builder_file::{BuilderFile, GoEntry, STRAIT_GO_MODULE};
use crate::cache;
use crate::error::{StepError, Wrong};
use crate::finding::Finding;
use crate::process::{self, Line};
use crate::ui::Ui;

/// The folder of each entry's module, by the entry's place in the builder file.
#[derive(Debug, Default)]
pub struct Folders(HashMap<usize, PathBuf>);

impl Folders {
    /// The module's folder.
    #[must_use]
    pub fn module(&self, go: &GoEntry) -> Option<&Path> {
        self.0.get(&go.gomod.at.start).map(PathBuf::as_path)
    }

    /// The folder of the package that is imported.
    #[must_use]
    pub fn package(&self, go: &GoEntry) -> Option<PathBuf> {
        let below = go.import_path().strip_prefix(go.module()).unwrap_or("");
        Some(self.module(go)?.join(below.trim_start_matches('/')))
    }
}

/// Finds the modules of every Go entry, with Strait's own module in `strait`,
/// unless it is a released one, and local targets of `replaces` relative to `output`.
///
/// # Errors
/// Go cannot get a module: a finding at its entry.
pub fn find(
    file: &BuilderFile,
    strait: Option<&Path>,
    output: &Path,
    offline: bool,
    ui: &Ui,
) -> Result<Folders, Wrong> {
    let mut folders = HashMap::new();
    let mut remote: Vec<(&GoEntry, String)> = Vec::new();
    for go in file.all_go() {
        match source(file, go, strait, output) {
            Source::Folder(folder) => drop(folders.insert(go.gomod.at.start, folder)),
            Source::Module(module) => remote.push((go, module)),
        }
    }
    let mut answers = download(remote.iter().map(|(_, module)| module), offline, ui)?;
    let mut findings = Vec::new();
    for (go, module) in &remote {
        match answers.remove(module) {
            Some(Ok(folder)) => {
                folders.insert(go.gomod.at.start, folder.clone());
                answers.insert(module.clone(), Ok(folder)); // another entry may name it too
            }
            Some(Err(error)) => findings.push(missing(go, module, &error)),
            None => {}
        }
    }
    if findings.is_empty() {
        Ok(Folders(folders))
    } else {
        Err(Wrong::Findings(findings))
    }
}

fn missing(go: &GoEntry, module: &str, error: &str) -> Finding {
    let path = module.split('@').next().unwrap_or(module);
    // Go begins with the module, which stands there already.
    let words = error.strip_prefix(module).unwrap_or(error);
    Finding::new(
        go.gomod.at.clone(),
        format!("Go cannot get the module `{module}`"),
        "not to be had",
        format!(
            "`go list -m -versions {path}` shows its versions; Go says: {}",
            words.trim_start_matches(':').trim().replace("\n\t", ": ")
        ),
    )
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

/// What Go says of each module: its folder in Go's cache, or why it has none.
type Answers = HashMap<String, Result<PathBuf, String>>;

fn download<'m>(
    modules: impl Iterator<Item = &'m String>,
    offline: bool,
    ui: &Ui,
) -> Result<Answers, StepError> {
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
    let answers = read(&out);
    if status.success() || answers.values().any(Result::is_err) {
        return Ok(answers);
    }
    Err(StepError::new(format!("{STEP} failed"), "").tool(err, &command))
}

/// Reads the objects that `go mod download -json` prints, one after the other.
fn read(out: &str) -> Answers {
    let modules = serde_json::Deserializer::from_str(out).into_iter::<Module>();
    let mut answers = HashMap::new();
    for module in modules.filter_map(Result::ok) {
        let versions = [module.version, module.query].into_iter().flatten();
        for version in versions {
            let answer = match (&module.error, &module.dir) {
                (Some(error), _) => Err(error.clone()),
                (None, Some(folder)) => Ok(folder.clone()),
                (None, None) => continue,
            };
            answers.insert(format!("{}@{version}", module.path), answer);
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_go_are_by_module_and_version() {
        let answers = read(
            "{\"Path\":\"a.b/c\",\"Version\":\"v1.2.0\",\"Query\":\"latest\",\"Dir\":\"/m/c\"}\n\
             {\"Path\":\"a.b/d\",\"Version\":\"v9.0.0\",\
             \"Error\":\"a.b/d@v9.0.0: no such version\"}\n",
        );
        assert_eq!(answers["a.b/c@v1.2.0"], Ok("/m/c".into()));
        assert_eq!(answers["a.b/c@latest"], Ok("/m/c".into()));
        assert!(
            answers["a.b/d@v9.0.0"]
                .as_ref()
                .unwrap_err()
                .contains("no such")
        );
    }
}
