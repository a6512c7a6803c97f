//! What can go wrong, in one structure on both sides: [`Failure`] for a batch, [`OperationError`]
//! for an operation, [`Class`] for what the caller may do about it.
//!
//! Guarantees that nothing is collapsed into a string on the way: class, gRPC and HTTP code, retry
//! delay and rejected items cross as numbers. `failure.go` and `class.go` are the same in Go;
//! `vectors/codes.json` is read by both. What the numbers mean to the Collector or to the engine is
//! said on their sides.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::idl::FailureMessage;

/// What the caller may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Class {
    /// The same data will fail again: drop it, do not retry.
    Permanent = 1,
    /// May work later.
    Retryable = 2,
    /// Not accepted now, for lack of memory or space; nothing was done. Retry later.
    Refused = 3,
    /// The caller's context was cancelled.
    Cancelled = 4,
    /// The caller's deadline passed.
    Deadline = 5,
    /// The other side is gone or not ready. Retry later.
    Unavailable = 6,
    /// A bug, on either side: a panic, or a broken promise.
    Internal = 7,
}

/// On the wire: not an error. Only in the end of an operation.
pub(crate) const CLASS_OK: u32 = 0;

impl Class {
    /// Every class, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::Permanent,
        Self::Retryable,
        Self::Refused,
        Self::Cancelled,
        Self::Deadline,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The class of a number that crossed. One that does not exist, 0 included, is the other side's
    /// bug: [`Class::Internal`].
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        Self::ALL
            .into_iter()
            .find(|c| c.code() == code)
            .unwrap_or(Self::Internal)
    }

    /// The number that crosses.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Whether the same data must not be offered again: it would fail the same way, or nobody waits
    /// for it any more. The rule of both languages, and of the engine's nack.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Permanent | Self::Cancelled | Self::Deadline | Self::Internal
        )
    }

    /// The word for messages and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Retryable => "retryable",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why one batch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the caller may do.
    pub class: Class,
    /// gRPC status code; 0 = none is known.
    pub grpc_code: u32,
    /// HTTP status code; 0 = none is known.
    pub http_code: u32,
    /// How long the destination asked to wait; zero = it did not say.
    pub retry_delay: Duration,
    /// How many items the destination rejected (partial success); 0 = all, or not known.
    pub rejected_items: u64,
    /// What happened. Does not repeat the class or the component.
    pub message: String,
    /// The component or node where it happened; empty = not known.
    pub component: String,
}

impl Failure {
    /// A failure of which only class and message are known; set the other fields as needed.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            grpc_code: 0,
            http_code: 0,
            retry_delay: Duration::ZERO,
            rejected_items: 0,
            message: message.into(),
            component: String::new(),
        }
    }

    /// Names where it happened.
    #[must_use]
    pub fn in_component(mut self, component: impl Into<String>) -> Self {
        self.component = component.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.component.is_empty() {
            write!(f, "{}: ", self.component)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<FailureMessage> for Failure {
    fn from(m: FailureMessage) -> Self {
        Self {
            class: Class::from_code(m.class_code),
            grpc_code: m.grpc_code,
            http_code: m.http_code,
            retry_delay: Duration::from_nanos(m.retry_delay_ns),
            rejected_items: m.rejected_items,
            message: m.message,
            component: m.component,
        }
    }
}

impl From<&Failure> for FailureMessage {
    fn from(f: &Failure) -> Self {
        Self {
            class_code: f.class.code(),
            grpc_code: f.grpc_code,
            http_code: f.http_code,
            // Past 584 years the delay saturates.
            retry_delay_ns: u64::try_from(f.retry_delay.as_nanos()).unwrap_or(u64::MAX),
            rejected_items: f.rejected_items,
            message: f.message.clone(),
            component: f.component.clone(),
        }
    }
}

/// Why one operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationError {
    /// What the caller may do.
    pub class: Class,
    /// What happened, in one sentence.
    pub message: String,
    /// The component or node where it happened; empty = not known.
    pub component: String,
    /// What is wrong with the configuration, key by key; may be empty.
    pub errors: Vec<PathError>,
}

/// What is wrong at one place of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathError {
    /// Relative to the component's configuration, joined as the Collector does:
    /// `nodes::0::attribute::actions`.
    pub path: String,
    /// What was found there, and what is expected.
    pub message: String,
}

/// The payload of an operation of ours that failed in the host.
#[derive(Deserialize)]
struct ErrorRead {
    #[serde(default)]
    message: String,
    #[serde(default)]
    component: String,
    #[serde(default)]
    errors: Option<Vec<PathError>>,
}

/// The payload of an operation that failed.
#[derive(Serialize)]
struct ErrorPayload<'a> {
    message: &'a str,
    component: &'a str,
    errors: &'a [PathError],
}

impl OperationError {
    /// An error of which only class and message are known.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            component: String::new(),
            errors: Vec::new(),
        }
    }

    /// A configuration that is wrong in the named places: permanent.
    pub fn invalid(message: impl Into<String>, errors: Vec<PathError>) -> Self {
        Self {
            errors,
            ..Self::new(Class::Permanent, message)
        }
    }

    /// Names where it happened.
    #[must_use]
    pub fn in_component(mut self, component: impl Into<String>) -> Self {
        self.component = component.into();
        self
    }

    /// From the JSON that crossed; what is no such JSON becomes the message.
    pub(crate) fn read(class: Class, payload: &[u8]) -> Self {
        match serde_json::from_slice::<ErrorRead>(payload) {
            Ok(read) => Self {
                class,
                message: read.message,
                component: read.component,
                errors: read.errors.unwrap_or_default(),
            },
            Err(error) => {
                let text = String::from_utf8_lossy(payload);
                Self::new(
                    class,
                    format!("an error that cannot be read ({error}): {text}"),
                )
            }
        }
    }

    /// The JSON that crosses.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let Self {
            message,
            component,
            errors,
            ..
        } = self;
        // Strings and a list of strings: nothing in it can fail to serialize.
        serde_json::to_vec(&ErrorPayload {
            message,
            component,
            errors,
        })
        .unwrap_or_else(|e| e.to_string().into_bytes())
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.component.is_empty() {
            write!(f, "{}: ", self.component)?;
        }
        f.write_str(&self.message)?;
        self.errors
            .iter()
            .try_for_each(|e| write!(f, "; {}: {}", e.path, e.message))
    }
}

impl std::error::Error for OperationError {}

impl From<Failure> for OperationError {
    fn from(f: Failure) -> Self {
        Self::new(f.class, f.message).in_component(f.component)
    }
}

impl From<OperationError> for Failure {
    fn from(e: OperationError) -> Self {
        let component = e.component.clone();
        let message = OperationError {
            component: String::new(),
            ..e.clone()
        }
        .to_string();
        Self::new(e.class, message).in_component(component)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failures() -> impl Strategy<Value = Failure> {
        let numbers = (
            0..7usize,
            any::<u32>(),
            any::<u32>(),
            any::<u64>(),
            any::<u64>(),
        );
        (numbers, ".*", ".*").prop_map(
            |((class, grpc, http, delay, rejected), message, component)| Failure {
                class: Class::ALL[class],
                grpc_code: grpc,
                http_code: http,
                retry_delay: Duration::from_nanos(delay),
                rejected_items: rejected,
                message,
                component,
            },
        )
    }

    proptest! {
        // Guarantees: a failure that crosses comes out equal.
        #[test]
        fn failure_survives_the_wire(failure in failures()) {
            prop_assert_eq!(Failure::from(FailureMessage::from(&failure)), failure);
        }

        // Guarantees: any text in an operation's error crosses as JSON.
        #[test]
        fn operation_error_survives_json(message: String, component: String, path: String, what: String) {
            let errors = vec![PathError { path: path.clone(), message: what.clone() }];
            let error = OperationError::invalid(message.clone(), errors).in_component(component.clone());
            let json: serde_json::Value = serde_json::from_slice(&error.payload()).unwrap();
            let want = serde_json::json!({
                "message": message, "component": component, "errors": [{"path": path, "message": what}],
            });
            prop_assert_eq!(json, want);
        }
    }

    // Guarantees: a number that is no class is never taken for success or for something to retry.
    #[test]
    fn unknown_class_is_internal() {
        for code in [0, 8, 100, u32::MAX] {
            assert_eq!(Class::from_code(code), Class::Internal);
        }
    }

    // Guarantees: a delay that does not fit is the longest one, not a short one.
    #[test]
    fn endless_delay_saturates() {
        let failure = Failure {
            retry_delay: Duration::MAX,
            ..Failure::new(Class::Retryable, "")
        };
        assert_eq!(FailureMessage::from(&failure).retry_delay_ns, u64::MAX);
    }

    // Guarantees: both languages use the same numbers and words.
    #[test]
    fn shared_codes_hold() {
        let codes: serde_json::Value = serde_json::from_str(include_str!("../vectors/codes.json"))
            .expect("vectors/codes.json");
        let ours: serde_json::Map<_, _> = Class::ALL
            .into_iter()
            .map(|c| (c.name().to_owned(), c.code().into()))
            .collect();
        assert_eq!(codes["classes"], serde_json::Value::Object(ours));
        let last: Vec<_> = Class::ALL.into_iter().filter(|c| c.is_final()).collect();
        let last: serde_json::Value = last.into_iter().map(Class::name).collect();
        assert_eq!(codes["final"], last);
    }
}
