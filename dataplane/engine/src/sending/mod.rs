//! What stands in front of an exporter that is in a part: the queue, the retries, the timeout and
//! the numbers that the Collector's exporter helper has in front of every other one.
//!
//! What it is: a model of `exporterhelper` v0.161 (its queues, its batcher, its retry sender, its
//! report of what was sent), without a clock, a runtime or a node: time and chance are handed in.
//! `tests/native` holds it against the helper itself.
//!
//! Guarantees: what was put into a queue stays in it until it was sent or given up, whatever
//! becomes of the node and the lane that send it; nothing is held beyond the queue's size; each
//! item is counted once, as sent, as failed, or as one that the queue had no room for.
//!
//! It leaves to `nodes::sending` what is done when, and to `nodes::store` what is written to a
//! storage.

mod backoff;
mod batches;
mod counts;
mod item;
mod kept;
mod policy;
mod queue;
mod retries;
mod sizes;
mod wire;

pub(crate) use batches::{Added, Batcher, Ready};
pub use counts::{Exported, Failed, QueueLevel};
pub(crate) use item::Item;
pub(crate) use kept::{Found, INDEX, Kept, Mark, read, write};
pub(crate) use policy::{Limits, Policy};
pub(crate) use queue::Full;
pub(crate) use retries::{Next, Retries, interrupted, left};
pub(crate) use sizes::Sizes;

use counts::Counts;
use queue::Queue;
use strait_failure::{Class, Failure};

/// What one exporter of a unit has in front of it.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) policy: Policy,
    /// `None`: batches are sent at once, and their senders wait.
    pub(crate) queue: Option<Queue>,
    /// In the place of a queue: one in a storage.
    pub(crate) kept: Option<Kept>,
    pub(crate) counts: Counts,
}

impl Sending {
    pub(crate) fn new(policy: Policy) -> Self {
        let limits = policy.queue.clone();
        let (kept, queue): (Option<_>, Option<_>) = match limits {
            Some(limits) if limits.storage.is_some() => (Some(Kept::new(limits)), None),
            limits => (None, limits.map(Queue::new)),
        };
        Self {
            queue,
            kept,
            counts: Counts::default(),
            policy,
        }
    }

    /// What merges the batches of the queue; `None`: nothing does.
    pub(crate) fn batcher(&self) -> Option<Batcher> {
        let limits = self.policy.queue.as_ref()?;
        limits.batch.clone().map(Batcher::new)
    }

    /// Whether batches stay here for longer than an attempt takes.
    pub(crate) fn keeps(&self) -> bool {
        self.policy.queue.is_some() || self.policy.retry.is_some()
    }

    /// Gives up what the queue in memory holds, of which nobody sends anything any more: how many
    /// items. A storage keeps what is in it.
    pub(crate) fn give_up(&self) -> usize {
        let Some(queue) = &self.queue else {
            return 0;
        };
        self.at_rest();
        let mut items = 0;
        while let Some(item) = queue.next() {
            let why = Failure::new(Class::Unavailable, "the unit has ended");
            self.counts.lost(item.items, &why, true);
            queue.done(item.number);
            items += item.items;
        }
        items
    }

    /// No node sends anything now: what one had in hand when its lane ended is in the queue again.
    pub(crate) fn at_rest(&self) {
        self.counts.none_in_flight();
        if let Some(queue) = &self.queue {
            queue.take_back();
        }
    }

    /// What it has done, and what it holds.
    pub(crate) fn exported(&self) -> Exported {
        let level = |size, capacity| QueueLevel { size, capacity };
        let in_memory = self.queue.as_ref();
        let in_memory = in_memory.map(|queue| level(queue.size(), queue.capacity()));
        let stored = self.kept.as_ref();
        let stored = stored.map(|kept| level(kept.size(), kept.capacity()));
        self.counts.read(in_memory.or(stored))
    }
}
