//! Doorbells: what ends a sleep from across the link.
//!
//! Ringing never blocks. Waiting ends when the doorbell was rung, when this side's own alarm was
//! raised, or for no reason at all: whoever waits must look again, never count. Doorbells of a
//! trusted link are eventfds; those of an untrusted one are ends of socket pairs, whose flags are
//! nobody else's. When to ring and when to sleep is left to the ring's two ends.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{FileType, OFlags, Timespec, fcntl_getfl, fstat};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, getpeername, recv, send,
    socketpair, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::alarm::Alarm;
use crate::errors::{Error, Result};
use crate::trust::Trust;

/// How much one drain of a socket takes.
const DRAIN_BYTES: usize = 4096;

/// One side's end of a doorbell.
#[derive(Debug, Clone)]
pub(crate) struct Doorbell {
    fd: Arc<OwnedFd>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Event,
    Socket,
}

/// What was in a doorbell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// All of it was taken.
    Empty,
    /// There may be more.
    More,
    /// The other side has hung up.
    HungUp,
}

/// How a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Look again.
    Look,
    /// The other side has hung up: the doorbell rings no more.
    HungUp,
}

impl Doorbell {
    /// Makes one: this side's end, and what the other side is given.
    pub(crate) fn create(trust: Trust) -> Result<(Self, Arc<OwnedFd>)> {
        if trust.is_trusted() {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            let fd = Arc::new(eventfd(0, flags).map_err(Error::system("eventfd"))?);
            let kind = Kind::Event;
            return Ok((
                Self {
                    fd: Arc::clone(&fd),
                    kind,
                },
                fd,
            ));
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (own, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(Error::system("socketpair"))?;
        let (fd, kind) = (Arc::new(own), Kind::Socket);
        Ok((Self { fd, kind }, Arc::new(other)))
    }

    /// Takes one that the host made; `name` is for the error.
    ///
    /// # Errors
    /// [`Error::Doorbell`] if it is not what R-22 allows.
    pub(crate) fn from_fd(name: &'static str, fd: OwnedFd, trust: Trust) -> Result<Self> {
        let expected = if trust.is_trusted() {
            "a non-blocking eventfd or a connected unix stream socket"
        } else {
            "a connected unix stream socket, because the other side is not trusted"
        };
        let checked = match file_type(fd.as_fd())? {
            FileType::Socket => check_socket(fd.as_fd())?.map(|()| Kind::Socket),
            // An eventfd has no file type; a pipe, a socket and a file have one.
            FileType::Unknown if trust.is_trusted() => {
                check_event(fd.as_fd())?.map(|()| Kind::Event)
            }
            FileType::Unknown => Err("no socket"),
            FileType::Fifo => Err("a pipe"),
            _ => Err("a file"),
        };
        let kind = checked.map_err(|found| Error::Doorbell {
            name,
            expected,
            found,
        })?;
        Ok(Self {
            fd: Arc::new(fd),
            kind,
        })
    }

    /// Rings. A full doorbell counts as rung; of one that is broken, the wait for it tells.
    pub(crate) fn ring(&self) {
        match self.kind {
            Kind::Event => _ = write_event(self.fd.as_fd(), 1),
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                _ = retry_on_intr(|| send(&self.fd, &[1], flags));
            }
        }
    }

    /// Takes what was rung, up to a bound.
    fn drain(&self) -> Result<Drained> {
        match self.kind {
            Kind::Event => match read_event(self.fd.as_fd()) {
                // One read takes all of the count.
                Ok(_) | Err(Errno::AGAIN) => Ok(Drained::Empty),
                Err(errno) => Err(Error::system("read of an eventfd")(errno)),
            },
            Kind::Socket => {
                let mut taken = [0; DRAIN_BYTES];
                let flags = RecvFlags::DONTWAIT;
                match retry_on_intr(|| recv(&self.fd, &mut taken[..], flags).map(|(n, _)| n)) {
                    Ok(0) => Ok(Drained::HungUp),
                    Ok(DRAIN_BYTES) => Ok(Drained::More),
                    Ok(_) | Err(Errno::AGAIN) => Ok(Drained::Empty),
                    Err(Errno::CONNRESET | Errno::PIPE) => Ok(Drained::HungUp),
                    Err(errno) => Err(Error::system("recv of a doorbell")(errno)),
                }
            }
        }
    }

    /// Blocks the thread until it is rung, `alarm` is raised (whose event the caller has got before
    /// its last look), or `deadline` has passed. May return early.
    pub(crate) fn wait_until(&self, event: BorrowedFd<'_>, deadline: Instant) -> Result<Woken> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [
            PollFd::new(&self.fd, PollFlags::IN),
            PollFd::from_borrowed_fd(event, PollFlags::IN),
        ];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("poll")(errno)),
        }
        let [doorbell, alarm] = fds.map(|fd| fd.revents());
        if !alarm.is_empty() {
            Alarm::lower(event);
        }
        if doorbell.is_empty() {
            return Ok(Woken::Look);
        }
        match self.drain()? {
            Drained::HungUp => Ok(Woken::HungUp),
            // An error that a drain does not show would end each wait at once.
            Drained::Empty if doorbell.intersects(PollFlags::ERR | PollFlags::NVAL) => {
                Ok(Woken::HungUp)
            }
            Drained::Empty | Drained::More => Ok(Woken::Look),
        }
    }
}

impl AsRawFd for Doorbell {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn file_type(fd: BorrowedFd<'_>) -> Result<FileType> {
    let stat = fstat(fd).map_err(Error::system("fstat"))?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// What a check finds instead of what it looks for.
type Checked = std::result::Result<(), &'static str>;

fn check_socket(fd: BorrowedFd<'_>) -> Result<Checked> {
    let domain = sockopt::socket_domain(fd).map_err(Error::system("getsockopt(SO_DOMAIN)"))?;
    let kind = sockopt::socket_type(fd).map_err(Error::system("getsockopt(SO_TYPE)"))?;
    Ok(
        if domain != AddressFamily::UNIX || kind != SocketType::STREAM {
            Err("a socket of another kind")
        } else if getpeername(fd).is_err() {
            Err("a socket that is not connected")
        } else {
            Ok(())
        },
    )
}

/// Leaves the doorbell rung: whoever reads it must bear that.
fn check_event(fd: BorrowedFd<'_>) -> Result<Checked> {
    let flags = fcntl_getfl(fd).map_err(Error::system("fcntl(F_GETFL)"))?;
    if !flags.contains(OFlags::NONBLOCK) {
        return Ok(Err("one that may block"));
    }
    if !matches!(write_event(fd, 2), Ok(()) | Err(Errno::AGAIN)) {
        return Ok(Err("no eventfd"));
    }
    // A semaphore gives 1, whatever was written: it could not be drained by one read.
    if matches!(read_event(fd), Ok(1)) {
        return Ok(Err("a semaphore"));
    }
    let _ = write_event(fd, 1);
    Ok(Ok(()))
}

fn write_event(fd: BorrowedFd<'_>, count: u64) -> std::result::Result<(), Errno> {
    retry_on_intr(|| rustix::io::write(fd, &count.to_ne_bytes())).map(|_| ())
}

fn read_event(fd: BorrowedFd<'_>) -> std::result::Result<u64, Errno> {
    let mut count = [0_u8; 8];
    retry_on_intr(|| rustix::io::read(fd, &mut count))?;
    Ok(u64::from_ne_bytes(count))
}

/// A doorbell with a registration in the tokio runtime of whoever waits first.
#[derive(Debug)]
pub(crate) struct AsyncDoorbell {
    doorbell: Doorbell,
    registered: Option<AsyncFd<Doorbell>>,
}

impl AsyncDoorbell {
    pub(crate) fn new(doorbell: Doorbell) -> Self {
        Self {
            doorbell,
            registered: None,
        }
    }

    pub(crate) fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }

    /// Waits until it is rung or `alarm` is raised. Safe to cancel.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub(crate) async fn wait(&mut self, alarm: &Alarm) -> Result<Woken> {
        tokio::select! {
            biased;
            woken = self.rung() => woken,
            () = alarm.raised() => Ok(Woken::Look),
        }
    }

    /// Like [`AsyncDoorbell::wait`], until `deadline`.
    pub(crate) async fn wait_until(&mut self, alarm: &Alarm, deadline: Instant) -> Result<Woken> {
        match tokio::time::timeout_at(deadline.into(), self.wait(alarm)).await {
            Ok(result) => result,
            Err(_) => Ok(Woken::Look),
        }
    }

    async fn rung(&mut self) -> Result<Woken> {
        if let Some(registered) = &self.registered {
            match wait_registered(registered).await {
                // A registration ends with its runtime; the next waiter may run on another one.
                Err(Error::System {
                    call: EPOLL_WAIT, ..
                }) => self.registered = None,
                result => return result,
            }
        }
        let registered = self.registered.insert(register(self.doorbell.clone())?);
        wait_registered(registered).await
    }
}

#[allow(unsafe_code)] // tokio asks for it; see below.
fn register(doorbell: Doorbell) -> Result<AsyncFd<Doorbell>> {
    // SAFETY: a doorbell keeps its descriptor open as long as it lives, and never exchanges it.
    unsafe { AsyncFd::register_with_interest(doorbell, Interest::READABLE) }.map_err(|error| {
        Error::System {
            call: "epoll_ctl",
            cause: error.into(),
        }
    })
}

const EPOLL_WAIT: &str = "epoll_wait";

async fn wait_registered(registered: &AsyncFd<Doorbell>) -> Result<Woken> {
    let mut guard = registered.readable().await.map_err(|cause| Error::System {
        call: EPOLL_WAIT,
        cause,
    })?;
    // tokio registers for edges, and a full doorbell gives none: so it is drained. A ring after the
    // drain is a new edge, and clearing forgets only the edge that this wait was woken by.
    match guard.get_inner().drain()? {
        Drained::Empty => guard.clear_ready(),
        Drained::More => {}
        Drained::HungUp => return Ok(Woken::HungUp),
    }
    Ok(Woken::Look)
}

/// How a consumer spends the time before it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Sleep at once.
    #[default]
    Efficient,
    /// Spin for about [`SPIN`], yield until about [`YIELD`], then sleep.
    Latency,
}

/// How long [`Policy::Latency`] spins.
pub const SPIN: Duration = Duration::from_micros(2);
/// How long [`Policy::Latency`] spins and yields.
pub const YIELD: Duration = Duration::from_micros(20);
/// How often [`Policy::Latency`] looks between two looks at the clock while it spins: a clock takes
/// longer to read than a message to come.
pub(crate) const SPIN_LOOKS: u32 = 16;
