//! The consuming end of a ring: receive, and wait for it.
//!
//! A message is copied out of its descriptor, checked completely, and then handed on; the slot of a
//! batch becomes a [`Lease`]. The sender is held to R-11: one unanswered message too many ends the
//! link. What the bytes mean is left to the layers above.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use crate::cursor::ConsumerCursor;
use crate::descriptor::Limits;
use crate::doorbell::{AsyncDoorbell, Policy, SPIN, SPIN_LOOKS, Woken, YIELD};
use crate::ending::{Ended, Rest};
use crate::errors::{Error, Result};
use crate::layout::{Counter, Descriptor, INLINE_BYTES, Kind, WORD_HEAD, WORD_SLEEP};
use crate::lease::{Lease, Slot};
use crate::options::Options;
use crate::region::Mapping;
use crate::shared::{End, Shared};
use crate::sync::{self, Sleeper};

/// What was received.
#[derive(Debug)]
pub enum Message {
    /// A batch.
    Batch {
        /// Its bytes.
        lease: Lease,
        /// Where it crosses.
        edge: u16,
        /// What an ack answers.
        call_id: u64,
        /// Whether it wants no answer; every other one wants one.
        is_final: bool,
    },
    /// A message of up to 32 bytes.
    Inline {
        /// Its bytes.
        content: Inline,
        /// Where it crosses.
        edge: u16,
        /// What an ack answers.
        call_id: u64,
        /// Whether it wants no answer; every other one wants one.
        is_final: bool,
    },
    /// The answer to a batch or an inline message of this side.
    Ack {
        /// What it answers.
        call_id: u64,
    },
    /// Bytes for the layer above, to be copied at once.
    Preamble(Lease),
    /// Nothing but acks follows.
    Goaway,
}

/// The bytes of an inline message.
#[derive(Debug, Clone, Copy)]
pub struct Inline {
    bytes: [u8; INLINE_BYTES],
    length: usize,
}

impl Deref for Inline {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The consuming end of a ring.
#[derive(Debug)]
pub struct Consumer {
    shared: End,
    limits: Limits,
    policy: Policy,
    cursor: ConsumerCursor,
    sleeper: Sleeper,
    data: AsyncDoorbell,
    /// How many more descriptors are read once the link has ended.
    left: u32,
}

/// A descriptor that was copied and checked, with the slot that it carries.
struct Next {
    descriptor: Descriptor,
    kind: Kind,
    slot: Option<Slot>,
}

impl Consumer {
    pub(crate) fn new(shared: &Arc<Shared>, options: &Options, data: AsyncDoorbell) -> Self {
        let geometry = shared.inbound.geometry;
        Self {
            limits: Limits {
                blocks: geometry.blocks(),
                edges: options.edges_in.max(1),
            },
            policy: options.policy,
            cursor: ConsumerCursor::new(geometry.descriptors()),
            sleeper: Sleeper::default(),
            data,
            left: geometry.descriptors(),
            shared: End::new(shared),
        }
    }

    /// The next message, or `None` if there is none now. Does not block.
    ///
    /// After the end of the link: what the other side published before its orderly close is
    /// still received; of what it published before an error of its own or its loss, the acks are;
    /// after an end by this side nothing is.
    ///
    /// # Errors
    /// [`Error::Closed`] when the link has ended and nothing is left to read, and what a broken
    /// other side shows (the link is closed then).
    pub fn try_recv(&mut self) -> Result<Option<Message>> {
        if let Some(ended) = self.shared.ending.get() {
            return self.receive_rest(ended).map(Some);
        }
        if let Some(next) = self.next().map_err(|error| self.shared.fail(error))? {
            self.count_unanswered(&next)?;
            return Ok(Some(self.message(next)));
        }
        match self.shared.look() {
            // What was published before the close word is visible only now (pair *close*).
            Some(ended) => self.receive_rest(ended).map(Some),
            None => Ok(None),
        }
    }

    /// The next message. Safe to cancel; the caller says how long to wait.
    ///
    /// # Errors
    /// As [`Consumer::try_recv`]; [`Error::System`].
    ///
    /// # Panics
    /// If it has to sleep outside a tokio runtime with I/O enabled.
    pub async fn recv(&mut self) -> Result<Message> {
        loop {
            if let Some(message) = self.try_recv()? {
                return Ok(message);
            }
            if self.policy == Policy::Latency
                && let Some(message) = self.linger().await?
            {
                return Ok(message);
            }
            let announced = self.announce();
            if self.is_idle() {
                let woken = self.data.wait(&self.shared.data_alarm).await?;
                self.woken(woken);
            }
            drop(announced);
        }
    }

    /// [`Consumer::recv`] for a thread that may block: `None` when `deadline` has passed.
    ///
    /// # Errors
    /// As [`Consumer::recv`].
    pub fn recv_until_blocking(&mut self, deadline: Instant) -> Result<Option<Message>> {
        let shared = Arc::clone(self.shared.shared());
        loop {
            if let Some(message) = self.try_recv()? {
                return Ok(Some(message));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let event = shared.data_alarm.thread_event()?;
            let announced = self.announce();
            if self.is_idle() {
                let woken = self.data.doorbell().wait_until(event, deadline)?;
                self.woken(woken);
            }
            drop(announced);
        }
    }

    /// Bytes of the other side's slab that readers hold.
    #[must_use]
    pub fn leased_bytes(&self) -> usize {
        self.shared.inbound.leased_bytes()
    }

    fn woken(&self, woken: Woken) {
        if woken == Woken::HungUp {
            self.shared.lose_other();
        }
    }

    /// What the link's end leaves to receive: a message, or the end itself.
    fn receive_rest(&mut self, ended: Ended) -> Result<Message> {
        let rest = ended.rest();
        while rest != Rest::Nothing && self.left > 0 {
            self.left -= 1;
            // What a broken side has left is not worth another error than the end itself.
            let Ok(Some(next)) = self.next() else {
                break;
            };
            if rest == Rest::All || next.kind == Kind::Ack {
                return Ok(self.message(next));
            }
        }
        Err(ended.into())
    }

    /// Holds the sender to R-11, of a message that wants an answer.
    fn count_unanswered(&self, next: &Next) -> Result<()> {
        let wants_answer = next.kind.wants_answer() && !next.descriptor.is_final();
        if wants_answer && !self.shared.unanswered.begin() {
            return Err(self.shared.fail(Error::InFlight {
                position: self.cursor.head() - 1,
                limit: self.shared.unanswered.limit(),
            }));
        }
        Ok(())
    }

    /// Copies and checks the next descriptor, takes its slot, and frees its place.
    fn next(&mut self) -> Result<Option<Next>> {
        let inbound = &self.shared.inbound;
        let cell = inbound.producer.descriptor(self.cursor.index());
        let sequence = sync::load_sequence(cell);
        if !self.cursor.has_message(sequence)? {
            return Ok(None);
        }
        let descriptor = sync::copy_descriptor(cell, sequence);
        let kind = descriptor.check(self.cursor.head(), self.limits)?;
        let slot = if kind.has_slot() {
            let overlaps = || Error::Descriptor {
                position: self.cursor.head(),
                field: "block",
                expected: "a slot that overlaps no leased one".to_owned(),
                found: descriptor.block.into(),
            };
            Some(inbound.take(descriptor.run()).ok_or_else(overlaps)?)
        } else {
            None
        };
        self.cursor.advance();
        sync::store_head(inbound.consumer.word64(WORD_HEAD), self.cursor.head());
        inbound.wake_producer();
        Ok(Some(Next {
            descriptor,
            kind,
            slot,
        }))
    }

    fn message(&self, next: Next) -> Message {
        let Next {
            descriptor,
            kind,
            slot,
        } = next;
        let (edge, call_id, is_final) =
            (descriptor.edge, descriptor.call_id, descriptor.is_final());
        let length = descriptor.length as usize;
        let counters = &self.shared.counters;
        match (kind, slot) {
            (Kind::Batch, Some(slot)) => {
                counters.add(Counter::BatchesReceived, 1);
                counters.add(Counter::BatchBytesReceived, descriptor.length.into());
                let lease = slot.lease(length);
                if lease.is_copy() {
                    counters.add(Counter::BatchesCopied, 1);
                }
                Message::Batch {
                    lease,
                    edge,
                    call_id,
                    is_final,
                }
            }
            (Kind::Preamble, Some(slot)) => {
                counters.add(Counter::PreamblesReceived, 1);
                Message::Preamble(slot.lease(length))
            }
            (Kind::Ack, _) => {
                counters.add(Counter::AcksReceived, 1);
                self.shared.settle();
                Message::Ack { call_id }
            }
            (Kind::Goaway, _) => Message::Goaway,
            // A batch or a preamble has a slot (`next`).
            (Kind::Inline | Kind::Batch | Kind::Preamble, _) => {
                counters.add(Counter::InlineReceived, 1);
                let bytes = descriptor.inline;
                let content = Inline { bytes, length };
                Message::Inline {
                    content,
                    edge,
                    call_id,
                    is_final,
                }
            }
        }
    }

    /// Whether there is nothing to read and no end of the link to report.
    fn is_idle(&self) -> bool {
        let cell = self.shared.inbound.producer.descriptor(self.cursor.index());
        let empty = matches!(
            self.cursor.has_message(sync::load_sequence(cell)),
            Ok(false)
        );
        empty && self.shared.look().is_none()
    }

    /// Looks again for a while, first without and then with letting others run.
    async fn linger(&mut self) -> Result<Option<Message>> {
        let started = Instant::now();
        let mut looks = SPIN_LOOKS;
        loop {
            for _ in 0..looks {
                if let Some(message) = self.try_recv()? {
                    return Ok(Some(message));
                }
                std::hint::spin_loop();
            }
            let spent = started.elapsed();
            if spent >= YIELD {
                return Ok(None);
            }
            if spent >= SPIN {
                looks = 1;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Says that this consumer is about to sleep, until the guard is dropped.
    fn announce(&mut self) -> Announced {
        let consumer = Arc::clone(&self.shared.inbound.consumer);
        self.sleeper.announce(consumer.word32(WORD_SLEEP));
        self.shared.counters.add(Counter::Sleeps, 1);
        Announced { consumer }
    }
}

/// Keeps `sleep` set; says that the consumer is awake when dropped, also by a cancelled wait.
struct Announced {
    consumer: Arc<Mapping>,
}

impl Drop for Announced {
    fn drop(&mut self) {
        sync::retract(self.consumer.word32(WORD_SLEEP));
    }
}
