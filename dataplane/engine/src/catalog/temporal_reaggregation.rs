//! The `temporal_reaggregation` node: merges metric points of a period.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int};
use crate::signal::Signal;

const KEYS: &[Key] = &[
    Key::optional(
        "period",
        Duration,
        "how often aggregates are sent; 60s when not given",
    ),
    Key::optional("inbound_request_limit", Int(1), "calls waited for at most"),
    Key::optional(
        "outbound_request_limit",
        Int(3),
        "batches under way at most",
    ),
    Key::optional("max_stream_cardinality", Int(1), "metric streams at most"),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:temporal_reaggregation",
    name: "temporal_reaggregation",
    signals: &[Signal::Metrics],
    doc: "merges metric points of a period",
    keys: KEYS,
    converts: true,
    retains: true,
    holds: true,
    stateful: true,
    ..Node::PLAIN
};
