//! A lane's side of the control channel: what it tells the host, and what the host tells it.

use super::table::CANCELS_PER_CALL;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use strait_component::Collector;
use strait_failure::Failure;
use tokio::sync::Notify;

/// Calls from a lane to the host's control channel. May be called from the lane's thread at any
/// time; must not block.
pub trait Upcalls: Send + Sync {
    /// Called first on the lane's thread, for what belongs to the thread (as where logs go).
    fn attach(&self) {}
    /// Ends an ingress call that failed. Called once per call, and never for one that was acked.
    fn batch_failed(&self, call_id: u64, failure: &Failure);
    /// Tells the host that the answer to an egress batch is no longer wanted.
    fn batch_cancel(&self, token: u64);
    /// Reports how the lane is.
    fn status(&self, status: LaneStatus, message: &str);
    /// The Collector, for a new instance of a component on this lane, the unit's member of this
    /// place.
    fn collector(&self, _member: usize, component: &str) -> Collector {
        Collector::none(component)
    }
}

/// How a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneStatus {
    /// Its pipeline runs.
    Ok,
    /// Its pipeline ended with an error and is started again.
    Recoverable,
    /// It will not run again.
    Permanent,
}

/// What other threads tell a lane: cancels, and failures of egress batches.
///
/// Bounded: there is one failure for each token in flight, and a few cancels for each call
/// ([`CANCELS_PER_CALL`]). What is told beyond is dropped, because no such call can exist.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<Told>,
    wake: Notify,
    /// Calls, and egress batches, that can be in flight.
    in_flight: usize,
    /// The unit ends, and not only this lane.
    unit_ends: AtomicBool,
}

/// What was told since the lane looked last.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) cancels: Vec<u64>,
    pub(super) failed: Vec<(u64, Failure)>,
}

impl Inbox {
    pub(crate) fn new(in_flight: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            wake: Notify::new(),
            in_flight,
            unit_ends: AtomicBool::new(false),
        })
    }

    /// The unit ends with this lane: no other takes its place. Release, with Acquire in
    /// [`unit_ends`](Self::unit_ends): told before the lane is asked to end.
    pub(crate) fn end_unit(&self) {
        self.unit_ends.store(true, Ordering::Release);
    }

    pub(crate) fn unit_ends(&self) -> bool {
        self.unit_ends.load(Ordering::Acquire)
    }

    pub(crate) fn cancel(&self, call_id: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cancels.len() < CANCELS_PER_CALL * self.in_flight {
            state.cancels.push(call_id);
        }
        drop(state);
        self.wake.notify_one();
    }

    pub(crate) fn failed(&self, token: u64, failure: Failure) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.len() < self.in_flight {
            state.failed.push((token, failure));
        }
        drop(state);
        self.wake.notify_one();
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn take(&self) -> Told {
        std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
