//! The peer through its own interface, over a real link: operations, data, and misuse.

mod common;

use common::{LINK, operation, runtime, spawn, value};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use strait_component::extension::prelude::*;
use strait_control::{Class, OpKind, Peer};
use strait_host::HostPeer;
use strait_records::{Batch, Encoding, Header, Signal, Variable, writer};
use strait_ringbuf::Message;

fn unit() -> Value {
    let nodes = json!([{"attribute": {"actions": [{"action": "delete", "key": "k"}]}}]);
    json!({"id": "otap/a", "pipeline": "logs", "lanes": 1, "fidelity": "best_effort",
           "max_in_flight": 4,
           "members": [{"id": "otap/a", "kind": "processor", "nodes": nodes}],
           "edges": [{"number": 0, "direction": "in", "signal": "logs"},
                     {"number": 1, "direction": "out", "signal": "logs"}]})
}

// Guarantees: describe names what is built in.
#[test]
fn describe_lists_the_nodes() {
    let peer = HostPeer::new(&[]);
    let found = value(peer.inline(operation(OpKind::Describe, &json!({}))));
    assert_eq!(found["engine"], "0.63.0");
    assert!(
        found["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|node| node["name"] == "attribute")
    );
}

// Guarantees: validate gives every finding with its path, and an encoding where all is well.
#[test]
fn validate_finds_by_path() {
    let peer = HostPeer::new(&[]);
    let found = value(peer.inline(operation(OpKind::Validate, &unit())));
    assert_eq!(found["edges"][0]["encoding"], "records", "{found}");
    assert_eq!(found["edges"][1]["credit"], 1, "{found}");
    let mut wrong = unit();
    wrong["members"][0]["nodes"] = json!([{"attribute": {"acton": []}}, {"fliter": {}}]);
    let error = peer
        .inline(operation(OpKind::Validate, &wrong))
        .unwrap_err();
    let paths: Vec<_> = error
        .errors
        .iter()
        .map(|error| error.path.as_str())
        .collect();
    assert_eq!(paths, ["nodes::0::attribute::acton", "nodes::1::fliter"]);
    assert!(error.errors[1].message.contains("did you mean `filter`?"));
    let mut without = unit();
    without["edges"] = json!([]);
    assert_eq!(
        value(peer.inline(operation(OpKind::Validate, &without))),
        json!({"edges": []})
    );
}

// Guarantees: a batch goes through a started unit; shutdown works twice and without a start.
#[test]
fn a_unit_lives_and_ends() {
    let (peer, runtime) = (HostPeer::new(&[]), runtime());
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
    spawn(&runtime, &peer, OpKind::Create, &unit()).unwrap();
    assert_eq!(
        spawn(&runtime, &peer, OpKind::Create, &unit())
            .unwrap_err()
            .class,
        Class::Permanent
    );

    let (answer, link) = common::started(&runtime, &peer, &[(1, 8)]);
    let (mut producer, mut consumer, _handle) = link.split();
    assert_eq!(answer["edges"][0]["credit"], 4);
    assert_eq!(answer["edges"][1]["credit"], 8);
    let call = u64::from(LINK) << 48 | 1 << 40 | 1;
    let mut header = Header::new(Signal::Logs, Encoding::Otlp, 0);
    header.call_id = call;
    // resource_logs { scope_logs { log_records { severity_number: 9 } } }
    let otlp = [0x0a, 6, 0x12, 4, 0x12, 2, 0x10, 9];
    let len = writer::payload_slot_len(&Variable::new(), otlp.len()).unwrap();
    let mut claim = producer.claim(len).unwrap();
    let used = writer::write_payload(&mut claim, &header, &Variable::new(), &otlp).unwrap();
    producer.publish(claim, 0, call, used).unwrap();

    let limit = Instant::now() + Duration::from_secs(10);
    let Some(Message::Batch {
        lease,
        call_id: token,
        edge: 1,
        ..
    }) = consumer.recv_until_blocking(limit).unwrap()
    else {
        panic!("no output")
    };
    assert_eq!(Batch::leased(lease).unwrap().header().call_id, call);
    producer.send_ack(token).unwrap();
    let message = consumer.recv_until_blocking(limit).unwrap();
    assert!(
        matches!(message, Some(Message::Ack { call_id }) if call_id == call),
        "{message:?}"
    );

    let counters = value(peer.inline(operation(OpKind::Counters, &json!({}))));
    assert_eq!(
        counters,
        json!({"taken": [0]}),
        "of one member the host counts"
    );

    // Unknown calls are nobody's.
    peer.batch_cancel(0);
    peer.batch_cancel(call);
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
}

/// An extension that does nothing, but starts.
struct Idle;

impl Extension for Idle {
    async fn start(&self, _: &Host) -> Result<(), ExtensionError> {
        Ok(())
    }

    async fn client_headers(&self, uri: &str) -> Result<Headers, ExtensionError> {
        Ok(Headers::new().with("x-uri", uri))
    }
}

struct IdleFactory;

impl ExtensionFactory for IdleFactory {
    type Config = IdleConfig;
    type Extension = Idle;

    fn describe(&self) -> Description {
        Description::extension("idle", strait_component::package!(), Stability::Alpha)
    }

    fn create(&self, _: IdleConfig, _: &ExtensionSettings) -> Result<Idle, CreateError> {
        Ok(Idle)
    }
}

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct IdleConfig {}

// Guarantees: extensions live beside units in one peer, each kind by its handles; what the process
// counts is told.
#[test]
fn an_extension_lives_beside_units() {
    let (peer, runtime) = (HostPeer::new(&[&AsExtension(IdleFactory)]), runtime());
    let found = value(peer.inline(operation(OpKind::Describe, &json!({}))));
    assert_eq!(found["components"][0]["kind"], "extension");
    let create = json!({"kind": "extension", "id": "idle/a", "type": "idle", "config": {}});
    let made = value(spawn(&runtime, &peer, OpKind::Create, &create));
    assert_eq!(made["capabilities"]["client_auth"], false);
    let ask = json!({"call": "client_headers", "uri": "u"});
    assert!(
        spawn(&runtime, &peer, OpKind::Capability, &ask).is_err(),
        "it does not run"
    );
    spawn(&runtime, &peer, OpKind::Start, &json!({})).unwrap();
    let answer = value(spawn(&runtime, &peer, OpKind::Capability, &ask));
    assert_eq!(answer, json!({"headers": {"x-uri": ["u"]}}));
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
    let counted = value(spawn(&runtime, &peer, OpKind::Counters, &json!({})));
    assert_eq!(counted["leaked_threads"], 0);
    spawn(&runtime, &peer, OpKind::Create, &unit()).unwrap();
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
}

// Guarantees: a start that cannot be is refused with its reason, and may be tried again.
#[test]
fn a_bad_start_is_refused() {
    let (peer, runtime) = (HostPeer::new(&[]), runtime());
    let none = json!({"links": []});
    let error = spawn(&runtime, &peer, OpKind::Start, &none).unwrap_err();
    assert!(error.message.contains("create comes first"), "{error}");
    spawn(&runtime, &peer, OpKind::Create, &unit()).unwrap();
    for _ in 0..2 {
        let error = spawn(&runtime, &peer, OpKind::Start, &none).unwrap_err();
        assert!(
            error.message.contains("0 links were offered for 1 lanes"),
            "{error}"
        );
    }
    let wrong = json!({"links": [{"number": LINK, "epoch": 1, "session": 9,
        "geometry": {"descriptors": 64, "blocks": 64},
        "fds": {"h2p_producer": -1, "p2h_consumer": 0, "host_counters": 0, "h2p_data": 0,
            "h2p_space": 0, "p2h_data": 0, "p2h_space": 0}}]});
    let error = spawn(&runtime, &peer, OpKind::Start, &wrong).unwrap_err();
    assert!(error.message.contains("link 3"), "{error}");
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
}
