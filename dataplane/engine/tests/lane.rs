//! The hard questions of a unit, asked over real rings: who gets what, and that every call ends
//! exactly once. Each node by itself is in `every_node`.

mod common;

use common::otlp::{Log, holds, request};
use common::{Control, End, Host, Setup, spec};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use strait_engine::{Class, Failure, LaneStatus};
use strait_ringbuf::layout::Counter;

const DRAIN: Duration = Duration::from_secs(10);

fn attribute() -> Value {
    json!({"attribute": {"actions": [
        {"action": "rename", "source_key": "a", "destination_key": "b"},
    ]}})
}

// Guarantees: nodes do their work.
#[test]
fn a_chain_changes_the_data() {
    let mut host = Host::start(json!([
        attribute(),
        {"attribute": {"actions": [{"action": "delete", "key": "secret"}]}},
    ]));
    let call = host.call(&request(&[Log::new("x")
        .string("a", "kept")
        .string("secret", "gone")]));
    let output = host.output();
    assert!(holds(&output.bytes, "kept") && !holds(&output.bytes, "gone"));
    host.ack(output.token);
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], DRAIN);
}

// Guarantees: a batch of which nothing is left is acked without an output.
#[test]
fn nothing_comes_out() {
    let nodes = json!([{"filter": {"logs": {"include":
        {"severity_number": {"min": 17, "match_undefined": false}}}}}]);
    let mut host = Host::start(nodes);
    let call = host.call(&request(&[Log::new("x"), Log::new("y")]));
    assert_eq!(host.end(call), End::Acked);
    assert!(host.outputs.is_empty());
    host.finish(&[call], DRAIN);
}

fn fanout() -> Value {
    json!({
        "nodes": {
            "split": {"fanout": {"await_ack": "all", "destinations": [
                {"port": "left", "primary": true}, {"port": "right"}]}},
            "l": attribute(),
            "r": {"retry": {"initial_interval": "5ms", "max_elapsed_time": "10s"}},
        },
        "connections": [
            {"from": "in", "to": "split"},
            {"from": "split[\"left\"]", "to": "l"}, {"from": "split[\"right\"]", "to": "r"},
            {"from": ["l", "r"], "to": "out"},
        ],
    })
}

// Guarantees: several outputs of one call all name it, and it ends after all of them.
#[test]
fn two_outputs_of_one_call() {
    let mut host = Host::start(fanout());
    let call = host.call(&request(&[Log::new("x").string("a", "1")]));
    let (first, second) = (host.output(), host.output());
    assert_eq!((first.call_id, second.call_id), (call, call));
    host.ack(first.token);
    host.poll();
    assert!(!host.ends.contains_key(&call));
    host.ack(second.token);
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], DRAIN);
}

// Guarantees: what a retry node sends again is the same data of the same call.
#[test]
fn a_retry_sends_again() {
    let mut host =
        Host::start(json!([{"retry": {"initial_interval": "5ms", "max_elapsed_time": "10s"}}]));
    let call = host.call(&request(&[Log::new("again")]));
    let first = host.output();
    host.fail(first.token, Failure::new(Class::Retryable, "busy"));
    let second = host.output();
    assert_ne!(first.token, second.token);
    assert_eq!((second.call_id, second.bytes), (call, first.bytes));
    host.ack(second.token);
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], DRAIN);
}

fn batch(duration: &str) -> Value {
    json!([{"batch": {
        "otlp": {"min_size": 1_000_000, "sizer": "bytes"}, "max_batch_duration": duration}}])
}

// Guarantees: a merged batch belongs to no call; its answer ends all that are in it.
#[test]
fn merged_calls_end_together() {
    for failed in [false, true] {
        let mut host = Host::start(batch("30ms"));
        let calls: Vec<_> = (0..5)
            .map(|n| host.call(&request(&[Log::new(&n.to_string())])))
            .collect();
        let mut items = 0;
        while items < 5 {
            let output = host.output();
            assert_eq!(output.call_id, 0);
            items += output.items;
            if failed {
                host.fail(output.token, Failure::new(Class::Permanent, "no"));
            } else {
                host.ack(output.token);
            }
        }
        for call in &calls {
            match host.end(*call) {
                End::Acked => assert!(!failed),
                End::Failed(failure) => assert!(failed && failure.class == Class::Permanent),
                End::Answered => panic!("a difference of a whole batch"),
            }
        }
        host.finish(&calls, DRAIN);
    }
}

// Guarantees: what the consumer said comes back whole, not as a string.
#[test]
fn a_failure_keeps_its_parts() {
    let failure = Failure {
        class: Class::Retryable,
        grpc_code: 8,
        http_code: 429,
        retry_delay: Duration::from_millis(1_500),
        rejected_items: 3,
        message: "slow down".into(),
        component: "otlp_grpc".into(),
    };
    let mut host = Host::start(json!([attribute()]));
    let call = host.call(&request(&[Log::new("x").string("a", "1")]));
    let output = host.output();
    host.fail(output.token, failure.clone());
    assert_eq!(host.end(call), End::Failed(failure));
    host.finish(&[call], DRAIN);
}

// Guarantees: a batch that cannot be read is refused, the lane goes on, and says where it was.
#[test]
fn data_that_a_node_cannot_read_is_refused() {
    let mut host = Host::start(json!([attribute()]));
    let bad = host.call(&[0xff; 64]);
    let End::Failed(failure) = host.end(bad) else {
        panic!("accepted")
    };
    assert_eq!(failure.class, Class::Permanent);
    let good = host.call(&request(&[Log::new("x").string("a", "1")]));
    let output = host.output();
    host.ack(output.token);
    assert_eq!(host.end(good), End::Acked);
    host.finish(&[bad, good], DRAIN);
}

// Guarantees: a cancel ends the call at once, wherever its batch is; what comes late is dropped.
#[test]
fn cancel_before_during_and_after() {
    let mut host = Host::start(batch("20ms"));
    // Before: the cancel overtakes its batch.
    let before = host.call_id();
    host.lane.cancel(before);
    host.send(before, &request(&[Log::new("x")]), None);
    let End::Failed(failure) = host.end(before) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Cancelled);
    // During: the batch waits in the engine.
    let during = host.call(&request(&[Log::new("y")]));
    host.lane.cancel(during);
    let End::Failed(failure) = host.end(during) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Cancelled);
    // After: nothing happens any more.
    let after = host.call(&request(&[Log::new("z")]));
    while !host.ends.contains_key(&after) {
        if let Some(output) = host.outputs.pop() {
            host.ack(output.token);
        }
        let ended = after;
        host.until("an output or the end", |host| {
            !host.outputs.is_empty() || host.ends.contains_key(&ended)
        });
    }
    host.lane.cancel(after);
    assert_eq!(host.end(after), End::Acked);
    host.finish(&[before, during, after], DRAIN);
}

// Guarantees: a call does not outlive its deadline.
#[test]
fn a_deadline_ends_the_call() {
    let mut host = Host::start(batch("1h"));
    let call = host.call_id();
    host.send(
        call,
        &request(&[Log::new("x")]),
        Some(Duration::from_millis(30)),
    );
    let End::Failed(failure) = host.end(call) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Deadline);
    // The batch node still has the data, and nobody here answers for what it flushes.
    host.finish(&[call], Duration::from_millis(200));
}

// Guarantees: with both rings full nothing hangs; when the host reads again, all goes on.
#[test]
fn two_full_rings_go_on() {
    let setup = Setup {
        descriptors: 8,
        blocks: 16,
        max_wait: Duration::from_secs(60),
        ..Setup::new(spec(json!([attribute()])))
    };
    let mut host = setup.start();
    let body = request(&[Log::new(&"x".repeat(9000)).string("a", "1")]);
    let mut calls = Vec::new();
    let mut acked = 0;
    while acked < 200 {
        // Fill as far as it goes, without reading; then answer one.
        while calls.len() < 200 {
            let id = host.call_id();
            if !host.try_send(id, &body, None) {
                break;
            }
            calls.push(id);
        }
        let sent = calls.len();
        host.until("an output or room", |host| {
            !host.outputs.is_empty() || (sent < 200 && host.handle.in_flight() < 4)
        });
        if let Some(output) = host.outputs.pop() {
            host.ack(output.token);
            acked += 1;
        }
    }
    let last = *calls.last().unwrap();
    host.until("the last end", |host| {
        host.ends.contains_key(&last) && host.ends.len() == 200
    });
    let ends = host.finish(&calls, DRAIN);
    assert!(ends.values().all(|ends| ends[0] == End::Acked));
}

// Guarantees: a ring that stays full is a retryable error for the calls that find no room in it,
// and for no other; not a hang.
#[test]
fn a_ring_that_stays_full_is_an_error() {
    let setup = Setup {
        blocks: 16,
        max_wait: Duration::from_millis(30),
        ..Setup::new(spec(json!([attribute()])))
    };
    let mut host = setup.start();
    // Two outputs fill the ring to the host, which reads nothing.
    let body = request(&[Log::new(&"x".repeat(30_000)).string("a", "1")]);
    let calls: Vec<_> = (0..3).map(|_| host.call_id()).collect();
    let limit = Instant::now() + common::PATIENCE;
    for id in &calls {
        while !host.try_send(*id, &body, None) {
            assert!(
                Instant::now() < limit,
                "no room for a batch that the lane reads"
            );
            std::thread::yield_now();
        }
    }
    while host.ends.is_empty() {
        host.poll_control();
        assert!(Instant::now() < limit, "no call failed");
        std::thread::yield_now();
    }
    let End::Failed(failure) = host.end(calls[2]) else {
        panic!("acked")
    };
    assert_eq!((failure.class, failure.grpc_code), (Class::Retryable, 8));
    assert!(failure.message.contains("no room"), "{failure}");
    for _ in 0..2 {
        let output = host.output();
        host.ack(output.token);
        assert_eq!(host.end(output.call_id), End::Acked);
    }
    host.finish(&calls, DRAIN);
}

// Guarantees: shutdown ends every call once, also those whose outputs the host still has.
#[test]
fn shutdown_with_batches_in_flight() {
    let mut host = Host::start(json!([attribute()]));
    let calls: Vec<_> = (0..20)
        .map(|n| host.call(&request(&[Log::new(&n.to_string()).string("a", "1")])))
        .collect();
    let first = host.output();
    host.ack(first.token);
    let acked = first.call_id;
    assert_eq!(host.end(acked), End::Acked);
    let ends = host.finish(&calls, Duration::from_millis(400));
    for (id, ends) in ends {
        match &ends[0] {
            End::Acked => assert_eq!(id, acked),
            End::Failed(failure) => assert_eq!(failure.class, Class::Unavailable, "{failure}"),
            End::Answered => panic!("a difference of a whole batch"),
        }
    }
}

// Guarantees: a drain waits for what a batch node holds, and the answers end its calls.
#[test]
fn a_drain_waits_for_held_batches() {
    let mut host = Host::start(batch("100ms"));
    let calls: Vec<_> = (0..4)
        .map(|n| host.call(&request(&[Log::new(&n.to_string())])))
        .collect();
    // What the lane has not read when it is told to stop, it refuses.
    host.until("the lane has taken all calls", |host| {
        host.handle.other_counters().get(Counter::BatchesReceived) == 4
    });
    let lane = Arc::clone(&host.lane);
    let stopping = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(lane.shutdown(Instant::now() + DRAIN))
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
    assert_eq!(host.ends.len(), calls.len());
}

// Guarantees: a call whose id is in flight already ends the link, which says so, and the call that
// was there first ends once.
#[test]
fn a_call_that_comes_again_ends_the_link() {
    let mut host = Host::start(batch("1h"));
    let call = host.call(&request(&[Log::new("x")]));
    host.send(call, &request(&[Log::new("y")]), None);
    host.until("the link's end", |host| {
        let mut statuses = host.events.iter().filter_map(|event| match event {
            Control::Status(LaneStatus::Recoverable, message) => Some(message),
            _ => None,
        });
        statuses.any(|message| message.contains("came again while it was in flight"))
    });
    host.finish(&[call], DRAIN);
}

// Guarantees: a unit whose pipeline cannot be built does not start, and says why.
#[test]
fn a_pipeline_that_cannot_be_built_is_an_answer() {
    let nodes = json!({
        "nodes": {"split": {"fanout": {"destinations": []}}},
        "connections": [{"from": "in", "to": "split"}, {"from": "split", "to": "out"}],
    });
    let Err(failure) = Setup::new(spec(nodes)).try_start() else {
        panic!("started")
    };
    assert!(failure.message.contains("destination"), "{failure}");
}

// Guarantees: nothing is reported where nothing went wrong.
#[test]
fn a_quiet_life_is_quiet() {
    let mut host = Host::start(json!([attribute()]));
    let call = host.call(&request(&[Log::new("x")]));
    let output = host.output();
    host.ack(output.token);
    host.end(call);
    assert!(
        host.events
            .iter()
            .all(|event| !matches!(event, Control::Status(..))),
        "{:?}",
        host.events
    );
    host.finish(&[call], DRAIN);
}
