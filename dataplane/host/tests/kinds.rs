//! Units of a receiver and of an exporter through the peer's own interface: edges, credit, and
//! verdicts over the control channel.

mod common;

use common::{LINK, operation, runtime, spawn, started, value};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_control::{Class, Failure, OpKind, Peer};
use strait_host::HostPeer;
use strait_records::{Encoding, Header, Variable, writer};
use strait_ringbuf::Message;

/// What the receivers of this file have heard of their batches.
static HEARD: Mutex<Vec<Error>> = Mutex::new(Vec::new());

/// Sends one batch of traces.
struct Once;

impl Receiver for Once {
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        let batch = Batch::from_otlp(Signal::Traces, &b"\x0a\x02\x12\x00"[..]);
        if let Err(error) = host.send(batch).await {
            let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(error);
        }
        host.stopped().await;
        Ok(())
    }
}

/// Takes everything.
struct Sink;

impl Exporter for Sink {
    async fn export(&self, _: Batch) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct Nothing {}

struct OnceFactory;

impl ReceiverFactory for OnceFactory {
    type Config = Nothing;
    type Receiver = Once;

    fn describe(&self) -> Description {
        Description::receiver("once", package!())
            .logs(Stability::Alpha)
            .traces(Stability::Alpha)
    }

    fn create(&self, _: Nothing, settings: &Settings) -> Result<Once, CreateError> {
        assert_eq!(settings.signals_out, [Signal::Logs, Signal::Traces]);
        Ok(Once)
    }
}

struct SinkFactory;

impl ExporterFactory for SinkFactory {
    type Config = Nothing;
    type Exporter = Sink;

    fn describe(&self) -> Description {
        Description::exporter("sink", package!()).logs(Stability::Alpha)
    }

    fn create(&self, _: Nothing, _: &Settings) -> Result<Sink, CreateError> {
        Ok(Sink)
    }
}

fn peer() -> HostPeer {
    HostPeer::new(&[&AsReceiver(OnceFactory), &AsExporter(SinkFactory)])
}

fn unit(kind: &str, name: &str, edges: &Value) -> Value {
    json!({"id": name, "pipeline": "p", "lanes": 1, "edges": edges,
           "members": [{"id": name, "kind": kind, "type": name, "config": {}}]})
}

// Guarantees: a receiver's batch leaves by the edge of its signal, within the credit that the host
// gave; the host's failure is what the receiver hears, whole.
#[test]
fn a_receivers_batch_is_answered_over_control() {
    let (peer, runtime) = (peer(), runtime());
    let edges = json!([{"number": 0, "direction": "out", "signal": "logs"},
                       {"number": 1, "direction": "out", "signal": "traces"}]);
    let create = unit("receiver", "once", &edges);
    spawn(&runtime, &peer, OpKind::Create, &create).unwrap();
    let (answer, link) = started(&runtime, &peer, &[(0, 4), (1, 4)]);
    let credit: Vec<_> = (0..2)
        .map(|edge| &answer["edges"][edge]["credit"])
        .collect();
    assert_eq!(credit, [4, 4]);
    let (_producer, mut consumer, handle) = link.split();
    let limit = Instant::now() + Duration::from_secs(10);
    let message = consumer.recv_until_blocking(limit).unwrap();
    let Some(Message::Batch {
        call_id: token,
        edge: 1,
        ..
    }) = message
    else {
        panic!("{message:?}")
    };
    handle.answered();
    let failure = Failure {
        http_code: 503,
        retry_delay: Duration::from_secs(7),
        ..Failure::new(Class::Retryable, "later").at("otlp/backend")
    };
    peer.batch_failed(token, failure);
    let heard = || HEARD.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let error = loop {
        assert!(Instant::now() < limit, "it heard nothing");
        if let Some(error) = heard() {
            break error;
        }
        std::thread::yield_now();
    };
    assert_eq!(error.to_string(), "otlp/backend: later");
    assert_eq!(error.http_code(), Some(503));
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(7)));
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
}

// Guarantees: an exporter's unit has one edge in and no credit to ask for; its verdict is an ack.
#[test]
fn an_exporter_answers_and_sends_nothing() {
    let (peer, runtime) = (peer(), runtime());
    let edges = json!([{"number": 0, "direction": "in", "signal": "logs"}]);
    let create = unit("exporter", "sink", &edges);
    let report = value(peer.inline(operation(OpKind::Validate, &create)));
    assert_eq!(report["edges"][0]["plan"]["projectable"], false, "{report}");
    spawn(&runtime, &peer, OpKind::Create, &create).unwrap();
    let wrong = json!({"links": [], "edges": [{"number": 0, "credit": 1}]});
    let error = spawn(&runtime, &peer, OpKind::Start, &wrong).unwrap_err();
    assert!(error.message.contains("0 links"), "{error}");
    let (_, link) = started(&runtime, &peer, &[]);
    let (mut producer, mut consumer, _handle) = link.split();
    let call = u64::from(LINK) << 48 | 1 << 40 | 1;
    let mut header = Header::new(strait_records::Signal::Logs, Encoding::Otlp, 0);
    header.call_id = call;
    let otlp = [0x0a, 6, 0x12, 4, 0x12, 2, 0x10, 9];
    let len = writer::payload_slot_len(&Variable::new(), otlp.len()).unwrap();
    let mut claim = producer.claim(len).unwrap();
    let used = writer::write_payload(&mut claim, &header, &Variable::new(), &otlp).unwrap();
    producer.publish(claim, 0, call, used).unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    let message = consumer.recv_until_blocking(limit).unwrap();
    assert!(
        matches!(message, Some(Message::Ack { call_id }) if call_id == call),
        "{message:?}"
    );
    spawn(&runtime, &peer, OpKind::Shutdown, &json!({})).unwrap();
}
