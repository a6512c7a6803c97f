//! One ring for a model: its words on the heap, and the two sides that use them.
//!
//! The sides run the functions of `sync` and the cursors, as the ring does; what maps memory or
//! sleeps is left out, a doorbell being a condition variable.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};
use strait_ringbuf::cursor::{ConsumerCursor, ProducerCursor};
use strait_ringbuf::descriptor::{Limits, Run};
use strait_ringbuf::layout::{Descriptor, Kind};
use strait_ringbuf::sync::{self, AtomicU32, AtomicU64, DescriptorCell};
use strait_ringbuf::sync::{SharedWaker, Sleeper, Waker};

pub(super) const DESCRIPTORS: u32 = 2;
const LIMITS: Limits = Limits {
    blocks: 64,
    edges: 1,
};

/// The shared words of one ring, with cells in the place of what they protect.
pub(super) struct Words {
    cells: [DescriptorCell; DESCRIPTORS as usize],
    /// Touched whenever the descriptor at the same index is: its own words are atomics, so that
    /// loom would not report an access that is out of order.
    pub(super) places: [UnsafeCell<()>; DESCRIPTORS as usize],
    slot: UnsafeCell<u64>,
    head: AtomicU64,
    pub(super) bitmap: AtomicU64,
    pub(super) sleep: AtomicU32,
    space_wait: AtomicU32,
    pub(super) close: AtomicU32,
    data: Doorbell,
    space: Doorbell,
}

impl Words {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            cells: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            places: std::array::from_fn(|_| UnsafeCell::new(())),
            slot: UnsafeCell::new(0),
            head: AtomicU64::new(0),
            bitmap: AtomicU64::new(0),
            sleep: AtomicU32::new(0),
            space_wait: AtomicU32::new(0),
            close: AtomicU32::new(0),
            data: Doorbell::default(),
            space: Doorbell::default(),
        })
    }

    pub(super) fn write_slot(&self, value: u64) {
        // SAFETY: the cell itself stops the model at an access that is not exclusive.
        self.slot.with_mut(|slot| unsafe { *slot = value });
    }

    pub(super) fn read_slot(&self) -> u64 {
        // SAFETY: as above.
        self.slot.with(|slot| unsafe { *slot })
    }
}

/// An eventfd.
#[derive(Default)]
pub(super) struct Doorbell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Doorbell {
    pub(super) fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    pub(super) fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

pub(super) struct Producer {
    pub(super) words: Arc<Words>,
    cursor: ProducerCursor,
    waker: Waker,
    sleeper: Sleeper,
}

impl Producer {
    pub(super) fn new(words: &Arc<Words>) -> Self {
        Self {
            words: Arc::clone(words),
            cursor: ProducerCursor::new(DESCRIPTORS),
            waker: Waker::default(),
            sleeper: Sleeper::default(),
        }
    }

    /// Without the wake-up, whose fence would order what follows too.
    pub(super) fn publish_quietly(&mut self, mut descriptor: Descriptor) {
        descriptor.sequence = self.cursor.tail() + 1;
        let index = self.cursor.index();
        self.words.places[index].with_mut(|_| ());
        sync::publish(&self.words.cells[index], &descriptor);
        self.cursor.advance(false);
    }

    pub(super) fn publish(&mut self, descriptor: Descriptor) {
        self.publish_quietly(descriptor);
        if self.waker.must_ring(&self.words.sleep) {
            self.words.data.ring();
        }
    }

    pub(super) fn has_room(&mut self) -> bool {
        self.cursor
            .observe_head(sync::load_head(&self.words.head))
            .expect("an honest head");
        // Goaway's place too, which nobody else would use here.
        self.cursor.unread_others() < self.cursor.share()
    }

    pub(super) fn wait_for_room(&mut self) {
        while !self.has_room() {
            self.sleeper.announce(&self.words.space_wait);
            if !self.has_room() {
                self.words.space.wait();
            }
            sync::retract(&self.words.space_wait);
        }
    }

    pub(super) fn wait_for_release(&mut self, bits: u64) {
        while sync::load_release(&self.words.bitmap) != bits {
            self.sleeper.announce(&self.words.space_wait);
            if sync::load_release(&self.words.bitmap) != bits {
                self.words.space.wait();
            }
            sync::retract(&self.words.space_wait);
        }
    }
}

pub(super) struct Consumer {
    pub(super) words: Arc<Words>,
    cursor: ConsumerCursor,
    waker: SharedWaker,
    sleeper: Sleeper,
}

impl Consumer {
    pub(super) fn new(words: &Arc<Words>) -> Self {
        Self {
            words: Arc::clone(words),
            cursor: ConsumerCursor::new(DESCRIPTORS),
            waker: SharedWaker::default(),
            sleeper: Sleeper::default(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Descriptor> {
        let index = self.cursor.index();
        let sequence = sync::load_sequence(&self.words.cells[index]);
        if !self
            .cursor
            .has_message(sequence)
            .expect("an honest sequence")
        {
            return None;
        }
        self.words.places[index].with(|_| ());
        let descriptor = sync::copy_descriptor(&self.words.cells[index], sequence);
        descriptor
            .check(self.cursor.head(), LIMITS)
            .expect("an honest descriptor");
        self.cursor.advance();
        sync::store_head(&self.words.head, self.cursor.head());
        self.wake_producer();
        Some(descriptor)
    }

    pub(super) fn wait(&mut self) -> Descriptor {
        loop {
            if let Some(descriptor) = self.next() {
                return descriptor;
            }
            self.sleeper.announce(&self.words.sleep);
            let sequence = sync::load_sequence(&self.words.cells[self.cursor.index()]);
            if !self
                .cursor
                .has_message(sequence)
                .expect("an honest sequence")
            {
                self.words.data.wait();
            }
            sync::retract(&self.words.sleep);
        }
    }

    pub(super) fn release(&self, bit: u64) {
        sync::toggle_release(&self.words.bitmap, bit);
        self.wake_producer();
    }

    pub(super) fn wake_producer(&self) {
        if self.waker.must_ring(&self.words.space_wait) {
            self.words.space.ring();
        }
    }
}

pub(super) fn batch(call_id: u64) -> Descriptor {
    Descriptor::slot(
        Kind::Batch,
        0,
        call_id,
        Run {
            block: 0,
            blocks: 1,
        },
        9,
    )
}
