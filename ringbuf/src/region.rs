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

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use rustix::process::{Resource, getrlimit};

use crate::aligned::AlignedBytes;
use crate::descriptor::Run;
use crate::errors::{Error, Result};
use crate::header::{self, Identity, Object, check_header, header_crc, page_bytes};
use crate::layout::{self, Header};
use crate::sync::DescriptorCell;

const HEADER_WORDS: usize = layout::HEADER_BYTES / 8;

/// The seals of R-1.
pub const SEALS: SealFlags = SealFlags::FUTURE_WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// Makes an own object: creates, maps, writes the header and seals it. All of it but the slab
/// has its pages afterwards.
///
/// # Errors
/// [`Error::FileSize`], [`Error::System`].
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
    set_size(fd.as_fd(), header.total_bytes)?;
    let mut mapping = Mapping::new(fd.as_fd(), header.total_bytes as usize, true)?;
    let head = match header.slab_offset {
        0 => header.total_bytes,
        slab => slab,
    };
    mapping.back_first(fd.as_fd(), head as usize)?;
    mapping.write_header(&header);
    rustix::fs::fcntl_add_seals(&fd, SEALS).map_err(Error::system("fcntl(F_ADD_SEALS)"))?;
    Ok((fd, Arc::new(mapping)))
}

/// Sizes an object. The kernel answers a size past RLIMIT_FSIZE with a signal that ends the
/// process, so the limit is looked at before.
fn set_size(fd: BorrowedFd<'_>, bytes: u64) -> Result<()> {
    if let Some(limit) = getrlimit(Resource::Fsize).current
        && limit < bytes
    {
        return Err(Error::FileSize { bytes, limit });
    }
    rustix::fs::ftruncate(fd, bytes).map_err(Error::system("ftruncate"))
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
    header::same_hex(object, "seals", SEALS.bits(), (seals & SEALS).bits())?;
    let stat = rustix::fs::fstat(fd).map_err(Error::system("fstat"))?;
    header::same(
        object,
        "size",
        expected.total_bytes as i128,
        i128::from(stat.st_size),
    )?;
    let mapping = Mapping::new(fd, expected.total_bytes as usize, false)?;
    check_header(object, &expected, &mapping.copy_header())?;
    Ok(Arc::new(mapping))
}

/// A mapped object.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
    writable: bool,
    /// Whether pages are had when they are asked for; else they all were from the start.
    backs_later: bool,
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
            backs_later: true,
        })
    }

    /// Has the first `bytes` bytes backed by pages, or all of the object where the kernel (before
    /// 5.14) or a sandbox cannot do that for a part.
    fn back_first(&mut self, fd: BorrowedFd<'_>, bytes: usize) -> Result<()> {
        match self.populate(0, bytes) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => {
                self.backs_later = false;
                rustix::fs::fallocate(fd, FallocateFlags::empty(), 0, self.bytes as u64)
                    .map_err(Error::system("fallocate"))
            }
            result => result.map_err(Error::system("madvise(MADV_POPULATE_WRITE)")),
        }
    }

    /// Has `bytes` bytes at `offset` backed by pages. Where the system has none left, that is an
    /// error here; the first touch would be a SIGBUS.
    pub(crate) fn back(&self, offset: usize, bytes: usize) -> Result<()> {
        if !self.backs_later {
            return Ok(());
        }
        self.populate(offset, bytes)
            .map_err(Error::system("madvise(MADV_POPULATE_WRITE)"))
    }

    fn populate(&self, offset: usize, bytes: usize) -> std::result::Result<(), Errno> {
        let down = offset % page_bytes() as usize;
        let (offset, bytes) = (offset - down, bytes + down);
        let start = self.at::<u8>(offset, bytes);
        // SAFETY: inside the mapping (`at`, INV-1); populating changes no byte of it.
        let done = unsafe { madvise(start.as_ptr().cast(), bytes, Advice::LinuxPopulateWrite) };
        match done {
            // What would have been a SIGBUS: there is no page to be had.
            Err(Errno::FAULT) => Err(Errno::NOMEM),
            result => result,
        }
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

#[cfg(test)]
mod tests;
