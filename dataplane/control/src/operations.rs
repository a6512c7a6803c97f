//! Runs operations: each ends exactly once, with a reply or with the reason why there is none.
//!
//! Inline kinds run on the host's thread before `start` returns; the others as one task each on
//! this module's own small runtime, which does not exist before the first of them. Leaves what an
//! operation does to the [`Peer`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strait_failure::{contain, contained};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::errors::CLASS_OK;
use crate::idl::OpStart;
use crate::signals::Blocked;
use crate::{host, Class, OpKind, OpResult, Operation, OperationError, Peer};

/// The deadline of an operation that came without one.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// The longest deadline; more means this.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Two, so that one operation that blocks its thread (a bug) does not stop the others.
const WORKERS: usize = 2;

/// Ends an operation: by `finish`, or with an error when it is dropped. Whoever holds it owns the
/// operation's only end; it is never cloned.
struct Completion {
    id: u64,
    ended: bool,
}

impl Completion {
    fn finish(mut self, result: OpResult) {
        self.end(result);
    }

    fn end(&mut self, result: OpResult) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        running().remove(&self.id);
        match result {
            Ok(reply) => host::op_done(self.id, CLASS_OK, reply),
            Err(error) => host::op_done(self.id, error.class.code(), error.payload()),
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.end(Err(OperationError::new(
            Class::Internal,
            "the operation was dropped before it ended; this is a bug",
        )));
    }
}

/// Operations on the runtime, by id (the host counts them up), with the trigger that cancels each.
type Running = BTreeMap<u64, oneshot::Sender<()>>;

fn running() -> MutexGuard<'static, Running> {
    static RUNNING: Mutex<Running> = Mutex::new(Running::new());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts an operation. Whatever happens, `op_done` is called once for it.
pub(crate) fn start(peer: &'static dyn Peer, start: OpStart) {
    // The runtime's threads begin here, and whatever an operation starts although it should not.
    let _blocked = Blocked::new();
    let completion = Completion {
        id: start.op_id,
        ended: false,
    };
    let operation = match accept(start) {
        Ok(operation) => operation,
        Err(error) => return completion.finish(Err(error)),
    };
    if operation.kind.is_inline() {
        let label = label(&operation);
        let result = contain(|| peer.inline(operation));
        completion.finish(result.unwrap_or_else(|text| Err(panicked(&label, &text))));
    } else {
        spawn(peer, operation, completion);
    }
}

/// Cancels an operation; one that is not known has ended.
pub(crate) fn cancel(op_id: u64) {
    let trigger = running().remove(&op_id);
    if let Some(trigger) = trigger {
        // An error means that it ends at this moment.
        let _ = trigger.send(());
    }
}

/// Checks what came from the host.
fn accept(start: OpStart) -> Result<Operation, OperationError> {
    let Some(kind) = OpKind::from_repr(start.kind) else {
        let message = format!("operation kind {} is not known to this peer", start.kind);
        return Err(OperationError::new(Class::Permanent, message));
    };
    let depth = json_depth(&start.payload);
    if depth > Operation::PAYLOAD_DEPTH_MAX {
        let limit = Operation::PAYLOAD_DEPTH_MAX;
        let message =
            format!("{kind}: the payload nests {depth} levels deep, the limit is {limit}");
        return Err(OperationError::new(Class::Permanent, message));
    }
    let timeout = match start.timeout_ns {
        0 => TIMEOUT_DEFAULT,
        nanos => Duration::from_nanos(nanos).min(TIMEOUT_MAX),
    };
    let deadline = Instant::now() + timeout;
    Ok(Operation {
        id: start.op_id,
        handle: start.handle,
        kind,
        deadline,
        payload: start.payload,
    })
}

/// How deep arrays and objects nest. Counts brackets outside strings: right for JSON, harmless for
/// anything else.
fn json_depth(payload: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for &byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Puts an operation on the runtime.
fn spawn(peer: &'static dyn Peer, operation: Operation, completion: Completion) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return completion.finish(Err(error)),
    };
    let (label, deadline) = (label(&operation), operation.deadline);
    let (cancel, mut cancelled) = oneshot::channel();
    running().insert(operation.id, cancel);
    let future = match contain(|| peer.spawn(operation)) {
        Ok(future) => future,
        Err(text) => return completion.finish(Err(panicked(&label, &text))),
    };
    runtime.spawn(async move {
        // The future is dropped before the operation ends: what it held is free by then.
        let result = tokio::select! {
            biased;
            result = contained(future) => {
                result.unwrap_or_else(|text| Err(panicked(&label, &text)))
            }
            Ok(()) = &mut cancelled => {
                let message = format!("{label} was cancelled by the host");
                Err(OperationError::new(Class::Cancelled, message))
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                let message = format!("{label} did not end before its deadline");
                Err(OperationError::new(Class::Deadline, message))
            }
        };
        completion.finish(result);
    });
}

fn label(operation: &Operation) -> String {
    format!("{} of handle {}", operation.kind, operation.handle)
}

fn panicked(label: &str, text: &str) -> OperationError {
    OperationError::new(
        Class::Internal,
        format!("panic in {label}: {text}; this is a bug in the component"),
    )
}

/// The runtime of operations: made by the first that needs it, never shut down, because the library
/// is never unloaded. A failure (no more threads) is that operation's error; the next tries again.
fn runtime() -> Result<Handle, OperationError> {
    static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*slot {
        return Ok(handle.clone());
    }
    let built = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("strait-control")
        .enable_all()
        .build();
    let runtime = built.map_err(|e| {
        let message = format!(
            "cannot start {WORKERS} threads for operations: {e}; check the limits on threads"
        );
        OperationError::new(Class::Unavailable, message)
    })?;
    let handle = Box::leak(Box::new(runtime)).handle().clone();
    *slot = Some(handle.clone());
    Ok(handle)
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod tests;
