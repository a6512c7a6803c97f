//! Units with a connector of the SDK: whose answer its outputs are, when it flushes, and every way
//! to end.

mod common;

use common::otlp::{Log, request};
use common::units::of_kind;
use common::{Control, End, Host, PATIENCE, Setup};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use strait_component::prelude::*;
use strait_engine::{Class, Failure, LaneStatus, Report, Unit};

/// What connectors have met, by the name in their configuration.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn met(name: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(name).cloned().unwrap_or_default()
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    name: String,
    every_ms: u64,
}

impl Config {
    fn meets(&self, what: impl Into<String>) {
        let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
        met.entry(self.name.clone()).or_default().push(what.into());
    }
}

fn created(name: &str) -> usize {
    met(name).iter().filter(|what| *what == "created").count()
}

/// Does what the first log's body says.
struct Obedient {
    config: Config,
    kept: u8,
    hoard: Vec<Batch>,
    flushes: u8,
}

fn metrics(byte: u8) -> Batch {
    Batch::from_otlp(Signal::Metrics, vec![0x0a, 0x02, 0x12, 0x00, byte])
}

impl Connector for Obedient {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        let logs = batch.logs();
        let first = logs.get(0).expect("a log");
        let order = first.body().as_str().expect("a text").to_owned();
        let tenant = batch.context().metadata("tenant").next();
        self.config.meets(format!("{order} of {tenant:?}"));
        match order.as_str() {
            "two" => (0..2).for_each(|byte| out.emit(metrics(byte))),
            "traces" => out.emit(Batch::from_otlp(Signal::Traces, vec![0x0a, 0x00])),
            "keep" => self.kept += 1,
            "hoard" => {
                let context = batch.context().clone();
                self.hoard.push(metrics(7).with_context(context));
            }
            "fail" => {
                out.emit(metrics(9));
                return Err(Error::permanent("no such thing").grpc(3));
            }
            "panic" => panic!("boom"),
            other => panic!("no order {other}"),
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Emitter) -> Result<(), Error> {
        self.flushes += 1;
        self.config.meets(format!("flush {}", self.kept));
        match (self.config.name.as_str(), self.flushes) {
            ("flush fails", 1) => return Err(Error::retryable("not now")),
            // Only the first instance.
            ("flush panics", 1) if created(&self.config.name) == 1 => panic!("boom"),
            _ => {}
        }
        self.hoard.drain(..).for_each(|batch| out.emit(batch));
        if self.kept > 0 {
            let context = Context::builder().metadata("flushed", ["yes"]).build();
            out.emit(metrics(self.kept).with_context(context));
        }
        self.kept = 0;
        Ok(())
    }

    fn flush_every(&self) -> Option<std::time::Duration> {
        let every = self.config.every_ms;
        (every > 0).then(|| std::time::Duration::from_millis(every))
    }
}

struct Factory;

impl ConnectorFactory for Factory {
    type Config = Config;
    type Connector = Obedient;

    fn describe(&self) -> Description {
        let stability = Stability::Development;
        Description::connector("obedient", package!()).connects(
            Signal::Logs,
            Signal::Metrics,
            stability,
        )
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Obedient, CreateError> {
        config.meets("created");
        Ok(Obedient {
            config,
            kept: 0,
            hoard: Vec::new(),
            flushes: 0,
        })
    }
}

fn spec(name: &str, every_ms: u64) -> Value {
    strait_engine::components::register(&[&AsConnector(Factory)]);
    let config = json!({"name": name, "every_ms": every_ms});
    of_kind(
        "connector",
        "obedient",
        config,
        &[("in", "logs"), ("out", "metrics")],
    )
}

fn start(name: &str, every_ms: u64) -> Host {
    Setup::new(spec(name, every_ms)).start()
}

fn order(host: &mut Host, what: &str) -> u64 {
    host.call(&request(&[Log::new(what)]))
}

fn statuses(host: &Host) -> Vec<(LaneStatus, &str)> {
    let events = host.events.iter().filter_map(|event| match event {
        Control::Status(status, message) => Some((*status, message.as_str())),
        _ => None,
    });
    events.collect()
}

// Guarantees: what is emitted for a call is the call's, leaves by the edge of its signal, and the
// call ends when all of it was answered; a call without outputs ends at once.
#[test]
fn a_call_waits_for_all_of_its_outputs() {
    let mut host = start("outputs", 0);
    let call = order(&mut host, "two");
    let outputs = [host.output(), host.output()];
    for (byte, output) in (0..).zip(&outputs) {
        assert_eq!((output.call_id, output.edge), (call, 1));
        assert_eq!(output.signal, strait_records::Signal::Metrics);
        assert_eq!(output.bytes.last(), Some(&byte));
    }
    host.ack(outputs[1].token);
    assert!(!host.wait(Duration::from_millis(30), |host| {
        host.ends.contains_key(&call)
    }));
    host.ack(outputs[0].token);
    assert_eq!(host.end(call), End::Acked);
    let quiet = order(&mut host, "keep");
    assert_eq!(host.end(quiet), End::Acked);
    assert_eq!(met("outputs")[1], r#"two of Some("acme")"#);
    // The drain flushes what was kept, and nobody takes it.
    host.finish(&[call, quiet], Duration::from_millis(300));
}

// Guarantees: where an output fails, the call fails whole; of several failures the one that must
// not be tried again counts.
#[test]
fn an_outputs_failure_is_the_calls() {
    let mut host = start("failed", 0);
    let call = order(&mut host, "two");
    let outputs = [host.output(), host.output()];
    host.fail(outputs[0].token, Failure::new(Class::Retryable, "busy"));
    let failure = Failure {
        grpc_code: 3,
        rejected_items: 2,
        ..Failure::new(Class::Permanent, "no").at("otlp/backend")
    };
    host.fail(outputs[1].token, failure.clone());
    assert_eq!(host.end(call), End::Failed(failure));
    host.finish(&[call], PATIENCE);
}

// Guarantees: an error discards what was emitted and is the call's, a panic too, which names the
// method; the next batch has another instance.
#[test]
fn an_error_or_a_panic_costs_its_batch() {
    let mut host = start("errors", 0);
    let fails = order(&mut host, "fail");
    let failure = Failure {
        grpc_code: 3,
        ..Failure::new(Class::Permanent, "no such thing").at("obedient/test")
    };
    assert_eq!(host.end(fails), End::Failed(failure));
    let panics = order(&mut host, "panic");
    let End::Failed(failure) = host.end(panics) else {
        panic!("it was acked")
    };
    assert_eq!(failure.to_string(), "obedient/test: panic in consume: boom");
    let next = order(&mut host, "keep");
    assert_eq!(host.end(next), End::Acked);
    assert_eq!(created("errors"), 2);
    let wrong = order(&mut host, "traces");
    let End::Failed(failure) = host.end(wrong) else {
        panic!("it was acked")
    };
    assert!(
        failure.message.contains("no edge by which traces leave"),
        "{failure}"
    );
    assert!(host.outputs.is_empty());
    drop(host);
}

// Guarantees: a flush by the timer is of no call, carries its own context, and a failure of it
// costs nothing else; the drain flushes once more, and waits for the answer.
#[test]
fn a_flush_is_of_no_call() {
    let mut host = start("timer", 20);
    host.hold = true;
    let first = order(&mut host, "keep");
    assert_eq!(host.end(first), End::Acked);
    let flushed = host.output();
    assert_eq!((flushed.call_id, flushed.edge), (0, 1));
    assert_eq!(flushed.bytes.last(), Some(&1));
    let batch = flushed.held.as_ref().expect("held");
    let keys: Vec<_> = batch
        .metadata()
        .unwrap()
        .map(|(key, _)| key.to_vec())
        .collect();
    assert_eq!(keys, [b"flushed"]);
    host.fail(flushed.token, Failure::new(Class::Permanent, "no"));
    drop(flushed);
    let second = order(&mut host, "keep");
    assert_eq!(host.end(second), End::Acked);
    let flushed = host.output();
    host.ack(flushed.token);
    drop(flushed);
    assert_eq!(statuses(&host), []);
    host.finish(&[first, second], PATIENCE);
}

// Guarantees: what came with a call and is flushed later has neither its deadline nor its end: the
// call has had its answer.
#[test]
fn what_is_flushed_outlives_its_call() {
    let mut host = start("hoard", 20);
    host.hold = true;
    let id = host.call_id();
    host.send(id, &request(&[Log::new("hoard")]), Some(PATIENCE));
    assert_eq!(host.end(id), End::Acked);
    let flushed = host.output();
    assert_eq!((flushed.call_id, flushed.bytes.last()), (0, Some(&7)));
    let batch = flushed.held.as_ref().expect("held");
    assert_eq!(batch.header().deadline_ns, 0);
    host.ack(flushed.token);
    drop(flushed);
    host.finish(&[id], PATIENCE);
}

// Guarantees: a drain flushes what is kept after the last call, exactly once, and the lane ends
// when the host has taken it.
#[test]
fn a_drain_flushes_once() {
    let mut host = start("drain", 0);
    let call = order(&mut host, "keep");
    assert_eq!(host.end(call), End::Acked);
    let lane = std::sync::Arc::clone(&host.lane);
    let ending = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(lane.shutdown(std::time::Instant::now() + PATIENCE))
    });
    let flushed = host.output();
    assert_eq!((flushed.call_id, flushed.bytes.last()), (0, Some(&1)));
    host.ack(flushed.token);
    let counters = ending.join().unwrap().expect("it ends in order");
    assert_eq!((counters.calls, counters.egress), (1, 1));
    let flushes = met("drain")
        .iter()
        .filter(|what| what.starts_with("flush"))
        .count();
    assert_eq!(flushes, 1);
}

// Guarantees: a flush that fails or panics is reported as the component's status, until one does
// not; nothing else ends.
#[test]
fn a_flush_that_fails_is_reported() {
    for (name, message, instances) in [
        ("flush fails", "obedient/test: flush: not now", 1),
        ("flush panics", "obedient/test: panic in flush: boom", 2),
    ] {
        let mut host = start(name, 10);
        host.until("a status", |host| !host.events.is_empty());
        assert_eq!(statuses(&host)[0], (LaneStatus::Recoverable, message));
        let call = order(&mut host, "keep");
        assert_eq!(host.end(call), End::Acked);
        let flushed = host.output();
        host.ack(flushed.token);
        assert_eq!(created(name), instances);
        host.until("better news", |host| host.events.len() == 2);
        assert_eq!(statuses(&host)[1], (LaneStatus::Ok, "it flushes again"));
        host.finish(&[call], PATIENCE);
    }
}

// Guarantees: a connector is sent whole batches, and its edges say how batches cross.
#[test]
fn the_report_says_how_batches_cross() {
    let unit = Unit::read(&spec("report", 0)).unwrap();
    let report = json!(Report::of(&unit, 8));
    assert_eq!(report["edges"][0]["plan"]["projectable"], false);
    let reason = report["edges"][0]["plan"]["reason"].as_str().unwrap();
    assert!(reason.contains("connector"), "{reason}");
    assert_eq!(
        report["edges"][1],
        json!({"number": 1, "direction": "out", "signal": "metrics", "encoding": "otlp",
               "credit": 8})
    );
}
