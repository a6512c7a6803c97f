//! What one lane's nodes share: its link, the calls in flight, and the answers on their way.
//!
//! A [`Port`] belongs to one lane thread and outlives the pipelines (generations) that run on it.
//! What is in flight, and what follows from what happens, is the [`Table`]'s to say; the port tells
//! it what happens and does what follows: on the ring, over the control channel, and to the nodes
//! that wait.
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
mod contexts;
mod inbox;
pub(crate) mod private;
pub(crate) mod table;
pub(crate) mod tag;
pub(crate) mod verdict;
pub(crate) mod way;

pub(crate) use inbox::Inbox;
pub use inbox::{LaneStatus, Upcalls};
pub use table::Counters;
pub(crate) use table::{Limits, Origin};

use crate::bridge::Door;
use crate::difference::Originals;
use crate::link::{self, Incoming, Reader, Writer};
use crate::plan::projection::Projection;
use crate::unit::{Exits, UnitMember};
use contexts::Contexts;
use inbox::Told;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure};
use strait_records::{Encoding, ReceivedSchemas};
use table::{Effect, Ending};
use tokio::sync::Notify;

/// The calls of a lane; a batch is what was read until it enters the engine.
pub(crate) type Table = table::Table<link::Batch>;

/// See the module's documentation.
pub(crate) struct Port {
    /// The read loop's, while one runs.
    reader: RefCell<Option<Reader>>,
    pub(crate) writer: Writer,
    pub(crate) schemas: RefCell<ReceivedSchemas>,
    pub(crate) settings: Settings,
    /// What came with the batches that members of the SDK see and send.
    pub(crate) contexts: Contexts,
    /// What projected calls held when they entered the engine.
    pub(crate) originals: Originals,
    /// The host reads records of logs: it has sent some, or is known to.
    takes_records: Cell<bool>,
    upcalls: Arc<dyn Upcalls>,
    inbox: Arc<Inbox>,
    calls: RefCell<Table>,
    ingress: Notify,
    egress: Notify,
    /// Why the link is gone.
    closed: RefCell<Option<Failure>>,
}

/// What a port needs to know of its unit.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Name for errors: the component's id.
    pub(crate) unit: String,
    /// How much may be in flight.
    pub(crate) limits: Limits,
    /// How long an egress batch waits for space.
    pub(crate) max_wait: Duration,
    /// Members of the SDK are in it, which see what comes with a call.
    pub(crate) has_components: bool,
    /// By which edges batches leave.
    pub(crate) exits: Exits,
    /// What batches pass in it.
    pub(crate) members: Arc<[UnitMember]>,
    /// Where other units send it batches; `None`: none do.
    pub(crate) door: Option<Door>,
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
        Rc::new(Self {
            reader: RefCell::new(Some(reader)),
            writer,
            schemas: RefCell::new(ReceivedSchemas::new()),
            contexts: Contexts::default(),
            originals: Originals::new(settings.projection.clone()),
            takes_records: Cell::new(settings.exits.take_records),
            upcalls,
            inbox,
            calls: RefCell::new(Table::new(settings.limits.clone())),
            settings,
            ingress: Notify::new(),
            egress: Notify::new(),
            closed: RefCell::default(),
        })
    }

    pub(crate) fn upcalls(&self) -> &Arc<dyn Upcalls> {
        &self.upcalls
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The calls in flight, to look at; [`change`](Self::change) is for the rest.
    pub(crate) fn calls(&self) -> Ref<'_, Table> {
        self.calls.borrow()
    }

    /// Tells the table what happened, and does what follows from it.
    pub(crate) fn change<R>(&self, happened: impl FnOnce(&mut Table) -> R) -> R {
        let result = happened(&mut self.calls.borrow_mut());
        while let Some(effect) = self.next_effect() {
            self.apply(effect);
        }
        result
    }

    /// A function of its own, so that the table is free while the effect is applied.
    fn next_effect(&self) -> Option<Effect> {
        self.calls.borrow_mut().next_effect()
    }

    fn apply(&self, effect: Effect) {
        match effect {
            Effect::Ended(call_id, ending) => {
                self.originals.end(call_id);
                self.contexts.end(call_id);
                match ending {
                    Ending::Acked => self.writer.ack(call_id),
                    // The difference was the answer.
                    Ending::Answered => {}
                    Ending::Failed(failure) => self.fail(call_id, failure),
                }
            }
            Effect::AnswerUnwanted(token) => self.upcalls.batch_cancel(token),
            Effect::WakeIngress => self.ingress.notify_one(),
            Effect::WakeEgress => self.egress.notify_one(),
        }
    }

    /// Ends a call over the control channel.
    fn fail(&self, call_id: u64, mut failure: Failure) {
        self.writer.answered();
        if failure.component.is_empty() {
            failure = failure.at(self.settings.unit.clone());
        }
        self.upcalls.batch_failed(call_id, &failure);
    }

    /// Nobody waits any more for a batch that a member sent by itself. The host may still answer.
    pub(crate) fn withdraw(&self, number: u64) {
        for token in self.contexts.withdraw(number) {
            self.upcalls.batch_cancel(token);
        }
    }

    /// Ends a generation ([`Table::end_generation`]).
    pub(crate) fn end_generation(&self, error: Option<&str>) {
        self.change(|calls| calls.end_generation(error));
        self.contexts.end_generation();
        // The read loop that would ring has ended with its pipeline.
        self.writer.ring();
    }
}

/// For the read loop.
impl Port {
    /// The ring's consuming end, which it gives back.
    pub(crate) fn take_reader(&self) -> Option<Reader> {
        self.reader.borrow_mut().take()
    }

    pub(crate) fn give_reader(&self, reader: Reader) {
        *self.reader.borrow_mut() = Some(reader);
    }

    /// Hands on what was read.
    ///
    /// # Errors
    ///
    /// The host has broken a rule, and the link has ended.
    pub(crate) fn dispatch(&self, incoming: Incoming) -> Result<(), Failure> {
        let (call_id, deadline, batch) = match incoming {
            Incoming::Nothing => return Ok(()),
            Incoming::Ack(token) => {
                self.change(|calls| calls.answer(token, Ok(())));
                return Ok(());
            }
            Incoming::Batch(batch) => (batch.call_id, batch.deadline, Ok(batch)),
            Incoming::Bad(call_id, failure) => (call_id, None, Err(failure)),
        };
        if let Ok(batch) = &batch
            && batch.content.header().encoding == Encoding::Records
        {
            self.takes_records.set(true);
        }
        if !self.change(|calls| calls.arrive(call_id, deadline, batch)) {
            self.writer.refuse_content();
            let message = format!("call {call_id:#x} came again while it was in flight");
            return Err(Failure::new(Class::Internal, message));
        }
        Ok(())
    }

    /// Takes what other threads said and what the clock says.
    pub(crate) fn tick(&self) {
        let Told { cancels, failed } = self.inbox.take();
        for call_id in cancels {
            self.change(|calls| calls.cancel(call_id));
        }
        for (token, failure) in failed {
            self.writer.ended();
            self.change(|calls| calls.answer(token, Err(failure)));
        }
        self.change(|calls| calls.expire(Instant::now()));
    }

    /// Keeps why the link is gone, and wakes the egress, which answers for what it has.
    pub(crate) fn close(&self, failure: &Failure) {
        *self.closed.borrow_mut() = Some(failure.clone());
        self.egress.notify_one();
    }

    /// Why the link is gone, if it is.
    pub(crate) fn closed(&self) -> Option<Failure> {
        self.closed.borrow().clone()
    }
}

/// For the ends.
impl Port {
    /// Waits until a batch may enter the engine.
    pub(crate) async fn arrival(&self) {
        while !self.calls().may_admit() {
            self.ingress.notified().await;
        }
    }

    /// Whether logs may go to the host as records.
    pub(crate) fn takes_records(&self) -> bool {
        self.takes_records.get()
    }

    /// Whether the egress may take a batch from the engine: it may be one of no call, and the host
    /// has said how many of those it takes. A link that is gone takes any, to refuse it.
    pub(crate) fn may_send(&self) -> bool {
        self.calls().has_credit() || self.closed.borrow().is_some()
    }

    /// Waits for an answer to an output, the link's end, or credit where there was none.
    pub(crate) async fn answered(&self) {
        let could_send = self.calls().has_credit();
        let news = || {
            let calls = self.calls();
            calls.has_answer() || calls.has_credit() != could_send
        };
        while !news() && self.closed.borrow().is_none() {
            self.egress.notified().await;
        }
    }
}
