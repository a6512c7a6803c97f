//! Every call ends exactly once, whatever happens: random mixes of answers, cancels, deadlines and
//! a shutdown somewhere, over random chains and small rings.

mod common;

use common::otlp::{Log, request};
use common::{End, Setup, spec};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use strait_engine::{Class, Failure};

/// What the host does with one call and its outputs.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Ack,
    Fail(Class),
    CancelBefore,
    CancelAfter,
    Deadline,
    /// The data is not OTLP.
    Garbage,
    /// The output is never answered.
    Silence,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Ack),
        1 => Just(Fate::Fail(Class::Retryable)),
        1 => Just(Fate::Fail(Class::Permanent)),
        1 => Just(Fate::CancelBefore),
        1 => Just(Fate::CancelAfter),
        1 => Just(Fate::Deadline),
        1 => Just(Fate::Garbage),
        1 => Just(Fate::Silence),
    ]
}

fn nodes() -> impl Strategy<Value = Value> {
    let node = prop_oneof![
        Just(json!({"attribute": {"actions": [{"action": "delete", "key": "a"}]}})),
        Just(json!({"retry": {
            "initial_interval": "1ms", "max_interval": "2ms", "max_elapsed_time": "20ms"}})),
        Just(json!({"batch": {
            "otlp": {"min_size": 200, "sizer": "bytes"}, "max_batch_duration": "5ms"}})),
        Just(json!({"filter": {"logs": {"exclude": {
            "severity_number": {"min": 17, "match_undefined": false}}}}})),
    ];
    proptest::collection::vec(node, 1..4).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_call_ends_once(
        nodes in nodes(),
        fates in proptest::collection::vec(fates(), 1..40),
        in_flight in 1u32..6,
    ) {
        let mut unit = spec(nodes);
        unit["max_in_flight"] = json!(in_flight);
        let setup = Setup {
            descriptors: 16,
            blocks: 32,
            max_wait: Duration::from_millis(50),
            ..Setup::new(unit)
        };
        let mut host = setup.start();
        let mut calls = Vec::new();
        let mut by_call = std::collections::HashMap::new();
        for (n, fate) in fates.iter().enumerate() {
            let id = host.call_id();
            let severity = if n % 5 == 0 { 18 } else { 9 };
            let body = match fate {
                Fate::Garbage => vec![0xff; 40],
                _ => request(&[Log::new(&format!("log {n}")).severity(severity).string("a", "b")]),
            };
            let timeout = matches!(fate, Fate::Deadline).then_some(Duration::from_millis(1));
            if matches!(fate, Fate::CancelBefore) {
                host.lane.cancel(id);
            }
            let mut tries = 0;
            while !host.try_send(id, &body, timeout) {
                // Outputs that nobody answers may hold everything up: that is the host's right.
                tries += 1;
                if tries > 20 {
                    break;
                }
                let before = host.ends.len();
                let _ = host.wait(Duration::from_millis(20), |host| {
                    !host.outputs.is_empty() || host.ends.len() > before
                });
                answer(&mut host, &by_call);
            }
            if tries > 20 {
                break;
            }
            calls.push(id);
            by_call.insert(id, *fate);
            if matches!(fate, Fate::CancelAfter) {
                host.lane.cancel(id);
            }
            host.poll();
            answer(&mut host, &by_call);
        }
        let _ = host.wait(Duration::from_millis(50), |host| !host.outputs.is_empty());
        answer(&mut host, &by_call);
        let ends = host.finish(&calls, Duration::from_millis(150));
        for (id, ends) in ends {
            let failed = |class| matches!(&ends[0], End::Failed(failure) if failure.class == class);
            match by_call[&id] {
                Fate::CancelBefore => prop_assert!(failed(Class::Cancelled), "{ends:?}"),
                // A filter may have dropped it, a merged batch may have carried it.
                _ => prop_assert!(!ends.is_empty()),
            }
        }
    }
}

fn answer(host: &mut common::Host, fates: &std::collections::HashMap<u64, Fate>) {
    for output in std::mem::take(&mut host.outputs) {
        match fates.get(&output.call_id) {
            Some(Fate::Fail(class)) => host.fail(output.token, Failure::new(*class, "no")),
            Some(Fate::Silence) => {}
            _ => host.ack(output.token),
        }
    }
}
