//! Units whose batches go to other units without leaving Rust: what arrives, what its sender hears,
//! and every way to end.

#[path = "../common/mod.rs"]
mod common;
mod peers;

use common::otlp::{Log, request};
use common::{Control, End, Host, Output, PATIENCE, Setup};
use peers::{meets, met, register};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_engine::{Class, Failure, Unit};
use strait_records::Encoding;

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

/// Shuts a lane down beside this thread, which goes on as its host.
fn ending(host: &Host) -> std::thread::JoinHandle<()> {
    let lane = std::sync::Arc::clone(&host.lane);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let end = lane.shutdown(Instant::now() + PATIENCE);
        let counters = runtime.expect("a runtime").block_on(end);
        assert!(counters.is_some(), "it ends in order");
    })
}

// Guarantees: what is sent while a unit drains goes to its host too, and is heard of; so is what a
// connector has kept till then.
#[test]
fn the_host_has_what_a_drain_brings() {
    let to = Setup::new(sink("drained")).start();
    let mut from = start(source("last words", &[], &[1], true), &[(1, &to)]);
    let end = ending(&from);
    let Output { token, .. } = from.output();
    from.ack(token);
    end.join().expect("it ends");
    assert_eq!(met("last words"), ["ok"]);

    register();
    let connector = json!({"id": "copy/test", "kind": "connector", "type": "copy",
                           "config": {"name": ""}});
    let spec = json!({"id": "copy/test", "pipeline": "p", "lanes": 1,
                      "members": [connector, bridge("logs", &[1], true)],
                      "edges": edges(&[("in", "logs"), ("out", "logs")])});
    let mut middle = start(spec, &[(1, &to)]);
    let call = middle.call(&request(&[Log::new("hang")]));
    let Output { token, .. } = middle.output();
    middle.ack(token);
    middle.until("its arrival", |_| met("drained").contains(&"hang".into()));
    let end = ending(&middle);
    assert!(!middle.wait(Duration::from_millis(50), |host| !host.outputs.is_empty()));
    middle.lane.cancel(call);
    let Output { items, token, .. } = middle.output();
    assert_eq!(items, 1);
    middle.ack(token);
    end.join().expect("it ends");
    assert_eq!(met("drained"), ["last", "hang", "flushed"]);
    to.finish(&[], Duration::from_millis(50));
}

// Guarantees: who leaves is missed by the host of the next unit too.
#[test]
fn who_leaves_is_missed_by_the_next_host() {
    let mut to = Setup::new(nodes()).start();
    let mut from = start(source("host leaver", &["leave"], &[1], false), &[(1, &to)]);
    let Output { token, .. } = to.output();
    meets("to host leaver", "leave"); // now it leaves
    heard(&mut from, "host leaver", 1);
    to.until("that it is told", |host| {
        host.events.contains(&Control::Cancel(token))
    });
    to.ack(token);
    from.finish(&[], PATIENCE);
    to.finish(&[], PATIENCE);
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
    let to = Setup::new(sink("to leaver")).start();
    let sends = ["leave", "more"];
    let mut from = start(source("leaver", &sends, &[1], false), &[(1, &to)]);
    assert_eq!(heard(&mut from, "leaver", 2), ["left", "ok"]);
    from.until("the end there", |_| met("to leaver").len() == 3);
    let seen = met("to leaver");
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
