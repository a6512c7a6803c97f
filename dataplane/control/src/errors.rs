//! Errors on the wire: [`OperationError`] for an operation, and the bytes in which a batch's
//! [`Failure`] crosses.
//!
//! Guarantees that a failure comes out as it went in: its numbers cross as numbers. `failure.go`
//! and `operation.go` are the same in Go; `vectors/codes.json` is read by both. What the numbers
//! mean to the Collector or to the engine is said on their sides.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strait_failure::{Class, Failure};

use crate::idl::FailureMessage;

/// On the wire: not an error. Only in the end of an operation.
pub(crate) const CLASS_OK: u32 = 0;

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
    pub fn at(mut self, component: impl Into<String>) -> Self {
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
        Self::new(f.class, f.message).at(f.component)
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
        Self::new(e.class, message).at(component)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use strum::VariantArray;

    fn failures() -> impl Strategy<Value = Failure> {
        let numbers = (
            prop::sample::select(Class::VARIANTS),
            any::<u32>(),
            any::<u32>(),
            any::<u64>(),
            any::<u64>(),
        );
        (numbers, ".*", ".*").prop_map(
            |((class, grpc, http, delay, rejected), message, component)| Failure {
                class,
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
        fn operation_error_survives_json(
            message: String, component: String, path: String, what: String,
        ) {
            let errors = vec![PathError { path: path.clone(), message: what.clone() }];
            let error = OperationError::invalid(message.clone(), errors).at(component.clone());
            let json: serde_json::Value = serde_json::from_slice(&error.payload()).unwrap();
            let errors = serde_json::json!([{"path": path, "message": what}]);
            let want = serde_json::json!({
                "message": message, "component": component, "errors": errors,
            });
            prop_assert_eq!(json, want);
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
}
