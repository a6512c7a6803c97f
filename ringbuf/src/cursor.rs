//! Index arithmetic of a ring's two ends, and the checks of what the other side says.
//!
//! A position counts messages from 0 for ever; an index is a position modulo the number of
//! descriptors. The cursors are plain numbers: they hold no pointers and touch no shared memory.
//! They guarantee that a value from the other side moves them only within, and that the
//! shares of R-11 are kept.

use crate::errors::{Error, Full, Result};

/// Where a ring's producer is.
#[derive(Debug)]
pub struct ProducerCursor {
    descriptors: u64,
    tail: u64,
    head: u64,
    unread_acks: u32,
    /// Whether the unread message at an index is an ack.
    is_ack: Box<[bool]>,
    /// Places promised to claims that are not published yet.
    reserved: u32,
}

impl ProducerCursor {
    /// The cursor of an empty ring of `descriptors` descriptors (a power of two, R-4).
    #[must_use]
    pub fn new(descriptors: u32) -> Self {
        debug_assert!(descriptors.is_power_of_two());
        Self {
            descriptors: u64::from(descriptors),
            tail: 0,
            head: 0,
            unread_acks: 0,
            is_ack: vec![false; descriptors as usize].into(),
            reserved: 0,
        }
    }

    /// A cursor of a ring that is empty at `position`, for tests of wrap-around.
    #[must_use]
    pub fn at(descriptors: u32, position: u64) -> Self {
        Self {
            tail: position,
            head: position,
            ..Self::new(descriptors)
        }
    }

    /// The position of the next message.
    #[must_use]
    pub const fn tail(&self) -> u64 {
        self.tail
    }

    /// The index of the next message.
    #[must_use]
    pub fn index(&self) -> usize {
        index(self.tail, self.descriptors)
    }

    /// Half of the descriptors: the share of acks, and of everything else.
    #[must_use]
    pub const fn share(&self) -> u32 {
        (self.descriptors / 2) as u32
    }

    /// Acks that the consumer has not read, as far as is known.
    #[must_use]
    pub const fn unread_acks(&self) -> u32 {
        self.unread_acks
    }

    /// Messages that are not acks and that the consumer has not read, as far as is known.
    #[must_use]
    pub const fn unread_others(&self) -> u32 {
        (self.tail - self.head) as u32 - self.unread_acks
    }

    /// Takes in what the consumer's `head` says.
    ///
    /// # Errors
    /// [`Error::Head`] if it went back or past the tail.
    pub fn observe_head(&mut self, found: u64) -> Result<()> {
        if found < self.head || found > self.tail {
            return Err(Error::Head {
                last: self.head,
                tail: self.tail,
                found,
            });
        }
        while self.head < found {
            if self.is_ack[index(self.head, self.descriptors)] {
                self.unread_acks -= 1;
            }
            self.head += 1;
        }
        Ok(())
    }

    /// Whether an ack has a place.
    #[must_use]
    pub const fn has_room_for_ack(&self) -> bool {
        self.unread_acks < self.share()
    }

    /// Whether a message that is neither an ack nor goaway has a place: one is goaway's.
    #[must_use]
    pub const fn has_room_for_other(&self) -> bool {
        self.unread_others() + self.reserved + 1 < self.share()
    }

    /// Keeps a place for a message that is neither an ack nor goaway.
    ///
    /// # Errors
    /// [`Error::Full`] if there is none.
    pub fn reserve(&mut self) -> Result<()> {
        if !self.has_room_for_other() {
            return Err(Error::Full(Full::Descriptors));
        }
        self.reserved += 1;
        Ok(())
    }

    /// Gives a reserved place back.
    pub fn unreserve(&mut self) {
        debug_assert!(self.reserved > 0);
        self.reserved -= 1;
    }

    /// Moves past a message that was just published.
    pub fn advance(&mut self, ack: bool) {
        debug_assert!(self.tail - self.head < self.descriptors);
        let index = self.index();
        self.is_ack[index] = ack;
        self.unread_acks += u32::from(ack);
        self.tail += 1;
    }
}

/// Where a ring's consumer is.
#[derive(Debug)]
pub struct ConsumerCursor {
    descriptors: u64,
    head: u64,
}

impl ConsumerCursor {
    /// The cursor of an empty ring of `descriptors` descriptors (a power of two, R-4).
    #[must_use]
    pub fn new(descriptors: u32) -> Self {
        debug_assert!(descriptors.is_power_of_two());
        Self {
            descriptors: u64::from(descriptors),
            head: 0,
        }
    }

    /// A cursor at `head`, for tests of wrap-around.
    #[must_use]
    pub fn at(descriptors: u32, head: u64) -> Self {
        Self {
            head,
            ..Self::new(descriptors)
        }
    }

    /// The position of the next message.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// The index of the next message.
    #[must_use]
    pub fn index(&self) -> usize {
        index(self.head, self.descriptors)
    }

    /// Whether `sequence`, read at [`ConsumerCursor::index`], says that a message is there.
    ///
    /// # Errors
    /// [`Error::Sequence`] if it says neither that nor that there is none.
    pub fn has_message(&self, sequence: u64) -> Result<bool> {
        let empty = (self.head + 1).saturating_sub(self.descriptors);
        if sequence == self.head + 1 {
            Ok(true)
        } else if sequence == empty {
            Ok(false)
        } else {
            Err(Error::Sequence {
                position: self.head,
                empty,
                found: sequence,
            })
        }
    }

    /// Moves past a message that was just copied.
    pub fn advance(&mut self) {
        self.head += 1;
    }
}

fn index(position: u64, descriptors: u64) -> usize {
    (position & (descriptors - 1)) as usize
}
