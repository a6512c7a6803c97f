//! Stock ocb, of one version, unmodified.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{COLLECTOR, inputs};
use crate::builder_file::BuilderFile;
use crate::cache;
use crate::error::StepError;
use crate::files::{self, Hash};
use crate::process::{self, Line};
use crate::ui::Ui;

const PACKAGE: &str = "go.opentelemetry.io/collector/cmd/builder";

/// What a run of ocb is to do.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The builder file, as ocb is told.
    pub config: PathBuf,
    /// Where ocb runs.
    pub folder: PathBuf,
    /// Overrides `dist.output_path`.
    pub output_path: Option<PathBuf>,
    /// Stop before compiling.
    pub generate_only: bool,
    /// Compile what is there.
    pub skip_generate: bool,
    /// Use the module cache only.
    pub offline: bool,
    /// go.mod and go.sum are there: resolve nothing.
    pub locked: bool,
    /// Variables for Go, beyond the user's.
    pub environment: Vec<(&'static str, String)>,
    /// Linker flags instead of ocb's own.
    pub ldflags: Option<String>,
}

/// Where ocb is, or will be.
///
/// # Errors
/// There is no place for a cache.
pub fn place() -> Result<PathBuf, StepError> {
    Ok(cache::folder()?.join("ocb").join(COLLECTOR).join("builder"))
}

/// Installs ocb into the cache, once.
///
/// # Errors
/// Go cannot download or build it.
pub fn install(offline: bool, ui: &Ui) -> Result<PathBuf, StepError> {
    let program = place()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    if program.is_file() {
        return Ok(program);
    }
    // Installed beside its place, so that half a program never stands there.
    let fresh = folder.join(format!("new-{}", std::process::id()));
    fs::create_dir_all(&fresh).map_err(|e| StepError::io("make", &fresh, &e))?;
    let mut command = Command::new("go");
    command.args(["install", &format!("{PACKAGE}@{COLLECTOR}")]);
    // It runs here, whatever the Collector is for.
    command
        .env("GOBIN", &fresh)
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .env_remove("GOFLAGS")
        .env("CGO_ENABLED", "0");
    go_offline(&mut command, offline);
    let progress = ui.start(&format!("installing ocb {COLLECTOR}"));
    match process::output(&mut command, &format!("installing ocb {COLLECTOR}"), ui) {
        Ok(_) => progress.done(ui, "done"),
        Err(e) => {
            progress.abandon();
            return Err(e);
        }
    }
    fs::rename(fresh.join("builder"), &program)
        .map_err(|e| StepError::io("install", &program, &e))?;
    fs::remove_dir(&fresh).map_err(|e| StepError::io("remove", &fresh, &e))?;
    Ok(program)
}

pub(crate) fn go_offline(command: &mut Command, offline: bool) {
    if offline {
        command.env("GOPROXY", "off");
    }
}

/// Runs ocb to its end. Returns the binary, as ocb names it.
///
/// # Errors
/// What ocb and Go print, when they fail.
pub fn run(program: &Path, run: &Run, ui: &Ui) -> Result<Option<PathBuf>, StepError> {
    let mut command = Command::new(program);
    command
        .current_dir(&run.folder)
        .arg("--config")
        .arg(&run.config)
        .envs(run.environment.iter().map(|(name, value)| (name, value)));
    if let Some(path) = &run.output_path {
        command.arg("--output-path").arg(path);
    }
    if run.generate_only {
        command.arg("--skip-compilation");
    }
    if run.skip_generate {
        command.arg("--skip-generate");
    }
    if run.locked {
        command.arg("--skip-get-modules");
    }
    if let Some(flags) = &run.ldflags {
        command.arg("--ldflags").arg(flags);
    }
    if ui.verbose() {
        command.arg("--verbose");
    }
    go_offline(&mut command, run.offline);
    ui.detail(&format!("+ {}", crate::error::shell_line(&command)));
    let mut progress = ui.start(if run.generate_only {
        "generating the Go side"
    } else {
        "building the Go side"
    });
    let mut log = Vec::new();
    let mut phase = String::new();
    let mut binary = None;
    let status = process::stream(&mut command, |line| {
        if let Line::Out(text) | Line::Err(text) = line {
            ui.detail(&text);
            if let Some(message) = message(&text) {
                phase = message.to_lowercase();
            }
            binary = built(&text).or(binary.take());
            log.push(text);
        }
        progress.show(&phase);
    })
    .map_err(|e| process::not_started(&command, "running ocb", &e))?;
    if status.success() {
        progress.done(ui, "done");
        return Ok(binary);
    }
    progress.abandon();
    let shown = if ui.verbose() {
        String::new()
    } else {
        readable(&log)
    };
    Err(StepError::new("ocb cannot build the Go side", "").tool(shown, &command))
}

/// The message of a line of ocb's log, which is tab-separated:
/// time, level, place, message, fields.
fn message(line: &str) -> Option<&str> {
    let mut parts = line.split('\t');
    let (_time, _level, _place) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()
}

/// The binary in the fields of a line of ocb's log.
fn built(line: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Fields {
        binary: PathBuf,
    }
    let fields = line.split('\t').nth(4)?;
    Some(serde_json::from_str::<Fields>(fields).ok()?.binary)
}

/// ocb quotes the output of go within one line of its error.
fn readable(log: &[String]) -> String {
    let lines = log.iter().filter(|line| message(line).is_none());
    lines
        .map(|line| line.replace("\\n", "\n").replace("\\t", "\t"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a binary was made from, so that an unchanged one is not made again.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    inputs: String,
    outputs: String,
}

impl Stamp {
    /// The stamp of the distribution in `output` with the generated folder
    /// `generated`, whose object has the hash `object`.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn of(
        file: &BuilderFile,
        run: &Run,
        generated: &Path,
        go: Option<&Path>,
        object: &str,
        ui: &Ui,
    ) -> Result<Self, StepError> {
        let mut inputs = Hash::default();
        inputs.add(COLLECTOR);
        inputs.add(object);
        inputs.add(run.ldflags.as_deref().unwrap_or_default());
        inputs.add([u8::from(run.generate_only)]);
        let settings = [
            "GOVERSION",
            "GOOS",
            "GOARCH",
            "GOAMD64",
            "GOARM64",
            "GOFLAGS",
            "GOEXPERIMENT",
            "CC",
            "CGO_CFLAGS",
            "CGO_LDFLAGS",
        ];
        inputs.add(process::output(
            Command::new("go").arg("env").args(settings),
            "asking go for its settings",
            ui,
        )?);
        inputs.add_file(&generated.join("builder.yaml"))?;
        if let Some(go) = go {
            inputs.add_folder(go)?;
        }
        for part in ["extensions", "processors", "native/straitconverter"] {
            if generated.join(part).is_dir() {
                inputs.add_folder(&generated.join(part))?;
            }
        }
        for part in ["go.mod", "native.go", "native_cgo.go", "entry/entry.go"] {
            inputs.add_file(&generated.join("native").join(part))?;
        }
        for path in local_modules(file, &run.folder) {
            inputs.add_folder(&path)?;
        }
        Ok(Self {
            inputs: inputs.finish(),
            outputs: outputs(file, run)?,
        })
    }

    /// Whether the last run had these inputs and left these outputs.
    #[must_use]
    pub fn is_in(&self, record: &Path) -> bool {
        fs::read(record)
            .ok()
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok())
            .as_ref()
            == Some(self)
    }

    /// Remembers the inputs with the outputs as they are now.
    ///
    /// # Errors
    /// An output is missing, or the record cannot be written.
    pub fn remember(
        mut self,
        file: &BuilderFile,
        run: &Run,
        record: &Path,
    ) -> Result<(), StepError> {
        self.outputs = outputs(file, run)?;
        let text = serde_json::to_string(&self).map_err(|e| StepError::new(e.to_string(), ""))?;
        files::write(record, text)
    }
}

/// Go modules of the builder file that lie on this machine.
fn local_modules(file: &BuilderFile, output: &Path) -> Vec<PathBuf> {
    let entries = file
        .all_go()
        .filter_map(|go| go.path.as_ref().map(PathBuf::from));
    let replaced = file
        .replaces
        .iter()
        .filter_map(|line| inputs::local(line, output));
    entries
        .chain(replaced)
        .filter(|path| path.is_dir())
        .collect()
}

/// What ocb leaves behind; empty where there is nothing yet.
fn outputs(file: &BuilderFile, run: &Run) -> Result<String, StepError> {
    let mut hash = Hash::default();
    for name in ["main.go", "components.go", "go.mod", "go.sum"] {
        let path = run.folder.join(name);
        if !path.is_file() {
            return Ok(String::new());
        }
        hash.add_file(&path)?;
    }
    if let Some(name) = file.dist.name.as_ref().filter(|_| !run.generate_only) {
        let Ok(binary) = fs::metadata(run.folder.join(&name.value)) else {
            return Ok(String::new());
        };
        let modified = binary
            .modified()
            .ok()
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        hash.add(format!("{} {:?}", binary.len(), modified));
    }
    Ok(hash.finish())
}
