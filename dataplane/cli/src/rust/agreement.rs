//! Whether a crate says the same of its component in both places: in its
//! `Cargo.toml`, from which the Go side is made, and in `describe()`, which the
//! host asks when the Collector starts.

use std::collections::BTreeMap;

use super::component::RustComponent;
use super::describe::{self, Described};
use super::workspace::Workspace;
use crate::builder_file::{BuilderFile, RustEntry};
use crate::error::Wrong;
use crate::finding::Finding;
use crate::ui::Ui;

/// Asks the components of `file`, and compares.
///
/// # Errors
/// Every difference, with both values; or a component does not compile.
pub fn check(
    file: &BuilderFile,
    workspace: &Workspace,
    offline: bool,
    ui: &Ui,
) -> Result<(), Wrong> {
    if workspace.components.is_empty() {
        return Ok(());
    }
    let described = describe::describe(workspace, offline, ui)?;
    let findings = differences(file, &workspace.components, &described);
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Wrong::Findings(findings))
    }
}

/// The components and their descriptions are in one order.
fn differences(
    file: &BuilderFile,
    components: &[RustComponent],
    described: &[Described],
) -> Vec<Finding> {
    let entries: Vec<_> = file.rust_entries().map(|(_, entry)| entry).collect();
    let all = components.iter().zip(described);
    all.flat_map(|(component, said)| of_one(entries[component.entry], component, said))
        .collect()
}

fn of_one(entry: &RustEntry, component: &RustComponent, said: &Described) -> Vec<Finding> {
    let table = &component.component;
    let of = |stability: &Option<String>| stability.clone().unwrap_or_default();
    let values = [
        ("kind", table.kind.to_string(), said.kind.to_string()),
        ("type", table.type_name.clone(), said.type_name.clone()),
        ("signals", list(&table.signals), list(&said.signals)),
        ("stability", of(&table.stability), of(&said.stability)),
        ("name", component.package.clone(), said.package.clone()),
        ("version", component.version.clone(), said.version.clone()),
    ];
    let place = component.folder.as_ref().map_or_else(
        || "its Cargo.toml".to_owned(),
        |folder| folder.join("Cargo.toml").display().to_string(),
    );
    let differ = values.into_iter().filter(|(_, here, there)| here != there);
    differ
        .map(|(key, here, there)| {
            let message = format!(
                "the crate `{}` has two values for `{key}`: {} in {place}, {} in `describe()`",
                component.package,
                shown(&here),
                shown(&there)
            );
            let help = match key {
                "name" | "version" => "`describe()` takes them from `package!()`".to_owned(),
                _ => "make them one: [package.metadata.strait] is what the Collector's side is \
                      made from, `describe()` what the component says when it starts"
                    .to_owned(),
            };
            Finding::new(entry.at.clone(), message, "says two things of itself", help)
        })
        .collect()
}

fn list(signals: &BTreeMap<String, String>) -> String {
    let each = signals
        .iter()
        .map(|(signal, level)| format!("{signal} = {level}"));
    each.collect::<Vec<_>>().join(", ")
}

fn shown(value: &str) -> String {
    if value.is_empty() {
        "nothing".to_owned()
    } else {
        format!("`{value}`")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::builder_file::Kind;
    use crate::rust::metadata::Component;

    /// The findings for a crate with this table that describes itself so.
    fn found(kind: Kind, table: serde_json::Value, said: serde_json::Value) -> Vec<String> {
        let text = format!("{}: [cargo: 'c = \"1\"']", kind.section());
        let file = BuilderFile::parse(&format!("dist: {{name: x}}\n{text}"), Path::new("b.yaml"));
        let component = RustComponent {
            entry: 0,
            kind,
            package: "c".into(),
            version: "1.2.0".into(),
            crate_name: "c".into(),
            component: Component::read("c", &json!({ "strait": table }), kind)
                .unwrap()
                .remove(0),
            folder: Some("../c".into()),
            name: "c".into(),
            module: "crate.local/c".into(),
            factory: "c::factory".into(),
            twin: None,
        };
        let mut whole = json!({"crate": "c", "version": "1.2.0", "schema": {}});
        for (key, value) in said.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let said: Described = serde_json::from_value(whole).unwrap();
        let findings = differences(&file.unwrap(), &[component], &[said]);
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_crate_that_says_the_same_twice_is_fine() {
        let table = json!({"kind": "processor", "type": "x", "signals": {"logs": "alpha"}});
        assert!(found(Kind::Processor, table.clone(), table).is_empty());
        let table = json!({
            "kind": "connector", "type": "x", "signals": {"logs_to_metrics": "alpha"}
        });
        assert!(found(Kind::Connector, table.clone(), table).is_empty());
        let table = json!({"kind": "extension", "type": "x", "stability": "beta"});
        let said = json!({"kind": "extension", "type": "x", "stability": "beta", "signals": {}});
        assert!(found(Kind::Extension, table, said).is_empty());
    }

    #[test]
    fn every_difference_names_both_values() {
        let table = json!({"kind": "processor", "type": "a", "signals": {"logs": "alpha"}});
        let said = json!({
            "kind": "extension", "type": "b", "stability": "beta", "crate": "d", "version": "1.0.0"
        });
        let start = "the crate `c` has two values for";
        assert_eq!(
            found(Kind::Processor, table.clone(), said),
            [
                format!(
                    "{start} `kind`: `processor` in ../c/Cargo.toml, `extension` in `describe()`"
                ),
                format!("{start} `type`: `a` in ../c/Cargo.toml, `b` in `describe()`"),
                format!(
                    "{start} `signals`: `logs = alpha` in ../c/Cargo.toml, nothing in `describe()`"
                ),
                format!("{start} `stability`: nothing in ../c/Cargo.toml, `beta` in `describe()`"),
                format!("{start} `name`: `c` in ../c/Cargo.toml, `d` in `describe()`"),
                format!("{start} `version`: `1.2.0` in ../c/Cargo.toml, `1.0.0` in `describe()`"),
            ]
        );
        let said = json!({"kind": "processor", "type": "a", "signals": {"logs": "beta"}});
        assert_eq!(
            found(Kind::Processor, table, said),
            [format!(
                "{start} `signals`: `logs = alpha` in ../c/Cargo.toml, `logs = beta` in \
                 `describe()`"
            )]
        );
    }
}
