//! What one lane's nodes share: its link, the calls in flight, and the answers on their way.
//!
//! A [`Port`] belongs to one lane thread and outlives the pipelines (generations) that run on it.
//!
//! Guarantees:
//! - every call that was read from the ring ends exactly once: by an ack or a difference on the
//!   ring, or by [`Upcalls::batch_failed`]; whatever happens later to its batch is counted and
//!   dropped;
//! - nothing here waits: reading never depends on a node, acks never on space;
//! - what is kept is bounded by what the ring can have in flight.
//!
//! It leaves reading and sleeping to the lane's read loop, encodings to the ends.

pub(crate) mod carried;
mod deadlines;
mod inbox;
mod outputs;
pub(crate) mod tag;
pub(crate) mod verdict;

pub(crate) use inbox::Inbox;
pub use inbox::{LaneStatus, Upcalls};
pub(crate) use outputs::Origin;

use crate::difference::Originals;
use crate::link::{self, Incoming, Reader, Writer};
use crate::plan::projection::Projection;
use deadlines::Deadlines;
use inbox::Told;
use outputs::{Answer, Tokens};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure};
use strait_records::{Encoding, ReceivedSchemas};
use tag::Tag;
use tokio::sync::Notify;
use verdict::merge;

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Read from the ring, not yet in the engine.
    Queued,
    /// In the engine.
    Running,
    /// Ended early (cancelled, deadline), while its batch is still in the engine.
    Abandoned,
}

#[derive(Debug)]
struct Call {
    stage: Stage,
    deadline: Option<Instant>,
}

/// A batch that waits to enter the engine.
pub(crate) struct Arrived {
    pub(crate) call_id: u64,
    pub(crate) batch: link::Batch,
}

/// Counters of one lane; read by whoever asks, written by the lane alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls read from the ring.
    pub calls: u64,
    /// Calls acked, or answered by a difference.
    pub acked: u64,
    /// Calls failed over control.
    pub failed: u64,
    /// Engine answers for calls that had ended already.
    pub late: u64,
    /// Answers to egress batches that nobody waited for any more.
    pub unknown_answers: u64,
    /// Egress batches sent.
    pub egress: u64,
    /// Pipelines started on this lane.
    pub generations: u64,
}

/// See the module's documentation.
pub(crate) struct Port {
    /// The read loop's, while one runs.
    reader: RefCell<Option<Reader>>,
    pub(crate) writer: Writer,
    pub(crate) schemas: RefCell<ReceivedSchemas>,
    pub(crate) settings: Settings,
    /// What projected calls held when they entered the engine.
    pub(crate) originals: Originals,
    /// The host has sent records, so it reads them too.
    takes_records: Cell<bool>,
    upcalls: Arc<dyn Upcalls>,
    inbox: Arc<Inbox>,
    calls: RefCell<HashMap<u64, Call>>,
    running: Cell<usize>,
    deadlines: Deadlines,
    early_cancels: RefCell<HashSet<u64>>,
    queue: RefCell<VecDeque<Arrived>>,
    queue_wake: Notify,
    notes: RefCell<BTreeMap<u64, Failure>>,
    tokens: Tokens,
    generation: Cell<u64>,
    refusing: Cell<Option<&'static str>>,
    blamed: Cell<bool>,
    closed: RefCell<Option<Failure>>,
    counters: Cell<Counters>,
}

/// What a port needs to know of its unit.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Name for errors: the component's id.
    pub(crate) unit: String,
    /// Calls inside the engine at the same time.
    pub(crate) max_in_flight: usize,
    /// How long an egress batch waits for space.
    pub(crate) max_wait: Duration,
    /// Egress tokens are `token_base | sequence`.
    pub(crate) token_base: u64,
    /// Batches of no call that the host takes before it has answered one.
    pub(crate) credit: usize,
    /// What of a batch the unit reads and writes.
    pub(crate) projection: Projection,
}

impl Port {
    pub(crate) fn new(
        (reader, writer): (Reader, Writer),
        settings: Settings,
        upcalls: Arc<dyn Upcalls>,
        inbox: Arc<Inbox>,
    ) -> Rc<Self> {
        let tokens = Tokens::new(settings.token_base, settings.credit);
        Rc::new(Self {
            reader: RefCell::new(Some(reader)),
            writer,
            schemas: RefCell::new(ReceivedSchemas::new()),
            originals: Originals::new(settings.projection.clone()),
            takes_records: Cell::new(false),
            settings,
            upcalls,
            inbox,
            calls: RefCell::default(),
            running: Cell::new(0),
            deadlines: Deadlines::default(),
            early_cancels: RefCell::default(),
            queue: RefCell::default(),
            queue_wake: Notify::new(),
            notes: RefCell::default(),
            tokens,
            generation: Cell::new(0),
            refusing: Cell::new(None),
            blamed: Cell::new(false),
            closed: RefCell::default(),
            counters: Cell::default(),
        })
    }

    pub(crate) fn upcalls(&self) -> &Arc<dyn Upcalls> {
        &self.upcalls
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters.get()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    // ------------------------------------------------------------ generations

    /// Starts a generation: tags of older ones no longer count.
    pub(crate) fn begin_generation(&self, generation: u64) {
        self.generation.set(generation);
        self.refusing.set(None);
        self.blamed.set(false);
        self.count(|counters| counters.generations += 1);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Says that the cause of this generation's end is known, and has its answer.
    pub(crate) fn blame(&self) {
        self.blamed.set(true);
    }

    /// From now on batches that arrive are failed as unavailable, for this reason.
    pub(crate) fn refuse(&self, reason: &'static str) {
        self.refusing.set(Some(reason));
    }

    /// Ends a generation: every call that was in the engine ends. `error` is why the pipeline ended
    /// where it was not asked to; then a call that was alone in it is taken for the cause, unless
    /// the cause is known.
    pub(crate) fn end_generation(&self, error: Option<&str>) {
        let (running, abandoned) = {
            let mut calls = self.calls.borrow_mut();
            let ids = calls
                .iter()
                .filter(|(_, call)| call.stage == Stage::Running);
            let ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
            let all = calls.len();
            calls.retain(|_, call| call.stage != Stage::Abandoned);
            (ids, all - calls.len())
        };
        // A batch that its caller has given up may still be in a node, and be the cause.
        let alone = running.len() == 1 && abandoned == 0 && !self.blamed.get();
        for id in running {
            let failure = self
                .notes
                .borrow_mut()
                .remove(&id)
                .unwrap_or_else(|| match error {
                    Some(error) if alone => Failure::new(Class::Permanent, error),
                    Some(error) => {
                        Failure::new(Class::Retryable, format!("the lane restarts: {error}"))
                    }
                    None => Failure::new(
                        Class::Unavailable,
                        "the unit stopped before the batch was done",
                    ),
                });
            self.finish(id, Err(failure));
        }
        self.running.set(0);
        self.notes.borrow_mut().clear();
        // The host still answers each of them; nobody waits for it any more.
        for token in self.tokens.end() {
            self.upcalls.batch_cancel(token);
        }
        // The read loop that would ring has ended with its pipeline.
        self.writer.ring();
    }

    /// Fails what never entered the engine: nothing will take it any more.
    pub(crate) fn fail_queued(&self, class: Class, reason: &str) {
        let queued: Vec<Arrived> = self.queue.borrow_mut().drain(..).collect();
        for arrived in queued {
            self.finish(arrived.call_id, Err(Failure::new(class, reason)));
        }
    }

    // ------------------------------------------------------------ reading

    /// The ring's consuming end, for the read loop; it gives it back.
    pub(crate) fn take_reader(&self) -> Option<Reader> {
        self.reader.borrow_mut().take()
    }

    pub(crate) fn give_reader(&self, reader: Reader) {
        *self.reader.borrow_mut() = Some(reader);
    }

    /// Keeps why the link is gone, and wakes the nodes, which answer for what they have.
    pub(crate) fn close(&self, failure: &Failure) {
        *self.closed.borrow_mut() = Some(failure.clone());
        self.tokens.wake();
        self.queue_wake.notify_one();
    }

    /// Takes what other threads said and what the clock says.
    pub(crate) fn tick(&self) {
        let Told { cancels, failed } = self.inbox.take();
        for call_id in cancels {
            self.cancel(call_id);
        }
        for (token, failure) in failed {
            self.writer.ended();
            self.answer(token, Err(failure));
        }
        self.expire(Instant::now());
    }

    /// Why the link is gone, if it is.
    pub(crate) fn closed(&self) -> Option<Failure> {
        self.closed.borrow().clone()
    }

    /// Hands on what was read.
    pub(crate) fn dispatch(&self, incoming: Incoming) {
        match incoming {
            Incoming::Nothing => {}
            Incoming::Batch(batch) => self.arrive(batch),
            Incoming::Ack(token) => self.answer(token, Ok(())),
            Incoming::Bad(call_id, failure) => {
                self.count(|counters| counters.calls += 1);
                self.admit(call_id, None);
                self.finish(call_id, Err(failure));
            }
        }
    }

    fn admit(&self, call_id: u64, deadline: Option<Instant>) {
        self.calls.borrow_mut().insert(
            call_id,
            Call {
                stage: Stage::Queued,
                deadline,
            },
        );
        if let Some(deadline) = deadline {
            let calls = self.calls.borrow();
            self.deadlines
                .add(deadline, call_id, calls.len(), |id| calls.contains_key(&id));
        }
    }

    fn arrive(&self, batch: link::Batch) {
        let call_id = batch.call_id;
        self.count(|counters| counters.calls += 1);
        self.admit(call_id, batch.deadline);
        if batch.content.header().encoding == Encoding::Records {
            self.takes_records.set(true);
        }
        if self.early_cancels.borrow_mut().remove(&call_id) {
            self.finish(call_id, Err(cancelled()));
        } else if let Some(reason) = self.refusing.get() {
            self.finish(call_id, Err(Failure::new(Class::Unavailable, reason)));
        } else {
            self.queue
                .borrow_mut()
                .push_back(Arrived { call_id, batch });
            self.queue_wake.notify_one();
        }
    }

    fn answer(&self, token: u64, result: Result<(), Failure>) {
        if !self.tokens.answer(token, result) {
            self.count(|counters| counters.unknown_answers += 1);
        }
    }

    /// A cancel may overtake its batch: then it is kept until the batch is read. It may also come
    /// after the call has ended; such ids never arrive, so the set is cleared when it is full.
    fn cancel(&self, call_id: u64) {
        let known = self.calls.borrow().contains_key(&call_id);
        if known {
            self.abandon(call_id, cancelled());
            return;
        }
        let mut early = self.early_cancels.borrow_mut();
        if early.len() >= self.inbox.limit() {
            early.clear();
        }
        early.insert(call_id);
    }

    // ------------------------------------------------------------ deadlines

    /// When [`tick`](Self::tick) must be called again at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    fn expire(&self, now: Instant) {
        while let Some(id) = self.deadlines.due(now) {
            // Calls that ended long ago are not in the table.
            let due = self
                .calls
                .borrow()
                .get(&id)
                .is_some_and(|call| call.deadline.is_some_and(|deadline| deadline <= now));
            if due {
                self.abandon(
                    id,
                    Failure::new(Class::Deadline, "the deadline passed in the engine"),
                );
            }
        }
    }

    /// The deadline of a call that is still wanted.
    pub(crate) fn deadline_of(&self, call_id: u64) -> Option<Instant> {
        self.calls
            .borrow()
            .get(&call_id)
            .and_then(|call| call.deadline)
    }

    // ------------------------------------------------------------ ingress

    /// Whether a batch may enter the engine now.
    pub(crate) fn may_admit(&self) -> bool {
        self.running.get() < self.settings.max_in_flight
    }

    /// The next batch for the engine; its call runs from now on.
    pub(crate) fn next(&self) -> Option<Arrived> {
        let mut queue = self.queue.borrow_mut();
        while let Some(arrived) = queue.pop_front() {
            if let Some(call) = self.calls.borrow_mut().get_mut(&arrived.call_id) {
                call.stage = Stage::Running;
                self.running.set(self.running.get() + 1);
                return Some(arrived);
            }
        }
        None
    }

    /// Waits until [`next`](Self::next) may have something.
    pub(crate) async fn arrival(&self) {
        while self.queue.borrow().is_empty() {
            self.queue_wake.notified().await;
        }
    }

    /// Whether nothing waits, no wanted call is in the engine, and the host has answered for all
    /// that came out.
    pub(crate) fn idle(&self) -> bool {
        self.queue.borrow().is_empty()
            && self.tokens.idle()
            && self
                .calls
                .borrow()
                .values()
                .all(|call| call.stage == Stage::Abandoned)
    }

    /// Keeps `failure` for when the engine's nack of this call comes. The first permanent one wins,
    /// else the first.
    pub(crate) fn note(&self, call_id: u64, failure: Failure) {
        if !self.calls.borrow().contains_key(&call_id) {
            return;
        }
        let mut notes = self.notes.borrow_mut();
        match notes.get(&call_id) {
            Some(known) if known.class.is_final() || !failure.class.is_final() => {}
            _ => drop(notes.insert(call_id, failure)),
        }
    }

    /// The engine answered for a call.
    pub(crate) fn settle(&self, call_id: u64, result: Result<(), Failure>) {
        let stage = self.calls.borrow().get(&call_id).map(|call| call.stage);
        let note = self.notes.borrow_mut().remove(&call_id);
        match stage {
            Some(Stage::Running) => {
                self.left_engine();
                let result = result.map_err(|nack| merge(nack, note));
                self.finish(call_id, result);
            }
            Some(Stage::Abandoned) => {
                self.left_engine();
                self.calls.borrow_mut().remove(&call_id);
                self.count(|counters| counters.late += 1);
            }
            // A second answer (two nodes answered for one batch), or one of an earlier generation.
            Some(Stage::Queued) | None => self.count(|counters| counters.late += 1),
        }
    }

    fn left_engine(&self) {
        self.running.set(self.running.get().saturating_sub(1));
        self.queue_wake.notify_one();
    }

    /// Ends a call before the engine has answered; the batch goes on unwanted.
    fn abandon(&self, call_id: u64, failure: Failure) {
        let running = {
            let mut calls = self.calls.borrow_mut();
            let Some(call) = calls.get_mut(&call_id) else {
                return;
            };
            match call.stage {
                Stage::Abandoned => return,
                Stage::Queued => false,
                Stage::Running => {
                    call.stage = Stage::Abandoned;
                    call.deadline = None;
                    true
                }
            }
        };
        if running {
            self.originals.end(call_id);
            self.fail_over_control(call_id, &failure);
        } else {
            self.queue
                .borrow_mut()
                .retain(|arrived| arrived.call_id != call_id);
            self.finish(call_id, Err(failure));
        }
        self.queue_wake.notify_one();
    }

    /// Whether a call is in the engine and has not ended.
    pub(crate) fn waits(&self, call_id: u64) -> bool {
        let calls = self.calls.borrow();
        calls
            .get(&call_id)
            .is_some_and(|call| call.stage == Stage::Running)
    }

    /// Ends a call whose difference was published: the host needs no other answer, and gives none.
    pub(crate) fn conclude(&self, call_id: u64) {
        self.calls.borrow_mut().remove(&call_id);
        self.notes.borrow_mut().remove(&call_id);
        self.originals.end(call_id);
        self.left_engine();
        self.count(|counters| counters.acked += 1);
    }

    /// Ends a call: takes it out of the table and tells the host.
    fn finish(&self, call_id: u64, result: Result<(), Failure>) {
        if self.calls.borrow_mut().remove(&call_id).is_none() {
            return;
        }
        self.originals.end(call_id);
        match result {
            Ok(()) => {
                self.count(|counters| counters.acked += 1);
                self.writer.ack(call_id);
            }
            Err(failure) => self.fail_over_control(call_id, &failure),
        }
    }

    fn fail_over_control(&self, call_id: u64, failure: &Failure) {
        self.count(|counters| counters.failed += 1);
        self.writer.answered();
        if failure.component.is_empty() {
            let failure = failure.clone().at(self.settings.unit.clone());
            self.upcalls.batch_failed(call_id, &failure);
        } else {
            self.upcalls.batch_failed(call_id, failure);
        }
    }

    // ------------------------------------------------------------ egress

    /// Whether anybody still waits for what comes out of this call. A batch of a call that was
    /// acked (a durable buffer's) is wanted, as one the engine made itself; but not from a unit
    /// that is sent parts of batches: it keeps nothing, and what comes late holds some columns
    /// only.
    pub(crate) fn origin_of(&self, tag: Option<Tag>) -> Origin {
        let Some(tag) = tag.filter(|tag| tag.generation == self.generation.get()) else {
            return Origin::Engine;
        };
        match self.calls.borrow().get(&tag.call_id).map(|call| call.stage) {
            Some(Stage::Running) => Origin::Call(tag.call_id),
            Some(Stage::Abandoned) => Origin::Unwanted,
            Some(Stage::Queued) | None if self.settings.projection.plan.projectable => {
                Origin::Unwanted
            }
            Some(Stage::Queued) | None => Origin::Engine,
        }
    }

    /// Whether logs may go to the host as records.
    pub(crate) fn takes_records(&self) -> bool {
        self.takes_records.get()
    }

    /// Whether the egress may take a batch from the engine: it may be one of no call, and the host
    /// has said how many of those it takes. A link that is gone takes any, to refuse it.
    pub(crate) fn may_send(&self) -> bool {
        self.tokens.has_credit() || self.closed.borrow().is_some()
    }

    /// A fresh egress token for a batch of this origin, in flight from now on.
    pub(crate) fn issue_token(&self, origin: Origin) -> u64 {
        self.tokens.issue(origin.call_id().is_none())
    }

    /// Takes a token back whose batch was not sent.
    pub(crate) fn revoke_token(&self, token: u64) {
        self.tokens.revoke(token);
    }

    /// The next answer to an egress batch.
    pub(crate) fn next_answer(&self) -> Option<Answer> {
        self.tokens.next_answer()
    }

    /// Waits for [`next_answer`](Self::next_answer), the link's end, or credit where there was
    /// none.
    pub(crate) async fn answered(&self) {
        let could_send = self.tokens.has_credit();
        let over = || self.closed.borrow().is_some() || self.tokens.has_credit() != could_send;
        self.tokens.answered(over).await;
    }
}

fn cancelled() -> Failure {
    Failure::new(Class::Cancelled, "the caller cancelled the call")
}
