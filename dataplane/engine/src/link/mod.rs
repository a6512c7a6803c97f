//! A lane's link: what is read from its ring, and what is written to the other one.
//!
//! The lane's nodes share one producer on one thread. A task that waits for space holds it; acks
//! that come up meanwhile are queued and wake that task, which publishes them before it goes on
//! waiting. So an ack never waits for space.
//!
//! Publishing does not ring the host's doorbell: waking a thread costs more than a small batch. The
//! read loop rings when the nodes had their turn, so that what they published in one go wakes the
//! host once; what has waited for [`BELL_PATIENCE`] is rung for by the next publish.

pub(crate) mod outgoing;

use crate::link::outgoing::{Address, Encoded};
use arrow_array::RecordBatch;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure};
use strait_records::{Header, Plan, ReceivedSchemas, Variable};
use strait_ringbuf::{Claim, Code, Consumer, Error, Handle, Link, Message, Producer, Side};
use tokio::sync::Notify;

/// A batch that was read: its header is checked, its content not yet.
pub(crate) struct Batch {
    pub(crate) call_id: u64,
    pub(crate) deadline: Option<Instant>,
    pub(crate) content: strait_records::Batch,
}

/// What was read.
pub(crate) enum Incoming {
    /// A batch for the engine.
    Batch(Batch),
    /// The host has delivered this egress batch.
    Ack(u64),
    /// A message that a unit does not take.
    Bad(u64, Failure),
    /// Something for this layer.
    Nothing,
}

/// The consuming end: what the lane's read loop owns.
pub(crate) struct Reader {
    consumer: Consumer,
    handle: Handle,
    copy: bool,
    /// The edge by which batches come, if there is one.
    entry: Option<u16>,
}

/// The producing end, shared by the lane's nodes.
pub(crate) struct Writer {
    producer: RefCell<Producer>,
    /// Schemas of this direction; they last as long as the link.
    records: RefCell<strait_records::Writer>,
    handle: Handle,
    acks: RefCell<VecDeque<u64>>,
    acks_wake: Notify,
    /// When the first message was published that nobody has rung for yet.
    unrung: Cell<Option<Instant>>,
    bell_wake: Notify,
}

/// How long messages may be published without ringing: about what waking the host takes.
const BELL_PATIENCE: Duration = Duration::from_micros(50);

/// How long one wait for space lasts of a batch that waits as long as it takes.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Splits a link, of a unit with this edge in. `copy`: batches are copied when they are read,
/// because a node may keep them.
pub(crate) fn split(link: Link, entry: Option<u16>, copy: bool) -> (Reader, Writer) {
    let (mut producer, consumer, handle) = link.split();
    producer.ring_later();
    let reader = Reader {
        consumer,
        handle: handle.clone(),
        copy,
        entry,
    };
    let writer = Writer {
        producer: RefCell::new(producer),
        records: RefCell::default(),
        handle,
        acks: RefCell::default(),
        acks_wake: Notify::new(),
        unrung: Cell::default(),
        bell_wake: Notify::new(),
    };
    (reader, writer)
}

impl Reader {
    /// What is there now.
    pub(crate) fn try_read(
        &mut self,
        schemas: &RefCell<ReceivedSchemas>,
    ) -> Result<Option<Incoming>, Failure> {
        match self.consumer.try_recv() {
            Ok(Some(message)) => self.incoming(message, schemas).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }

    /// Waits for the next. Safe to cancel.
    pub(crate) async fn read(
        &mut self,
        schemas: &RefCell<ReceivedSchemas>,
    ) -> Result<Incoming, Failure> {
        match self.consumer.recv().await {
            Ok(message) => self.incoming(message, schemas),
            Err(error) => Err(failure(&error)),
        }
    }

    fn incoming(
        &self,
        message: Message,
        schemas: &RefCell<ReceivedSchemas>,
    ) -> Result<Incoming, Failure> {
        Ok(match message {
            Message::Batch { edge, .. } if Some(edge) != self.entry => {
                self.handle.close(Code::Content);
                let expected = match self.entry {
                    Some(entry) => format!("expected {entry}"),
                    None => "and the unit has no edge in".into(),
                };
                let message = format!("a batch came over edge {edge}, {expected}");
                return Err(Failure::new(Class::Internal, message));
            }
            Message::Batch { lease, call_id, .. } => {
                let content = if self.copy && lease.holds_slot() {
                    strait_records::Batch::copied(&lease)
                } else {
                    strait_records::Batch::leased(lease)
                };
                match content {
                    Ok(content) => {
                        let deadline = instant_of(content.header().deadline_ns);
                        Incoming::Batch(Batch {
                            call_id,
                            deadline,
                            content,
                        })
                    }
                    Err(error) => {
                        self.handle.close(Code::Content);
                        let message = format!("the header of a batch: {error}");
                        return Err(Failure::new(Class::Internal, message));
                    }
                }
            }
            Message::Ack { call_id } => Incoming::Ack(call_id),
            Message::Preamble(lease) => {
                if let Err(error) = schemas.borrow_mut().publish(&lease) {
                    // The two sides no longer agree on what batches mean.
                    self.handle.close(Code::Content);
                    return Err(Failure::new(Class::Internal, format!("a schema: {error}")));
                }
                Incoming::Nothing
            }
            Message::Inline { call_id, .. } => Incoming::Bad(
                call_id,
                Failure::new(Class::Permanent, "a unit does not take inline messages"),
            ),
            Message::Goaway => Incoming::Nothing,
        })
    }
}

impl Writer {
    /// Publishes an ack, or queues it for the task that holds the producer.
    pub(crate) fn ack(&self, call_id: u64) {
        match self.producer.try_borrow_mut() {
            Ok(mut producer) => {
                send_ack(&mut producer, call_id);
                self.published(&mut producer);
            }
            Err(_) => {
                self.acks.borrow_mut().push_back(call_id);
                self.acks_wake.notify_one();
            }
        }
    }

    /// Rings the host's doorbell for what was published, if it sleeps.
    pub(crate) fn ring(&self) {
        if self.unrung.take().is_none() {
            return;
        }
        // A task that holds the producer rings before it waits, and asks again when it lets go.
        if let Ok(mut producer) = self.producer.try_borrow_mut() {
            producer.ring();
        }
    }

    /// Waits until [`ring`](Self::ring) is wanted.
    pub(crate) async fn ring_wanted(&self) {
        self.bell_wake.notified().await;
    }

    /// Leaves ringing to the read loop, or does it where that takes too long.
    fn published(&self, producer: &mut Producer) {
        match self.unrung.get() {
            None => {
                self.unrung.set(Some(Instant::now()));
                self.bell_wake.notify_one();
            }
            Some(since) if since.elapsed() < BELL_PATIENCE => {}
            Some(_) => {
                self.unrung.set(None);
                producer.ring();
            }
        }
    }

    /// An egress batch has ended without an ack, over the control channel.
    pub(crate) fn ended(&self) {
        self.handle.settle();
    }

    /// The host's call is about to be answered by something else than an ack.
    pub(crate) fn answered(&self) {
        self.handle.answered();
    }

    /// Ends the link because the content of a slot is not valid.
    pub(crate) fn refuse_content(&self) {
        self.handle.close(Code::Content);
    }

    /// Says that nothing more comes, in order.
    pub(crate) fn close(&self) {
        self.handle.close(Code::Closed);
    }

    /// Writes a batch, if there is space now.
    pub(crate) fn try_publish(&self, to: Address, encoded: &Encoded) -> Result<bool, Failure> {
        let mut holder = self.hold();
        match self.claim(
            &mut holder.producer,
            encoded.slot_len()?,
            encoded.is_difference(),
        ) {
            Ok(claim) => holder.publish(claim, to, encoded).map(|()| true),
            Err(Error::Full(_)) => Ok(false),
            Err(error) => Err(lost(&error)),
        }
    }

    /// Waits for space until `deadline`, or as long as it takes; then writes the batch, if it is
    /// still wanted. Safe to cancel.
    pub(crate) async fn publish(
        &self,
        to: Address,
        encoded: &Encoded,
        deadline: Option<Instant>,
        wanted: impl Fn() -> bool,
    ) -> Result<(), Failure> {
        let len = encoded.slot_len()?;
        let mut holder = self.hold();
        loop {
            holder.flush();
            // Every wait has an end.
            let until = deadline.unwrap_or_else(|| Instant::now() + LOOK_AGAIN);
            let claim =
                |producer: &mut Producer| self.claim(producer, len, encoded.is_difference());
            tokio::select! {
                biased;
                () = self.acks_wake.notified() => {}
                claim = holder.producer.until(until, claim) => {
                    let claim = match claim {
                        Err(Error::Deadline { .. }) if deadline.is_none() => continue,
                        claim => claim.map_err(|error| lost(&error))?,
                    };
                    if !wanted() {
                        return Err(Failure::new(Class::Cancelled, "the call has ended already"));
                    }
                    return holder.publish(claim, to, encoded);
                }
            }
        }
    }

    /// Plans the records of a batch; their schemas get ids, which [`claim`](Self::claim) publishes.
    pub(crate) fn plan(
        &self,
        header: Header,
        variable: Variable,
        tables: &[(u16, RecordBatch)],
    ) -> Result<Plan, strait_records::Error> {
        self.records.borrow_mut().plan(header, variable, tables)
    }

    /// Claims a slot, after every schema that has to be known before it is read.
    fn claim(
        &self,
        producer: &mut Producer,
        len: usize,
        is_final: bool,
    ) -> strait_ringbuf::Result<Claim> {
        let mut records = self.records.borrow_mut();
        loop {
            let id = {
                let Some(schema) = records.schemas().unpublished().next() else {
                    break;
                };
                let preamble = schema.preamble();
                let mut claim = producer.claim_preamble(preamble.len())?;
                claim[..preamble.len()].copy_from_slice(preamble);
                producer.publish(claim, 0, 0, preamble.len())?;
                schema.id()
            };
            records.schemas_mut().mark_published(id);
        }
        if is_final {
            producer.claim_final(len)
        } else {
            producer.claim(len)
        }
    }

    fn hold(&self) -> Holder<'_> {
        // Only the egress node holds the producer across an await, and it holds it once.
        Holder {
            producer: self.producer.borrow_mut(),
            writer: self,
        }
    }
}

/// The producer while a task holds it; what was queued meanwhile is published at the end.
struct Holder<'a> {
    producer: RefMut<'a, Producer>,
    writer: &'a Writer,
}

impl Holder<'_> {
    fn publish(&mut self, mut claim: Claim, to: Address, encoded: &Encoded) -> Result<(), Failure> {
        let length = encoded.write(&mut claim)?;
        if encoded.is_difference() {
            // It is the verdict on the call (S-16).
            self.writer.answered();
        }
        self.producer
            .publish(claim, to.edge, to.token, length)
            .map_err(|error| lost(&error))
    }

    fn flush(&mut self) {
        while let Some(call_id) = self.writer.acks.borrow_mut().pop_front() {
            send_ack(&mut self.producer, call_id);
        }
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        self.flush();
        self.writer.published(&mut self.producer);
    }
}

fn send_ack(producer: &mut Producer, call_id: u64) {
    // A link that has ended ends its calls on the host's side by itself.
    if let Err(error) = producer.send_ack(call_id) {
        tracing::debug!(call_id, %error, "an ack was not published");
    }
}

/// What an error of the ring means to a call.
fn failure(error: &Error) -> Failure {
    match error {
        Error::Full(_) | Error::Deadline { .. } => Failure {
            grpc_code: 8,
            ..Failure::new(
                Class::Retryable,
                format!("no room in the ring to the host: {error}"),
            )
        },
        Error::SlotSize { .. } => Failure {
            grpc_code: 8,
            ..Failure::new(
                Class::Permanent,
                format!("the batch is too big for the ring: {error}"),
            )
        },
        Error::Closed {
            side: Side::Other,
            code,
        } if *code == Code::Closed as u32 => {
            Failure::new(Class::Unavailable, "the host has closed the link")
        }
        Error::Closed {
            side: Side::Own, ..
        } => Failure::new(Class::Unavailable, "the link is closed"),
        other => Failure::new(Class::Internal, format!("the link is broken: {other}")),
    }
}

/// The failure of what could not be written: a link that is broken is not the batch's fault.
fn lost(error: &Error) -> Failure {
    unavailable(failure(error))
}

/// The same failure for a batch that was on its way when its link broke: it may be sent again.
pub(crate) fn unavailable(failure: Failure) -> Failure {
    match failure.class {
        Class::Internal => Failure {
            class: Class::Unavailable,
            ..failure
        },
        _ => failure,
    }
}

/// The instant of an absolute CLOCK_MONOTONIC time; `None` for 0.
pub(crate) fn instant_of(deadline_ns: u64) -> Option<Instant> {
    if deadline_ns == 0 {
        return None;
    }
    let left = deadline_ns.saturating_sub(strait_ringbuf::handshake::clock_ns());
    // Beyond a day nobody waits; the cap keeps the sum in range.
    Some(Instant::now() + Duration::from_nanos(left).min(Duration::from_secs(86_400)))
}

/// An instant as an absolute CLOCK_MONOTONIC time, never 0.
pub(crate) fn clock_of(instant: Instant) -> u64 {
    let left = instant.saturating_duration_since(Instant::now());
    let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
    strait_ringbuf::handshake::clock_ns().saturating_add(left)
}
