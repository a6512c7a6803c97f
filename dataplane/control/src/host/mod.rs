//! Calls to the host, for the code behind [`Peer`](crate::Peer).
//!
//! [`operate`] runs an operation there, and gives its answer. Every other call is one-way: it
//! returns when the host's Go function has returned, and tells nothing. Before a host is bound the
//! calls do nothing. They run Go code on the calling thread's stack: never call them from a thread
//! with a small stack, or while holding a lock that an operation needs.

mod operate;
mod span;

pub(crate) use operate::done;
pub use operate::operate;
pub(crate) use span::started as span_started;
pub use span::{span_end, span_start, SpanStarted};

use crate::idl::{FailureMessage, HostCalls, HostCallsImpl, LogMessage, OpDone, OpStart};
use crate::signals::unchanged;
use crate::Failure;

/// How important a log line is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[repr(u32)]
pub enum Level {
    /// Finer than debug.
    Trace = 1,
    /// For whoever looks for a fault.
    Debug = 2,
    /// Worth a line in normal running.
    Info = 3,
    /// Works, but needs attention.
    Warn = 4,
    /// Does not work.
    Error = 5,
}

/// A component's status, as the Collector knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[repr(u32)]
pub enum StatusCode {
    /// On its way up.
    Starting = 1,
    /// Works.
    Ok = 2,
    /// Does not work now, and tries again by itself.
    RecoverableError = 3,
    /// Does not work and will not without a change; the rest goes on.
    PermanentError = 4,
    /// The Collector should stop.
    FatalError = 5,
    /// On its way down.
    Stopping = 6,
    /// Down.
    Stopped = 7,
}

/// One log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// How important it is.
    pub level: Level,
    /// Where in the code it comes from, as `tracing` says it.
    pub target: String,
    /// The file and the line that wrote it; empty and 0 = not known.
    pub place: (String, u32),
    /// The line.
    pub message: String,
    /// A JSON object of its fields; empty = none.
    pub fields_json: String,
    /// Whose it is: the handle of a unit or component, 0 = the peer itself.
    pub handle: u64,
}

/// Ends a call of the host's as failed. The call must not be acked on the ring as well.
pub fn batch_failed(call_id: u64, failure: &Failure) {
    let failure = FailureMessage::from(failure);
    unchanged(|| HostCallsImpl::batch_failed(call_id, &failure));
}

/// Tells the host that an egress batch is no longer wanted. It may still end by itself.
pub fn batch_cancel(call_id: u64) {
    unchanged(|| HostCallsImpl::batch_cancel(call_id));
}

/// Gives the host a log line.
pub fn log(record: LogRecord) {
    let LogRecord {
        level,
        target,
        place: (file, line),
        message,
        fields_json,
        handle,
    } = record;
    let message = LogMessage {
        level: level as u32,
        target,
        file,
        line,
        message,
        fields_json,
        handle,
    };
    unchanged(|| HostCallsImpl::log(&message));
}

/// Reports the status of the component with this handle; the message may be empty.
pub fn status(handle: u64, code: StatusCode, message: &str) {
    let message = message.to_owned();
    unchanged(|| HostCallsImpl::status(handle, code as u32, &message));
}

/// Gives the host what the component with this handle says of its instruments; JSON.
pub fn measured(handle: u64, what: Vec<u8>) {
    unchanged(|| HostCallsImpl::measured(handle, &what));
}

/// Ends an operation. Called by the completion guard only.
pub(crate) fn op_done(op_id: u64, class_code: u32, payload: Vec<u8>) {
    let done = OpDone {
        op_id,
        class_code,
        payload,
    };
    unchanged(|| HostCallsImpl::op_done(&done));
}

/// Starts an operation in the host.
fn op_start(start: &OpStart) {
    unchanged(|| HostCallsImpl::op_start(start));
}

/// Tells the host that an operation is no longer wanted.
fn op_cancel(op_id: u64) {
    unchanged(|| HostCallsImpl::op_cancel(op_id));
}
