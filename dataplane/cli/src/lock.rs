//! The locks of a distribution: which versions of crates and Go modules it is
//! made of, kept in a folder beside the builder file (`builder.yaml` has
//! `builder.lock/`).
//!
//! | file | what it is |
//! |---|---|
//! | `Cargo.lock` | the crates, Strait's own included |
//! | `go.mod`, `go.sum` | the Go modules, as ocb resolved them |
//! | `inputs.txt` | what ocb resolved them from |
//!
//! A build with Rust writes them; a Go-only build is ocb's own and keeps them
//! only once `--update` has made them. While `inputs.txt` is what the builder
//! file says, go.mod and go.sum are used as they are and nothing is looked up.
//! Crates start from Strait's own lock, on whose versions the compiled engine
//! depends; the folder's adds what only this distribution has.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use crate::builder_file::cargo_line::document;
use crate::error::StepError;
use crate::files;

/// What a build may do with the locks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Use what fits, add what is missing.
    #[default]
    Keep,
    /// Fail where they would change.
    Locked,
    /// Resolve anew.
    Update,
}

/// The locks of one builder file.
#[derive(Debug)]
pub struct Locks {
    folder: PathBuf,
    mode: Mode,
}

impl Locks {
    /// The locks beside the builder file `config`.
    ///
    /// # Errors
    /// They have to be there, and are not.
    pub fn open(config: &Path, mode: Mode) -> Result<Self, StepError> {
        let folder = config.with_extension("lock");
        if mode == Mode::Locked && !folder.is_dir() {
            return Err(StepError::new(
                format!("--locked: there are no locks in {}", folder.display()),
                "build once without --locked, and keep the folder with the builder file",
            ));
        }
        Ok(Self { folder, mode })
    }

    /// What the build may do with them.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a Go-only build has locks: those that it once was given.
    #[must_use]
    pub fn wanted_for_go(&self) -> bool {
        self.mode != Mode::Keep || self.folder.join("go.mod").is_file()
    }

    /// The lock to resolve the crates from: `strait`, Strait's own, and what
    /// was locked besides.
    ///
    /// # Errors
    /// A lock that cannot be read.
    pub fn crates(&self, strait: &str) -> Result<String, StepError> {
        let path = self.folder.join("Cargo.lock");
        if self.mode == Mode::Update || !path.is_file() {
            return Ok(strait.to_owned());
        }
        let own = files::read(&path)?;
        let read = |text: &str| {
            document(text).map_err(|e| StepError::new(format!("{}: {e}", path.display()), ""))
        };
        Ok(join(read(strait)?, &read(&own)?))
    }

    /// Keeps the lock `resolved`, that Cargo left.
    ///
    /// # Errors
    /// With `--locked`, what differs.
    pub fn keep_crates(&self, resolved: &Path) -> Result<(), StepError> {
        let now = files::read(resolved)?;
        let path = self.folder.join("Cargo.lock");
        let before = fs::read_to_string(&path).unwrap_or_default();
        if now == before {
            return Ok(());
        }
        let (mut old, mut new) = (packages(&before), packages(&now));
        if old == new {
            (old, new) = (edges(&before), edges(&now));
        }
        self.refuse("Cargo.lock", &old, &new)?;
        files::write(&path, now)
    }

    /// Puts go.mod and go.sum into `folder` when they fit `inputs`, and says
    /// whether they did. Otherwise ocb has to resolve the modules.
    ///
    /// # Errors
    /// With `--locked`, what differs.
    pub fn go_modules(&self, inputs: &str, folder: &Path) -> Result<bool, StepError> {
        if self.mode == Mode::Update {
            return Ok(false);
        }
        let before = fs::read_to_string(self.folder.join("inputs.txt")).unwrap_or_default();
        if before != inputs {
            let lines = |text: &str| text.lines().map(str::to_owned).collect();
            self.refuse("go.mod", &lines(&before), &lines(inputs))?;
            return Ok(false);
        }
        for name in GO_FILES {
            let path = self.folder.join(name);
            let Ok(content) = fs::read(&path) else {
                self.refuse("go.mod", &BTreeSet::new(), &BTreeSet::from([name.into()]))?;
                return Ok(false);
            };
            files::write(&folder.join(name), content)?;
        }
        Ok(true)
    }

    /// Keeps what ocb left in `folder`, resolved from `inputs`.
    ///
    /// # Errors
    /// A file is missing or cannot be written.
    pub fn keep_go_modules(&self, inputs: &str, folder: &Path) -> Result<(), StepError> {
        for name in GO_FILES {
            let path = folder.join(name);
            let content = fs::read(&path).map_err(|e| StepError::io("read", &path, &e))?;
            files::write(&self.folder.join(name), content)?;
        }
        files::write(&self.folder.join("inputs.txt"), inputs)
    }

    /// With `--locked`, an error that lists how `before` becomes `now`.
    fn refuse(
        &self,
        file: &str,
        before: &BTreeSet<String>,
        now: &BTreeSet<String>,
    ) -> Result<(), StepError> {
        if self.mode != Mode::Locked {
            return Ok(());
        }
        let mut message = format!(
            "--locked: {} would change",
            self.folder.join(file).display()
        );
        let gone = before.difference(now).map(|line| ('-', line));
        let new = now.difference(before).map(|line| ('+', line));
        for (sign, line) in gone.chain(new) {
            let _ = write!(message, "\n  {sign} {line}");
        }
        Err(StepError::new(
            message,
            "build without --locked, look at what changed, and keep it",
        ))
    }
}

const GO_FILES: [&str; 2] = ["go.mod", "go.sum"];

fn tables(lock: &DocumentMut) -> impl Iterator<Item = &Table> {
    lock.get("package")
        .and_then(Item::as_array_of_tables)
        .into_iter()
        .flat_map(ArrayOfTables::iter)
}

fn text<'t>(table: &'t Table, key: &str) -> &'t str {
    table.get(key).and_then(Item::as_str).unwrap_or_default()
}

/// Every package of a lock, as one line each.
fn packages(lock: &str) -> BTreeSet<String> {
    let Ok(lock) = document(lock) else {
        return BTreeSet::new();
    };
    tables(&lock)
        .map(|p| {
            format!(
                "{} {} {}",
                text(p, "name"),
                text(p, "version"),
                text(p, "source")
            )
        })
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Every dependency of a lock, as one line each.
fn edges(lock: &str) -> BTreeSet<String> {
    let Ok(lock) = document(lock) else {
        return BTreeSet::new();
    };
    let needed = |p: &Table| -> Vec<String> {
        let list = p.get("dependencies").and_then(Item::as_array);
        let names = list.into_iter().flat_map(|list| list.iter());
        names
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    tables(&lock)
        .flat_map(|p| {
            let package = format!("{} {}", text(p, "name"), text(p, "version"));
            let lines = needed(p).into_iter();
            lines.map(move |name| format!("{package} needs {name}"))
        })
        .collect()
}

/// `base` with the packages of `more` that it has no compatible version of.
fn join(mut base: DocumentMut, more: &DocumentMut) -> String {
    let compatible = |one: &str, other: &str| {
        let range = |text: &str| {
            let v = Version::parse(text).ok()?;
            Some(match (v.major, v.minor) {
                (0, 0) => (0, 0, v.patch),
                (0, minor) => (0, minor, 0),
                (major, _) => (major, 0, 0),
            })
        };
        one == other || range(one).is_some_and(|r| Some(r) == range(other))
    };
    let added: Vec<Table> = tables(more)
        .filter(|p| {
            !tables(&base).any(|own| {
                text(own, "name") == text(p, "name")
                    && compatible(text(own, "version"), text(p, "version"))
            })
        })
        .cloned()
        .collect();
    if let Some(list) = base
        .get_mut("package")
        .and_then(Item::as_array_of_tables_mut)
    {
        // Behind the last one: a table keeps the place that it had in its own file.
        let last = list.iter().filter_map(Table::position).max().unwrap_or(0);
        for (n, mut table) in added.into_iter().enumerate() {
            table.set_position(Some(last + 1 + isize::try_from(n).unwrap_or(0)));
            list.push(table);
        }
    }
    base.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(packages: &[(&str, &str)]) -> String {
        packages
            .iter()
            .fold("version = 4\n".into(), |text, (name, version)| {
                text + &format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
            })
    }

    struct Case(tempfile::TempDir);

    impl Case {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, content) in files {
                files::write(&dir.path().join(name), content).unwrap();
            }
            Self(dir)
        }

        fn locks(&self, mode: Mode) -> Locks {
            Locks::open(&self.0.path().join("builder.yaml"), mode).unwrap()
        }

        fn write(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.path().join(name);
            files::write(&path, content).unwrap();
            path
        }
    }

    #[test]
    fn straits_versions_win_and_the_others_stay() {
        let own = lock(&[("serde", "1.0.1"), ("extra", "0.2.1"), ("two", "0.1.9")]);
        let case = Case::new(&[("builder.lock/Cargo.lock", &own)]);
        let strait = lock(&[("serde", "1.0.9"), ("two", "0.2.0")]);
        let joined = case.locks(Mode::Keep).crates(&strait).unwrap();
        let list: Vec<_> = packages(&joined).into_iter().collect();
        assert_eq!(
            list,
            ["extra 0.2.1", "serde 1.0.9", "two 0.1.9", "two 0.2.0"]
        );
        assert_eq!(case.locks(Mode::Update).crates(&strait).unwrap(), strait);
    }

    #[test]
    fn locked_names_the_crates_that_would_change() {
        let case = Case::new(&[("builder.lock/Cargo.lock", &lock(&[("a", "1.0.0")]))]);
        let resolved = case.write("Cargo.lock", &lock(&[("a", "1.0.1"), ("b", "2.0.0")]));
        let error = case.locks(Mode::Locked).keep_crates(&resolved).unwrap_err();
        assert!(
            error
                .message
                .ends_with("would change\n  - a 1.0.0\n  + a 1.0.1\n  + b 2.0.0"),
            "{}",
            error.message
        );
        case.locks(Mode::Keep).keep_crates(&resolved).unwrap();
        case.locks(Mode::Locked).keep_crates(&resolved).unwrap();
    }

    #[test]
    fn go_modules_are_used_while_their_inputs_are_the_same() {
        let case = Case::new(&[("out/go.mod", "module x\n"), ("out/go.sum", "sums\n")]);
        let out = case.0.path().join("out");
        let keep = case.locks(Mode::Keep);
        assert!(
            !keep.go_modules("require a v1\n", &out).unwrap(),
            "no locks yet"
        );
        assert!(!keep.wanted_for_go());
        keep.keep_go_modules("require a v1\n", &out).unwrap();
        case.write("out/go.mod", "edited");
        let locked = case.locks(Mode::Locked);
        assert!(locked.go_modules("require a v1\n", &out).unwrap());
        assert_eq!(
            fs::read_to_string(out.join("go.mod")).unwrap(),
            "module x\n"
        );
        let error = locked.go_modules("require a v2\n", &out).unwrap_err();
        assert!(
            error.message.contains("- require a v1\n  + require a v2"),
            "{}",
            error.message
        );
        assert!(!keep.go_modules("require a v2\n", &out).unwrap());
        assert!(
            !case
                .locks(Mode::Update)
                .go_modules("require a v1\n", &out)
                .unwrap()
        );
    }

    #[test]
    fn locked_needs_locks() {
        let case = Case::new(&[]);
        let error = Locks::open(&case.0.path().join("builder.yaml"), Mode::Locked).unwrap_err();
        assert!(error.message.contains("builder.lock"), "{}", error.message);
    }
}
