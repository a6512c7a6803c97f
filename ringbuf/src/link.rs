//! A link: two rings, one each way, joined (protocol sections 1, 5).
//!
//! A [`Link`] splits into its [`Producer`], its [`Consumer`] and a [`Handle`] that any thread may
//! keep. It ends once: by its handle, by an error that either side finds, by the other side, or
//! when its ends are dropped. How one is made is in [`handshake`](crate::handshake); noticing that
//! the other process has ended is left to the layers above ([`Handle::peer_lost`] is how they say
//! it), but for a hang-up of an untrusted side's doorbells.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::consumer::Consumer;
use crate::doorbell::{AsyncDoorbell, Doorbell};
use crate::ending::Ending;
use crate::errors::Result;
use crate::layout::{Code, Counter};
use crate::lease::Inbound;
use crate::options::Options;
use crate::producer::Producer;
use crate::region::Mapping;
use crate::shared::{Outbound, Shared};
use crate::stats::Counters;
use crate::sync::SharedWaker;

/// The three objects of a side, mapped.
pub(crate) struct Objects {
    pub(crate) producer: Arc<Mapping>,
    pub(crate) consumer: Arc<Mapping>,
    pub(crate) counters: Arc<Mapping>,
}

/// This side's ends of the doorbells of a ring.
pub(crate) struct Doorbells {
    pub(crate) data: Doorbell,
    pub(crate) space: Doorbell,
}

/// Both rings of a link, seen from one side.
#[derive(Debug)]
pub struct Link {
    producer: Producer,
    consumer: Consumer,
    handle: Handle,
}

impl Link {
    pub(crate) fn join(
        options: &Options,
        own: Objects,
        other: Objects,
        inbound: Doorbells,
        outbound: Doorbells,
    ) -> Self {
        let counters = Counters::new(own.counters);
        let geometry = options.identity.geometry;
        let shared = Arc::new(Shared {
            inbound: Arc::new(Inbound::new(
                options,
                other.producer,
                own.consumer,
                inbound.space,
                counters.clone(),
            )),
            outbound: Outbound {
                geometry,
                producer: own.producer,
                consumer: other.consumer,
                data: outbound.data,
                own_waker: SharedWaker::default(),
            },
            counters,
            other_counters: Counters::new(other.counters),
            in_flight: Budget::new(geometry.descriptors()),
            unanswered: Budget::new(geometry.descriptors()),
            ending: Ending::default(),
            data_alarm: Alarm::default(),
            space_alarm: Alarm::default(),
            ends: AtomicU32::new(2),
        });
        Self {
            producer: Producer::new(&shared, options, AsyncDoorbell::new(outbound.space)),
            consumer: Consumer::new(&shared, options, AsyncDoorbell::new(inbound.data)),
            handle: Handle { shared },
        }
    }

    /// The ring ends, which may go to different threads, and the handle.
    #[must_use]
    pub fn split(self) -> (Producer, Consumer, Handle) {
        (self.producer, self.consumer, self.handle)
    }
}

/// What any thread may do with a link.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Ends the link, with [`Code::Closed`] for an orderly end or the code of an error that the
    /// layer above found, which is counted. Only the first end of a link counts.
    pub fn close(&self, code: Code) {
        if !matches!(code, Code::Closed | Code::PeerLost | Code::Abandoned) {
            self.shared.counters.add(Counter::ProtocolErrors, 1);
        }
        self.shared.end(code);
    }

    /// Says that the other side's process has ended: its acks are still read, then
    /// [`Error::Closed`](crate::Error::Closed) is all that the ends answer. If it had closed the
    /// link before it ended, that is what counts.
    pub fn peer_lost(&self) {
        self.shared.lose_other();
    }

    /// How the link has ended, if it has.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn check_open(&self) -> Result<()> {
        self.shared.check_open()
    }

    /// Says that a message that this side sent has ended over the control channel, or as the layer
    /// above says: no ack for it follows.
    pub fn settle(&self) {
        self.shared.settle();
    }

    /// Says that a message of the other side is answered, right *before* that is told over the
    /// control channel, or as the layer above says; an ack says it by itself.
    pub fn answered(&self) {
        self.shared.unanswered.end();
    }

    /// Messages of this side that wait for their answer.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.shared.in_flight.count()
    }

    /// Messages of the other side that wait for this side's answer.
    #[must_use]
    pub fn unanswered(&self) -> u32 {
        self.shared.unanswered.count()
    }

    /// Bytes of the other side's slab that readers of this side hold.
    #[must_use]
    pub fn leased_bytes(&self) -> usize {
        self.shared.inbound.leased_bytes()
    }

    /// This side's counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The other side's counters: what it says, unchecked.
    #[must_use]
    pub fn other_counters(&self) -> &Counters {
        &self.shared.other_counters
    }
}

#[cfg(test)]
mod tests;
