//! The Collector's values for a chain or graph of nodes, made what the nodes' keys take.
//!
//! `${env:X}` expands to what YAML makes of X's text, and the text is kept beside it: a key that
//! takes text gets the text (`0123`, `404`), any other the value, as in the configuration of a Rust
//! component. What fits no key is left as it is, for the check to find.
//!
//! Guarantees that every value of a secret key is told, also where the configuration around it is
//! wrong: it is masked wherever the configuration is shown.

use crate::catalog::check::fits;
use crate::catalog::find_in;
use crate::catalog::shape::{Key, Shape};
use serde_json::Value;
use std::collections::BTreeMap;
use strait_component::Kind;

/// The texts that values were expanded from, by the JSON pointer of their place.
pub type Originals = BTreeMap<String, String>;

/// Puts the texts of `originals` into the chain or graph `nodes` of a unit of this kind, which
/// stands at the JSON pointer `at`, and returns the pointers of its secrets.
pub fn conform(unit: Kind, nodes: &mut Value, at: &str, originals: &Originals) -> Vec<String> {
    let mut walk = Walk {
        unit,
        originals,
        secrets: Vec::new(),
    };
    match nodes {
        Value::Array(chain) => {
            for (index, node) in chain.iter_mut().enumerate() {
                walk.node(node, &format!("{at}/{index}"));
            }
        }
        Value::Object(graph) => {
            if let Some(Value::Object(nodes)) = graph.get_mut("nodes") {
                for (name, node) in nodes {
                    walk.node(node, &format!("{at}/nodes/{}", escaped(name)));
                }
            }
            if let Some(connections) = graph.get_mut("connections") {
                walk.value(connections, &CONNECTIONS, &format!("{at}/connections"));
            }
        }
        _ => {}
    }
    walk.secrets
}

const CONNECTIONS: Shape = Shape::List(&Shape::Object(&[
    Key::required("from", Shape::Text, "where a connection begins"),
    Key::required("to", Shape::Text, "where it ends"),
]));

struct Walk<'a> {
    unit: Kind,
    originals: &'a Originals,
    secrets: Vec<String>,
}

impl Walk<'_> {
    /// A map with one key, the node's name, to its configuration.
    fn node(&mut self, node: &mut Value, at: &str) {
        let Value::Object(node) = node else { return };
        for (name, config) in node {
            if let Some(known) = find_in(self.unit, name) {
                let at = format!("{at}/{}", escaped(name));
                self.value(config, &Shape::Object(known.keys), &at);
            }
        }
    }

    fn value(&mut self, value: &mut Value, shape: &Shape, at: &str) {
        match (shape, &mut *value) {
            (Shape::List(inner), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, inner, &format!("{at}/{index}"));
                }
            }
            (Shape::Map(inner), Value::Object(map)) => {
                for (name, item) in map {
                    self.value(item, inner, &format!("{at}/{}", escaped(name)));
                }
            }
            (Shape::Object(keys) | Shape::OneOf(keys), Value::Object(_)) => {
                self.keys(value, keys, at);
            }
            (Shape::Tagged(tag, variants), Value::Object(map)) => {
                if let Some(word) = map.get_mut(*tag) {
                    self.text(word, &format!("{at}/{}", escaped(tag)));
                }
                let chosen = map.get(*tag).and_then(Value::as_str).unwrap_or_default();
                let of = variants.iter().find(|(name, _)| *name == chosen);
                // A word that is not known: what is a secret with any is one here.
                let of = of.map_or(*variants, std::slice::from_ref);
                for (_, keys) in of {
                    self.keys(value, keys, at);
                }
            }
            (Shape::Either(shapes), Value::Array(_) | Value::Object(_)) => {
                for shape in *shapes {
                    self.value(value, shape, at);
                }
            }
            (Shape::Either(shapes), _) => {
                let as_it_is = shapes.iter().any(|shape| fits(shape, value));
                if !as_it_is && shapes.iter().any(takes_text) {
                    self.text(value, at);
                }
            }
            (Shape::Size, Value::Number(_)) => {}
            (shape, _) if takes_text(shape) => self.text(value, at),
            _ => {}
        }
    }

    fn keys(&mut self, value: &mut Value, keys: &[Key], at: &str) {
        let Value::Object(map) = value else { return };
        for key in keys {
            let Some(value) = map.get_mut(key.name) else {
                continue;
            };
            let at = format!("{at}/{}", escaped(key.name));
            self.value(value, &key.shape, &at);
            match (&key.shape, &*value) {
                _ if !key.secret => {}
                // Names are the user's, and no secrets.
                (Shape::Map(_), Value::Object(map)) => {
                    for (name, value) in map {
                        self.hide(value, format!("{at}/{}", escaped(name)));
                    }
                }
                _ => self.hide(value, at),
            }
        }
    }

    fn hide(&mut self, value: &Value, at: String) {
        if !value.is_null() && !self.secrets.contains(&at) {
            self.secrets.push(at);
        }
    }

    fn text(&self, value: &mut Value, at: &str) {
        if let Some(text) = self.originals.get(at) {
            *value = Value::String(text.clone());
        }
    }
}

fn takes_text(shape: &Shape) -> bool {
    matches!(
        shape,
        Shape::Text | Shape::Word(_) | Shape::Duration | Shape::DurationFrom(_) | Shape::Size
    )
}

/// A key as a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What comes of a configuration in which each text `${X}` was expanded from X.
    fn conformed(mut nodes: Value) -> (Value, Vec<String>) {
        let mut originals = Originals::new();
        expand(&mut nodes, "/nodes", &mut originals);
        let secrets = conform(Kind::Exporter, &mut nodes, "/nodes", &originals);
        (nodes, secrets)
    }

    fn expand(value: &mut Value, at: &str, originals: &mut Originals) {
        match value {
            Value::String(text) => {
                if let Some(inner) = text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
                    originals.insert(at.to_owned(), inner.to_owned());
                    // As YAML reads them: 0123 is octal.
                    *value = match inner {
                        "0123" => json!(83),
                        "" => Value::Null,
                        other => serde_json::from_str(other).unwrap_or(json!(other)),
                    };
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    expand(item, &format!("{at}/{index}"), originals);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    expand(item, &format!("{at}/{}", escaped(key)), originals);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn texts_get_the_text_and_numbers_the_number() {
        let (nodes, secrets) = conformed(json!([
            {"attribute": {"actions": [
                {"action": "delete", "key": "${404}"},
                {"action": "rename", "source_key": "${0123}", "destination_key": "${true}"},
                {"action": "upsert", "key": "${}", "value": "${9}"},
            ]}},
            {"filter": {"logs": {"include": {"severity_number": {
                "min": "${9}", "match_undefined": "${false}",
            }}}}},
            {"batch": {"max_batch_duration": "${200ms}", "otap": {
                "min_size": "${100}", "sizer": "${items}",
            }}},
            {"unknown": {"key": "${404}"}},
        ]));
        assert_eq!(
            nodes,
            json!([
                {"attribute": {"actions": [
                    {"action": "delete", "key": "404"},
                    {"action": "rename", "source_key": "0123", "destination_key": "true"},
                    {"action": "upsert", "key": "", "value": 9},
                ]}},
                {"filter": {"logs": {"include": {"severity_number": {
                    "min": 9, "match_undefined": false,
                }}}}},
                {"batch": {"max_batch_duration": "200ms", "otap": {
                    "min_size": 100, "sizer": "items",
                }}},
                {"unknown": {"key": 404}},
            ])
        );
        assert!(secrets.is_empty(), "{secrets:?}");
    }

    #[test]
    fn a_graph_is_conformed_too() {
        let (nodes, secrets) = conformed(json!({
            "nodes": {"a/b": {"attribute": {"actions": [
                {"action": "hash", "key": "${1}", "salt": "${0123}"},
            ]}}},
            "connections": [{"from": "in", "to": "${7}"}],
        }));
        let node = &nodes["nodes"]["a/b"]["attribute"]["actions"][0];
        assert_eq!(node, &json!({"action": "hash", "key": "1", "salt": "0123"}));
        assert_eq!(nodes["connections"][0]["to"], "7");
        assert_eq!(secrets, ["/nodes/nodes/a~1b/attribute/actions/0/salt"]);
    }

    #[test]
    fn of_a_secret_map_the_names_are_shown() {
        let (_, secrets) = conformed(json!([{"otlp_grpc": {"headers": {"a/b": "x", "c": null}}}]));
        assert_eq!(secrets, ["/nodes/0/otlp_grpc/headers/a~1b"]);
        let (_, secrets) = conformed(json!([{"otlp_grpc": {"headers": "x"}}]));
        assert_eq!(secrets, ["/nodes/0/otlp_grpc/headers"]);
    }

    #[test]
    fn a_secret_is_told_also_beside_mistakes() {
        for action in [
            json!({"action": "hash", "salt": "s"}),
            json!({"action": "hsah", "salt": "s"}),
            json!({"salt": 9, "acton": "hash"}),
        ] {
            let (_, secrets) = conformed(json!([{"attribute": {"actions": [action], "x": 1}}]));
            assert_eq!(secrets, ["/nodes/0/attribute/actions/0/salt"]);
        }
        for wrong in [
            json!(null),
            json!("x"),
            json!([[]]),
            json!({"nodes": 1, "connections": 2}),
        ] {
            assert_eq!(conformed(wrong.clone()), (wrong, Vec::new()));
        }
    }
}
