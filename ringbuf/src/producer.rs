//! The producing end of a ring: claim, fill, publish (R-7, R-9 to R-11, R-14, R-16, R-20).
//!
//! A [`Claim`] is a slot to write into; publishing it gives it to the other side, dropping it gives
//! it back. A claim keeps a descriptor and a place among the messages in flight, so publishing
//! never finds the ring full. An ack always finds room, or the other side has broken R-11. There is
//! one producer per ring and no lock on its path; what the slot holds is left to the layers above.

use std::ops::{ControlFlow, Deref, DerefMut};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::cursor::ProducerCursor;
use crate::descriptor::{Run, blocks_for};
use crate::doorbell::{AsyncDoorbell, Doorbell};
use crate::errors::{Error, Full, Result};
use crate::layout::{self, Counter, Descriptor, Kind, WORD_HEAD, WORD_SLEEP, WORD_SPACE_WAIT};
use crate::link::{Options, Shared};
use crate::region::{Geometry, Mapping, page_bytes};
use crate::slab::Slab;
use crate::sync::{self, SharedWaker, Sleeper, Waker};

/// The ring that this side produces.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) geometry: Geometry,
    /// This side's object.
    pub(crate) producer: Arc<Mapping>,
    /// The other side's object.
    pub(crate) consumer: Arc<Mapping>,
    /// Rung by this side.
    pub(crate) data: Doorbell,
    /// Waited for by this side.
    pub(crate) space: Doorbell,
    /// For room that this side itself makes (answers, aborted claims).
    pub(crate) own_waker: SharedWaker,
}

/// The producing end of a ring.
#[derive(Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    edges: u16,
    cursor: ProducerCursor,
    slab: Slab,
    slab_offset: usize,
    aborted: Arc<Aborted>,
    waker: Waker,
    sleeper: Sleeper,
    space: AsyncDoorbell,
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
    pub(crate) fn new(shared: Arc<Shared>, options: &Options) -> Self {
        let geometry = shared.outbound.geometry;
        let slab_offset = layout::slab_offset(geometry.descriptors(), page_bytes());
        Self {
            edges: options.edges_out.max(1),
            cursor: ProducerCursor::new(geometry.descriptors()),
            slab: Slab::new(geometry.blocks()),
            slab_offset: slab_offset as usize,
            aborted: Arc::new(Aborted::new(Arc::clone(&shared))),
            waker: Waker::default(),
            sleeper: Sleeper::default(),
            space: AsyncDoorbell::new(shared.outbound.space.clone()),
            said_goaway: false,
            bell: Bell::Now,
            shared,
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
    /// [`Error::Closed`], [`Error::Goaway`], and what a broken other side shows (the link is closed
    /// then).
    pub fn claim(&mut self, bytes: usize) -> Result<Claim> {
        self.claim_slot(Kind::Batch, bytes)
    }

    /// Claims a slot of at least `bytes` bytes for a preamble, which wants no answer.
    ///
    /// # Errors
    /// As [`Producer::claim`].
    pub fn claim_preamble(&mut self, bytes: usize) -> Result<Claim> {
        self.claim_slot(Kind::Preamble, bytes)
    }

    /// Publishes the first `length` bytes of a claimed slot. Never finds the ring full. Blocks that
    /// `length` does not need go back to the slab. `edge` and `call_id` must be 0 for a preamble.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Edge`], [`Error::Closed`]; the claim is given back then.
    ///
    /// # Panics
    /// If the claim is of another producer.
    pub fn publish(&mut self, claim: Claim, edge: u16, call_id: u64, length: usize) -> Result<()> {
        assert!(
            Arc::ptr_eq(&claim.aborted, &self.aborted),
            "the claim is of another producer"
        );
        self.shared.check_own()?;
        self.check_edge(edge)?;
        let limit = claim.len().min(u32::MAX as usize);
        if length == 0 || length > limit {
            return Err(Error::Length { length, limit });
        }
        let (run, kind) = claim.into_parts();
        let run = self.slab.trim(run, blocks_for(length) as u32);
        self.slab.set_published(run);
        self.shared
            .counters
            .set_blocks_in_use(self.slab.blocks_in_use());
        self.cursor.unreserve();
        self.put(
            Descriptor::slot(kind, edge, call_id, run, length as u32),
            false,
        );
        let counters = &self.shared.counters;
        if kind == Kind::Batch {
            counters.add(Counter::BatchesPublished, 1);
            counters.add(Counter::BatchBytesPublished, length as u64);
        } else {
            counters.add(Counter::PreamblesPublished, 1);
        }
        Ok(())
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
        self.shared.in_flight.begin()?;
        self.put(descriptor, false);
        self.shared.counters.add(Counter::InlinePublished, 1);
        Ok(())
    }

    /// Answers a batch or an inline message of the other side. Never finds the ring full.
    ///
    /// # Errors
    /// [`Error::NoCall`], [`Error::Closed`] if this side has closed the link,
    /// [`Error::AckOverflow`] if the other side has more in flight than it may (the link is closed
    /// then).
    pub fn send_ack(&mut self, call_id: u64) -> Result<()> {
        if call_id == 0 {
            return Err(Error::NoCall);
        }
        self.shared.check_own()?;
        if !self.cursor.has_room_for_ack() {
            self.observe_head()?;
        }
        if !self.cursor.has_room_for_ack() {
            let (unread, limit) = (self.cursor.unread_acks(), self.cursor.share());
            return Err(self.shared.fail(Error::AckOverflow { unread, limit }));
        }
        self.put(Descriptor::ack(call_id), true);
        self.shared.counters.add(Counter::AcksPublished, 1);
        Ok(())
    }

    /// Says that no batch or inline message follows (R-13). Saying it twice is once.
    ///
    /// # Errors
    /// [`Error::Full`] if there is no descriptor for it now; [`Error::Closed`].
    pub fn goaway(&mut self) -> Result<()> {
        if self.said_goaway {
            return Ok(());
        }
        self.check_may_send()?;
        self.reserve_place()?;
        self.cursor.unreserve();
        self.put(Descriptor::goaway(), false);
        self.said_goaway = true;
        Ok(())
    }

    /// Repeats `attempt` while it answers [`Error::Full`], sleeping in between, until `deadline`.
    /// Safe to cancel. The thread that consumes the same link must not wait here (R-12).
    ///
    /// ```no_run
    /// # async fn f(mut producer: strait_ringbuf::Producer) -> strait_ringbuf::Result<()> {
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    /// let claim = producer.until(deadline, |producer| producer.claim(4096)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Deadline`], [`Error::Closed`] as soon as the link ends, and what `attempt` answers.
    ///
    /// # Panics
    /// If it has to wait outside a tokio runtime with I/O and time enabled.
    pub async fn until<T>(
        &mut self,
        deadline: Instant,
        mut attempt: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut wait = SpaceWait::new(deadline);
        loop {
            match self.look(&mut wait, &mut attempt) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(_announced) => self.space.wait_until(deadline).await?,
            }
        }
    }

    /// [`Producer::until`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Producer::until`].
    pub fn until_blocking<T>(
        &mut self,
        deadline: Instant,
        mut attempt: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut wait = SpaceWait::new(deadline);
        loop {
            match self.look(&mut wait, &mut attempt) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(_announced) => self.space.doorbell().wait_until(deadline)?,
            }
        }
    }

    /// Bytes of this side's slab that are claimed or published and not yet released, as far as is
    /// known.
    #[must_use]
    pub fn bytes_in_use(&self) -> usize {
        self.slab.blocks_in_use() as usize * layout::BLOCK_BYTES as usize
    }

    fn claim_slot(&mut self, kind: Kind, bytes: usize) -> Result<Claim> {
        // A descriptor's length has 32 bits.
        let limit = self
            .shared
            .outbound
            .geometry
            .slab_bytes()
            .min(u32::MAX as usize);
        if bytes == 0 || bytes > limit {
            return Err(Error::SlotSize { bytes, limit });
        }
        self.check_may_send()?;
        self.collect_aborted();
        self.reserve_place()?;
        let result = self.take_run(kind, blocks_for(bytes) as u32);
        if result.is_err() {
            self.cursor.unreserve();
        }
        result
    }

    fn take_run(&mut self, kind: Kind, blocks: u32) -> Result<Claim> {
        self.reclaim_published()?;
        if kind.wants_answer() {
            self.shared.in_flight.begin()?;
        }
        let run = match self.take_blocks(blocks) {
            Ok(run) => run,
            Err(error) => {
                if kind.wants_answer() {
                    self.shared.in_flight.end();
                }
                return Err(error);
            }
        };
        self.shared
            .counters
            .set_blocks_in_use(self.slab.blocks_in_use());
        let mapping = Arc::clone(&self.shared.outbound.producer);
        let aborted = Arc::clone(&self.aborted);
        Ok(Claim {
            mapping,
            slab_offset: self.slab_offset,
            run,
            kind,
            aborted,
            kept: true,
        })
    }

    /// Takes a run whose release bit is quiet: one that changed while no slot was published there
    /// would be taken for the release of this one.
    fn take_blocks(&mut self, blocks: u32) -> Result<Run> {
        let Some(run) = self.slab.take(blocks) else {
            for word in 0..layout::bitmap_words(self.shared.outbound.geometry.blocks()) {
                self.reclaim_word(word)?;
            }
            return Err(Error::Full(Full::Slab));
        };
        if let Err(error) = self.reclaim_word(run.block as usize / 64) {
            self.slab.abort(run);
            return Err(error);
        }
        Ok(run)
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
        if self.said_goaway {
            Err(Error::Goaway)
        } else {
            Ok(())
        }
    }

    /// Keeps a descriptor for a message that is not an ack, looking at `head` only if it must.
    fn reserve_place(&mut self) -> Result<()> {
        if self.cursor.reserve().is_ok() {
            return Ok(());
        }
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

    /// Takes back the slots whose release bits have changed (R-16), looking only at words of the
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

    /// Rings if the consumer sleeps (R-19), after `sequence` was stored.
    fn wake_consumer(&mut self) {
        let outbound = &self.shared.outbound;
        if self.waker.must_ring(outbound.consumer.word32(WORD_SLEEP)) {
            outbound.data.ring();
            self.shared.counters.add(Counter::DataDoorbells, 1);
        }
    }

    /// Attempts, and again after it was announced that this producer is about to sleep (R-20): gives
    /// the answer, or the announcement to sleep under.
    fn look<T>(
        &mut self,
        wait: &mut SpaceWait,
        attempt: &mut impl FnMut(&mut Self) -> Result<T>,
    ) -> ControlFlow<Result<T>, Announced> {
        let result = attempt(self);
        if let Some(result) = self.settle(result, wait) {
            return ControlFlow::Break(result);
        }
        // The consumer can only make room when it is awake.
        self.ring();
        let announced = self.announce(wait);
        let result = attempt(self);
        match self.settle(result, wait) {
            Some(result) => ControlFlow::Break(result),
            None => ControlFlow::Continue(announced),
        }
    }

    /// The answer to an attempt, unless it is to be repeated.
    fn settle<T>(&self, result: Result<T>, wait: &SpaceWait) -> Option<Result<T>> {
        let Err(Error::Full(full)) = result else {
            return Some(result);
        };
        if let Err(closed) = self.shared.check_open() {
            return Some(Err(closed));
        }
        if Instant::now() < wait.deadline {
            return None;
        }
        self.shared.counters.add(Counter::SpaceTimeouts, 1);
        let waited_ms = wait.started.elapsed().as_millis() as u64;
        Some(Err(Error::Deadline { full, waited_ms }))
    }

    /// Says that this producer is about to sleep (R-20), until the guard is dropped.
    fn announce(&mut self, wait: &mut SpaceWait) -> Announced {
        if !std::mem::replace(&mut wait.counted, true) {
            self.shared.counters.add(Counter::SpaceWaits, 1);
        }
        self.sleeper
            .announce(self.shared.outbound.producer.word32(WORD_SPACE_WAIT));
        Announced {
            producer: Arc::clone(&self.shared.outbound.producer),
        }
    }
}

/// One wait for room.
struct SpaceWait {
    started: Instant,
    deadline: Instant,
    counted: bool,
}

impl SpaceWait {
    fn new(deadline: Instant) -> Self {
        Self {
            started: Instant::now(),
            deadline,
            counted: false,
        }
    }
}

/// Keeps `space_wait` set; says that the producer is awake when dropped, also by a cancelled wait.
struct Announced {
    producer: Arc<Mapping>,
}

impl Drop for Announced {
    fn drop(&mut self) {
        sync::retract(self.producer.word32(WORD_SPACE_WAIT));
    }
}

/// Claims that were dropped, for the producer to take back.
#[derive(Debug)]
struct Aborted {
    runs: Mutex<Vec<Run>>,
    /// Whether `runs` has any, so that the producer's path takes no lock.
    any: AtomicBool,
    shared: Arc<Shared>,
}

impl Aborted {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            runs: Mutex::default(),
            any: AtomicBool::new(false),
            shared,
        }
    }

    fn push(&self, run: Run, kind: Kind) {
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(run);
        // Release: partner is the swap in `take`.
        self.any.store(true, Release);
        if kind.wants_answer() {
            self.shared.in_flight.end();
        }
        self.shared.wake_own_producer();
    }

    fn take(&self) -> Vec<Run> {
        // Acquire: partner is the store in `push`.
        if !self.any.load(Relaxed) || !self.any.swap(false, Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A slot to write into: `claim.publish`ed through its [`Producer`], or given back when dropped.
///
/// Derefs to all bytes of its blocks, which may be more than were asked for. They hold what the
/// slot's last user left.
#[derive(Debug)]
pub struct Claim {
    mapping: Arc<Mapping>,
    slab_offset: usize,
    run: Run,
    kind: Kind,
    aborted: Arc<Aborted>,
    /// Cleared when the producer has taken the run over.
    kept: bool,
}

impl Claim {
    fn into_parts(mut self) -> (Run, Kind) {
        self.kept = false;
        (self.run, self.kind)
    }
}

#[allow(unsafe_code)]
impl Deref for Claim {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slab gave the run to this claim alone, and it is not published while the
        // claim lives; writing needs `&mut self`.
        unsafe {
            self.mapping
                .slot(self.slab_offset, self.run, self.run.bytes())
        }
    }
}

#[allow(unsafe_code)]
impl DerefMut for Claim {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes it the only reference.
        unsafe { self.mapping.slot_mut(self.slab_offset, self.run) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.kept {
            self.aborted.push(self.run, self.kind);
        }
    }
}
