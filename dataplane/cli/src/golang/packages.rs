//! Whether the packages that a builder file imports are such as ocb can use:
//! generated code calls `NewFactory` of each. Read from the sources, so that it
//! is known before anything is compiled.

use std::fs;
use std::path::{Path, PathBuf};

use super::folders::Folders;
use crate::builder_file::{BuilderFile, GoEntry};
use crate::finding::Finding;

/// How many packages a help lists.
const SHOWN: usize = 8;

/// Checks the package of every entry whose module is on this machine.
///
/// # Errors
/// Each that has no `NewFactory`, with those of its module that do.
pub fn check(file: &BuilderFile, folders: &Folders) -> Result<(), Vec<Finding>> {
    let findings: Vec<_> = file
        .all_go()
        .filter_map(|go| wrong(go, folders.module(go)?, &folders.package(go)?))
        .collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn wrong(go: &GoEntry, module: &Path, package: &Path) -> Option<Finding> {
    if has_factory(package) {
        return None;
    }
    let import = go.import_path();
    let outside = import != go.module() && !import.starts_with(&format!("{}/", go.module()));
    let message = if outside {
        format!("`{import}` does not lie in the module `{}`", go.module())
    } else if has_sources(package) {
        format!("the Go package `{import}` has no `NewFactory`")
    } else {
        format!("there is no Go package `{import}`")
    };
    let mut known = factories(module, go.module());
    known.sort_unstable();
    let help = match known.as_slice() {
        [] => format!("no package of `{}` has one", go.module()),
        [one] => format!("write `import: {one}`"),
        [some @ .., last] if some.len() < SHOWN => {
            format!("write `import` with one of {} or {last}", some.join(", "))
        }
        many => format!(
            "write `import` with one of the module's {} packages that have one, for example {}",
            many.len(),
            many[0]
        ),
    };
    let (at, label) = match &go.import {
        Some(import) => (import.at.clone(), "this package"),
        None => (go.gomod.at.clone(), "its package without `import`"),
    };
    Some(Finding::new(at, message, label, help))
}

/// The import paths of all packages below `folder`, the module `path`, that have a factory.
fn factories(folder: &Path, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), path.to_owned())];
    while let Some((folder, path)) = open.pop() {
        if has_factory(&folder) {
            found.push(path.clone());
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (name, below) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            // As Go does; and a folder with a go.mod is another module.
            let skipped = name.starts_with(['.', '_'])
                || matches!(&*name, "testdata" | "internal" | "vendor")
                || below.join("go.mod").is_file();
            if below.is_dir() && !skipped {
                open.push((below, format!("{path}/{name}")));
            }
        }
    }
    found
}

fn has_sources(folder: &Path) -> bool {
    sources(folder).next().is_some()
}

fn has_factory(folder: &Path) -> bool {
    sources(folder).any(|file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().any(|line| {
            let name = line
                .strip_prefix("func ")
                .or_else(|| line.strip_prefix("var "))
                .unwrap_or_else(|| line.trim_start()); // in a `var (` block
            name.strip_prefix("NewFactory")
                .is_some_and(|rest| rest.starts_with(['(', '[', ' ', '\t']))
        })
    })
}

/// The Go files of a package, without its tests.
fn sources(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".go") && !name.ends_with("_test.go")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::folders;
    use crate::ui::{Level, Ui};

    /// The finding for an entry with `import`, of a module in a folder.
    fn found(folder: &Path, import: &str) -> Option<(String, String)> {
        let text = format!(
            "exporters:\n  - gomod: a.b/c v1.0.0\n    path: {}\n{import}",
            folder.display()
        );
        let file = BuilderFile::parse(&text, Path::new("b.yaml")).unwrap();
        let folders = folders::find(&file, None, folder, true, &Ui::new(Level::Quiet)).unwrap();
        let mut findings = check(&file, &folders).err()?;
        let finding = findings.remove(0);
        Some((finding.message, finding.help))
    }

    #[test]
    fn a_package_without_a_factory_is_named_with_those_that_have_one() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            crate::files::write(&dir.path().join(name), text).unwrap();
        };
        write("go.mod", "module a.b/c\n");
        write("doc.go", "package c\n\n// NewFactory is elsewhere.\n");
        let (message, help) = found(dir.path(), "").unwrap();
        assert_eq!(message, "the Go package `a.b/c` has no `NewFactory`");
        assert_eq!(help, "no package of `a.b/c` has one");

        write("one/factory.go", "package one\n\nfunc NewFactory() F {\n");
        write("internal/x/f.go", "package x\nfunc NewFactory() F {\n");
        write("one/testdata/f.go", "package x\nfunc NewFactory() F {\n");
        write("other/go.mod", "module a.b/c/other\n");
        write("other/f.go", "package other\nfunc NewFactory() F {\n");
        let (_, help) = found(dir.path(), "").unwrap();
        assert_eq!(help, "write `import: a.b/c/one`");

        write("two/f.go", "package two\n\nvar (\n\tNewFactory = make\n)\n");
        write("two/f_test.go", "package two\n");
        let (message, help) = found(dir.path(), "    import: a.b/c/tow\n").unwrap();
        assert_eq!(message, "there is no Go package `a.b/c/tow`");
        assert_eq!(help, "write `import` with one of a.b/c/one or a.b/c/two");
        let (message, _) = found(dir.path(), "    import: a.b/cc\n").unwrap();
        assert_eq!(message, "`a.b/cc` does not lie in the module `a.b/c`");
        assert_eq!(found(dir.path(), "    import: a.b/c/two\n"), None);
    }
}
