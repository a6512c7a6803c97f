//! The catalog's form for people and tools (`describe`, `nodes.json`).

use crate::catalog::node::{Choice, Node};
use crate::catalog::shape::{Key, Shape, words};
use serde::Serialize;
use strait_component::{Kind, Signal};

/// One node, with its keys flattened.
#[derive(Clone, Debug, Serialize)]
pub struct NodeInfo {
    /// The engine's name.
    pub urn: &'static str,
    /// The short name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Signals it works on.
    pub signals: &'static [Signal],
    /// Which binaries it is in.
    pub choice: Choice,
    /// One line for people.
    pub doc: &'static str,
    /// All keys, nested ones with their path (`actions::*::key`).
    pub keys: Vec<KeyInfo>,
}

/// One key in a [`NodeInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Path of the key; `*` stands for a list index or a key of the user's.
    pub name: String,
    /// Shape, for people.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be there when its parent is.
    pub required: bool,
    /// Whether its value is shown to nobody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// One line for people.
    pub doc: &'static str,
}

/// These nodes with their keys flattened.
#[must_use]
pub fn describe(nodes: impl Iterator<Item = &'static Node>) -> Vec<NodeInfo> {
    nodes
        .map(|node| {
            let mut keys = Vec::new();
            flatten(&mut keys, "", node.keys);
            NodeInfo {
                urn: node.urn,
                name: node.name,
                kind: node.kind,
                signals: node.signals,
                choice: node.choice,
                doc: node.doc,
                keys,
            }
        })
        .collect()
}

fn flatten(into: &mut Vec<KeyInfo>, prefix: &str, keys: &[Key]) {
    for key in keys {
        let name = format!("{prefix}{}", key.name);
        let info = KeyInfo {
            name: name.clone(),
            kind: words(&key.shape),
            required: key.required,
            secret: key.secret,
            doc: key.doc,
        };
        if !into.contains(&info) {
            into.push(info);
        }
        flatten_shape(into, &name, &key.shape);
    }
}

fn flatten_shape(into: &mut Vec<KeyInfo>, name: &str, shape: &Shape) {
    match shape {
        Shape::List(inner) | Shape::Map(inner) => {
            flatten_shape(into, &format!("{name}::*"), inner);
        }
        Shape::Object(keys) | Shape::OneOf(keys) => flatten(into, &format!("{name}::"), keys),
        Shape::Tagged(tag, variants) => {
            let prefix = format!("{name}::");
            let kinds: Vec<_> = variants.iter().map(|(kind, _)| *kind).collect();
            into.push(KeyInfo {
                name: format!("{prefix}{tag}"),
                kind: kinds.join(" | "),
                required: true,
                secret: false,
                doc: "chooses the other keys",
            });
            for (_, keys) in *variants {
                flatten(into, &prefix, keys);
            }
        }
        Shape::Either(shapes) => {
            for shape in *shapes {
                flatten_shape(into, name, shape);
            }
        }
        _ => {}
    }
}
