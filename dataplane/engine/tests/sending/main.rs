//! Units that end with an exporter of the SDK behind other members: the queue, the retries and the
//! timeout in front of it, and what is counted.

#[path = "../common/mod.rs"]
mod common;
mod peers;

use common::otlp::{Log, request};
use common::units::nodes_member;
use common::{Control, End, Host, PATIENCE, Setup};
use peers::{Factory, SenderFactory, URN, meets, met};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_engine::{Class, Exported, Failure, LaneStatus, Unit};

const MS: u64 = 1_000_000;

/// Retries after 5 ms, 10 ms and so on.
fn retry() -> Value {
    json!({"initial_interval": 5 * MS, "randomization_factor": 0.0, "multiplier": 2.0,
           "max_interval": 20 * MS, "max_elapsed_time": 0})
}

fn queue(size: u64, consumers: usize) -> Value {
    json!({"size": size, "sizer": "requests", "consumers": consumers,
           "wait_for_result": false, "block_on_overflow": false})
}

fn exporter(name: &str, sending: Value) -> Value {
    strait_engine::components::register(&[&AsExporter(Factory), &AsReceiver(SenderFactory)]);
    json!({"id": "obedient/test", "kind": "exporter", "type": "obedient",
           "config": {"name": name}, "sending": sending})
}

/// A unit of a node that passes everything, and the exporter.
fn spec(name: &str, sending: Value) -> Value {
    let passes = json!([{"attribute": {"actions": [{"action": "delete", "key": "x"}]}}]);
    let members = [nodes_member("otap/a", passes), exporter(name, sending)];
    json!({"id": "otap/a", "pipeline": "p", "lanes": 1, "fidelity": "best_effort",
           "max_in_flight": 64, "members": members,
           "edges": [{"number": 0, "direction": "in", "signal": "logs"}]})
}

fn start(name: &str, sending: Value) -> Host {
    Setup::new(spec(name, sending)).start()
}

fn order(host: &mut Host, what: &str) -> u64 {
    host.call(&request(&[Log::new(what), Log::new("more")]))
}

fn exported(host: &Host) -> Exported {
    host.members
        .last()
        .and_then(|last| last.exported())
        .expect("an exporter")
}

fn until(host: &mut Host, what: &str, done: impl Fn(&Exported) -> bool) {
    host.until(what, |host| done(&exported(host)));
}

/// The failed ones: error, code, permanent, items.
fn failed(host: &Host) -> Vec<(&'static str, u32, bool, u64)> {
    let failed = exported(host).failed.into_iter();
    failed
        .map(|it| (it.error, it.code, it.permanent, it.items))
        .collect()
}

fn failure(host: &mut Host, call: u64) -> Failure {
    match host.end(call) {
        End::Failed(failure) => failure,
        end => panic!("{end:?}"),
    }
}

// Guarantees: what a queue takes is acked before it is sent, is tried again where that may help,
// and is sent or given up; each once, and counted as that.
#[test]
fn what_a_queue_takes_is_sent_or_given_up() {
    let mut host = start(
        "takes",
        json!({"timeout": 20 * MS, "retry": retry(), "queue": queue(8, 2)}),
    );
    let orders = ["plain", "twice", "permanent", "panic"];
    let calls: Vec<_> = orders.iter().map(|what| order(&mut host, what)).collect();
    for call in &calls {
        assert_eq!(host.end(*call), End::Acked);
    }
    until(&mut host, "the end of all", |it| {
        it.in_flight == 0 && it.queue.is_some_and(|queue| queue.size == 0)
    });
    assert_eq!(exported(&host).sent, 4);
    assert_eq!(failed(&host), [("grpc", 3, true, 2), ("other", 0, true, 2)]);
    assert_eq!(exported(&host).enqueue_failed, 0);
    assert_eq!(host.members[1].taken(), 8);
    let mut seen = met("takes");
    seen.sort();
    assert_eq!(
        seen,
        ["panic", "permanent", "plain", "twice", "twice", "twice"]
    );
    host.finish(&calls, PATIENCE);
    assert_eq!(met("takes").last().map(String::as_str), Some("shutdown"));
}

// Guarantees: an attempt that takes too long is given up as one, and tried again.
#[test]
fn an_attempt_has_its_time() {
    let mut retry = retry();
    retry["max_elapsed_time"] = (40 * MS).into();
    let sending = json!({"timeout": 10 * MS, "retry": retry, "queue": queue(8, 2)});
    let mut host = start("time", sending);
    let call = order(&mut host, "hang");
    until(&mut host, "the end of it", |it| !it.failed.is_empty());
    assert_eq!(failed(&host), [("deadline", 0, false, 2)]);
    assert!(met("time").len() > 1);
    host.finish(&[call], PATIENCE);
}

// Guarantees: a full queue refuses, for now, and counts what it refused; or has its senders wait,
// in their order, until there is room, or they leave.
#[test]
fn a_full_queue_refuses_or_waits() {
    let mut host = start("refuses", json!({"timeout": 0, "queue": queue(1, 1)}));
    let first = order(&mut host, "until refuses");
    assert_eq!(host.end(first), End::Acked);
    let second = order(&mut host, "plain");
    let refused = failure(&mut host, second);
    assert_eq!(
        (refused.class, &*refused.message),
        (Class::Retryable, "sending queue is full")
    );
    assert_eq!(exported(&host).enqueue_failed, 2);
    meets("refuses", "open");
    until(&mut host, "what was taken", |it| it.sent == 2);
    host.finish(&[first, second], PATIENCE);

    let mut waits = queue(1, 1);
    waits["block_on_overflow"] = true.into();
    let mut host = start("waits", json!({"timeout": 0, "queue": waits}));
    let first = order(&mut host, "until waits");
    assert_eq!(host.end(first), End::Acked);
    let leaves = host.call_id();
    host.send(
        leaves,
        &request(&[Log::new("left")]),
        Some(Duration::from_millis(30)),
    );
    let second = order(&mut host, "second");
    assert_eq!(failure(&mut host, leaves).class, Class::Deadline);
    until(&mut host, "one that has left", |it| it.enqueue_failed == 1);
    assert!(!host.ends.contains_key(&second));
    meets("waits", "open");
    assert_eq!(host.end(second), End::Acked);
    until(&mut host, "both", |it| it.sent == 4);
    host.finish(&[first, leaves, second], PATIENCE);
    let mut large = queue(1, 1);
    large["sizer"] = "items".into();
    let mut host = start("large", json!({"timeout": 0, "queue": large}));
    let call = order(&mut host, "plain");
    assert_eq!(failure(&mut host, call).message, "element size too large");
    host.finish(&[call], PATIENCE);
}

// Guarantees: a batch for which there is no room yet keeps no smaller one from the room that there
// is.
#[test]
fn a_large_batch_holds_up_no_other() {
    let mut waits = queue(4, 2);
    (waits["block_on_overflow"], waits["sizer"]) = (true.into(), "items".into());
    let mut host = start("holds", json!({"timeout": 0, "queue": waits}));
    let first = ["until one", "until other"].map(|what| order(&mut host, what));
    for call in first {
        assert_eq!(host.end(call), End::Acked);
    }
    let large = ["large", "2", "3", "4"].map(Log::new);
    let large = host.call(&request(&large));
    let small = order(&mut host, "small");
    meets("one", "open");
    assert_eq!(host.end(small), End::Acked);
    assert!(!host.ends.contains_key(&large));
    meets("other", "open");
    assert_eq!(host.end(large), End::Acked);
    until(&mut host, "all", |it| it.sent == 10);
    host.finish(&[first[0], first[1], large, small], PATIENCE);
}

// Guarantees: without a queue, and where its senders wait, the verdict is the call's, after all
// attempts, with the exporter's codes.
#[test]
fn who_waits_hears_the_verdict() {
    let mut waits = queue(8, 8);
    waits["wait_for_result"] = true.into();
    for queue in [Value::Null, waits] {
        let mut host = start(
            "hears",
            json!({"timeout": 0, "retry": retry(), "queue": queue}),
        );
        let (good, lost) = (order(&mut host, "twice"), order(&mut host, "permanent"));
        assert_eq!(host.end(good), End::Acked);
        let lost_failure = failure(&mut host, lost);
        assert_eq!(
            (lost_failure.class, lost_failure.grpc_code),
            (Class::Permanent, 3)
        );
        assert_eq!(lost_failure.message, "not retryable error: lost");
        assert_eq!(lost_failure.component, "obedient/test");
        assert_eq!(exported(&host).sent, 2);
        assert_eq!(failed(&host), [("grpc", 3, true, 2)]);
        let counted = if exported(&host).queue.is_some() {
            2
        } else {
            0
        };
        assert_eq!(exported(&host).enqueue_failed, counted);
        host.finish(&[good, lost], PATIENCE);
    }
}

// Guarantees: at the end nothing is tried again, what is in the queue has one attempt, and what
// does not end by the deadline is given up: nothing is left uncounted.
#[test]
fn at_the_end_nothing_is_left() {
    let mut slow = retry();
    slow["initial_interval"] = (60_000 * MS).into();
    slow["max_interval"] = (60_000 * MS).into();
    let mut host = start(
        "end",
        json!({"timeout": 0, "retry": slow, "queue": queue(16, 2)}),
    );
    let orders = ["never", "until nobody", "plain", "permanent"];
    let calls: Vec<_> = orders.iter().map(|what| order(&mut host, what)).collect();
    for call in &calls {
        assert_eq!(host.end(*call), End::Acked);
    }
    host.until("both consumers busy", |_| met("end").len() == 2);
    let members = std::sync::Arc::clone(&host.members);
    let before = Instant::now();
    host.finish(&calls, Duration::from_millis(500));
    assert!(before.elapsed() < PATIENCE / 2);
    let end = members.last().and_then(|last| last.exported()).unwrap();
    assert_eq!((end.sent, end.in_flight), (2, 0));
    let failed: Vec<_> = end.failed.iter().map(|it| (it.error, it.items)).collect();
    assert_eq!(failed, [("grpc", 2), ("shutdown", 4)]);
    assert_eq!(met("end").last().map(String::as_str), Some("shutdown"));
}

// Guarantees: what a queue has taken outlives the lane's pipeline: it is sent by the next one.
#[test]
fn a_queue_outlives_its_lane() {
    let mut setup = Setup::new(spec(
        "outlives",
        json!({"timeout": 0, "queue": queue(8, 2)}),
    ));
    setup.tweak = |unit| unit.topology.nodes[0].urn = URN.into();
    let mut host = setup.start();
    let call = order(&mut host, "until outlives");
    host.end(call);
    host.until("the restart", |host| {
        let running = |event: &Control| matches!(event, Control::Status(LaneStatus::Ok, _));
        host.events.iter().any(running)
    });
    assert_eq!(exported(&host).queue.map(|queue| queue.size), Some(1));
    meets("outlives", "open");
    until(&mut host, "what was taken", |it| {
        it.sent == 2 && it.in_flight == 0
    });
    host.finish(&[call], PATIENCE);
}

// Guarantees: the end of a lane's link is not the end of its unit: nothing of the queue is given
// up, and the lane that takes its place sends it; what no lane sends is given up when it is asked
// for.
#[test]
fn a_queue_outlives_its_link() {
    let mut slow = retry();
    slow["initial_interval"] = (60_000 * MS).into();
    slow["max_interval"] = (60_000 * MS).into();
    let spec = spec(
        "link",
        json!({"timeout": 0, "retry": slow, "queue": queue(8, 2)}),
    );
    let mut host = Setup::new(spec.clone()).start();
    let calls = ["never", "until link", "plain"].map(|what| order(&mut host, what));
    for call in calls {
        assert_eq!(host.end(call), End::Acked);
    }
    host.until("both consumers busy", |_| met("link").len() == 2);
    let (unit, lane) = (
        std::sync::Arc::clone(&host.unit),
        std::sync::Arc::clone(&host.lane),
    );
    host.handle.close(strait_ringbuf::Code::Closed);
    host.runtime.block_on(lane.end(Instant::now() + PATIENCE));
    drop(host);
    let left = unit.members[1].exported().unwrap();
    assert_eq!((left.sent, left.failed.len()), (0, 0));
    assert_eq!(left.queue.map(|queue| queue.size), Some(3));
    meets("link", "open");
    let mut setup = Setup::new(spec);
    setup.unit = Some(std::sync::Arc::clone(&unit));
    let mut host = setup.start();
    until(&mut host, "what was taken", |it| it.sent == 4);
    assert_eq!(exported(&host).queue.map(|queue| queue.size), Some(1));
    let lane = std::sync::Arc::clone(&host.lane);
    host.runtime.block_on(lane.end(Instant::now() + PATIENCE));
    assert_eq!(
        (unit.members[1].give_up(), unit.members[1].give_up()),
        (2, 0)
    );
    let end = unit.members[1].exported().unwrap();
    assert_eq!((end.sent, end.in_flight), (4, 0));
    assert_eq!((end.failed[0].error, end.failed[0].items), ("shutdown", 2));
}

// Guarantees: a batch that its receiver does not wait for any more is not tried again.
#[test]
fn what_nobody_wants_is_not_tried_again() {
    let mut exporter = exporter("leaves", json!({"timeout": 0, "retry": retry()}));
    exporter["signal"] = "logs".into();
    let sender = json!({"id": "sender/test", "kind": "receiver", "type": "sender",
                        "config": {"name": "never"}});
    let spec = json!({"id": "sender/test", "pipeline": "", "lanes": 1, "max_in_flight": 64,
                      "edges": [], "members": [sender, exporter]});
    let mut host = Setup::new(spec).start();
    host.until("it has left", |_| {
        met("never").iter().any(|what| what == "left")
    });
    until(&mut host, "the end of it", |it| {
        it.in_flight == 0 && !it.failed.is_empty()
    });
    assert_eq!(exported(&host).sent, 0);
    assert!(met("leaves").len() > 1);
    host.until("the receiver's count", |host| {
        host.members[0].sent(Signal::Logs) == (0, 1)
    });
    host.finish(&[], PATIENCE);
}

// Guarantees: a unit of a receiver and an exporter has no edges, and runs: nothing crosses, and the
// receiver hears what became of its batch.
#[test]
fn a_whole_pipeline_has_no_edges() {
    let mut exporter = exporter("plain", json!({"timeout": 0}));
    exporter["signal"] = "logs".into();
    let sender = json!({"id": "sender/test", "kind": "receiver", "type": "sender",
                        "config": {"name": "whole"}});
    let spec = json!({"id": "sender/test", "pipeline": "", "lanes": 1, "max_in_flight": 64,
                      "edges": [], "members": [sender, exporter]});
    let mut host = Setup::new(spec.clone()).start();
    host.until("the verdict", |_| met("whole") == ["told Ok(())"]);
    assert_eq!(exported(&host).sent, 1);
    assert!(host.outputs.is_empty());
    host.finish(&[], PATIENCE);
    let mut alone = spec;
    alone["members"].as_array_mut().unwrap().pop();
    let refused = Setup::new(alone).try_start();
    assert!(refused.is_err_and(|failure| failure.message.contains("without edges")));
}

// Guarantees: what a node between receiver and exporter holds is handed on when the unit ends, also
// where the receiver waits for just that.
#[test]
fn what_is_held_is_handed_on_at_the_end() {
    let mut exporter = exporter("plain", json!({"timeout": 0}));
    let mut holds = nodes_member(
        "otap/holds",
        json!([{"batch": {"max_batch_duration": "1h",
                          "otap": {"min_size": 1000, "sizer": "items"}}}]),
    );
    (exporter["signal"], holds["signal"]) = ("logs".into(), "logs".into());
    let sender = json!({"id": "sender/test", "kind": "receiver", "type": "sender",
                        "config": {"name": "held"}});
    let spec = json!({"id": "sender/test", "pipeline": "", "lanes": 1, "max_in_flight": 64,
                      "fidelity": "best_effort", "edges": [],
                      "members": [sender, holds, exporter]});
    let mut host = Setup::new(spec).start();
    host.until("it is held", |host| host.members[1].taken() == 1);
    assert!(met("held").is_empty());
    let (members, before) = (std::sync::Arc::clone(&host.members), Instant::now());
    host.finish(&[], PATIENCE);
    assert!(before.elapsed() < PATIENCE / 4);
    assert_eq!(met("held"), ["told Ok(())"]);
    assert_eq!(members[2].exported().unwrap().sent, 1);
}

// Guarantees: an exporter that cannot stand where it does is refused, with its id and the reason.
#[test]
fn where_an_exporter_stands_is_checked() {
    let found = |change: fn(&mut Value)| {
        let mut spec = spec("checked", json!({"timeout": 0}));
        change(&mut spec);
        let findings = Unit::read(&spec).unwrap_err();
        findings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let exit = found(|spec| {
        let edges = spec["edges"].as_array_mut().unwrap();
        edges.push(json!({"number": 1, "direction": "out", "signal": "logs"}));
    });
    assert!(exit.contains("leads out of an exporter"), "{exit}");
    let bare = found(|spec| {
        drop(
            spec["members"][1]
                .as_object_mut()
                .unwrap()
                .remove("sending"),
        )
    });
    assert!(bare.starts_with("obedient/test::sending: "), "{bare}");
    let lanes = found(|spec| spec["lanes"] = 2.into());
    assert!(lanes.starts_with("lanes: "), "{lanes}");
    let before = found(|spec| {
        let members = spec["members"].as_array_mut().unwrap();
        members.swap(0, 1);
        spec["edges"]
            .as_array_mut()
            .unwrap()
            .push(json!({"number": 1, "direction": "out", "signal": "logs"}));
    });
    assert!(before.contains("must be alone as exporter"), "{before}");
}
