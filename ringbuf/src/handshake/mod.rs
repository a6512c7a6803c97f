//! Making a link: what the two sides send each other, and what they check (protocol section 8).
//!
//! [`accept`] makes the peer's end from what a host sent; [`HostPending`] makes a host's end.
//! Nothing stays open or mapped where one of them fails. Between processes [`socket`] does all of
//! it over a unix socket; within one, passing descriptors is left to the layers above.

mod fds;
pub mod socket;
pub mod wire;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};

use crate::doorbell::Doorbell;
use crate::errors::{Error, Result};
use crate::header::Object;
use crate::layout::{Direction, ObjectKind};
use crate::link::{Doorbells, Link, Objects};
use crate::options::Options;
use crate::region::{self, Mapping};
use crate::trust::Trust;

pub use fds::{HostFds, PeerFds};

/// Duplicates a file descriptor that the other side of this process owns, by its number.
///
/// # Errors
/// [`Error::System`] if it is not open.
///
/// # Safety
/// Whoever gave the number owns the descriptor, keeps it open during the call, and means it to be
/// duplicated: a number that names a file of somebody else would give that file away (I/O safety).
#[allow(unsafe_code)] // The other side speaks another language and gives plain numbers.
pub unsafe fn duplicate(number: RawFd) -> Result<OwnedFd> {
    const CALL: &str = "fcntl(F_DUPFD_CLOEXEC)";
    if number < 0 {
        return Err(Error::system(CALL)(rustix::io::Errno::BADF));
    }
    // SAFETY: not -1 (checked), and open and lent for this call (this function's contract).
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_dupfd_cloexec(borrowed, 0).map_err(Error::system(CALL))
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

    fn objects(&self) -> Objects {
        Objects {
            producer: Arc::clone(&self.producer.1),
            consumer: Arc::clone(&self.consumer.1),
            counters: Arc::clone(&self.counters.1),
        }
    }
}

/// Validates and maps the three objects of the other side: producer, consumer, counters.
fn open_other(options: &Options, out: Direction, fds: [BorrowedFd<'_>; 3]) -> Result<Objects> {
    let open =
        |kind, direction, fd| region::open(Object::new(kind, direction), &options.identity, fd);
    let [producer, consumer, counters] = fds;
    Ok(Objects {
        producer: open(ObjectKind::Producer, opposite(out), producer)?,
        consumer: open(ObjectKind::Consumer, out, consumer)?,
        counters: open(ObjectKind::Counters, opposite(out), counters)?,
    })
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
/// [`Error::Header`] for an object that is not as agreed, [`Error::Doorbell`], [`Error::FileSize`],
/// [`Error::System`]. Nothing stays open or mapped then.
pub fn accept(options: &Options, fds: HostFds<OwnedFd>) -> Result<(Link, PeerFds<OwnedFd>)> {
    let out = Direction::PeerToHost;
    let objects = [
        fds.h2p_producer.as_fd(),
        fds.p2h_consumer.as_fd(),
        fds.host_counters.as_fd(),
    ];
    let other = open_other(options, out, objects)?;
    let bell = |name, fd| Doorbell::from_fd(name, fd, options.trust);
    let inbound = Doorbells {
        data: bell("h2p_data", fds.h2p_data)?,
        space: bell("h2p_space", fds.h2p_space)?,
    };
    let outbound = Doorbells {
        data: bell("p2h_data", fds.p2h_data)?,
        space: bell("p2h_space", fds.p2h_space)?,
    };
    let own = Own::create(options, out)?;
    let link = Link::join(options, own.objects(), other, inbound, outbound);
    let answer = PeerFds {
        h2p_consumer: own.consumer.0,
        p2h_producer: own.producer.0,
        peer_counters: own.counters.0,
    };
    Ok((link, answer))
}

/// The doorbells of a ring that the host has made: its own ends, and the peer's.
struct MadeDoorbells {
    own: Doorbells,
    data: Arc<OwnedFd>,
    space: Arc<OwnedFd>,
}

impl MadeDoorbells {
    fn create(trust: Trust) -> Result<Self> {
        let (own_data, data) = Doorbell::create(trust)?;
        let (own_space, space) = Doorbell::create(trust)?;
        let own = Doorbells {
            data: own_data,
            space: own_space,
        };
        Ok(Self { own, data, space })
    }
}

/// A host's end that waits for the peer's objects.
pub struct HostPending {
    options: Options,
    own: Own,
    h2p: MadeDoorbells,
    p2h: MadeDoorbells,
}

impl HostPending {
    /// Makes the host's objects and all four doorbells.
    ///
    /// # Errors
    /// [`Error::FileSize`], [`Error::System`].
    pub fn create(options: &Options) -> Result<Self> {
        Ok(Self {
            options: *options,
            own: Own::create(options, Direction::HostToPeer)?,
            h2p: MadeDoorbells::create(options.trust)?,
            p2h: MadeDoorbells::create(options.trust)?,
        })
    }

    /// What to send to the peer.
    #[must_use]
    pub fn fds(&self) -> HostFds<BorrowedFd<'_>> {
        HostFds {
            h2p_producer: self.own.producer.0.as_fd(),
            p2h_consumer: self.own.consumer.0.as_fd(),
            host_counters: self.own.counters.0.as_fd(),
            h2p_data: (*self.h2p.data).as_fd(),
            h2p_space: (*self.h2p.space).as_fd(),
            p2h_data: (*self.p2h.data).as_fd(),
            p2h_space: (*self.p2h.space).as_fd(),
        }
    }

    /// Makes the link from what the peer answered. This side's copies of the peer's ends of the
    /// doorbells are closed, so that it notices when the peer's are.
    ///
    /// # Errors
    /// [`Error::Header`] for an object that is not as agreed; [`Error::System`].
    pub fn complete<F: AsFd>(self, fds: &PeerFds<F>) -> Result<Link> {
        let objects = [
            fds.p2h_producer.as_fd(),
            fds.h2p_consumer.as_fd(),
            fds.peer_counters.as_fd(),
        ];
        let other = open_other(&self.options, Direction::HostToPeer, objects)?;
        let (inbound, outbound) = (self.p2h.own, self.h2p.own);
        Ok(Link::join(
            &self.options,
            self.own.objects(),
            other,
            inbound,
            outbound,
        ))
    }
}
