//! The `otlp_http` node: sends OTLP over HTTP.

use crate::catalog::network::{self, CLIENT_TLS, KEEPALIVE, MOST_IN_FLIGHT, NODELAY};
use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Int, Map, Object, Text, Word};
use crate::finding::Finding;
use strait_component::Kind;
use strait_failure::Failure;

const HTTP: &[Key] = &[
    Key::optional(
        "timeout",
        Duration,
        "how long a request may take; 5s when not given",
    ),
    Key::optional("connect_timeout", Duration, "3s when not given"),
    Key::optional(
        "compression",
        Word(&["zstd", "gzip", "deflate", "none"]),
        "of requests; `none` when not given",
    ),
    Key::optional("headers", Map(&Text), "sent with every request").secret(),
    Key::optional("tls", Object(CLIENT_TLS), "how the connection is secured"),
    Key::optional("user_agent", Text, "the client's name; none when not given"),
    Key::optional(
        "concurrency_limit",
        Int(0),
        "connections that are made at once; 256 when not given",
    ),
    NODELAY,
    KEEPALIVE[0],
    KEEPALIVE[1],
];

const KEYS: &[Key] = &[
    Key::required("endpoint", Text, "where to, as `http://host:4318`"),
    Key::required("http", Object(HTTP), "the client; `{}` for its defaults"),
    Key::required(
        "client_pool_size",
        Int(1),
        "clients, each with connections of its own; 1 will do",
    ),
    Key::optional("logs_endpoint", Text, "for logs, with its path"),
    Key::optional("metrics_endpoint", Text, "for metrics, with its path"),
    Key::optional("traces_endpoint", Text, "for traces, with its path"),
    Key::optional(
        "max_in_flight",
        Int(0),
        "requests under way at most; 5 when not given",
    ),
    Key::optional(
        "max_response_body_length",
        Int(0),
        "bytes of an answer at most; 10 MiB when not given",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:exporter:otlp_http",
    name: "otlp_http",
    kind: Kind::Exporter,
    doc: "sends OTLP over HTTP; with it TLS is compiled in",
    keys: KEYS,
    retains: true,
    choice: Choice::OnRequest,
    included: cfg!(feature = "otlp-http"),
    places: |config, _| {
        if let Some(http) = config["http"].as_object_mut() {
            network::limit(http);
        }
    },
    refuses,
    codes,
    ..Node::PLAIN
};

/// Clients that make sense: each reads the system's certificates.
const MOST_CLIENTS: u64 = 1024;

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let limits = [
        ("max_in_flight", MOST_IN_FLIGHT),
        ("client_pool_size", MOST_CLIENTS),
    ];
    let mut found: Vec<_> = limits
        .into_iter()
        .filter_map(|(key, most)| asked.at_most(key, most))
        .collect();
    for key in [
        "endpoint",
        "logs_endpoint",
        "metrics_endpoint",
        "traces_endpoint",
    ] {
        let text = asked.config.get(key).and_then(serde_json::Value::as_str);
        if let Some(error) = text.and_then(|text| address(text).err()) {
            found.push(asked.finding(key, error));
        }
    }
    let tls = &asked.config["http"]["tls"];
    found.extend(network::client_tls(asked, "http::tls", tls));
    if !tls["server_name_override"].is_null() {
        let message = "the engine's HTTP client has no such setting: name the host in `endpoint`";
        found.push(asked.finding("http::tls::server_name_override", message));
    }
    found
}

/// Whether this is an address; the engine finds it only once the node is made.
fn address(text: &str) -> Result<(), String> {
    let uri: http::Uri = text
        .parse()
        .map_err(|error| format!("is not an address: {error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => Err("expected an address such as `http://host:4318`".into()),
    }
}

/// A status as the engine's client writes it, `HTTP status client error (400 Bad Request) for url`,
/// the server's own behind it, `(RPC code 3)`; or what a server took of a batch in part,
/// `the server's message (7 rejected)`.
fn codes(failure: &mut Failure) {
    const REQUEST: &str = "An error occurred sending HTTP request: HTTP status ";
    let message = &failure.message;
    if let Some(status) = message.strip_prefix(REQUEST) {
        let code = status
            .split_once(" error (")
            .and_then(|(_, code)| number(code));
        failure.http_code = code.unwrap_or(0);
        let rpc = behind(message, " (RPC code ", ")");
        failure.grpc_code = rpc.unwrap_or(failure.grpc_code);
    } else if let Some(rejected) = behind(message, " (", " rejected)") {
        failure.rejected_items = rejected.into();
    }
}

/// The number between these two, at the text's end.
fn behind(text: &str, before: &str, end: &str) -> Option<u32> {
    let (_, number) = text.strip_suffix(end)?.rsplit_once(before)?;
    number.parse().ok()
}

/// The number that a text begins with.
fn number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use strait_failure::Class;

    fn read(text: &str) -> (u32, u32, u64) {
        let mut failure = Failure::new(Class::Permanent, text);
        codes(&mut failure);
        (failure.http_code, failure.grpc_code, failure.rejected_items)
    }

    // Guarantees: the numbers of a status, of the server's own, and of what was refused in part are
    // read; another text has none.
    #[test]
    fn a_status_has_its_numbers() {
        let refused = "An error occurred sending HTTP request: HTTP status client error (400 Bad \
                       Request) for url (http://127.0.0.1:1/v1/logs)";
        assert_eq!(read(refused), (400, 0, 0));
        assert_eq!(read(&format!("{refused}: no (RPC code 3)")), (400, 3, 0));
        assert_eq!(read(&format!("{refused}: (7 rejected)")), (400, 0, 0));
        let busy = "An error occurred sending HTTP request: HTTP status server error (503 Service \
                    Unavailable) for url (http://127.0.0.1:1/v1/logs)";
        assert_eq!(read(busy), (503, 0, 0));
        assert_eq!(read("some are too old (7 rejected)"), (0, 0, 7));
        for text in [
            "",
            "An error occurred sending HTTP request: x",
            "(RPC code 3)",
        ] {
            assert_eq!(read(text), (0, 0, 0), "{text}");
        }
    }

    #[test]
    fn an_address_is_one() {
        for right in ["http://host:4318", "https://h/v1/logs", "http://[::1]:4318"] {
            assert_eq!(address(right), Ok(()));
        }
        for wrong in ["", "host:4318", "/v1/logs", "ftp://host", "http://"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
