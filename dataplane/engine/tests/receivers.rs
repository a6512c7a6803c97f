//! Units with a receiver of the SDK: where its batches go, what it hears of them, and every way to
//! end.

mod common;

use common::units::of_kind;
use common::{Control, Host, Output, PATIENCE, Setup};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::future::pending;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_component::{SpanContext, testing};
use strait_engine::{Class, Failure, LaneStatus, Unit};
use strait_records::Encoding;

/// What receivers have met, by their script.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn met(script: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(script).cloned().unwrap_or_default()
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    script: String,
}

impl Config {
    fn meets(&self, what: impl Into<String>) {
        let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
        met.entry(self.script.clone())
            .or_default()
            .push(what.into());
    }

    fn told(&self, verdict: &Result<(), Error>) {
        match verdict {
            Ok(()) => self.meets("ok"),
            Err(error) => self.meets(format!(
                "{error} {:?} {:?} {:?} {:?} {}",
                error.class(),
                error.grpc_code(),
                error.http_code(),
                error.retry_delay(),
                error.rejected_items()
            )),
        }
    }
}

/// Does what its script says.
struct Scripted(Config);

fn otlp(signal: Signal) -> Batch {
    Batch::from_otlp(signal, &b"\x0a\x02\x12\x00"[..])
}

fn span() -> SpanContext {
    SpanContext {
        trace_id: [1; 16],
        span_id: [2; 8],
        flags: 1,
        trace_state: "a=b".into(),
        remote: true,
    }
}

impl Receiver for Scripted {
    async fn run(&mut self, host: strait_component::Host) -> Result<(), Error> {
        let this = &self.0;
        let _gone = Gone(this.clone());
        match this.script.as_str() {
            "signals" => {
                for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
                    this.told(&host.send(otlp(signal)).await);
                }
                let logs = testing::batch(&[testing::Sample::new("a")]);
                this.told(&host.send(logs).await);
                this.told(&host.send(Batch::default()).await);
            }
            "context" => {
                let context = Context::builder()
                    .deadline(Instant::now() + Duration::from_secs(60))
                    .metadata("tenant", ["a", "b"])
                    .peer("192.0.2.7:1")
                    .auth("subject", ["u"])
                    .span(span());
                let batch = otlp(Signal::Logs).with_context(context.build());
                this.told(&host.send(batch).await);
            }
            "many" => {
                for _ in 0..6 {
                    let (host, this) = (host.clone(), this.clone());
                    tokio::task::spawn_local(async move {
                        this.told(&host.send(otlp(Signal::Logs)).await);
                    });
                }
            }
            "ends" => return Ok(()),
            "fails" => return Err(Error::permanent("the port is taken")),
            "panics" => panic!("boom"),
            "last words" => {
                host.stopped().await;
                this.meets("stopped");
                this.told(&host.send(otlp(Signal::Logs)).await);
                return Ok(());
            }
            "stays" | "lingers" => pending().await,
            "impatient" => {
                let sending = host.send(otlp(Signal::Logs));
                let came = tokio::time::timeout(Duration::from_millis(50), sending).await;
                assert!(came.is_err());
                this.meets("left");
                this.told(&host.send(otlp(Signal::Logs)).await);
            }
            "closed" => {
                this.told(&host.send(otlp(Signal::Logs)).await);
            }
            other => panic!("no script {other}"),
        }
        host.stopped().await;
        Ok(())
    }
}

/// Tells when the receiver's work is over.
struct Gone(Config);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.meets("gone");
    }
}

struct Factory;

impl ReceiverFactory for Factory {
    type Config = Config;
    type Receiver = Scripted;

    fn describe(&self) -> Description {
        Description::receiver("scripted", package!())
            .logs(Stability::Development)
            .traces(Stability::Development)
            .metrics(Stability::Development)
            .logs_as_otlp()
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Scripted, CreateError> {
        Ok(Scripted(config))
    }
}

fn setup(script: &str) -> Setup {
    strait_engine::components::register(&[&AsReceiver(Factory)]);
    let edges = [("out", "logs"), ("out", "traces"), ("out", "metrics")];
    let config = json!({"script": script});
    Setup::new(of_kind("receiver", "scripted", config, &edges))
}

fn taken(host: &mut Host) -> Output {
    let output = host.output();
    assert_eq!(output.call_id, 0);
    host.ack(output.token);
    output
}

fn until_met(host: &mut Host, script: &str, what: &str) {
    host.until(what, |_| met(script).iter().any(|seen| seen == what));
}

fn statuses(host: &Host) -> Vec<(LaneStatus, &str)> {
    let events = host.events.iter().filter_map(|event| match event {
        Control::Status(status, message) => Some((*status, message.as_str())),
        _ => None,
    });
    events.collect()
}

// Guarantees: each batch leaves by the edge of its signal, OTLP bytes as they are and records as
// records; what is empty is taken; a failure of the host's comes back whole.
#[test]
fn a_batch_leaves_by_its_signals_edge() {
    let mut host = setup("signals").start();
    for edge in [1, 0, 2] {
        let output = taken(&mut host);
        assert_eq!((output.edge, output.encoding), (edge, Encoding::Otlp));
        assert_eq!(output.bytes, b"\x0a\x02\x12\x00");
    }
    let output = host.output();
    assert_eq!((output.edge, output.encoding), (0, Encoding::Records));
    assert_eq!((output.items, output.tables.len()), (1, 1));
    let failure = Failure {
        grpc_code: 8,
        http_code: 429,
        retry_delay: Duration::from_secs(7),
        rejected_items: 3,
        ..Failure::new(Class::Retryable, "full").at("otlp/backend")
    };
    host.fail(output.token, failure);
    drop(output);
    until_met(
        &mut host,
        "signals",
        "otlp/backend: full Retryable Some(8) Some(429) Some(7s) 3",
    );
    let four = |host: &Host| {
        let _ = host;
        met("signals").iter().filter(|what| *what == "ok").count() == 4
    };
    host.until("the empty batch's verdict", four);
    assert!(host.outputs.is_empty() && statuses(&host).is_empty());
    host.finish(&[], PATIENCE);
}

// Guarantees: what a batch of a receiver's carries is in its header.
#[test]
fn what_a_batch_carries_crosses() {
    let mut host = setup("context").start();
    host.hold = true;
    let output = taken(&mut host);
    let batch = output.held.as_ref().expect("held");
    let (header, span) = (batch.header(), span());
    assert_eq!(
        (header.trace_id, header.span_id),
        (span.trace_id, span.span_id)
    );
    assert_eq!(
        (header.trace_flags, header.remote),
        (span.flags, span.remote)
    );
    let left = header.deadline_ns - strait_ringbuf::handshake::clock_ns();
    assert!((50_000_000_000..=60_000_000_000).contains(&left), "{left}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text(batch.tracestate().unwrap()), "a=b");
    let metadata: Vec<_> = batch
        .metadata()
        .unwrap()
        .map(|(key, values)| (text(key), values.map(text).collect::<Vec<_>>()))
        .collect();
    let expected = [
        (":peer", &["192.0.2.7:1"][..]),
        (":auth.subject", &["u"]),
        ("tenant", &["a", "b"]),
    ];
    let expected = expected.map(|(key, values)| {
        let values = values.iter().map(|value| (*value).to_owned());
        (key.to_owned(), values.collect::<Vec<_>>())
    });
    assert_eq!(metadata, expected);
    drop(output);
    until_met(&mut host, "context", "ok");
    host.finish(&[], PATIENCE);
}

// Guarantees: no more batches are with the host than it gives credit for; the rest wait for its
// answers.
#[test]
fn credit_is_the_bound() {
    let mut setup = setup("many");
    setup.credit = 2;
    let mut host = setup.start();
    let mut answered = 0;
    while answered < 6 {
        let more = 2.min(6 - answered);
        host.until("what the credit allows", |host| host.outputs.len() == more);
        assert!(!host.wait(Duration::from_millis(30), |host| host.outputs.len() > more));
        let output = host.outputs.remove(0);
        host.ack(output.token);
        answered += 1;
    }
    let six = |_: &Host| met("many").iter().filter(|what| *what == "ok").count() == 6;
    host.until("six verdicts", six);
    host.finish(&[], PATIENCE);
}

// Guarantees: a receiver that ends before it was told to, in whichever way, is reported once and
// for good, by name; the lane goes on and ends in order.
#[test]
fn a_receiver_that_ends_is_reported() {
    for (script, message) in [
        (
            "ends",
            "scripted/test: it has ended by itself, and receives nothing any more",
        ),
        ("fails", "scripted/test: run: the port is taken"),
        ("panics", "scripted/test: panic in run: boom"),
    ] {
        let mut host = setup(script).start();
        host.until("a status", |host| !host.events.is_empty());
        assert!(!host.wait(Duration::from_millis(30), |host| host.events.len() > 1));
        assert_eq!(statuses(&host), [(LaneStatus::Permanent, message)]);
        host.finish(&[], PATIENCE);
    }
}

// Guarantees: a drain tells the receiver to stop first; what it sends after that still crosses, and
// it has its verdict before it ends.
#[test]
fn a_drain_hears_last_words() {
    let mut host = setup("last words").start();
    let lane = std::sync::Arc::clone(&host.lane);
    let ending = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(lane.shutdown(Instant::now() + PATIENCE))
    });
    taken(&mut host);
    assert!(ending.join().unwrap().is_some());
    assert_eq!(met("last words"), ["stopped", "ok", "gone"]);
}

// Guarantees: a receiver that does not stop is dropped at the deadline.
#[test]
fn one_that_stays_is_dropped() {
    let host = setup("stays").start();
    let before = Instant::now();
    host.finish(&[], Duration::from_millis(300));
    assert!(before.elapsed() < PATIENCE / 2);
    assert_eq!(met("stays"), ["gone"]);
}

// Guarantees: where the host closes the link, whoever sends is told that it may be tried again.
#[test]
fn a_link_that_ends_is_told() {
    let mut host = setup("closed").start();
    host.output();
    host.handle.close(strait_ringbuf::Code::Closed);
    let told = |_: &Host| {
        met("closed")
            .iter()
            .any(|what| what.contains("Unavailable"))
    };
    host.until("the verdict", told);
}

// Guarantees: a send that is dropped withdraws its batch; the host's answer gives its credit back,
// and goes to nobody.
#[test]
fn a_send_that_is_dropped_withdraws() {
    let mut setup = setup("impatient");
    setup.credit = 1;
    let mut host = setup.start();
    let first = host.output();
    host.until("a cancel", |host| {
        let mut events = host.events.iter();
        events.any(|event| *event == Control::Cancel(first.token))
    });
    assert!(!host.wait(Duration::from_millis(30), |host| !host.outputs.is_empty()));
    host.fail(first.token, Failure::new(Class::Cancelled, "withdrawn"));
    taken(&mut host);
    until_met(&mut host, "impatient", "ok");
    assert_eq!(met("impatient"), ["left", "ok"]);
    drop(first);
    host.finish(&[], PATIENCE);
}

// Guarantees: a receiver has one lane, and batches do not enter it.
#[test]
fn a_receiver_is_one_and_takes_nothing() {
    let mut spec = setup("ends").spec;
    spec["lanes"] = json!(2);
    let found = Unit::read(&spec).unwrap_err();
    assert_eq!(found[0].path, "lanes");
    let mut host = setup("lingers").start();
    host.call(b"");
    host.until("the link's end", |host| {
        let mut statuses = statuses(host).into_iter();
        statuses.any(|(_, message)| message.contains("the unit has no edge in"))
    });
}
