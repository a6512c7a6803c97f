//! The `content_router` node: chooses an output by what a batch holds.

use crate::catalog::keys::ADMISSION;
use crate::catalog::node::Node;
use crate::catalog::places;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Map, Object, OneOf, Text};
use serde_json::Value;

const KEYS: &[Key] = &[
    Key::required(
        "routing_key",
        OneOf(&[Key::optional(
            "resource_attribute",
            Text,
            "resource attribute to route by",
        )]),
        "what to route by",
    ),
    Key::required("routes", Map(&Text), "attribute value to output port"),
    Key::optional(
        "default_output",
        Text,
        "port for what no route takes; refused when not given",
    ),
    Key::optional(
        "case_sensitive",
        Bool,
        "compare values with their case; true when not given",
    ),
    Key::optional("admission_policy", Object(ADMISSION), "full outputs"),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:content_router",
    name: "content_router",
    doc: "chooses an output by a resource attribute",
    keys: KEYS,
    stateful: true,
    ports: true,
    outputs,
    places: places::waits,
    ..Node::PLAIN
};

fn outputs(config: &Value) -> Vec<(String, String)> {
    let routes = config.get("routes").and_then(Value::as_object);
    routes
        .into_iter()
        .flatten()
        .filter_map(|(value, port)| Some((format!("routes::{value}"), port.as_str()?.to_owned())))
        .collect()
}
