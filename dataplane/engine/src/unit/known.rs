//! The members of a unit, as its host knows them.
//!
//! The host counts what enters a unit and what leaves it. Between two members it sees nothing: what
//! one gives to the next is counted here, where that one takes it, over all lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A member of a unit.
#[derive(Clone, Debug)]
pub struct UnitMember {
    /// Its id in the Collector's configuration.
    pub id: String,
    /// By which it asks the host; 0: the unit's.
    pub handle: u64,
    /// The nodes by which batches enter it; none where nothing does, or nothing is counted.
    pub(crate) entries: Vec<String>,
    /// What entered.
    pub(crate) taken: Arc<Taken>,
}

impl UnitMember {
    /// Log records, spans or data points that the member before it has given it. 0 of the first
    /// one, which has them from the host.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.0.load(Ordering::Relaxed)
    }
}

/// How many items entered a member. Relaxed: a count orders nothing else.
#[derive(Debug, Default)]
pub(crate) struct Taken(AtomicU64);

impl Taken {
    pub(crate) fn add(&self, items: usize) {
        self.0.fetch_add(items as u64, Ordering::Relaxed);
    }
}
