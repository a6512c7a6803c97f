//! `strait build`: from a builder file to a Collector.
//!
//! Each step leaves files that the next one, or a reader, can use, and does
//! nothing when its inputs have not changed; a build that was interrupted goes
//! on where it stopped. A file without Rust in it is handed to stock ocb as it
//! is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::builder_file::{BuilderFile, STRAIT_GO_MODULE};
use crate::checkout::{Checkout, Place, VERSION};
use crate::error::{Error, StepError, Wrong};
use crate::files;
use crate::finding::{Finding, Report};
use crate::golang::build::GoSide;
use crate::golang::{distribution, folders, inputs, modules, ocb, packages, twins, types};
use crate::lock::{self, Locks};
use crate::platform::Platform;
use crate::rust::graph::Graph;
use crate::rust::workspace::Workspace;
use crate::rust::{agreement, compile, prelink};
use crate::toolchain;
use crate::ui::{self, Ui};

/// What `strait build` is args for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The builder file.
    pub config: PathBuf,
    /// Overrides `dist.output_path`.
    pub output_path: Option<PathBuf>,
    /// Strait's sources.
    pub strait_path: Option<PathBuf>,
    /// Take what is released of Strait, whatever sources there are.
    pub released: bool,
    /// Use caches only.
    pub offline: bool,
    /// Stop before compiling.
    pub generate_only: bool,
    /// Compile what an earlier build wrote, as it stands now.
    pub skip_generate: bool,
    /// What may become of the locks.
    pub locks: lock::Mode,
    /// The binary is to be run: a file that does not say where it goes is an error.
    pub to_run: bool,
}

/// What a build left behind.
#[derive(Debug)]
pub struct Built {
    /// The Collector, absolute; `None` where only sources were args for.
    pub binary: Option<PathBuf>,
    /// `dist.version`
    pub version: Option<String>,
    /// The crates of its Rust side.
    pub crates: Option<Graph>,
}

/// A builder file that was read.
struct Source {
    name: String,
    text: String,
    file: BuilderFile,
}

impl Source {
    fn read(request: &Request) -> Result<Self, Error> {
        let text = files::read(&request.config).map_err(|e| StepError {
            help: "name a builder file with --config; docs/build.md begins with one".to_owned(),
            ..e
        })?;
        let name = request.config.display().to_string();
        match BuilderFile::parse(&text, &request.config) {
            Ok(file) => Ok(Self { name, text, file }),
            Err(findings) => Err(Error::Findings(Report::new(&name, &text, findings))),
        }
    }

    fn findings(&self, findings: Vec<Finding>) -> Error {
        Error::Findings(Report::new(&self.name, &self.text, findings))
    }

    fn wrong(&self, wrong: Wrong) -> Error {
        match wrong {
            Wrong::Findings(list) => self.findings(list),
            Wrong::Step(step) => step.into(),
        }
    }

    fn output(&self, request: &Request) -> Option<PathBuf> {
        let own = || Some(self.file.dist.output_path.as_ref()?.value.clone().into());
        request.output_path.clone().or_else(own)
    }
}

/// The Rust side of a builder file, before anything is compiled.
struct Prepared {
    output: PathBuf,
    /// Where everything is that is written.
    generated: PathBuf,
    checkout: Checkout,
    platform: Platform,
    workspace: Workspace,
}

/// The builder file.
///
/// # Errors
/// It cannot be read, or has findings.
pub fn read(request: &Request) -> Result<BuilderFile, Error> {
    Source::read(request).map(|source| source.file)
}

/// The workspace of a builder file's Rust components, written and resolved; nothing is compiled.
///
/// # Errors
/// Findings in the builder file, one without Rust components among them.
pub fn workspace(request: &Request, ui: &Ui) -> Result<Workspace, Error> {
    let source = Source::read(request)?;
    if source.file.rust_entries().next().is_none() {
        let help = "a Rust component is an entry with `cargo:`";
        return Err(StepError::new("the builder file has no Rust component", help).into());
    }
    let locks = Locks::open(&request.config, request.locks)?;
    Ok(prepare(request, &source, &locks, ui)?.workspace)
}

fn prepare(request: &Request, source: &Source, locks: &Locks, ui: &Ui) -> Result<Prepared, Error> {
    let file = &source.file;
    let Some(output) = source.output(request) else {
        let help = "write it, or give --output-path: what is compiled stays there, so that the \
            next build is fast";
        return Err(source.findings(vec![Finding::new(
            0..0,
            "`dist.output_path` is missing",
            "needs a folder",
            help,
        )]));
    };
    fs::create_dir_all(&output).map_err(|e| StepError::io("make", &output, &e))?;
    let output = files::absolute(&output)?;
    let checkout = find_checkout(request, file)?;
    check_go_version(file).map_err(|finding| source.findings(vec![finding]))?;
    let platform = toolchain::check_rust(&checkout.rust_version, ui)?;
    let generated = output.join(distribution::FOLDER);
    if file
        .dist
        .name
        .as_ref()
        .is_some_and(|name| name.value == distribution::FOLDER)
    {
        let message = format!(
            "`dist.name` cannot be `{}`: generated files stand there",
            distribution::FOLDER
        );
        return Err(StepError::new(message, "give the binary another name").into());
    }
    let root = generated.join("rust");
    let workspace = if request.skip_generate {
        generated_before(&output)?;
        Workspace::open(file, &root, &platform, request.offline, ui)
    } else {
        Workspace::prepare(
            file,
            &checkout,
            &root,
            locks,
            &platform,
            request.offline,
            ui,
        )
    }
    .map_err(|wrong| source.wrong(wrong))?;
    Ok(Prepared {
        output,
        generated,
        checkout,
        platform,
        workspace,
    })
}

/// Without sources there is nothing to compile.
fn generated_before(output: &Path) -> Result<(), StepError> {
    if output.join("main.go").is_file() {
        return Ok(());
    }
    Err(StepError::new(
        format!(
            "--skip-generate: there are no sources in {}",
            output.display()
        ),
        "write them with `strait build --generate-only`, or name their folder with --output-path",
    ))
}

/// Writes the Go side of a distribution, and returns what its modules are
/// resolved from.
fn generate(
    request: &Request,
    source: &Source,
    prepared: &mut Prepared,
    ui: &Ui,
) -> Result<String, Error> {
    let file = &source.file;
    let Prepared {
        output,
        generated,
        checkout,
        workspace,
        ..
    } = prepared;
    let strait = checkout.go();
    let folders = folders::find(file, strait.as_deref(), output, request.offline, ui)
        .map_err(|wrong| source.wrong(wrong))?;
    packages::check(file, &folders).map_err(|list| source.findings(list))?;
    let types = types::of(&twins::candidates(file, &workspace.components), &folders);
    twins::join(file, &types, &mut workspace.components).map_err(|list| source.findings(list))?;
    let library = file.dist.name.as_ref().map_or("strait", |name| &name.value);
    let in_rust = twins::in_rust(file, &types, &workspace.components);
    modules::write(
        generated,
        library,
        &workspace.components,
        &in_rust,
        checkout,
    )?;
    if let Some(go) = strait {
        files::link(&go, &generated.join("go"))?;
    }
    distribution::link_local(file, generated)?;
    let replaces = distribution::replaces(file, &workspace.components, checkout)?;
    files::write(
        &generated.join("builder.yaml"),
        distribution::rewrite(file, &workspace.components, &replaces, &checkout.engine),
    )?;
    let requires = distribution::requires(&workspace.components);
    Ok(inputs::lines(file, requires, &replaces, output)?)
}

/// Builds what `request` asks for.
///
/// # Errors
/// Findings in the builder file, or the step that failed.
pub fn build(request: &Request, ui: &Ui) -> Result<Built, Error> {
    let begun = Instant::now();
    let source = Source::read(request)?;
    let file = &source.file;
    let locks = Locks::open(&request.config, request.locks)?;
    if !file.needs_rust() {
        let output = source.output(request);
        return go_only(request, file, output.as_deref(), &locks, begun, ui);
    }
    let mut prepared = prepare(request, &source, &locks, ui)?;
    let inputs = if request.skip_generate {
        String::new()
    } else {
        generate(request, &source, &mut prepared, ui)?
    };
    let Prepared {
        output,
        generated,
        checkout,
        platform,
        workspace,
    } = prepared;
    let object = if request.generate_only {
        String::new()
    } else {
        agreement::check(file, &workspace, request.offline, ui)
            .map_err(|wrong| source.wrong(wrong))?;
        let library = compile::compile(&workspace, request.offline, ui)?;
        prelink::prelink(
            &library.path,
            &generated.join("native/entry").join(platform.object_name()),
            &platform,
            ui,
        )?
    };
    let run = go_run(request, file, &output, &platform);
    if request.skip_generate {
        ocb::run(&ocb::install(request.offline, ui)?, &run, ui)?;
    } else {
        let go = GoSide {
            file,
            run,
            locks: &locks,
            inputs,
        };
        go.build_with(checkout.go().as_deref(), &object, ui)?;
    }
    let built = file
        .dist
        .name
        .as_ref()
        .map_or_else(|| output.clone(), |name| output.join(&name.value));
    report(request, &built, begun, ui);
    Ok(Built {
        binary: (!request.generate_only).then_some(built),
        version: file.dist.version.clone(),
        crates: Some(workspace.graph),
    })
}

/// A Go-only file: the same bytes as from ocb alone, because it is ocb alone.
fn go_only(
    request: &Request,
    file: &BuilderFile,
    output: Option<&Path>,
    locks: &Locks,
    begun: Instant,
    ui: &Ui,
) -> Result<Built, Error> {
    let place = output.zip(file.dist.name.as_ref());
    let binary = place.map(|(output, name)| output.join(&name.value));
    if request.to_run && binary.is_none() {
        return Err(no_binary().into());
    }
    toolchain::check_go()?;
    let run = ocb::Run {
        config: request.config.clone(),
        folder: PathBuf::from("."),
        output_path: request.output_path.clone(),
        generate_only: request.generate_only,
        skip_generate: request.skip_generate,
        locked: request.skip_generate,
        offline: request.offline,
        ..ocb::Run::default()
    };
    if request.skip_generate {
        generated_before(output.ok_or_else(no_binary)?)?;
    }
    let place = if locks.wanted_for_go() && !request.skip_generate {
        let output = output.ok_or_else(no_binary)?;
        let replaces = inputs::go_only_replaces(file, output)?;
        let go = GoSide {
            file,
            run,
            locks,
            inputs: inputs::lines(file, [], &replaces, output)?,
        };
        go.build(output, ui)?
    } else {
        ocb::run(&ocb::install(request.offline, ui)?, &run, ui)?
    };
    let place = binary.or(place).map(|path| files::absolute(&path));
    let place = place.transpose()?;
    if let Some(place) = &place {
        report(request, place, begun, ui);
    }
    Ok(Built {
        binary: place.filter(|_| !request.generate_only),
        version: file.dist.version.clone(),
        crates: None,
    })
}

/// How ocb is to build a file that has Rust in it.
fn go_run(request: &Request, file: &BuilderFile, output: &Path, platform: &Platform) -> ocb::Run {
    ocb::Run {
        config: Path::new(distribution::FOLDER).join("builder.yaml"),
        folder: output.to_owned(),
        output_path: None,
        generate_only: request.generate_only,
        skip_generate: request.skip_generate,
        offline: request.offline,
        locked: request.skip_generate,
        environment: platform.go_environment(),
        // No build id: two folders give the same bytes.
        ldflags: (!file.dist.debug_compilation).then(|| "-s -w -buildid= -B none".to_owned()),
    }
}

fn report(request: &Request, place: &Path, begun: Instant, ui: &Ui) {
    let what = if request.generate_only {
        "generated"
    } else {
        "built"
    };
    ui.say(&format!(
        "{what} {} in {}",
        shown(place),
        ui::duration(begun.elapsed())
    ));
}

/// The error for a build that leaves no binary to run.
#[must_use]
pub fn no_binary() -> StepError {
    StepError::new(
        "the builder file does not say which binary to run",
        "write `dist.name` and `dist.output_path`; without them ocb makes up a name and a \
         temporary folder",
    )
}

fn find_checkout(request: &Request, file: &BuilderFile) -> Result<Checkout, StepError> {
    let beside = request.config.parent().unwrap_or(Path::new(""));
    let in_file = file
        .dist
        .strait_path
        .as_ref()
        .map(|path| beside.join(&path.value));
    Checkout::find(&Place {
        folder: request.strait_path.clone().or(in_file),
        released: request.released,
    })
}

/// The Go module in the builder file is the one of this command.
fn check_go_version(file: &BuilderFile) -> Result<(), Finding> {
    for (_, go) in file
        .go_entries()
        .filter(|(_, go)| go.module() == STRAIT_GO_MODULE)
    {
        let version = go.gomod.value.split_whitespace().nth(1).unwrap_or_default();
        if version != format!("v{VERSION}") {
            let message = format!(
                "versions differ: this command and the crates are {VERSION}, the Go module is \
                 {version}"
            );
            let help = format!("write `gomod: {STRAIT_GO_MODULE} v{VERSION}`");
            return Err(Finding::new(
                go.gomod.at.clone(),
                message,
                "another version",
                help,
            ));
        }
    }
    Ok(())
}

/// A path as short as it can be said.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir()
        .ok()
        .and_then(|here| fs::canonicalize(here).ok());
    let short = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    short
        .unwrap_or_else(|| path.to_owned())
        .display()
        .to_string()
}
