//! The five ordering pairs of protocol section 6 under every interleaving and every value that the
//! memory model allows.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p strait-ringbuf --test loom --release`.
//!
//! Each scenario runs the functions of `sync` and the cursors over words on the heap. Memory that a
//! pair protects is a loom cell, which reports two accesses that are not ordered; a lost wake-up is
//! reported as a deadlock. Each scenario is then run again with one ordering weakened at a time,
//! and must fail: so each ordering is both enough and needed.
//!
//! What this does not prove: that the mapped objects hold these words at these offsets (vectors and
//! interop do), and more than the few messages and threads of each scenario.
#![cfg(loom)]
#![allow(unsafe_code)] // loom's cells give pointers.

mod ring;

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::Arc;
use loom::thread;
use ring::{Consumer, DESCRIPTORS, Producer, Words, batch};
use strait_ringbuf::budget::Budget;
use strait_ringbuf::ending::Ending;
use strait_ringbuf::errors::Side;
use strait_ringbuf::layout::{Code, Descriptor};
use strait_ringbuf::sync::{self, Site};

/// Scenario: one batch. Guarantees: who sees its sequence sees its fields and its slot.
fn publish() {
    let words = Words::new();
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || {
        words.write_slot(77);
        Producer::new(&words).publish(batch(5));
    });
    if let Some(descriptor) = consumer.next() {
        assert_eq!(
            descriptor,
            Descriptor {
                sequence: 1,
                ..batch(5)
            }
        );
        assert_eq!(consumer.words.read_slot(), 77);
    }
    other.join().unwrap();
}

/// Scenario: the ring laps. Guarantees: a descriptor is written again only after it was copied.
fn free_head() {
    let words = Words::new();
    let mut producer = Producer::new(&words);
    producer.publish(batch(1));
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || assert_eq!(consumer.next().expect("published").call_id, 1));
    if producer.has_room() {
        // Not through `publish`: it would write at index 1 first, and make a fence.
        producer.words.places[0].with_mut(|_| ());
    }
    other.join().unwrap();
}

/// Scenario: a slot is released. Guarantees: it is written again only after its last read.
fn free_release() {
    let words = Words::new();
    words.write_slot(1);
    let mut producer = Producer::new(&words);
    producer.publish(batch(1));
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || {
        consumer.next().expect("published");
        assert_eq!(consumer.words.read_slot(), 1);
        consumer.release(1);
    });
    if sync::load_release(&producer.words.bitmap) != 0 {
        producer.words.write_slot(2);
    }
    other.join().unwrap();
}

/// Scenario: the consumer goes to sleep while a batch is published. Guarantees: it gets it.
fn wake() {
    let words = Words::new();
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || Producer::new(&words).publish(batch(1)));
    assert_eq!(consumer.wait().call_id, 1);
    other.join().unwrap();
}

/// Scenario: the producer waits for a descriptor while one is freed. Guarantees: it gets it.
fn space_head() {
    let words = Words::new();
    let mut producer = Producer::new(&words);
    producer.publish(batch(1));
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || consumer.next().expect("published"));
    producer.wait_for_room();
    other.join().unwrap();
}

/// Scenario: the producer waits for two slots while their leases end in two threads. Guarantees: it
/// is woken.
fn space_release() {
    let words = Words::new();
    let mut producer = Producer::new(&words);
    let consumer = Arc::new(Consumer::new(&words));
    let others = [1, 2].map(|bit| {
        let consumer = Arc::clone(&consumer);
        thread::spawn(move || consumer.release(bit))
    });
    producer.wait_for_release(3);
    for other in others {
        other.join().unwrap();
    }
}

/// Scenario: a side publishes and then closes. Guarantees: who sees the close sees the batch.
fn close() {
    let words = Words::new();
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || {
        Producer::new(&words).publish_quietly(batch(1));
        sync::store_close(&words.close, 1);
    });
    if consumer.next().is_none() && sync::load_close(&consumer.words.close) != 0 {
        assert!(consumer.next().is_some(), "published before the close");
    }
    other.join().unwrap();
}

/// Scenario: one thread of a side notices that the other side has published and then closed, and
/// another finds the side's own state. Guarantees: who finds the end sees the batch.
fn noticed() {
    let words = Words::new();
    let mut consumer = Consumer::new(&words);
    let ending = Arc::new(Ending::default());
    let closer = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            Producer::new(&words).publish_quietly(batch(1));
            sync::store_close(&words.close, 1);
        }
    });
    let looker = thread::spawn({
        let ending = Arc::clone(&ending);
        move || ending.look([&words.close, &words.close])
    });
    if let Some(ended) = ending.get() {
        assert_eq!((ended.side, ended.code), (Side::Other, 1));
        assert!(consumer.next().is_some(), "published before the close");
    }
    closer.join().unwrap();
    looker.join().unwrap();
}

/// Scenario: two threads end a link with different codes. Guarantees: one is first, and the state
/// and both words say its code.
fn two_ends() {
    let words = Words::new();
    let ending = Arc::new(Ending::default());
    let end = |code| {
        let (words, ending) = (Arc::clone(&words), Arc::clone(&ending));
        move || ending.end(code, [&words.close, &words.sleep])
    };
    let other = thread::spawn(end(Code::PeerLost));
    let first = end(Code::Closed)();
    assert_ne!(first, other.join().unwrap());
    let code = if first { Code::Closed } else { Code::PeerLost } as u32;
    let ended = ending.get().expect("ended");
    assert_eq!((ended.side, ended.code), (Side::Own, code));
    let said = [&words.close, &words.sleep].map(sync::load_close);
    assert_eq!(said, [code; 2]);
}

/// Scenario: a sender that may have one message in flight sends two, the second when it has read
/// the ack of the first; the receiver counts down before it publishes that ack. Guarantees: the
/// receiver never counts two.
fn budget() {
    let (there, back) = (Words::new(), Words::new());
    let mut consumer = Consumer::new(&there);
    let unanswered = Arc::new(Budget::new(DESCRIPTORS));
    let sender = thread::spawn({
        let (there, mut acks) = (Arc::clone(&there), Consumer::new(&back));
        move || {
            let mut producer = Producer::new(&there);
            producer.publish_quietly(batch(1));
            if acks.next().is_some() {
                producer.publish_quietly(batch(2));
            }
        }
    });
    if consumer.next().is_some() {
        assert!(unanswered.begin());
        let answerer = thread::spawn({
            let unanswered = Arc::clone(&unanswered);
            move || {
                unanswered.end();
                Producer::new(&back).publish_quietly(batch(1));
            }
        });
        if consumer.next().is_some() {
            assert!(unanswered.begin(), "an honest sender");
        }
        answerer.join().unwrap();
    }
    sender.join().unwrap();
}

/// Scenario: two batches through a ring that holds one, both sides sleeping when they must.
/// Guarantees: both arrive, in order.
fn exchange() {
    let words = Words::new();
    let mut producer = Producer::new(&words);
    let mut consumer = Consumer::new(&words);
    let other = thread::spawn(move || {
        for call_id in 1..=2 {
            assert_eq!(consumer.wait().call_id, call_id);
        }
    });
    for call_id in 1..=2 {
        producer.wait_for_room();
        producer.publish(batch(call_id));
    }
    other.join().unwrap();
}

fn model(scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scenario);
}

/// Passes as it is, and fails with each of `sites` weakened.
fn needs(scenario: fn(), sites: &[Site]) {
    model(scenario);
    for site in sites {
        sync::weaken(Some(*site));
        let result = catch_unwind(AssertUnwindSafe(|| model(scenario)));
        sync::weaken(None);
        assert!(
            result.is_err(),
            "the scenario passes with {site:?} weakened"
        );
    }
}

#[test]
fn publish_is_enough_and_needed() {
    needs(publish, &[Site::PublishStore, Site::PublishLoad]);
}

#[test]
fn free_of_descriptors_is_enough_and_needed() {
    needs(free_head, &[Site::HeadStore, Site::HeadLoad]);
}

#[test]
fn free_of_slots_is_enough_and_needed() {
    needs(free_release, &[Site::ReleaseStore, Site::ReleaseLoad]);
}

#[test]
fn wake_is_enough_and_needed() {
    needs(wake, &[Site::SleeperFence, Site::WakerFence]);
}

#[test]
fn space_of_descriptors_is_enough_and_needed() {
    needs(space_head, &[Site::SleeperFence, Site::WakerFence]);
}

#[test]
fn space_of_slots_is_enough_and_needed() {
    needs(space_release, &[Site::SleeperFence, Site::WakerFence]);
}

#[test]
fn close_is_enough_and_needed() {
    needs(close, &[Site::CloseStore, Site::CloseLoad]);
}

// Loom finds no failure with `StateStore` or `StateLoad` weakened: this shows that the two are
// enough, not that they are needed.
#[test]
fn a_noticed_end_is_enough() {
    model(noticed);
}

#[test]
fn two_ends_agree() {
    model(two_ends);
}

#[test]
fn an_honest_sender_is_never_refused() {
    model(budget);
}

#[test]
fn batches_are_exchanged() {
    model(exchange);
}
