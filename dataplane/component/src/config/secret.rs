//! Text that must not be seen: tokens, passwords.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// What stands for a secret wherever it would be seen; the same as in Go's `configopaque`.
const MASK: &str = "[REDACTED]";

/// A secret text: like the Collector's `configopaque.String`, it shows itself as `[REDACTED]` in
/// print-config, in logs, in errors, in `Debug` and to every serializer. [`expose`](Self::expose)
/// gives the text.
///
/// ```
/// use strait_component::Secret;
///
/// let token = Secret::new("hunter2");
/// assert_eq!(format!("{token} {token:?}"), "[REDACTED] [REDACTED]");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. Do not log it, nor put it into an error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text: nothing was configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

thread_local! {
    static REVEALED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, within which secrets serialize as they are: for the host alone, which masks them by
/// their places.
pub(super) fn revealed<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            REVEALED.set(self.0);
        }
    }
    let _restore = Restore(REVEALED.replace(true));
    f()
}

/// A message without the texts that lie at or below these places of a configuration. Shorter ones
/// than four characters stay: they stand in any message by chance.
pub(super) fn redacted(message: String, secrets: &[String], config: &Value) -> String {
    let values = secrets.iter().filter_map(|place| config.pointer(place));
    values.fold(message, hide)
}

fn hide(message: String, value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() >= 4 => {
            let escaped = format!("{text:?}");
            let escaped = escaped.trim_matches('"');
            message.replace(text.as_str(), MASK).replace(escaped, MASK)
        }
        Value::Array(items) => items.iter().fold(message, hide),
        Value::Object(map) => map.values().fold(message, hide),
        _ => message,
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if REVEALED.get() { &self.0 } else { MASK })
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "password", "writeOnly": true})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_by_the_host_alone() {
        let secret = Secret::new("s3cret");
        let json = || serde_json::to_string(&secret).unwrap();
        assert_eq!(json(), "\"[REDACTED]\"");
        assert_eq!(revealed(json), "\"s3cret\"");
        assert_eq!(json(), "\"[REDACTED]\"", "only within");
        let _ = std::panic::catch_unwind(|| revealed(|| panic!("a serializer")));
        assert_eq!(json(), "\"[REDACTED]\"", "also after a panic");
    }
}
