//! The `console` node: prints logs and metrics to standard output.

use crate::catalog::node::{Asked, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Object, Word};
use crate::finding::Finding;
use serde_json::Value;
use strait_component::{Kind, Signal};

const KEYS: &[Key] = &[
    Key::optional(
        "format",
        Word(&["pretty", "record_json"]),
        "text for people, or a line of JSON for each log; `pretty` when not given",
    ),
    Key::optional("color", Bool, "colours in `pretty`; true when not given"),
    Key::optional(
        "unicode",
        Bool,
        "box-drawing characters in `pretty`; true when not given",
    ),
    Key::optional(
        "pretty",
        Object(&[Key::optional(
            "histogram",
            Word(&["compact", "raw"]),
            "statistics of histograms, or every bucket",
        )]),
        "more of `pretty`",
    ),
    Key::optional(
        "record_json",
        Object(&[
            Key::optional(
                "timestamp_format",
                Word(&["rfc3339", "unix_nano"]),
                "how times are written",
            ),
            Key::optional(
                "body_field",
                Word(&["body", "message"]),
                "the key of the body",
            ),
            Key::optional(
                "int64_format",
                Word(&["number", "string"]),
                "how integers are written",
            ),
            Key::optional("resource", Bool, "write resource attributes"),
            Key::optional("scope", Bool, "write the scope; true when not given"),
            Key::optional("otel", Bool, "write OpenTelemetry's own fields"),
        ]),
        "more of `record_json`",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:exporter:console",
    name: "console",
    kind: Kind::Exporter,
    signals: &[Signal::Logs, Signal::Metrics],
    doc: "prints to standard output, for people; what it cannot print is logged, and taken",
    keys: KEYS,
    refuses,
    ..Node::PLAIN
};

/// Whether a configuration asks for lines of JSON.
pub(crate) fn prints_records(config: &Value) -> bool {
    config["format"] == "record_json"
}

/// The engine acknowledges metrics that it does not print.
fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    if asked.signal == Some(Signal::Metrics) && prints_records(asked.config) {
        return vec![asked.finding("format", "`record_json` prints logs only, not metrics")];
    }
    Vec::new()
}
