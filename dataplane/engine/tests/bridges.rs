//! Units whose batches go to other units without leaving Rust: what arrives, what its sender hears,
//! and every way to end.

mod common;

use common::otlp::{Log, request};
use common::{End, Host, Output, PATIENCE, Setup};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::pending;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_component::testing::{Sample, batch};
use strait_engine::{Class, Failure, Unit};
use strait_records::Encoding;

/// What components have met, by the name in their configuration.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn met(name: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(name).cloned().unwrap_or_default()
}

fn meets(name: &str, what: impl Into<String>) {
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.entry(name.to_owned()).or_default().push(what.into());
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    name: String,
    /// Of a source: what it sends, one after the other.
    #[serde(default)]
    sends: Vec<String>,
}

/// Does what the first log's body says.
struct Sink(Config);

impl Exporter for Sink {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        let name = &self.0.name;
        let order = match batch.otlp() {
            Some(bytes) => format!("{} {bytes:?}", batch.signal()),
            None => {
                let logs = batch.logs();
                let order = logs.get(0).expect("a log").body();
                order.as_str().expect("a text").to_owned()
            }
        };
        meets(name, &order);
        match &order[..] {
            "fail" => Err(Error::retryable("full")
                .grpc(8)
                .http(429)
                .retry_after(Duration::from_secs(7))
                .rejected(3)),
            "tell" => {
                let context = batch.context();
                let tenants: Vec<_> = context.metadata("Tenant").collect();
                let until = context.deadline().is_some();
                meets(name, format!("{tenants:?} {:?} {until}", context.peer()));
                Ok(())
            }
            "leave" => {
                let error = batch.context().cancelled().await;
                meets(name, format!("{:?}", error.class()));
                Err(error)
            }
            "hang" => pending().await,
            _ => Ok(()),
        }
    }
}

struct SinkFactory;

impl ExporterFactory for SinkFactory {
    type Config = Config;
    type Exporter = Sink;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::exporter("sink", package!())
            .logs(level)
            .traces(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Sink, CreateError> {
        Ok(Sink(config))
    }
}

/// Sends what its configuration names, one batch after the other, and meets what it hears.
struct Source(Config);

impl Receiver for Source {
    async fn run(&mut self, host: strait_component::Host) -> Result<(), Error> {
        let Config { name, sends } = &self.0;
        for what in sends {
            let context = Context::builder()
                .deadline(Instant::now() + Duration::from_secs(60))
                .metadata("tenant", ["a", "b"])
                .peer("192.0.2.7:1")
                .build();
            let made = match &what[..] {
                "span" => Batch::from_otlp(Signal::Traces, &b"\x0a\x02\x12\x00"[..]),
                text => batch(&[Sample::new(text)]),
            };
            let sending = host.send(made.with_context(context));
            if what == "leave" {
                let arrived = async {
                    while !met("leaves").iter().any(|what| what == "leave") {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    _ = sending => panic!("nobody has answered"),
                    () = arrived => meets(name, "left"),
                }
                continue;
            }
            match sending.await {
                Ok(()) => meets(name, "ok"),
                Err(error) => meets(
                    name,
                    format!(
                        "{error} {:?} {:?} {:?} {:?} {}",
                        error.class(),
                        error.grpc_code(),
                        error.http_code(),
                        error.retry_delay(),
                        error.rejected_items()
                    ),
                ),
            }
        }
        host.stopped().await;
        Ok(())
    }
}

struct SourceFactory;

impl ReceiverFactory for SourceFactory {
    type Config = Config;
    type Receiver = Source;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::receiver("source", package!())
            .logs(level)
            .traces(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Source, CreateError> {
        Ok(Source(config))
    }
}

/// Hands on each batch of logs as it is.
struct Copy;

impl Connector for Copy {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        out.emit(batch);
        Ok(())
    }
}

struct CopyFactory;

impl ConnectorFactory for CopyFactory {
    type Config = Config;
    type Connector = Copy;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::connector("copy", package!()).connects(Signal::Logs, Signal::Logs, level)
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Copy, CreateError> {
        Ok(Copy)
    }
}

fn register() {
    strait_engine::components::register(&[
        &AsExporter(SinkFactory),
        &AsReceiver(SourceFactory),
        &AsConnector(CopyFactory),
    ]);
}

fn edges(list: &[(&str, &str)]) -> Value {
    let numbered = (0_u16..).zip(list);
    numbered
        .map(|(number, (direction, signal))| {
            json!({"number": number, "direction": direction, "signal": signal})
        })
        .collect()
}

fn bridge(signal: &str, to: &[u64], host: bool) -> Value {
    json!({"id": "", "kind": "exporter", "signal": signal, "bridge": {"to": to, "host": host}})
}

/// A receiver whose logs go to these units, and to its host, or not.
fn source(name: &str, sends: &[&str], to: &[u64], host: bool) -> Value {
    register();
    let receiver = json!({"id": "source/test", "kind": "receiver", "type": "source",
                          "config": {"name": name, "sends": sends}});
    let out: &[_] = if host { &[("out", "logs")] } else { &[] };
    json!({"id": "source/test", "pipeline": "p", "lanes": 1, "max_in_flight": 64,
           "members": [receiver, bridge("logs", to, host)], "edges": edges(out)})
}

/// An exporter that other units send to.
fn sink(name: &str) -> Value {
    register();
    json!({"id": "sink/test", "pipeline": "p", "lanes": 1, "max_in_flight": 2, "door": true,
           "members": [{"id": "sink/test", "kind": "exporter", "type": "sink",
                        "config": {"name": name}}],
           "edges": edges(&[("in", "logs")])})
}

/// Nodes that other units send to, behind which is the host.
fn nodes() -> Value {
    let passes = json!([{"attribute": {"actions": [{"action": "delete", "key": "x"}]}}]);
    let mut spec = common::units::of_nodes("logs", "best_effort", passes);
    spec["door"] = true.into();
    spec
}

/// Starts a unit that sends to others.
fn start(spec: Value, to: &[(u64, &Host)]) -> Host {
    let unit = Unit::read(&spec).unwrap_or_else(|findings| panic!("{findings:?}"));
    for member in unit.members.iter() {
        let found = member.find(|handle| {
            let (_, host) = to.iter().find(|(of, _)| *of == handle)?;
            host.unit.door.clone()
        });
        assert_eq!(found, Ok(()));
    }
    let mut setup = Setup::new(spec);
    setup.unit = Some(unit.into());
    setup.start()
}

fn heard(host: &mut Host, name: &str, count: usize) -> Vec<String> {
    host.until("what it hears", |_| met(name).len() >= count);
    met(name)
}

// Guarantees: what goes to another unit arrives there with what came with it, its sender hears the
// whole verdict, and nothing crosses; what was sent and what entered is counted.
#[test]
fn a_batch_goes_to_another_unit() {
    let to = Setup::new(sink("whole")).start();
    let sends = ["fine", "fail", "tell"];
    let mut from = start(source("whole source", &sends, &[7], false), &[(7, &to)]);
    let told = heard(&mut from, "whole source", 3);
    assert_eq!(told[0], "ok");
    assert_eq!(
        told[1],
        "sink/test: full Retryable Some(8) Some(429) Some(7s) 3"
    );
    assert_eq!(told[2], "ok");
    let expected = [
        "fine",
        "fail",
        "tell",
        r#"["a", "b"] Some("192.0.2.7:1") true"#,
    ];
    assert_eq!(met("whole"), expected);
    assert_eq!(from.members[0].sent(Signal::Logs), (2, 1));
    assert_eq!(from.members[1].taken(), 3);
    assert_eq!(to.members[0].taken(), 3);
    assert!(from.outputs.is_empty() && to.outputs.is_empty());
    from.finish(&[], PATIENCE);
    to.finish(&[], PATIENCE);
}

// Guarantees: of several, and the host, each is given every batch; the sender hears of all.
#[test]
fn several_are_sent_to_and_the_host() {
    let (one, other) = (
        Setup::new(sink("one")).start(),
        Setup::new(sink("other")).start(),
    );
    let units = [(1, &one), (2, &other)];
    let mut from = start(source("several", &["a", "fail"], &[1, 2], true), &units);
    let Output {
        encoding, token, ..
    } = from.output();
    assert_eq!(encoding, Encoding::Records);
    assert_eq!(met("several"), [""; 0]);
    from.ack(token);
    heard(&mut from, "several", 1);
    let Output { token, .. } = from.output();
    from.fail(token, Failure::new(Class::Permanent, "no").at("otlp"));
    let told = heard(&mut from, "several", 2);
    assert_eq!(told[0], "ok");
    let expected = "sink/test: full; sink/test: full; otlp: no Permanent None None None 0";
    assert_eq!(told[1], expected);
    assert_eq!(met("one"), ["a", "fail"]);
    assert_eq!(met("other"), ["a", "fail"]);
    for host in [from, one, other] {
        host.finish(&[], PATIENCE);
    }
}

// Guarantees: what enters a unit from another one leaves it for its host, beside what its host
// sends it; each is answered for itself.
#[test]
fn a_unit_is_entered_from_both_sides() {
    let mut to = Setup::new(nodes()).start();
    let mut from = start(source("both", &["a"], &[1], false), &[(1, &to)]);
    let Output {
        call_id,
        items,
        encoding,
        metadata,
        token,
        ..
    } = to.output();
    assert_eq!((call_id, items, encoding), (0, 1, Encoding::Records));
    assert_eq!(metadata, 2, "tenant and peer");
    let call = to.call(&request(&[Log::new("b"), Log::new("c")]));
    let own = to.output();
    assert_eq!((own.call_id, own.items), (call, 2));
    to.ack(own.token);
    drop(own);
    assert_eq!(to.end(call), End::Acked);
    assert_eq!(met("both"), [""; 0]);
    to.ack(token);
    heard(&mut from, "both", 1);
    assert_eq!(to.members[0].taken(), 1, "the rest the host has counted");
    from.finish(&[], PATIENCE);
    to.finish(&[call], PATIENCE);
}

// Guarantees: a call of the host's goes through a unit to the next as its own, and its end there.
#[test]
fn a_call_goes_to_another_unit() {
    let to = Setup::new(sink("calls")).start();
    let mut spec = common::units::of_nodes("logs", "best_effort", json!([{"retry": {}}]));
    let across = json!({"id": "", "kind": "exporter", "bridge": {"to": [1]}});
    spec["members"].as_array_mut().unwrap().push(across);
    drop(spec["edges"].as_array_mut().unwrap().pop());
    let mut from = start(spec, &[(1, &to)]);
    let calls = ["fine", "leave"].map(|order| from.call(&request(&[Log::new(order)])));
    assert_eq!(from.end(calls[0]), End::Acked);
    from.until("its arrival", |_| met("calls").len() == 2);
    from.lane.cancel(calls[1]);
    match from.end(calls[1]) {
        End::Failed(failure) => assert_eq!(failure.class, Class::Cancelled),
        end => panic!("{end:?}"),
    }
    from.until("the end there", |_| met("calls").len() == 3);
    assert_eq!(met("calls"), ["fine", "leave", "Cancelled"]);
    from.finish(&calls, PATIENCE);
    to.finish(&[], PATIENCE);
}

// Guarantees: what a connector makes goes to another unit, and its caller hears what became of it.
#[test]
fn a_connector_is_between_units() {
    let to = Setup::new(sink("behind")).start();
    register();
    let connector = json!({"id": "copy/test", "kind": "connector", "type": "copy",
                           "config": {"name": ""}});
    let spec = json!({"id": "copy/test", "pipeline": "p", "lanes": 1, "door": true,
                      "members": [connector, bridge("logs", &[1], false)],
                      "edges": edges(&[("in", "logs")])});
    let middle = start(spec, &[(1, &to)]);
    let mut from = start(
        source("through", &["a", "fail"], &[2], false),
        &[(2, &middle)],
    );
    let told = heard(&mut from, "through", 2);
    assert_eq!(told[0], "ok");
    assert!(told[1].starts_with("sink/test: full Retryable"), "{told:?}");
    assert_eq!(met("behind"), ["a", "fail"]);
    for host in [from, middle, to] {
        host.finish(&[], PATIENCE);
    }
}

// Guarantees: a receiver that leaves is missed in the other unit.
#[test]
fn who_leaves_is_missed_there() {
    let to = Setup::new(sink("leaves")).start();
    let sends = ["leave", "more"];
    let mut from = start(source("leaver", &sends, &[1], false), &[(1, &to)]);
    assert_eq!(heard(&mut from, "leaver", 2), ["left", "ok"]);
    from.until("the end there", |_| met("leaves").len() == 3);
    let seen = met("leaves");
    assert!(seen.contains(&"Cancelled".to_owned()), "{seen:?}");
    from.finish(&[], PATIENCE);
    to.finish(&[], PATIENCE);
}

// Guarantees: a unit that ends answers for what it has of others, and what comes later hears so;
// the lane that takes its place has the rest.
#[test]
fn a_unit_ends_with_what_others_sent() {
    let to = Setup::new(sink("ends")).start();
    let unit = to.unit.clone();
    let sends = ["hang", "next", "last"];
    let mut from = start(source("ender", &sends, &[1], false), &[(1, &to)]);
    from.until("its arrival", |_| met("ends").len() == 1);
    to.finish(&[], Duration::from_millis(50));
    let told = heard(&mut from, "ender", 1);
    assert!(told[0].contains("Unavailable"), "{told:?}");
    let mut again = Setup::new(sink("ends"));
    again.unit = Some(unit.clone());
    let again = again.start();
    assert_eq!(heard(&mut from, "ender", 3)[1..], ["ok", "ok"]);
    assert_eq!(met("ends"), ["hang", "next", "last"]);
    again.finish(&[], PATIENCE);
    unit.door.as_ref().expect("a door").close();
    from.finish(&[], PATIENCE);
}

// Guarantees: no more batches are in a unit by its door than it lets in, and the rest wait.
#[test]
fn who_sends_waits_for_room() {
    let to = Setup::new(sink("slow")).start();
    let spec = |name: String| source(&name, &["hang"], &[1], false);
    let mut from: Vec<_> = (0..4)
        .map(|n| start(spec(format!("waits {n}")), &[(1, &to)]))
        .collect();
    from[0].until("two", |_| met("slow").len() == 2);
    assert!(!from[0].wait(Duration::from_millis(50), |_| met("slow").len() > 2));
    to.finish(&[], Duration::from_millis(50));
    for (n, host) in from.iter_mut().enumerate() {
        let name = format!("waits {n}");
        assert!(heard(host, &name, 1)[0].contains("Unavailable"));
    }
    for host in from {
        host.finish(&[], PATIENCE);
    }
}

// Guarantees: what cannot be is refused by name.
#[test]
fn wrong_specifications_are_refused() {
    let found = |spec: Value| {
        let findings = Unit::read(&spec).unwrap_err().into_iter();
        findings.map(|found| found.to_string()).collect::<Vec<_>>()
    };
    let mut door = source("", &[], &[1], false);
    door["door"] = true.into();
    assert_eq!(
        found(door),
        ["door: no unit can send batches to a receiver, which makes them itself"]
    );
    let mut queue = source("", &[], &[1], false);
    queue["members"][1]["sending"] = json!({"timeout": 0});
    let message = "what leads to other units is of kind exporter, with nothing in front";
    assert_eq!(found(queue), [format!("::bridge: {message}")]);
    let mut first = source("", &[], &[1], false);
    first["members"].as_array_mut().unwrap().remove(0);
    let alone = found(first);
    assert!(alone[0].contains("nothing is before it"), "{alone:?}");
}
