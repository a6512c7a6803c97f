//! Doorbells: eventfds that end a sleep.
//!
//! Ringing never blocks. Waiting ends when the doorbell was rung since the last wait, or for
//! no reason at all: whoever waits must look again, never count. When to ring and when to sleep is
//! left to the ring's two ends.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{FileType, OFlags, Timespec, fcntl_getfl, fstat};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::errors::{Error, Result};

/// A non-blocking eventfd.
#[derive(Debug, Clone)]
pub struct Doorbell {
    fd: Arc<OwnedFd>,
}

impl Doorbell {
    /// Makes one.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn create() -> Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(Error::system("eventfd"))?;
        Ok(Self { fd: Arc::new(fd) })
    }

    /// Takes one that the host made; `name` is for the error. Rings it once: whoever reads it must
    /// bear that, and so an object that cannot be rung is found at once.
    ///
    /// # Errors
    /// [`Error::Doorbell`] if it may block or is not an eventfd.
    pub fn from_fd(name: &'static str, fd: OwnedFd) -> Result<Self> {
        let flags = fcntl_getfl(&fd).map_err(Error::system("fcntl(F_GETFL)"))?;
        let stat = fstat(&fd).map_err(Error::system("fstat"))?;
        // An eventfd has no file type; a pipe, a socket and a file have one.
        let untyped = FileType::from_raw_mode(stat.st_mode) == FileType::Unknown;
        if !flags.contains(OFlags::NONBLOCK) || !untyped || !write_eventfd(fd.as_fd()) {
            return Err(Error::Doorbell { name });
        }
        Ok(Self { fd: Arc::new(fd) })
    }

    /// Rings. Cannot fail: the eventfd is open, and a full counter counts as rung.
    pub fn ring(&self) {
        let rung = write_eventfd(self.fd.as_fd());
        debug_assert!(rung, "an eventfd takes a 1");
    }

    /// Takes what was rung, if anything was.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn drain(&self) -> Result<bool> {
        match read_eventfd(self.fd.as_fd()) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(errno) => Err(Error::system("read of an eventfd")(errno)),
        }
    }

    /// Blocks the thread until it is rung or `deadline` has passed, and drains it. May return early.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait_until(&self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => self.drain().map(|_| ()),
            Err(errno) => Err(Error::system("poll")(errno)),
        }
    }

    /// The descriptor, to hand it to the other side.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        (*self.fd).as_fd()
    }
}

impl AsRawFd for Doorbell {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn write_eventfd(fd: BorrowedFd<'_>) -> bool {
    let result = rustix::io::retry_on_intr(|| rustix::io::write(fd, &1_u64.to_ne_bytes()));
    matches!(result, Ok(_) | Err(Errno::AGAIN))
}

fn read_eventfd(fd: BorrowedFd<'_>) -> std::result::Result<u64, Errno> {
    let mut count = [0_u8; 8];
    rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut count))?;
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

    /// Waits until it is rung; what was rung stays in it. Safe to cancel.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub(crate) async fn wait(&mut self) -> Result<()> {
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

    /// Like [`AsyncDoorbell::wait`], until `deadline`.
    pub(crate) async fn wait_until(&mut self, deadline: Instant) -> Result<()> {
        match tokio::time::timeout_at(deadline.into(), self.wait()).await {
            Ok(result) => result,
            Err(_) => Ok(()),
        }
    }
}

#[allow(unsafe_code)] // tokio asks for it; see below.
fn register(doorbell: Doorbell) -> Result<AsyncFd<Doorbell>> {
    // SAFETY: a doorbell keeps its eventfd open as long as it lives, and never exchanges it.
    unsafe { AsyncFd::register_with_interest(doorbell, Interest::READABLE) }.map_err(|error| {
        Error::System {
            call: "epoll_ctl",
            source: error.into(),
        }
    })
}

const EPOLL_WAIT: &str = "epoll_wait";

async fn wait_registered(registered: &AsyncFd<Doorbell>) -> Result<()> {
    let mut guard = registered
        .readable()
        .await
        .map_err(|source| Error::System {
            call: EPOLL_WAIT,
            source,
        })?;
    // tokio registers for edges, and each ring of an eventfd is one, whatever its count: it need not
    // be drained (which would cost two reads), only this edge be forgotten. A ring that comes after
    // this is a new edge; one that came before is for what the caller looks at next.
    guard.clear_ready();
    Ok(())
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
