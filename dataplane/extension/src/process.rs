//! What concerns the whole process: what it counts, and its memory limit.

use serde::Deserialize;
use serde_json::{Value, json};
use strait_control::{OpResult, logging, memory};

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

#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
enum Setting {
    MemoryLimit { bytes: u64 },
}

/// Sets what holds for the whole process; the component with this handle reports what comes of it.
///
/// # Errors
/// The payload is no setting, or it cannot be kept.
pub fn set(handle: u64, payload: &[u8]) -> OpResult {
    match read(payload)? {
        Setting::MemoryLimit { bytes } => memory::set_limit(handle, bytes)?,
    }
    answer(&Value::Null)
}
