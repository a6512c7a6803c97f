//! The two messages of a handshake over a socket, byte by byte (protocol section 8.1).
//!
//! Guarantees that a message of foreign bytes is checked in full before a value of it is used.
//! Sending them, and the file descriptors beside them, is left to [`socket`](super::socket).

use bytemuck::{Pod, Zeroable};

use crate::errors::{Error, Result};
use crate::header::{Geometry, Identity};
use crate::layout;

const MAGIC: [u8; 8] = *b"STRAITHS";
/// Most bytes of a refusal's reason.
pub const REASON_MAX: usize = 1024;
/// Bytes of an [`Offer`].
pub const OFFER_BYTES: usize = size_of::<OfferWire>();
/// Bytes of an [`Answer`], without a reason.
pub const ANSWER_BYTES: usize = size_of::<AnswerWire>();

/// What a host says to its peer, beside its descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What the link is to be.
    pub identity: Identity,
    /// Number of edges of `h2p`.
    pub edges_h2p: u16,
    /// Number of edges of `p2h`.
    pub edges_p2h: u16,
    /// The host's CLOCK_MONOTONIC, in nanoseconds.
    pub clock_ns: u64,
}

/// What a peer says to its host: with its descriptors, or why there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// 0: the link is accepted; else why not, a [`Code`](layout::Code).
    pub code: u32,
    /// The peer's CLOCK_MONOTONIC, in nanoseconds.
    pub clock_ns: u64,
    /// Bytes of the reason, UTF-8, that follow a refusal.
    pub reason_bytes: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct OfferWire {
    magic: [u8; 8],
    major: u16,
    minor: u16,
    epoch: u32,
    session: u64,
    descriptors: u32,
    blocks: u32,
    edges_h2p: u16,
    edges_p2h: u16,
    reserved: u32,
    clock_ns: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct AnswerWire {
    magic: [u8; 8],
    major: u16,
    minor: u16,
    code: u32,
    clock_ns: u64,
    reason_bytes: u32,
    reserved: u32,
}

const _: () = assert!(OFFER_BYTES == 48 && ANSWER_BYTES == 32);

impl Offer {
    /// The message.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; OFFER_BYTES] {
        bytemuck::cast(OfferWire {
            magic: MAGIC,
            major: layout::MAJOR,
            minor: layout::MINOR,
            epoch: self.identity.epoch,
            session: self.identity.session,
            descriptors: self.identity.geometry.descriptors(),
            blocks: self.identity.geometry.blocks(),
            edges_h2p: self.edges_h2p,
            edges_p2h: self.edges_p2h,
            reserved: 0,
            clock_ns: self.clock_ns,
        })
    }

    /// Reads the message.
    ///
    /// # Errors
    /// [`Error::Header`] names the first field that is not as the protocol says.
    pub fn parse(bytes: &[u8; OFFER_BYTES]) -> Result<Self> {
        const WHAT: &str = "offer";
        let wire: OfferWire = bytemuck::pod_read_unaligned(bytes);
        begins(WHAT, wire.magic, wire.major, wire.reserved)?;
        if wire.epoch == 0 {
            return Err(wrong(WHAT, "epoch", "at least 1", 0));
        }
        let geometry =
            Geometry::new(wire.descriptors, wire.blocks).map_err(|error| match error {
                Error::Geometry {
                    field,
                    found,
                    expected,
                } => wrong(WHAT, field, expected, found),
                other => other,
            })?;
        for (field, edges) in [("edges_h2p", wire.edges_h2p), ("edges_p2h", wire.edges_p2h)] {
            if edges == 0 {
                return Err(wrong(WHAT, field, "at least 1", 0));
            }
        }
        Ok(Self {
            identity: Identity {
                session: wire.session,
                epoch: wire.epoch,
                geometry,
            },
            edges_h2p: wire.edges_h2p,
            edges_p2h: wire.edges_p2h,
            clock_ns: wire.clock_ns,
        })
    }
}

impl Answer {
    /// The message; a reason goes behind it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ANSWER_BYTES] {
        bytemuck::cast(AnswerWire {
            magic: MAGIC,
            major: layout::MAJOR,
            minor: layout::MINOR,
            code: self.code,
            clock_ns: self.clock_ns,
            reason_bytes: self.reason_bytes,
            reserved: 0,
        })
    }

    /// Reads the message.
    ///
    /// # Errors
    /// [`Error::Header`] names the first field that is not as the protocol says.
    pub fn parse(bytes: &[u8; ANSWER_BYTES]) -> Result<Self> {
        const WHAT: &str = "answer";
        let wire: AnswerWire = bytemuck::pod_read_unaligned(bytes);
        begins(WHAT, wire.magic, wire.major, wire.reserved)?;
        let most = if wire.code == 0 { 0 } else { REASON_MAX };
        if wire.reason_bytes as usize > most {
            let expected = format!("at most {most}");
            return Err(wrong(WHAT, "reason_bytes", expected, wire.reason_bytes));
        }
        Ok(Self {
            code: wire.code,
            clock_ns: wire.clock_ns,
            reason_bytes: wire.reason_bytes,
        })
    }
}

fn begins(what: &'static str, magic: [u8; 8], major: u16, reserved: u32) -> Result<()> {
    if magic != MAGIC {
        let found = u64::from_le_bytes(magic);
        let expected = format!("{:#x}", u64::from_le_bytes(MAGIC));
        return Err(wrong(what, "magic", expected, format!("{found:#x}")));
    }
    if major != layout::MAJOR {
        return Err(wrong(what, "major", layout::MAJOR, major));
    }
    if reserved != 0 {
        return Err(wrong(what, "reserved", 0, reserved));
    }
    Ok(())
}

fn wrong(
    object: &'static str,
    field: &'static str,
    expected: impl ToString,
    found: impl ToString,
) -> Error {
    Error::Header {
        object,
        field,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
