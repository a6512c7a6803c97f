//! What runs when the host calls: each function is entered straight from C.
//!
//! Guarantees that no panic leaves it (one that did would end the process). What the calls mean is
//! left to `operations` and to the [`Peer`](crate::Peer).

use crate::host::{self, Level, LogRecord, SpanStarted};
use crate::idl::calls::{PeerCalls, PeerCallsImpl};
use crate::idl::{FailureMessage, OpDone, OpStart};
use crate::{entry, logging, operations};
use strait_failure::contain;

impl PeerCalls for PeerCallsImpl {
    fn op_start(start: OpStart) {
        let Some(peer) = entry::peer() else { return };
        report("op_start", start.op_id, || operations::start(peer, start));
    }

    fn op_cancel(op_id: u64) {
        report("op_cancel", op_id, || operations::cancel(op_id));
    }

    fn batch_cancel(call_id: u64) {
        let Some(peer) = entry::peer() else { return };
        report("batch_cancel", call_id, || peer.batch_cancel(call_id));
    }

    fn batch_failed(call_id: u64, failure: FailureMessage) {
        let Some(peer) = entry::peer() else { return };
        report("batch_failed", call_id, || {
            peer.batch_failed(call_id, failure.into())
        });
    }

    fn op_done(done: OpDone) {
        let id = done.op_id;
        report("op_done", id, || host::done(done));
    }

    fn log_level(level: u32) {
        report("log_level", level.into(), || logging::set_level(level));
    }

    fn span_started(token: u64, trace_high: u64, trace_low: u64, span_id: u64, flags: u32) {
        let trace_id = (u128::from(trace_high) << 64 | u128::from(trace_low)).to_be_bytes();
        let started = SpanStarted {
            token,
            trace_id,
            span_id: span_id.to_be_bytes(),
            flags: flags.to_be_bytes()[3], // W3C's are a byte
        };
        report("span_started", token, || host::span_started(started));
    }
}

/// Runs `f`; its panic is logged to the host, there being no other answer to these calls.
fn report(call: &str, id: u64, f: impl FnOnce()) {
    if let Err(text) = contain(f) {
        host::log(LogRecord {
            level: Level::Error,
            target: "strait_control".to_owned(),
            place: (file!().to_owned(), line!()),
            message: format!("panic in {call} of {id:#x}, which is lost: {text}"),
            fields_json: String::new(),
            handle: 0,
        });
    }
}
