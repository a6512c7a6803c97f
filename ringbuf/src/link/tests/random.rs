//! Random steps of a host that writes anything anywhere, and of a peer that uses every call.

use super::*;
use crate::errors::Result;
use proptest::prelude::*;

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
        match Kind::from_repr(kind) {
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
                    let ended = rig.peer.shared.ending.get();
                    let own = Some(first) == ended.and_then(|ended| Code::from_repr(ended.code));
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
