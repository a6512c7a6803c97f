//! The `journald` node: follows the machine's journal.
//!
//! How far it has come is written down once the pipeline has taken a batch; what is refused is read
//! again, from there. It has one batch under way.

use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::LEAST_TICK;
use crate::catalog::shape::Shape::{Duration, DurationFrom, Int, List, Object, Size, Text, Word};
use crate::finding::Finding;
use std::path::Path;
use strait_component::{Kind, Signal};

const KEYS: &[Key] = &[
    Key::required(
        "checkpoint",
        Object(&[
            Key::required(
                "directory",
                Text,
                "where it is written down how far the node has come; absolute",
            ),
            Key::optional(
                "on_nack",
                Word(&["rewind", "fail"]),
                "what becomes of a batch that the pipeline refuses: it is read again, or the node \
                 fails; `rewind` when not given",
            ),
            Key::optional(
                "max_consecutive_failures",
                Int(1),
                "times that it cannot be written down before the node fails; 5 when not given",
            ),
        ]),
        "how far the node has come",
    ),
    Key::optional(
        "source_id",
        Text,
        "a name for the journal, in that folder; `system` when not given",
    ),
    Key::optional(
        "journal",
        Object(&[Key::optional(
            "root_path",
            Text,
            "where the machine's filesystem is, as `/host` in a container; `/` when not given",
        )]),
        "the machine whose journal it is",
    ),
    Key::optional("units", List(&Text), "entries of these units alone"),
    Key::optional(
        "identifiers",
        List(&Text),
        "entries of these programs alone",
    ),
    Key::optional(
        "priorities",
        List(&Int(0)),
        "entries of these priorities alone, from 0 to 7",
    ),
    Key::optional(
        "max_priority",
        Word(&[
            "emergency",
            "alert",
            "critical",
            "error",
            "warning",
            "notice",
            "info",
            "debug",
        ]),
        "entries of this priority and more urgent ones",
    ),
    Key::optional(
        "start_at",
        Word(&["end", "beginning"]),
        "where to begin when nothing is written down; `end` when not given",
    ),
    Key::optional(
        "batch",
        Object(&[
            Key::optional(
                "max_records",
                Int(1),
                "entries of a batch at most; 1024 when not given, 65535 at most",
            ),
            Key::optional(
                "max_flush_period",
                DurationFrom(LEAST_TICK),
                "a batch is sent after this; 200ms when not given",
            ),
        ]),
        "how entries become batches",
    ),
    Key::optional(
        "extraction",
        Object(&[
            Key::optional("max_entry_bytes", Size, "of an entry; 1 MiB when not given"),
            Key::optional(
                "max_field_bytes",
                Size,
                "of a field; 256 KiB when not given",
            ),
            Key::optional(
                "max_fields_per_entry",
                Int(1),
                "fields of an entry; 256 when not given",
            ),
        ]),
        "larger fields, and those beyond, are left out",
    ),
    Key::optional(
        "wait_timeout",
        Duration,
        "how long it waits for entries before it looks whether it is to end; 1s when not given, \
         5s at most",
    ),
    Key::optional(
        "drain_timeout",
        Duration,
        "how long it has to end, more than `wait_timeout`; 5s when not given",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:receiver:journald",
    name: "journald",
    kind: Kind::Receiver,
    signals: &[Signal::Logs],
    doc: "follows the journal of systemd, through its library, which has to be there",
    keys: KEYS,
    choice: Choice::Default,
    included: cfg!(feature = "journald"),
    refuses,
    ..Node::PLAIN
};

/// Room that makes sense for a field: as much is set aside.
const MOST_BYTES: u64 = 1 << 30;
/// Fields of an entry that make sense.
const MOST_FIELDS: u64 = 65_536;

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let directory = asked.config["checkpoint"]["directory"].as_str();
    if !directory.is_some_and(|path| Path::new(path).is_absolute()) {
        let message =
            "expected an absolute path: a Collector's own folder is not the same each time";
        found.push(asked.finding("checkpoint::directory", message));
    }
    let extraction = Asked {
        path: &format!("{}::extraction", asked.path),
        config: &asked.config["extraction"],
        ..*asked
    };
    let limits = [
        ("max_entry_bytes", MOST_BYTES),
        ("max_field_bytes", MOST_BYTES),
        ("max_fields_per_entry", MOST_FIELDS),
    ];
    let limits = limits.into_iter();
    found.extend(limits.filter_map(|(key, most)| extraction.at_most(key, most)));
    found
}
