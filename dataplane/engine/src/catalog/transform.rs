//! The `transform` node: changes data as a query says.

use crate::catalog::keys::REQUEST_LIMITS;
use crate::catalog::node::{Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, List, Object, Text};

const KEYS: &[Key] = &[
    Key::optional("kql_query", Text, "a query in KQL"),
    Key::optional("opl_query", Text, "a query in OPL"),
    Key::optional(
        "ottl",
        Object(&[Key::optional(
            "log_statements",
            List(&Text),
            "statements for logs",
        )]),
        "statements in OTTL",
    ),
    Key::optional(
        "skip_sanitize_result",
        Bool,
        "leave removed data in the buffers",
    ),
    Key::optional(
        "filter_attribute_keys_case_sensitive",
        Bool,
        "whether keys in conditions match by case",
    ),
    REQUEST_LIMITS[0],
    REQUEST_LIMITS[1],
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:transform",
    name: "transform",
    doc: "changes data as a query says: KQL, OPL or OTTL",
    keys: KEYS,
    converts: true,
    retains: true,
    stateful: true,
    choice: Choice::OnRequest,
    included: cfg!(feature = "transform"),
    refuses: |asked| asked.spans_as_records(),
    ..Node::PLAIN
};
