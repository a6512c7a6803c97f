//! How a call or an egress batch failed: the one error structure of both languages.
//!
//! What the engine's nack cannot hold (class, codes, the component that failed) is kept in a
//! [`Failure`] beside it, by call id, and travels over the control channel. The numbers of
//! [`Class`] are part of the control protocol.

use std::fmt;

/// What a caller may conclude from a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Class {
    /// The data can never pass; a retry would fail the same way.
    Permanent = 1,
    /// A later try may pass.
    #[default]
    Retryable = 2,
    /// Not accepted now, for lack of memory or space; nothing was done.
    Refused = 3,
    /// The caller gave up.
    Cancelled = 4,
    /// The deadline passed first.
    Deadline = 5,
    /// The unit or lane is not running.
    Unavailable = 6,
    /// A defect on our side.
    Internal = 7,
}

impl Class {
    /// The class of a control-protocol number; an unknown number is [`Class::Internal`].
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Permanent,
            2 => Self::Retryable,
            3 => Self::Refused,
            4 => Self::Cancelled,
            5 => Self::Deadline,
            6 => Self::Unavailable,
            _ => Self::Internal,
        }
    }

    /// The number in the control protocol.
    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    /// Whether the engine must not offer the same data again: it would fail the same way, or
    /// nobody waits for it any more. The control channel's rule for the same classes.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Permanent | Self::Cancelled | Self::Deadline | Self::Internal
        )
    }
}

/// One failure. Codes are 0 when there is none; times in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What the caller may conclude.
    pub class: Class,
    /// gRPC status code, 0 = none.
    pub grpc_code: u32,
    /// HTTP status code, 0 = none.
    pub http_code: u32,
    /// Wait at least this long before the next try, 0 = not said.
    pub retry_delay_ns: u64,
    /// Items that were refused of a batch that otherwise passed, 0 = not said.
    pub rejected_items: u64,
    /// What happened, for people.
    pub message: String,
    /// The component or node that failed; empty = the unit as a whole.
    pub component: String,
}

impl Failure {
    /// A failure of `class` with `message`, naming no component.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            ..Self::default()
        }
    }

    /// The same failure, naming `component`.
    #[must_use]
    pub fn at(mut self, component: impl Into<String>) -> Self {
        self.component = component.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.component.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.component, self.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_codes_round_trip() {
        for code in 1..=7 {
            assert_eq!(Class::from_code(code).code(), code);
        }
        assert_eq!(Class::from_code(99), Class::Internal);
    }
}
