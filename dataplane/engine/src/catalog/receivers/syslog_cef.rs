//! The `syslog_cef` node: receives syslog and CEF over TCP or UDP.

use crate::catalog::network::{self, SERVER_TLS};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Int, Object, OneOf, Text, Word};
use crate::finding::Finding;
use strait_component::{Kind, Signal};

const ADDRESS: Key = Key::required("listening_addr", Text, "where to listen, as `0.0.0.0:514`");

const KEYS: &[Key] = &[
    Key::required(
        "protocol",
        OneOf(&[
            Key::optional(
                "tcp",
                Object(&[
                    ADDRESS,
                    Key::optional(
                        "framing",
                        Word(&["newline", "octet_counting"]),
                        "where a message ends; `newline` when not given",
                    ),
                    Key::optional("tls", Object(SERVER_TLS), "how connections are secured"),
                ]),
                "over TCP",
            ),
            Key::optional("udp", Object(&[ADDRESS]), "over UDP"),
        ]),
        "how messages come",
    ),
    Key::optional(
        "batch",
        Object(&[
            Key::optional(
                "max_batch_duration_ms",
                Int(1),
                "a batch is sent after this; 100 when not given",
            ),
            Key::optional(
                "max_size",
                Int(1),
                "messages of a batch at most; 100 when not given, 256 at most",
            ),
        ]),
        "how messages become batches",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:receiver:syslog_cef",
    name: "syslog_cef",
    kind: Kind::Receiver,
    signals: &[Signal::Logs],
    doc: "receives syslog and CEF over TCP or UDP; who sends them is told nothing of their fate",
    keys: KEYS,
    choice: Choice::Default,
    included: cfg!(feature = "syslog-cef"),
    refuses,
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for protocol in ["tcp", "udp"] {
        let config = &asked.config["protocol"][protocol];
        if !config.is_null() {
            let path = format!("{}::protocol::{protocol}", asked.path);
            let here = Asked {
                path: &path,
                config,
                ..*asked
            };
            found.extend(network::address(&here, "listening_addr", &mut Vec::new()));
            found.extend(network::server_tls(&here));
        }
    }
    found
}
