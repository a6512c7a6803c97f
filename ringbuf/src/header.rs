//! What the link was agreed to be, and the headers that say it.
//!
//! A header is checked in a local copy, completely, before its object is used; the first field that
//! is not as agreed is the error. Getting that copy out of shared memory is left to
//! [`region`](crate::region).

use std::fmt::{Display, LowerHex};

use crate::errors::{Error, Result};
use crate::layout::{self, Direction, Header, ObjectKind};

/// Size of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    descriptors: u32,
    blocks: u32,
}

impl Geometry {
    /// A ring of `descriptors` descriptors and a slab of `blocks` blocks of 4,096 bytes.
    ///
    /// # Errors
    /// [`Error::Geometry`] outside R-4.
    pub fn new(descriptors: u32, blocks: u32) -> Result<Self> {
        let range = layout::MIN_DESCRIPTORS..=layout::MAX_DESCRIPTORS;
        if !range.contains(&descriptors) || !descriptors.is_power_of_two() {
            let expected = "a power of two in 8..=65536";
            return Err(Error::Geometry {
                field: "descriptors",
                found: descriptors,
                expected,
            });
        }
        if !(layout::MIN_BLOCKS..=layout::MAX_BLOCKS).contains(&blocks) {
            let expected = "16..=1048576";
            return Err(Error::Geometry {
                field: "blocks",
                found: blocks,
                expected,
            });
        }
        Ok(Self {
            descriptors,
            blocks,
        })
    }

    /// Number of descriptors.
    #[must_use]
    pub const fn descriptors(self) -> u32 {
        self.descriptors
    }

    /// Number of slab blocks.
    #[must_use]
    pub const fn blocks(self) -> u32 {
        self.blocks
    }

    /// Size of the slab, in bytes.
    #[must_use]
    pub const fn slab_bytes(self) -> usize {
        self.blocks as usize * layout::BLOCK_BYTES as usize
    }
}

/// What the six objects of a link have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Random number.
    pub session: u64,
    /// 1, then one more for every restart of the peer.
    pub epoch: u32,
    /// Size of both rings.
    pub geometry: Geometry,
}

/// One of the six objects of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its ring; of counters, whose they are.
    pub direction: Direction,
}

impl Object {
    /// An object by its kind and direction.
    #[must_use]
    pub const fn new(kind: ObjectKind, direction: Direction) -> Self {
        Self { kind, direction }
    }

    /// Its name in R-3.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.kind, self.direction) {
            (ObjectKind::Producer, Direction::HostToPeer) => "h2p-producer",
            (ObjectKind::Producer, Direction::PeerToHost) => "p2h-producer",
            (ObjectKind::Consumer, Direction::HostToPeer) => "h2p-consumer",
            (ObjectKind::Consumer, Direction::PeerToHost) => "p2h-consumer",
            (ObjectKind::Counters, Direction::HostToPeer) => "host-counters",
            (ObjectKind::Counters, Direction::PeerToHost) => "peer-counters",
        }
    }

    /// The header that the object has in the link `identity`, without build id, CRC and init word.
    #[must_use]
    pub fn header(self, identity: &Identity) -> Header {
        let page = page_bytes();
        let Geometry {
            descriptors,
            blocks,
        } = identity.geometry;
        let ring = Header {
            magic: layout::MAGIC,
            major: layout::MAJOR,
            minor: layout::MINOR,
            byte_order: layout::BYTE_ORDER,
            page_bytes: page,
            line_bytes: layout::LINE_BYTES,
            kind: self.kind as u32,
            direction: self.direction as u32,
            features: layout::FEATURES,
            total_bytes: 0,
            session: identity.session,
            epoch: identity.epoch,
            descriptors,
            block_bytes: layout::BLOCK_BYTES,
            blocks,
            first_offset: layout::first_offset(page),
            slab_offset: 0,
            build_id: [0; 16],
            reserved: [0; 16],
            crc: 0,
            init: 0,
        };
        match self.kind {
            ObjectKind::Producer => Header {
                total_bytes: layout::producer_bytes(descriptors, blocks, page),
                slab_offset: layout::slab_offset(descriptors, page),
                ..ring
            },
            ObjectKind::Consumer => Header {
                total_bytes: layout::consumer_bytes(blocks, page),
                ..ring
            },
            ObjectKind::Counters => Header {
                total_bytes: layout::counters_bytes(page),
                first_offset: layout::COUNTERS_OFFSET as u64,
                descriptors: 0,
                block_bytes: 0,
                blocks: 0,
                ..ring
            },
        }
    }
}

/// The system's page size.
#[must_use]
pub fn page_bytes() -> u32 {
    rustix::param::page_size() as u32
}

/// Checks a copied header against what was agreed.
///
/// # Errors
/// [`Error::Header`] names the first field that is not as agreed.
pub fn check_header(object: Object, expected: &Header, found: &Header) -> Result<()> {
    same_hex(object, "init", layout::INIT, found.init)?;
    let text = |magic: &[u8]| magic.escape_ascii().to_string();
    same(object, "magic", text(&expected.magic), text(&found.magic))?;
    same_hex(object, "byte_order", expected.byte_order, found.byte_order)?;
    same(object, "major", expected.major, found.major)?;
    same_hex(object, "crc", header_crc(found), found.crc)?;
    same(object, "kind", expected.kind, found.kind)?;
    same(object, "direction", expected.direction, found.direction)?;
    same(object, "page_bytes", expected.page_bytes, found.page_bytes)?;
    same(object, "line_bytes", expected.line_bytes, found.line_bytes)?;
    let unknown = found.features & !layout::FEATURES;
    same_hex(
        object,
        "features",
        layout::FEATURES,
        layout::FEATURES | unknown,
    )?;
    same_hex(object, "session", expected.session, found.session)?;
    same(object, "epoch", expected.epoch, found.epoch)?;
    same(
        object,
        "descriptors",
        expected.descriptors,
        found.descriptors,
    )?;
    same(
        object,
        "block_bytes",
        expected.block_bytes,
        found.block_bytes,
    )?;
    same(object, "blocks", expected.blocks, found.blocks)?;
    same(
        object,
        "first_offset",
        expected.first_offset,
        found.first_offset,
    )?;
    same(
        object,
        "slab_offset",
        expected.slab_offset,
        found.slab_offset,
    )?;
    same(
        object,
        "total_bytes",
        expected.total_bytes,
        found.total_bytes,
    )
}

/// The CRC that a header with these fields has.
#[must_use]
pub fn header_crc(header: &Header) -> u32 {
    crc32fast::hash(&bytemuck::bytes_of(header)[..layout::HEADER_CRC_BYTES])
}

pub(crate) fn same<T: PartialEq + Display>(
    object: Object,
    field: &'static str,
    expected: T,
    found: T,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(Error::Header {
        object: object.name(),
        field,
        expected,
        found,
    })
}

pub(crate) fn same_hex<T: PartialEq + LowerHex>(
    object: Object,
    field: &'static str,
    expected: T,
    found: T,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (format!("{expected:#x}"), format!("{found:#x}"));
    Err(Error::Header {
        object: object.name(),
        field,
        expected,
        found,
    })
}
