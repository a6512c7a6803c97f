//! A count that two sides keep of the same messages, and hold each other to.
//!
//! The sender counts from its claim until it has read the answer; the receiver counts from the copy
//! of the descriptor until just before it publishes the answer. So what the receiver counts is
//! never more than what an honest sender does.

use std::sync::atomic::Ordering::Relaxed;

use crate::sync::AtomicU32;

/// How many messages wait for their answer, and how many may.
#[derive(Debug)]
pub struct Budget {
    limit: u32,
    count: AtomicU32,
}

impl Budget {
    /// Room for half of the descriptors.
    #[must_use]
    pub fn new(descriptors: u32) -> Self {
        Self {
            limit: descriptors / 2,
            count: AtomicU32::new(0),
        }
    }

    /// How many may wait.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// Counts one more, or says that there is no room.
    #[must_use]
    pub fn begin(&self) -> bool {
        let more = |count| (count < self.limit).then_some(count + 1);
        // Relaxed: a read-modify-write sees every count before it; the rings order the two sides.
        self.count.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Counts one less. An answer to nothing is ignored: it must not open room for more.
    pub fn end(&self) {
        let less = |count: u32| count.checked_sub(1);
        let _ = self.count.fetch_update(Relaxed, Relaxed, less);
    }
}
