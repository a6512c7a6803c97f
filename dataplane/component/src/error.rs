//! Why a component could not handle a batch: what its caller is told, and may do.

use std::fmt;
use std::time::Duration;

use strait_failure::{Class, Failure};

use crate::BatchError;

/// Why a batch was not handled. Nothing of it is lost on the way to the sender, in either language:
/// class, codes, delay and counts stay numbers.
///
/// ```
/// use std::time::Duration;
/// use strait_component::Error;
///
/// let full = Error::retryable("the quota is used up")
///     .http(429)
///     .retry_after(Duration::from_secs(7));
/// assert!(!full.is_permanent());
/// assert_eq!(full.http_code(), Some(429));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Failure>);

impl Error {
    /// An error that a retry does not cure: the same batch would fail again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Failure::new(Class::Permanent, message).into()
    }

    /// An error that a later attempt may not meet.
    pub fn retryable(message: impl Into<String>) -> Self {
        Failure::new(Class::Retryable, message).into()
    }

    pub(crate) fn cancelled() -> Self {
        Failure::new(Class::Cancelled, "the caller has cancelled the batch").into()
    }

    pub(crate) fn deadline() -> Self {
        Failure::new(Class::Deadline, "the batch's deadline has passed").into()
    }

    /// With the gRPC status code that the destination gave, such as 8 for resource exhausted.
    #[must_use]
    pub fn grpc(mut self, code: u32) -> Self {
        self.0.grpc_code = code;
        self
    }

    /// With the HTTP status code that the destination gave.
    #[must_use]
    pub fn http(mut self, code: u16) -> Self {
        self.0.http_code = code.into();
        self
    }

    /// With how long the destination asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_delay = delay;
        self
    }

    /// With how many items the destination rejected; it took the others. A sender in Rust hears the
    /// number. The Collector has no place for it, and answers no client with a success in part: say
    /// it in the message too.
    #[must_use]
    pub fn rejected(mut self, items: u64) -> Self {
        self.0.rejected_items = items;
        self
    }

    /// What the sender may do about it.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whether the sender must not offer the same batch again.
    pub fn is_permanent(&self) -> bool {
        self.0.class.is_final()
    }

    /// The gRPC status code; `None` where none is known.
    pub fn grpc_code(&self) -> Option<u32> {
        (self.0.grpc_code != 0).then_some(self.0.grpc_code)
    }

    /// The HTTP status code; `None` where none is known.
    pub fn http_code(&self) -> Option<u16> {
        let code = u16::try_from(self.0.http_code).ok()?;
        (code != 0).then_some(code)
    }

    /// How long to wait before the next attempt; `None` where the destination did not say.
    pub fn retry_delay(&self) -> Option<Duration> {
        (!self.0.retry_delay.is_zero()).then_some(self.0.retry_delay)
    }

    /// How many items were rejected; 0 is all, or not known.
    pub fn rejected_items(&self) -> u64 {
        self.0.rejected_items
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The component downstream where it happened; empty where it is this one.
    pub fn component(&self) -> &str {
        &self.0.component
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        *error.0
    }
}

/// A batch that cannot be edited does not become editable by a retry.
impl From<BatchError> for Error {
    fn from(error: BatchError) -> Self {
        Self::permanent(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: what an author says is in the failure that crosses, number by number, and comes
    // back from it.
    #[test]
    fn everything_said_crosses() {
        let error = Error::retryable("full")
            .grpc(8)
            .http(429)
            .retry_after(Duration::from_secs(7))
            .rejected(3);
        let failure = Failure::from(error.clone());
        assert_eq!(
            failure,
            Failure {
                grpc_code: 8,
                http_code: 429,
                retry_delay: Duration::from_secs(7),
                rejected_items: 3,
                ..Failure::new(Class::Retryable, "full")
            }
        );
        let back = Error::from(failure.at("otlp/backend"));
        assert_eq!(back.component(), "otlp/backend");
        assert_eq!(back.to_string(), "otlp/backend: full");
        assert_eq!((back.grpc_code(), back.http_code()), (Some(8), Some(429)));
        assert_eq!(back.retry_delay(), error.retry_delay());
        assert_eq!(back.rejected_items(), 3);
    }

    // Guarantees: what was not said is none, not a zero that looks like a code.
    #[test]
    fn nothing_said_is_none() {
        let error = Error::permanent("no");
        assert!(error.is_permanent() && error.message() == "no");
        assert_eq!((error.grpc_code(), error.http_code()), (None, None));
        assert_eq!((error.retry_delay(), error.rejected_items()), (None, 0));
    }
}
