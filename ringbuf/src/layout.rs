//! The shared objects byte by byte: structures, offsets, constants (protocol sections 1, 2, 7).
//!
//! This module is the one source of the layout: the Go constants
//! (`go/ring/layout_gen.go`) are generated from it, and a test fails when the two differ. It
//! guarantees at compile time that every structure has the documented size and offsets, without
//! padding. It holds no logic beyond arithmetic over sizes; reading and checking is left to
//! [`header`](crate::layout) and [`descriptor`](crate::layout).

use std::mem::{offset_of, size_of};

use bytemuck::{Pod, Zeroable};
use strum::{Display, FromRepr, IntoStaticStr, VariantArray};

/// First eight bytes of every object.
pub const MAGIC: [u8; 8] = *b"STRAITRB";
/// Major version of the protocol; another one is refused.
pub const MAJOR: u16 = 1;
/// Minor version of the protocol; a higher one is accepted.
pub const MINOR: u16 = 0;
/// Value of [`Header::byte_order`] as a little-endian writer stores it.
pub const BYTE_ORDER: u32 = 0x0102_0304;
/// Distance between words of different writers, in bytes.
pub const LINE_BYTES: u32 = 128;
/// Size of a slab block, in bytes.
pub const BLOCK_BYTES: u32 = 4096;
/// Value of [`Header::init`], stored last.
pub const INIT: u32 = 0x5354_524E;
/// Feature bits that this implementation knows.
pub const FEATURES: u64 = 0;
/// Smallest page size that R-6 accepts, in bytes.
pub const MIN_PAGE_BYTES: u32 = 4096;

/// Smallest number of descriptors.
pub const MIN_DESCRIPTORS: u32 = 8;
/// Largest number of descriptors.
pub const MAX_DESCRIPTORS: u32 = 65_536;
/// Smallest number of slab blocks.
pub const MIN_BLOCKS: u32 = 16;
/// Largest number of slab blocks.
pub const MAX_BLOCKS: u32 = 1_048_576;

/// Offset of `space_wait` (u32) in a producer object.
pub const WORD_SPACE_WAIT: usize = 1024;
/// Offset of `close` (u32) in a producer object.
pub const WORD_PRODUCER_CLOSE: usize = 1152;
/// Offset of `head` (u64) in a consumer object.
pub const WORD_HEAD: usize = 1024;
/// Offset of `sleep` (u32) in a consumer object.
pub const WORD_SLEEP: usize = 1152;
/// Offset of `close` (u32) in a consumer object.
pub const WORD_CONSUMER_CLOSE: usize = 1280;
/// Offset of the first counter (u64) in a counters object.
pub const COUNTERS_OFFSET: usize = 1024;

/// Flag of a descriptor (batch, inline): the message wants no answer.
pub const FLAG_FINAL: u8 = 1;
/// Bytes of an inline message that a descriptor holds.
pub const INLINE_BYTES: usize = 32;
/// Size of a [`Header`], in bytes.
pub const HEADER_BYTES: usize = size_of::<Header>();
/// How many bytes of a [`Header`] its `crc` covers.
pub const HEADER_CRC_BYTES: usize = offset_of!(Header, crc);
/// Size of a [`Descriptor`], in bytes.
pub const DESCRIPTOR_BYTES: usize = size_of::<Descriptor>();

/// The header at offset 0 of every object (section 1.2).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`MAJOR`].
    pub major: u16,
    /// [`MINOR`].
    pub minor: u16,
    /// [`BYTE_ORDER`].
    pub byte_order: u32,
    /// The writer's page size, in bytes.
    pub page_bytes: u32,
    /// [`LINE_BYTES`].
    pub line_bytes: u32,
    /// An [`ObjectKind`].
    pub kind: u32,
    /// A [`Direction`]; of counters objects 0 for the host's, 1 for the peer's.
    pub direction: u32,
    /// Feature bits.
    pub features: u64,
    /// Size of the object, in bytes.
    pub total_bytes: u64,
    /// Random number, the same in the six objects of a link.
    pub session: u64,
    /// 1, then one more for every restart of the peer.
    pub epoch: u32,
    /// Number of descriptors; 0 in counters objects.
    pub descriptors: u32,
    /// [`BLOCK_BYTES`]; 0 in counters objects.
    pub block_bytes: u32,
    /// Number of slab blocks; 0 in counters objects.
    pub blocks: u32,
    /// Offset of descriptors, bitmap or counters.
    pub first_offset: u64,
    /// Offset of the slab; 0 in other objects than a producer's.
    pub slab_offset: u64,
    /// Names the writer's build, for messages only.
    pub build_id: [u8; 16],
    /// Zeros.
    pub reserved: [u8; 16],
    /// CRC-32 (IEEE) of the bytes before it.
    pub crc: u32,
    /// [`INIT`], stored last (Release).
    pub init: u32,
}

/// One entry of the descriptor ring (section 2).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Descriptor {
    /// Position + 1, stored last (pair *publish*).
    pub sequence: u64,
    /// A [`Kind`].
    pub kind: u8,
    /// [`FLAG_FINAL`] or 0.
    pub flags: u8,
    /// Crossing point of the unit.
    pub edge: u16,
    /// Bytes used in the slot, or in `inline`.
    pub length: u32,
    /// Call, egress token, or what an ack answers.
    pub call_id: u64,
    /// First block of the slot.
    pub block: u32,
    /// Blocks of the slot.
    pub blocks: u32,
    /// Bytes of an inline message.
    pub inline: [u8; INLINE_BYTES],
}

/// What an object is (section 1).
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// Written by a ring's producer.
    Producer = 1,
    /// Written by a ring's consumer.
    Consumer = 2,
    /// Counters of one side.
    Counters = 3,
}

/// Which way a ring runs.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Host to peer.
    HostToPeer = 0,
    /// Peer to host.
    PeerToHost = 1,
}

/// What a descriptor carries.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRepr)]
pub enum Kind {
    /// A slot that wants an answer.
    Batch = 1,
    /// Up to [`INLINE_BYTES`] bytes in the descriptor itself; wants an answer.
    Inline = 2,
    /// The answer to a batch or an inline message.
    Ack = 3,
    /// A slot for the layer above, released as soon as it was copied.
    Preamble = 4,
    /// No batch or inline message follows.
    Goaway = 5,
}

impl Kind {
    /// Whether a message of this kind carries a slot.
    #[must_use]
    pub const fn has_slot(self) -> bool {
        matches!(self, Self::Batch | Self::Preamble)
    }

    /// Whether a message of this kind wants an answer.
    #[must_use]
    pub const fn wants_answer(self) -> bool {
        matches!(self, Self::Batch | Self::Inline)
    }
}

/// Why a link was closed (section 5). Its words are those of the protocol's table.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, FromRepr, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// Orderly end.
    Closed = 1,
    ///
    Header = 2,
    ///
    Sequence = 3,
    ///
    Descriptor = 4,
    ///
    Head = 5,
    ///
    Release = 6,
    ///
    AckOverflow = 7,
    /// The slot's content is not valid (said by the layer above).
    Content = 8,
    /// The other side's process has ended, or hung up.
    PeerLost = 9,
    /// The side's program failed and left the link without ending it.
    Abandoned = 10,
    /// more unanswered messages than the sender may have.
    InFlight = 11,
}

/// Index of a counter (section 7). Its words are those of the protocol's table.
#[repr(usize)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Counter {
    /// Batches published.
    BatchesPublished = 0,
    /// Bytes of batches published.
    BatchBytesPublished = 1,
    /// Batches received.
    BatchesReceived = 2,
    /// Bytes of batches received.
    BatchBytesReceived = 3,
    /// Acks published.
    AcksPublished = 4,
    /// Acks received.
    AcksReceived = 5,
    /// Inline messages published.
    InlinePublished = 6,
    /// Inline messages received.
    InlineReceived = 7,
    /// Preambles published.
    PreamblesPublished = 8,
    /// Preambles received.
    PreamblesReceived = 9,
    /// Data doorbells rung.
    DataDoorbells = 10,
    /// Space doorbells rung.
    SpaceDoorbells = 11,
    /// Sleeps of the consumer.
    Sleeps = 12,
    /// Waits for space.
    SpaceWaits = 13,
    /// Waits for space that timed out.
    SpaceTimeouts = 14,
    /// Slots released.
    SlotsReleased = 15,
    /// Batches copied at receive.
    BatchesCopied = 16,
    /// Protocol errors found.
    ProtocolErrors = 17,
    /// Slab blocks in use.
    BlocksInUse = 18,
    /// Slab blocks in use at most.
    BlocksInUseMax = 19,
}

/// `bytes` rounded up to a multiple of `page` (a power of two).
#[must_use]
pub const fn align(bytes: u64, page: u32) -> u64 {
    let mask = page as u64 - 1;
    (bytes + mask) & !mask
}

/// Offset of the descriptors or the bitmap in their objects.
#[must_use]
pub const fn first_offset(page: u32) -> u64 {
    page as u64
}

/// Offset of the slab in a producer object.
#[must_use]
pub const fn slab_offset(descriptors: u32, page: u32) -> u64 {
    align(
        page as u64 + DESCRIPTOR_BYTES as u64 * descriptors as u64,
        page,
    )
}

/// Size of a producer object.
#[must_use]
pub const fn producer_bytes(descriptors: u32, blocks: u32, page: u32) -> u64 {
    slab_offset(descriptors, page) + BLOCK_BYTES as u64 * blocks as u64
}

/// Number of u64 words of the release bitmap.
#[must_use]
pub const fn bitmap_words(blocks: u32) -> usize {
    blocks.div_ceil(64) as usize
}

/// Size of a consumer object.
#[must_use]
pub const fn consumer_bytes(blocks: u32, page: u32) -> u64 {
    align(page as u64 + 8 * bitmap_words(blocks) as u64, page)
}

/// Size of a counters object.
#[must_use]
pub const fn counters_bytes(page: u32) -> u64 {
    page as u64
}

const _: () = {
    assert!(
        cfg!(target_endian = "little"),
        "the ring runs on little-endian systems only"
    );
    assert!(
        size_of::<usize>() == 8,
        "the ring runs on 64-bit systems only"
    );
    assert!(HEADER_BYTES == 128);
    assert!(offset_of!(Header, byte_order) == 12);
    assert!(offset_of!(Header, features) == 32);
    assert!(offset_of!(Header, session) == 48);
    assert!(offset_of!(Header, first_offset) == 72);
    assert!(offset_of!(Header, build_id) == 88);
    assert!(HEADER_CRC_BYTES == 120);
    assert!(offset_of!(Header, init) == 124);
    assert!(DESCRIPTOR_BYTES == 64);
    assert!(offset_of!(Descriptor, kind) == 8);
    assert!(offset_of!(Descriptor, call_id) == 16);
    assert!(offset_of!(Descriptor, block) == 24);
    assert!(offset_of!(Descriptor, inline) == 32);
    assert!(WORD_SPACE_WAIT >= HEADER_BYTES);
    assert!(WORD_CONSUMER_CLOSE + LINE_BYTES as usize <= MIN_PAGE_BYTES as usize);
    assert!(COUNTERS_OFFSET + 8 * Counter::VARIANTS.len() <= MIN_PAGE_BYTES as usize);
};
