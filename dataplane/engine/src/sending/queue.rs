//! An exporter's queue in memory.
//!
//! What is in it belongs to the unit, not to the node that sends it: a batch that was being sent
//! when its lane failed is sent again by the next one.

use super::item::Item;
use super::policy::Limits;
use super::sizes::Sizes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use strait_component::{Batch, Context};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By their numbers, in the order of their coming.
    held: BTreeMap<u64, Held>,
    /// Those that nobody sends now.
    waiting: BTreeSet<u64>,
    size: u64,
    next: u64,
}

#[derive(Debug)]
struct Held {
    item: Item,
    size: u64,
}

/// Why a queue does not take a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Not now.
    Now,
    /// Never: it is larger than the queue.
    Ever,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch in, and gives its number; `None`: there is nothing in it.
    ///
    /// # Errors
    ///
    /// It has no room.
    pub(crate) fn offer(
        &self,
        batch: &Batch,
        context: &Context,
        items: usize,
        sizes: Sizes,
    ) -> Result<Option<u64>, Full> {
        let size = sizes.by(self.limits.sizer);
        if size == 0 {
            return Ok(None);
        }
        if size > self.limits.size {
            return Err(Full::Ever);
        }
        let mut state = self.lock();
        if state.size + size > self.limits.size {
            return Err(Full::Now);
        }
        let number = state.next;
        let item = Item {
            number,
            batch: batch.clone(),
            context: context.clone(),
            items,
        };
        state.next += 1;
        state.size += size;
        state.held.insert(number, Held { item, size });
        state.waiting.insert(number);
        Ok(Some(number))
    }

    /// The oldest that nobody sends, which is sent from now on.
    pub(crate) fn next(&self) -> Option<Item> {
        let mut state = self.lock();
        let number = state.waiting.pop_first()?;
        Some(state.held.get(&number)?.item.clone())
    }

    /// A batch was sent or given up.
    pub(crate) fn done(&self, number: u64) {
        let mut state = self.lock();
        if let Some(held) = state.held.remove(&number) {
            state.size -= held.size;
        }
    }

    /// Nobody sends anything any more. What its senders wait for is dropped with them, for they
    /// were told; the rest waits again.
    pub(super) fn take_back(&self) {
        let mut state = self.lock();
        if self.limits.wait_for_result {
            state.held.clear();
            state.waiting.clear();
            state.size = 0;
        } else {
            state.waiting = state.held.keys().copied().collect();
        }
    }

    /// What it holds, with what is being sent.
    pub(crate) fn size(&self) -> u64 {
        self.lock().size
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.limits.size
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Sizer;
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Debug)]
    enum Step {
        Offer(usize),
        Next,
        Done,
        TakeBack,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..6usize).prop_map(Step::Offer),
            3 => Just(Step::Next),
            3 => Just(Step::Done),
            1 => Just(Step::TakeBack),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        // Guarantees: a queue gives what it took, in order, each once until it is taken back; it
        // holds no more than its size, and refuses exactly what would be more; what its senders
        // wait for is gone with them.
        #[test]
        fn a_queue_gives_what_it_took(
            steps in steps(),
            size in 1..12u64,
            by_items in any::<bool>(),
            wait_for_result in any::<bool>(),
        ) {
            let sizer = if by_items { Sizer::Items } else { Sizer::Requests };
            let queue = Queue::new(Limits {
                size, sizer, consumers: 1, wait_for_result, block_on_overflow: false,
                batch: None, storage: None,
            });
            let mut waiting: VecDeque<(u64, u64)> = VecDeque::new();
            let mut sent: Vec<(u64, u64)> = Vec::new();
            for step in steps {
                let held: u64 = waiting.iter().chain(&sent).map(|(_, size)| size).sum();
                prop_assert_eq!(queue.size(), held);
                match step {
                    Step::Offer(items) => {
                        let needs = if by_items { items as u64 } else { 1 };
                        let batch = Batch::default();
                        let sizes = Sizes::of(&batch, items, &queue.limits);
                        match queue.offer(&batch, &Context::default(), items, sizes) {
                            Ok(Some(number)) => waiting.push_back((number, needs)),
                            Ok(None) => prop_assert_eq!(needs, 0),
                            Err(Full::Ever) => prop_assert!(needs > size),
                            Err(Full::Now) => prop_assert!(needs <= size && held + needs > size),
                        }
                    }
                    Step::Next => {
                        let found = queue.next().map(|item| item.number);
                        let expected = waiting.pop_front();
                        prop_assert_eq!(found, expected.map(|(number, _)| number));
                        sent.extend(expected);
                    }
                    Step::Done => {
                        if let Some((number, _)) = sent.pop() {
                            queue.done(number);
                        }
                    }
                    Step::TakeBack => {
                        queue.take_back();
                        sent.extend(waiting.drain(..));
                        sent.sort_unstable();
                        if wait_for_result {
                            sent.clear();
                        }
                        waiting = std::mem::take(&mut sent).into();
                    }
                }
            }
        }
    }
}
