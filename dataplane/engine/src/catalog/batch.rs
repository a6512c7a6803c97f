//! The `batch` node: merges and splits batches.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int, Map, Object, Text, Word};

const FORMAT: &[Key] = &[
    Key::optional("min_size", Int(0), "a batch this big is sent"),
    Key::optional("max_size", Int(1), "a bigger batch is split"),
    Key::required(
        "sizer",
        Word(&["requests", "items", "bytes"]),
        "what sizes count",
    ),
    Key::optional(
        "max_split_fragments",
        Int(1),
        "OTLP: pieces of one resource at most",
    ),
    Key::optional(
        "max_split_overhead_bytes",
        Int(1),
        "OTLP: repeated headers at most",
    ),
    Key::optional(
        "max_split_fragments_per_flush",
        Int(1),
        "OTLP: pieces of one flush at most",
    ),
];

const KEYS: &[Key] = &[
    Key::optional("otap", Object(FORMAT), "sizes for records"),
    Key::optional("otlp", Object(FORMAT), "sizes for OTLP bytes"),
    Key::optional("codecs", Map(&Object(FORMAT)), "sizes by codec name"),
    Key::optional(
        "max_batch_duration",
        Duration,
        "a batch this old is sent; 200ms when not given",
    ),
    Key::optional("inbound_request_limit", Int(1), "calls waited for at most"),
    Key::optional(
        "outbound_request_limit",
        Int(1),
        "batches under way at most",
    ),
    Key::optional("format", Text, "otap, otlp, preserve, or a codec's name"),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:batch",
    name: "batch",
    doc: "merges and splits batches by size and age",
    keys: KEYS,
    converts: true,
    retains: true,
    holds: true,
    stateful: true,
    ..Node::PLAIN
};
