//! The `fanout` node: each batch to several outputs.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Duration, Int, List, Object, Text, Word};
use serde_json::Value;

const KEYS: &[Key] = &[
    Key::optional(
        "mode",
        Word(&["parallel", "sequential"]),
        "all at once or one after the other",
    ),
    Key::optional(
        "await_ack",
        Word(&["primary", "all", "none"]),
        "whose answers count",
    ),
    Key::optional(
        "destinations",
        List(&Object(&[
            Key::required("port", Text, "output port"),
            Key::optional("primary", Bool, "the destination whose answer counts"),
            Key::optional("timeout", Duration, "no answer after this is a failure"),
            Key::optional("fallback_for", Text, "used when that port fails"),
        ])),
        "where each batch goes",
    ),
    Key::optional(
        "timeout_check_interval",
        Duration,
        "how often timeouts are looked for",
    ),
    Key::optional(
        "max_inflight",
        Int(0),
        "batches waited for at most; 10000 when not given",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:fanout",
    name: "fanout",
    doc: "sends each batch to several outputs",
    keys: KEYS,
    retains: true,
    stateful: true,
    ports: true,
    outputs,
    ..Node::PLAIN
};

fn outputs(config: &Value) -> Vec<(String, String)> {
    let list = config.get("destinations").and_then(Value::as_array);
    let named = list.into_iter().flatten().enumerate();
    named
        .filter_map(|(index, destination)| {
            let port = destination.get("port")?.as_str()?;
            Some((format!("destinations::{index}::port"), port.to_owned()))
        })
        .collect()
}
