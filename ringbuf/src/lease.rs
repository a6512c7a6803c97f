//! Leases: what readers hold of the other side's slab, and how it goes back.
//!
//! A [`Lease`] is the bytes of one received slot: in place on a trusted link, else a copy. It may
//! go anywhere, end in any thread, and outlive the link. It is bytes that do not change: safe code
//! cannot reach a slot that the other side may still write to. What the bytes mean is left to the
//! layers above.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use crate::aligned::AlignedBytes;
use crate::descriptor::Run;
use crate::doorbell::Doorbell;
use crate::header::{Geometry, page_bytes};
use crate::layout::{self, Counter, WORD_SPACE_WAIT};
use crate::options::Options;
use crate::region::Mapping;
use crate::slab::for_words;
use crate::stats::Counters;
use crate::sync::{self, SharedWaker};
use crate::trust::Trust;

/// The ring that this side consumes: what leases need of it, so that they can outlive the link.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) geometry: Geometry,
    slab_offset: usize,
    /// The other side's object.
    pub(crate) producer: Arc<Mapping>,
    /// This side's object.
    pub(crate) consumer: Arc<Mapping>,
    /// Rung by this side.
    pub(crate) space: Doorbell,
    counters: Counters,
    waker: SharedWaker,
    ledger: Ledger,
    trust: Trust,
    copy_over_leased_bytes: usize,
    copied_bytes_max: usize,
    /// Bytes of copies whose slots were released at once.
    copied_bytes: AtomicUsize,
}

impl Inbound {
    pub(crate) fn new(
        options: &Options,
        producer: Arc<Mapping>,
        consumer: Arc<Mapping>,
        space: Doorbell,
        counters: Counters,
    ) -> Self {
        let geometry = options.identity.geometry;
        let slab_offset = layout::slab_offset(geometry.descriptors(), page_bytes()) as usize;
        Self {
            geometry,
            slab_offset,
            producer,
            consumer,
            space,
            counters,
            waker: SharedWaker::default(),
            ledger: Ledger::new(geometry.blocks()),
            trust: options.trust,
            copy_over_leased_bytes: options.copy_over_leased_bytes,
            copied_bytes_max: options.copied_bytes_max,
            copied_bytes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn leased_bytes(&self) -> usize {
        self.ledger.blocks.load(Relaxed) * layout::BLOCK_BYTES as usize
    }

    /// Takes the slot of a checked descriptor, or says that it overlaps one that is leased.
    pub(crate) fn take(self: &Arc<Self>, run: Run) -> Option<Slot> {
        self.ledger.begin(run).then(|| Slot {
            inbound: Arc::clone(self),
            run,
        })
    }

    /// Gives a slot back. No reader may touch it any more.
    fn release(&self, run: Run) {
        self.ledger.end(run);
        let bit = 1 << (run.block % 64);
        sync::toggle_release(self.consumer.bitmap(run.block as usize / 64), bit);
        self.counters.add(Counter::SlotsReleased, 1);
        self.wake_producer();
    }

    /// Wakes the producer if it waits for room, after some was made.
    pub(crate) fn wake_producer(&self) {
        if self.waker.must_ring(self.producer.word32(WORD_SPACE_WAIT)) {
            self.space.ring();
            self.counters.add(Counter::SpaceDoorbells, 1);
        }
    }

    /// Whether a copy of `length` bytes may release its slot at once; counts it if so.
    fn may_release_early(&self, length: usize) -> bool {
        let fits = |copied: usize| {
            let sum = copied.checked_add(length)?;
            (sum <= self.copied_bytes_max).then_some(sum)
        };
        self.copied_bytes_max > 0
            && self.leased_bytes() > self.copy_over_leased_bytes
            && self
                .copied_bytes
                .fetch_update(Relaxed, Relaxed, fits)
                .is_ok()
    }
}

/// A slot that this side holds; it goes back when dropped.
pub(crate) struct Slot {
    inbound: Arc<Inbound>,
    run: Run,
}

impl Slot {
    /// The first `length` bytes, in place or copied.
    pub(crate) fn lease(self, length: usize) -> Lease {
        let inbound = &self.inbound;
        let trust = inbound.trust;
        let early = inbound.may_release_early(length);
        if trust.is_trusted() && !early {
            let content = Content::InPlace { slot: self, length };
            return Lease { content, trust };
        }
        let slab_offset = inbound.slab_offset;
        let bytes = inbound.producer.copy_slot(slab_offset, self.run, length);
        let content = if early {
            let inbound = Arc::clone(inbound);
            Content::Copied { bytes, inbound }
        } else {
            Content::Held { bytes, _slot: self }
        };
        Lease { content, trust }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.inbound.release(self.run);
    }
}

/// Which blocks are leased: this side's own record, which the other side cannot touch.
///
/// Only the consumer begins leases, so its look and its mark need not be one step. A release is
/// recorded before its bit is toggled: when an honest producer uses the blocks again, the consumer
/// sees that they are free.
#[derive(Debug)]
struct Ledger {
    leased: Box<[AtomicU64]>,
    blocks: AtomicUsize,
}

impl Ledger {
    fn new(blocks: u32) -> Self {
        let leased = (0..layout::bitmap_words(blocks))
            .map(|_| AtomicU64::new(0))
            .collect();
        Self {
            leased,
            blocks: AtomicUsize::new(0),
        }
    }

    /// Records a lease, or says that the run overlaps one.
    fn begin(&self, run: Run) -> bool {
        let mut overlaps = false;
        for_words(run, |word, mask| {
            overlaps |= self.leased[word].load(Relaxed) & mask != 0
        });
        if !overlaps {
            for_words(run, |word, mask| {
                _ = self.leased[word].fetch_or(mask, Relaxed)
            });
            self.blocks.fetch_add(run.blocks as usize, Relaxed);
        }
        !overlaps
    }

    fn end(&self, run: Run) {
        for_words(run, |word, mask| {
            _ = self.leased[word].fetch_and(!mask, Relaxed)
        });
        self.blocks.fetch_sub(run.blocks as usize, Relaxed);
    }
}

/// The bytes of a received slot: in place, or a copy.
///
/// Starts at an address that is a multiple of 64. The slot goes back to its producer when the lease
/// is dropped (or went back already: [`Lease::holds_slot`]); share it as `Arc<Lease>`. It stays
/// readable after the link has ended.
pub struct Lease {
    content: Content,
    trust: Trust,
}

enum Content {
    /// The slot itself, of a trusted side.
    InPlace { slot: Slot, length: usize },
    /// A copy, because the other side is not trusted. The slot stays leased, so that copies take
    /// no more heap than the slab has bytes.
    Held { bytes: AlignedBytes, _slot: Slot },
    /// A copy within the bytes that the options allow.
    Copied {
        bytes: AlignedBytes,
        inbound: Arc<Inbound>,
    },
}

impl Lease {
    /// Whether the slot stays with this side as long as the lease lives.
    #[must_use]
    pub const fn holds_slot(&self) -> bool {
        !matches!(self.content, Content::Copied { .. })
    }

    /// Whether the bytes are a copy.
    #[must_use]
    pub const fn is_copy(&self) -> bool {
        !matches!(self.content, Content::InPlace { .. })
    }

    /// How far who wrote the bytes is trusted: what a reader of them may leave unchecked.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }
}

#[allow(unsafe_code)]
impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.content {
            Content::InPlace { slot, length } => {
                let inbound = &slot.inbound;
                // SAFETY: the slot is released only when this lease is dropped, and its producer
                // does not write to it before: `Slot::lease` leaves a slot in place only on
                // a link whose other side somebody vouches for (`Trust::trusted`).
                unsafe {
                    inbound
                        .producer
                        .slot(inbound.slab_offset, slot.run, *length)
                }
            }
            Content::Held { bytes, .. } | Content::Copied { bytes, .. } => bytes.as_slice(),
        }
    }
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Content::Copied { bytes, inbound } = &self.content {
            let length = bytes.as_slice().len();
            inbound.copied_bytes.fetch_sub(length, Relaxed);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.len();
        f.debug_struct("Lease")
            .field("bytes", &bytes)
            .field("is_copy", &self.is_copy())
            .field("holds_slot", &self.holds_slot())
            .finish()
    }
}
