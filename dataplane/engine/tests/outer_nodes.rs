//! The engine's nodes at a unit's outer ends, those that receive and those that export: where they
//! may stand, and what becomes of batches there. The cases are those of `vectors/nodes.json`.

mod common;

use common::cases::{Case, cases_of, send};
use common::otlp::{Log, holds, request};
use common::units::of_nodes_in;
use common::{End, PATIENCE, Setup};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;
use strait_component::Kind;
use strait_engine::{Class, Failure, Unit};

const DRAIN: Duration = Duration::from_secs(10);

fn found_in(kind: &str, signal: &str, nodes: Value) -> Vec<(String, String)> {
    match Unit::read(&of_nodes_in(kind, signal, nodes)) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.into_iter().map(|f| (f.path, f.message)).collect(),
    }
}

fn exporter(signal: &str, nodes: Value) -> Vec<(String, String)> {
    found_in("exporter", signal, nodes)
}

// Guarantees: an exporter's nodes end with nodes that export, in a chain and in a graph; what leads
// further, or nowhere, is refused at its place, as are nodes of the wrong kind.
#[test]
fn an_exporter_ends_with_nodes_that_export() {
    let none: Vec<(String, String)> = Vec::new();
    assert_eq!(exporter("logs", json!([{"retry": {}}, "noop"])), none);
    for (nodes, path, says) in [
        (
            json!([{"retry": {}}]),
            "nodes::0::retry",
            "ends with a node that exports: console",
        ),
        (
            json!(["noop", "noop"]),
            "nodes::0::noop",
            "must be the chain's last",
        ),
        (json!(["nop"]), "nodes::0::nop", "did you mean `noop`?"),
    ] {
        let [(at, message)] = &exporter("logs", nodes)[..] else {
            panic!("one finding of {path}")
        };
        assert_eq!(at, path);
        assert!(message.contains(says), "{message}");
    }
    let [(path, message)] = &found_in("processor", "logs", json!(["noop"]))[..] else {
        panic!("one finding")
    };
    assert_eq!(path, "nodes::0::noop");
    assert!(message.contains("under `exporters`"), "{message}");

    let graph = |connections: Value| {
        let nodes = json!({"a": "retry", "b": "noop", "c": "noop"});
        let found = exporter("logs", json!({"nodes": nodes, "connections": connections}));
        found.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    let from_in = json!({"from": "in", "to": "a"});
    let each = json!({"from": "a", "to": ["b", "c"]});
    assert_eq!(graph(json!([from_in, each])), Vec::<String>::new());
    assert_eq!(
        graph(json!([from_in, each, {"from": "b", "to": "c"}])),
        ["nodes::nodes::b::noop"]
    );
    assert_eq!(
        graph(json!([from_in, {"from": "a", "to": "b"}])),
        ["nodes::nodes::c::noop"]
    );
    assert_eq!(
        graph(json!([from_in, each, {"from": "a", "to": "out"}])),
        ["nodes::connections::2::to"]
    );
}

// Guarantees: a signal that an exporter would take and lose is refused, at its node.
#[test]
fn an_exporter_takes_its_signals() {
    let records = json!([{"console": {"format": "record_json"}}]);
    for (signal, nodes, path) in [
        ("logs", json!(["console"]), ""),
        ("metrics", json!(["console"]), ""),
        ("traces", json!(["console"]), "nodes::0::console"),
        ("logs", records.clone(), ""),
        ("metrics", records, "nodes::0::console::format"),
        ("traces", json!(["noop"]), ""),
    ] {
        let found = exporter(signal, nodes);
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        let expected: Vec<_> = Some(path)
            .filter(|path| !path.is_empty())
            .into_iter()
            .collect();
        assert_eq!(paths, expected, "{signal}");
    }
}

// Guarantees: without TLS in the binary what needs it is refused with the way to it, and what the
// engine would find only once a node starts is found before.
#[test]
fn a_client_that_cannot_start_is_refused() {
    let at = |rest: Value| {
        let mut config = json!({"grpc_endpoint": "http://localhost:4317"});
        let map = config.as_object_mut().unwrap();
        map.extend(rest.as_object().unwrap().clone());
        exporter("logs", json!([{"otlp_grpc": config}]))
    };
    assert_eq!(at(json!({"tls": {"insecure": true}})), []);
    for (rest, path) in [
        (
            json!({"grpc_endpoint": "https://localhost:4317"}),
            "grpc_endpoint",
        ),
        (json!({"tls": {"ca_file": "/ca.pem"}}), "tls"),
        (
            json!({"tls": {"insecure": true, "cert_file": "/c.pem"}}),
            "tls::cert_file",
        ),
        (
            json!({"tls": {"insecure": true, "insecure_skip_verify": true}}),
            "tls::insecure_skip_verify",
        ),
        (json!({"max_in_flight": 1u64 << 40}), "max_in_flight"),
        (
            json!({"initial_stream_window_size": 1u64 << 31}),
            "initial_stream_window_size",
        ),
        (
            json!({"initial_connection_window_size": "2 GiB"}),
            "initial_connection_window_size",
        ),
        (json!({"grpc_endpoint": "ftp://localhost"}), ""),
    ] {
        let found = at(rest);
        let place = format!("nodes::0::otlp_grpc::{path}");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, place.trim_end_matches(':'), "{found:?}");
    }
}

// Guarantees: a receiver's nodes begin with nodes that receive, in a chain and in a graph, and make
// the signals that its pipelines want.
#[test]
fn a_receiver_begins_with_nodes_that_receive() {
    let syslog = json!({"syslog_cef": {"protocol": {"udp": {"listening_addr": "127.0.0.1:0"}}}});
    let receiver = |signal: &str, nodes: Value| found_in("receiver", signal, nodes);
    assert_eq!(receiver("logs", json!([syslog, {"retry": {}}])), []);
    for (signal, nodes, path, says) in [
        (
            "logs",
            json!([{"retry": {}}]),
            "nodes::0::retry",
            "begins with a node that receives",
        ),
        (
            "logs",
            json!([syslog, syslog]),
            "nodes::1::syslog_cef",
            "the chain's first",
        ),
        (
            "metrics",
            json!([syslog]),
            "nodes",
            "receives metrics, only logs",
        ),
        (
            "logs",
            json!([syslog, "noop"]),
            "nodes::1::noop",
            "under `exporters`",
        ),
    ] {
        let found = receiver(signal, nodes);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, path);
        assert!(found[0].1.contains(says), "{found:?}");
    }
    let graph = |connections: Value| {
        let nodes = json!({"a": syslog, "b": syslog, "c": "retry"});
        let found = receiver("logs", json!({"nodes": nodes, "connections": connections}));
        found.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    let both = json!({"from": ["a", "b"], "to": "c"});
    let out = json!({"from": "c", "to": "out"});
    assert_eq!(graph(json!([both, out])), Vec::<String>::new());
    assert_eq!(
        graph(json!([{"from": "a", "to": "c"}, out])),
        ["nodes::nodes::b::syslog_cef"]
    );
    assert_eq!(
        graph(json!([{"from": "in", "to": "c"}, both, out])),
        ["nodes::connections::0::from"]
    );
    assert_eq!(
        graph(json!([{"from": "a", "to": ["b", "c"]}, {"from": "b", "to": "c"}, out])),
        ["nodes::nodes::b::syslog_cef"]
    );
}

// Guarantees: a server's address, frames and TLS are checked before it starts; OTLP that a node
// would turn into records is refused in strict mode, for each signal.
#[test]
fn a_server_that_cannot_start_is_refused() {
    let with = |grpc: Value, more: Value| {
        let mut nodes = json!([{"otlp": {"protocols": {"grpc": grpc}}}]);
        nodes
            .as_array_mut()
            .unwrap()
            .extend(more.as_array().unwrap().clone());
        nodes
    };
    let at = |grpc: Value| found_in("receiver", "logs", with(grpc, json!([])));
    let address = "127.0.0.1:0";
    assert_eq!(at(json!({"listening_addr": address})), []);
    for (grpc, path) in [
        (
            json!({"listening_addr": "localhost:4317"}),
            "listening_addr",
        ),
        (
            json!({"listening_addr": address, "max_frame_size": 100}),
            "max_frame_size",
        ),
        (
            json!({"listening_addr": address, "max_frame_size": "16 MiB"}),
            "max_frame_size",
        ),
        (
            json!({"listening_addr": address, "tls": {"cert_file": "/c"}}),
            "tls",
        ),
    ] {
        let found = at(grpc);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].0,
            format!("nodes::0::otlp::protocols::grpc::{path}")
        );
    }
    let one = json!({"listening_addr": "0.0.0.0:4317"});
    let both =
        json!([{"otlp": {"protocols": {"grpc": one, "http": {"listening_addr": "[::1]:4317"}}}}]);
    let found = found_in("receiver", "logs", both);
    assert_eq!(
        found[0].0,
        "nodes::0::otlp::protocols::http::listening_addr"
    );

    let mut spec = of_nodes_in(
        "receiver",
        "logs",
        with(json!({"listening_addr": address}), json!([{"filter": {}}])),
    );
    Unit::read(&spec).unwrap();
    spec["fidelity"] = "strict".into();
    let findings = Unit::read(&spec).unwrap_err();
    assert_eq!(findings[0].path, "nodes::1::filter");
    assert!(findings[0].message.contains("best_effort"));
}

// Guarantees: what an exporter has taken is where its node writes, whichever way the batch came,
// and its call ends with success; one that sends to where nobody listens fails its call with the
// code, the node's name, and the advice to try again.
#[test]
fn exporters_answer_for_what_they_took() {
    for case in cases_of(Kind::Exporter) {
        let folder = tempfile::tempdir().unwrap();
        // A port that was free, and has no listener any more.
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let unit = case.exporter(folder.path(), &nobody.unwrap().to_string());
        let mut host = Setup::new(unit).start();
        let calls: Vec<_> = [false, true, true]
            .into_iter()
            .enumerate()
            .map(|(n, records)| send(&mut host, records, &format!("body-{n}")))
            .collect();
        for call in &calls {
            match (host.end(*call), case.writes.as_deref()) {
                (End::Acked, None | Some("files")) => {}
                (End::Failed(failure), Some(writes @ ("grpc" | "otap"))) => {
                    assert_eq!(failure.class, Class::Retryable, "{failure}");
                    // The engine's `otap` says no code.
                    let code = if writes == "grpc" { 14 } else { 0 };
                    assert_eq!(failure.grpc_code, code, "{failure}");
                    assert_eq!(failure.component, format!("{}/0", case.node));
                }
                (end, writes) => panic!("{}: {end:?}, and it writes {writes:?}", case.node),
            }
        }
        host.finish(&calls, DRAIN);
        if case.writes.as_deref() == Some("files") {
            let text = std::fs::read_to_string(folder.path().join("logs-0-0.json")).unwrap();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines.len(), 3, "{text}");
            for (n, line) in lines.iter().enumerate() {
                assert!(line.contains(&format!("body-{n}")), "{line}");
            }
        }
    }
}

// Guarantees: what a node cannot write fails its call, and may be tried again; what can be written
// then is.
#[test]
fn an_exporter_that_failed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later");
    let path = later.join("{signal}-{core_id}-{generation}");
    let unit = of_nodes_in("exporter", "logs", json!([{"file": {"path": path}}]));
    let mut host = Setup::new(unit).start();
    let refused = send(&mut host, false, "first");
    let End::Failed(failure) = host.end(refused) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Retryable, "{failure}");
    assert_eq!(failure.component, "file/0", "{failure}");
    std::fs::create_dir(&later).unwrap();
    let taken = send(&mut host, false, "second");
    assert_eq!(host.end(taken), End::Acked);
    host.finish(&[refused, taken], DRAIN);
}

// Guarantees: a destination that takes connections and never answers holds no unit's end up beyond
// its time, and the calls that wait for it end once; a request's time is limited also where nobody
// says so.
#[test]
fn a_silent_destination_holds_nobody_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let case = cases_of(Kind::Exporter).find(|case| case.node == "otlp_grpc");
    let case = case.expect("a case");
    let mut host = Setup::new(case.exporter(Path::new(""), &address)).start();
    let first = send(&mut host, false, "waits");
    let End::Failed(failure) = host.end(first) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Retryable, "{failure}");

    let nodes = json!([{"otlp_grpc": {"grpc_endpoint": format!("http://{address}"),
                                      "timeout": "1h"}}]);
    let mut patient = Setup::new(of_nodes_in("exporter", "logs", nodes)).start();
    let calls: Vec<_> = (0..8)
        .map(|n| send(&mut patient, false, &n.to_string()))
        .collect();
    patient.until("the lane has taken all calls", |host| {
        use strait_ringbuf::layout::Counter;
        host.handle.other_counters().get(Counter::BatchesReceived) == 8
    });
    let ends = patient.finish(&calls, Duration::from_millis(500));
    assert!(ends.values().flatten().all(|end| *end != End::Acked));
    host.finish(&[first], DRAIN);
}

/// An address that was free a moment ago.
fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Sends a receiver one log, and waits for no answer.
fn tell(case: &Case, address: &str, second: &str, body: &str) -> TcpStream {
    let (address, message) = match case.listens.as_deref() {
        Some("syslog") => {
            let text = format!("<34>1 2026-01-01T00:00:00Z host app 1 ID - {body}\n");
            (address, text.into_bytes())
        }
        Some("otlp") => {
            let otlp = request(&[Log::new(body)]);
            let head = format!(
                "POST /v1/logs HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
                 Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
                otlp.len()
            );
            (second, [head.into_bytes(), otlp].concat())
        }
        other => panic!("{} listens to {other:?}", case.node),
    };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&message).unwrap();
    stream
}

// Guarantees: what a node receives comes out as a batch of no call; who sent it by OTLP has its
// answer when the host has given its own, with the code that says whose fault it was; and a
// receiver ends in its time.
#[test]
fn receivers_bring_what_they_are_sent() {
    let sent = |case: &Case| matches!(case.listens.as_deref(), Some("otlp" | "syslog"));
    for case in cases_of(Kind::Receiver).filter(sent) {
        let (address, second) = (free(), free());
        let nodes = case.nodes.to_string();
        let nodes = nodes
            .replace("$ADDRESS", &address)
            .replace("$SECOND", &second);
        let nodes = serde_json::from_str(&nodes).unwrap();
        let mut host = Setup::new(of_nodes_in("receiver", "logs", nodes)).start();
        let is_otlp = case.listens.as_deref() == Some("otlp");
        for (says, answer) in [
            ("taken", "200 OK"),
            ("refused", "400 Bad Request"),
            ("busy", "503 Service Unavailable"),
        ] {
            let mut stream = tell(&case, &address, &second, says);
            let output = host.output();
            assert_eq!((output.call_id, output.items), (0, 1), "{}", case.node);
            assert!(holds(&output.bytes, says) || !output.tables.is_empty());
            match says {
                "taken" => host.ack(output.token),
                "refused" => {
                    let failure = Failure::new(Class::Permanent, "no");
                    host.fail(
                        output.token,
                        Failure {
                            grpc_code: 3,
                            ..failure
                        },
                    );
                }
                _ => host.fail(output.token, Failure::new(Class::Retryable, "later")),
            }
            if is_otlp {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(text.starts_with(&format!("HTTP/1.1 {answer}")), "{text}");
            }
        }
        host.finish(&[], DRAIN);
    }
}

// Guarantees: a receiver that cannot listen fails its start, with the reason.
#[test]
fn an_address_that_is_taken_fails_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let nodes = json!([{"otlp": {"protocols": {"grpc": {"listening_addr": address}}}}]);
    let started = Setup::new(of_nodes_in("receiver", "logs", nodes)).try_start();
    let failure = started.err().expect("no start");
    assert!(failure.message.contains("in use"), "{failure}");
}
