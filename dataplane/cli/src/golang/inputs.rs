//! What the Go modules of a distribution are resolved from, as text: while it
//! stays the same, locked versions do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::COLLECTOR;
use crate::builder_file::BuilderFile;
use crate::error::StepError;
use crate::files::{self, Hash};

/// The lines for `file`, whose go.mod requires `requires` and replaces
/// `replaces`; both as go.mod writes them, without the keyword. Local targets
/// of replacements are relative to `folder`.
///
/// # Errors
/// A local module's go.mod cannot be read.
pub fn lines(
    file: &BuilderFile,
    requires: impl IntoIterator<Item = String>,
    replaces: &[String],
    folder: &Path,
) -> Result<String, StepError> {
    let mut lines = BTreeSet::new();
    lines.insert(format!("ocb {COLLECTOR}"));
    if let Some(module) = &file.dist.module {
        lines.insert(format!("module {module}"));
    }
    // Without the list ocb takes its own.
    if file.providers.as_ref().is_some_and(Vec::is_empty) {
        lines.insert("no providers".to_owned());
    }
    lines.extend(
        file.all_go()
            .map(|go| format!("require {}", go.gomod.value)),
    );
    lines.extend(requires.into_iter().map(|line| format!("require {line}")));
    lines.extend(file.excludes.iter().map(|line| format!("exclude {line}")));
    for line in replaces {
        lines.insert(format!("replace {line}"));
        if let Some(local) = local(line, folder) {
            let path = local.join("go.mod");
            if path.is_file() {
                let mut hash = Hash::default();
                hash.add(fs::read(&path).map_err(|e| StepError::io("read", &path, &e))?);
                let module = line.split_whitespace().next().unwrap_or_default();
                lines.insert(format!("go.mod of {module}: {}", &hash.finish()[..16]));
            }
        }
    }
    Ok(lines
        .into_iter()
        .fold(String::new(), |text, line| text + &line + "\n"))
}

/// The folder that a replacement names.
#[must_use]
pub fn local(replace: &str, folder: &Path) -> Option<PathBuf> {
    let target = replace.split_once("=>")?.1.trim();
    target.starts_with(['.', '/']).then(|| folder.join(target))
}

/// The replacements of a Go-only file, as ocb writes them into `output`.
///
/// # Errors
/// The working directory is gone.
pub fn go_only_replaces(file: &BuilderFile, output: &Path) -> Result<Vec<String>, StepError> {
    let output = files::absolute(output)?;
    let mut lines = Vec::new();
    for go in file.all_go() {
        let Some(path) = &go.path else { continue };
        let full = files::absolute(Path::new(path))?;
        let way = if file.dist.use_absolute_replace_paths {
            full
        } else {
            Path::new(".").join(files::relative(&output, &full))
        };
        lines.push(format!("{} => {}", go.gomod.value, way.display()));
    }
    lines.extend(file.replaces.iter().cloned());
    Ok(lines)
}
