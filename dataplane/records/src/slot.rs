//! The bytes of a slot and what keeps them alive.
//!
//! Guarantees: the bytes stay where they are until the last [`Slot`] and the last Arrow buffer made
//! from it are dropped; only then is the owner (a ring lease, usually) dropped. They begin at a
//! multiple of 64. Leaves to others: that nobody writes them meanwhile, which is the ring's lease.

use crate::errors::Error;
use arrow_buffer::{Buffer, MutableBuffer};
use bytes::Bytes;

/// Alignment of a slot's memory and of everything that is aligned in it.
pub(crate) const ALIGN: usize = 64;

/// Bytes of a slot, with a shared owner. Cloning copies nothing.
#[derive(Debug, Clone)]
pub struct Slot {
    bytes: Bytes,
    buffer: Buffer,
}

impl Slot {
    /// Takes the bytes that `owner` gives, and drops `owner` when nothing refers to them any more.
    ///
    /// # Errors
    /// [`Error::Misaligned`] if the memory does not begin at a multiple of 64. Slots of a ring
    /// always do.
    pub fn new(owner: impl AsRef<[u8]> + Send + 'static) -> Result<Self, Error> {
        Self::of(Bytes::from_owner(owner))
    }

    /// Copies the bytes to aligned memory of its own.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = MutableBuffer::with_capacity(bytes.len());
        copy.extend_from_slice(bytes);
        let bytes = Bytes::from_owner(Copied(Buffer::from(copy)));
        Self {
            buffer: Buffer::from(bytes.clone()),
            bytes,
        }
    }

    fn of(bytes: Bytes) -> Result<Self, Error> {
        match bytes.as_ptr().addr() % ALIGN {
            0 => Ok(Self {
                buffer: Buffer::from(bytes.clone()),
                bytes,
            }),
            found if !bytes.is_empty() => Err(Error::Misaligned { found }),
            _ => Ok(Self::copy_of(&[])),
        }
    }

    /// The bytes as a handle that keeps the slot alive.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes as an Arrow buffer that keeps the slot alive.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}

/// Aligned memory of a slot that was copied.
struct Copied(Buffer);

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Slot {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
