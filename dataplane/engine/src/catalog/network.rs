//! What the nodes of a network have in common: keys of connections and of TLS, and which of them
//! the engine takes and then cannot start with.

use crate::catalog::node::Asked;
use crate::catalog::places;
use crate::catalog::shape::Shape::{Bool, Duration, DurationFrom, Int, Object, Size, Text, Word};
use crate::catalog::shape::{Key, LEAST_TICK};
use crate::finding::Finding;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::time::Duration as Time;

/// How long a request may take where nobody says it: as long as with the Collector's exporters.
/// Without a limit a destination that never answers would hold the node's places for ever.
const TIMEOUT: &str = "5s";

/// Whether this binary has TLS.
pub(super) const HAS_TLS: bool = cfg!(feature = "otlp-http");

pub(super) const NO_TLS: &str = "this binary has no TLS, which is compiled in with the node \
    `otlp_http`: list that in `dist.engine_nodes` of the builder file";

/// Whether an address asks for TLS.
pub(super) fn is_secure(address: &str) -> bool {
    let scheme = address.trim_start().get(..6);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// Batches that a node may have under way: it makes room for as many at once.
pub(super) const MOST_IN_FLIGHT: u64 = 65_536;

pub(super) const CLIENT_TLS: &[Key] = &[
    Key::optional("ca_file", Text, "certificates to trust, in PEM"),
    Key::optional("ca_pem", Text, "the same as text"),
    Key::optional("cert_file", Text, "the client's certificate, in PEM"),
    Key::optional("cert_pem", Text, "the same as text"),
    Key::optional("key_file", Text, "its key, in PEM"),
    Key::optional("key_pem", Text, "the same as text").secret(),
    Key::optional(
        "include_system_ca_certs_pool",
        Bool,
        "trust the system's certificates too; true when not given",
    ),
    Key::optional(
        "server_name_override",
        Text,
        "the name that the server's certificate has to have",
    ),
    Key::optional("insecure", Bool, "no TLS where the endpoint names none"),
    Key::optional(
        "insecure_skip_verify",
        Bool,
        "do not check the server's certificate",
    ),
    Key::optional(
        "reload_interval",
        Duration,
        "how often files are looked at; 5m when not given",
    ),
];

pub(super) const SERVER_TLS: &[Key] = &[
    Key::optional("cert_file", Text, "the server's certificate, in PEM"),
    Key::optional("cert_pem", Text, "the same as text"),
    Key::optional("key_file", Text, "its key, in PEM"),
    Key::optional("key_pem", Text, "the same as text").secret(),
    Key::optional(
        "client_ca_file",
        Text,
        "who signs clients' certificates, in PEM",
    ),
    Key::optional("client_ca_pem", Text, "the same as text"),
    Key::optional(
        "include_system_ca_certs_pool",
        Bool,
        "trust the system's certificates for clients too",
    ),
    Key::optional(
        "watch_client_ca",
        Bool,
        "take a changed `client_ca_file` at once",
    ),
    Key::optional(
        "handshake_timeout",
        Duration,
        "how long a handshake may take; 10s when not given",
    ),
    Key::optional(
        "reload_interval",
        Duration,
        "how often files are looked at; 5m when not given",
    ),
];

/// Of TCP, of either end: `tcp_nodelay`, and what finds out that nobody is there any more.
pub(super) const NODELAY: Key =
    Key::optional("tcp_nodelay", Bool, "send at once; true when not given");
pub(super) const KEEPALIVE: [Key; 3] = [
    Key::optional(
        "tcp_keepalive",
        DurationFrom(Time::from_secs(1)),
        "of idle connections",
    ),
    Key::optional(
        "tcp_keepalive_interval",
        DurationFrom(Time::from_secs(1)),
        "between probes",
    ),
    Key::optional(
        "tcp_keepalive_retries",
        Int(1),
        "probes before a connection is given up",
    ),
];

/// Of HTTP/2, of either end: windows, and pings.
pub(super) const WINDOWS: [Key; 3] = [
    Key::optional("initial_stream_window_size", Size, "of HTTP/2"),
    Key::optional("initial_connection_window_size", Size, "of HTTP/2"),
    Key::optional(
        "http2_adaptive_window",
        Bool,
        "let HTTP/2 find the sizes of windows",
    ),
];
pub(super) const PINGS: [Key; 2] = [
    Key::optional(
        "http2_keepalive_interval",
        DurationFrom(LEAST_TICK),
        "between pings",
    ),
    Key::optional(
        "http2_keepalive_timeout",
        DurationFrom(LEAST_TICK),
        "a ping's answer must come within it",
    ),
];

/// What HTTP/2 knows as a window.
pub(super) const MOST_WINDOW: u64 = (1 << 31) - 1;

/// Of a gRPC client.
pub(super) const CLIENT: [Key; 7] = [
    Key::optional("tls", Object(CLIENT_TLS), "how the connection is secured"),
    Key::optional("user_agent", Text, "put before the client's own name"),
    Key::optional(
        "startup_check",
        Word(&["none", "dns", "connect"]),
        "what must work at the start; `none` when not given",
    ),
    Key::optional("connect_timeout", Duration, "3s when not given"),
    Key::optional(
        "concurrency_limit",
        Int(0),
        "requests of a connection; 256 when not given",
    ),
    Key::optional("buffer_size", Int(1), "requests that wait in the client"),
    Key::optional("keep_alive_while_idle", Bool, "pings without requests"),
];
pub(super) const PROXY: Key = Key::optional(
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
);

/// Finds in the settings of a gRPC client what the engine finds only once the node starts, and what
/// it makes room for or panics on.
pub(super) fn client(asked: &Asked<'_>) -> Vec<Finding> {
    let limits = [
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
        let secure = address.as_str().is_some_and(is_secure);
        if !HAS_TLS && secure {
            found.push(asked.finding(key, NO_TLS));
        }
    }
    for (place, tls) in [
        ("tls", &asked.config["tls"]),
        ("proxy::tls", &asked.config["proxy"]["tls"]),
    ] {
        found.extend(client_tls(asked, place, tls));
        if !HAS_TLS && !tls.is_null() && tls["insecure"] != true {
            found.push(asked.finding(place, NO_TLS));
        }
        if tls["insecure_skip_verify"] == true {
            let message = "the engine's gRPC client always checks certificates: give `ca_file`";
            found.push(asked.finding(&format!("{place}::insecure_skip_verify"), message));
        }
    }
    found
}

/// Gives a request a limit where its user does not.
pub(super) fn limit(client: &mut Map<String, Value>) {
    places::set(client, "timeout", json!(TIMEOUT));
}

/// Finds in the TLS settings at `place` what the engine finds only once the node starts.
pub(super) fn client_tls(asked: &Asked<'_>, place: &str, tls: &Value) -> Vec<Finding> {
    let has = |name: &str| {
        let (file, text) = (&tls[format!("{name}_file")], &tls[format!("{name}_pem")]);
        !file.is_null() || text.as_str().is_some_and(|text| !text.trim().is_empty())
    };
    let mut found = Vec::new();
    let mut find = |key: &str, message: &str| {
        found.push(asked.finding(&format!("{place}::{key}"), message));
    };
    for (one, other) in [("cert", "key"), ("key", "cert")] {
        if has(one) && !has(other) {
            let message = format!("a client needs both: give `{other}_file` or `{other}_pem` too");
            find(&format!("{one}_file"), &message);
        }
    }
    if tls["include_system_ca_certs_pool"] == false && !has("ca") {
        let message = "nobody is trusted: give `ca_file` or `ca_pem`, or leave this out";
        find("include_system_ca_certs_pool", message);
    }
    if tls["ca_pem"]
        .as_str()
        .is_some_and(|text| text.trim().is_empty())
    {
        find("ca_pem", "is empty: leave it out");
    }
    found
}

/// Whether a key holds an address to listen on that no other listener of the node has; the engine
/// says neither which key is wrong nor what is.
pub(super) fn address(
    asked: &Asked<'_>,
    key: &str,
    taken: &mut Vec<SocketAddr>,
) -> Option<Finding> {
    let text = asked.config.get(key)?.as_str()?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let message =
            format!("expected an address and a port such as `0.0.0.0:4317`, found `{text}`");
        return Some(asked.finding(key, message));
    };
    let same = |other: &&SocketAddr| {
        let anywhere = address.ip().is_unspecified() || other.ip().is_unspecified();
        // Port 0 too, of which each would get one of its own: the engine does not see that.
        other.port() == address.port() && (anywhere || other.ip() == address.ip())
    };
    if let Some(other) = taken.iter().find(same) {
        return Some(asked.finding(key, format!("`{other}` is listened on already")));
    }
    taken.push(address);
    None
}

/// Finds in a server's TLS settings what the engine finds only once the node starts.
pub(super) fn server_tls(asked: &Asked<'_>) -> Vec<Finding> {
    match &asked.config["tls"] {
        Value::Null => Vec::new(),
        _ if !HAS_TLS => vec![asked.finding("tls", NO_TLS)],
        tls => server_certificates(asked, tls),
    }
}

/// A server has a certificate and its key, both as files or both as texts; no text is empty.
fn server_certificates(asked: &Asked<'_>, tls: &Value) -> Vec<Finding> {
    let finding = |key: &str, message: &str| asked.finding(&format!("tls::{key}"), message);
    let is_empty = |key: &&str| {
        let text = tls[key].as_str();
        text.is_some_and(|text| text.trim().is_empty())
    };
    let empty = ["cert_pem", "key_pem", "client_ca_pem"]
        .into_iter()
        .filter(is_empty);
    let mut found: Vec<_> = empty
        .map(|key| finding(key, "is empty: leave it out"))
        .collect();
    let has = |key: &str| !tls[key].is_null();
    let both = |form: &str| has(&format!("cert_{form}")) && has(&format!("key_{form}"));
    if both("file") || both("pem") {
        return found;
    }
    let missing = ["cert", "key"].into_iter().filter(|name| {
        let (file, text) = (format!("{name}_file"), format!("{name}_pem"));
        !has(&file) && !has(&text)
    });
    let message = |name: &str| format!("a server needs it: give `{name}_file` or `{name}_pem`");
    let missing = missing.map(|name| finding(&format!("{name}_file"), &message(name)));
    let before = found.len();
    found.extend(missing);
    if found.len() == before {
        let (has, lacks) = if has("cert_file") {
            ("cert_file", "key_file")
        } else {
            ("key_file", "cert_file")
        };
        let message = format!("goes with `{lacks}` only: give both as files, or both as texts");
        found.push(finding(has, &message));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: a server's certificate and key are both there, in one form, and no text is empty;
    // each mistake is found at its key.
    #[test]
    fn a_server_has_a_certificate_and_its_key() {
        let found = |tls: Value| {
            let (path, signal) = ("grpc", None);
            let config = &json!({ "tls": tls });
            let asked = Asked {
                path,
                config,
                signal,
            };
            let found = server_certificates(&asked, &config["tls"]);
            let found = found.into_iter().map(|finding| finding.path);
            found.collect::<Vec<_>>()
        };
        let files = json!({"cert_file": "/c", "key_file": "/k", "client_ca_pem": "a"});
        assert_eq!(found(files), [""; 0]);
        assert_eq!(found(json!({"cert_pem": "c", "key_pem": "k"})), [""; 0]);
        for (tls, keys) in [
            (json!({}), &["cert_file", "key_file"][..]),
            (json!({"cert_file": "/c"}), &["key_file"]),
            (json!({"key_pem": "k"}), &["cert_file"]),
            (json!({"cert_file": "/c", "key_pem": "k"}), &["cert_file"]),
            (json!({"cert_pem": "c", "key_file": "/k"}), &["key_file"]),
            (json!({"cert_pem": "", "key_pem": "k"}), &["cert_pem"]),
            (
                json!({"cert_pem": " \n", "key_pem": ""}),
                &["cert_pem", "key_pem"],
            ),
            (
                json!({"cert_file": "/c", "key_file": "/k", "client_ca_pem": ""}),
                &["client_ca_pem"],
            ),
        ] {
            let keys: Vec<_> = keys.iter().map(|key| format!("grpc::tls::{key}")).collect();
            assert_eq!(found(tls), keys);
        }
    }
}
