//! The members of a unit, as its host knows them.
//!
//! The host counts what enters a unit and what leaves it. Between two members it sees nothing: what
//! one gives to the next is counted here, where that one takes it, over all lanes; and what a
//! receiver sends to the members behind it, by what it hears of it. In front of an exporter that
//! has members before it are its queue and its retries: what is there outlives the lane that sends
//! it.

use crate::bridge::{Bridge, Door};
use crate::sending::{Exported, Sending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use strait_component::Signal;

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
    /// What became of what it has sent; nothing where it is no receiver.
    pub(crate) sent: Arc<Sent>,
    /// What is in front of it where it is an exporter with others before it.
    pub(crate) sending: Option<Arc<Sending>>,
    /// Where batches go, where it is the way to other units.
    pub(crate) bridge: Option<Arc<Bridge>>,
}

impl UnitMember {
    /// Finds the units that batches go to, by the doors of their handles.
    ///
    /// # Errors
    ///
    /// The handle of one that has no door.
    pub fn find(&self, door: impl Fn(u64) -> Option<Door>) -> Result<(), u64> {
        self.bridge
            .as_ref()
            .map_or(Ok(()), |bridge| bridge.find(door))
    }

    /// Log records, spans or data points that the member before it has given it; of the first one,
    /// that other units have. The rest it has from the host.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.0.load(Ordering::Relaxed)
    }

    /// What an exporter with others before it has done; `None` of other members.
    #[must_use]
    pub fn exported(&self) -> Option<Exported> {
        Some(self.sending.as_ref()?.exported())
    }

    /// Gives up what the queue of an exporter holds, once no lane of the unit sends it any more:
    /// how many log records, spans or data points, which count as failed. 0 of other members.
    pub fn give_up(&self) -> usize {
        self.sending.as_ref().map_or(0, |sending| sending.give_up())
    }

    /// Log records, spans or data points that a receiver has sent and that were taken, and those
    /// that were refused. 0 of other members.
    #[must_use]
    pub fn sent(&self, signal: Signal) -> (u64, u64) {
        let [accepted, refused] = &self.sent.0[signal as usize];
        (
            accepted.load(Ordering::Relaxed),
            refused.load(Ordering::Relaxed),
        )
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

/// How many items of each signal a receiver has sent: those that were accepted, and those that were
/// refused. Relaxed, as above.
#[derive(Debug, Default)]
pub(crate) struct Sent([[AtomicU64; 2]; Signal::ALL.len()]);

impl Sent {
    pub(crate) fn add(&self, signal: Signal, items: usize, accepted: bool) {
        let [taken, refused] = &self.0[signal as usize];
        let count = if accepted { taken } else { refused };
        count.fetch_add(items as u64, Ordering::Relaxed);
    }
}
