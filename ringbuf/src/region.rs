//! Memory objects: creating, sealing, validating and mapping them.
//!
//! An own object is mapped read-write and then sealed, so nobody else can write, shrink or
//! grow it. The other side's object is mapped read-only, and only after its seals, its size and a
//! copy of its header were checked. A mapping lives as long as the last `Arc` to it, whatever
//! happens to the link. What the words and bytes mean is left to the ring's two ends.
//!
//! Invariants of [`Mapping`], on which the unsafe blocks of this module rely:
//! - INV-1 `start..start + bytes` is one mapping of a memfd, page-aligned, until drop.
//! - INV-2 The memfd cannot shrink (sealed before it is used), so every byte stays backed.
//! - INV-3 `writable` is true exactly if the mapping has PROT_WRITE.
#![allow(unsafe_code)] // Maps memory and hands out references into it; each site argues its case.

use std::fmt::{Display, LowerHex};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::descriptor::Run;
use crate::errors::{Error, Result};
use crate::layout::{self, Direction, Header, ObjectKind};
use crate::sync::DescriptorCell;

const HEADER_WORDS: usize = layout::HEADER_BYTES / 8;

/// The seals of R-1.
pub const SEALS: SealFlags = SealFlags::FUTURE_WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

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

/// Makes an own object: creates, maps, writes the header and seals it.
///
/// # Errors
/// [`Error::System`].
pub fn create(
    object: Object,
    identity: &Identity,
    build_id: [u8; 16],
) -> Result<(OwnedFd, Arc<Mapping>)> {
    let header = Header {
        build_id,
        ..object.header(identity)
    };
    let fd = create_memfd(object, identity)?;
    rustix::fs::ftruncate(&fd, header.total_bytes).map_err(Error::system("ftruncate"))?;
    let mapping = Mapping::new(fd.as_fd(), header.total_bytes as usize, true)?;
    mapping.write_header(&header);
    rustix::fs::fcntl_add_seals(&fd, SEALS).map_err(Error::system("fcntl(F_ADD_SEALS)"))?;
    Ok((fd, Arc::new(mapping)))
}

fn create_memfd(object: Object, identity: &Identity) -> Result<OwnedFd> {
    let name = format!(
        "strait:{:016x}:{}:{}",
        identity.session,
        identity.epoch,
        object.name()
    );
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(name.as_str(), flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know the flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create(name.as_str(), flags),
        result => result,
    }
    .map_err(Error::system("memfd_create"))
}

/// Maps an object of the other side, after it was checked.
///
/// # Errors
/// [`Error::Header`] names the first thing that is not as agreed; [`Error::System`].
pub fn open(object: Object, identity: &Identity, fd: BorrowedFd<'_>) -> Result<Arc<Mapping>> {
    let expected = object.header(identity);
    let seals = match rustix::fs::fcntl_get_seals(fd) {
        Ok(seals) => seals,
        // Not a memfd: no seals.
        Err(Errno::INVAL) => SealFlags::empty(),
        Err(errno) => return Err(Error::system("fcntl(F_GET_SEALS)")(errno)),
    };
    same_hex(object, "seals", SEALS.bits(), (seals & SEALS).bits())?;
    let stat = rustix::fs::fstat(fd).map_err(Error::system("fstat"))?;
    same(
        object,
        "size",
        expected.total_bytes as i128,
        i128::from(stat.st_size),
    )?;
    let mapping = Mapping::new(fd, expected.total_bytes as usize, false)?;
    check_header(object, &expected, &mapping.copy_header())?;
    Ok(Arc::new(mapping))
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

fn same<T: PartialEq + Display>(
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

fn same_hex<T: PartialEq + LowerHex>(
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

/// A mapped object.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
    writable: bool,
}

// SAFETY: a mapping is plain memory that is not tied to a thread; its words are reached through
// atomics only, and its slots under the rules of `slot` and `slot_mut`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, bytes: usize, writable: bool) -> Result<Self> {
        let mut protection = ProtFlags::READ;
        protection.set(ProtFlags::WRITE, writable);
        // SAFETY: the kernel picks an unused address, so no memory of Rust's is replaced.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                MapFlags::SHARED,
                fd,
                0,
            )
        }
        .map_err(Error::system("mmap"))?;
        let start = NonNull::new(start.cast()).ok_or(Error::system("mmap")(Errno::FAULT))?;
        Ok(Self {
            start,
            bytes,
            writable,
        })
    }

    /// Whether this side may write.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.writable
    }

    /// Pointer to `count` values of `T` at `offset`.
    ///
    /// # Panics
    /// If they do not lie inside the mapping, or not aligned. Offsets come from the agreed geometry
    /// and from checked descriptors, never unchecked from the other side.
    fn at<T>(&self, offset: usize, count: usize) -> NonNull<T> {
        let bytes = count
            .checked_mul(size_of::<T>())
            .and_then(|size| size.checked_add(offset));
        assert!(
            bytes.is_some_and(|end| end <= self.bytes),
            "offset {offset} outside the object"
        );
        assert!(
            offset.is_multiple_of(align_of::<T>()),
            "offset {offset} is not aligned"
        );
        // SAFETY: inside the mapping (INV-1), as was just checked.
        unsafe { self.start.add(offset).cast() }
    }

    /// The u32 word at `offset`.
    pub(crate) fn word32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: in bounds and aligned (`at`), backed (INV-2) and mapped while `self` is borrowed
        // (INV-1). All access to words, from any process, is atomic.
        unsafe { self.at::<AtomicU32>(offset, 1).as_ref() }
    }

    /// The u64 word at `offset`.
    pub(crate) fn word64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: as in `word32`.
        unsafe { self.at::<AtomicU64>(offset, 1).as_ref() }
    }

    /// The descriptor at `index` of a producer object.
    pub(crate) fn descriptor(&self, index: usize) -> &DescriptorCell {
        let offset = page_bytes() as usize + index * layout::DESCRIPTOR_BYTES;
        // SAFETY: as in `word32`; a descriptor is touched through its u64 words only.
        unsafe { self.at::<DescriptorCell>(offset, 1).as_ref() }
    }

    /// The word of the release bitmap, of a consumer object.
    pub(crate) fn bitmap(&self, word: usize) -> &AtomicU64 {
        self.word64(page_bytes() as usize + 8 * word)
    }

    fn header(&self) -> &[AtomicU64; HEADER_WORDS] {
        // SAFETY: as in `word32`; the header is touched through its u64 words only.
        unsafe { self.at::<[AtomicU64; HEADER_WORDS]>(0, 1).as_ref() }
    }

    /// Writes the header, with the init word last (it shares a u64 word with the CRC).
    fn write_header(&self, header: &Header) {
        let complete = Header {
            crc: header_crc(header),
            init: layout::INIT,
            ..*header
        };
        let words: [u64; HEADER_WORDS] = bytemuck::cast(complete);
        for (shared, word) in self.header().iter().zip(words).take(HEADER_WORDS - 1) {
            shared.store(word, Relaxed);
        }
        // Release: partner is the load in `copy_header`.
        self.header()[HEADER_WORDS - 1].store(words[HEADER_WORDS - 1], Release);
    }

    /// A copy of the header, made once, the init word first.
    fn copy_header(&self) -> Header {
        let mut words = [0_u64; HEADER_WORDS];
        words[HEADER_WORDS - 1] = self.header()[HEADER_WORDS - 1].load(Relaxed);
        // Acquire: partner is the store in `write_header`; a fence, because the memory is
        // read-only (see `sync`).
        fence(Acquire);
        for (word, shared) in words.iter_mut().zip(self.header()).take(HEADER_WORDS - 1) {
            *word = shared.load(Relaxed);
        }
        bytemuck::cast(words)
    }

    /// The first `length` bytes of a slot, for reading in place.
    ///
    /// # Safety
    /// Until the reference ends nobody writes to the slot: the caller holds its lease, and the
    /// other side is trusted to keep R-18 (or the slot is this side's own).
    pub(crate) unsafe fn slot(&self, slab_offset: usize, run: Run, length: usize) -> &[u8] {
        assert!(length <= run.bytes());
        let start = self.at::<u8>(slab_offset + run.offset(), run.bytes());
        // SAFETY: in bounds (`at`), backed (INV-2), initialised (a memfd is zeroed), mapped while
        // `self` is borrowed (INV-1); nobody writes (this function's contract).
        unsafe { std::slice::from_raw_parts(start.as_ptr(), length) }
    }

    /// A slot, for writing.
    ///
    /// # Safety
    /// The caller owns the run: it was taken from the slab, is not published, and no other
    /// reference into it exists until this one ends.
    #[allow(clippy::mut_from_ref)] // Exclusive by the contract: the slab gives a run to one owner.
    pub(crate) unsafe fn slot_mut(&self, slab_offset: usize, run: Run) -> &mut [u8] {
        assert!(self.writable);
        let start = self.at::<u8>(slab_offset + run.offset(), run.bytes());
        // SAFETY: as in `slot`; writable (INV-3, asserted); exclusive (this function's contract).
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), run.bytes()) }
    }

    /// Copies the first `length` bytes of a slot that its owner may be writing to (it must not, but
    /// is not trusted).
    pub(crate) fn copy_slot(&self, slab_offset: usize, run: Run, length: usize) -> AlignedBytes {
        assert!(length <= run.bytes());
        let words = length.div_ceil(8);
        let start = self.at::<AtomicU64>(slab_offset + run.offset(), words);
        // SAFETY: in bounds (`at`; a run is a multiple of 8 bytes), backed (INV-2), mapped while
        // `self` is borrowed (INV-1), and read through atomics, so a writer is no data race.
        let shared = unsafe { std::slice::from_raw_parts(start.as_ptr(), words) };
        let mut copy = AlignedBytes::zeroed(length);
        for (word, shared) in copy.words_mut().iter_mut().zip(shared) {
            *word = shared.load(Relaxed);
        }
        copy
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own (INV-1), and no reference into it is left, because
        // each borrows `self`. Fails only for arguments that are not a mapping.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

#[repr(C, align(64))]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Line([u64; 8]);

/// Bytes of its own, aligned to 64 as the layers above want their buffers.
pub(crate) struct AlignedBytes {
    lines: Box<[Line]>,
    length: usize,
}

impl AlignedBytes {
    fn zeroed(length: usize) -> Self {
        let count = length.div_ceil(size_of::<Line>());
        Self {
            lines: vec![Line([0; 8]); count].into(),
            length,
        }
    }

    /// A copy of `bytes`.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        bytemuck::cast_slice_mut(&mut copy.lines)[..bytes.len()].copy_from_slice(bytes);
        copy
    }

    fn words_mut(&mut self) -> &mut [u64] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

#[cfg(test)]
mod tests;
