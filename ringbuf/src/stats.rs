//! Counters of one side (protocol section 7).
//!
//! Each counter is a word of the side's own counters object: written by that side only (by any of
//! its threads), read by anyone who maps the object, wrapping. They order nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use strum::VariantArray;

use crate::layout::{COUNTERS_OFFSET, Counter};
use crate::region::Mapping;

/// The counters of a side, mapped.
#[derive(Debug, Clone)]
pub struct Counters {
    mapping: Arc<Mapping>,
}

impl Counters {
    pub(crate) fn new(mapping: Arc<Mapping>) -> Self {
        Self { mapping }
    }

    /// The value now. Values of different counters may be of different moments.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.word(counter).load(Relaxed)
    }

    /// All values with their names, in the order of the protocol.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
        let all = Counter::VARIANTS.iter();
        all.map(|counter| (counter.into(), self.get(*counter)))
            .collect()
    }

    pub(crate) fn add(&self, counter: Counter, amount: u64) {
        self.own_word(counter).fetch_add(amount, Relaxed);
    }

    /// Blocks in use now, and the maximum of it. Called by the producer alone.
    pub(crate) fn set_blocks_in_use(&self, blocks: u32) {
        self.own_word(Counter::BlocksInUse)
            .store(blocks.into(), Relaxed);
        let most = self.own_word(Counter::BlocksInUseMax);
        if u64::from(blocks) > most.load(Relaxed) {
            most.store(blocks.into(), Relaxed);
        }
    }

    fn word(&self, counter: Counter) -> &AtomicU64 {
        self.mapping.word64(COUNTERS_OFFSET + 8 * counter as usize)
    }

    fn own_word(&self, counter: Counter) -> &AtomicU64 {
        debug_assert!(self.mapping.is_writable());
        self.word(counter)
    }
}
