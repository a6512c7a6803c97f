//! Claims: slots that this side fills, and how they come back unpublished.
//!
//! A [`Claim`] keeps a descriptor and, if it wants an answer, a place among the messages in flight,
//! so publishing it never finds the ring full. It may be filled and dropped by any thread, and
//! outlive its producer and its link. Publishing is left to [`producer`](crate::producer).

use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};

use crate::descriptor::Run;
use crate::layout::Kind;
use crate::region::Mapping;
use crate::shared::Shared;

/// What a claim becomes when it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purpose {
    pub(crate) kind: Kind,
    /// Whether it wants no answer, although its kind does.
    pub(crate) is_final: bool,
}

impl Purpose {
    /// Whether it is counted among the messages in flight.
    pub(crate) const fn wants_answer(self) -> bool {
        self.kind.wants_answer() && !self.is_final
    }
}

/// Claims that were dropped, for the producer to take back.
#[derive(Debug)]
pub(crate) struct Aborted {
    runs: Mutex<Vec<Run>>,
    /// Whether `runs` has any, so that the producer's path takes no lock.
    any: AtomicBool,
    shared: Arc<Shared>,
}

impl Aborted {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            runs: Mutex::default(),
            any: AtomicBool::new(false),
            shared,
        }
    }

    fn push(&self, run: Run, purpose: Purpose) {
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(run);
        // Release: partner is the swap in `take`.
        self.any.store(true, Release);
        if purpose.wants_answer() {
            self.shared.in_flight.end();
        }
        self.shared.wake_own_producer();
    }

    pub(crate) fn take(&self) -> Vec<Run> {
        // Acquire: partner is the store in `push`.
        if !self.any.load(Relaxed) || !self.any.swap(false, Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A slot to write into: published through its [`Producer`](crate::Producer), or given back when
/// dropped.
///
/// Derefs to all bytes of its blocks, which may be more than were asked for. They hold what the
/// slot's last user left.
#[derive(Debug)]
pub struct Claim {
    mapping: Arc<Mapping>,
    slab_offset: usize,
    run: Run,
    purpose: Purpose,
    aborted: Arc<Aborted>,
    /// Cleared when the producer has taken the run over.
    kept: bool,
}

impl Claim {
    /// Of a run that the slab has given to this claim alone.
    pub(crate) fn new(
        aborted: &Arc<Aborted>,
        slab_offset: usize,
        run: Run,
        purpose: Purpose,
    ) -> Self {
        Self {
            mapping: Arc::clone(&aborted.shared.outbound.producer),
            slab_offset,
            run,
            purpose,
            aborted: Arc::clone(aborted),
            kept: true,
        }
    }

    /// Whether its producer is the one that takes back `aborted`.
    pub(crate) fn is_of(&self, aborted: &Arc<Aborted>) -> bool {
        Arc::ptr_eq(&self.aborted, aborted)
    }

    /// Gives the run to the producer, which publishes it.
    pub(crate) fn into_parts(mut self) -> (Run, Purpose) {
        self.kept = false;
        (self.run, self.purpose)
    }
}

#[allow(unsafe_code)]
impl Deref for Claim {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slab gave the run to this claim alone, and it is not published while the
        // claim lives; writing needs `&mut self`. The other side cannot write to this object: its
        // seals were added before it got the descriptor.
        unsafe {
            self.mapping
                .slot(self.slab_offset, self.run, self.run.bytes())
        }
    }
}

#[allow(unsafe_code)]
impl DerefMut for Claim {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes it the only reference.
        unsafe { self.mapping.slot_mut(self.slab_offset, self.run) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.kept {
            self.aborted.push(self.run, self.purpose);
        }
    }
}
