//! The packages of the generated workspace, as Cargo resolves them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use toml_edit::Item;

use super::component::RustComponent;
use super::umbrella;
use crate::builder_file::cargo_line::{Dependency, document};
use crate::error::StepError;
use crate::files;
use crate::platform::Platform;
use crate::process;
use crate::ui::Ui;

/// `cargo metadata`
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

/// A package of the graph.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Cargo's name for this one of all packages.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// Where it comes from; `None` for a folder on this machine.
    pub source: Option<String>,
    /// Its licence, an SPDX expression.
    pub license: Option<String>,
    /// `[package.metadata]`
    pub metadata: serde_json::Value,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<ResolveNode>,
}

#[derive(Deserialize)]
struct ResolveNode {
    id: String,
    deps: Vec<ResolvedDependency>,
}

#[derive(Debug, Deserialize)]
struct ResolvedDependency {
    name: String,
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl ResolvedDependency {
    /// Whether a dependency of such a kind is part of what is built.
    fn is(&self, wanted: impl Fn(Option<&str>) -> bool) -> bool {
        self.dep_kinds
            .iter()
            .any(|kind| wanted(kind.kind.as_deref()))
    }
}

/// A linked package, and the ids of the linked packages that it needs.
pub type Linked<'a> = (&'a Package, Vec<&'a str>);

/// What `cargo metadata` says of the workspace.
#[derive(Debug, Default)]
pub struct Graph {
    root: PathBuf,
    target: String,
    packages: HashMap<String, Package>,
    nodes: HashMap<String, Vec<ResolvedDependency>>,
}

impl Graph {
    /// Resolves the workspace in `root`.
    ///
    /// # Errors
    /// What cargo says.
    pub fn read(
        root: &Path,
        platform: &Platform,
        offline: bool,
        ui: &Ui,
    ) -> Result<Self, StepError> {
        let mut command = Command::new("cargo");
        command.current_dir(root).args([
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            platform.rust_target().unwrap_or_default(),
        ]);
        if offline {
            command.arg("--offline");
        }
        let text = process::output(&mut command, "resolving the Rust crates", ui)?;
        let metadata: Metadata = serde_json::from_str(&text).map_err(|e| {
            StepError::new(
                format!("cargo metadata answers something else than expected: {e}"),
                "update Rust with `rustup update`",
            )
        })?;
        Ok(Self {
            root: root.to_owned(),
            target: platform.rust_target().unwrap_or_default().to_owned(),
            packages: metadata
                .packages
                .into_iter()
                .map(|p| (p.id.clone(), p))
                .collect(),
            nodes: metadata
                .resolve
                .nodes
                .into_iter()
                .map(|n| (n.id, n.deps))
                .collect(),
        })
    }

    fn umbrella(&self) -> &[ResolvedDependency] {
        let id = self
            .packages
            .values()
            .find(|p| p.name == umbrella::NAME)
            .map(|p| &p.id);
        id.and_then(|id| self.nodes.get(id))
            .map_or(&[], Vec::as_slice)
    }

    /// Packages that the library is made of, build scripts' included.
    fn reachable(&self) -> HashSet<&str> {
        self.reachable_from(self.umbrella().iter().collect())
    }

    fn reachable_from<'g>(&'g self, mut next: Vec<&'g ResolvedDependency>) -> HashSet<&'g str> {
        let mut seen = HashSet::new();
        while let Some(dependency) = next.pop() {
            let used = dependency.is(|kind| kind != Some("dev"));
            if used && seen.insert(dependency.pkg.as_str()) {
                next.extend(self.nodes.get(&dependency.pkg).into_iter().flatten());
            }
        }
        seen
    }

    /// How many packages are compiled for the library, build scripts' and
    /// procedural macros included.
    ///
    /// # Errors
    /// What cargo says.
    pub fn count(&self, offline: bool, ui: &Ui) -> Result<usize, StepError> {
        Ok(self.used("normal,build", offline, ui)?.len())
    }

    /// The components that bring in the package `name`, which Strait does not need itself.
    #[must_use]
    pub fn brought_by<'c>(
        &self,
        name: &str,
        components: &'c [RustComponent],
    ) -> Vec<&'c RustComponent> {
        let of = |d: &ResolvedDependency| components.iter().find(|c| c.crate_name == d.name);
        let brings = |roots| {
            let reached = self.reachable_from(roots);
            let mut packages = reached.iter().filter_map(|id| self.packages.get(*id));
            packages.any(|p| p.name == name)
        };
        let (theirs, own): (Vec<_>, Vec<_>) = self.umbrella().iter().partition(|d| of(d).is_some());
        if brings(own) {
            return Vec::new();
        }
        let found = theirs.into_iter().filter(|d| brings(vec![*d]));
        found.filter_map(of).collect()
    }

    /// Strait's crates that are not of `version`, or there twice, as `name version`:
    /// a component was made for another SDK.
    #[must_use]
    pub fn strangers(&self, version: &str) -> Vec<String> {
        let ours = |p: &&Package| p.name.starts_with("strait-") && p.name != umbrella::NAME;
        let mut found: Vec<String> = self
            .packages
            .values()
            .filter(ours)
            .filter(|p| {
                let same = self.packages.values().filter(|other| other.name == p.name);
                p.version != version || same.count() > 1
            })
            .map(|p| {
                let from = p.manifest_path.parent().unwrap_or(Path::new(""));
                format!("{} {} ({})", p.name, p.version, from.display())
            })
            .collect();
        found.sort();
        found
    }

    /// A path crate's folder, relative to the workspace.
    #[must_use]
    pub fn place(&self, package: &Package) -> Option<PathBuf> {
        let folder = package.manifest_path.parent()?;
        Some(folder.strip_prefix(&self.root).ok()?.to_owned())
    }

    /// The path crates: `name@version`, folder relative to the workspace, whether it is among the
    /// copied ones.
    #[must_use]
    pub fn path_crates(&self, copied: &HashSet<PathBuf>) -> Vec<(String, PathBuf, bool)> {
        let reachable = self.reachable();
        let mut crates: Vec<_> = self
            .packages
            .values()
            .filter(|p| {
                p.source.is_none()
                    && (p.name == umbrella::NAME || reachable.contains(p.id.as_str()))
            })
            .filter_map(|p| {
                let folder = self.place(p)?;
                let is_copy = copied.contains(&folder);
                Some((format!("{}@{}", p.name, p.version), folder, is_copy))
            })
            .collect();
        crates.sort();
        crates
    }

    /// What Rust code calls a dependency of the umbrella crate, and its package.
    #[must_use]
    pub fn package(&self, dependency: &Dependency) -> Option<(&str, &Package)> {
        let name = dependency.name.replace('-', "_");
        let dependencies = self.umbrella();
        let found = dependencies.iter().find(|d| d.name == name).or_else(|| {
            // A crate whose library has a name of its own.
            let is_it = |d: &&ResolvedDependency| {
                self.packages
                    .get(&d.pkg)
                    .is_some_and(|p| p.name == dependency.package())
            };
            dependencies.iter().find(is_it)
        })?;
        Some((&found.name, self.packages.get(&found.pkg)?))
    }

    /// The packages that are linked, and those that the umbrella crate names.
    /// Build scripts and procedural macros run where the library is compiled and
    /// are no part of it.
    ///
    /// # Errors
    /// What cargo says.
    pub fn linked(&self, ui: &Ui) -> Result<(BTreeMap<&str, Linked<'_>>, Vec<&str>), StepError> {
        let used = self.used("normal,no-proc-macro", true, ui)?;
        let mut linked = BTreeMap::new();
        let direct = self.needs(self.umbrella(), &used);
        let mut next = direct.clone();
        while let Some(id) = next.pop() {
            if let Some(package) = self.packages.get(id).filter(|_| !linked.contains_key(id)) {
                let dependencies = self.nodes.get(id).map_or(&[][..], Vec::as_slice);
                let needs = self.needs(dependencies, &used);
                next.extend(&needs);
                linked.insert(id, (package, needs));
            }
        }
        Ok((linked, direct))
    }

    /// Those of these dependencies that are linked.
    fn needs<'a>(
        &self,
        dependencies: &'a [ResolvedDependency],
        used: &HashSet<String>,
    ) -> Vec<&'a str> {
        let is_used = |id: &&str| {
            let package = self.packages.get(*id);
            package.is_some_and(|p| used.contains(&format!("{} v{}", p.name, p.version)))
        };
        let normal = dependencies.iter().filter(|d| d.is(|kind| kind.is_none()));
        normal.map(|d| d.pkg.as_str()).filter(is_used).collect()
    }

    /// `name vVERSION` of every package that these edges reach. Unlike
    /// `cargo metadata`, `cargo tree` leaves out what only features need that
    /// nothing asks for.
    fn used(&self, edges: &str, offline: bool, ui: &Ui) -> Result<HashSet<String>, StepError> {
        let mut command = Command::new("cargo");
        command
            .current_dir(&self.root)
            .args(["tree", "--locked", "--package", umbrella::NAME]);
        command.args(["--edges", edges, "--prefix", "none", "--format", "{p}"]);
        command.args(["--target", &self.target]);
        if offline {
            command.arg("--offline");
        }
        let text = process::output(&mut command, "listing the crates", ui)?;
        let words = text
            .lines()
            .map(|line| line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "));
        Ok(words.collect())
    }

    /// The SHA-256 of every package from a registry, by name and version.
    ///
    /// # Errors
    /// The lock cannot be read.
    pub fn checksums(&self) -> Result<HashMap<(String, String), String>, StepError> {
        let path = self.root.join("Cargo.lock");
        let lock = document(&files::read(&path)?)
            .map_err(|e| StepError::new(format!("{}: {e}", path.display()), ""))?;
        let packages = lock.get("package").and_then(Item::as_array_of_tables);
        let text = |table: &toml_edit::Table, key: &str| {
            table.get(key).and_then(Item::as_str).map(str::to_owned)
        };
        let known = packages.into_iter().flatten().filter_map(|package| {
            Some((
                (text(package, "name")?, text(package, "version")?),
                text(package, "checksum")?,
            ))
        });
        Ok(known.collect())
    }
}
