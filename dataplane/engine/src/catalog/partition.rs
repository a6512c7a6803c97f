//! The `partition` node: splits batches by a value.

use crate::catalog::keys::REQUEST_LIMITS;
use crate::catalog::node::{Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Either, Object, OneOf, Text, Word};

const KEYS: &[Key] = &[
    Key::required(
        "partition_by",
        OneOf(&[Key::required(
            "opl_expression",
            Text,
            "the expression whose value is the partition",
        )]),
        "what to split by",
    ),
    Key::required(
        "partition_header_name",
        Text,
        "transport header that gets the value, for later nodes of the unit",
    ),
    Key::optional(
        "header_serialization_strategy",
        Either(&[
            Word(&["json"]),
            Object(&[Key::required(
                "to_bytes_lossy",
                Object(&[Key::optional(
                    "text_as_binary_header",
                    Bool,
                    "whether text becomes a binary header",
                )]),
                "the value's bytes",
            )]),
        ]),
        "how a value becomes a header",
    ),
    REQUEST_LIMITS[0],
    REQUEST_LIMITS[1],
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:partition",
    name: "partition",
    doc: "splits batches by the value of an expression",
    keys: KEYS,
    converts: true,
    retains: true,
    stateful: true,
    choice: Choice::OnRequest,
    included: cfg!(feature = "partition"),
    refuses: |asked| asked.spans_as_records(),
    ..Node::PLAIN
};
