//! The `otlp_grpc` node: sends OTLP over gRPC.

use crate::catalog::network::{
    self, CLIENT_TLS, KEEPALIVE, MOST_IN_FLIGHT, MOST_WINDOW, NODELAY, PINGS, WINDOWS,
};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Bool, Duration, Int, Map, Object, Text, Word};
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
    Key::optional("tls", Object(CLIENT_TLS), "how the connection is secured"),
    Key::optional("user_agent", Text, "put before the client's own name"),
    Key::optional(
        "startup_check",
        Word(&["none", "dns", "connect"]),
        "what must work at the start; `none` when not given",
    ),
    Key::optional(
        "proxy",
        Object(&[
            Key::optional("http_proxy", Text, "for endpoints of http").secret(),
            Key::optional("https_proxy", Text, "for endpoints of https").secret(),
            Key::optional("all_proxy", Text, "for those without one of these").secret(),
            Key::optional("no_proxy", Text, "hosts to reach without one"),
            Key::optional(
                "tls",
                Object(CLIENT_TLS),
                "how the way to the proxy is secured",
            ),
        ]),
        "proxies; those of the environment when not given",
    ),
    Key::optional("connect_timeout", Duration, "3s when not given"),
    Key::optional(
        "concurrency_limit",
        Int(0),
        "requests of a connection; 256 when not given",
    ),
    Key::optional("buffer_size", Int(1), "requests that wait in the client"),
    NODELAY,
    KEEPALIVE[0],
    KEEPALIVE[1],
    KEEPALIVE[2],
    WINDOWS[0],
    WINDOWS[1],
    WINDOWS[2],
    PINGS[0],
    PINGS[1],
    Key::optional("keep_alive_while_idle", Bool, "pings without requests"),
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
        ("concurrency_limit", MOST_IN_FLIGHT),
        ("buffer_size", MOST_IN_FLIGHT),
        ("initial_stream_window_size", MOST_WINDOW),
        ("initial_connection_window_size", MOST_WINDOW),
    ];
    let mut found: Vec<_> = limits
        .into_iter()
        .filter_map(|(key, most)| asked.at_most(key, most))
        .collect();
    for (key, address) in [
        ("grpc_endpoint", &asked.config["grpc_endpoint"]),
        ("proxy::http_proxy", &asked.config["proxy"]["http_proxy"]),
        ("proxy::https_proxy", &asked.config["proxy"]["https_proxy"]),
        ("proxy::all_proxy", &asked.config["proxy"]["all_proxy"]),
    ] {
        let secure = address.as_str().is_some_and(network::is_secure);
        if !network::HAS_TLS && secure {
            found.push(asked.finding(key, network::NO_TLS));
        }
    }
    for (place, tls) in [
        ("tls", &asked.config["tls"]),
        ("proxy::tls", &asked.config["proxy"]["tls"]),
    ] {
        found.extend(network::client_tls(asked, place, tls));
        if !network::HAS_TLS && !tls.is_null() && tls["insecure"] != true {
            found.push(asked.finding(place, network::NO_TLS));
        }
        if tls["insecure_skip_verify"] == true {
            let message = "the engine's gRPC client always checks certificates: give `ca_file`";
            found.push(asked.finding(&format!("{place}::insecure_skip_verify"), message));
        }
    }
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
