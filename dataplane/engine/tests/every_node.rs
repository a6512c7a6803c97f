//! Every node that is offered, as users run it: a call's batch goes through, its outputs name the
//! call (or none, where the node merges), its answers come back. The cases are those of
//! `vectors/nodes.json`; tests/native runs the same through whole units, with the Go side.

mod common;

use common::cases::{all_cases, cases, cases_of, send};
use common::otlp::holds;
use common::units::of_nodes_in;
use common::{End, Host, Setup, spec};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use strait_component::Kind;
use strait_engine::catalog::{Choice, TABLE};
use strait_engine::{Class, Failure, Unit};

const DRAIN: Duration = Duration::from_secs(10);

// Guarantees: no node is offered without a case here.
#[test]
fn every_node_has_a_case() {
    let offered: BTreeSet<_> = TABLE.iter().map(|node| node.urn).collect();
    let tried: BTreeSet<_> = all_cases().iter().map(|case| case.known().urn).collect();
    assert_eq!(tried, offered);
    let here: Vec<_> = cases().into_iter().map(|case| case.node).collect();
    let elsewhere = TABLE.iter().filter(|node| node.choice == Choice::OnRequest);
    assert_eq!(here.len(), TABLE.len() - elsewhere.count());
}

// Guarantees: a node that is not compiled in is refused at its place, with the way to it.
#[test]
fn a_node_that_was_left_out_says_so() {
    let mut refused = all_cases();
    refused.retain(|case| !case.known().included);
    assert!(!refused.is_empty());
    for case in refused {
        let unit = of_nodes_in(case.kind.name(), "logs", case.nodes);
        let findings = Unit::read(&unit).unwrap_err();
        let [finding] = &findings[..] else {
            panic!("{findings:?}")
        };
        let name = &case.node;
        assert_eq!(finding.path, format!("nodes::0::{name}"));
        assert_eq!(
            finding.message,
            format!(
                "the node `{name}` is not compiled into this binary: list it in \
                 `dist.engine_nodes` of the builder file"
            )
        );
    }
}

// Guarantees: outputs name the call they came from and carry neither the private header nor the
// caller's metadata; a call ends after its outputs were answered, once.
#[test]
fn outputs_name_their_call() {
    for case in cases_of(Kind::Processor) {
        for records in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut host = Host::start(case.unit(folder.path()));
            let calls: Vec<_> = (0..3)
                .map(|n| send(&mut host, records, &format!("body-{n}")))
                .collect();
            let (mut items, mut outputs) = (0, Vec::new());
            while items < 3 * case.outputs {
                let output = host.output();
                let name = &case.node;
                assert_eq!(output.metadata, 0, "{name}");
                assert_eq!(output.call_id == 0, case.of_no_call(), "{name}");
                if !case.of_no_call() {
                    assert!(
                        !host.ends.contains_key(&output.call_id),
                        "ended early: {name}"
                    );
                    let n = calls.iter().position(|id| *id == output.call_id);
                    let n = n.expect("one of ours");
                    let body = format!("body-{n}");
                    assert!(records || holds(&output.bytes, &body), "{name}");
                }
                items += output.items as usize;
                outputs.push(output.call_id);
                host.ack(output.token);
            }
            for call in &calls {
                assert_eq!(host.end(*call), End::Acked, "{}", case.node);
                let of_call = outputs.iter().filter(|id| *id == call).count();
                let expected = if case.of_no_call() { 0 } else { case.outputs };
                assert_eq!(of_call, expected, "{}", case.node);
            }
            host.finish(&calls, DRAIN);
        }
    }
}

// Guarantees: what the consumer of an output says comes back through every node, whole where the
// output is the call's own.
#[test]
fn failures_come_back() {
    let refused = Failure {
        grpc_code: 3,
        ..Failure::new(Class::Permanent, "no such account").at("the exporter")
    };
    for case in cases_of(Kind::Processor).filter(|case| !case.acks_first) {
        let mut host = Host::start(case.unit(Path::new("")));
        let call = send(&mut host, false, "x");
        for _ in 0..case.outputs {
            let output = host.output();
            host.fail(output.token, refused.clone());
        }
        let End::Failed(failure) = host.end(call) else {
            panic!("acked: {}", case.node)
        };
        if case.merges {
            assert_eq!(failure.class, Class::Permanent, "{}", case.node);
        } else {
            assert_eq!(failure, refused, "{}", case.node);
        }
        host.finish(&[call], DRAIN);
    }
}

// Guarantees: a nack that a node makes by itself names the node.
#[test]
fn a_nack_of_a_node_names_it() {
    let route = |rest: Value| {
        let mut router = json!({
            "routing_key": {"resource_attribute": "service.name"}, "routes": {"other": "goods"}});
        if rest.is_string() {
            router["default_output"] = rest;
        }
        json!({
            "nodes": {"again": {"retry": {"initial_interval": "1ms", "max_elapsed_time": "5ms"}},
                      "door": {"content_router": router}},
            "connections": [{"from": "in", "to": "again"}, {"from": "again", "to": "door"},
                            {"from": "door[\"goods\"]", "to": "out"}],
        })
    };
    let mut host = Host::start(route(Value::Null));
    let call = send(&mut host, false, "x");
    let End::Failed(failure) = host.end(call) else {
        panic!("acked")
    };
    assert_eq!(failure.component, "door", "{failure}");
    assert_eq!(failure.class, Class::Permanent, "{failure}");
    host.finish(&[call], DRAIN);

    // The consumer's failure passes through the same nodes and stays the consumer's.
    let mut host = Host::start(json!([{"retry": {}}, {"debug": {"output": "/dev/null"}}]));
    let call = send(&mut host, false, "x");
    let output = host.output();
    let refused = Failure::new(Class::Permanent, "no").at("the exporter");
    host.fail(output.token, refused.clone());
    assert_eq!(host.end(call), End::Failed(refused));
    host.finish(&[call], DRAIN);
}

// Guarantees: what a durable buffer has not delivered when its unit ends comes out of the next unit
// on the same folder, once, and belongs to no call there.
#[test]
fn a_durable_buffer_outlives_its_unit() {
    let case = cases().into_iter().find(|case| case.acks_first).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let start = || Host::start(case.unit(folder.path()));

    let mut host = start();
    let call = send(&mut host, false, "kept");
    assert_eq!(host.end(call), End::Acked);
    // It came out, and nobody took it.
    let output = host.output();
    host.fail(output.token, Failure::new(Class::Retryable, "not now"));
    host.finish(&[call], Duration::from_millis(500));

    let mut host = start();
    let output = host.output();
    assert_eq!((output.call_id, output.items), (0, 1));
    assert!(holds(&output.bytes, "kept"));
    host.ack(output.token);
    host.finish(&[], DRAIN);

    let mut host = start();
    let again = host.wait(Duration::from_millis(300), |host| !host.outputs.is_empty());
    assert!(!again, "delivered twice");
    host.finish(&[], DRAIN);
}

// Guarantees: what a node holds when its unit is told to end is delivered, and the calls in it end
// as delivered; also where one such node follows another.
#[test]
fn held_batches_end_with_success_at_shutdown() {
    let batch = json!({"batch": {
        "otlp": {"min_size": 1_000_000, "sizer": "bytes"}, "max_batch_duration": "1h"}});
    for nodes in [json!([batch]), json!([batch, {"retry": {}}, batch])] {
        let mut host = Setup::new(spec(nodes)).start();
        let calls: Vec<_> = (0..4)
            .map(|n| send(&mut host, false, &n.to_string()))
            .collect();
        host.until("the lane has taken all calls", |host| {
            use strait_ringbuf::layout::Counter;
            host.handle.other_counters().get(Counter::BatchesReceived) == 4
        });
        let lane = std::sync::Arc::clone(&host.lane);
        let stopping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(lane.shutdown(std::time::Instant::now() + DRAIN))
        });
        let mut items = 0;
        while items < 4 {
            let output = host.output();
            items += output.items;
            host.ack(output.token);
        }
        for call in &calls {
            assert_eq!(host.end(*call), End::Acked);
        }
        assert!(stopping.join().unwrap().is_some());
    }
}
