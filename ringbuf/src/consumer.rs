//! The consuming end of a ring: receive, lease, release.
//!
//! A message is copied out of its descriptor, checked completely, and then handed on. The slot of a
//! batch is leased in place, or copied where the other side is not trusted or too much is leased
//! already. A [`Lease`] may go anywhere, end in any thread, and outlive the link. What the bytes
//! mean is left to the layers above.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Instant;

use crate::cursor::ConsumerCursor;
use crate::descriptor::{Limits, Run};
use crate::doorbell::{AsyncDoorbell, Doorbell, Policy, SPIN, SPIN_LOOKS, YIELD};
use crate::errors::{Error, Result, Side};
use crate::layout::{self, Code, Counter, Descriptor, INLINE_BYTES, Kind};
use crate::layout::{WORD_HEAD, WORD_SLEEP, WORD_SPACE_WAIT};
use crate::link::{Options, Shared};
use crate::region::{AlignedBytes, Geometry, Mapping, page_bytes};
use crate::slab::for_words;
use crate::stats::Counters;
use crate::sync::{self, SharedWaker, Sleeper};
use crate::trust::Trust;

/// The ring that this side consumes: what leases need of it, so that they can outlive the link.
#[derive(Debug)]
pub(crate) struct Inbound {
    geometry: Geometry,
    slab_offset: usize,
    /// The other side's object.
    pub(crate) producer: Arc<Mapping>,
    /// This side's object.
    pub(crate) consumer: Arc<Mapping>,
    /// Waited for by this side.
    pub(crate) data: Doorbell,
    /// Rung by this side.
    pub(crate) space: Doorbell,
    counters: Counters,
    waker: SharedWaker,
    ledger: Ledger,
}

impl Inbound {
    pub(crate) fn new(
        geometry: Geometry,
        producer: Arc<Mapping>,
        consumer: Arc<Mapping>,
        data: Doorbell,
        space: Doorbell,
        counters: Counters,
    ) -> Self {
        let slab_offset = layout::slab_offset(geometry.descriptors(), page_bytes()) as usize;
        let (waker, ledger) = (SharedWaker::default(), Ledger::new(geometry.blocks()));
        Self {
            geometry,
            slab_offset,
            producer,
            consumer,
            data,
            space,
            counters,
            waker,
            ledger,
        }
    }

    pub(crate) fn leased_bytes(&self) -> usize {
        self.ledger.blocks.load(Relaxed) * layout::BLOCK_BYTES as usize
    }

    /// Gives a slot back. No reader may touch it any more.
    fn release(&self, run: Run) {
        self.ledger.end(run);
        let bit = 1 << (run.block % 64);
        sync::toggle_release(self.consumer.bitmap(run.block as usize / 64), bit);
        self.counters.add(Counter::SlotsReleased, 1);
        self.wake_producer();
    }

    /// Wakes the producer if it waits for room, after some was made.
    fn wake_producer(&self) {
        if self.waker.must_ring(self.producer.word32(WORD_SPACE_WAIT)) {
            self.space.ring();
            self.counters.add(Counter::SpaceDoorbells, 1);
        }
    }
}

/// Which blocks are leased: this side's own record, which the other side cannot touch.
///
/// Only the consumer begins leases, so its look and its mark need not be one step. A release is
/// recorded before its bit is toggled: when an honest producer uses the blocks again, the consumer
/// sees that they are free.
#[derive(Debug)]
struct Ledger {
    leased: Box<[AtomicU64]>,
    blocks: AtomicUsize,
}

impl Ledger {
    fn new(blocks: u32) -> Self {
        let leased = (0..layout::bitmap_words(blocks))
            .map(|_| AtomicU64::new(0))
            .collect();
        Self {
            leased,
            blocks: AtomicUsize::new(0),
        }
    }

    /// Records a lease, or says that the run overlaps one.
    fn begin(&self, run: Run) -> bool {
        let mut overlaps = false;
        for_words(run, |word, mask| {
            overlaps |= self.leased[word].load(Relaxed) & mask != 0
        });
        if !overlaps {
            for_words(run, |word, mask| {
                _ = self.leased[word].fetch_or(mask, Relaxed)
            });
            self.blocks.fetch_add(run.blocks as usize, Relaxed);
        }
        !overlaps
    }

    fn end(&self, run: Run) {
        for_words(run, |word, mask| {
            _ = self.leased[word].fetch_and(!mask, Relaxed)
        });
        self.blocks.fetch_sub(run.blocks as usize, Relaxed);
    }
}

/// What was received.
#[derive(Debug)]
pub enum Message {
    /// A batch, which wants an answer.
    Batch {
        /// Its bytes.
        lease: Lease,
        /// Where it crosses.
        edge: u16,
        /// What an ack answers.
        call_id: u64,
    },
    /// A message of up to 32 bytes, which wants an answer.
    Inline {
        /// Its bytes.
        content: Inline,
        /// Where it crosses.
        edge: u16,
        /// What an ack answers.
        call_id: u64,
    },
    /// The answer to a batch or an inline message of this side.
    Ack {
        /// What it answers.
        call_id: u64,
    },
    /// Bytes for the layer above, to be copied at once.
    Preamble(Lease),
    /// No batch or inline message follows.
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

/// The bytes of a received slot: in place, or a copy.
///
/// Starts at an address that is a multiple of 64. The slot goes back to its producer when the lease
/// is dropped; share it as `Arc<Lease>`. It stays readable after the link has ended.
pub struct Lease {
    content: Content,
    trust: Trust,
}

enum Content {
    Leased {
        inbound: Arc<Inbound>,
        run: Run,
        length: usize,
    },
    Copied(AlignedBytes),
}

impl Lease {
    /// Whether the bytes were copied at receive and the slot released already.
    #[must_use]
    pub const fn is_copy(&self) -> bool {
        matches!(self.content, Content::Copied(_))
    }

    /// How far who wrote the bytes is trusted: what a reader of them may leave unchecked.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }
}

#[allow(unsafe_code)]
impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.content {
            Content::Leased {
                inbound,
                run,
                length,
            } => {
                // SAFETY: the slot is released only when this lease is dropped, and its producer
                // does not write to it before: `Consumer::lease` leaves a slot in place only
                // on a link whose other side somebody vouches for (`Trust::trusted`).
                unsafe { inbound.producer.slot(inbound.slab_offset, *run, *length) }
            }
            Content::Copied(bytes) => bytes.as_slice(),
        }
    }
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Content::Leased { inbound, run, .. } = &self.content {
            inbound.release(*run);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.len();
        f.debug_struct("Lease")
            .field("bytes", &bytes)
            .field("is_copy", &self.is_copy())
            .finish()
    }
}

/// The consuming end of a ring.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    limits: Limits,
    trust: Trust,
    policy: Policy,
    lease_budget_bytes: usize,
    cursor: ConsumerCursor,
    sleeper: Sleeper,
    data: AsyncDoorbell,
}

impl Consumer {
    pub(crate) fn new(shared: Arc<Shared>, options: &Options) -> Self {
        let geometry = shared.inbound.geometry;
        Self {
            limits: Limits {
                blocks: geometry.blocks(),
                edges: options.edges_in.max(1),
            },
            trust: options.trust,
            policy: options.policy,
            lease_budget_bytes: options.lease_budget_bytes,
            cursor: ConsumerCursor::new(geometry.descriptors()),
            sleeper: Sleeper::default(),
            data: AsyncDoorbell::new(shared.inbound.data.clone()),
            shared,
        }
    }

    /// The next message, or `None` if there is none now. Does not block.
    ///
    /// After the other side has closed the link, what it had published is still received. After
    /// this side has closed it in order, or has lost the other side, acks are still received and
    /// everything else is dropped; after an error nothing is.
    ///
    /// # Errors
    /// [`Error::Closed`] when the link has ended and nothing is left to read, and what a broken
    /// other side shows (the link is closed then).
    pub fn try_recv(&mut self) -> Result<Option<Message>> {
        let Some(code) = self.shared.own_code() else {
            return self.receive();
        };
        if matches!(code, Code::Closed | Code::PeerLost) {
            // At most one lap: a side that goes on publishing must not keep this one here.
            for _ in 0..self.shared.inbound.geometry.descriptors() {
                // What a broken side has left is not worth another error than the end itself.
                let Ok(Some((descriptor, kind))) = self.next() else {
                    break;
                };
                if kind == Kind::Ack {
                    return Ok(Some(self.ack(&descriptor)));
                }
                if kind.has_slot() {
                    self.shared.inbound.release(descriptor.run());
                }
            }
        }
        Err(Error::Closed {
            side: Side::Own,
            code: code as u32,
        })
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
            let _announced = self.announce();
            if self.is_idle() {
                self.data.wait().await?;
            }
        }
    }

    /// [`Consumer::recv`] for a thread that may block: `None` when `deadline` has passed.
    ///
    /// # Errors
    /// As [`Consumer::recv`].
    pub fn recv_until_blocking(&mut self, deadline: Instant) -> Result<Option<Message>> {
        loop {
            if let Some(message) = self.try_recv()? {
                return Ok(Some(message));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let _announced = self.announce();
            if self.is_idle() {
                self.data.doorbell().wait_until(deadline)?;
            }
        }
    }

    /// Bytes of the other side's slab that readers hold.
    #[must_use]
    pub fn leased_bytes(&self) -> usize {
        self.shared.inbound.leased_bytes()
    }

    fn receive(&mut self) -> Result<Option<Message>> {
        if let Some((descriptor, kind)) = self.next()? {
            return Ok(Some(self.message(&descriptor, kind)));
        }
        let Err(closed) = self.shared.check_open() else {
            return Ok(None);
        };
        // What was published before the close word is visible only now (pair *close*).
        match self.next()? {
            Some((descriptor, kind)) => Ok(Some(self.message(&descriptor, kind))),
            None => Err(closed),
        }
    }

    /// Copies and checks the next descriptor, begins its lease, and frees its place.
    fn next(&mut self) -> Result<Option<(Descriptor, Kind)>> {
        match self.copy_next() {
            Ok(None) => Ok(None),
            Ok(Some(next)) => {
                self.cursor.advance();
                let inbound = &self.shared.inbound;
                sync::store_head(inbound.consumer.word64(WORD_HEAD), self.cursor.head());
                inbound.wake_producer();
                Ok(Some(next))
            }
            Err(error) => Err(self.shared.fail(error)),
        }
    }

    fn copy_next(&self) -> Result<Option<(Descriptor, Kind)>> {
        let inbound = &self.shared.inbound;
        let cell = inbound.producer.descriptor(self.cursor.index());
        let sequence = sync::load_sequence(cell);
        if !self.cursor.has_message(sequence)? {
            return Ok(None);
        }
        let descriptor = sync::copy_descriptor(cell, sequence);
        let kind = descriptor.check(self.cursor.head(), self.limits)?;
        if kind.has_slot() && !inbound.ledger.begin(descriptor.run()) {
            return Err(Error::Descriptor {
                position: self.cursor.head(),
                field: "block",
                expected: "a slot that overlaps no leased one".to_owned(),
                found: descriptor.block.into(),
            });
        }
        Ok(Some((descriptor, kind)))
    }

    fn message(&self, descriptor: &Descriptor, kind: Kind) -> Message {
        let (edge, call_id) = (descriptor.edge, descriptor.call_id);
        let counters = &self.shared.counters;
        match kind {
            Kind::Batch => {
                counters.add(Counter::BatchesReceived, 1);
                counters.add(Counter::BatchBytesReceived, descriptor.length.into());
                let lease = self.lease(descriptor);
                if lease.is_copy() {
                    counters.add(Counter::BatchesCopied, 1);
                }
                Message::Batch {
                    lease,
                    edge,
                    call_id,
                }
            }
            Kind::Inline => {
                counters.add(Counter::InlineReceived, 1);
                let length = descriptor.length as usize;
                Message::Inline {
                    content: Inline {
                        bytes: descriptor.inline,
                        length,
                    },
                    edge,
                    call_id,
                }
            }
            Kind::Ack => self.ack(descriptor),
            Kind::Preamble => {
                counters.add(Counter::PreamblesReceived, 1);
                Message::Preamble(self.lease(descriptor))
            }
            Kind::Goaway => Message::Goaway,
        }
    }

    fn ack(&self, descriptor: &Descriptor) -> Message {
        self.shared.counters.add(Counter::AcksReceived, 1);
        self.shared.end_call();
        Message::Ack {
            call_id: descriptor.call_id,
        }
    }

    /// The slot's bytes, in place or copied. The ledger has the lease already.
    fn lease(&self, descriptor: &Descriptor) -> Lease {
        let inbound = &self.shared.inbound;
        let (run, length) = (descriptor.run(), descriptor.length as usize);
        let leased = Lease {
            content: Content::Leased {
                inbound: Arc::clone(inbound),
                run,
                length,
            },
            trust: self.trust,
        };
        let copy = if !self.trust.is_trusted() {
            inbound.producer.copy_slot(inbound.slab_offset, run, length)
        } else if inbound.leased_bytes() > self.lease_budget_bytes {
            AlignedBytes::copy_of(&leased)
        } else {
            return leased;
        };
        Lease {
            content: Content::Copied(copy),
            trust: self.trust,
        }
    }

    /// Whether there is nothing to read and no end of the link to report.
    fn is_idle(&self) -> bool {
        let cell = self.shared.inbound.producer.descriptor(self.cursor.index());
        let empty = matches!(
            self.cursor.has_message(sync::load_sequence(cell)),
            Ok(false)
        );
        empty && self.shared.check_open().is_ok()
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
