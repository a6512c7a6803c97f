//! What the engine accepts but must not be given: configurations that lose data or panic on it.

use crate::catalog::node::Node;
use crate::finding::Finding;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) fn check(findings: &mut Vec<Finding>, path: &str, node: &Node, config: &Value) {
    if node.name == "attribute" {
        attribute(findings, path, config);
    }
    if node.name == "debug" && config.get("output").is_some_and(Value::is_array) {
        findings.push(Finding::new(
            format!("{path}::output"),
            "ports are not supported here: they would send every batch a second time",
        ));
    }
}

/// The engine applies all actions of one node at once and keeps them in maps by key: of two actions
/// on one key one is lost, and two renames onto one key panic. So every key may occur once.
fn attribute(findings: &mut Vec<Finding>, path: &str, config: &Value) {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let actions = config.get("actions").and_then(Value::as_array);
    for (index, action) in actions.into_iter().flatten().enumerate() {
        for field in ["source_key", "destination_key", "key"] {
            let Some(key) = action.get(field).and_then(Value::as_str) else {
                continue;
            };
            let here = format!("{path}::actions::{index}::{field}");
            if let Some(first) = seen.get(key) {
                findings.push(Finding::new(
                    here,
                    format!(
                        "key `{key}` is used at {first} already, and all actions of one node apply at \
                         once; use a second `attribute` node"
                    ),
                ));
            } else {
                seen.insert(key, here);
            }
        }
    }
}
