//! The `otlp_grpc` node: sends OTLP over gRPC.

use crate::catalog::network::{
    self, CLIENT, KEEPALIVE, MOST_IN_FLIGHT, NODELAY, PINGS, PROXY, WINDOWS,
};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int, Map, Text, Word};
use crate::finding::Finding;
use std::time::Duration as Time;
use strait_component::Kind;
use strait_failure::Failure;
use tonic::Code;

const KEYS: &[Key] = &[
    Key::required(
        "grpc_endpoint",
        Text,
        "where to, as `http://host:4317` or `https://host:4317`",
    ),
    Key::optional(
        "timeout",
        Duration,
        "how long a request may take; 5s when not given",
    ),
    Key::optional(
        "max_in_flight",
        Int(0),
        "requests under way at most; 5 when not given",
    ),
    Key::optional(
        "num_connections",
        Int(0),
        "connections to the endpoint; 1 when not given",
    ),
    Key::optional(
        "compression",
        Word(&["zstd", "gzip", "deflate"]),
        "of requests; none when not given",
    ),
    Key::optional("headers", Map(&Text), "sent with every request").secret(),
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
    urn: "urn:otel:exporter:otlp_grpc",
    name: "otlp_grpc",
    kind: Kind::Exporter,
    doc: "sends OTLP over gRPC; over TLS where `otlp_http` is compiled in",
    keys: KEYS,
    retains: true,
    choice: Choice::Default,
    included: cfg!(feature = "otlp-grpc"),
    places: |config, _| network::limit(config),
    refuses,
    codes,
    ..Node::PLAIN
};

/// Connections that make sense: each is a task.
const MOST_CONNECTIONS: u64 = 1024;

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let limits = [
        ("max_in_flight", MOST_IN_FLIGHT),
        ("num_connections", MOST_CONNECTIONS),
    ];
    let limits = limits.into_iter();
    let mut found: Vec<_> = limits
        .filter_map(|(key, most)| asked.at_most(key, most))
        .collect();
    found.extend(network::client(asked));
    found
}

/// A gRPC status as the engine's client writes it: `code: 'its description', message: ...`, and
/// behind it the delay that the server asked for.
fn codes(failure: &mut Failure) {
    let status = failure.message.strip_prefix("code: '");
    let code = status.and_then(|status| {
        (1..=16).find(|code| {
            let words = Code::from_i32(*code).description();
            let rest = status.strip_prefix(words);
            rest.is_some_and(|rest| rest.starts_with('\''))
        })
    });
    if let Some(code) = code {
        failure.grpc_code = code.unsigned_abs();
    }
    if let Some(delay) = delay(&failure.message) {
        failure.retry_delay = delay;
    }
}

fn delay(message: &str) -> Option<Time> {
    let (_, behind) = message.rsplit_once(" (retry after ")?;
    let millis = behind.strip_suffix("ms)")?.parse().ok()?;
    Some(Time::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strait_failure::Class;
    use tonic::Status;

    // Guarantees: every status of the engine's client comes out as its number, whatever its message
    // says, and a delay behind it as a time.
    #[test]
    fn a_status_has_its_number() {
        for code in 1..=16 {
            for message in ["", "no", "code: 'Internal error'", "x (retry after 9ms)"] {
                let status = Status::new(Code::from_i32(code), message).to_string();
                for delay in [0, 1500] {
                    let mut text = status.clone();
                    if delay > 0 {
                        text.push_str(&format!(" (retry after {delay}ms)"));
                    }
                    let mut failure = Failure::new(Class::Retryable, text);
                    codes(&mut failure);
                    assert_eq!(failure.grpc_code, code.unsigned_abs(), "{failure}");
                    assert_eq!(failure.retry_delay, Time::from_millis(delay), "{failure}");
                }
            }
        }
    }

    // Guarantees: another text is none.
    #[test]
    fn another_text_has_no_number() {
        for text in ["", "code: 'x'", "no usable auth", "(retry after soon)"] {
            let mut failure = Failure::new(Class::Retryable, text);
            codes(&mut failure);
            assert_eq!(failure, Failure::new(Class::Retryable, text));
        }
    }
}
