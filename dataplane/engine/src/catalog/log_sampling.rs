//! The `log_sampling` node: keeps a share of the logs.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int, Object, OneOf};
use crate::signal::Signal;

const KEYS: &[Key] = &[Key::required(
    "policy",
    OneOf(&[
        Key::optional(
            "zip",
            Object(&[
                Key::required("interval", Duration, "length of a window"),
                Key::required("max_items", Int(1), "records per window at most"),
            ]),
            "so many per window",
        ),
        Key::optional(
            "ratio",
            Object(&[
                Key::required("emit", Int(1), "keep so many"),
                Key::required("out_of", Int(1), "of so many"),
            ]),
            "a fixed share",
        ),
    ]),
    "how to sample",
)];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:log_sampling",
    name: "log_sampling",
    signals: &[Signal::Logs],
    doc: "keeps a share of the logs",
    keys: KEYS,
    converts: true,
    ..Node::PLAIN
};
