//! The generated Cargo workspace of a distribution.
//!
//! It has the layout of Strait's repository: the same crates at the same
//! relative paths (links), the same lock, lints, profile and patches. Cargo's
//! names for what it compiles depend on all of these and on nothing else, so
//! the engine is compiled once for the repository's tests and for every
//! distribution, in whatever folder. The umbrella crate's dependencies on
//! Strait are those of strait-host alone: another feature of a shared crate
//! would compile the engine again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::component::{RustComponent, origin};
use super::engine::Engine;
use super::graph::{Graph, Package};
use super::import::Import;
use super::metadata::Component;
use super::umbrella;
use crate::builder_file::cargo_line::document;
use crate::builder_file::{BuilderFile, Kind, RustEntry};
use crate::checkout::{Checkout, FACADE, VERSION};
use crate::error::{StepError, Wrong};
use crate::files;
use crate::finding::Finding;
use crate::lock::Locks;
use crate::platform::Platform;
use crate::ui::Ui;

/// Time given to copied sources. Cargo compiles a path crate again when a file
/// of it is newer than its last build; copies are compared by content instead.
const COPY_TIME: Duration = Duration::from_secs(946_684_800);

/// The workspace, written and resolved.
#[derive(Debug)]
pub struct Workspace {
    /// Its folder.
    pub root: PathBuf,
    /// The components, in the order of the builder file.
    pub components: Vec<RustComponent>,
    /// What it is compiled for.
    pub platform: Platform,
    /// The engine's nodes that are compiled in.
    pub engine: Engine,
    /// All its packages.
    pub graph: Graph,
    /// How many packages the library is made of.
    pub packages: usize,
    /// The path crates: package as `name@version`, folder relative to the root,
    /// whether it is copied.
    pub path_crates: Vec<(String, PathBuf, bool)>,
    /// Local crates of the user's: folder relative to the root, their own folder.
    pub imported: Vec<(PathBuf, PathBuf)>,
}

impl Workspace {
    /// Writes the workspace for `file` into `root` and resolves it.
    ///
    /// # Errors
    /// A crate that is no component, or cannot be found or read.
    pub fn prepare(
        file: &BuilderFile,
        checkout: &Checkout,
        root: &Path,
        locks: &Locks,
        platform: &Platform,
        offline: bool,
        ui: &Ui,
    ) -> Result<Self, Wrong> {
        let engine = engine(file)?;
        let base = base_manifest(checkout, &engine)?;
        let own = place_own(&base, checkout, root)?;
        let mut import = Import::new(
            root,
            own.iter()
                .map(|(real, place, _)| (real.clone(), place.clone()))
                .collect(),
        );
        let entries: Vec<(Kind, &RustEntry)> = file.rust_entries().collect();
        let dependencies = dependencies(&entries, &mut import)?;
        let from_registry = entries.iter().any(|(_, entry)| entry.folder.is_none());
        files::write(
            &root.join("Cargo.toml"),
            root_manifest(base, &own, from_registry),
        )?;
        files::write(
            &root.join("umbrella/Cargo.toml"),
            umbrella::manifest(&dependencies, &engine),
        )?;
        files::write(&root.join("Cargo.lock"), locks.crates(&checkout.lock)?)?;
        let library = root.join("umbrella/src/lib.rs");
        // Cargo wants to see its targets before it resolves.
        for target in [&library, &root.join("umbrella/src/describe.rs")] {
            if !target.exists() {
                files::write(target, "")?;
            }
        }
        let workspace = Self::open(file, root, platform, offline, ui)?;
        locks.keep_crates(&root.join("Cargo.lock"))?;
        files::write(&library, umbrella::library(file, &workspace.components))?;
        files::write(
            &root.join("umbrella/src/describe.rs"),
            umbrella::describe(&workspace.components),
        )?;
        Ok(workspace)
    }

    /// The workspace that stands in `root` for `file`, edited maybe; writes
    /// nothing but what cargo adds to its lock.
    ///
    /// # Errors
    /// Those of [`Workspace::prepare`].
    pub fn open(
        file: &BuilderFile,
        root: &Path,
        platform: &Platform,
        offline: bool,
        ui: &Ui,
    ) -> Result<Self, Wrong> {
        let graph = Graph::read(root, platform, offline, ui)?;
        one_version(&graph)?;
        let entries: Vec<(Kind, &RustEntry)> = file.rust_entries().collect();
        let components = components(&graph, &entries).map_err(Wrong::Findings)?;
        Ok(Self {
            root: root.to_owned(),
            platform: platform.clone(),
            engine: engine(file)?,
            packages: graph.count(offline, ui)?,
            path_crates: graph.path_crates(&copied(root)?),
            imported: super::import::imported(root),
            components,
            graph,
        })
    }
}

/// The nodes that `file` asks for.
fn engine(file: &BuilderFile) -> Result<Engine, StepError> {
    let asked = file.dist.engine_nodes.as_ref();
    Engine::new(asked.map(|nodes| nodes.iter().map(String::as_str)))
}

/// The patched crates of the workspace in `root` that are copies; the others are links.
fn copied(root: &Path) -> Result<HashSet<PathBuf>, StepError> {
    let path = root.join("Cargo.toml");
    let manifest = document(&files::read(&path)?)
        .map_err(|e| StepError::new(format!("{}: {e}", path.display()), ""))?;
    Ok(paths(patched(&manifest))
        .into_iter()
        .map(PathBuf::from)
        .filter(|place| !root.join(place).is_symlink())
        .collect())
}

/// The crates that the registry's are replaced by.
fn patched(manifest: &DocumentMut) -> Option<&Item> {
    manifest.get("patch").and_then(|p| p.get("crates-io"))
}

/// The folders in a table of dependencies.
fn paths(table: Option<&Item>) -> Vec<String> {
    let table = table
        .and_then(Item::as_table_like)
        .into_iter()
        .flat_map(TableLike::iter);
    table
        .filter_map(|(_, spec)| spec.get("path")?.as_str().map(str::to_owned))
        .collect()
}

/// Strait's own manifest; without the facade where the engine needs more of DataFusion.
fn base_manifest(checkout: &Checkout, engine: &Engine) -> Result<DocumentMut, StepError> {
    let mut base = document(&checkout.manifest)
        .map_err(|e| StepError::new(format!("{}/Cargo.toml: {e}", checkout.place()), ""))?;
    if engine.needs_datafusion()
        && let Some(patch) = base.get_mut("patch").and_then(|p| p.get_mut("crates-io"))
        && let Some(patch) = patch.as_table_like_mut()
    {
        patch.remove("datafusion");
    }
    Ok(base)
}

/// The umbrella crate's dependencies on the components; local ones are brought in.
fn dependencies(
    entries: &[(Kind, &RustEntry)],
    import: &mut Import<'_>,
) -> Result<Table, StepError> {
    let mut dependencies = Table::new();
    for (_, entry) in entries {
        let mut dependency = entry.dependency.clone();
        if let Some(folder) = &entry.folder {
            let place = import.add(folder)?;
            dependency.set_path(&Path::new("..").join(place).to_string_lossy());
        }
        dependencies.insert(&dependency.name, Item::Value(dependency.value()));
    }
    Ok(dependencies)
}

/// Strait's crates are those of this command, each there once.
fn one_version(graph: &Graph) -> Result<(), StepError> {
    let strangers = graph.strangers(VERSION);
    if strangers.is_empty() {
        return Ok(());
    }
    let message = format!(
        "versions differ: this command and the Go module are {VERSION}; the crates of the \
         components need {}",
        strangers.join(", ")
    );
    let help = "give the components a version of strait-component that fits this command, or \
        install the command that fits them";
    Err(StepError::new(message, help))
}

/// A Strait crate: real folder, folder in the workspace, whether it is copied.
type OwnCrate = (PathBuf, PathBuf, bool);

/// Puts Strait's own crates into place: links for the workspace's, copies with
/// a fixed time for the patched ones, on which the whole engine depends.
fn place_own(
    base: &DocumentMut,
    checkout: &Checkout,
    root: &Path,
) -> Result<Vec<OwnCrate>, StepError> {
    let mut own = Vec::new();
    let Some(source) = &checkout.root else {
        for path in paths(patched(base)) {
            for (file, text) in FACADE {
                files::write(&root.join(&path).join(file), text)?;
                date(&root.join(&path).join(file))?;
            }
        }
        return Ok(own);
    };
    for path in paths(base.get("workspace").and_then(|w| w.get("dependencies"))) {
        let real = files::absolute(&source.join(&path))?;
        files::link(&real, &root.join(&path))?;
        own.push((real, PathBuf::from(path), false));
    }
    for path in paths(patched(base)) {
        let real = files::absolute(&source.join(&path))?;
        copy(&real, &root.join(&path))?;
        own.push((real, PathBuf::from(path), true));
    }
    Ok(own)
}

fn copy(from: &Path, to: &Path) -> Result<(), StepError> {
    let wanted = files::sources(from)?;
    for file in &wanted {
        let target = to.join(file.strip_prefix(from).unwrap_or(file));
        files::write(
            &target,
            fs::read(file).map_err(|e| StepError::io("read", file, &e))?,
        )?;
        date(&target)?;
    }
    for file in files::sources(to)? {
        if !from.join(file.strip_prefix(to).unwrap_or(&file)).exists() {
            fs::remove_file(&file).map_err(|e| StepError::io("remove", &file, &e))?;
        }
    }
    Ok(())
}

/// Gives a copied source its fixed time.
fn date(path: &Path) -> Result<(), StepError> {
    let failed = |e: std::io::Error| StepError::io("date", path, &e);
    let opened = fs::File::options()
        .append(true)
        .open(path)
        .map_err(failed)?;
    opened
        .set_modified(SystemTime::UNIX_EPOCH + COPY_TIME)
        .map_err(failed)
}

/// The repository's manifest, with the umbrella as its only named member.
fn root_manifest(mut base: DocumentMut, own: &[OwnCrate], from_registry: bool) -> String {
    if let Some(workspace) = base.get_mut("workspace").and_then(Item::as_table_mut) {
        workspace.remove("default-members");
        // Two members cannot have one name; two crates of users' can.
        let excluded: Array = [super::import::FOLDER].into_iter().collect();
        workspace.insert("exclude", Item::Value(Value::Array(excluded)));
        let members: Array = ["umbrella"].into_iter().collect();
        workspace.insert("members", Item::Value(Value::Array(members)));
    }
    if own.iter().all(|(_, _, copied)| *copied) {
        // What is released has no path here.
        let dependencies = base
            .get_mut("workspace")
            .and_then(|w| w.get_mut("dependencies"));
        for (_, spec) in dependencies
            .and_then(Item::as_table_like_mut)
            .into_iter()
            .flat_map(|table| table.iter_mut())
        {
            if let Some(spec) = spec.as_table_like_mut() {
                spec.remove("path");
            }
        }
    } else if from_registry
        && let Some(patch) = base.get_mut("patch").and_then(|p| p.get_mut("crates-io"))
    {
        // Published components name the published SDK; they get this one.
        for (_, place, copied) in own {
            let name = place
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            if !copied
                && ["component", "description", "records", "ringbuf"].contains(&name.as_str())
            {
                let mut spec = InlineTable::new();
                spec.insert("path", place.to_string_lossy().as_ref().into());
                patch[&format!("strait-{name}")] = Item::Value(Value::InlineTable(spec));
            }
        }
    }
    let text = base.to_string();
    format!(
        "# Written by `strait build` from Strait's own Cargo.toml; overwritten by every build.\n\n\
         {}",
        text.trim_start()
    )
}

/// The package behind each entry, checked against the builder file.
fn components(
    graph: &Graph,
    entries: &[(Kind, &RustEntry)],
) -> Result<Vec<RustComponent>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut components = Vec::new();
    let mut types: BTreeMap<(Kind, String), &RustEntry> = BTreeMap::new();
    for (place, (kind, entry)) in entries.iter().enumerate() {
        let found = of_entry(graph, *kind, entry).map_err(|e| {
            let at = e.at.unwrap_or_else(|| entry.at.clone());
            findings.push(Finding::new(at, e.message, e.label, e.help));
        });
        let Ok((crate_name, package, chosen)) = found else {
            continue;
        };
        for component in chosen {
            let name = (component.kind, component.type_name.clone());
            if let Some(first) = types.insert(name, entry) {
                let (kind, name) = (component.kind, &component.type_name);
                let message = format!("two {kind}s have the type `{name}`");
                let help = "remove one: a Collector refuses two factories of one type";
                findings.push(
                    Finding::new(entry.at.clone(), message, "again", help)
                        .also(first.at.clone(), "first"),
                );
            }
            let module = entry.import.as_deref().unwrap_or(crate_name);
            let name = entry.name.clone();
            let name = name.unwrap_or_else(|| go_package(&component, &components));
            components.push(RustComponent {
                entry: place,
                kind: component.kind,
                module: go_module(package, &component, &components),
                package: package.name.clone(),
                version: package.version.clone(),
                crate_name: crate_name.to_owned(),
                folder: entry.folder.clone(),
                name,
                factory: format!("{module}::{}", component.factory),
                twin: None,
                component,
            });
        }
    }
    if findings.is_empty() {
        Ok(components)
    } else {
        Err(findings)
    }
}

/// Why an entry brings no component.
struct Unusable {
    /// `None`: the whole entry.
    at: Option<Range<usize>>,
    message: String,
    label: &'static str,
    help: String,
}

impl Unusable {
    fn new(message: String, label: &'static str, help: impl Into<String>) -> Self {
        Self {
            at: None,
            message,
            label,
            help: help.into(),
        }
    }
}

/// The crate of an entry, by its name in Rust, and those of its components that are wanted.
fn of_entry<'g>(
    graph: &'g Graph,
    kind: Kind,
    entry: &RustEntry,
) -> Result<(&'g str, &'g Package, Vec<Component>), Unusable> {
    let name = &entry.dependency.name;
    let (crate_name, package) = graph.package(&entry.dependency).ok_or_else(|| {
        let message = format!("cargo resolves no package for `{name}`");
        Unusable::new(message, "this one", "check the name and the version")
    })?;
    let mut components = Component::read(&package.name, &package.metadata, kind)
        .map_err(|e| Unusable::new(e.message, "this crate", e.help))?;
    if let Some(wanted) = &entry.components {
        let has = |name: &String| components.iter().any(|c| c.type_name == *name);
        if let Some(missing) = wanted.value.iter().find(|name| !has(name)) {
            let there: Vec<_> = components.iter().map(|c| c.type_name.as_str()).collect();
            return Err(Unusable {
                at: Some(wanted.at.clone()),
                message: format!("the crate `{name}` has no component `{missing}`"),
                label: "not there",
                help: format!("it has {}", there.join(", ")),
            });
        }
        components.retain(|c| wanted.value.contains(&c.type_name));
    }
    if components.iter().all(|c| c.kind != kind) {
        let message = format!("no {kind} of the crate `{name}` is wanted");
        let help = format!("list it under another section, or name a {kind} in `components`");
        return Err(Unusable::new(message, "under the wrong section", help));
    }
    let one = entry.name.is_some() || entry.runtime.is_some();
    if one && components.len() > 1 {
        let count = components.len();
        let message =
            format!("`name` and `runtime` are of one component, and `{name}` has {count}");
        let help = "choose one with `components`, or remove the key";
        return Err(Unusable::new(message, "brings several", help));
    }
    Ok((crate_name, package, components))
}

/// What a component's Go package is called: as its type, and with its kind where one of another
/// kind has that name, for both are imported by one file.
fn go_package(component: &Component, others: &[RustComponent]) -> String {
    let name = component.type_name.clone();
    if others.iter().all(|other| other.name != name) {
        return name;
    }
    format!("{name}_{}", component.kind)
}

/// The path of a component's Go module: named after its crate and where that comes
/// from, with the suffix that Go demands from major version 2 on. Another version or
/// component of a crate that is there already has its kind and its type in the path, too.
fn go_module(package: &Package, component: &Component, others: &[RustComponent]) -> String {
    let major = package.version.split('.').next().unwrap_or("0");
    let suffix = if matches!(major, "0" | "1") {
        String::new()
    } else {
        format!("/v{major}")
    };
    let origin = origin(package.source.as_deref());
    let path = format!("{origin}/{}{suffix}", package.name);
    if others.iter().all(|other| other.module != path) {
        return path;
    }
    let (kind, name) = (component.kind, &component.type_name);
    format!("{origin}/{}/{kind}/{name}{suffix}", package.name)
}
