//! The `otlp` node: receives OTLP over gRPC and HTTP.
//!
//! By itself the engine answers a request before anything was done with it, and so says that it has
//! what may still be lost. Here an answer waits for what the pipeline says, as in the Collector,
//! unless its user wants it otherwise.

use crate::catalog::network::{self, KEEPALIVE, MOST_WINDOW, NODELAY, PINGS, SERVER_TLS, WINDOWS};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::places;
use crate::catalog::shape::Shape::{Bool, Duration, Either, Int, List, Object, Size, Text, Word};
use crate::catalog::shape::{Key, Shape};
use crate::finding::Finding;
use serde_json::json;
use strait_component::Kind;

const METHOD: Shape = Word(&["zstd", "gzip", "deflate", "none"]);
const METHODS: Shape = Either(&[METHOD, List(&METHOD)]);

const ADDRESS: Key = Key::required("listening_addr", Text, "where to listen, as `0.0.0.0:4317`");
const WAIT: Key = Key::optional(
    "wait_for_result",
    Bool,
    "answer once the pipeline has; true when not given",
);
const AT_ONCE: Key = Key::optional(
    "max_concurrent_requests",
    Int(0),
    "requests under way at most; as many as the pipeline takes when not given",
);
const TIMEOUT: Key = Key::optional("timeout", Duration, "how long a request may take");
const TLS: Key = Key::optional("tls", Object(SERVER_TLS), "how connections are secured");

const GRPC: &[Key] = &[
    ADDRESS,
    WAIT,
    TIMEOUT,
    TLS,
    AT_ONCE,
    Key::optional(
        "load_shed",
        Bool,
        "refuse at once beyond that, and do not wait; true when not given",
    ),
    Key::optional(
        "max_concurrent_streams",
        Int(0),
        "requests of one connection at most",
    ),
    Key::optional(
        "transport_concurrency_limit",
        Int(0),
        "requests of one connection that the transport takes",
    ),
    Key::optional(
        "max_decoding_message_size",
        Size,
        "a larger message is refused; 4 MiB when not given",
    ),
    Key::optional("request_compression", METHODS, "what is taken"),
    Key::optional("response_compression", METHODS, "what is given"),
    NODELAY,
    KEEPALIVE[0],
    KEEPALIVE[1],
    KEEPALIVE[2],
    WINDOWS[0],
    WINDOWS[1],
    WINDOWS[2],
    Key::optional("max_frame_size", Size, "of HTTP/2, from 16 KiB to 16 MiB"),
    PINGS[0],
    PINGS[1],
];

const HTTP: &[Key] = &[
    ADDRESS,
    WAIT,
    TIMEOUT,
    TLS,
    AT_ONCE,
    Key::optional(
        "max_request_body_size",
        Size,
        "a larger request is refused; 4 MiB when not given",
    ),
    Key::optional(
        "accept_compressed_requests",
        Bool,
        "take gzip and deflate; true when not given",
    ),
    NODELAY,
    KEEPALIVE[0],
    KEEPALIVE[1],
    KEEPALIVE[2],
];

const KEYS: &[Key] = &[Key::required(
    "protocols",
    Object(&[
        Key::optional("grpc", Object(GRPC), "OTLP over gRPC"),
        Key::optional("http", Object(HTTP), "OTLP over HTTP"),
    ]),
    "one of them, or both",
)];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:receiver:otlp",
    name: "otlp",
    kind: Kind::Receiver,
    doc: "receives OTLP over gRPC and HTTP; over TLS where `otlp_http` is compiled in",
    keys: KEYS,
    receives_otlp: true,
    choice: Choice::Default,
    included: cfg!(feature = "otlp"),
    places: |config, _| {
        for protocol in ["grpc", "http"] {
            let settings = config["protocols"][protocol].as_object_mut();
            if let Some(settings) = settings {
                places::set(settings, "wait_for_result", json!(true));
            }
        }
    },
    refuses,
    ..Node::PLAIN
};

/// What HTTP/2 knows as a frame.
const FRAMES: std::ops::RangeInclusive<u64> = (1 << 14)..=(1 << 24) - 1;
/// Streams are counted in 32 bits.
const MOST_STREAMS: u64 = u32::MAX as u64;

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let protocols = &asked.config["protocols"];
    let mut found = Vec::new();
    let mut listeners = Vec::new();
    for protocol in ["grpc", "http"] {
        let config = &protocols[protocol];
        if config.is_null() {
            continue;
        }
        let path = format!("{}::protocols::{protocol}", asked.path);
        let here = Asked {
            path: &path,
            config,
            ..*asked
        };
        found.extend(network::address(&here, "listening_addr", &mut listeners));
        found.extend(network::server_tls(&here));
        let limits = [
            ("initial_stream_window_size", MOST_WINDOW),
            ("initial_connection_window_size", MOST_WINDOW),
            ("max_frame_size", *FRAMES.end()),
            ("max_concurrent_streams", MOST_STREAMS),
        ];
        found.extend(
            limits
                .iter()
                .filter_map(|(key, most)| here.at_most(key, *most)),
        );
        found.extend(here.at_least("max_frame_size", *FRAMES.start()));
    }
    if protocols["grpc"].is_null() && protocols["http"].is_null() {
        found.push(asked.finding("protocols", "name `grpc`, `http`, or both"));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    // Guarantees: an answer waits for the pipeline where its user does not say otherwise.
    #[test]
    fn an_answer_waits() {
        for (said, then) in [
            (json!({}), true),
            (json!({"wait_for_result": false}), false),
        ] {
            let mut config = json!({"protocols": {"grpc": said, "http": null}});
            (NODE.places)(config.as_object_mut().expect("a map"), 64);
            assert_eq!(config["protocols"]["grpc"]["wait_for_result"], then);
            assert_eq!(config["protocols"]["http"], Value::Null);
        }
    }
}
