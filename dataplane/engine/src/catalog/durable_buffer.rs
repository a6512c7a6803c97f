//! The `durable_buffer` node: data is on disk before its call ends.

use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Shape::{Duration, DurationFrom, Int, Number, Size, Text, Word};
use crate::catalog::shape::{Key, LEAST_TICK};
use crate::finding::Finding;

const KEYS: &[Key] = &[
    Key::required("path", Text, "folder"),
    Key::optional(
        "retention_size_cap",
        Size,
        "disk space at most, from 192 MiB for each lane; 10 GiB when not given",
    ),
    Key::optional(
        "max_age",
        Duration,
        "older data is dropped; kept when not given",
    ),
    Key::optional(
        "size_cap_policy",
        Word(&["backpressure", "drop_oldest"]),
        "when the disk is full",
    ),
    Key::optional(
        "poll_interval",
        DurationFrom(LEAST_TICK),
        "how often to look for data",
    ),
    Key::optional(
        "otlp_handling",
        Word(&["pass_through", "convert_to_arrow"]),
        "how OTLP is stored",
    ),
    Key::optional(
        "max_segment_open_duration",
        Duration,
        "a segment is closed after this",
    ),
    Key::optional(
        "initial_retry_interval",
        Duration,
        "first wait after a failure; 1s when not given",
    ),
    Key::optional(
        "max_retry_interval",
        Duration,
        "longest wait; 30s when not given",
    ),
    Key::optional(
        "retry_multiplier",
        Number,
        "growth of the wait; 2 when not given",
    ),
    Key::optional(
        "max_in_flight",
        Int(0),
        "bundles under way at most; 1000 when not given",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:durable_buffer",
    name: "durable_buffer",
    doc: "acknowledges once data is on disk, sends it on from there",
    keys: KEYS,
    converts: true,
    retains: true,
    resumes: true,
    stateful: true,
    choice: Choice::Default,
    included: cfg!(feature = "durable-buffer"),
    refuses,
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    if asked.config["otlp_handling"] == "convert_to_arrow" {
        return asked.spans_as_records();
    }
    Vec::new()
}
