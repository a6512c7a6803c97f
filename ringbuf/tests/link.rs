//! Links within one process: what the two ends promise each other.
#![cfg(not(loom))]

mod common;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{fill, is_filled, options, pair, soon};
use strait_ringbuf::layout::BLOCK_BYTES;
use strait_ringbuf::{
    Code, Consumer, Counter, Error, Full, Lease, Message, Policy, Producer, Side, Trust,
};

fn publish(producer: &mut Producer, call_id: u64, length: usize) {
    let mut claim = producer.claim(length).expect("claim");
    fill(&mut claim[..length], call_id);
    producer
        .publish(claim, 0, call_id, length)
        .expect("publish");
}

fn expect_batch(consumer: &mut Consumer) -> (Lease, u64) {
    match consumer.try_recv().expect("receive") {
        Some(Message::Batch {
            lease,
            call_id,
            edge: 0,
            is_final: false,
        }) => (lease, call_id),
        other => panic!("expected a batch, found {other:?}"),
    }
}

/// Guarantees: the ends may go to any thread, and leases may be shared by any.
const _: () = {
    const fn may_move<T: Send + 'static>() {}
    const fn may_be_shared<T: Send + Sync + 'static>() {}
    may_move::<(Producer, Consumer, strait_ringbuf::Claim, Message)>();
    may_be_shared::<(Lease, strait_ringbuf::Handle)>();
};

/// Scenario: one message of each kind. Guarantees: each arrives with its fields and bytes, once,
/// in order, and both sides count it.
#[test]
fn every_kind_arrives_as_it_was_sent() {
    let (host, peer) = pair(&options(8, 16));
    let (mut producer, _, host) = host.split();
    let (_, mut consumer, peer) = peer.split();
    let mut claim = producer.claim_preamble(3).expect("claim");
    claim[..3].copy_from_slice(b"abc");
    producer.publish(claim, 0, 0, 3).expect("publish");
    publish(&mut producer, 7, 5000);
    producer.send_inline(0, 8, b"inline").expect("inline");
    producer.send_ack(9).expect("ack");
    producer.goaway().expect("goaway");

    let Some(Message::Preamble(lease)) = consumer.try_recv().expect("receive") else {
        panic!()
    };
    assert_eq!(&*lease, b"abc");
    let (lease, call_id) = expect_batch(&mut consumer);
    assert_eq!((lease.len(), call_id), (5000, 7));
    assert!(is_filled(&lease, 7));
    let Some(Message::Inline {
        content,
        edge: 0,
        call_id: 8,
        is_final: false,
    }) = consumer.try_recv().unwrap()
    else {
        panic!()
    };
    assert_eq!(&*content, b"inline");
    assert!(matches!(
        consumer.try_recv(),
        Ok(Some(Message::Ack { call_id: 9 }))
    ));
    assert!(matches!(consumer.try_recv(), Ok(Some(Message::Goaway))));
    assert!(matches!(consumer.try_recv(), Ok(None)));
    assert!(matches!(producer.claim(1), Err(Error::Goaway)));
    producer.send_ack(10).expect("acks may follow goaway");
    for (own, other) in [
        (Counter::BatchesPublished, Counter::BatchesReceived),
        (Counter::BatchBytesPublished, Counter::BatchBytesReceived),
        (Counter::InlinePublished, Counter::InlineReceived),
        (Counter::PreamblesPublished, Counter::PreamblesReceived),
    ] {
        assert_ne!(host.counters().get(own), 0);
        assert_eq!(host.counters().get(own), peer.counters().get(other));
        assert_eq!(host.other_counters().get(other), peer.counters().get(other));
    }
}

/// Scenario: a claim is dropped, and another is published shorter than it was claimed. Guarantees:
/// unneeded blocks come back, and the aborted claim's place among the messages in flight too.
#[test]
fn aborted_and_trimmed_claims_give_everything_back() {
    let (host, _peer) = pair(&options(8, 16));
    let (mut producer, _consumer, handle) = host.split();
    let all = 16 * BLOCK_BYTES as usize;
    for _ in 0..100 {
        drop(producer.claim(all).expect("the whole slab"));
    }
    let claim = producer.claim(all).expect("the whole slab");
    assert!(matches!(producer.claim(1), Err(Error::Full(Full::Slab))));
    producer.publish(claim, 0, 1, 1).expect("publish");
    assert_eq!(producer.bytes_in_use(), BLOCK_BYTES as usize);
    assert_eq!(handle.in_flight(), 1);
    assert!(producer.claim(all - BLOCK_BYTES as usize).is_ok());
}

/// Scenario: nobody answers. Guarantees: at most half of the descriptors' number is in flight, and
/// an ack makes room for exactly one.
#[test]
fn in_flight_is_limited_to_half_of_the_descriptors() {
    let (host, peer) = pair(&options(8, 64));
    let (mut producer, mut acks, handle) = host.split();
    let (mut answers, mut consumer, _) = peer.split();
    for call_id in 1..=3 {
        publish(&mut producer, call_id, 1);
    }
    assert!(matches!(
        producer.claim(1),
        Err(Error::Full(Full::Descriptors))
    ));
    for _ in 0..3 {
        expect_batch(&mut consumer);
    }
    publish(&mut producer, 4, 1);
    expect_batch(&mut consumer);
    assert!(matches!(
        producer.claim(1),
        Err(Error::Full(Full::InFlight))
    ));
    assert!(matches!(
        producer.send_inline(0, 5, b""),
        Err(Error::Full(Full::InFlight))
    ));
    answers.send_ack(1).expect("ack");
    assert!(matches!(
        acks.try_recv(),
        Ok(Some(Message::Ack { call_id: 1 }))
    ));
    publish(&mut producer, 5, 1);
    assert!(matches!(
        producer.claim(1),
        Err(Error::Full(Full::InFlight))
    ));
    handle.settle();
    assert_eq!(handle.in_flight(), 3);
    assert!(producer.claim(1).is_ok());
}

/// Scenario: a full ring of messages, none read. Guarantees: acks still find room, half of the ring
/// of them, and so does goaway; one more ack closes the link with the error that the protocol
/// names, and of what was published before the acks are still read.
#[test]
fn acks_and_goaway_find_room_in_a_full_ring() {
    let (host, peer) = pair(&options(8, 64));
    let (mut producer, _host_consumer, _) = host.split();
    let (_peer_producer, mut consumer, _) = peer.split();
    for call_id in 1..=3 {
        publish(&mut producer, call_id, 1);
    }
    assert!(matches!(
        producer.claim(1),
        Err(Error::Full(Full::Descriptors))
    ));
    for call_id in 1..=4 {
        producer.send_ack(call_id).expect("room for acks");
    }
    producer.goaway().expect("room for goaway");
    let error = producer.send_ack(5).expect_err("no room");
    assert_eq!(error.code(), Some(Code::AckOverflow));
    for call_id in 1..=3 {
        assert_eq!(expect_batch(&mut consumer).1, call_id);
    }
    for call_id in 1..=4 {
        let received = consumer.try_recv();
        assert!(matches!(received, Ok(Some(Message::Ack { call_id: id })) if id == call_id));
    }
    assert!(matches!(consumer.try_recv(), Ok(Some(Message::Goaway))));
    let closed = consumer.try_recv().expect_err("closed");
    let code = Code::AckOverflow as u32;
    assert!(matches!(closed, Error::Closed { side: Side::Other, code: c } if c == code));
}

/// Scenario: leases end in another order than they began, and after the link has ended.
/// Guarantees: each slot comes back exactly once; bytes stay readable until then.
#[test]
fn leases_end_in_any_order_and_outlive_the_link() {
    let (host, peer) = pair(&options(16, 32));
    let (mut producer, acks, host) = host.split();
    let (answers, mut consumer, peer) = peer.split();
    for call_id in 1..=6 {
        publish(&mut producer, call_id, 9000);
    }
    let mut leases: Vec<_> = (0..6).map(|_| expect_batch(&mut consumer)).collect();
    assert_eq!(consumer.leased_bytes(), 6 * 3 * BLOCK_BYTES as usize);
    drop(leases.remove(4));
    drop(leases.remove(1));
    drop(
        producer
            .claim(1)
            .expect("claim, which takes back what was released"),
    );
    drop(producer.claim(1).expect("claim"));
    assert_eq!(producer.bytes_in_use(), (4 * 3 + 1) * BLOCK_BYTES as usize);
    let kept = Arc::new(leases.remove(0));
    drop((leases, producer, acks, host, answers, consumer, peer));
    let reader = thread::spawn(move || is_filled(&kept.0, kept.1));
    assert!(reader.join().expect("reader"));
}

/// Scenario: leases exceed what the options say, or the producer is not trusted, or neither.
/// Guarantees: the bytes are copied or in place, 64-byte aligned, equal. A copy of a trusted slot
/// releases it at once, up to the bytes that the options say; one of an untrusted slot keeps it.
#[test]
fn slots_are_copied_when_asked_for_and_when_untrusted() {
    let over_budget = |copied_bytes_max| strait_ringbuf::Options {
        copy_over_leased_bytes: 4096,
        copied_bytes_max,
        ..options(16, 32)
    };
    let untrusted = strait_ringbuf::Options {
        trust: Trust::UNTRUSTED,
        ..options(16, 32)
    };
    for (options, copies, held_blocks) in [
        (over_budget(5003), [false, true], 1),
        (over_budget(5002), [false, false], 3),
        (options(16, 32), [false, false], 3),
        (untrusted, [true, true], 3),
    ] {
        let (host, peer) = pair(&options);
        let (mut producer, _acks, _) = host.split();
        let (_answers, mut consumer, handle) = peer.split();
        publish(&mut producer, 1, 4001);
        publish(&mut producer, 2, 5003);
        let leases = [expect_batch(&mut consumer).0, expect_batch(&mut consumer).0];
        assert_eq!(leases.each_ref().map(Lease::is_copy), copies);
        for (lease, seed) in leases.iter().zip([1, 2]) {
            assert!(is_filled(lease, seed));
            assert_eq!(lease.as_ptr().align_offset(64), 0);
        }
        assert_eq!(handle.leased_bytes(), held_blocks * BLOCK_BYTES as usize);
        let copied = copies.iter().filter(|copy| **copy).count() as u64;
        assert_eq!(handle.counters().get(Counter::BatchesCopied), copied);
        drop(leases);
        assert_eq!(handle.leased_bytes(), 0);
    }
}

/// Scenario: a call that cannot be right. Guarantees: an error that names value and limit, and the
/// link stays open.
#[test]
fn wrong_calls_are_errors_that_leave_the_link_open() {
    let (host, _peer) = pair(&options(8, 16));
    let (mut producer, _consumer, handle) = host.split();
    let slab = 16 * BLOCK_BYTES as usize;
    for bytes in [0, slab + 1, usize::MAX] {
        assert!(
            matches!(producer.claim(bytes), Err(Error::SlotSize { limit, .. }) if limit == slab)
        );
    }
    let claim = producer.claim(1).expect("claim");
    let length = claim.len() + 1;
    assert!(matches!(
        producer.publish(claim, 0, 1, length),
        Err(Error::Length { .. })
    ));
    let claim = producer.claim(1).expect("claim");
    assert!(matches!(
        producer.publish(claim, 1, 1, 1),
        Err(Error::Edge { edge: 1, edges: 1 })
    ));
    assert!(matches!(
        producer.send_inline(0, 1, &[0; 33]),
        Err(Error::InlineSize { bytes: 33, .. })
    ));
    assert!(matches!(producer.send_ack(0), Err(Error::NoCall)));
    assert_eq!(handle.in_flight(), 0);
    handle.check_open().expect("open");
    drop(producer.claim(slab).expect("nothing is held"));
}

/// Scenario: this side closes while acks and batches for it are unread. Guarantees: the acks are
/// read, the batches dropped with their slots released, then the code is the answer; only the first
/// code counts.
#[test]
fn acks_are_drained_after_the_other_side_is_lost() {
    let (host, peer) = pair(&options(8, 16));
    let (mut producer, mut consumer, host) = host.split();
    let (mut answers, _, _) = peer.split();
    publish(&mut answers, 1, 5000);
    answers.send_ack(2).expect("ack");
    answers.send_inline(0, 3, b"x").expect("inline");
    answers.send_ack(4).expect("ack");
    host.peer_lost();
    host.close(Code::Closed);
    assert!(matches!(
        consumer.try_recv(),
        Ok(Some(Message::Ack { call_id: 2 }))
    ));
    assert!(matches!(
        consumer.try_recv(),
        Ok(Some(Message::Ack { call_id: 4 }))
    ));
    let lost = Code::PeerLost as u32;
    for result in [
        consumer.try_recv().map(|_| ()),
        producer.claim(1).map(|_| ()),
    ] {
        assert!(matches!(result, Err(Error::Closed { side: Side::Own, code }) if code == lost));
    }
    assert_eq!(consumer.leased_bytes(), 0);
}

/// Scenario: a thread waits for a message, another for room, with nobody to help. Guarantees: a
/// deadline ends both waits, and so does a close.
#[test]
fn waits_end_at_their_deadline_and_at_a_close() {
    let (host, peer) = pair(&options(8, 16));
    let (mut producer, mut consumer, handle) = host.split();
    let now = Instant::now();
    assert!(matches!(consumer.recv_until_blocking(now), Ok(None)));
    let all = 16 * BLOCK_BYTES as usize;
    let held = producer.claim(all).expect("the whole slab");
    let result = producer.until_blocking(now + Duration::from_millis(1), |p| p.claim(1));
    assert!(matches!(
        result,
        Err(Error::Deadline {
            full: Full::Slab,
            ..
        })
    ));
    assert_eq!(handle.counters().get(Counter::SpaceTimeouts), 1);

    let waits = thread::spawn(move || {
        let room = producer.until_blocking(soon(), |p| p.claim(1)).map(|_| ());
        (room, consumer.recv_until_blocking(soon()).map(|_| ()))
    });
    peer.split().2.close(Code::Content);
    let (room, message) = waits.join().expect("waits");
    for result in [room, message] {
        assert!(matches!(
            result,
            Err(Error::Closed {
                side: Side::Other,
                code: 8
            })
        ));
    }
    drop(held);
}

/// Scenario: a producer waits for room that this side's own thread makes, by dropping a claim.
/// Guarantees: it is woken.
#[test]
fn a_dropped_claim_wakes_the_waiting_producer() {
    let (host, _peer) = pair(&options(8, 16));
    let (mut producer, _consumer, handle) = host.split();
    let held = producer
        .claim(16 * BLOCK_BYTES as usize)
        .expect("the whole slab");
    let waiter = thread::spawn(move || producer.until_blocking(soon(), |p| p.claim(1)).map(|_| ()));
    while handle.counters().get(Counter::SpaceWaits) == 0 {
        thread::yield_now();
    }
    drop(held);
    waiter.join().expect("waiter").expect("room");
}

/// Echoes every batch as an ack after checking its bytes, until the link is closed.
fn answer_all(mut answers: Producer, mut consumer: Consumer) -> u64 {
    let mut received = 0;
    loop {
        match consumer.recv_until_blocking(soon()) {
            Ok(Some(Message::Batch { lease, call_id, .. })) => {
                assert!(is_filled(&lease, call_id), "batch {call_id}");
                drop(lease);
                answers.send_ack(call_id).expect("an ack never waits");
                received += 1;
            }
            Ok(Some(other)) => panic!("unexpected {other:?}"),
            Ok(None) => panic!("a wake-up was lost"),
            Err(Error::Closed { code: 1, .. }) => return received,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Scenario: two threads, a small ring that is mostly full, slots of many sizes. Guarantees: every
/// batch arrives with its bytes and is answered once, and no wake-up is lost on either side.
#[test]
fn two_threads_exchange_batches_through_a_full_ring() {
    const BATCHES: u64 = 4_000;
    let (host, peer) = pair(&options(16, 32));
    let (mut producer, mut acks, handle) = host.split();
    let (answers, consumer, _) = peer.split();
    let other = thread::spawn(move || answer_all(answers, consumer));
    let reader = thread::spawn(move || {
        for _ in 0..BATCHES {
            let message = acks.recv_until_blocking(soon()).expect("receive");
            assert!(matches!(message, Some(Message::Ack { .. })), "{message:?}");
        }
    });
    for call_id in 1..=BATCHES {
        let length = 1 + (call_id as usize * 7919) % (6 * BLOCK_BYTES as usize);
        let mut claim = producer
            .until_blocking(soon(), |p| p.claim(length))
            .expect("room");
        fill(&mut claim[..length], call_id);
        producer
            .publish(claim, 0, call_id, length)
            .expect("publish");
    }
    reader.join().expect("reader");
    assert_eq!(handle.in_flight(), 0);
    handle.close(Code::Closed);
    assert_eq!(other.join().expect("other side"), BATCHES);
    // Everything was released and can be claimed again.
    assert_eq!(handle.other_counters().get(Counter::SlotsReleased), BATCHES);
}

/// Scenario: the same over tokio, both policies, with cancelled receives in between. Guarantees: as
/// above, and a cancelled receive loses nothing.
#[test]
fn tasks_exchange_batches_and_may_cancel_receives() {
    for policy in [Policy::Efficient, Policy::Latency] {
        let options = strait_ringbuf::Options {
            policy,
            ..options(8, 16)
        };
        let (host, peer) = pair(&options);
        let (mut producer, mut acks, _host) = host.split();
        let (mut answers, mut consumer, _peer) = peer.split();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let other = thread::spawn(move || {
            for _ in 0..2000 {
                let message = consumer.recv_until_blocking(soon()).expect("receive");
                let Some(Message::Batch { call_id, .. }) = message else {
                    panic!("{message:?}")
                };
                answers.send_ack(call_id).expect("ack");
            }
        });
        runtime.block_on(async {
            let send = async {
                for call_id in 1..=2000 {
                    let claim = producer
                        .until(soon(), |p| p.claim(9000))
                        .await
                        .expect("room");
                    producer.publish(claim, 0, call_id, 9000).expect("publish");
                }
            };
            let receive = async {
                let mut next = 1;
                while next <= 2000 {
                    tokio::select! {
                        biased;
                        message = acks.recv() => {
                            let Ok(Message::Ack { call_id }) = message else {
                                panic!("{message:?}")
                            };
                            assert_eq!(call_id, next);
                            next += 1;
                        }
                        () = tokio::task::yield_now() => {}
                    }
                }
            };
            tokio::join!(send, receive);
        });
        other.join().expect("other side");
    }
}
