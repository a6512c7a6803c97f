//! How a side ends its own waits: by something that the other side cannot reach.
//!
//! A wait ends at its doorbell or at its alarm, and then looks again. An alarm that was raised
//! while nobody waited ends the next wait: nothing is lost between a look and a wait.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::fence;

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::Notify;

use crate::errors::{Error, Result};

/// Ends the waits of one end of a ring.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    tasks: Notify,
    /// For threads that block, made by the first one: most links have none.
    threads: OnceLock<OwnedFd>,
}

impl Alarm {
    /// Ends the wait of this end, or its next one. What it is for was stored before.
    pub(crate) fn raise(&self) {
        self.tasks.notify_one();
        // SeqCst fence: partner is the fence in `thread_event`. Either the thread's look that
        // follows it sees what was stored, or this sees the event.
        fence(SeqCst);
        if let Some(event) = self.threads.get() {
            // It is non-blocking, and full only if it is readable already.
            let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
        }
    }

    /// Waits until it is raised. Safe to cancel.
    pub(crate) async fn raised(&self) {
        self.tasks.notified().await;
    }

    /// What is readable once it is raised, for a thread that looks again before it blocks.
    pub(crate) fn thread_event(&self) -> Result<BorrowedFd<'_>> {
        if self.threads.get().is_none() {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            let event = eventfd(0, flags).map_err(Error::system("eventfd"))?;
            // Of two threads one is first; the other's event is closed again.
            let _ = self.threads.set(event);
        }
        let event = self.threads.get().map(AsFd::as_fd);
        // SeqCst fence: see `raise`.
        fence(SeqCst);
        event.ok_or(Error::system("eventfd")(rustix::io::Errno::BADF))
    }

    /// Forgets that it was raised.
    pub(crate) fn lower(event: BorrowedFd<'_>) {
        // Non-blocking; nothing there is what was wanted.
        let _ = rustix::io::read(event, &mut [0_u8; 8]);
    }
}
