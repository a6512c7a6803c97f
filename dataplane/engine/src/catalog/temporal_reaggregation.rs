//! The `temporal_reaggregation` node: merges metric points of a period.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{DurationFrom, Int};
use std::time::Duration;
use strait_component::Signal;

/// The engine refuses less, but only once the node is made.
const LEAST_PERIOD: Duration = Duration::from_millis(100);

const KEYS: &[Key] = &[
    Key::optional(
        "period",
        DurationFrom(LEAST_PERIOD),
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
    doc: "merges metric points of a period; their exemplars are dropped",
    keys: KEYS,
    converts: true,
    retains: true,
    holds: true,
    stateful: true,
    ..Node::PLAIN
};
