//! What runs when the host calls: each function is entered straight from C.
//!
//! Guarantees that no panic leaves it (one that did would end the process). What the calls mean is
//! left to `operations` and to the [`Peer`](crate::Peer).

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::host::{self, Level, LogRecord};
use crate::idl::calls::{PeerCalls, PeerCallsImpl};
use crate::idl::{FailureMessage, OpStart};
use crate::{entry, operations};

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
}

/// Runs `f`; the text of its panic is the error.
pub(crate) fn contain<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(panic_text)
}

/// The text that was given to `panic!`.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(other) => {
                // Not ours to drop: its destructor could panic again, out of the boundary.
                std::mem::forget(other);
                "a panic without a text".to_owned()
            }
        },
    }
}

/// Runs `f`; its panic is logged to the host, there being no other answer to these calls.
fn report(call: &str, id: u64, f: impl FnOnce()) {
    if let Err(text) = contain(f) {
        host::log(LogRecord {
            level: Level::Error,
            target: "strait_control".to_owned(),
            message: format!("panic in {call} of {id:#x}, which is lost: {text}"),
            fields_json: String::new(),
            handle: 0,
        });
    }
}
