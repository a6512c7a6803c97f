//! What concerns the whole process: what it counts, and its memory limit, which only the host's own
//! settings may set: no unit and no extension.

use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// The handles of the host's settings: of its extension `strait`, in each Collector of the process.
static SETTINGS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn settings() -> MutexGuard<'static, Vec<u64>> {
    SETTINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether what is to be created are settings: `{"kind": "settings"}`.
#[must_use]
pub fn is_settings(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_slice::<Kind>(payload).is_ok_and(|which| which.kind == "settings")
}

/// Keeps a handle of settings. Inline.
///
/// # Errors
/// None in practice: the reply is empty.
pub fn create(handle: u64) -> OpResult {
    let mut settings = settings();
    if !settings.contains(&handle) {
        settings.push(handle);
    }
    answer(&json!({}))
}

/// Whether a handle names settings.
#[must_use]
pub fn owns(handle: u64) -> bool {
    settings().contains(&handle)
}

/// Forgets a handle of settings.
///
/// # Errors
/// None in practice: the reply is empty.
pub fn end(handle: u64) -> OpResult {
    settings().retain(|other| *other != handle);
    answer(&json!({}))
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

/// Sets what holds for the whole process; the settings with this handle report what comes of it.
/// For a capability call whose handle is no extension's.
///
/// # Errors
/// The handle names no settings, the payload is no setting, or it cannot be kept.
pub fn set(handle: u64, payload: &[u8]) -> OpResult {
    match read(payload)? {
        Setting::MemoryLimit { .. } if !owns(handle) => {
            let message = format!(
                "handle {handle} may not set what holds for the whole process: \
                 only the extension `strait` may"
            );
            return Err(OperationError::new(Class::Permanent, message));
        }
        Setting::MemoryLimit { bytes } => memory::set_limit(handle, bytes)?,
        Setting::Question => {
            let message =
                format!("handle {handle} is no extension that runs: it has been shut down");
            return Err(OperationError::new(Class::Unavailable, message));
        }
    }
    answer(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: only the host's settings may set what holds for the whole process, and only as
    // long as they are there.
    #[test]
    fn only_settings_set_limits() {
        let limit = br#"{"call": "memory_limit", "bytes": 0}"#;
        assert!(
            is_settings(br#"{"kind": "settings"}"#) && !is_settings(br#"{"kind": "extension"}"#)
        );
        let refused = set(7001, limit).expect_err("no settings");
        assert_eq!(refused.class, Class::Permanent);
        assert!(refused.message.contains("only the extension `strait` may"));
        create(7001).expect("settings");
        set(7001, limit).expect("settings may");
        set(7002, limit).expect_err("another's handle");
        end(7001).expect("ended");
        set(7001, limit).expect_err("settings that have ended");
    }
}
