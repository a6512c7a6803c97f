//! A link: two rings, one each way, joined (protocol sections 1, 5, 8).
//!
//! [`accept`] makes the peer's end from what a host sent; [`HostPending`] makes a host's end. Both
//! give a [`Link`], which splits into its [`Producer`], its [`Consumer`] and a [`Handle`] that any
//! thread may keep. This module guarantees that a link is closed once, with the first code, that
//! both sides are woken then, and that messages in flight stay within R-11. Passing file
//! descriptors between processes, and noticing that the other process has ended, is left to the
//! layers above ([`Handle::peer_lost`] is how they say it).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use rustix::time::{ClockId, clock_gettime};

use crate::consumer::{Consumer, Inbound};
use crate::doorbell::{Doorbell, Policy};
use crate::errors::{Error, Full, Result, Side};
use crate::layout::{Code, Counter, Direction, ObjectKind, WORD_CONSUMER_CLOSE};
use crate::layout::{WORD_PRODUCER_CLOSE, WORD_SPACE_WAIT};
use crate::producer::{Outbound, Producer};
use crate::region::{self, Identity, Mapping, Object};
use crate::stats::Counters;
use crate::sync::{self, SharedWaker};
use crate::trust::Trust;

/// What a side brings to a link.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What both sides agreed on.
    pub identity: Identity,
    /// Number of edges of the ring that this side consumes; 0 counts as 1.
    pub edges_in: u16,
    /// Number of edges of the ring that this side produces; 0 counts as 1.
    pub edges_out: u16,
    /// Whether slots may be read in place; not, by default.
    pub trust: Trust,
    /// How the consumer waits.
    pub policy: Policy,
    /// Batches are copied at receive while more bytes than this would be leased. 0 copies always.
    pub lease_budget_bytes: usize,
    /// 16 bytes that name this build, for messages only.
    pub build_id: [u8; 16],
}

impl Options {
    /// One edge each way, an untrusted peer, the efficient policy, and half of the slab to lease.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            edges_in: 1,
            edges_out: 1,
            trust: Trust::UNTRUSTED,
            policy: Policy::Efficient,
            lease_budget_bytes: identity.geometry.slab_bytes() / 2,
            build_id: [0; 16],
        }
    }
}

/// What a host gives to its peer.
#[derive(Debug)]
pub struct HostFds<F> {
    /// Producer object of `h2p`.
    pub h2p_producer: F,
    /// Consumer object of `p2h`.
    pub p2h_consumer: F,
    /// The host's counters.
    pub host_counters: F,
    /// Data doorbell of `h2p`.
    pub h2p_data: F,
    /// Space doorbell of `h2p`.
    pub h2p_space: F,
    /// Data doorbell of `p2h`.
    pub p2h_data: F,
    /// Space doorbell of `p2h`.
    pub p2h_space: F,
}

/// What a peer answers with.
#[derive(Debug)]
pub struct PeerFds<F> {
    /// Consumer object of `h2p`.
    pub h2p_consumer: F,
    /// Producer object of `p2h`.
    pub p2h_producer: F,
    /// The peer's counters.
    pub peer_counters: F,
}

impl<F> HostFds<F> {
    /// The same, each descriptor put through `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map<G, E>(
        self,
        mut f: impl FnMut(F) -> std::result::Result<G, E>,
    ) -> std::result::Result<HostFds<G>, E> {
        Ok(HostFds {
            h2p_producer: f(self.h2p_producer)?,
            p2h_consumer: f(self.p2h_consumer)?,
            host_counters: f(self.host_counters)?,
            h2p_data: f(self.h2p_data)?,
            h2p_space: f(self.h2p_space)?,
            p2h_data: f(self.p2h_data)?,
            p2h_space: f(self.p2h_space)?,
        })
    }
}

impl<F> PeerFds<F> {
    /// The same, each descriptor put through `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map<G, E>(
        self,
        mut f: impl FnMut(F) -> std::result::Result<G, E>,
    ) -> std::result::Result<PeerFds<G>, E> {
        Ok(PeerFds {
            h2p_consumer: f(self.h2p_consumer)?,
            p2h_producer: f(self.p2h_producer)?,
            peer_counters: f(self.peer_counters)?,
        })
    }
}

/// Duplicates a file descriptor that the other side of this process owns, by its number.
///
/// # Errors
/// [`Error::System`] if it is not open.
pub fn duplicate(number: RawFd) -> Result<OwnedFd> {
    if number < 0 {
        return Err(Error::system("fcntl(F_DUPFD_CLOEXEC)")(
            rustix::io::Errno::BADF,
        ));
    }
    #[allow(unsafe_code)] // The other side speaks another language and gives plain numbers.
    // SAFETY: the number is not -1, and is used for this one call, which neither closes nor reads:
    // a number that is not open is an error, one of another file is refused by the checks of R-2.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_dupfd_cloexec(borrowed, 0).map_err(Error::system("fcntl(F_DUPFD_CLOEXEC)"))
}

/// This side's CLOCK_MONOTONIC, in nanoseconds.
#[must_use]
pub fn clock_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Refuses a side whose CLOCK_MONOTONIC is another one (protocol section 8).
///
/// # Errors
/// [`Error::Clock`] if the two are more than a second apart.
pub fn check_clock(other_ns: u64) -> Result<()> {
    let own_ns = clock_ns();
    if own_ns.abs_diff(other_ns) > 1_000_000_000 {
        return Err(Error::Clock { own_ns, other_ns });
    }
    Ok(())
}

/// What the two ends, the leases and the handles of a link share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbound: Arc<Inbound>,
    pub(crate) outbound: Outbound,
    pub(crate) counters: Counters,
    pub(crate) in_flight: InFlight,
    other_counters: Counters,
    /// The code with which this side closed the link; 0 while it has not.
    own_code: AtomicU32,
}

impl Shared {
    /// Closes the link, if this side has not done so before.
    pub(crate) fn close(&self, code: Code) {
        // AcqRel: partner is the load in `own_code`. Of several that close, one stores the words.
        if self
            .own_code
            .compare_exchange(0, code as u32, AcqRel, Acquire)
            .is_err()
        {
            return;
        }
        sync::store_close(
            self.outbound.producer.word32(WORD_PRODUCER_CLOSE),
            code as u32,
        );
        sync::store_close(
            self.inbound.consumer.word32(WORD_CONSUMER_CLOSE),
            code as u32,
        );
        // The other side's two doorbells, and this side's own, for waits in other threads.
        self.outbound.data.ring();
        self.inbound.space.ring();
        self.outbound.space.ring();
        self.inbound.data.ring();
    }

    /// Closes the link with the error's code, and gives the error back.
    pub(crate) fn fail(&self, error: Error) -> Error {
        if let Some(code) = error.code() {
            self.counters.add(Counter::ProtocolErrors, 1);
            self.close(code);
        }
        error
    }

    /// The code with which this side closed the link.
    pub(crate) fn own_code(&self) -> Option<Code> {
        // Acquire: partner is the exchange in `close`.
        Code::from_word(self.own_code.load(Acquire))
    }

    /// An error if this side has closed the link.
    pub(crate) fn check_own(&self) -> Result<()> {
        match self.own_code() {
            Some(code) => Err(Error::Closed {
                side: Side::Own,
                code: code as u32,
            }),
            None => Ok(()),
        }
    }

    /// An error if either side has closed the link. What the other side published before it closed
    /// is visible afterwards (pair *close*).
    pub(crate) fn check_open(&self) -> Result<()> {
        self.check_own()?;
        let words = [
            self.inbound.producer.word32(WORD_PRODUCER_CLOSE),
            self.outbound.consumer.word32(WORD_CONSUMER_CLOSE),
        ];
        match words.map(sync::load_close) {
            [0, 0] => Ok(()),
            [0, code] | [code, _] => Err(Error::Closed {
                side: Side::Other,
                code,
            }),
        }
    }

    /// Says that one message that wanted an answer has ended.
    pub(crate) fn end_call(&self) {
        self.in_flight.end();
        self.wake_own_producer();
    }

    /// Wakes this side's producer if it waits for room that this side has just made.
    pub(crate) fn wake_own_producer(&self) {
        let word = self.outbound.producer.word32(WORD_SPACE_WAIT);
        if self.outbound.own_waker.must_ring(word) {
            self.outbound.space.ring();
        }
    }
}

/// Messages of one side that wait for their answer.
#[derive(Debug)]
pub(crate) struct InFlight {
    limit: u32,
    count: AtomicU32,
}

impl InFlight {
    /// Counts one more.
    pub(crate) fn begin(&self) -> Result<()> {
        let more = |count| (count < self.limit).then_some(count + 1);
        // Relaxed: a count; the ordering comes from the rings.
        match self.count.fetch_update(Relaxed, Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Full(Full::InFlight)),
        }
    }

    /// Counts one less. An answer to nothing is ignored: it must not open room for more.
    pub(crate) fn end(&self) {
        let less = |count: u32| count.checked_sub(1);
        let _ = self.count.fetch_update(Relaxed, Relaxed, less);
    }

    fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }
}

/// Both rings of a link, seen from one side.
#[derive(Debug)]
pub struct Link {
    producer: Producer,
    consumer: Consumer,
    handle: Handle,
}

impl Link {
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
    /// Closes the link, with [`Code::Closed`] for an orderly end or the code of an error that the
    /// layer above found, which is counted. Only the first close of a side counts.
    pub fn close(&self, code: Code) {
        if !matches!(code, Code::Closed | Code::PeerLost) {
            self.shared.counters.add(Counter::ProtocolErrors, 1);
        }
        self.shared.close(code);
    }

    /// Says that the other side's process has ended: its acks are still read, then
    /// [`Error::Closed`] is all that the ends answer.
    pub fn peer_lost(&self) {
        self.shared.close(Code::PeerLost);
    }

    /// How the link has ended, if it has.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn check_open(&self) -> Result<()> {
        self.shared.check_open()
    }

    /// Says that a message that this side sent has ended over the control channel, or as the layer
    /// above says: no ack for it follows.
    pub fn end_call(&self) {
        self.shared.end_call();
    }

    /// Messages of this side that wait for their answer.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.shared.in_flight.count()
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

/// The three objects of this side.
struct Own {
    producer: (OwnedFd, Arc<Mapping>),
    consumer: (OwnedFd, Arc<Mapping>),
    counters: (OwnedFd, Arc<Mapping>),
}

impl Own {
    fn create(options: &Options, out: Direction) -> Result<Self> {
        let make = |kind, direction| {
            region::create(
                Object::new(kind, direction),
                &options.identity,
                options.build_id,
            )
        };
        Ok(Self {
            producer: make(ObjectKind::Producer, out)?,
            consumer: make(ObjectKind::Consumer, opposite(out))?,
            counters: make(ObjectKind::Counters, out)?,
        })
    }
}

/// The three objects of the other side, validated and mapped.
struct Other {
    producer: Arc<Mapping>,
    consumer: Arc<Mapping>,
    counters: Arc<Mapping>,
}

impl Other {
    fn open(
        options: &Options,
        out: Direction,
        producer: BorrowedFd<'_>,
        consumer: BorrowedFd<'_>,
        counters: BorrowedFd<'_>,
    ) -> Result<Self> {
        let open =
            |kind, direction, fd| region::open(Object::new(kind, direction), &options.identity, fd);
        Ok(Self {
            producer: open(ObjectKind::Producer, opposite(out), producer)?,
            consumer: open(ObjectKind::Consumer, out, consumer)?,
            counters: open(ObjectKind::Counters, opposite(out), counters)?,
        })
    }
}

/// The doorbells of a ring.
#[derive(Debug, Clone)]
struct Doorbells {
    data: Doorbell,
    space: Doorbell,
}

impl Doorbells {
    fn create() -> Result<Self> {
        Ok(Self {
            data: Doorbell::create()?,
            space: Doorbell::create()?,
        })
    }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::HostToPeer => Direction::PeerToHost,
        Direction::PeerToHost => Direction::HostToPeer,
    }
}

/// Makes the peer's end of a link from what the host sent, and what to answer the host with.
///
/// # Errors
/// [`Error::Header`] for an object that is not as agreed, [`Error::Doorbell`], [`Error::System`].
/// Nothing stays open or mapped then.
pub fn accept(options: &Options, fds: HostFds<OwnedFd>) -> Result<(Link, PeerFds<OwnedFd>)> {
    let out = Direction::PeerToHost;
    let other = Other::open(
        options,
        out,
        fds.h2p_producer.as_fd(),
        fds.p2h_consumer.as_fd(),
        fds.host_counters.as_fd(),
    )?;
    let inbound = Doorbells {
        data: Doorbell::from_fd("h2p_data", fds.h2p_data)?,
        space: Doorbell::from_fd("h2p_space", fds.h2p_space)?,
    };
    let outbound = Doorbells {
        data: Doorbell::from_fd("p2h_data", fds.p2h_data)?,
        space: Doorbell::from_fd("p2h_space", fds.p2h_space)?,
    };
    let own = Own::create(options, out)?;
    let link = join(
        options,
        [&own.producer.1, &own.consumer.1, &own.counters.1].map(Arc::clone),
        other,
        inbound,
        outbound,
    );
    let answer = PeerFds {
        h2p_consumer: own.consumer.0,
        p2h_producer: own.producer.0,
        peer_counters: own.counters.0,
    };
    Ok((link, answer))
}

/// A host's end that waits for the peer's objects.
pub struct HostPending {
    options: Options,
    own: Own,
    h2p: Doorbells,
    p2h: Doorbells,
}

impl HostPending {
    /// Makes the host's objects and all four doorbells.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn create(options: &Options) -> Result<Self> {
        Ok(Self {
            options: *options,
            own: Own::create(options, Direction::HostToPeer)?,
            h2p: Doorbells::create()?,
            p2h: Doorbells::create()?,
        })
    }

    /// What to send to the peer.
    #[must_use]
    pub fn fds(&self) -> HostFds<BorrowedFd<'_>> {
        HostFds {
            h2p_producer: self.own.producer.0.as_fd(),
            p2h_consumer: self.own.consumer.0.as_fd(),
            host_counters: self.own.counters.0.as_fd(),
            h2p_data: self.h2p.data.as_fd(),
            h2p_space: self.h2p.space.as_fd(),
            p2h_data: self.p2h.data.as_fd(),
            p2h_space: self.p2h.space.as_fd(),
        }
    }

    /// Makes the link from what the peer answered.
    ///
    /// # Errors
    /// [`Error::Header`] for an object that is not as agreed; [`Error::System`].
    pub fn complete<F: AsFd>(self, fds: &PeerFds<F>) -> Result<Link> {
        let other = Other::open(
            &self.options,
            Direction::HostToPeer,
            fds.p2h_producer.as_fd(),
            fds.h2p_consumer.as_fd(),
            fds.peer_counters.as_fd(),
        )?;
        let own = [
            self.own.producer.1,
            self.own.consumer.1,
            self.own.counters.1,
        ];
        Ok(join(&self.options, own, other, self.p2h, self.h2p))
    }
}

fn join(
    options: &Options,
    [own_producer, own_consumer, own_counters]: [Arc<Mapping>; 3],
    other: Other,
    inbound: Doorbells,
    outbound: Doorbells,
) -> Link {
    let counters = Counters::new(own_counters);
    let geometry = options.identity.geometry;
    let shared = Arc::new(Shared {
        inbound: Arc::new(Inbound::new(
            geometry,
            other.producer,
            own_consumer,
            inbound.data,
            inbound.space,
            counters.clone(),
        )),
        outbound: Outbound {
            geometry,
            producer: own_producer,
            consumer: other.consumer,
            data: outbound.data,
            space: outbound.space,
            own_waker: SharedWaker::default(),
        },
        counters,
        in_flight: InFlight {
            limit: geometry.descriptors() / 2,
            count: AtomicU32::new(0),
        },
        other_counters: Counters::new(other.counters),
        own_code: AtomicU32::new(0),
    });
    Link {
        producer: Producer::new(Arc::clone(&shared), options),
        consumer: Consumer::new(Arc::clone(&shared), options),
        handle: Handle { shared },
    }
}

#[cfg(test)]
mod tests;
