//! Atomics and the protocol's five ordering pairs (protocol section 6).
//!
//! Every ordered access to a shared word in this crate goes through a function of this module, so
//! each pair can be read, and model-checked, in one place. Under `cfg(loom)` the atomics are
//! loom's; these cannot lie in mapped memory, so then the modules that map memory are left out and
//! `tests/loom.rs` runs the functions below over words on the heap. There each ordering can also be
//! weakened (`weaken`), to show that the model notices.
//!
//! The other side's words lie in memory that is mapped read-only. There Rust guarantees relaxed
//! loads only (`std::sync::atomic`, "Atomic accesses to read-only memory"), so an Acquire load is
//! written as a relaxed load and an Acquire fence, which is at least as strong.
//!
//! What the words mean, and which side may write them, is left to the callers.

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicU32, AtomicU64};

use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

use crate::layout::{DESCRIPTOR_BYTES, Descriptor};

/// Number of u64 words in a descriptor.
pub const DESCRIPTOR_WORDS: usize = DESCRIPTOR_BYTES / 8;

/// A descriptor as it lies in shared memory. Both sides touch it through atomics only: the other
/// side may write when it must not, and that must not be undefined behaviour here.
pub type DescriptorCell = [AtomicU64; DESCRIPTOR_WORDS];

/// One place where an ordering matters; the name is the pair's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Pair *publish*, producer: `sequence`.
    PublishStore,
    /// Pair *publish*, consumer: `sequence`.
    PublishLoad,
    /// Pair *free*, consumer: `head`.
    HeadStore,
    /// Pair *free*, producer: `head`.
    HeadLoad,
    /// Pair *free*, consumer: release bitmap.
    ReleaseStore,
    /// Pair *free*, producer: release bitmap.
    ReleaseLoad,
    /// Pairs *wake* and *space*: fence of the side that is about to sleep.
    SleeperFence,
    /// Pairs *wake* and *space*: fence of the side that made progress.
    WakerFence,
    /// Pair *close*, the side that closes.
    CloseStore,
    /// Pair *close*, the other side.
    CloseLoad,
    /// A side's own state, the thread that ends the link or notices its end.
    StateStore,
    /// A side's own state, its other threads.
    StateLoad,
}

#[cfg(loom)]
mod weak {
    use super::Site;
    use std::cell::Cell;

    // loom runs all threads of a model on the thread that called it.
    std::thread_local! {
        static WEAKENED: Cell<Option<Site>> = const { Cell::new(None) };
    }

    /// Makes the ordering at `site` Relaxed (or leaves its fence out) on this thread.
    pub fn weaken(site: Option<Site>) {
        WEAKENED.set(site);
    }

    pub(super) fn is_weak(site: Site) -> bool {
        WEAKENED.get() == Some(site)
    }
}
#[cfg(loom)]
pub use weak::weaken;

#[cfg(not(loom))]
#[inline(always)]
fn at(_site: Site, ordering: Ordering) -> Ordering {
    ordering
}

#[cfg(loom)]
fn at(site: Site, ordering: Ordering) -> Ordering {
    if weak::is_weak(site) {
        Relaxed
    } else {
        ordering
    }
}

fn acquire_fence(site: Site) {
    fence(site, Acquire);
}

fn full_fence(site: Site) {
    fence(site, SeqCst);
}

#[cfg(not(loom))]
#[inline(always)]
fn fence(_site: Site, ordering: Ordering) {
    std::sync::atomic::fence(ordering);
}

#[cfg(loom)]
fn fence(site: Site, ordering: Ordering) {
    if !weak::is_weak(site) {
        loom::sync::atomic::fence(ordering);
    }
}

/// Pair *publish*, producer: writes every field, `sequence` last.
pub fn publish(cell: &DescriptorCell, descriptor: &Descriptor) {
    let words: [u64; DESCRIPTOR_WORDS] = bytemuck::cast(*descriptor);
    for (shared, word) in cell.iter().zip(words).skip(1) {
        shared.store(word, Relaxed);
    }
    // Release: partner is `load_sequence`.
    cell[0].store(words[0], at(Site::PublishStore, Release));
}

/// Pair *publish*, consumer: the sequence; with it all that its producer wrote before.
#[must_use]
pub fn load_sequence(cell: &DescriptorCell) -> u64 {
    let sequence = cell[0].load(Relaxed);
    // Acquire: partner is `publish`.
    acquire_fence(Site::PublishLoad);
    sequence
}

/// Copies a descriptor once, with the sequence that [`load_sequence`] gave.
#[must_use]
pub fn copy_descriptor(cell: &DescriptorCell, sequence: u64) -> Descriptor {
    let mut words = [0_u64; DESCRIPTOR_WORDS];
    words[0] = sequence;
    for (word, shared) in words.iter_mut().zip(cell).skip(1) {
        *word = shared.load(Relaxed);
    }
    bytemuck::cast(words)
}

/// Pair *free*, consumer: all descriptors before `head` have been copied.
pub fn store_head(word: &AtomicU64, head: u64) {
    // Release: partner is `load_head`.
    word.store(head, at(Site::HeadStore, Release));
}

/// Pair *free*, producer.
#[must_use]
pub fn load_head(word: &AtomicU64) -> u64 {
    let head = word.load(Relaxed);
    // Acquire: partner is `store_head`.
    acquire_fence(Site::HeadLoad);
    head
}

/// Pair *free*, consumer: toggles bits of a bitmap word; no reader touches the slots any
/// more.
pub fn toggle_release(word: &AtomicU64, bits: u64) {
    // Release: partner is `load_release`.
    word.fetch_xor(bits, at(Site::ReleaseStore, Release));
}

/// Pair *free*, producer: a word of the bitmap.
#[must_use]
pub fn load_release(word: &AtomicU64) -> u64 {
    let bits = word.load(Relaxed);
    // Acquire: partner is `toggle_release`.
    acquire_fence(Site::ReleaseLoad);
    bits
}

/// Pair *close* (R-23): `code` and all that was published before.
pub fn store_close(word: &AtomicU32, code: u32) {
    // Release: partner is `load_close`.
    word.store(code, at(Site::CloseStore, Release));
}

/// Pair *close* (R-23): 0 while the other side keeps the link open.
#[must_use]
pub fn load_close(word: &AtomicU32) -> u32 {
    let code = word.load(Relaxed);
    // Acquire: partner is `store_close`.
    acquire_fence(Site::CloseLoad);
    code
}

/// A side's own state: ends the link, unless something has; gives whether this did.
pub fn store_state(word: &AtomicU64, state: u64) -> bool {
    // AcqRel: partner is `load_state`. A thread that finds the state there sees what the other side
    // had published before it closed, as the thread that noticed the close did.
    word.compare_exchange(0, state, at(Site::StateStore, AcqRel), Relaxed)
        .is_ok()
}

/// A side's own state, with all that was visible to whoever stored it.
#[must_use]
pub fn load_state(word: &AtomicU64) -> u64 {
    // Acquire: partner is `store_state`.
    word.load(at(Site::StateLoad, Acquire))
}

/// The sleeping half of the pairs *wake* (R-19) and *space* (R-20).
#[derive(Debug, Default)]
pub struct Sleeper {
    generation: u32,
}

impl Sleeper {
    /// Says in `word` that its owner is about to block. The owner must look again afterwards, and
    /// block only if there is still nothing.
    pub fn announce(&mut self, word: &AtomicU32) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        word.store(self.generation, Relaxed);
        // SeqCst fence: partner is the fence of `Waker::must_ring`. Either the look that follows
        // sees the progress, or the waker sees the word.
        full_fence(Site::SleeperFence);
    }
}

/// Says in `word` that its owner is awake.
pub fn retract(word: &AtomicU32) {
    word.store(0, Relaxed);
}

/// The waking half of the pairs *wake* (R-19) and *space* (R-20).
#[derive(Debug, Default)]
pub struct Waker {
    rang_for: u32,
}

impl Waker {
    /// Whether the doorbell is due, after progress was stored. True once per announcement.
    #[must_use]
    pub fn must_ring(&mut self, word: &AtomicU32) -> bool {
        let generation = waiting_generation(word);
        if generation == 0 || generation == self.rang_for {
            return false;
        }
        self.rang_for = generation;
        true
    }
}

/// A [`Waker`] that several threads share: leases end anywhere.
#[derive(Debug)]
pub struct SharedWaker {
    rang_for: AtomicU32,
}

impl Default for SharedWaker {
    fn default() -> Self {
        Self {
            rang_for: AtomicU32::new(0),
        }
    }
}

impl SharedWaker {
    /// Whether the doorbell is due, after progress was stored. True once per announcement.
    #[must_use]
    pub fn must_ring(&self, word: &AtomicU32) -> bool {
        let generation = waiting_generation(word);
        // Relaxed: the swap only picks one ringer per announcement; it orders nothing.
        generation != 0 && self.rang_for.swap(generation, Relaxed) != generation
    }
}

fn waiting_generation(word: &AtomicU32) -> u32 {
    // SeqCst fence: partner is the fence of `Sleeper::announce`.
    full_fence(Site::WakerFence);
    word.load(Relaxed)
}
