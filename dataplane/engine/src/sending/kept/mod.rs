//! An exporter's queue in a storage of the Collector's: its index, and what is written when.
//!
//! What it is: a model of the exporter helper's persistent queue, in the helper's own format, so
//! that an exporter finds its queue again whichever of the two it is behind. Batches have numbers
//! in the order of their coming; one key holds which are waiting and which are being sent. What is
//! being sent stays in the storage until it was sent or given up, and is sent once more where the
//! process ended before.
//!
//! Guarantees: what is written at once belongs together, so that the storage is whole after each
//! step; nothing that it holds makes it panic.
//!
//! It leaves the storage to `nodes::store`, which does in order what it is told.

mod logs;
mod request;

pub(crate) use request::{Found, read, write};

use super::policy::{Limits, Sizer};
use super::sizes::Sizes;
use super::wire::{self, Value};
use std::sync::{Mutex, MutexGuard, PoisonError};
use strait_component::Batch;
use strait_component::extension::StorageOperation;

/// Where the index is; the helper's key.
pub(crate) const INDEX: &str = "qmv0";

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Kept {
    limits: Limits,
    index: Mutex<Index>,
}

/// What an index said.
#[derive(Clone, Debug)]
pub(crate) struct Mark(Index);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    items: u64,
    bytes: u64,
    /// The first that waits.
    read: u64,
    /// The first that is not there yet.
    write: u64,
    /// Those that are being sent.
    dispatched: Vec<u64>,
}

impl Kept {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            index: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with the index that the storage has; those that were being sent, which are to be
    /// [`moved`](Self::moved).
    ///
    /// # Errors
    ///
    /// It is none; then it begins with an empty one, and what the storage holds is overwritten.
    pub(crate) fn load(&self, stored: Option<&[u8]>) -> Result<Vec<u64>, String> {
        let read = stored.map_or_else(|| Some(Index::default()), Index::read);
        let mut index = self.lock();
        *index = read.clone().unwrap_or_default();
        read.map(|read| read.dispatched)
            .ok_or_else(|| "the index of the queue cannot be read".to_owned())
    }

    /// Puts a batch that was being sent behind the others; one without a value is forgotten.
    pub(crate) fn moved(&self, number: u64, value: Option<Vec<u8>>) -> Vec<StorageOperation> {
        let mut index = self.lock();
        index.dispatched.retain(|other| *other != number);
        let mut operations = Vec::new();
        if let Some(value) = value {
            operations.push(StorageOperation::Set {
                key: index.write.to_string(),
                value,
            });
            index.write += 1;
        }
        operations.push(delete(number));
        index.written(operations)
    }

    /// How large a batch is.
    pub(crate) fn sizes(&self, batch: &Batch) -> Sizes {
        Sizes::of(batch, batch.items(), &self.limits)
    }

    /// Whether there is room for a batch.
    pub(crate) fn has_room(&self, sizes: Sizes) -> bool {
        self.size().saturating_add(sizes.by(self.limits.sizer)) <= self.limits.size
    }

    /// Takes a batch in.
    pub(crate) fn put(&self, sizes: Sizes, value: Vec<u8>) -> Vec<StorageOperation> {
        let mut index = self.lock();
        index.items = index.items.saturating_add(sizes.items);
        index.bytes = index.bytes.saturating_add(sizes.bytes);
        let key = index.write.to_string();
        index.write += 1;
        index.written(vec![StorageOperation::Set { key, value }])
    }

    /// The oldest that waits is sent from now on: its number, and what fetches it, last.
    pub(crate) fn next(&self) -> Option<(u64, Vec<StorageOperation>)> {
        let mut index = self.lock();
        if index.read == index.write {
            return None;
        }
        let number = index.read;
        index.read += 1;
        index.dispatched.push(number);
        let key = number.to_string();
        Some((number, index.written(vec![StorageOperation::Get { key }])))
    }

    /// What it says now, to which it is [`reset`](Self::reset) where the storage does not do what
    /// it is told next.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.lock().clone())
    }

    /// Says again what it said then.
    pub(crate) fn reset(&self, to: &Mark) {
        self.lock().clone_from(&to.0);
    }

    /// A batch was sent or given up.
    pub(crate) fn done(&self, number: u64, sizes: Sizes) -> Vec<StorageOperation> {
        let mut index = self.lock();
        index.items = index.items.saturating_sub(sizes.items);
        index.bytes = index.bytes.saturating_sub(sizes.bytes);
        index.dispatched.retain(|other| *other != number);
        if index.requests() == 0 {
            // Sizes of what could not be read are not known.
            (index.items, index.bytes) = (0, 0);
        }
        index.written(vec![delete(number)])
    }

    /// What it holds, with what is being sent.
    pub(crate) fn size(&self) -> u64 {
        let index = self.lock();
        match self.limits.sizer {
            Sizer::Requests => index.requests(),
            Sizer::Items => index.items,
            Sizer::Bytes => index.bytes,
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.limits.size
    }
}

fn delete(number: u64) -> StorageOperation {
    let key = number.to_string();
    StorageOperation::Delete { key }
}

impl Index {
    fn requests(&self) -> u64 {
        self.write.wrapping_sub(self.read) + self.dispatched.len() as u64
    }

    /// These operations, and in front of them the one that writes the index.
    fn written(&self, operations: Vec<StorageOperation>) -> Vec<StorageOperation> {
        let index = StorageOperation::Set {
            key: INDEX.to_owned(),
            value: self.to_bytes(),
        };
        std::iter::once(index).chain(operations).collect()
    }

    /// The helper's message `PersistentMetadata`.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let numbers = [self.items, self.bytes, self.read, self.write];
        for (key, number) in [0x09, 0x11, 0x19, 0x21].into_iter().zip(numbers) {
            out.push(key);
            out.extend(number.to_le_bytes());
        }
        let dispatched: Vec<u8> = self
            .dispatched
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        wire::write(5, &dispatched, &mut out);
        out
    }

    /// `None`: it is none, or says what cannot be.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut index = Self::default();
        for field in wire::fields(bytes) {
            let field = field.ok()?;
            match (field.number, field.value) {
                (1, Value::Eight(items)) => index.items = items,
                (2, Value::Eight(bytes)) => index.bytes = bytes,
                (3, Value::Eight(read)) => index.read = read,
                (4, Value::Eight(write)) => index.write = write,
                (5, Value::Eight(number)) => index.dispatched.push(number),
                (5, Value::Bytes(numbers)) => {
                    let (numbers, rest) = numbers.as_chunks::<8>();
                    if !rest.is_empty() {
                        return None;
                    }
                    index
                        .dispatched
                        .extend(numbers.iter().copied().map(u64::from_le_bytes));
                }
                _ => {}
            }
        }
        // Sizes are signed there; no queue comes to the end of its numbers.
        let numbers = [index.items, index.bytes, index.write];
        let in_range = numbers.iter().all(|number| number.cast_signed() >= 0);
        let sent = index.dispatched.iter().all(|number| *number < index.write);
        (in_range && sent && index.read <= index.write).then_some(index)
    }
}

#[cfg(test)]
mod tests;
