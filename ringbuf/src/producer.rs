//! The producing end of a ring: claim, fill, publish.
//!
//! A claim keeps a descriptor and a place among the messages in flight, so publishing never finds
//! the ring full. An ack always finds room, or the other side has broken R-11; so does goaway.
//! There is one producer per ring and no lock on its path; waiting for room is in `waiting`, and
//! what the slot holds is left to the layers above.

use std::sync::Arc;

use crate::claim::{Aborted, Claim, Purpose};
use crate::cursor::ProducerCursor;
use crate::descriptor::{Run, blocks_for};
use crate::doorbell::AsyncDoorbell;
use crate::errors::{Error, Full, Result};
use crate::header::page_bytes;
use crate::layout::{self, BLOCK_BYTES, Counter, Descriptor, Kind, WORD_HEAD, WORD_SLEEP};
use crate::options::Options;
use crate::shared::{End, Shared};
use crate::slab::Slab;
use crate::sync::{self, Sleeper, Waker};

/// Blocks are backed by pages in steps of this many (256 KiB), ahead of their first use.
const BACKING_STEP: u32 = 64;

/// The producing end of a ring.
#[derive(Debug)]
pub struct Producer {
    pub(crate) shared: End,
    edges: u16,
    cursor: ProducerCursor,
    slab: Slab,
    slab_offset: usize,
    aborted: Arc<Aborted>,
    /// Blocks of the slab that have their pages: all before this one.
    backed: u32,
    waker: Waker,
    pub(crate) sleeper: Sleeper,
    pub(crate) space: AsyncDoorbell,
    said_goaway: bool,
    bell: Bell,
}

/// When a publish rings the doorbell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bell {
    /// At once.
    Now,
    /// When [`Producer::ring`] is called; nothing has been published since.
    Later,
    /// When [`Producer::ring`] is called, which is due.
    Due,
}

impl Producer {
    pub(crate) fn new(shared: &Arc<Shared>, options: &Options, space: AsyncDoorbell) -> Self {
        let geometry = shared.outbound.geometry;
        let slab_offset = layout::slab_offset(geometry.descriptors(), page_bytes());
        Self {
            edges: options.edges_out.max(1),
            cursor: ProducerCursor::new(geometry.descriptors()),
            slab: Slab::new(geometry.blocks()),
            slab_offset: slab_offset as usize,
            aborted: Arc::new(Aborted::new(Arc::clone(shared))),
            backed: 0,
            waker: Waker::default(),
            sleeper: Sleeper::default(),
            space,
            said_goaway: false,
            bell: Bell::Now,
            shared: End::new(shared),
        }
    }

    /// From now on publishing does not ring the doorbell; the caller calls [`Producer::ring`] soon
    /// after. For an owner that publishes several messages in a row, each of which would wake the
    /// consumer by itself. Waiting for room still rings first.
    pub fn ring_later(&mut self) {
        if self.bell == Bell::Now {
            self.bell = Bell::Later;
        }
    }

    /// Rings for what was published since the last call, if the consumer sleeps. Does nothing
    /// unless [`Producer::ring_later`] was called.
    pub fn ring(&mut self) {
        if self.bell == Bell::Due {
            self.bell = Bell::Later;
            self.wake_consumer();
        }
    }

    /// Claims a slot of at least `bytes` bytes for a batch.
    ///
    /// # Errors
    /// [`Error::Full`] if there is no room now, [`Error::SlotSize`] if there never is,
    /// [`Error::Closed`], [`Error::Goaway`], [`Error::System`] if the system has no memory for it,
    /// and what a broken other side shows (the link is closed then).
    pub fn claim(&mut self, bytes: usize) -> Result<Claim> {
        self.claim_slot(Kind::Batch, false, bytes)
    }

    /// Claims a slot of at least `bytes` bytes for a batch that wants no answer (R-8, `final`): it
    /// is not in flight.
    ///
    /// # Errors
    /// As [`Producer::claim`].
    pub fn claim_final(&mut self, bytes: usize) -> Result<Claim> {
        self.claim_slot(Kind::Batch, true, bytes)
    }

    /// Claims a slot of at least `bytes` bytes for a preamble, which wants no answer.
    ///
    /// # Errors
    /// As [`Producer::claim`].
    pub fn claim_preamble(&mut self, bytes: usize) -> Result<Claim> {
        self.claim_slot(Kind::Preamble, false, bytes)
    }

    /// Publishes the first `length` bytes of a claimed slot. Never finds the ring full. Blocks that
    /// `length` does not need go back to the slab. `edge` and `call_id` must be 0 for a preamble.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Edge`], [`Error::Closed`], [`Error::Goaway`] if that was said
    /// since the claim; the claim is given back then.
    ///
    /// # Panics
    /// If the claim is of another producer.
    pub fn publish(&mut self, claim: Claim, edge: u16, call_id: u64, length: usize) -> Result<()> {
        assert!(
            claim.is_of(&self.aborted),
            "the claim is of another producer"
        );
        self.shared.check_known()?;
        self.check_goaway()?;
        self.check_edge(edge)?;
        let limit = claim.len().min(u32::MAX as usize);
        if length == 0 || length > limit {
            return Err(Error::Length { length, limit });
        }
        let (run, purpose) = claim.into_parts();
        let run = self.slab.trim(run, blocks_for(length) as u32);
        self.slab.set_published(run);
        self.note_blocks();
        self.cursor.unreserve();
        let descriptor = Descriptor::slot(purpose.kind, edge, call_id, run, length as u32);
        self.put(
            if purpose.is_final {
                descriptor.into_final()
            } else {
                descriptor
            },
            false,
        );
        self.count_published(purpose.kind, length);
        Ok(())
    }

    fn count_published(&self, kind: Kind, length: usize) {
        let counters = &self.shared.counters;
        if kind == Kind::Batch {
            counters.add(Counter::BatchesPublished, 1);
            counters.add(Counter::BatchBytesPublished, length as u64);
        } else {
            counters.add(Counter::PreamblesPublished, 1);
        }
    }

    /// Sends a message of up to 32 bytes, which wants an answer.
    ///
    /// # Errors
    /// [`Error::InlineSize`], [`Error::Edge`], and as [`Producer::claim`].
    pub fn send_inline(&mut self, edge: u16, call_id: u64, content: &[u8]) -> Result<()> {
        self.check_edge(edge)?;
        let descriptor = Descriptor::inline(edge, call_id, content)?;
        self.check_may_send()?;
        self.reserve_place()?;
        self.cursor.unreserve();
        self.begin_in_flight()?;
        self.put(descriptor, false);
        self.shared.counters.add(Counter::InlinePublished, 1);
        Ok(())
    }

    /// Answers a batch or an inline message of the other side. Never finds the ring full.
    ///
    /// # Errors
    /// [`Error::NoCall`], [`Error::Closed`], [`Error::AckOverflow`] if the other side has more in
    /// flight than it may (the link is closed then).
    pub fn send_ack(&mut self, call_id: u64) -> Result<()> {
        if call_id == 0 {
            return Err(Error::NoCall);
        }
        self.shared.check_known()?;
        if !self.cursor.has_room_for_ack() {
            self.observe_head()?;
        }
        if !self.cursor.has_room_for_ack() {
            let (unread, limit) = (self.cursor.unread_acks(), self.cursor.share());
            return Err(self.shared.fail(Error::AckOverflow { unread, limit }));
        }
        // Before the other side can see the ack, and send the next message.
        self.shared.unanswered.end();
        self.put(Descriptor::ack(call_id), true);
        self.shared.counters.add(Counter::AcksPublished, 1);
        Ok(())
    }

    /// Says that nothing but acks follows. From now on nothing can be claimed, and claims
    /// that are open cannot be published. Always finds room; saying it twice is once.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn goaway(&mut self) -> Result<()> {
        self.shared.check_known()?;
        if !std::mem::replace(&mut self.said_goaway, true) {
            self.put(Descriptor::goaway(), false);
        }
        Ok(())
    }

    /// Bytes of this side's slab that are claimed or published and not yet released, as far as is
    /// known.
    #[must_use]
    pub fn bytes_in_use(&self) -> usize {
        self.slab.blocks_in_use() as usize * layout::BLOCK_BYTES as usize
    }

    fn claim_slot(&mut self, kind: Kind, is_final: bool, bytes: usize) -> Result<Claim> {
        let slab_bytes = self.shared.outbound.geometry.slab_bytes();
        // A descriptor's length has 32 bits.
        let limit = slab_bytes.min(u32::MAX as usize);
        if bytes == 0 || bytes > limit {
            return Err(Error::SlotSize { bytes, limit });
        }
        self.check_may_send()?;
        self.collect_aborted();
        self.reserve_place()?;
        let purpose = Purpose { kind, is_final };
        let result = self.take_claim(purpose, blocks_for(bytes) as u32);
        if result.is_err() {
            self.cursor.unreserve();
        }
        result
    }

    fn take_claim(&mut self, purpose: Purpose, blocks: u32) -> Result<Claim> {
        self.reclaim_published()?;
        if purpose.wants_answer() {
            self.begin_in_flight()?;
        }
        match self.take_blocks(blocks) {
            Ok(run) => {
                self.note_blocks();
                Ok(Claim::new(&self.aborted, self.slab_offset, run, purpose))
            }
            Err(error) => {
                if purpose.wants_answer() {
                    self.shared.in_flight.end();
                }
                Err(error)
            }
        }
    }

    /// Takes a run that can be written to, and whose release bit is quiet: one that changed while
    /// no slot was published there would be taken for the release of this one.
    fn take_blocks(&mut self, blocks: u32) -> Result<Run> {
        let Some(run) = self.slab.take(blocks) else {
            for word in 0..layout::bitmap_words(self.shared.outbound.geometry.blocks()) {
                self.reclaim_word(word)?;
            }
            return Err(Error::Full(Full::Slab));
        };
        let quiet = self.reclaim_word(run.block as usize / 64);
        if let Err(error) = quiet.and_then(|()| self.back(run)) {
            self.slab.abort(run);
            return Err(error);
        }
        Ok(run)
    }

    /// Has the pages of a run.
    fn back(&mut self, run: Run) -> Result<()> {
        let end = run.block + run.blocks;
        if end <= self.backed {
            return Ok(());
        }
        let all = self.shared.outbound.geometry.blocks();
        let end = end.next_multiple_of(BACKING_STEP).min(all);
        let bytes = |blocks: u32| blocks as usize * BLOCK_BYTES as usize;
        let offset = self.slab_offset + bytes(self.backed);
        let producer = &self.shared.outbound.producer;
        producer.back(offset, bytes(end - self.backed))?;
        self.backed = end;
        Ok(())
    }

    fn begin_in_flight(&self) -> Result<()> {
        if self.shared.in_flight.begin() {
            Ok(())
        } else {
            Err(Error::Full(Full::InFlight))
        }
    }

    fn note_blocks(&self) {
        let blocks = self.slab.blocks_in_use();
        self.shared.counters.set_blocks_in_use(blocks);
    }

    fn check_edge(&self, edge: u16) -> Result<()> {
        if edge >= self.edges {
            return Err(Error::Edge {
                edge,
                edges: self.edges,
            });
        }
        Ok(())
    }

    fn check_may_send(&self) -> Result<()> {
        self.shared.check_open()?;
        self.check_goaway()
    }

    fn check_goaway(&self) -> Result<()> {
        if self.said_goaway {
            return Err(Error::Goaway);
        }
        Ok(())
    }

    /// Keeps a descriptor for a message, looking at `head` only if it must.
    fn reserve_place(&mut self) -> Result<()> {
        if self.cursor.reserve().is_ok() {
            return Ok(());
        }
        self.collect_aborted();
        self.observe_head()?;
        self.cursor.reserve()
    }

    fn observe_head(&mut self) -> Result<()> {
        let head = sync::load_head(self.shared.outbound.consumer.word64(WORD_HEAD));
        self.cursor
            .observe_head(head)
            .map_err(|error| self.shared.fail(error))
    }

    /// Takes back what aborted claims held.
    fn collect_aborted(&mut self) {
        for run in self.aborted.take() {
            self.slab.abort(run);
            self.cursor.unreserve();
        }
    }

    /// Takes back the slots whose release bits have changed, looking only at words of the
    /// bitmap where a published slot starts: no other bit may change.
    fn reclaim_published(&mut self) -> Result<()> {
        let mut word = self.slab.next_published_word(0);
        while let Some(index) = word {
            self.reclaim_word(index)?;
            word = self.slab.next_published_word(index + 1);
        }
        Ok(())
    }

    fn reclaim_word(&mut self, word: usize) -> Result<()> {
        let found = sync::load_release(self.shared.outbound.consumer.bitmap(word));
        let observed = self.slab.observe_release(word, found);
        observed.map_err(|error| self.shared.fail(error))
    }

    /// Publishes a message for which there is a place, and wakes the consumer if it sleeps (later,
    /// if the owner wants it so).
    fn put(&mut self, mut descriptor: Descriptor, ack: bool) {
        let outbound = &self.shared.outbound;
        descriptor.sequence = self.cursor.tail() + 1;
        sync::publish(
            outbound.producer.descriptor(self.cursor.index()),
            &descriptor,
        );
        self.cursor.advance(ack);
        match self.bell {
            Bell::Now => self.wake_consumer(),
            Bell::Later | Bell::Due => self.bell = Bell::Due,
        }
    }

    /// Rings if the consumer sleeps, after `sequence` was stored.
    fn wake_consumer(&mut self) {
        let outbound = &self.shared.outbound;
        if self.waker.must_ring(outbound.consumer.word32(WORD_SLEEP)) {
            outbound.data.ring();
            self.shared.counters.add(Counter::DataDoorbells, 1);
        }
    }
}
