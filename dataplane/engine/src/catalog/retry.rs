//! The `retry` node: tries again.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Number, Word};

const KEYS: &[Key] = &[
    Key::optional("initial_interval", Duration, "first wait"),
    Key::optional("max_interval", Duration, "longest wait"),
    Key::optional("max_elapsed_time", Duration, "give up after this"),
    Key::optional("multiplier", Number, "growth of the wait"),
    Key::optional(
        "exhaustion_action",
        Word(&["propagate_transient", "mark_permanent"]),
        "what the last failure becomes",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:retry",
    name: "retry",
    doc: "tries again after a failure that may pass",
    keys: KEYS,
    retains: true,
    stateful: true,
    ..Node::PLAIN
};
