//! Why a component does not get what it asks of its Collector, or an extension cannot give it.

use std::fmt;

use strait_failure::{Class, Failure};

use crate::Error;

/// Why an extension could not do what it was asked to, or the Collector what a component asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionError {
    kind: ErrorKind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorKind {
    Failed,
    Unavailable,
    Unauthenticated,
}

impl ExtensionError {
    /// It will not work without a change.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// It does not work now, and may later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The request does not say who it comes from, or nobody who may send it.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, message)
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Whether it may work later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// Whether a request was refused for who it comes from.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.kind == ErrorKind::Unauthenticated
    }

    /// What happened, where, and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExtensionError {}

impl From<std::io::Error> for ExtensionError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// What a batch is told that needed the answer: one that may come later may be asked for again.
impl From<ExtensionError> for Error {
    fn from(error: ExtensionError) -> Self {
        let class = match error.kind {
            ErrorKind::Failed | ErrorKind::Unauthenticated => Class::Permanent,
            ErrorKind::Unavailable => Class::Unavailable,
        };
        Failure::new(class, error.message).into()
    }
}
