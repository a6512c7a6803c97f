//! A side whose other side writes what it likes into its own objects.
//!
//! The host's objects are written to directly, the way a broken or hostile host could; the peer's
//! end runs unchanged. What this does not cover: the other side's file descriptors (`region` tests)
//! and doorbells, which it can fill or make blocking (see the crate's page).

use proptest::prelude::*;

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

/// Scenario: the host sends more messages than it may have unanswered. Guarantees: as many as
/// it may are received, one more is the error `in_flight`; an answer makes room for one.
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
/// `release`, before a slot is claimed there (whose release it would be taken for), and when room is
/// short.
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

#[derive(Debug, Clone)]
enum Step {
    // The host.
    Word {
        index: usize,
        word: usize,
        value: u64,
    },
    Descriptor {
        ahead: u64,
        raw: [u64; 8],
    },
    Message {
        kind: u8,
        edge: u16,
        length: u32,
        call_id: u64,
        block: u32,
        blocks: u32,
    },
    Head(u64),
    Bitmap(usize, u64),
    Sleep(u32),
    SpaceWait(u32),
    Close(u32),
    // The peer.
    Receive,
    EndLease(usize),
    Claim(usize),
    Publish {
        at: usize,
        length: usize,
    },
    Ack(u64),
    Inline(usize),
    Goaway,
}

/// Small numbers, where most limits are, and any.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..20, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

/// A message that is within R-8, except that its slot may overlap a leased one.
fn sound_message() -> impl Strategy<Value = Step> {
    let values = (
        1_u8..6,
        0_u16..2,
        0_u32..4096,
        1_u64..9,
        0_u32..22,
        1_u32..4,
    );
    values.prop_map(|(kind, edge, spare, call_id, third, blocks)| {
        let (block, length) = (third * 3, blocks * 4096 - spare);
        match Kind::from_byte(kind) {
            Some(Kind::Batch | Kind::Preamble) => Step::Message {
                kind,
                edge,
                length,
                call_id,
                block,
                blocks,
            },
            Some(Kind::Inline) => Step::Message {
                kind,
                edge,
                length: spare % 33,
                call_id,
                block: 0,
                blocks: 0,
            },
            _ => Step::Message {
                kind,
                edge,
                length: 0,
                call_id,
                block: 0,
                blocks: 0,
            },
        }
    })
}

fn broken_message() -> impl Strategy<Value = Step> {
    let values = (
        0_u8..7,
        0_u16..3,
        0_u32..20_000,
        0_u64..3,
        0_u32..72,
        0_u32..6,
    );
    values.prop_map(
        |(kind, edge, length, call_id, block, blocks)| Step::Message {
            kind,
            edge,
            length,
            call_id,
            block,
            blocks,
        },
    )
}

fn host_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..8_usize, 0..8_usize, value())
            .prop_map(|(index, word, value)| Step::Word { index, word, value }),
        1 => (0_u64..3, any::<[u64; 8]>()).prop_map(|(ahead, raw)| Step::Descriptor { ahead, raw }),
        40 => sound_message(),
        1 => broken_message(),
        8 => (0_u64..8).prop_map(Step::Head),
        1 => value().prop_map(Step::Head),
        4 => (0..2_u32, 0..8_u32).prop_map(|(word, bit)| Step::Bitmap(word as usize, 1 << bit)),
        1 => (0..2_usize, value()).prop_map(|(word, value)| Step::Bitmap(word, value)),
        4 => any::<u32>().prop_map(Step::Sleep),
        4 => any::<u32>().prop_map(Step::SpaceWait),
        1 => (0_u32..12).prop_map(Step::Close),
    ]
}

fn peer_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Receive),
        6 => any::<usize>().prop_map(Step::EndLease),
        3 => (0_usize..60_000).prop_map(Step::Claim),
        3 => (any::<usize>(), 0_usize..30_000)
            .prop_map(|(at, length)| Step::Publish { at, length }),
        3 => (0_u64..3).prop_map(Step::Ack),
        2 => (0_usize..40).prop_map(Step::Inline),
        1 => Just(Step::Goaway),
    ]
}

fn receive(rig: &mut Rig) -> Result<()> {
    match rig.consumer.try_recv()? {
        Some(Message::Batch { lease, .. } | Message::Preamble(lease)) => {
            assert!(!lease.is_empty());
            // Every byte can be read, whatever the descriptor said.
            std::hint::black_box(lease.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
            rig.leases.push(lease);
        }
        Some(Message::Inline { content, .. }) => assert!(content.len() <= 32),
        _ => {}
    }
    Ok(())
}

fn apply(rig: &mut Rig, position: &mut u64, step: &Step) -> Result<()> {
    match *step {
        Step::Word { index, word, value } => {
            rig.out().descriptor(index)[word].store(value, Relaxed);
        }
        Step::Descriptor { ahead, raw } => rig.write(bytemuck::cast(raw), *position + ahead),
        Step::Message {
            kind,
            edge,
            length,
            call_id,
            block,
            blocks,
        } => {
            let head = sync::load_head(rig.host.shared.outbound.consumer.word64(WORD_HEAD));
            if position.saturating_sub(head) >= u64::from(DESCRIPTORS) {
                // To lap the peer is one fault of many: `Word` and `Descriptor` do it too.
                return Ok(());
            }
            let descriptor = Descriptor {
                kind,
                edge,
                call_id,
                ..batch(block, blocks, length)
            };
            rig.write(descriptor, *position);
            *position += 1;
        }
        Step::Head(value) => sync::store_head(rig.back().word64(WORD_HEAD), value),
        Step::Bitmap(word, value) => sync::toggle_release(rig.back().bitmap(word), value),
        Step::Sleep(value) => rig.back().word32(WORD_SLEEP).store(value, Relaxed),
        Step::SpaceWait(value) => rig.out().word32(WORD_SPACE_WAIT).store(value, Relaxed),
        Step::Close(value) => rig.out().word32(WORD_PRODUCER_CLOSE).store(value, Relaxed),
        Step::Receive => receive(rig)?,
        Step::EndLease(at) if !rig.leases.is_empty() => {
            rig.leases.swap_remove(at % rig.leases.len());
        }
        Step::Claim(bytes) => {
            let mut claim = rig.producer.claim(bytes)?;
            claim.fill(0xA5);
            rig.claims.push(claim);
        }
        Step::Publish { at, length } if !rig.claims.is_empty() => {
            let claim = rig.claims.swap_remove(at % rig.claims.len());
            rig.producer.publish(claim, 0, 1, length)?;
        }
        Step::Ack(call_id) => rig.producer.send_ack(call_id)?,
        Step::Inline(bytes) => rig.producer.send_inline(0, 1, &[7; 40][..bytes])?,
        Step::Goaway => rig.producer.goaway()?,
        Step::EndLease(_) | Step::Publish { .. } => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Scenario: any interleaving of a host that writes anything anywhere in its objects and a peer
    /// that uses every call. Guarantees: no panic and no hang; a violation has a code, which is in
    /// the close words and stays there; every lease stays readable; in the end all leases are gone
    /// from the ledger and all claims can be dropped.
    #[test]
    fn a_hostile_host_gets_named_errors(
        untrusted: bool,
        steps in proptest::collection::vec(prop_oneof![host_step(), peer_step()], 0..120),
    ) {
        let mut rig = Rig::new(if untrusted { Trust::UNTRUSTED } else { trusted() });
        let mut position = 0;
        let mut violated = None;
        for step in &steps {
            let Err(error) = apply(&mut rig, &mut position, step) else { continue };
            match (violated, error.code()) {
                (Some(first), _) => {
                    let own = Some(first) == rig.peer.shared.ending.get().and_then(|ended| Code::from_word(ended.code));
                    prop_assert!(own, "{error} after {first:?}");
                }
                (None, Some(code)) if !error.is_closed() => violated = Some(code),
                _ => {}
            }
        }
        if let Some(code) = violated {
            let word = rig.peer.shared.inbound.consumer.word32(WORD_CONSUMER_CLOSE);
            prop_assert_eq!(sync::load_close(word), code as u32);
        }
        rig.leases.clear();
        prop_assert_eq!(rig.peer.leased_bytes(), 0);
        rig.claims.clear();
    }
}
