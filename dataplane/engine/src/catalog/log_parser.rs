//! The `log_parser` node: parses bodies of logs.

use crate::catalog::node::Node;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Int, List, Map, Object, Text, Word};
use strait_component::Signal;

const SOURCE: Key = Key::required("source", Text, "capture, column or JSON pointer");

const KEYS: &[Key] = &[
    Key::required(
        "format",
        Word(&["regex", "json", "csv"]),
        "what the body holds",
    ),
    Key::optional(
        "pattern",
        Text,
        "regex: the pattern, matching the whole body",
    ),
    Key::optional("columns", List(&Text), "csv: column names"),
    Key::optional("delimiter", Text, "csv: one character"),
    Key::optional("header", Word(&["none"]), "csv: no header line"),
    Key::optional("body", Object(&[SOURCE]), "the new body"),
    Key::optional(
        "timestamp",
        Object(&[
            SOURCE,
            Key::required("format", Word(&["rfc3339"]), "how it is written"),
            Key::required(
                "on_missing",
                Word(&["observed", "preserve"]),
                "when it is not there",
            ),
        ]),
        "the record's time",
    ),
    Key::optional(
        "severity",
        Object(&[
            SOURCE,
            Key::required("mapping", Map(&Int(0)), "text to severity number"),
        ]),
        "the record's severity",
    ),
    Key::required(
        "on_error",
        Word(&["preserve"]),
        "a record that does not parse stays as it is",
    ),
    Key::required(
        "limits",
        Object(&[
            Key::required("max_input_bytes", Int(1), "longest body"),
            Key::required("max_scratch_bytes", Int(1), "memory for one batch"),
            Key::required("max_pattern_bytes", Int(1), "longest pattern"),
            Key::required(
                "max_compiled_regex_bytes",
                Int(1),
                "biggest compiled pattern",
            ),
            Key::required("max_json_depth", Int(1), "deepest JSON"),
            Key::required("max_entries", Int(1), "columns or fields at most"),
        ]),
        "bounds",
    ),
    Key::optional(
        "skip_sanitize_result",
        Bool,
        "leave unused buffer content in place",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:log_parser",
    name: "log_parser",
    signals: &[Signal::Logs],
    doc: "parses log bodies: regular expression, JSON, CSV",
    keys: KEYS,
    converts: true,
    ..Node::PLAIN
};
