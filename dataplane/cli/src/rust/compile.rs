//! Compiles the generated workspace to the static library.
//!
//! The target folder is shared by all distributions of a user, so that the
//! engine is compiled once. The library is prelinked under a lock, before
//! another build can replace it; what Cargo would wrongly take for fresh is
//! cleaned first (see [`super::freshness`]).

use serde::Deserialize;
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::estimate::Estimate;
use super::freshness::Sources;
use super::umbrella;
use super::workspace::Workspace;
use crate::cache;
use crate::error::StepError;
use crate::process::{self, Line};
use crate::ui::{Progress, Ui};

/// A library that was just built; the target folder stays locked while it lives.
#[derive(Debug)]
pub struct Library {
    /// The static library.
    pub path: PathBuf,
    _lock: File,
}

/// Compiles the umbrella crate of `workspace`.
///
/// # Errors
/// The compiler's own message, with the component that it belongs to.
pub fn compile(workspace: &Workspace, offline: bool, ui: &Ui) -> Result<Library, StepError> {
    let target = workspace.engine.target_folder(&cache::target_folder()?);
    let lock = lock(&target, ui)?;
    let place = workspace.platform.target_folder(&target);
    let sources = Sources::read(&place, workspace)?;
    clean(&sources.stale()?, workspace, &target, ui)?;
    sources.begin()?;
    let estimate = Estimate::read(&place)?;
    if estimate.cold {
        ui.say(&format!(
            "compiling the engine, once for this machine: {} crates, {}",
            workspace.packages, estimate.text
        ));
    }
    let mut command = cargo(workspace, &target);
    // The engine asks for a newer Rust than it needs (docs/decisions/0009).
    command.args(["build", "--release", "--ignore-rust-version"]);
    command.args(["--package", umbrella::NAME]);
    workspace.platform.for_cargo(&mut command);
    if offline {
        command.arg("--offline");
    }
    // People repeat it without the messages that are for this program.
    let repeat = crate::error::shell_line(&command);
    command.args(["--message-format", "json-render-diagnostics"]);
    ui.detail(&format!("+ {}", crate::error::shell_line(&command)));
    let mut run = Run::new(workspace.packages, ui);
    let status = process::stream(&mut command, |line| run.line(line))
        .map_err(|e| process::not_started(&command, "compiling the Rust side", &e))?;
    if !status.success() {
        run.progress.abandon();
        return Err(failure(&run.diagnostics, workspace, repeat));
    }
    sources.end()?;
    estimate.remember(run.compiled.len(), run.progress.elapsed())?;
    let Some(path) = run.library.take() else {
        run.progress.abandon();
        let message = "cargo built no static library";
        return Err(StepError::new(
            message,
            "a `build.target` in a Cargo configuration is not supported",
        ));
    };
    let result = format!(
        "{} of {} crates compiled",
        run.compiled.len(),
        workspace.packages
    );
    run.progress.done(ui, &result);
    Ok(Library { path, _lock: lock })
}

/// Cargo in a workspace, with a target folder.
pub(super) fn cargo(workspace: &Workspace, target: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", target);
    command
}

/// Makes cargo forget these packages.
fn clean(stale: &[&str], workspace: &Workspace, target: &Path, ui: &Ui) -> Result<(), StepError> {
    const STEP: &str = "making room for changed crates";
    let place = workspace.platform.target_folder(target);
    if stale.is_empty() || !place.join("release").exists() {
        return Ok(());
    }
    let mut command = cargo(workspace, target);
    command.args(["clean", "--release", "--offline"]);
    workspace.platform.for_cargo(&mut command);
    for package in stale {
        command.args(["--package", package]);
    }
    ui.detail(&format!("+ {}", crate::error::shell_line(&command)));
    let (mut progress, mut log) = (ui.start(STEP), Vec::new());
    let status = process::stream(&mut command, |line| {
        // Cargo waits here for every other cargo in this target folder.
        progress.show("");
        if let Line::Out(text) | Line::Err(text) = line {
            log.push(text);
        }
    })
    .map_err(|e| process::not_started(&command, STEP, &e))?;
    progress.abandon();
    if status.success() {
        return Ok(());
    }
    Err(StepError::new(format!("{STEP} failed"), "").tool(log.join("\n"), &command))
}

/// Keeps other builds out of a target folder.
pub(super) fn lock(target: &Path, ui: &Ui) -> Result<File, StepError> {
    fs::create_dir_all(target).map_err(|e| StepError::io("make", target, &e))?;
    let path = target.join(".strait-lock");
    let failed = |e: std::io::Error| StepError::io("lock", &path, &e);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    if file.try_lock().is_err() {
        ui.say(&format!(
            "waiting for another build in {}",
            target.display()
        ));
        file.lock().map_err(failed)?;
    }
    Ok(file)
}

/// What one run of cargo tells.
struct Run<'u> {
    ui: &'u Ui,
    progress: Progress,
    total: usize,
    seen: HashSet<String>,
    compiled: HashSet<String>,
    current: String,
    diagnostics: Vec<String>,
    library: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    #[serde(default)]
    fresh: bool,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl<'u> Run<'u> {
    fn new(total: usize, ui: &'u Ui) -> Self {
        Self {
            ui,
            progress: ui.start("compiling the Rust side"),
            total,
            seen: HashSet::new(),
            compiled: HashSet::new(),
            current: String::new(),
            diagnostics: Vec::new(),
            library: None,
        }
    }

    fn line(&mut self, line: Line) {
        match line {
            Line::Out(text) => self.message(&text),
            Line::Err(text) => {
                self.ui.detail(&text);
                let state = text.trim_start();
                if state.starts_with("Blocking waiting") {
                    state.clone_into(&mut self.current);
                    return;
                }
                match state.strip_prefix("Compiling ") {
                    Some(what) => what
                        .split(" (")
                        .next()
                        .unwrap_or(what)
                        .clone_into(&mut self.current),
                    None => self.diagnostics.push(text),
                }
            }
            Line::Tick => {}
        }
        let mut text = format!("{}/{} crates", self.seen.len(), self.total);
        if !self.current.is_empty() {
            text += &format!(", {}", self.current);
        }
        self.progress.show(&text);
    }

    fn message(&mut self, text: &str) {
        let Ok(message) = serde_json::from_str::<Message>(text) else {
            return;
        };
        if message.reason != "compiler-artifact" {
            return;
        }
        let archive = message
            .filenames
            .iter()
            .find(|file| file.extension().is_some_and(|e| e == "a"));
        if let Some(archive) = archive {
            self.library = Some(archive.clone());
        }
        if let Some(package) = message.package_id {
            if !message.fresh {
                self.compiled.insert(package.clone());
            }
            self.seen.insert(package);
        }
    }
}

/// Why cargo did not succeed, with the component that it belongs to. `repeat` is the command line
/// to repeat it.
pub(super) fn failure(diagnostics: &[String], workspace: &Workspace, repeat: String) -> StepError {
    // Cargo names crates by their place in the workspace; people know their own folders.
    let mut output = diagnostics.join("\n");
    let failed = diagnostics.iter().rev().find_map(|line| {
        Some(
            line.split_once("could not compile `")?
                .1
                .split('`')
                .next()?
                .to_owned(),
        )
    });
    for (place, own) in &workspace.imported {
        let (place, own) = (place.display(), own.display());
        output = output.replace(&format!(" {place}/"), &format!(" {own}/"));
    }
    let component = failed
        .as_ref()
        .and_then(|name| workspace.components.iter().find(|c| &c.package == name));
    let error = match (component, failed.as_deref()) {
        (Some(c), _) => StepError::new(
            format!(
                "the {} `{}` (crate {} {}) does not compile",
                c.kind, c.component.type_name, c.package, c.version
            ),
            "",
        ),
        (None, Some(umbrella::NAME)) => StepError::new(
            "the components do not fit together",
            "each crate must have the function that its [package.metadata.strait] names: `pub fn \
             factory() -> &'static dyn strait_component::DynFactory`",
        ),
        (None, Some(name)) => {
            let who: Vec<_> = workspace
                .graph
                .brought_by(name, &workspace.components)
                .iter()
                .map(|c| format!("the {} `{}`", c.kind, c.component.type_name))
                .collect();
            let needed = if who.is_empty() {
                String::new()
            } else {
                format!(", needed by {},", who.join(" and "))
            };
            StepError::new(format!("the crate `{name}`{needed} does not compile"), "")
        }
        (None, None) => StepError::new("cargo cannot build the Rust side", ""),
    };
    StepError {
        output,
        repeat,
        ..error
    }
}
