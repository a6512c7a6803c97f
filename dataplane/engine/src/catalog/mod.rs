//! The catalog of the engine's core processor nodes that Strait offers.
//!
//! Most engine nodes ignore keys that they do not know, so a misspelt key would be lost without a
//! word. Therefore each node's keys are written down here (read from its configuration types) and
//! a configuration is checked against them first: unknown keys, missing keys, wrong types and
//! unknown names are findings with the key's path. A test compares the catalog with the engine's
//! registered factories. What only the engine can judge (regular expressions, limits) is left to
//! its own check ([`linked`]).

pub(crate) mod attribute;
mod check;
pub(crate) mod edit;
pub(crate) mod filter;
mod info;
pub(crate) mod linked;
mod node;
mod rules;
mod table;

pub use check::{check, suggest};
pub use info::{KeyInfo, NodeInfo, describe};
pub use node::{Choice, Key, Node, Shape};
pub use table::TABLE;

use crate::finding::Finding;
use serde_json::Value;

/// The nodes that are compiled in, in the table's order.
pub fn included() -> impl Iterator<Item = &'static Node> + Clone {
    TABLE.iter().filter(|node| node.included)
}

/// The node with this short name or URN (`attribute`, `processor:attribute`,
/// `urn:otel:processor:attribute`), whether it is compiled in or not.
#[must_use]
pub fn find(name: &str) -> Option<&'static Node> {
    TABLE.iter().find(|node| {
        node.name == name
            || node.urn == name
            || name
                .strip_prefix("processor:")
                .is_some_and(|id| id == node.name)
    })
}

/// Checks one node's configuration: its keys, our rules, then the engine itself.
pub(crate) fn check_node(findings: &mut Vec<Finding>, path: &str, node: &Node, config: &Value) {
    let before = findings.len();
    check(findings, path, node.keys, config);
    if findings.len() > before {
        return;
    }
    rules::check(findings, path, node, config);
    if findings.len() > before {
        return;
    }
    if let Err(error) = linked::validate(node.urn, config) {
        findings.push(Finding::new(path, error));
    }
}
