//! Operations that this side starts in the host: the mirror of `operations`.
//!
//! Guarantees that each ends once for whoever waits: with the host's answer, at its limit, or by
//! being dropped, in which case the host is told that it is no longer wanted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::errors::CLASS_OK;
use crate::idl::{OpDone, OpStart};
use crate::{Class, OpKind, OpResult, OperationError};

use super::{op_cancel, op_start};

/// Those in flight, by id, with who waits.
type Waiting = BTreeMap<u64, oneshot::Sender<OpResult>>;

fn waiting() -> MutexGuard<'static, Waiting> {
    static WAITING: Mutex<Waiting> = Mutex::new(Waiting::new());
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An operation that may still end; tells the host when nobody waits for it any more.
struct Unended(u64);

impl Drop for Unended {
    fn drop(&mut self) {
        let unfinished = waiting().remove(&self.0).is_some();
        if unfinished {
            op_cancel(self.0);
        }
    }
}

/// Runs an operation in the host, for the component with this handle, and gives its answer. Needs a
/// tokio runtime with timers. Dropping it cancels it.
///
/// # Errors
/// What the host says; [`Class::Deadline`] when it does not answer within `limit`.
pub async fn operate(handle: u64, kind: OpKind, payload: Vec<u8>, limit: Duration) -> OpResult {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness counts; the map's lock orders the rest.
    let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    let (end, mut ended) = oneshot::channel();
    waiting().insert(id, end);
    let _unended = Unended(id);
    op_start(&OpStart {
        op_id: id,
        handle,
        kind: kind as u32,
        timeout_ns: u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
        payload,
    });
    match tokio::time::timeout(limit, &mut ended).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(OperationError::new(
            Class::Internal,
            format!("{kind} of handle {handle} was dropped by the host; this is a bug"),
        )),
        Err(_) => Err(OperationError::new(
            Class::Deadline,
            format!("the host did not answer {kind} of handle {handle} within {limit:?}"),
        )),
    }
}

/// Takes the host's answer; one that nobody waits for is dropped.
pub(crate) fn done(done: OpDone) {
    let Some(end) = waiting().remove(&done.op_id) else {
        return;
    };
    let result = match done.class_code {
        CLASS_OK => Ok(done.payload),
        code => Err(OperationError::read(Class::from_code(code), &done.payload)),
    };
    // An error means that it was given up at this moment.
    let _ = end.send(result);
}
