//! The `otap` node: sends records over gRPC streams of OTAP, to another engine.
//!
//! What the destination says of a batch comes back as a failure that may be tried again or not, and
//! no more: the engine keeps its code and its words for its log. A batch that it never answers ends
//! with its call.

use crate::catalog::network::{
    self, CLIENT, KEEPALIVE, MOST_IN_FLIGHT, NODELAY, PINGS, PROXY, WINDOWS,
};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int, Map, Object, Text, Word};
use crate::finding::Finding;
use strait_component::Kind;

const KEYS: &[Key] = &[
    Key::required(
        "grpc_endpoint",
        Text,
        "where to, as `http://host:4317` or `https://host:4317`",
    ),
    Key::optional(
        "timeout",
        Duration,
        "how long a stream may take to open; 5s when not given",
    ),
    Key::optional(
        "streams_per_signal",
        Int(1),
        "streams of each signal; 1 when not given",
    ),
    Key::optional(
        "stream_queue_capacity",
        Int(1),
        "batches that wait for a stream; 64 when not given",
    ),
    Key::optional(
        "compression_method",
        Word(&["zstd", "gzip", "deflate", "none"]),
        "of messages; `zstd` when not given",
    ),
    Key::optional(
        "arrow",
        Object(&[Key::optional(
            "payload_compression",
            Word(&["zstd", "none"]),
            "of records in a message; `zstd` when not given",
        )]),
        "how records are written",
    ),
    Key::optional("headers", Map(&Text), "sent when a stream is opened").secret(),
    CLIENT[0],
    CLIENT[1],
    CLIENT[2],
    PROXY,
    CLIENT[3],
    CLIENT[4],
    CLIENT[5],
    NODELAY,
    KEEPALIVE[0],
    KEEPALIVE[1],
    KEEPALIVE[2],
    WINDOWS[0],
    WINDOWS[1],
    WINDOWS[2],
    PINGS[0],
    PINGS[1],
    CLIENT[6],
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:exporter:otap",
    name: "otap",
    kind: Kind::Exporter,
    doc: "sends records by OTAP over gRPC; over TLS where `otlp_http` is compiled in",
    keys: KEYS,
    converts: true,
    retains: true,
    choice: Choice::Default,
    included: cfg!(feature = "otap"),
    places: |config, _| network::limit(config),
    refuses,
    ..Node::PLAIN
};

/// Streams that make sense: each is a task, and one of a connection.
const MOST_STREAMS: u64 = 64;

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let limits = [
        ("streams_per_signal", MOST_STREAMS),
        ("stream_queue_capacity", MOST_IN_FLIGHT),
    ];
    let mut found = asked.spans_as_records();
    let limits = limits.into_iter();
    found.extend(limits.filter_map(|(key, most)| asked.at_most(key, most)));
    found.extend(network::client(asked));
    found
}
