//! Asks the components of a workspace what they say of themselves: kind, type, stability, the
//! schema of their configuration.
//!
//! Runs the generated program `describe`, which links the components and the
//! SDK and no engine: a matter of seconds, or of a minute the first time. It has
//! a target folder of its own, so that it never makes the engine compile anew.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::compile;
use super::freshness::Sources;
use super::umbrella;
use super::workspace::Workspace;
use crate::builder_file::Kind;
use crate::cache;
use crate::error::{StepError, shell_line};
use crate::process::{self, Line};
use crate::ui::Ui;

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Described {
    /// What kind of component it is.
    pub kind: Kind,
    /// Its type in the Collector's configuration.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The crate's name.
    #[serde(rename = "crate")]
    pub package: String,
    /// The crate's version.
    pub version: String,
    /// Signal to stability level.
    #[serde(default)]
    pub signals: BTreeMap<String, String>,
    /// The stability level of an extension.
    pub stability: Option<String>,
    /// The JSON Schema of its configuration.
    pub schema: Value,
}

impl Described {
    /// Its kind and its type.
    #[must_use]
    pub fn name(&self) -> (Kind, &str) {
        (self.kind, &self.type_name)
    }
}

/// Compiles and runs the program.
///
/// # Errors
/// A component does not compile, or says something else than a description.
pub fn describe(
    workspace: &Workspace,
    offline: bool,
    ui: &Ui,
) -> Result<Vec<Described>, StepError> {
    const STEP: &str = "asking the components";
    let target = cache::target_folder()?.join("describe");
    let _lock = compile::lock(&target, ui)?;
    let sources = Sources::read(&target, workspace)?;
    let stale = sources.stale()?;
    if target.join("debug").exists() && !stale.is_empty() {
        let mut clean = compile::cargo(workspace, &target);
        clean.args(["clean", "--offline"]);
        for package in stale {
            clean.args(["--package", package]);
        }
        process::output(&mut clean, "making room for changed crates", ui)?;
    }
    sources.begin()?;
    let mut command = compile::cargo(workspace, &target);
    command.args([
        "run",
        "--quiet",
        "--package",
        umbrella::NAME,
        "--bin",
        "describe",
    ]);
    command.args(["--no-default-features", "--features", "describe"]);
    if offline {
        command.arg("--offline");
    }
    ui.detail(&format!("+ {}", shell_line(&command)));
    let mut progress = ui.start(STEP);
    let (mut lines, mut diagnostics) = (Vec::new(), Vec::new());
    let status = process::stream(&mut command, |line| {
        progress.show("");
        match line {
            Line::Out(text) => lines.push(text),
            Line::Err(text) => diagnostics.push(text),
            Line::Tick => {}
        }
    })
    .map_err(|e| process::not_started(&command, STEP, &e))?;
    progress.abandon();
    if !status.success() {
        return Err(compile::failure(
            &diagnostics,
            workspace,
            shell_line(&command),
        ));
    }
    sources.end()?;
    let one = |line: &String| {
        serde_json::from_str(line).map_err(|e| {
            StepError::new(
                format!("a component describes itself in another way: {e}"),
                "build it with the SDK of this version",
            )
        })
    };
    lines.iter().map(one).collect()
}
