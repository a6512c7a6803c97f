//! The `attribute` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's node corrupts or panics on valid data: two renames in one node whose new keys exist
//! already leave attributes doubled, or end in a panic, as does an insert where an attribute's
//! owner is gone. This one has the semantics that the engine documents:
//!
//! - all actions of one node apply at once (no key occurs in two of them, which `validate` checks);
//! - `rename` removes an attribute that has the new key already from the same owner; `insert` adds
//!   where the key is absent, `update` changes where it is there, `upsert` does both, `delete`
//!   removes;
//! - `hash` replaces text, numbers, booleans and bytes by the lower-case hexadecimal SHA-256 of
//!   salt and value; maps, lists and empty values stay;
//! - rows keep their order, new ones come last; columns that no action changes stay the same
//!   arrays.
//!
//! Spans and metrics are left to the engine's node.

mod actions;
mod table;
mod values;

use crate::catalog::edit::Edit;
use crate::catalog::keys::{KEY, VALUE};
use crate::catalog::node::{Asked, Node};
use crate::catalog::reads::Reads;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{List, Tagged, Text, Word};
use crate::finding::Finding;
use actions::{Action, Actions, AttributeConfig};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use strait_component::Batch;
use strait_component::Signal;

const KEYS: &[Key] = &[
    Key::optional(
        "actions",
        List(&Tagged(
            "action",
            &[
                (
                    "rename",
                    &[
                        Key::required("source_key", Text, "key to rename"),
                        Key::required("destination_key", Text, "its new name"),
                    ],
                ),
                ("delete", &[KEY]),
                ("insert", &[KEY, VALUE]),
                ("upsert", &[KEY, VALUE]),
                ("update", &[KEY, VALUE]),
                (
                    "hash",
                    &[
                        KEY,
                        Key::optional("algorithm", Word(&["sha256"]), "hash function"),
                        Key::optional("salt", Text, "put before the value").secret(),
                    ],
                ),
            ],
        )),
        "what to do; the engine applies all of them at once, so no key may occur twice",
    ),
    Key::optional(
        "apply_to",
        List(&Word(&["signal", "resource", "scope"])),
        "whose attributes; `signal` when not given",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:attribute",
    name: "attribute",
    doc: "renames, deletes, inserts, updates or hashes attributes",
    keys: KEYS,
    converts: true,
    refuses,
    reads: Some(reads),
    substitute: Some(substitute),
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let mut findings = repeated_keys(asked);
    // Without actions the engine's node hands batches on as they are.
    if actions(asked.config).next().is_none() {
        return findings;
    }
    findings.extend(asked.spans_as_records());
    if asked.signal != Some(Signal::Metrics) {
        return findings;
    }
    if names_signal(asked.config) {
        findings.push(Finding::new(
            asked.path,
            "on metrics the engine leaves attributes of exponential histograms' points and \
             exemplars as they are, so that what is deleted or hashed stays, and writes into \
             metadata and exemplars too; only `apply_to: [resource, scope]` is offered for metrics \
             in this version",
        ));
    }
    let renames = actions(asked.config).filter(|action| action["action"] == "rename");
    if renames.count() > 1 {
        findings.push(asked.finding(
            "actions",
            "several renames of one node corrupt metrics in the engine when a new key is there \
             already; use one `attribute` node for each",
        ));
    }
    findings
}

/// Whether it is about the attributes of items.
fn names_signal(config: &Value) -> bool {
    let named = config.get("apply_to").and_then(Value::as_array);
    named.is_none_or(|named| named.is_empty() || named.iter().any(|domain| domain == "signal"))
}

fn actions(config: &Value) -> impl Iterator<Item = &Value> {
    config
        .get("actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The engine applies all actions of one node at once and keeps them in maps by key: of two actions
/// on one key one is lost, and two renames onto one key panic. So every key may occur once.
fn repeated_keys(asked: &Asked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (index, action) in actions(asked.config).enumerate() {
        for field in ["source_key", "destination_key", "key"] {
            let Some(key) = action.get(field).and_then(Value::as_str) else {
                continue;
            };
            let place = format!("actions::{index}::{field}");
            if let Some(first) = seen.get(key) {
                let message = format!(
                    "key `{key}` is used at {}::{first} already, and all actions of one node \
                     apply at once; use a second `attribute` node",
                    asked.path
                );
                findings.push(asked.finding(&place, message));
            } else {
                seen.insert(key, place);
            }
        }
    }
    findings
}

fn reads(config: &Value, reads: &mut Reads) -> Result<(), String> {
    let config = AttributeConfig::deserialize(config).map_err(|error| error.to_string())?;
    let tables = config.tables();
    for action in config.actions.unwrap_or_default() {
        reads.edits = true;
        let hashes = matches!(action, Action::Hash { .. });
        for table in &tables {
            for key in action.keys() {
                reads.changes(*table, key);
                if hashes {
                    reads.tests(*table, key);
                }
            }
        }
    }
    Ok(())
}

fn substitute(config: &Value) -> Result<Box<dyn Edit>, String> {
    let actions = Actions::read(config).map_err(|error| error.to_string())?;
    Ok(Box::new(Attributes(actions)))
}

/// What one node does to the attributes of logs.
struct Attributes(Actions);

impl Edit for Attributes {
    fn apply(&self, batch: &mut Batch) -> Result<(), String> {
        table::apply(&self.0, batch)
    }
}
