//! A crate's manifest without its workspace: what it inherits is filled in.

use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::builder_file::cargo_line::{document, is_inherited};
use crate::error::StepError;
use crate::files;

/// The workspace that a crate inherits from.
pub(super) struct Inherit {
    root: PathBuf,
    workspace: Option<Item>,
}

impl Inherit {
    pub(super) fn find(source: &Path, manifest: &DocumentMut) -> Result<Self, StepError> {
        if let Some(workspace) = manifest.get("workspace") {
            return Ok(Self {
                root: source.to_owned(),
                workspace: Some(workspace.clone()),
            });
        }
        let named = manifest
            .get("package")
            .and_then(|p| p.get("workspace"))
            .and_then(Item::as_str);
        let candidates: Vec<PathBuf> = match named {
            Some(path) => vec![source.join(path)],
            None => source.ancestors().skip(1).map(Path::to_owned).collect(),
        };
        for root in candidates {
            let path = root.join("Cargo.toml");
            if path.is_file()
                && let Some(workspace) = read_manifest(&path)?.remove("workspace")
            {
                return Ok(Self {
                    root,
                    workspace: Some(workspace),
                });
            }
        }
        Ok(Self {
            root: source.to_owned(),
            workspace: None,
        })
    }

    fn get(&self, table: &str) -> Option<&dyn TableLike> {
        self.workspace.as_ref()?.get(table)?.as_table_like()
    }

    /// Replaces every `workspace = true` by what the workspace says.
    pub(super) fn fill(&self, manifest: &mut DocumentMut, path: &Path) -> Result<(), StepError> {
        let missing = |what: String| {
            let message = format!(
                "{} inherits {what}, which its workspace does not define",
                path.display()
            );
            Err(StepError::new(message, ""))
        };
        if let Some(package) = manifest
            .get_mut("package")
            .and_then(Item::as_table_like_mut)
        {
            let inherited: Vec<String> = package
                .iter()
                .filter(|(_, item)| item.as_table_like().is_some_and(is_inherited))
                .map(|(key, _)| key.to_owned())
                .collect();
            for key in inherited {
                // These two are paths in the other workspace, and only for publishing.
                if key == "readme" || key == "license-file" {
                    package.remove(&key);
                    continue;
                }
                let Some(value) = self.get("package").and_then(|p| p.get(&key)) else {
                    return missing(format!("package.{key}"));
                };
                package.insert(&key, value.clone());
            }
        }
        if manifest
            .get("lints")
            .and_then(Item::as_table_like)
            .is_some_and(is_inherited)
        {
            let Some(lints) = self.workspace.as_ref().and_then(|w| w.get("lints")) else {
                return missing("lints".into());
            };
            manifest.insert("lints", lints.clone());
        }
        for table in dependency_tables(manifest.as_table_mut()) {
            for (name, item) in table.iter_mut() {
                if !item.as_table_like().is_some_and(is_inherited) {
                    continue;
                }
                let Some(base) = self.get("dependencies").and_then(|d| d.get(name.get())) else {
                    return missing(format!("the dependency `{}`", name.get()));
                };
                *item = Item::Value(Value::InlineTable(self.merge(base, item)));
            }
        }
        Ok(())
    }

    /// A workspace's dependency with what the crate adds to it.
    fn merge(&self, base: &Item, own: &Item) -> InlineTable {
        let mut spec = InlineTable::new();
        if let Some(version) = base.as_str() {
            spec.insert("version", version.into());
        }
        for (key, value) in base.as_table_like().into_iter().flat_map(TableLike::iter) {
            let Some(value) = value.as_value() else {
                continue;
            };
            match (key, value.as_str()) {
                ("path", Some(path)) => spec.insert(
                    "path",
                    self.root.join(path).to_string_lossy().as_ref().into(),
                ),
                _ => spec.insert(key, value.clone()),
            };
        }
        for (key, value) in own.as_table_like().into_iter().flat_map(TableLike::iter) {
            let Some(value) = value.as_value() else {
                continue;
            };
            match key {
                "workspace" => {}
                "features" => {
                    let mut features = Array::new();
                    for list in [spec.get("features"), Some(value)]
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_array)
                    {
                        features.extend(list.iter().filter_map(Value::as_str));
                    }
                    spec.insert("features", features.into());
                }
                _ => {
                    spec.insert(key, value.clone());
                }
            }
        }
        spec.fmt();
        spec
    }
}

/// The tables that name what a crate needs to be compiled.
pub(super) fn dependency_tables(manifest: &mut Table) -> Vec<&mut dyn TableLike> {
    const NAMES: [&str; 2] = ["dependencies", "build-dependencies"];
    let mut tables: Vec<&mut dyn TableLike> = Vec::new();
    for (key, item) in manifest.iter_mut() {
        if NAMES.contains(&key.get()) {
            tables.extend(item.as_table_like_mut());
        } else if key == "target"
            && let Some(targets) = item.as_table_like_mut()
        {
            for (_, target) in targets.iter_mut() {
                let Some(target) = target.as_table_like_mut() else {
                    continue;
                };
                target.remove("dev-dependencies");
                for (key, item) in target.iter_mut() {
                    if NAMES.contains(&key.get()) {
                        tables.extend(item.as_table_like_mut());
                    }
                }
            }
        }
    }
    tables
}

pub(super) fn read_manifest(path: &Path) -> Result<DocumentMut, StepError> {
    document(&files::read(path)?)
        .map_err(|e| StepError::new(format!("{}: {e}", path.display()), ""))
}
