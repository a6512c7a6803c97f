//! Batches of no call, which a node merged or split: whose they are, how many the host has at once,
//! and who hears of their failure.

mod common;

use common::otlp::{Log, request};
use common::{End, Host, Setup, spec};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use strait_engine::{Class, Failure};
use strait_ringbuf::layout::Counter;

const DRAIN: Duration = Duration::from_secs(10);

fn attribute() -> Value {
    json!({"attribute": {"actions": [
        {"action": "rename", "source_key": "a", "destination_key": "b"},
    ]}})
}

fn whole_failure(class: Class) -> Failure {
    Failure {
        class,
        grpc_code: 8,
        http_code: 503,
        retry_delay: Duration::from_secs(7),
        rejected_items: 3,
        message: "slow down".into(),
        component: "otlp_grpc".into(),
    }
}

// Guarantees: every member of a merged batch gets the consumer's failure whole: through one node
// that merges and through two, with a node between them that hands nacks on, that sends again, or
// that has several outputs.
#[test]
fn every_member_gets_the_failure_whole() {
    let merge = |min: u32| {
        json!({"batch": {"otap": {"min_size": min, "sizer": "items"}, "format": "otap",
            "max_batch_duration": "10s"}})
    };
    let retry = json!({"retry": {
        "initial_interval": "1ms", "max_interval": "1ms", "max_elapsed_time": "20ms"}});
    let fan = json!({
        "nodes": {
            "merge": merge(4),
            "split": {"fanout": {"await_ack": "all", "destinations": [
                {"port": "left", "primary": true}, {"port": "right"}]}},
            "l": attribute(), "r": attribute(),
        },
        "connections": [
            {"from": "in", "to": "merge"}, {"from": "merge", "to": "split"},
            {"from": "split[\"left\"]", "to": "l"}, {"from": "split[\"right\"]", "to": "r"},
            {"from": ["l", "r"], "to": "out"},
        ],
    });
    for (name, nodes) in [
        ("one", json!([merge(4)])),
        ("two", json!([merge(2), attribute(), merge(4)])),
        ("with retries between", json!([merge(2), retry, merge(4)])),
        ("several outputs", fan),
    ] {
        for class in [Class::Permanent, Class::Retryable] {
            let mut host = Host::start(nodes.clone());
            let calls: Vec<_> = (0..4)
                .map(|n| host.call(&request(&[Log::new(&n.to_string())])))
                .collect();
            while host.ends.len() < calls.len() {
                host.until("an output or the ends", |host| {
                    !host.outputs.is_empty() || host.ends.len() == 4
                });
                if let Some(output) = host.outputs.pop() {
                    assert_eq!(output.call_id, 0, "{name}: merged");
                    host.fail(output.token, whole_failure(class));
                }
            }
            for call in &calls {
                let End::Failed(failure) = host.end(*call) else {
                    panic!("{name}: acked")
                };
                assert_eq!(failure, whole_failure(class), "{name}");
            }
            host.finish(&calls, DRAIN);
        }
    }
}

// Guarantees: no more batches of no call leave the engine than the host gives credit for, however
// long it takes; every answer lets one more out; nothing is refused, lost or sent twice, and what a
// call's own outputs need is not held back for good.
#[test]
fn credit_bounds_what_the_host_has() {
    const CREDIT: usize = 3;
    let setup = Setup {
        credit: CREDIT,
        max_wait: Duration::from_millis(20),
        ..Setup::new(spec(json!([{"batch": {
            "format": "otap", "max_batch_duration": "1s",
            "otap": {"min_size": 1, "max_size": 1, "sizer": "items"}}}])))
    };
    let mut host = setup.start();
    let logs: Vec<_> = (0..700).map(|n| Log::new(&format!("log {n:03}"))).collect();
    let call = host.call(&request(&logs));
    let (mut seen, mut answered) = (Vec::new(), 0);
    while answered < logs.len() {
        let expected = CREDIT.min(logs.len() - answered);
        host.until("as many as the credit", |host| {
            host.outputs.len() >= expected || !host.ends.is_empty()
        });
        // Nothing more comes, however often it is looked for, also beyond the longest wait for
        // space.
        if answered == 0 {
            let more = host.wait(Duration::from_millis(60), |host| {
                host.outputs.len() > CREDIT
            });
            assert!(!more, "beyond the credit");
        }
        assert!(host.outputs.len() <= CREDIT && host.ends.is_empty());
        let output = host.outputs.remove(0);
        assert_eq!((output.call_id, output.items), (0, 1));
        seen.push(output.bytes.clone());
        host.ack(output.token);
        answered += 1;
    }
    assert_eq!(host.end(call), End::Acked);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), logs.len(), "each log once");
    host.finish(&[call], DRAIN);
}

// Guarantees: a batch of no call waits for space as long as it takes, beyond the longest wait of a
// call's output, and is then delivered.
#[test]
fn a_merged_batch_waits_for_space() {
    let setup = Setup {
        blocks: 16,
        max_wait: Duration::from_millis(20),
        ..Setup::new(spec(json!([{"batch": {"max_batch_duration": "1s",
            "otlp": {"min_size": 1, "max_size": 25_000, "sizer": "bytes"}}}])))
    };
    let mut host = setup.start();
    // Of 6 blocks each: the ring to the host, which reads nothing, has room for two.
    let logs: Vec<_> = (0..3)
        .map(|n| Log::new(&format!("{n}{}", "x".repeat(20_449))))
        .collect();
    let call = host.call(&request(&logs));
    let limit = Instant::now() + common::PATIENCE;
    while host.handle.other_counters().get(Counter::SpaceTimeouts) == 0 {
        host.poll_control();
        assert!(host.ends.is_empty(), "refused: {:?}", host.ends);
        assert!(Instant::now() < limit, "nothing waits for space");
        std::thread::yield_now();
    }
    for _ in &logs {
        let output = host.output();
        assert_eq!((output.call_id, output.items), (0, 1));
        host.ack(output.token);
    }
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], DRAIN);
}
