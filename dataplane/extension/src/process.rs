//! What concerns the whole process: what it counts, and its memory limit.

use serde::Deserialize;
use serde_json::{Value, json};
use strait_control::{Class, OpResult, OperationError, logging, memory};

use crate::{answer, leaked_threads, read};

/// What this process's Rust side counts. Inline.
///
/// # Errors
/// None in practice: the reply is a few numbers.
pub fn counters() -> OpResult {
    answer(&json!({
        "leaked_threads": leaked_threads(),
        "allocated_bytes": memory::allocated(),
        "dropped_log_lines": logging::dropped(),
    }))
}

/// What may be set for the whole process. As JSON: `{"call": "memory_limit", "bytes": 1048576}`.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
enum Setting {
    MemoryLimit {
        bytes: u64,
    },
    /// A question to an extension, which the handle does not name.
    #[serde(other)]
    Question,
}

/// Sets what holds for the whole process; the component with this handle reports what comes of it. For a capability call
/// whose handle is no extension's.
///
/// # Errors
/// The payload is no setting, or it cannot be kept.
pub fn set(handle: u64, payload: &[u8]) -> OpResult {
    match read(payload)? {
        Setting::MemoryLimit { bytes } => memory::set_limit(handle, bytes)?,
        Setting::Question => {
            let message =
                format!("handle {handle} is no extension that runs: it has been shut down");
            return Err(OperationError::new(Class::Unavailable, message));
        }
    }
    answer(&Value::Null)
}
