//! Which path crates Cargo would wrongly take for fresh.
//!
//! Cargo compiles a path crate again when a file of it is newer than its last
//! build. In a target folder that several folders share under the same
//! relative paths that is not enough: the files of another checkout, or of
//! another crate of the same name, may be older and still differ. So what was
//! compiled last is remembered by content. Cargo looks for newer files in the
//! folder that it compiled from, links resolved; where that is this folder, its
//! rule is trusted as far as it goes, so that the usual edit costs nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::workspace::Workspace;
use crate::error::StepError;
use crate::files::{self, Hash};

/// Folders of a crate that are not in the library.
const NOT_COMPILED: [&str; 3] = ["tests", "benches", "examples"];

/// Files of a crate, relative to its folder, each with the hash of its content.
type Files = BTreeMap<PathBuf, String>;

/// What the target folder holds of a path crate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Compiled {
    /// The folder it was compiled from; empty when that may be one of several.
    folder: PathBuf,
    /// The hash of each file; empty while a build that may replace it has not ended.
    files: Files,
    /// When that build began, in seconds since 1970.
    begun: u64,
}

/// A path crate as it is now.
#[derive(Debug)]
struct Current {
    package: String,
    /// Its place in the workspace.
    key: String,
    folder: PathBuf,
    files: Files,
    copied: bool,
}

/// The path crates of a workspace against what the target folder holds.
#[derive(Debug)]
pub struct Sources {
    record: PathBuf,
    known: BTreeMap<String, Compiled>,
    now: Vec<Current>,
    begun: u64,
}

impl Sources {
    /// Reads the record in `target` and the sources of `workspace`.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn read(target: &Path, workspace: &Workspace) -> Result<Self, StepError> {
        let record = target.join("strait-sources.json");
        // A damaged record is none: everything of ours is compiled again.
        let known = fs::read(&record)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        let begun = seconds(SystemTime::now());
        let mut now = Vec::new();
        for (package, place, copied) in &workspace.path_crates {
            let files = hashes(&workspace.root.join(place))?;
            let imported = workspace.imported.iter().find(|(p, _)| p == place);
            let folder = match imported {
                Some((_, own)) => own.clone(),
                None => files::absolute(&workspace.root.join(place))?,
            };
            let key = place.to_string_lossy().into_owned();
            now.push(Current {
                package: package.clone(),
                key,
                folder,
                files,
                copied: *copied,
            });
        }
        Ok(Self {
            record,
            known: known.unwrap_or_default(),
            now,
            begun,
        })
    }

    /// The packages that cargo has to forget before it compiles.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn stale(&self) -> Result<Vec<&str>, StepError> {
        let mut stale = Vec::new();
        for current in &self.now {
            let is_stale = match self.known.get(&current.key) {
                Some(known) if known.files == current.files => false,
                Some(known) if known.folder == current.folder => {
                    known.files.is_empty() || current.hides_a_change_since(known)
                }
                Some(_) => true,
                // A copy has a fixed time, and the engine depends on it: what
                // is there without a record is the repository's own build.
                None => !current.copied,
            };
            if is_stale {
                stale.push(current.package.as_str());
            }
        }
        Ok(stale)
    }

    /// Notes that a build begins: what it may replace from another folder is
    /// unknown until it ends.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn begin(&self) -> Result<(), StepError> {
        let mut known = self.known.clone();
        for current in &self.now {
            if let Some(known) = known.get_mut(&current.key)
                && known.files != current.files
                && known.folder != current.folder
            {
                known.files.clear();
            }
        }
        self.write(&known)
    }

    /// Notes that the build has ended well.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn end(&self) -> Result<(), StepError> {
        let mut known = self.known.clone();
        for current in &self.now {
            let mut folder = current.folder.clone();
            if let Some(known) = known.get(&current.key)
                && known.files == current.files
                && known.folder != current.folder
            {
                // Cargo need not have compiled it again.
                folder = PathBuf::new();
            }
            let compiled = Compiled {
                folder,
                files: current.files.clone(),
                begun: self.begun,
            };
            known.insert(current.key.clone(), compiled);
        }
        self.write(&known)
    }

    fn write(&self, known: &BTreeMap<String, Compiled>) -> Result<(), StepError> {
        let text =
            serde_json::to_string_pretty(known).map_err(|e| StepError::new(e.to_string(), ""))?;
        files::write(&self.record, text)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs())
}

/// The files of a crate that its library can be made of.
fn compiled_files(folder: &Path) -> Result<Vec<PathBuf>, StepError> {
    let mut found = files::sources(folder)?;
    found.retain(|file| {
        let below = file.strip_prefix(folder).unwrap_or(file);
        !NOT_COMPILED.iter().any(|name| below.starts_with(name))
    });
    Ok(found)
}

fn hashes(folder: &Path) -> Result<Files, StepError> {
    let hash = |file: PathBuf| {
        let content = Hash::of_file(&file)?;
        let name = file.strip_prefix(folder).unwrap_or(&file).to_owned();
        Ok((name, content))
    };
    compiled_files(folder)?.into_iter().map(hash).collect()
}

impl Current {
    /// Whether a file differs that is not newer than the build of `known`: cargo
    /// sees newer ones among those that the library is made of, and that some
    /// are gone; the others it does not look at.
    fn hides_a_change_since(&self, known: &Compiled) -> bool {
        let mut changed = self
            .files
            .iter()
            .filter(|(name, hash)| known.files.get(*name) != Some(hash));
        changed.any(|(name, _)| {
            let modified = fs::metadata(self.folder.join(name)).and_then(|m| m.modified());
            !modified.is_ok_and(|time| seconds(time) > known.begun)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platform;
    use crate::rust::engine::Engine;
    use crate::rust::graph::Graph;

    struct Case {
        dir: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
            }
        }

        /// The crate `name`, whose one source was written `age` seconds ago.
        fn source(&self, name: &str, text: &str, age: u64) {
            let path = self.dir.path().join(name).join("src/lib.rs");
            files::write(&path, text).unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(age);
            fs::File::options()
                .append(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        }

        /// Sources of a workspace at whose place `a` stands the crate `name`.
        fn sources(&self, name: &str, copied: bool) -> Sources {
            let root = self.dir.path().join(format!("ws-{name}"));
            files::link(&self.dir.path().join(name), &root.join("a")).unwrap();
            let path_crates = vec![("a".to_owned(), PathBuf::from("a"), copied)];
            let workspace = Workspace {
                root,
                platform: Platform::machine(),
                engine: Engine::new(None::<std::iter::Empty<&str>>).unwrap(),
                graph: Graph::default(),
                components: Vec::new(),
                packages: 1,
                path_crates,
                imported: Vec::new(),
            };
            Sources::read(self.dir.path(), &workspace).unwrap()
        }
    }

    #[test]
    fn older_files_of_another_folder_are_stale() {
        let case = Case::new();
        case.source("one", "1", 1000);
        case.source("two", "2", 2000);
        case.source("same", "1", 5);
        assert_eq!(
            case.sources("one", false).stale().unwrap(),
            ["a"],
            "no record"
        );
        case.sources("one", false).end().unwrap();
        assert!(case.sources("one", false).stale().unwrap().is_empty());
        assert!(
            case.sources("same", false).stale().unwrap().is_empty(),
            "the same content"
        );
        assert_eq!(case.sources("two", false).stale().unwrap(), ["a"]);
        case.source("new", "3", 0);
        assert_eq!(
            case.sources("new", false).stale().unwrap(),
            ["a"],
            "cargo looks in the folder it compiled from"
        );
        // Which of two equal folders that is may be either.
        case.sources("same", false).end().unwrap();
        for name in ["same", "one"] {
            case.source(name, "4", 0);
            assert_eq!(case.sources(name, false).stale().unwrap(), ["a"], "{name}");
        }
    }

    #[test]
    fn an_edit_in_place_is_left_to_cargo() {
        let case = Case::new();
        case.source("one", "1", 1000);
        case.sources("one", false).end().unwrap();
        fs::create_dir(case.dir.path().join("one/tests")).unwrap();
        fs::write(case.dir.path().join("one/tests/t.rs"), "").unwrap();
        assert!(
            case.sources("one", false).stale().unwrap().is_empty(),
            "a test is not in the library"
        );
        let mut sources = case.sources("one", false);
        sources.begun -= 10;
        sources.end().unwrap();
        case.source("one", "2", 0);
        assert!(
            case.sources("one", false).stale().unwrap().is_empty(),
            "newer than the last build"
        );
        case.source("one", "3", 500);
        assert_eq!(
            case.sources("one", false).stale().unwrap(),
            ["a"],
            "put back with its old time"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_left_to_cargo_unless_it_is_old() {
        let case = Case::new();
        case.source("one", "1", 1000);
        let mut sources = case.sources("one", false);
        sources.begun -= 10;
        sources.end().unwrap();
        let notes = case.dir.path().join("one/README.md");
        fs::write(&notes, "new").unwrap();
        assert!(case.sources("one", false).stale().unwrap().is_empty());
        // The source is put back with an old time: the new notes do not hide it.
        case.source("one", "2", 500);
        assert_eq!(case.sources("one", false).stale().unwrap(), ["a"]);
    }

    #[test]
    fn a_build_that_failed_leaves_nothing_to_trust() {
        let case = Case::new();
        case.source("one", "1", 1000);
        case.source("two", "2", 2000);
        case.sources("one", false).end().unwrap();
        // The other folder's build begins and never ends.
        case.sources("two", false).begin().unwrap();
        assert_eq!(case.sources("one", false).stale().unwrap(), ["a"]);
    }

    #[test]
    fn a_copy_without_a_record_is_the_repositorys() {
        let case = Case::new();
        case.source("one", "1", 1000);
        assert!(case.sources("one", true).stale().unwrap().is_empty());
    }
}
