//! The `file` node: appends batches to files, as lines of OTLP's JSON.

use crate::catalog::node::{Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Int, Text, Word};
use strait_component::Kind;

const KEYS: &[Key] = &[
    Key::required(
        "path",
        Text,
        "absolute, with `{signal}`, `{core_id}` (the lane) and `{generation}` once each",
    ),
    Key::optional("create_directories", Bool, "make missing folders"),
    Key::optional("format", Word(&["otlp_json"]), "what a line holds"),
    Key::optional(
        "open_mode",
        Word(&["append", "truncate", "create_new"]),
        "what becomes of a file that is there; `append` when not given",
    ),
    Key::optional(
        "durability",
        Word(&["write", "sync_data"]),
        "when a batch counts as written; `write` when not given",
    ),
    Key::optional(
        "max_frame_bytes",
        Int(1),
        "a longer line is refused; 64 MiB when not given, 256 MiB at most",
    ),
    Key::optional(
        "tail_recovery",
        Word(&["truncate_partial", "fail"]),
        "what becomes of a line that was cut off; `truncate_partial` when not given",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:exporter:file",
    name: "file",
    kind: Kind::Exporter,
    doc: "appends batches to files, one line of OTLP JSON each",
    keys: KEYS,
    choice: Choice::Default,
    included: cfg!(feature = "file"),
    ..Node::PLAIN
};
