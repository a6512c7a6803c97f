//! Connectors of the engine's nodes: a graph chooses the pipeline that a batch goes to.

mod common;

use common::otlp::{Log, request};
use common::units::of_nodes_in;
use common::{End, PATIENCE, Setup};
use serde_json::{Value, json};
use std::time::Duration;
use strait_engine::{Class, Failure, Unit};

/// A connector of these nodes, behind which are these pipelines of its signal.
fn connector(nodes: Value, pipelines: &[&str]) -> Value {
    let mut spec = of_nodes_in("connector", "logs", nodes);
    let edges = spec["edges"].as_array_mut().unwrap();
    for pipeline in pipelines {
        edges.push(json!({
            "number": edges.len(), "direction": "out", "signal": "logs", "pipeline": pipeline,
        }));
    }
    spec
}

fn found(spec: &Value) -> Vec<String> {
    let findings = Unit::read(spec).err().unwrap_or_default();
    findings.iter().map(ToString::to_string).collect()
}

fn fan(destinations: Value, connections: &[(&str, &str)]) -> Value {
    let mut list = vec![json!({"from": "in", "to": "fan"})];
    for (port, to) in connections {
        list.push(json!({"from": format!("fan[\"{port}\"]"), "to": to}));
    }
    let fanout = json!({"await_ack": "all", "destinations": destinations});
    json!({"nodes": {"fan": {"fanout": fanout}}, "connections": list})
}

// Guarantees: what leads to a pipeline leaves by that pipeline's edge, what leads to `out` by that
// of all of them; the call's verdict is that of all.
#[test]
fn each_way_out_has_its_edge() {
    let destinations = json!([{"port": "a", "primary": true}, {"port": "b"}, {"port": "c"}]);
    let ways = [
        ("a", "logs/one"),
        ("b", "out"),
        ("c", "logs/[\"odd\": name]"),
    ];
    let nodes = fan(destinations, &ways);
    let mut host = Setup::new(connector(nodes, &["logs/one", ways[2].1])).start();
    for fails in [None, Some(1), Some(2), Some(3)] {
        let call = host.call(&request(&[Log::new("a"), Log::new("b")]));
        let mut came: Vec<_> = (0..3).map(|_| host.output()).collect();
        came.sort_by_key(|output| output.edge);
        assert_eq!(came.iter().map(|it| it.edge).collect::<Vec<_>>(), [1, 2, 3]);
        for output in came {
            assert_eq!((output.call_id, output.items), (call, 2));
            if Some(output.edge) == fails {
                host.fail(output.token, Failure::new(Class::Permanent, "no room"));
            } else {
                host.ack(output.token);
            }
        }
        match (host.end(call), fails) {
            (End::Acked, None) => {}
            (End::Failed(failure), Some(_)) => assert!(failure.message.contains("no room")),
            (end, fails) => panic!("{end:?} where {fails:?} fails"),
        }
    }
    let calls: Vec<u64> = host.ends.keys().copied().collect();
    host.finish(&calls, PATIENCE);
}

// Guarantees: what one pipeline has refused and a node sends another way leaves by that way's edge,
// also where that is the one to all pipelines.
#[test]
fn what_is_sent_again_goes_its_new_way() {
    let destinations = json!([
        {"port": "first", "primary": true},
        {"port": "second", "fallback_for": "first"},
        {"port": "third", "fallback_for": "second"},
    ]);
    let ways = [("first", "logs/a"), ("second", "out"), ("third", "logs/b")];
    let mut host = Setup::new(connector(fan(destinations, &ways), &["logs/a", "logs/b"])).start();
    let call = host.call(&request(&[Log::new("a")]));
    for edge in [2, 1, 3] {
        let output = host.output();
        assert_eq!(output.edge, edge);
        if edge == 3 {
            host.ack(output.token);
        } else {
            host.fail(output.token, Failure::new(Class::Retryable, "not now"));
        }
    }
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], Duration::from_secs(10));
}

// Guarantees: a chain, and a graph that names no pipeline, lead to all of them by one edge.
#[test]
fn without_names_there_is_one_way() {
    for nodes in [
        json!([{"retry": {}}, {"debug": {"verbosity": "basic", "output": "/dev/null"}}]),
        fan(json!([{"port": "a", "primary": true}]), &[("a", "out")]),
    ] {
        let mut host = Setup::new(connector(nodes, &["logs/a", "logs/b"])).start();
        let call = host.call(&request(&[Log::new("a")]));
        let output = host.output();
        assert_eq!((output.edge, output.call_id), (1, call));
        host.ack(output.token);
        assert_eq!(host.end(call), End::Acked);
        host.finish(&[call], PATIENCE);
    }
}

// Guarantees: a graph cannot lead to a pipeline that is not behind the connector or of another
// signal, cannot leave one out, and has no node by a pipeline's name; each is told at its place.
#[test]
fn pipelines_are_those_behind_the_connector() {
    let to = |ends: &[&str]| {
        json!({"nodes": {"a": "retry"}, "connections": [
            {"from": "in", "to": "a"}, {"from": "a", "to": ends},
        ]})
    };
    let refuses = |nodes: Value, pipelines: &[&str]| found(&connector(nodes, pipelines));
    let none: [&str; 0] = [];
    assert_eq!(refuses(to(&["logs/a", "logs"]), &["logs/a", "logs"]), none);
    assert_eq!(refuses(to(&["out"]), &["logs/a", "logs"]), none);
    assert_eq!(
        refuses(to(&["logs/b", "out"]), &["logs/a"]),
        [
            "nodes::connections::1::to: this connector is no receiver of a pipeline `logs/b`; it \
             is one of: logs/a"
        ]
    );
    assert_eq!(
        refuses(to(&["logs/a"]), &["logs/a", "logs/b"]),
        [
            "nodes::connections: no connection leads to `logs/b`, a pipeline that this connector \
             is a receiver of: name it, or `out`, which leads to all of them"
        ]
    );
    assert_eq!(
        refuses(to(&["traces/a", "out"]), &["logs/a"]),
        [
            "nodes::connections::1::to: `traces/a` takes traces, and logs pass here: each signal \
             has a connector of its own"
        ]
    );
    let named = json!({"nodes": {"logs": "retry"}, "connections": []});
    let told = refuses(named, &["logs/a"]);
    assert!(
        told[0].starts_with("nodes::nodes::logs: this is how pipelines are named"),
        "{told:?}"
    );
    // Where nothing is known of pipelines, as when only the configuration is checked, any may be
    // there.
    let mut unknown = connector(to(&["logs/a", "traces/b"]), &[]);
    unknown["edges"] = json!([]);
    assert_eq!(found(&unknown), none);
    // Elsewhere a node may have such a name.
    let nodes = json!({"nodes": {"logs/a": "retry"}, "connections": [
        {"from": "in", "to": "logs/a"}, {"from": "logs/a", "to": "out"},
    ]});
    assert_eq!(found(&of_nodes_in("processor", "logs", nodes)), none);
}

// Guarantees: nodes keep the signal of what they take.
#[test]
fn nodes_make_no_other_signal() {
    let mut spec = connector(json!(["retry"]), &[]);
    spec["edges"][1]["signal"] = json!("metrics");
    assert_eq!(
        found(&spec),
        ["nodes: nodes pass on the signal that they take: metrics cannot come of logs"]
    );
}
