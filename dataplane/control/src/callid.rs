//! Call ids: the 64 bits that name one batch in flight, on the ring and on the control channel.
//!
//! | bits | what |
//! |---|---|
//! | 63 | origin: 0 the host started the call, 1 the peer did |
//! | 48..=62 | link number, 1..=32767, given by the host, unique in its process |
//! | 40..=47 | the link's epoch, its low 8 bits |
//! | 0..=39 | sequence, from 1 |
//!
//! `callid.go` is the same in Go; `vectors/callid.json` is read by both. 0 names no call. Operation
//! ids are a space of their own: a plain counter of the host.

use thiserror::Error;

/// The highest link number.
pub const LINK_MAX: u16 = (1 << 15) - 1;
/// The highest sequence: about 10^12 calls per link and epoch.
pub const SEQUENCE_MAX: u64 = (1 << 40) - 1;

const ORIGIN_BIT: u64 = 1 << 63;
const LINK_SHIFT: u32 = 48;
const EPOCH_SHIFT: u32 = 40;

/// Which side started a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A Go caller: the batch crossed from the host to the peer.
    Host,
    /// The engine: the batch crossed from the peer to the host.
    Peer,
}

/// A checked call id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

/// What is wrong with a call id or one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallIdError {
    /// The link number is 0 or above [`LINK_MAX`].
    #[error("link number {0} is outside 1..=32767")]
    Link(u16),
    /// The sequence is 0 or above [`SEQUENCE_MAX`].
    #[error("sequence {0} is outside 1..=1099511627775")]
    Sequence(u64),
}

impl CallId {
    /// Packs the parts. The epoch keeps its low 8 bits.
    ///
    /// # Errors
    /// A link number or sequence outside its range.
    pub fn new(origin: Origin, link: u16, epoch: u32, sequence: u64) -> Result<Self, CallIdError> {
        if link == 0 || link > LINK_MAX {
            return Err(CallIdError::Link(link));
        }
        if sequence == 0 || sequence > SEQUENCE_MAX {
            return Err(CallIdError::Sequence(sequence));
        }
        let origin = match origin {
            Origin::Host => 0,
            Origin::Peer => ORIGIN_BIT,
        };
        let epoch = u64::from(epoch & 0xff) << EPOCH_SHIFT;
        Ok(Self(
            origin | u64::from(link) << LINK_SHIFT | epoch | sequence,
        ))
    }

    /// Checks bits that came from the other side.
    ///
    /// # Errors
    /// Link number 0 or sequence 0; everything else is a call id.
    pub fn from_bits(bits: u64) -> Result<Self, CallIdError> {
        let id = Self(bits);
        if id.link() == 0 {
            return Err(CallIdError::Link(0));
        }
        if id.sequence() == 0 {
            return Err(CallIdError::Sequence(0));
        }
        Ok(id)
    }

    /// The 64 bits that cross.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Which side started the call.
    #[must_use]
    pub const fn origin(self) -> Origin {
        if self.0 & ORIGIN_BIT == 0 {
            Origin::Host
        } else {
            Origin::Peer
        }
    }

    /// The link number, 1..=32767.
    #[must_use]
    pub const fn link(self) -> u16 {
        (self.0 >> LINK_SHIFT) as u16 & LINK_MAX
    }

    /// The low 8 bits of the link's epoch.
    #[must_use]
    pub const fn epoch(self) -> u8 {
        (self.0 >> EPOCH_SHIFT) as u8
    }

    /// The sequence, from 1.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & SEQUENCE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        comment: String,
        bits: String,
        origin: String,
        link: u16,
        epoch: u8,
        sequence: u64,
        valid: bool,
    }

    // Guarantees: both languages give the same bits, and refuse the same ones.
    #[test]
    fn shared_vectors_hold() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/callid.json"))
            .expect("vectors/callid.json");
        assert!(vectors.len() >= 8, "vectors went missing");
        for v in vectors {
            let bits =
                u64::from_str_radix(v.bits.trim_start_matches("0x"), 16).expect("hexadecimal");
            let origin = if v.origin == "peer" {
                Origin::Peer
            } else {
                Origin::Host
            };
            let parsed = CallId::from_bits(bits);
            assert_eq!(parsed.is_ok(), v.valid, "{}", v.comment);
            if let Ok(id) = parsed {
                let parts = (id.origin(), id.link(), id.epoch(), id.sequence());
                assert_eq!(
                    parts,
                    (origin, v.link, v.epoch, v.sequence),
                    "{}",
                    v.comment
                );
            }
            let made = CallId::new(origin, v.link, v.epoch.into(), v.sequence)
                .map(CallId::bits)
                .ok();
            assert_eq!(made, v.valid.then_some(bits), "{}", v.comment);
        }
    }

    proptest! {
        // Guarantees: every part comes back, whatever its neighbours are.
        #[test]
        fn parts_survive(
            peer: bool, link in 1..=LINK_MAX, epoch: u32, sequence in 1..=SEQUENCE_MAX,
        ) {
            let origin = if peer { Origin::Peer } else { Origin::Host };
            let id = CallId::new(origin, link, epoch, sequence).unwrap();
            prop_assert_eq!(CallId::from_bits(id.bits()), Ok(id));
            prop_assert_eq!((id.origin(), id.link()), (origin, link));
            prop_assert_eq!((u32::from(id.epoch()), id.sequence()), (epoch & 0xff, sequence));
        }
    }

    // Guarantees: values that do not fit are refused, never cut.
    #[test]
    fn parts_out_of_range_are_refused() {
        assert_eq!(
            CallId::new(Origin::Host, 0, 1, 1),
            Err(CallIdError::Link(0))
        );
        assert_eq!(
            CallId::new(Origin::Host, 1 << 15, 1, 1),
            Err(CallIdError::Link(1 << 15))
        );
        assert_eq!(
            CallId::new(Origin::Host, 1, 1, 0),
            Err(CallIdError::Sequence(0))
        );
        assert_eq!(
            CallId::new(Origin::Host, 1, 1, 1 << 40),
            Err(CallIdError::Sequence(1 << 40))
        );
    }
}
