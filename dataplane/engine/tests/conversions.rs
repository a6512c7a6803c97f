//! Spans and metrics through the engine's nodes: those that fail or skip some are refused, also
//! with best effort, and only those.
//!
//! Each refusal stands beside a run of the node past its check that shows the fault, so that the
//! refusal goes with it.

mod common;

use common::otlp::{exponential_histogram, gauge, holds, span};
use common::units::of_nodes;
use common::{End, Setup, spec};
use serde_json::{Value, json};
use strait_engine::Unit;
use strait_records::Signal;

fn attribute(rest: Value) -> Value {
    let mut config = json!({"actions": [{"action": "delete", "key": "secret"}]});
    config
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    json!({"attribute": config})
}

fn batch(format: &str) -> Value {
    let size = |sizer: &str| json!({"min_size": 1, "sizer": sizer});
    json!({"batch": {"otlp": size("bytes"), "otap": size("items"), "format": format,
                     "max_batch_duration": "20ms"}})
}

/// Why a unit of this node may not carry the signal with best effort.
fn refusal(signal: &str, node: &Value) -> Option<String> {
    let findings = Unit::read(&of_nodes(signal, "best_effort", json!([node]))).err()?;
    Some(findings[0].message.clone())
}

/// Sends a request through a node, whatever its check says of the signal; gives how the call ended,
/// and what came out.
fn send(node: &Value, signal: Signal, request: &[u8]) -> (End, Vec<u8>) {
    fn edges(unit: &mut Unit, signal: strait_component::Signal) {
        unit.edges.iter_mut().for_each(|edge| edge.signal = signal);
    }
    let mut setup = Setup::new(spec(json!([node])));
    setup.tweak = match signal {
        Signal::Traces => |unit| edges(unit, strait_component::Signal::Traces),
        _ => |unit| edges(unit, strait_component::Signal::Metrics),
    };
    let mut host = setup.start();
    host.signal = signal;
    let call = host.call(request);
    host.until("an output or the end", |host| {
        !host.outputs.is_empty() || host.ends.contains_key(&call)
    });
    let mut bytes = Vec::new();
    while let Some(output) = host.outputs.pop() {
        bytes.extend(output.bytes);
        host.ack(output.token);
    }
    (host.end(call), bytes)
}

// Guarantees: nodes that turn spans into records, and fail all of a batch for its links, are
// refused for traces; those that leave the bytes alone are not.
#[test]
fn spans_pass_or_are_refused() {
    let links = span("s", false);
    for node in [
        attribute(json!({})),
        attribute(json!({"apply_to": ["resource"]})),
        json!({"filter": {}}),
        batch("otap"),
    ] {
        let (end, _) = send(&node, Signal::Traces, &links);
        assert!(matches!(end, End::Failed(_)), "{node} is mended: offer it");
        let reason = refusal("traces", &node).expect("it is refused");
        assert!(reason.contains("empty trace ids"), "{reason}");
    }
    let arrow = json!({"durable_buffer": {"path": "/tmp/x", "otlp_handling": "convert_to_arrow"}});
    assert!(refusal("traces", &arrow).is_some());
    for node in [
        json!({"attribute": {"actions": []}}),
        json!({"batch": {"max_batch_duration": "20ms"}}),
        batch("otlp"),
        batch("preserve"),
        json!({"debug": {"output": "/dev/null"}}),
        json!({"retry": {}}),
    ] {
        assert_eq!(refusal("traces", &node), None, "{node}");
        for request in [&links, &span("", true)] {
            let (end, bytes) = send(&node, Signal::Traces, request);
            assert_eq!((end, &bytes), (End::Acked, request), "{node}");
        }
    }
}

// Guarantees: a redaction that skips points of metrics is refused; what is offered fails none.
#[test]
fn redactions_of_metrics_skip_nothing() {
    let histogram = exponential_histogram("m");
    let skips = attribute(json!({}));
    let (_, bytes) = send(&skips, Signal::Metrics, &histogram);
    assert!(holds(&bytes, "of the point"), "it is mended: offer it");
    assert!(holds(&bytes, "of the exemplar"), "it is mended: offer it");
    for node in [
        skips,
        attribute(json!({"apply_to": ["resource", "signal"]})),
    ] {
        let reason = refusal("metrics", &node).expect("it is refused");
        assert!(reason.contains("exponential histograms"), "{reason}");
    }
    for node in [
        attribute(json!({"apply_to": ["resource", "scope"]})),
        json!({"filter": {"metrics": {"exclude": {"metric_names": ["other"]}}}}),
        json!({"temporal_reaggregation": {"period": "100ms"}}),
        batch("otap"),
        batch("otlp"),
    ] {
        assert_eq!(refusal("metrics", &node), None, "{node}");
        for request in [&histogram, &gauge("m"), &gauge("")] {
            let (end, bytes) = send(&node, Signal::Metrics, request);
            assert_eq!(end, End::Acked, "{node}");
            assert!(holds(&bytes, "of the point"), "{node}");
        }
    }
}
