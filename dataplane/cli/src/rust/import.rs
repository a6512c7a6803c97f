//! Brings a local crate into the generated workspace.
//!
//! Cargo hashes a path crate outside the workspace's root by its absolute
//! path, so a crate left where it is would give other bytes in every folder.
//! Its folder in the workspace holds links to everything in it, except for its
//! manifest, which is written anew: what it inherits from a workspace of its
//! own is filled in, its paths are resolved (a local dependency is brought in
//! the same way; Strait's own crates become those of the workspace), and what
//! has no meaning in a dependency is left out.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use super::inherit::{Inherit, dependency_tables, read_manifest};
use crate::checkout::VERSION;
use crate::error::StepError;
use crate::files;

/// Folder of the brought-in crates, below the workspace's root.
pub const FOLDER: &str = "components";

/// Local crates by their own folder.
#[derive(Debug)]
pub struct Import<'a> {
    /// The workspace's root.
    root: &'a Path,
    /// A crate's real folder to its folder in the workspace.
    placed: BTreeMap<PathBuf, PathBuf>,
}

impl<'a> Import<'a> {
    /// An import into the workspace at `root`, where `own` lists Strait's
    /// crates: real folder, folder in the workspace.
    #[must_use]
    pub fn new(root: &'a Path, own: BTreeMap<PathBuf, PathBuf>) -> Self {
        Self { root, placed: own }
    }

    /// Brings in the crate in `folder` and what it depends on locally, and
    /// returns its folder relative to the workspace's root.
    ///
    /// # Errors
    /// A manifest that cannot be read or that inherits what is not there.
    pub fn add(&mut self, folder: &Path) -> Result<PathBuf, StepError> {
        let source = files::absolute(folder)?;
        if let Some(place) = self.placed.get(&source) {
            return Ok(place.clone());
        }
        let manifest_path = source.join("Cargo.toml");
        let mut manifest = read_manifest(&manifest_path)?;
        let Some(name) = package_text(&manifest, "name").map(str::to_owned) else {
            let message = format!("{} has no package.name", manifest_path.display());
            return Err(StepError::new(
                message,
                "name the folder of the crate, not of its workspace",
            ));
        };
        Inherit::find(&source, &manifest)?.fill(&mut manifest, &manifest_path)?;
        if let Some(own) = self.own(&name)? {
            same_version(&manifest, &manifest_path)?;
            self.placed.insert(source, own.clone());
            return Ok(own);
        }
        let place = self.free_place(&name);
        self.placed.insert(source.clone(), place.clone());
        for key in [
            "workspace",
            "patch",
            "replace",
            "profile",
            "dev-dependencies",
        ] {
            manifest.remove(key);
        }
        if let Some(package) = manifest
            .get_mut("package")
            .and_then(Item::as_table_like_mut)
        {
            package.remove("workspace");
        }
        self.resolve_paths(&mut manifest, &source, &place)?;
        let banner = format!(
            "# Written by `strait build` from {name}'s own Cargo.toml; overwritten by every \
             build.\n\n"
        );
        let target = self.root.join(&place);
        link_contents(&source, &target)?;
        files::write(
            &target.join("Cargo.toml"),
            format!("{banner}{}", manifest.to_string().trim_start()),
        )?;
        Ok(place)
    }

    /// Strait's own crate `name`: a component that was made with another
    /// checkout gets those of this one, because there can be only one of each.
    fn own(&self, name: &str) -> Result<Option<PathBuf>, StepError> {
        if !name.starts_with("strait-") {
            return Ok(None);
        }
        for (folder, place) in &self.placed {
            if !place.starts_with(FOLDER)
                && package_text(&read_manifest(&folder.join("Cargo.toml"))?, "name") == Some(name)
            {
                return Ok(Some(place.clone()));
            }
        }
        Ok(None)
    }

    /// A folder that no other crate of this build has.
    fn free_place(&self, name: &str) -> PathBuf {
        let taken = |place: &PathBuf| self.placed.values().any(|other| other == place);
        let mut place = Path::new(FOLDER).join(name);
        let mut n = 1;
        while taken(&place) {
            n += 1;
            place = Path::new(FOLDER).join(format!("{name}-{n}"));
        }
        place
    }

    fn resolve_paths(
        &mut self,
        manifest: &mut DocumentMut,
        source: &Path,
        place: &Path,
    ) -> Result<(), StepError> {
        for table in dependency_tables(manifest.as_table_mut()) {
            for (_, item) in table.iter_mut() {
                let Some(spec) = item.as_table_like_mut() else {
                    continue;
                };
                let Some(path) = spec.get("path").and_then(Item::as_str).map(str::to_owned) else {
                    continue;
                };
                let target = self.add(&source.join(path))?;
                let way =
                    files::relative(&Path::new("/").join(place), &Path::new("/").join(target));
                spec.insert("path", Item::Value(way.to_string_lossy().as_ref().into()));
            }
        }
        Ok(())
    }
}

/// The crates that were brought into the workspace at `root`: folder in the
/// workspace, their own folder, as their links tell it.
#[must_use]
pub fn imported(root: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let own = |place: &Path| {
        let mut links = entries(place).filter_map(|entry| fs::read_link(entry.path()).ok());
        links.find_map(|link| link.parent().map(Path::to_owned))
    };
    entries(&root.join(FOLDER))
        .filter_map(|entry| {
            Some((
                Path::new(FOLDER).join(entry.file_name()),
                own(&entry.path())?,
            ))
        })
        .collect()
}

fn package_text<'m>(manifest: &'m DocumentMut, key: &str) -> Option<&'m str> {
    manifest.get("package")?.get(key)?.as_str()
}

/// A crate of Strait's in another checkout has the version of this command.
fn same_version(manifest: &DocumentMut, path: &Path) -> Result<(), StepError> {
    let version = package_text(manifest, "version").unwrap_or_default();
    if version == VERSION {
        return Ok(());
    }
    let message = format!(
        "versions differ: this command, its crates and the Go module are {VERSION}; {} is \
         {version}",
        path.display()
    );
    let help = "let the component depend on the crates of the Strait that it is built with";
    Err(StepError::new(message, help))
}

/// Links everything in `source` except manifests and build output into
/// `target`, and removes links to what is gone.
fn link_contents(source: &Path, target: &Path) -> Result<(), StepError> {
    const LEFT_OUT: [&str; 3] = ["Cargo.toml", "target", ".git"];
    let failed = |e: std::io::Error| StepError::io("read", source, &e);
    let mut linked = HashSet::new();
    for entry in fs::read_dir(source).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // A crate may have its distribution within itself: `output_path: ./build`.
        let holds_target = target.starts_with(source.join(&name));
        // Cargo's own, and the folder of a builder file's beside it.
        let is_lock = Path::new(&name).extension().is_some_and(|e| e == "lock");
        let left_out = LEFT_OUT.iter().any(|left_out| name == *left_out);
        if !(holds_target || is_lock || left_out) {
            files::link(&source.join(&name), &target.join(&name))?;
            linked.insert(name);
        }
    }
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_symlink() && !linked.contains(&entry.file_name()) {
            fs::remove_file(&path).map_err(|e| StepError::io("remove", &path, &e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            files::write(&dir.path().join(name), content).unwrap();
        }
        dir
    }

    #[test]
    fn the_sdk_of_another_checkout_is_that_of_this_one() {
        let package = |version: &str| {
            format!("[package]\nname = \"strait-component\"\nversion = \"{version}\"\n")
        };
        let component =
            "[package]\nname = \"a\"\n[dependencies]\nstrait-component = { path = \"../there\" }\n";
        let dir = tree(&[
            ("here/Cargo.toml", &package(VERSION)),
            ("there/Cargo.toml", &package(VERSION)),
            ("a/Cargo.toml", component),
        ]);
        let folder = |name: &str| files::absolute(&dir.path().join(name)).unwrap();
        let root = folder("root");
        let own = BTreeMap::from([(folder("here"), PathBuf::from("dataplane/component"))]);
        let add = || {
            let mut import = Import::new(&root, own.clone());
            let place = import.add(&folder("a"))?;
            files::read(&root.join(place).join("Cargo.toml"))
        };
        let text = add().unwrap();
        assert!(text.contains("../../dataplane/component"), "{text}");
        fs::write(folder("there").join("Cargo.toml"), package("9.9.9")).unwrap();
        let error = add().unwrap_err();
        assert!(error.message.contains("9.9.9"), "{}", error.message);
    }

    #[test]
    fn a_distribution_within_its_component_is_not_part_of_it() {
        let dir = tree(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/src/lib.rs", ""),
            ("a/old.txt", ""),
            ("a/builder.lock/go.mod", ""),
        ]);
        let crate_folder = files::absolute(&dir.path().join("a")).unwrap();
        let root = crate_folder.join("build/strait/rust");
        let add = || {
            let mut import = Import::new(&root, BTreeMap::new());
            let place = root.join(import.add(&crate_folder).unwrap());
            let names = fs::read_dir(place).unwrap().map(|e| e.unwrap().file_name());
            let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(add(), ["Cargo.toml", "old.txt", "src"]);
        fs::remove_file(crate_folder.join("old.txt")).unwrap();
        assert_eq!(add(), ["Cargo.toml", "src"]);
    }

    #[test]
    fn a_crate_of_a_workspace_stands_alone_afterwards() {
        let dir = tree(&[
            (
                "ws/Cargo.toml",
                "[workspace]\nmembers = [\"a\"]\n[workspace.package]\nedition = \"2024\"\n\
                 [workspace.lints.rust]\nmissing_docs = \"warn\"\n\
                 [workspace.dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\n\
                 regex = \"1\"\nhelper = { path = \"helper\" }\n",
            ),
            (
                "ws/a/Cargo.toml",
                "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition.workspace = true\n[lints]\n\
                 workspace = true\n\
                 [dependencies]\nserde = { workspace = true, features = [\"rc\"] }\n\
                 regex.workspace = true\nhelper.workspace = true\n\
                 own = { path = \"../../strait/sdk\" }\n[dev-dependencies]\nproptest = \"1\"\n",
            ),
            ("ws/a/src/lib.rs", ""),
            (
                "ws/helper/Cargo.toml",
                "[package]\nname = \"helper\"\nversion = \"0.1.0\"\n",
            ),
            (
                "strait/sdk/Cargo.toml",
                "[package]\nname = \"sdk\"\nversion = \"0.1.0\"\n",
            ),
        ]);
        let base = files::absolute(dir.path()).unwrap();
        let root = base.join("out");
        let own = BTreeMap::from([(base.join("strait/sdk"), PathBuf::from("dataplane/sdk"))]);
        let mut import = Import::new(&root, own);
        assert_eq!(
            import.add(&base.join("ws/a")).unwrap(),
            Path::new("components/a")
        );
        let manifest = fs::read_to_string(root.join("components/a/Cargo.toml")).unwrap();
        insta::assert_snapshot!(manifest);
        assert!(root.join("components/a/src/lib.rs").is_file());
        assert!(root.join("components/helper/Cargo.toml").is_file());
    }

    #[test]
    fn two_crates_of_one_name_get_two_folders() {
        let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";
        let dir = tree(&[("x/Cargo.toml", manifest), ("y/Cargo.toml", manifest)]);
        let root = dir.path().join("out");
        let mut import = Import::new(&root, BTreeMap::new());
        let places = [
            import.add(&dir.path().join("x")).unwrap(),
            import.add(&dir.path().join("y")).unwrap(),
        ];
        assert_eq!(
            places,
            [Path::new("components/a"), Path::new("components/a-2")]
        );
        assert_eq!(import.add(&dir.path().join("x")).unwrap(), places[0]);
    }

    #[test]
    fn what_a_workspace_lacks_is_named() {
        let dir = tree(&[(
            "a/Cargo.toml",
            "[package]\nname = \"a\"\nversion.workspace = true\n",
        )]);
        let root = dir.path().join("out");
        let error = Import::new(&root, BTreeMap::new())
            .add(&dir.path().join("a"))
            .unwrap_err();
        assert!(
            error.message.contains("package.version"),
            "{}",
            error.message
        );
    }
}
