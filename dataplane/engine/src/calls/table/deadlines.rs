//! The deadlines of a lane's calls, soonest first.
//!
//! A call that ends leaves its deadline behind: taking it out would cost more than letting it pass.
//! What is left behind is bounded by the number of calls in flight.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines of calls that have ended which may be kept beside as many as there are calls.
const SPARE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Deadlines {
    /// Adds the deadline of one of `calls` calls; `lasts` says which calls have not ended.
    pub(super) fn add(
        &mut self,
        deadline: Instant,
        call_id: u64,
        calls: usize,
        lasts: impl Fn(u64) -> bool,
    ) {
        self.heap.push(Reverse((deadline, call_id)));
        if self.heap.len() > 2 * calls + SPARE {
            self.heap.retain(|Reverse((_, id))| lasts(*id));
        }
    }

    /// The soonest deadline, perhaps of a call that has ended.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out a call whose deadline has passed, perhaps one that has ended.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        match self.heap.peek() {
            Some(Reverse((at, _))) if *at <= now => self.heap.pop().map(|Reverse((_, id))| id),
            _ => None,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
