//! A side whose other side writes what it likes into its own objects.
//!
//! The host's objects are written to directly, the way a broken or hostile host could; the peer's
//! end runs unchanged. What this does not cover: the other side's file descriptors (`region` tests)
//! and doorbells, which it can fill or make blocking (see the crate's page).

mod random;

use super::*;
use crate::errors::{Error, Side};
use crate::handshake::{HostPending, accept};
use crate::header::{Geometry, Identity};
use crate::layout::{Descriptor, Kind, WORD_CONSUMER_CLOSE, WORD_HEAD};
use crate::layout::{WORD_PRODUCER_CLOSE, WORD_SLEEP, WORD_SPACE_WAIT};
use crate::sync;
use crate::trust::Trust;
use crate::{Claim, Lease, Message};
use std::sync::atomic::Ordering::Relaxed;

const DESCRIPTORS: u32 = 8;
const BLOCKS: u32 = 70;

/// A host that can write anywhere in its objects, and a peer.
struct Rig {
    host: Handle,
    /// Dropping them would end the link.
    _host_ends: (Producer, Consumer),
    producer: Producer,
    consumer: Consumer,
    peer: Handle,
    leases: Vec<Lease>,
    claims: Vec<Claim>,
}

/// The other side is this test.
#[allow(unsafe_code)]
fn trusted() -> Trust {
    // SAFETY: the tests read the slots that they write to only before or after that, never during.
    unsafe { Trust::trusted() }
}

/// The host's end and the peer's.
fn links(trust: Trust) -> [Link; 2] {
    let geometry = Geometry::new(DESCRIPTORS, BLOCKS).expect("geometry");
    let identity = Identity {
        session: 1,
        epoch: 1,
        geometry,
    };
    let options = Options {
        trust,
        edges_in: 2,
        ..Options::new(identity)
    };
    let pending = HostPending::create(&options).expect("host's objects");
    let fds = pending
        .fds()
        .try_map(|fd| fd.try_clone_to_owned())
        .expect("duplicate");
    let (peer, answer) = accept(&options, fds).expect("peer's end");
    [pending.complete(&answer).expect("host's end"), peer]
}

impl Rig {
    fn new(trust: Trust) -> Self {
        let [host, peer] = links(trust);
        let (out, back, host) = host.split();
        let (producer, consumer, peer) = peer.split();
        Self {
            host,
            _host_ends: (out, back),
            producer,
            consumer,
            peer,
            leases: Vec::new(),
            claims: Vec::new(),
        }
    }

    fn out(&self) -> &Mapping {
        &self.host.shared.outbound.producer
    }

    fn back(&self) -> &Mapping {
        &self.host.shared.inbound.consumer
    }

    /// Writes a descriptor as the host's producer would.
    fn write(&self, descriptor: Descriptor, position: u64) {
        let cell = self
            .out()
            .descriptor((position % u64::from(DESCRIPTORS)) as usize);
        sync::publish(
            cell,
            &Descriptor {
                sequence: position + 1,
                ..descriptor
            },
        );
    }

    /// The peer has found an error with this code, told the host, and answers nothing else since.
    fn assert_closed_with(&mut self, error: &Error, code: Code) {
        assert_eq!(error.code(), Some(code), "{error}");
        let words = [
            self.peer
                .shared
                .outbound
                .producer
                .word32(WORD_PRODUCER_CLOSE),
            self.peer
                .shared
                .inbound
                .consumer
                .word32(WORD_CONSUMER_CLOSE),
        ];
        assert_eq!(words.map(sync::load_close), [code as u32; 2]);
        assert_eq!(self.peer.counters().get(Counter::ProtocolErrors), 1);
        for result in [
            self.consumer.try_recv().map(|_| ()),
            self.producer.send_ack(1),
        ] {
            assert!(
                matches!(
                    result,
                    Err(Error::Closed {
                        side: Side::Own,
                        ..
                    })
                ),
                "{result:?}"
            );
        }
        let seen = self.host.check_open().expect_err("closed");
        assert_eq!(seen.code(), Some(code), "{seen}");
    }
}

fn batch(block: u32, blocks: u32, length: u32) -> Descriptor {
    Descriptor::slot(
        Kind::Batch,
        0,
        1,
        crate::descriptor::Run { block, blocks },
        length,
    )
}

/// Scenario: a slot overlaps one that is still leased. Guarantees: the error `descriptor`.
#[test]
fn a_slot_over_a_leased_one_is_an_error() {
    let mut rig = Rig::new(trusted());
    rig.write(batch(62, 4, 4 * 4096), 0);
    rig.write(batch(65, 1, 1), 1);
    let lease = rig.consumer.try_recv().expect("receive").expect("a batch");
    let error = rig.consumer.try_recv().expect_err("overlap");
    assert!(matches!(
        error,
        Error::Descriptor {
            field: "block",
            found: 65,
            position: 1,
            ..
        }
    ));
    rig.assert_closed_with(&error, Code::Descriptor);
    drop(lease);
}

/// Scenario: the sequence skips one. Guarantees: the error `sequence`.
#[test]
fn a_skipped_sequence_is_an_error() {
    let mut rig = Rig::new(trusted());
    rig.write(Descriptor::ack(1), 8);
    let error = rig.consumer.try_recv().expect_err("a lap ahead");
    assert!(matches!(
        error,
        Error::Sequence {
            position: 0,
            empty: 0,
            found: 9
        }
    ));
    rig.assert_closed_with(&error, Code::Sequence);
}

/// Scenario: the head runs past the tail, seen by a producer that needs room. Guarantees: the error
/// `head`.
#[test]
fn a_head_past_the_tail_is_an_error() {
    let mut rig = Rig::new(trusted());
    for call_id in 1..=3 {
        rig.producer.send_inline(0, call_id, b"").expect("room");
    }
    sync::store_head(rig.back().word64(WORD_HEAD), 4);
    let error = rig.producer.send_inline(0, 4, b"").expect_err("head");
    assert!(matches!(
        error,
        Error::Head {
            last: 0,
            tail: 3,
            found: 4
        }
    ));
    rig.assert_closed_with(&error, Code::Head);
}

/// Scenario: the host sends more messages than it may have unanswered. Guarantees: as many
/// as it may are received, one more is the error `in_flight`; an answer makes room for one.
#[test]
fn an_unanswered_message_too_many_is_an_error() {
    let mut rig = Rig::new(trusted());
    let inline = |call_id| Descriptor::inline(0, call_id, b"").expect("fits");
    for position in 0..4 {
        rig.write(inline(position + 1), position);
        let message = rig.consumer.try_recv();
        assert!(matches!(message, Ok(Some(Message::Inline { .. }))));
    }
    rig.producer.send_ack(1).expect("ack");
    rig.write(inline(5), 4);
    rig.consumer.try_recv().expect("room for one").expect("it");
    rig.write(inline(6).into_final(), 5);
    rig.consumer.try_recv().expect("not counted").expect("it");
    rig.write(inline(7), 6);
    let error = rig.consumer.try_recv().expect_err("one too many");
    let wanted = Error::InFlight {
        position: 6,
        limit: 4,
    };
    assert_eq!(error.to_string(), wanted.to_string());
    rig.assert_closed_with(&error, Code::InFlight);
}

/// Scenario: a release bit changes inside a published slot. Guarantees: the error `release`.
#[test]
fn a_release_inside_a_slot_is_an_error() {
    let mut rig = Rig::new(trusted());
    let claim = rig.producer.claim(8192).expect("claim");
    rig.producer.publish(claim, 0, 1, 8192).expect("publish");
    sync::toggle_release(rig.back().bitmap(0), 2);
    let error = rig.producer.claim(1).expect_err("release");
    assert!(matches!(error, Error::Release { block: 1, .. }));
    rig.assert_closed_with(&error, Code::Release);
}

/// Scenario: a release bit changes while no slot is published near it. Guarantees: the error
/// `release`, before a slot is claimed there (whose release it would be taken for), and when room
/// is short.
#[test]
fn a_release_of_nothing_is_an_error() {
    let last = BLOCKS - 1;
    for (block, bytes) in [(0, 1), (last, (BLOCKS as usize - 1) * 4096)] {
        let mut rig = Rig::new(trusted());
        sync::toggle_release(rig.back().bitmap(block as usize / 64), 1 << (block % 64));
        let held = (block == last).then(|| rig.producer.claim(bytes));
        let error = rig.producer.claim(2 * 4096).expect_err("release");
        assert!(
            matches!(error, Error::Release { block: found, .. } if found == block),
            "{error}"
        );
        drop(held);
        rig.assert_closed_with(&error, Code::Release);
        assert_eq!(
            rig.producer.bytes_in_use(),
            bytes * usize::from(block == last)
        );
        assert_eq!(rig.peer.in_flight(), 0);
    }
}

/// Scenario: a close word with a code that nobody knows. Guarantees: closed, and the code is named.
#[test]
fn an_unknown_close_code_closes_the_link() {
    let mut rig = Rig::new(trusted());
    rig.out().word32(WORD_PRODUCER_CLOSE).store(77, Relaxed);
    let error = rig.consumer.try_recv().expect_err("closed");
    assert_eq!(
        error.to_string(),
        "the other side has closed the link: unknown code 77"
    );
}

/// Scenario: the other side is lost, and what it left is broken. Guarantees: its acks before that
/// are read, then the link has ended as lost, again and again.
#[test]
fn a_broken_rest_of_a_lost_side_ends_the_draining() {
    let mut rig = Rig::new(trusted());
    rig.write(Descriptor::ack(5), 0);
    rig.write(batch(0, 0, 0), 1);
    rig.peer.peer_lost();
    let first = rig.consumer.try_recv();
    assert!(
        matches!(first, Ok(Some(Message::Ack { call_id: 5 }))),
        "{first:?}"
    );
    for _ in 0..2 {
        let error = rig.consumer.try_recv().expect_err("ended");
        assert_eq!(error.code(), Some(Code::PeerLost));
        assert!(error.is_closed());
    }
}

/// Scenario: three times, the peer sleeps in tokio while the host, which rings later, publishes two
/// messages. Guarantees: nothing is rung before the host does; it is then rung once for both, wakes
/// the peer each time, and ringing again does nothing.
#[test]
fn messages_published_in_a_row_are_rung_for_once() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let [host, peer] = links(trusted());
    let (mut producer, _acks, handle) = host.split();
    let (_answers, mut consumer, _peer) = peer.split();
    let rung = || handle.counters().get(Counter::DataDoorbells);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        producer.ring_later();
        for round in 0..3 {
            let before = {
                let mut first = pin!(consumer.recv());
                let poll = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(matches!(poll, Poll::Pending), "{poll:?}");
                let before = rung();
                for call_id in [1, 2] {
                    producer.send_ack(2 * round + call_id).expect("ack");
                }
                assert_eq!(rung(), before);
                producer.ring();
                assert_eq!(rung(), before + 1);
                let message = first.await.expect("receive");
                assert!(matches!(message, Message::Ack { call_id } if call_id == 2 * round + 1));
                before
            };
            producer.ring();
            assert_eq!(rung(), before + 1);
            let message = consumer.recv().await.expect("receive");
            assert!(matches!(message, Message::Ack { call_id } if call_id == 2 * round + 2));
        }
    });
}
