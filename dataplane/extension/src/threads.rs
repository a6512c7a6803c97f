//! Threads that do not come back: those of instances that have ended, or whose thread does not
//! answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The threads of one instance: its own, and those that its runtime made for blocking work.
#[derive(Default)]
pub(crate) struct Threads {
    live: AtomicUsize,
    /// The instance's own thread did not answer in time and has not since.
    silent: AtomicBool,
    /// The instance has ended: what lives is blocked.
    given_up: AtomicBool,
}

/// Instances of which some thread may be blocked.
static SUSPECTS: Mutex<Vec<Arc<Threads>>> = Mutex::new(Vec::new());

impl Threads {
    /// A thread begins or ends. Relaxed: only the number counts.
    pub(crate) fn begin(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// The instance's own thread does not answer. Returns whether that is new. SeqCst: paired with
    /// `speak` through the probe's flag (see `instance::Unanswered`), one of the two sees the
    /// other.
    pub(crate) fn fall_silent(self: &Arc<Self>) -> bool {
        let new = !self.silent.swap(true, Ordering::SeqCst);
        if new {
            self.suspect();
        }
        new
    }

    /// It answers again. Returns whether it did not before.
    pub(crate) fn speak(&self) -> bool {
        self.silent.swap(false, Ordering::SeqCst)
    }

    /// The instance has ended; whatever lives of it is blocked.
    pub(crate) fn give_up(self: &Arc<Self>) {
        self.given_up.store(true, Ordering::Relaxed);
        self.suspect();
    }

    fn suspect(self: &Arc<Self>) {
        let mut suspects = SUSPECTS.lock().unwrap_or_else(PoisonError::into_inner);
        if !suspects.iter().any(|known| Arc::ptr_eq(known, self)) {
            suspects.push(Arc::clone(self));
        }
    }

    fn leaked(&self) -> usize {
        if self.given_up.load(Ordering::Relaxed) {
            self.live()
        } else {
            usize::from(self.silent.load(Ordering::Relaxed))
        }
    }
}

/// How many threads of extensions are blocked now: of instances that have ended, and own threads
/// that do not answer.
#[must_use]
pub fn leaked() -> usize {
    let mut suspects = SUSPECTS.lock().unwrap_or_else(PoisonError::into_inner);
    suspects.retain(|threads| threads.leaked() > 0);
    suspects.iter().map(|threads| threads.leaked()).sum()
}
