//! Spans, which the host begins and records: it alone gives ids.
//!
//! The host answers while it is called, on the caller's thread: nobody waits.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::idl::{HostCalls, HostCallsImpl};
use crate::signals::unchanged;

/// A span that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanStarted {
    /// By which the host knows it until it ends.
    pub token: u64,
    /// The id of its trace.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub span_id: [u8; 8],
    /// W3C's trace flags; where bit 0 is not set nobody records the span, and it needs no end.
    pub flags: u8,
}

thread_local! {
    /// The answer to the call that this thread is in.
    static STARTED: Cell<Option<SpanStarted>> = const { Cell::new(None) };
}

/// Begins a span of the component with this handle; JSON. `None`: nobody records spans.
pub fn span_start(handle: u64, span: Vec<u8>) -> Option<SpanStarted> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness counts.
    let token = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    STARTED.set(None);
    unchanged(|| HostCallsImpl::span_start(token, handle, &span));
    STARTED.take().filter(|started| started.token == token)
}

/// Ends the span of the component with this handle that the host knows by this token; JSON.
pub fn span_end(token: u64, handle: u64, span: Vec<u8>) {
    unchanged(|| HostCallsImpl::span_end(token, handle, &span));
}

/// Takes the host's answer.
pub(crate) fn started(started: SpanStarted) {
    STARTED.set(Some(started));
}
