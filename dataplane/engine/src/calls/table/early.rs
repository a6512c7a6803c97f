//! Cancels of calls whose batches have not been read yet.
//!
//! Ring and control are not ordered against each other, so a cancel may overtake its batch. It may
//! also come after its call has ended, and the two look alike. So every cancel of an unknown call
//! is kept, as many as there can be, and the oldest goes first: while one waits for its batch, no
//! more than that many others can be told, by a host that cancels what it has published, once.

use std::collections::{HashSet, VecDeque};

#[derive(Debug)]
pub(super) struct EarlyCancels {
    limit: usize,
    kept: HashSet<u64>,
    /// In the order of their coming; also of those that were taken since.
    order: VecDeque<u64>,
}

impl EarlyCancels {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Keeps a cancel until its batch comes.
    pub(super) fn keep(&mut self, call_id: u64) {
        if !self.kept.insert(call_id) {
            return;
        }
        self.order.push_back(call_id);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    /// Whether a call that arrives has been cancelled ahead of its batch.
    pub(super) fn take(&mut self, call_id: u64) -> bool {
        self.kept.remove(&call_id)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::EarlyCancels;

    // Guarantees: of more cancels than are kept the latest stay; each is taken once.
    #[test]
    fn the_oldest_goes_first() {
        let mut early = EarlyCancels::new(2);
        for call_id in [1, 2, 2, 3] {
            early.keep(call_id);
        }
        assert!(!early.take(1));
        assert!(early.take(2) && !early.take(2));
        assert!(early.take(3));
        assert!(early.len() <= 2);
    }
}
