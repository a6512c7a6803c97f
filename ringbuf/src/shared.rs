//! What the two ends, the handles and the claims of a link share.
//!
//! It guarantees that a link is ended once, that both sides are woken then, that messages stay
//! within R-11 in both directions, and that a link whose ends are dropped has ended. Leases need
//! less of it: see [`lease`](crate::lease).

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as OwnU32;
use std::sync::atomic::Ordering::AcqRel;

use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::doorbell::Doorbell;
use crate::ending::{Ended, Ending};
use crate::errors::{Error, Result};
use crate::header::Geometry;
use crate::layout::{Code, Counter, WORD_CONSUMER_CLOSE, WORD_PRODUCER_CLOSE, WORD_SPACE_WAIT};
use crate::lease::Inbound;
use crate::region::Mapping;
use crate::stats::Counters;
use crate::sync::{AtomicU32, SharedWaker};

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
    /// For room that this side itself makes (answers, aborted claims).
    pub(crate) own_waker: SharedWaker,
}

/// What the parts of a link share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbound: Arc<Inbound>,
    pub(crate) outbound: Outbound,
    pub(crate) counters: Counters,
    pub(crate) other_counters: Counters,
    /// Messages of this side that wait for their answer.
    pub(crate) in_flight: Budget,
    /// Messages of the other side that wait for this side's answer.
    pub(crate) unanswered: Budget,
    pub(crate) ending: Ending,
    /// Ends the consumer's wait.
    pub(crate) data_alarm: Alarm,
    /// Ends the producer's wait.
    pub(crate) space_alarm: Alarm,
    /// How many of the two ends there are.
    pub(crate) ends: OwnU32,
}

impl Shared {
    fn own_words(&self) -> [&AtomicU32; 2] {
        [
            self.outbound.producer.word32(WORD_PRODUCER_CLOSE),
            self.inbound.consumer.word32(WORD_CONSUMER_CLOSE),
        ]
    }

    fn other_words(&self) -> [&AtomicU32; 2] {
        [
            self.inbound.producer.word32(WORD_PRODUCER_CLOSE),
            self.outbound.consumer.word32(WORD_CONSUMER_CLOSE),
        ]
    }

    /// Ends the link, if nothing has.
    pub(crate) fn end(&self, code: Code) {
        if self.ending.end(code, self.own_words()) {
            self.wake_all();
        }
    }

    /// Ends the link because the other side is lost, unless it had ended it before.
    pub(crate) fn lose_other(&self) {
        if self.look().is_none() {
            self.end(Code::PeerLost);
        }
    }

    fn wake_all(&self) {
        self.outbound.data.ring();
        self.inbound.space.ring();
        self.data_alarm.raise();
        self.space_alarm.raise();
    }

    /// Ends the link with the error's code, and gives the error back.
    pub(crate) fn fail(&self, error: Error) -> Error {
        if let Some(code) = error.code() {
            self.counters.add(Counter::ProtocolErrors, 1);
            self.end(code);
        }
        error
    }

    /// How the link has ended, after a look at the other side's words.
    pub(crate) fn look(&self) -> Option<Ended> {
        self.ending.look(self.other_words())
    }

    /// An error if this side knows that the link has ended.
    pub(crate) fn check_known(&self) -> Result<()> {
        self.ending.get().map_or(Ok(()), |ended| Err(ended.into()))
    }

    /// An error if the link has ended.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.look().map_or(Ok(()), |ended| Err(ended.into()))
    }

    /// Says that one message of this side has ended.
    pub(crate) fn settle(&self) {
        self.in_flight.end();
        self.wake_own_producer();
    }

    /// Wakes this side's producer if it waits for room that this side has just made.
    pub(crate) fn wake_own_producer(&self) {
        let word = self.outbound.producer.word32(WORD_SPACE_WAIT);
        if self.outbound.own_waker.must_ring(word) {
            self.space_alarm.raise();
        }
    }
}

/// One of the two ends of a link. The last one to be dropped ends it, and so does one that is
/// dropped by a panic: nobody would answer the other side any more.
#[derive(Debug)]
pub(crate) struct End {
    shared: Arc<Shared>,
}

impl End {
    /// Made twice, for the `ends` of the shared part.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Deref for End {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.end(Code::Abandoned);
        }
        // AcqRel: the two ends may be dropped by two threads; the last one sees all of the other's.
        if self.shared.ends.fetch_sub(1, AcqRel) == 1
            && self
                .shared
                .ending
                .leave(Code::Closed, self.shared.own_words())
        {
            self.shared.wake_all();
        }
    }
}
