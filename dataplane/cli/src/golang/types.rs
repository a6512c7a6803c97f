//! The component types of Go modules, without running them: from the
//! `metadata.yaml` that the Collector's components are generated from, or from
//! what is generated from it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::folders::Folders;
use crate::builder_file::GoEntry;
use crate::yaml::{self, Value};

/// The component type of each entry, by its place in the builder file; an
/// entry whose module says none is left out.
pub type Types = HashMap<usize, String>;

/// The types of `entries`, whose modules are in `folders`.
#[must_use]
pub fn of(entries: &[&GoEntry], folders: &Folders) -> Types {
    let types = entries.iter().filter_map(|go| {
        let package = folders.package(go)?;
        Some((go.gomod.at.start, component_type(&package)?))
    });
    types.collect()
}

/// The type of the component whose package is in `folder`.
fn component_type(folder: &Path) -> Option<String> {
    let said = || {
        let tree = yaml::parse(&fs::read_to_string(folder.join("metadata.yaml")).ok()?).ok()?;
        let Value::Map(entries) = tree.value else {
            return None;
        };
        entries
            .into_iter()
            .find_map(|(key, value)| match value.value {
                Value::Text(text) if key.value == Value::Text("type".into()) => Some(text),
                _ => None,
            })
    };
    let generated = || {
        let path = folder.join("internal/metadata/generated_status.go");
        let source = fs::read_to_string(path).ok()?;
        let (_, rest) = source.split_once("MustNewType(\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    said().or_else(generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_what_a_component_has() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            crate::files::write(&dir.path().join(name), text).unwrap();
        };
        assert_eq!(component_type(dir.path()), None);
        write(
            "internal/metadata/generated_status.go",
            "package metadata\nvar (\n\tType = component.MustNewType(\"filter\")\n)\n",
        );
        assert_eq!(component_type(dir.path()).as_deref(), Some("filter"));
        write(
            "metadata.yaml",
            "display_name: F\ntype: filter2\nstatus:\n  class: processor\n",
        );
        assert_eq!(component_type(dir.path()).as_deref(), Some("filter2"));
    }
}
